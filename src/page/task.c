/* A task's page: how it is, how that is known, and how to verify it. */
#include <stdio.h>
#include <string.h>

#include "page/bars.h"
#include "page/chart.h"
#include "page/frame.h"

static const char *
state_why(enum profile_state s)
{
	static const char *const texts[] = {
		[PROFILE_UP] = ", by its last checks that are complete.",
		[PROFILE_DOWN] = ": different networks confirm it.",
		[PROFILE_UNCONFIRMED] =
		    ": by its last checks alone, which may be a worker's trouble.",
		[PROFILE_DISPUTED] = ": its last checks contradict each other.",
		[PROFILE_UNKNOWN] = ": there are too few checks.",
		[PROFILE_MAINTENANCE] = ", as it was announced.",
		[PROFILE_PAUSED] = ": it isn't checked.",
	};

	return texts[s];
}

static void
sentence(struct html *h, const struct profile *p)
{
	html_open(h, "p",
	    p->state == PROFILE_UP ? "sentence"
		: p->state == PROFILE_DOWN || p->state == PROFILE_UNCONFIRMED
		? "sentence down"
		: "sentence unsure");
	frame_state(h, "strong", p->state);
	html_text(h, state_why(p->state));
	html_close(h);
}

static void
window(struct html *h, const char *name, const struct report_time *t)
{
	struct uptime_figures f;

	uptime_figures(&f, &t->time);
	html_open(h, "tr", NULL);
	html_open(h, "th", NULL);
	html_attribute(h, "scope", "row");
	html_text(h, name);
	html_close(h);
	frame_headline(h, &f);
	frame_figure(h, f.at_least);
	frame_figure(h, f.at_most);
	frame_figure(h, f.coverage);
	html_close(h);
}

/* The newest first; a script tells them where the pointer is on the bars. */
static void
days_table(struct html *h, const struct uptime_report *r)
{
	static const char *const titles[] = { "Day (UTC)", "#Uptime",
		"#At least", "#At most", "#Coverage", NULL };
	char name[HTML_TIME_MAX];
	size_t i;

	html_open(h, "details", NULL);
	html_attribute(h, "id", "days");
	html_element(h, "summary", NULL, "Each day as a table");
	frame_table(h, "Uptime of each day", titles);
	for (i = r->days_n; i-- > 0;) {
		html_time_text(
		    name, (r->from_ms / DAY_MS + (int64_t)i) * DAY_MS);
		name[strlen("2026-01-31")] = '\0';
		window(h, name, &r->days[i]);
	}
	frame_table_end(h);
	html_close(h);
}

static void
figures(struct html *h, const struct profile *p)
{
	static const char *const titles[] = { "Last", "#Uptime", "#At least",
		"#At most", "#Coverage", NULL };
	const struct uptime_report *r = &p->report;
	char name[24];
	size_t i;

	html_element(h, "h2", NULL, "Uptime");
	bars_write(h, p->days);
	bars_legend(h);
	frame_table(h, "Uptime between its bounds", titles);
	for (i = 0; i < REPORT_RECENTS; i++) {
		(void)snprintf(name, sizeof(name), "%d %s",
		    (int)report_recent_days(i),
		    report_recent_days(i) == 1 ? "day" : "days");
		window(h, name, &r->recent[i]);
	}
	(void)snprintf(name, sizeof(name), "%zu days",
	    (size_t)((r->to_ms - r->from_ms) / DAY_MS));
	window(h, name, &r->all);
	frame_table_end(h);
	days_table(h, r);
	html_element(h, "p", "note",
	    "At least and at most: if all that wasn't seen was down, or up. Coverage is how much was seen. An outage counts as down once different networks confirm it.");
}

static void
facts(struct html *h, const struct profile *p)
{
	const struct report_time *t = &p->report.all;

	html_element(h, "h2", NULL, "How it is checked");
	html_open(h, "dl", "facts");
	frame_fact(h, "Checked every");
	html_span(h, p->interval_ms);
	frame_fact_end(h);
	frame_fact(h, "Each time by");
	html_number(h, p->copies);
	html_text(
	    h, p->copies == 1 ? " worker" : " workers of different networks");
	frame_fact_end(h);
	frame_fact(h, "From");
	html_text(h, p->region[0] == '\0' ? "any region" : p->region);
	frame_fact_end(h);
	frame_fact(h, "Results that counted");
	html_number(h, t->votes);
	html_text(h, " of ");
	html_number(h, t->copies);
	frame_fact_end(h);
	frame_fact(h, "Signed in rounds, with all they say");
	html_number(h, t->in_rounds);
	html_text(h, " of these; the others alone");
	frame_fact_end(h);
	frame_fact(h, "Contradicted by the others");
	html_number(h, t->dissents);
	frame_fact_end(h);
	frame_fact(h, "Counted to");
	html_time(h, p->report.counted_ms);
	frame_fact_end(h);
	html_close(h);
}

static void
incident(struct html *h, const struct profile_incident *i, int64_t counted_ms)
{
	int64_t end_ms = i->to_ms == INT64_MAX ? counted_ms : i->to_ms;
	size_t k;

	html_open(h, "tr", NULL);
	frame_cell_time(h, i->from_ms);
	if (i->to_ms == INT64_MAX)
		html_element(h, "td", "down", "\u2717 it goes on");
	else
		frame_cell_time(h, i->to_ms);
	html_open(h, "td", NULL);
	html_span(h, end_ms > i->from_ms ? end_ms - i->from_ms : 0);
	html_close(h);
	frame_cell(h,
	    i->names.planned		  ? "announced"
		: i->ended == UPTIME_LOST ? "nothing was known after it"
					  : incident_ended(i->ended));
	html_open(h, "td", "hash");
	html_number(h, (int64_t)i->networks_n);
	html_text(h, i->networks_n == 1 ? " network:" : " networks:");
	for (k = 0; k < i->names.n; k++) {
		html_text(h, " ");
		html_text(h, i->names.names[k]);
	}
	html_close(h);
	html_close(h);
}

static void
incidents(struct html *h, const struct page_task *t)
{
	static const char *const titles[] = { "From", "To", "Lasted", "Ended",
		"Confirmed by", NULL };
	size_t i;

	html_element(h, "h2", NULL, "Incidents");
	if (t->incidents_n == 0) {
		html_element(
		    h, "p", NULL, "No outage was confirmed in these days.");
		return;
	}
	frame_table(h, "Outages that different networks confirmed", titles);
	for (i = 0; i < t->incidents_n; i++)
		incident(h, &t->incidents[i], t->profile->report.counted_ms);
	frame_table_end(h);
	html_element(h, "p", "note",
	    "A network's name is for one day: it shows whether two are the same.");
}

static void
check(struct html *h, const struct profile_check *c)
{
	char link[ADDRESS_LEN + 16];

	html_open(h, "tr", NULL);
	frame_cell_time(h, c->at_ms);
	frame_state(h, "td", c->up ? PROFILE_UP : PROFILE_DOWN);
	html_open(h, "td", "number");
	if (c->status >= 0)
		html_number(h, c->status);
	else
		html_text(h, "no answer");
	html_close(h);
	html_open(h, "td", "number");
	if (c->response_ms >= 0) {
		html_number(h, c->response_ms);
		html_text(h, " ms");
	} else {
		html_text(h, "-");
	}
	html_close(h);
	html_open(h, "td", "hash");
	(void)snprintf(link, sizeof(link), "/worker/%s", c->worker);
	html_link(h, link, c->worker);
	html_close(h);
	html_close(h);
}

static void
checks(struct html *h, const struct page_task *t)
{
	static const char *const titles[] = { "At", "Saw", "#Status", "#Took",
		"Signed by", NULL };
	size_t i;

	html_element(h, "h2", NULL, "Last checks");
	if (t->checks_n == 0) {
		html_element(h, "p", NULL,
		    "None among the newest of this network that are complete.");
		return;
	}
	frame_table(h, "Its last checks, each signed by who made it", titles);
	for (i = 0; i < t->checks_n; i++)
		check(h, &t->checks[i]);
	frame_table_end(h);
	html_element(h, "p", "note",
	    "They are shown once nobody can report for the same cycle any more. Some may test the worker and not the task; these count in no figure.");
}

static void
announced(struct html *h, const struct page_task *t)
{
	static const char *const titles[] = { "From", "To", "Announced", "Why",
		NULL };
	const struct profile_announced *a;
	size_t i;

	html_element(h, "h2", NULL, "Maintenance");
	if (t->announced_n == 0) {
		html_element(h, "p", NULL, "None is announced.");
		return;
	}
	frame_table(h, "Announced outages", titles);
	for (i = 0; i < t->announced_n; i++) {
		a = &t->announced[i];
		html_open(h, "tr", NULL);
		frame_cell_time(h, a->from_ms);
		frame_cell_time(h, a->to_ms);
		html_open(h, "td", NULL);
		html_time(h, a->noted_ms);
		if (!a->counts)
			html_text(h, ": too late to count");
		html_close(h);
		html_element(h, "td", "text", a->why);
		html_close(h);
	}
	frame_table_end(h);
}

static void
evidence(struct html *h, const struct page_site *site, const struct profile *p)
{
	char text[URL_MAX + 2 * TASK_ID_MAX + 300];

	html_element(h, "h2", NULL, "Verify it");
	html_element(h, "p", NULL,
	    "Each result is signed by its worker. Where the operator keeps the transparency log, it has each hour of this task, and nothing of them can be left out or rewritten unseen. Ask the operator for an export, and verify it anywhere, without this server:");
	(void)snprintf(text, sizeof(text),
	    "curl %s/evidence/checkpoint\n"
	    "worknet export --task %s --from DAY --to DAY DIR\n"
	    "worknet verify DIR --policy FILE\n",
	    frame_origin(site), p->name);
	html_element(h, "pre", NULL, text);
	html_element(h, "p", "note",
	    "The method is " UPTIME_METHOD
	    ", doc/uptime of the source. worknet report --task gives the operator the same figures.");
}

static void
elsewhere(struct html *h, const struct page_site *site, const struct profile *p)
{
	char url[TASK_ID_MAX + 40], text[2 * URL_MAX + 3 * TASK_ID_MAX + 100];

	html_element(h, "h2", NULL, "Elsewhere");
	html_open(h, "p", NULL);
	html_open(h, "img", NULL);
	(void)snprintf(url, sizeof(url), "/task/%s/badge.svg", p->name);
	html_attribute(h, "src", url);
	html_attribute(h, "alt", "Badge of the uptime of the last 30 days");
	html_close(h);
	html_close(h);
	(void)snprintf(text, sizeof(text),
	    "<a href=\"%s/task/%s\"><img src=\"%s/task/%s/badge.svg\" alt=\"uptime\"></a>\n",
	    frame_origin(site), p->name, frame_origin(site), p->name);
	html_element(h, "pre", NULL, text);
	html_open(h, "p", NULL);
	(void)snprintf(url, sizeof(url), "/task/%s/feed.atom", p->name);
	html_link(h, url, "Incidents (Atom)");
	html_text(h, ", ");
	(void)snprintf(url, sizeof(url), "/task/%s/feed.json", p->name);
	html_link(h, url, "the same as JSON Feed");
	html_text(h, ", ");
	(void)snprintf(url, sizeof(url), "/task/%s/maintenance.ics", p->name);
	html_link(h, url, "maintenance (iCalendar)");
	html_text(h, ", ");
	(void)snprintf(url, sizeof(url), "/task/%s/badge.json", p->name);
	html_link(h, url, "the badge for shields.io");
	html_text(h, ".");
	html_close(h);
}

void
page_task(
    struct buf *out, const struct page_site *site, const struct page_task *t)
{
	const struct profile *p = t->profile;
	char json[PREFIX_MAX + TASK_ID_MAX + 16], atom[TASK_ID_MAX + 24];
	struct frame_other others[] = {
		{ "application/json", json, NULL },
		{ "application/atom+xml", atom, "Incidents" },
		{ NULL, NULL, NULL },
	};
	struct html h;

	(void)snprintf(json, sizeof(json), "%s/v1/task/%s", site->api, p->name);
	(void)snprintf(atom, sizeof(atom), "/task/%s/feed.atom", p->name);
	frame_begin_with(&h, out, p->name, others);
	frame_part(&h, "figures");
	sentence(&h, p);
	figures(&h, p);
	html_close(&h);
	chart_write(&h, site, p, &t->responses);
	frame_script(&h, "/task.js");
	frame_script(&h, "/again.js");
	frame_part(&h, "lists");
	facts(&h, p);
	incidents(&h, t);
	checks(&h, t);
	announced(&h, t);
	html_close(&h);
	evidence(&h, site, p);
	elsewhere(&h, site, p);
	frame_end(&h, t->now_ms);
}
