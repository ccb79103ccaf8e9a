/* The first page: the network in a sentence and a few counts, and its tasks. */
#include <stdio.h>

#include "page/frame.h"

static void
sentence(struct html *h, const struct activity *a)
{
	size_t i, down = 0, up = 0;

	for (i = 0; i < a->tasks_n; i++) {
		up += !a->tasks[i].paused && a->tasks[i].checked_ms > 0 &&
		    a->tasks[i].up;
		down += !a->tasks[i].paused && a->tasks[i].checked_ms > 0 &&
		    !a->tasks[i].up;
	}
	html_open(h, "p", down > 0 ? "sentence down" : "sentence");
	if (a->tasks_active == 0)
		html_text(h, "No task is active.");
	else if (up + down == 0)
		html_text(h, "Nothing here was checked lately.");
	else if (down == 0)
		html_text(h,
		    "Every task here that was checked lately was up at its last check.");
	else {
		html_number(h, (int64_t)down);
		html_text(h, " of ");
		html_number(h, (int64_t)(up + down));
		html_text(h,
		    " tasks here that were checked lately were down at their last check.");
	}
	html_close(h);
}

static void
count(struct html *h, const char *what, int64_t n, bool least)
{
	html_open(h, "div", NULL);
	html_element(h, "dt", NULL, what);
	html_open(h, "dd", NULL);
	html_number(h, n);
	if (least)
		html_text(h, " or more");
	html_close(h);
	html_close(h);
}

static void
counts(struct html *h, const struct activity *a)
{
	size_t i;

	html_open(h, "dl", "counts");
	count(h, "Workers paid in the last hour", a->workers, false);
	count(h, "Networks they came from", a->networks, false);
	count(h, "Checks paid today (UTC)", a->checks_today,
	    a->checks_today == ACTIVITY_RESULTS_MAX);
	count(h, "Tasks active", a->tasks_active, false);
	count(h, "Tasks paused", a->tasks_paused, false);
	html_close(h);
	if (a->regions_n == 0)
		return;
	html_open(h, "p", NULL);
	html_text(h, "Workers by region: ");
	for (i = 0; i < a->regions_n; i++) {
		html_text(h, i == 0 ? "" : ", ");
		html_text(h, a->regions[i].name);
		html_text(h, " ");
		html_number(h, a->regions[i].workers);
	}
	html_text(h, ".");
	html_close(h);
}

/* In a word and a sign, besides the colour. */
static void
state(struct html *h, const struct activity_task *t)
{
	if (t->paused)
		html_element(h, "td", "paused", "\u2016 paused");
	else if (t->checked_ms == 0)
		html_element(h, "td", "unknown", "? not lately");
	else if (t->up)
		html_element(h, "td", "up", "\u2713 up");
	else
		html_element(h, "td", "down", "\u2717 down");
}

static void
tasks(struct html *h, const struct activity *a)
{
	static const char *const titles[] = { "Task", "Last check", "At",
		"Region", "Checked every", NULL };
	char next[TASK_ID_MAX + 16];
	const struct activity_task *t;
	size_t i;

	frame_table(h, "Tasks", titles);
	for (i = 0; i < a->tasks_n; i++) {
		t = &a->tasks[i];
		html_open(h, "tr", NULL);
		html_open(h, "th", NULL);
		html_attribute(h, "scope", "row");
		html_text(h, t->name);
		html_close(h);
		state(h, t);
		html_open(h, "td", NULL);
		html_time(h, t->checked_ms);
		html_close(h);
		frame_cell(h, t->region[0] == '\0' ? "any" : t->region);
		html_open(h, "td", NULL);
		html_span(h, t->interval_ms);
		html_close(h);
		html_close(h);
	}
	frame_table_end(h);
	if (!a->more)
		return;
	(void)snprintf(
	    next, sizeof(next), "/?after=%s", a->tasks[a->tasks_n - 1].name);
	html_open(h, "p", NULL);
	html_link(h, next, "More tasks");
	html_close(h);
}

void
page_home(
    struct buf *out, const struct page_site *site, const struct activity *a)
{
	char json[PREFIX_MAX + 16];
	struct html h;

	(void)snprintf(json, sizeof(json), "%s/v1/network", site->api);
	frame_begin(&h, out, "worknet", json);
	sentence(&h, a);
	counts(&h, a);
	if (a->tasks_n == 0)
		html_element(&h, "p", NULL, "There are no tasks here.");
	else
		tasks(&h, a);
	html_element(&h, "p", "note",
	    "A check is one worker's word, signed by it. A worker's own page is /worker/ and its address.");
	frame_end(&h, a->now_ms);
}
