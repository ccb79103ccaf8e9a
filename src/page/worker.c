/* A worker's page: where each micro-USDC is that it has earned, and why. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "page/frame.h"

static void
sum(struct html *h, const char *what, int64_t micros, const char *why)
{
	html_open(h, "tr", NULL);
	html_open(h, "th", NULL);
	html_attribute(h, "scope", "row");
	html_text(h, what);
	html_close(h);
	html_open(h, "td", "number");
	html_usdc(h, micros);
	html_close(h);
	frame_cell(h, why);
	html_close(h);
}

static void
sums(struct html *h, const struct account *a)
{
	static const char *const titles[] = { "Where", "#USDC", "What it is",
		NULL };
	int64_t waiting = a->owed_micros - a->payable_micros;

	frame_table(h, "Where everything is that it has earned", titles);
	sum(h, "Waiting", waiting, "credited, and payable later");
	sum(h, "Payable", a->payable_micros, "for one of the next payouts");
	sum(h, "In flight", a->in_flight_micros,
	    "reserved for payouts that aren't final");
	sum(h, "Paid", a->paid_micros, "as the chain shows");
	sum(h, "Forfeited", a->forfeited_micros, "taken back; see below why");
	sum(h, "Earned", a->earned_micros, "the sum of these");
	frame_table_end(h);
}

static void
waits(struct html *h, const struct account *a)
{
	const struct maturity *m = &a->maturity;

	if (m->span_ms == 0) {
		html_text(h, "nothing: credit is payable at once");
		return;
	}
	html_span(h, m->span_ms);
	html_text(h, " from each credit on");
	if (a->owed_micros == a->payable_micros)
		return;
	html_text(h, "; some of it is payable at ");
	html_time(h, m->first_ms + m->span_ms);
	html_text(h, " at the earliest, all of it at ");
	html_time(h, m->last_ms + m->span_ms);
}

static void
threshold(struct html *h, const struct page_site *site, const struct account *a)
{
	frame_fact(h, "Paid from");
	html_usdc(h, site->threshold_micros);
	html_text(h, " USDC on: ");
	if (a->payable_micros >= site->threshold_micros) {
		html_text(h, "reached");
	} else {
		html_usdc(h, site->threshold_micros - a->payable_micros);
		html_text(h, " USDC are missing");
	}
	frame_fact_end(h);
}

static const char *
hold_text(enum statement_hold hold)
{
	static const char *const texts[] = {
		[HELD_NOT] = "no",
		[HELD_ALL] = "yes: everybody's are, at present",
		[HELD_BY_OPERATOR] = "yes, by the operator",
		[HELD_BY_TOKEN] = "yes: the token refuses this address",
	};

	return texts[hold];
}

/* By when the last ones were: nobody has promised it. */
static void
next_run(struct html *h, const struct statement *s)
{
	if (s->run_every_ms == 0) {
		html_text(h, "not known yet");
		return;
	}
	if (s->next_run_ms > 0) {
		html_text(h, "about ");
		html_time(h, s->next_run_ms);
	} else {
		html_text(h, "overdue");
	}
	html_text(h, ", as there usually is one every ");
	html_span(h, s->run_every_ms);
}

static void
facts(struct html *h, const struct page_site *site, const struct statement *s)
{
	const struct account *a = &s->account;

	html_open(h, "dl", "facts");
	frame_fact(h, "State");
	html_text(
	    h, a->suspended ? "suspended: it is given nothing" : "active");
	frame_fact_end(h);
	frame_fact(h, "Record");
	html_text(h, a->maturity.established ? "good" : "new");
	frame_fact_end(h);
	if (a->tier[0] != '\0') {
		frame_fact(h, "Tier");
		html_text(h, a->tier);
		html_text(h, ": paid ");
		html_number(h, a->reward_permille);
		html_text(h, " thousandths of each task's reward");
		frame_fact_end(h);
	}
	frame_fact(h, "First seen");
	html_time(h, a->first_seen_ms);
	frame_fact_end(h);
	frame_fact(h, "Results credited");
	html_number(h, a->results);
	frame_fact_end(h);
	frame_fact(h, "Waits for");
	waits(h, a);
	frame_fact_end(h);
	if (site->threshold_micros > 0)
		threshold(h, site, a);
	frame_fact(h, "Payouts held");
	html_text(h, hold_text(s->hold));
	frame_fact_end(h);
	frame_fact(h, "Last payout run");
	html_time(h, s->last_run_ms);
	frame_fact_end(h);
	frame_fact(h, "Next payout run");
	next_run(h, s);
	frame_fact_end(h);
	html_close(h);
}

static void
payout(struct html *h, const struct page_site *site,
    const struct statement_payout *p)
{
	char link[URL_MAX + TX_LEN + 1];

	page_transaction_link(link, site, p);
	html_open(h, "tr", NULL);
	html_open(h, "td", "number");
	html_number(h, p->number);
	html_close(h);
	html_open(h, "td", NULL);
	html_time(h, p->reserved_ms);
	html_close(h);
	html_open(h, "td", "number");
	html_usdc(h, p->amount_micros);
	html_close(h);
	html_open(h, "td", "number");
	html_usdc(h, p->paid_micros);
	html_close(h);
	frame_cell(h, payout_state_name(p->state));
	html_open(h, "td", "hash transaction");
	if (link[0] != '\0')
		html_link(h, link, p->tx);
	else
		html_text(h, p->tx[0] == '\0' ? "none" : p->tx);
	html_close(h);
	html_close(h);
}

static void
payouts(struct html *h, const struct page_site *site, const struct statement *s)
{
	static const char *const titles[] = { "#Number", "Begun", "#USDC",
		"#Paid", "State", "Transaction", NULL };
	size_t i;

	html_element(h, "h2", NULL, "Payouts");
	if (s->payouts_n == 0) {
		html_element(h, "p", NULL, "None yet.");
		return;
	}
	frame_table(h, "Its last payouts", titles);
	for (i = 0; i < s->payouts_n; i++)
		payout(h, site, &s->payouts[i]);
	frame_table_end(h);
	html_element(h, "p", "note",
	    "A payout that is voided gave its amount back; the next one has the same number.");
}

static void
forfeits(struct html *h, const struct statement *s)
{
	static const char *const titles[] = { "At", "#USDC", "Credited since",
		"By", "Why", NULL };
	const struct statement_forfeit *f;
	size_t i;

	if (s->forfeits_n == 0)
		return;
	html_element(h, "h2", NULL, "Forfeited");
	frame_table(h, "Credit that was taken back", titles);
	for (i = 0; i < s->forfeits_n; i++) {
		f = &s->forfeits[i];
		html_open(h, "tr", NULL);
		html_open(h, "td", NULL);
		html_time(h, f->at_ms);
		html_close(h);
		html_open(h, "td", "number");
		html_usdc(h, f->micros);
		html_close(h);
		html_open(h, "td", NULL);
		html_time(h, f->since_ms);
		html_close(h);
		frame_cell(h, f->by_record ? "its record" : "the operator");
		html_element(h, "td", "text", f->why);
		html_close(h);
	}
	frame_table_end(h);
}

static void
credits(struct html *h, const struct statement *s)
{
	static const char *const titles[] = { "At", "#USDC", "For", NULL };
	char address[ADDRESS_LEN + 1], link[ADDRESS_LEN + 24];
	const struct statement_credit *c;
	size_t i;

	html_element(h, "h2", NULL, "Credits");
	if (s->credits_n == 0) {
		html_element(h, "p", NULL, "None yet.");
		return;
	}
	frame_table(
	    h, "Its last credits, one for each time it sent results", titles);
	for (i = 0; i < s->credits_n; i++) {
		c = &s->credits[i];
		html_open(h, "tr", NULL);
		html_open(h, "td", NULL);
		html_time(h, c->at_ms);
		html_close(h);
		html_open(h, "td", "number");
		html_usdc(h, c->micros);
		html_close(h);
		html_open(h, "td", NULL);
		if (c->recovered) {
			html_text(h, "credit that a restored ledger had lost");
		} else {
			html_number(h, c->results);
			html_text(h, c->results == 1 ? " result" : " results");
		}
		html_close(h);
		html_close(h);
	}
	frame_table_end(h);
	address_format(address, &s->account.address, ADDRESS_CHECKSUM);
	(void)snprintf(link, sizeof(link), "/worker/%s/transfers", address);
	html_open(h, "p", "note");
	html_link(h, link,
	    "All that was credited, reserved for payouts, given back or forfeited");
	html_text(h, ", from the newest on.");
	html_close(h);
}

static void
refusals(struct html *h, const struct statement *s)
{
	static const char *const titles[] = { "Day (UTC)", "#Results", "Reason",
		NULL };
	size_t i;

	html_element(h, "h2", NULL, "Refused");
	if (s->refusals_n == 0) {
		html_element(h, "p", NULL,
		    "Nothing in the last 30 days that is known to be from it.");
		return;
	}
	frame_table(
	    h, "Results that weren't paid, in the last 30 days", titles);
	for (i = 0; i < s->refusals_n; i++) {
		html_open(h, "tr", NULL);
		html_open(h, "td", NULL);
		html_day(h, s->refusals[i].day * DAY_MS);
		html_close(h);
		html_open(h, "td", "number");
		html_number(h, s->refusals[i].results);
		html_close(h);
		frame_cell(h, s->refusals[i].reason);
		html_close(h);
	}
	frame_table_end(h);
	html_open(h, "p", "note");
	html_text(h, "In all ");
	html_number(h, s->refused);
	html_text(h,
	    ". What can't be known to be from this address isn't counted: a wrong signature, or what somebody else may have sent again.");
	html_close(h);
}

void
page_worker(
    struct buf *out, const struct page_site *site, const struct statement *s)
{
	char address[ADDRESS_LEN + 1], title[ADDRESS_LEN + 16];
	char json[PREFIX_MAX + ADDRESS_LEN + 32];
	struct html h;

	address_format(address, &s->account.address, ADDRESS_CHECKSUM);
	(void)snprintf(title, sizeof(title), "Worker %s", address);
	(void)snprintf(
	    json, sizeof(json), "%s/v1/worker/%s/status", site->api, address);
	frame_begin(&h, out, title, json);
	frame_part(&h, "all");
	sums(&h, &s->account);
	facts(&h, site, s);
	payouts(&h, site, s);
	forfeits(&h, s);
	credits(&h, s);
	refusals(&h, s);
	html_close(&h);
	frame_script(&h, "/again.js");
	frame_end(&h, s->now_ms);
}

/* ---- All of its transfers ---- */

static void
transfer_why(struct html *h, const struct statement_transfer *t)
{
	static const struct {
		const char *kind, *why;
	} whys[] = {
		{ "recover", "credit that a restored ledger had lost" },
		{ "reserve", "reserved for a payout" },
		{ "void", "given back by a payout that was voided" },
		{ "forfeit", "forfeited" },
	};
	size_t i;

	html_open(h, "td", NULL);
	for (i = 0; i < sizeof(whys) / sizeof(whys[0]); i++)
		if (strcmp(t->kind, whys[i].kind) == 0)
			html_text(h, whys[i].why);
	if (strcmp(t->kind, "credit") == 0) {
		html_text(h, "credit for ");
		html_number(h, t->results);
		html_text(h, t->results == 1 ? " result" : " results");
	}
	html_close(h);
}

static void
transfers(struct html *h, const struct statement_page *p)
{
	static const char *const titles[] = { "#Number", "At", "#USDC", "Why",
		NULL };
	int64_t sum = 0;
	size_t i;

	frame_table(h, "What moved what is owed, the newest first", titles);
	for (i = 0; i < p->n; i++) {
		html_open(h, "tr", NULL);
		frame_cell_number(h, p->all[i].id);
		frame_cell_time(h, p->all[i].at_ms);
		html_open(h, "td", "number");
		html_usdc(h, p->all[i].micros);
		html_close(h);
		transfer_why(h, &p->all[i]);
		html_close(h);
		sum += p->all[i].micros;
	}
	frame_table_end(h);
	html_open(h, "p", "note");
	html_text(h, "The sum of these is ");
	html_usdc(h, sum);
	html_text(h, " USDC, and of all that there are ");
	html_usdc(h, p->account.owed_micros);
	html_text(h, ": what is owed to it, waiting or payable.");
	html_close(h);
}

void
page_transfers(struct buf *out, const struct page_site *site,
    const struct statement_page *p)
{
	char address[ADDRESS_LEN + 1], title[ADDRESS_LEN + 32];
	char json[PREFIX_MAX + ADDRESS_LEN + 64], link[ADDRESS_LEN + 64];
	struct html h;

	address_format(address, &p->account.address, ADDRESS_CHECKSUM);
	(void)snprintf(title, sizeof(title), "Transfers of %s", address);
	(void)snprintf(json, sizeof(json), "%s/v1/worker/%s/transfers",
	    site->api, address);
	frame_begin(&h, out, title, json);
	html_open(&h, "p", NULL);
	(void)snprintf(link, sizeof(link), "/worker/%s", address);
	html_link(&h, link, "This worker's account");
	html_close(&h);
	if (p->n == 0)
		html_element(&h, "p", NULL, "There are none here.");
	else
		transfers(&h, p);
	if (p->more) {
		(void)snprintf(link, sizeof(link),
		    "/worker/%s/transfers?before=%" PRId64, address,
		    p->all[p->n - 1].id);
		html_open(&h, "p", NULL);
		html_link(&h, link, "Older ones");
		html_close(&h);
	}
	frame_end(&h, p->now_ms);
}
