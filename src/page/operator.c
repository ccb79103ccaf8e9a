/* What the operator looks at: worknet status as a page, and what waits. */
#include <stdio.h>
#include <string.h>

#include "page/frame.h"

enum kind { COUNT, USDC, TIME, KIB };

static void
fact(struct html *h, const char *what, int64_t n, enum kind kind)
{
	frame_fact(h, what);
	switch (kind) {
	case COUNT:
		html_number(h, n);
		break;
	case USDC:
		html_usdc(h, n);
		html_text(h, " USDC");
		break;
	case TIME:
		html_time(h, n);
		break;
	case KIB:
		html_number(h, n / 1024);
		html_text(h, " KiB");
		break;
	}
	frame_fact_end(h);
}

static void
warnings(struct html *h, const struct warnings *ws)
{
	enum severity severity;
	size_t i;

	if (ws->n == 0) {
		html_element(h, "p", "sentence", "\u2713 No warnings.");
		return;
	}
	for (severity = SEVERITY_CRITICAL; severity > SEVERITY_OK; severity--)
		for (i = 0; i < ws->n; i++) {
			if (ws->all[i].severity != severity)
				continue;
			html_open(h, "p",
			    severity == SEVERITY_CRITICAL ? "sentence down"
							  : "sentence unsure");
			html_element(
			    h, "strong", NULL, severity_name(severity));
			html_text(h, ": ");
			html_text(h, ws->all[i].text);
			html_close(h);
		}
}

static void
money(struct html *h, const struct status *s)
{
	html_element(h, "h2", NULL, "Money");
	html_open(h, "dl", "facts");
	fact(h, "Owed in all", s->owed_micros, USDC);
	fact(h, "In flight", s->in_flight_micros, USDC);
	fact(h, "Payouts open", s->payouts_open, COUNT);
	fact(h, "Open payouts' sum", s->payouts_open_micros, USDC);
	fact(h, "Payouts unresolved", s->unresolved, COUNT);
	fact(h, "Oldest unresolved", s->oldest_unresolved_ms, TIME);
	fact(h, "Last payout run", s->run.id != 0 ? s->run.began_ms : 0, TIME);
	fact(h, "It ended", s->run.ended_ms, TIME);
	frame_fact(h, "Its code");
	if (s->run.ended_ms != 0)
		html_number(h, s->run.exit_code);
	else
		html_text(h, "-");
	frame_fact_end(h);
	fact(h, "A day costs at most", s->network.day_micros, USDC);
	html_close(h);
}

static void
work(struct html *h, const struct status *s)
{
	const struct network_sums *n = &s->network;

	html_element(h, "h2", NULL, "Work");
	html_open(h, "dl", "facts");
	fact(h, "Tasks active", s->tasks_active, COUNT);
	fact(h, "Tasks paused", s->tasks_paused, COUNT);
	fact(h, "Tasks removed", s->tasks_removed, COUNT);
	fact(h, "Workers active", s->workers_active, COUNT);
	fact(h, "Workers suspended", s->workers_suspended, COUNT);
	fact(h, "Results in the last hour", s->results_hour, COUNT);
	fact(h, "Results in the last day", s->results_day, COUNT);
	fact(h, "Of these signed in rounds", s->rounds_day, COUNT);
	fact(h, "Last transfer", s->last_result_ms, TIME);
	fact(h, "Slots given", n->given, COUNT);
	fact(h, "Slots paid", n->paid, COUNT);
	fact(h, "Slots paid to others", n->late, COUNT);
	fact(h, "Slots unanswered", n->silent, COUNT);
	fact(h, "Addresses at work", n->workers, COUNT);
	fact(h, "Networks at work", n->networks, COUNT);
	fact(h, "Drills in the last day", n->drills, COUNT);
	fact(h, "Drills failed", n->drills_wrong, COUNT);
	fact(h, "Cycles compared", n->compared, COUNT);
	fact(h, "Cycles contradicted", n->contradicted, COUNT);
	fact(h, "Witnesses' slots", n->witness_slots, COUNT);
	fact(h, "Results that they contradict", n->seen_wrong, COUNT);
	html_close(h);
}

static void
coverage(struct html *h, const struct coverage *c)
{
	static const char *const titles[] = { "Task", "#Cycles", "#Checked",
		"#Copies", "#Paid", NULL };
	char link[TASK_ID_MAX + 8];
	size_t i;

	html_element(h, "h2", NULL, "Coverage of the last hour");
	html_open(h, "dl", "facts");
	fact(h, "Cycles opened", c->opened, COUNT);
	fact(h, "Cycles checked", c->checked, COUNT);
	fact(h, "Copies opened", c->copies, COUNT);
	fact(h, "Copies paid", c->paid, COUNT);
	html_close(h);
	if (c->worst_n == 0)
		return;
	frame_table(h, "The tasks that miss most", titles);
	for (i = 0; i < c->worst_n; i++) {
		html_open(h, "tr", NULL);
		html_open(h, "th", NULL);
		html_attribute(h, "scope", "row");
		(void)snprintf(
		    link, sizeof(link), "/task/%s", c->worst[i].name);
		html_link(h, link, c->worst[i].name);
		html_close(h);
		frame_cell_number(h, c->worst[i].opened);
		frame_cell_number(h, c->worst[i].checked);
		frame_cell_number(h, c->worst[i].copies);
		frame_cell_number(h, c->worst[i].paid);
		html_close(h);
	}
	frame_table_end(h);
}

/* The rows of a list: a time, and its fields in that order. */
static void
list(struct html *h, const char *heading, const char *none, const char *caption,
    const char *const *titles, const struct overview_list *l, const int *fields)
{
	const struct overview_row *r;
	size_t i, k;

	html_element(h, "h2", NULL, heading);
	if (l->n == 0) {
		html_element(h, "p", NULL, none);
		return;
	}
	frame_table(h, caption, titles);
	for (i = 0; i < l->n; i++) {
		r = &l->rows[i];
		html_open(h, "tr", NULL);
		frame_cell_time(h, r->at_ms);
		for (k = 0; k < OVERVIEW_FIELDS && fields[k] >= 0; k++)
			html_element(h, "td",
			    strlen(r->text[fields[k]]) == ADDRESS_LEN ? "hash"
								      : "text",
			    r->text[fields[k]]);
		html_close(h);
	}
	frame_table_end(h);
	if (l->all > (int64_t)l->n) {
		html_open(h, "p", "note");
		html_text(h, "These are the first of ");
		html_number(h, l->all);
		html_text(h, ".");
		html_close(h);
	}
}

static void
lists(struct html *h, const struct overview *o)
{
	list(h, "Findings", "None is open.",
	    "What payout runs found: worknet finding close ID, after a look",
	    (const char *const[]){
		"At", "ID", "Kind", "Meaning", "Subject", "Detail", NULL },
	    &o->findings, (const int[]){ 3, 0, 4, 1, 2 });
	list(h, "Holds", "Nobody is held.",
	    "Whose payouts are held: worknet payout release",
	    (const char *const[]){ "Since", "Who", "By", "Why", NULL },
	    &o->holds, (const int[]){ 0, 1, 2, -1 });
	list(h, "Who asks to be admitted", "Nobody does.",
	    "Who signed that it wants to work: worknet worker admit ADDRESS",
	    (const char *const[]){
		"Asked", "Address", "Region", "Network", NULL },
	    &o->requests, (const int[]){ 0, 1, 2, -1 });
}

static void
machine(struct html *h, const struct status *s, const struct page_process *p)
{
	html_element(h, "h2", NULL, "This coordinator");
	html_open(h, "dl", "facts");
	frame_fact(h, "Version");
	html_text(h, PACKAGE_VERSION);
	frame_fact_end(h);
	fact(h, "Serves since", p->began_ms, TIME);
	frame_fact(h, "Files shut in");
	html_text(h, p->landlock > 0 ? "by Landlock" : "no: by nothing");
	frame_fact_end(h);
	frame_fact(h, "System calls shut in");
	html_text(h, p->calls > 0 ? "by seccomp" : "no: by nothing");
	frame_fact_end(h);
	fact(h, "Ledger's file", s->ledger_bytes, KIB);
	fact(h, "Write-ahead log", s->wal_bytes, KIB);
	frame_fact(h, "Free on its disk");
	if (s->free_bytes >= 0) {
		html_number(h, s->free_bytes / (1024 * 1024));
		html_text(h, " MiB");
	} else {
		html_text(h, "not known");
	}
	frame_fact_end(h);
	fact(h, "Exceptions of the ledger", s->exceptions, COUNT);
	html_close(h);
	html_element(h, "p", "note",
	    "It is shut in with its ledger, so it can't see who can read which file, nginx and its certificate, timers and logs, copies of the ledger, whether the clock is right, the treasury and the chain's nodes. worknet doctor looks at these, as root.");
}

void
page_operator(
    struct buf *out, const struct overview *o, const struct page_process *p)
{
	struct html h;

	frame_begin(&h, out, "Operator", "");
	warnings(&h, &o->warnings);
	money(&h, &o->status);
	work(&h, &o->status);
	lists(&h, o);
	coverage(&h, &o->status.coverage);
	machine(&h, &o->status, p);
	frame_end(&h, o->status.now_ms);
}
