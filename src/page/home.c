/* The first page: the network in a sentence and a few counts, and its tasks. */
#include <stdio.h>

#include "page/bars.h"
#include "page/frame.h"

#define DOWN_TOLD_MAX 5 /* in the sentence; the table has all */

/* The first of those that are down, each with its link. */
static void
down_ones(struct html *h, const struct profile_list *l)
{
	char link[TASK_ID_MAX + 8];
	size_t i, n = 0;

	for (i = 0; i < l->n && n < DOWN_TOLD_MAX; i++) {
		if (l->tasks[i].state != PROFILE_DOWN)
			continue;
		html_text(h, n++ == 0 ? "" : ", ");
		(void)snprintf(
		    link, sizeof(link), "/task/%s", l->tasks[i].name);
		html_link(h, link, l->tasks[i].name);
	}
	html_text(h, ".");
}

static void
sentence(struct html *h, const struct activity *a, const struct profile_list *l)
{
	size_t i, down = 0, up = 0;

	for (i = 0; i < l->n; i++) {
		up += l->tasks[i].state == PROFILE_UP;
		down += l->tasks[i].state == PROFILE_DOWN;
	}
	html_open(h, "p",
	    down > 0	  ? "sentence down"
		: up == 0 ? "sentence unsure"
			  : "sentence");
	html_attribute(h, "data-part", "sentence");
	if (down > 0) {
		html_number(h, (int64_t)down);
		html_text(h,
		    down == 1 ? " task here is down: "
			      : " tasks here are down: ");
		down_ones(h, l);
	} else if (a->tasks_active == 0) {
		html_text(h, "No task is active.");
	} else if (up == 0) {
		html_text(h, "Of no task here it is known how it is.");
	} else if (up == l->n) {
		html_text(h, "All tasks here are up.");
	} else {
		html_text(h, "No outage is confirmed: ");
		html_number(h, (int64_t)up);
		html_text(h, " of ");
		html_number(h, (int64_t)l->n);
		html_text(h, " tasks here are up.");
	}
	if (l->more)
		html_text(h, " More tasks are behind these, on the next page.");
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
	if (a->log_entries > 0)
		count(h, "Entries of the transparency log", a->log_entries,
		    false);
	html_close(h);
	if (a->log_entries > 0) {
		html_open(h, "p", "note");
		html_text(h, "The log's last checkpoint was seen at ");
		html_time(h, a->log_ms);
		html_text(h, ".");
		html_close(h);
	}
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

static void
task(struct html *h, const struct profile *p)
{
	char link[TASK_ID_MAX + 8];
	struct uptime_figures f;

	(void)snprintf(link, sizeof(link), "/task/%s", p->name);
	uptime_figures(&f, &p->report.all.time);
	html_open(h, "tr", NULL);
	html_open(h, "th", NULL);
	html_attribute(h, "scope", "row");
	html_link(h, link, p->name);
	html_close(h);
	frame_state(h, "td", p->state);
	html_open(h, "td", "bars");
	bars_write(h, p->days);
	html_close(h);
	frame_headline(h, &f);
	frame_figure(h, f.coverage);
	html_element(h, "td", "text", p->region[0] == '\0' ? "any" : p->region);
	html_open(h, "td", NULL);
	html_span(h, p->interval_ms);
	html_close(h);
	html_close(h);
}

static void
tasks(struct html *h, const struct profile_list *l)
{
	static const char *const titles[] = { "Task", "Now", "90 days",
		"#Uptime", "#Coverage", "Region", "Checked every", NULL };
	char next[TASK_ID_MAX + 16];
	size_t i;

	html_open(h, "div", NULL);
	html_attribute(h, "id", "tasks");
	html_attribute(h, "data-part", "tasks");
	frame_table(h, "Tasks", titles);
	for (i = 0; i < l->n; i++)
		task(h, &l->tasks[i]);
	frame_table_end(h);
	html_close(h);
	bars_legend(h);
	if (!l->more)
		return;
	(void)snprintf(
	    next, sizeof(next), "/?after=%s", l->tasks[l->n - 1].name);
	html_open(h, "p", NULL);
	html_link(h, next, "More tasks");
	html_close(h);
}

void
page_home(struct buf *out, const struct page_site *site,
    const struct activity *a, const struct profile_list *l)
{
	char json[PREFIX_MAX + 16], list[PREFIX_MAX + 16];
	const struct frame_other others[] = {
		{ "application/json", json, "The network" },
		{ "application/json", list, "Tasks" },
		{ "application/atom+xml", "/feed.atom", "Incidents" },
		{ NULL, NULL, NULL },
	};
	struct html h;

	(void)snprintf(json, sizeof(json), "%s/v1/network", site->api);
	(void)snprintf(list, sizeof(list), "%s/v1/tasks", site->api);
	frame_begin_with(&h, out, "worknet", others);
	sentence(&h, a, l);
	if (l->n == 0)
		html_element(&h, "p", NULL, "There are no tasks here.");
	else
		tasks(&h, l);
	html_element(&h, "h2", NULL, "The network");
	frame_part(&h, "network");
	counts(&h, a);
	html_close(&h);
	html_open(&h, "p", "note");
	html_text(&h,
	    "A check is one worker's word, signed by it. A worker's own page is /worker/ and its address. ");
	html_link(&h, "/feed.atom", "Incidents (Atom)");
	html_text(&h, ", ");
	html_link(&h, "/feed.json", "JSON Feed");
	html_text(&h, ", ");
	html_link(&h, "/maintenance.ics", "maintenance (iCalendar)");
	html_text(&h, ".");
	html_close(&h);
	frame_script(&h, "/again.js");
	frame_script(&h, "/home.js");
	frame_end(&h, l->now_ms);
}
