/*
 * worknet payout explain: the whole story of a payout, for its worker. What
 * it pays is told as a statement: what was left from before, every movement
 * of the worker's balance since then, what is due, what was paid, what stays.
 */
#include <inttypes.h>
#include <stdio.h>

#include "admin/commands.h"
#include "admin/payout.h"
#include "admin/table.h"
#include "admin/value.h"

struct statement {
	int64_t before;	      /* the payout before; 0: none */
	int64_t after;	      /* transfers that were counted before */
	int64_t upto;	      /* those that this payout counts */
	int64_t left_micros;  /* from before */
	int64_t moved_micros; /* the sum of the lines */
	int64_t lines;
	int64_t checks;
};

static enum rc
left_read(struct admin *a, const struct payout_facts *f, struct statement *s,
    struct err *e)
{
	struct query *q;
	int64_t taken;
	enum rc rc;

	*s = (struct statement){ .upto = f->verified_to };
	if (s->upto == 0 || f->adopted)
		s->upto = f->reserve - 1; /* was never counted for it */
	q = db_query(a->db, Q_PAYOUT_COUNTED);
	query_int(q, 1, f->worker_id);
	query_int(q, 2, f->id);
	rc = query_ints(q, (int64_t *[]){ &s->after, &s->before }, 2, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(a->db, Q_BALANCE_AT);
	query_int(q, 1, f->worker_id);
	query_int(q, 2, s->after);
	rc = query_one_int(q, &s->left_micros, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(a->db, Q_PAYOUT_TAKEN);
	query_int(q, 1, f->worker_id);
	query_int(q, 2, f->id);
	query_int(q, 3, s->after);
	rc = query_one_int(q, &taken, e);
	s->left_micros -= taken;
	return rc;
}

/* What a line is, in words; payout is the one that it belongs to. */
static void
line_say(
    char *out, size_t size, struct slice kind, int64_t checks, int64_t payout)
{
	if (slice_is(kind, "credit"))
		(void)snprintf(out, size, "credit for %" PRId64 " check%s",
		    checks, checks == 1 ? "" : "s");
	else if (slice_is(kind, "void"))
		(void)snprintf(out, size,
		    "came back from payout %" PRId64 ", which explains it",
		    payout);
	else if (slice_is(kind, "reserve"))
		(void)snprintf(
		    out, size, "payout %" PRId64 " had paid more", payout);
	else if (slice_is(kind, "forfeit"))
		(void)snprintf(out, size, "forfeited: see worknet worker show");
	else
		(void)snprintf(out, size,
		    "credit that an older copy of the ledger had lost");
}

static void
line_row(struct admin *a, struct statement *s, struct query *q)
{
	int64_t micros = query_get_int(q, C_PAYOUT_LINES_MICROS),
		checks = query_get_int(q, C_PAYOUT_LINES_RESULTS);
	struct slice kind = query_get_text(q, C_PAYOUT_LINES_KIND);
	char what[100];

	line_say(what, sizeof(what), kind, checks,
	    query_get_int(q, C_PAYOUT_LINES_PAYOUT));
	s->moved_micros += micros;
	s->lines++;
	s->checks += checks;
	out_row(a->out,
	    (struct out_value[]){ out_int(query_get_int(q, C_PAYOUT_LINES_ID)),
		out_int(query_get_int(q, C_PAYOUT_LINES_AT_MS)),
		out_slice(kind), out_int(checks), out_int(micros),
		out_text(what) });
}

static enum rc
lines_print(struct admin *a, const struct payout_facts *f, struct statement *s,
    struct err *e)
{
	static const struct out_column columns[] = {
		{ "transfer", "TRANSFER", OUT_COUNT },
		{ "atMs", "AT", OUT_TIME },
		{ "kind", NULL, OUT_TEXT },
		{ "checks", NULL, OUT_COUNT },
		{ "micros", "USDC", OUT_USDC },
		{ "text", "WHAT", OUT_TEXT },
	};
	struct query *q = db_query(a->db, Q_PAYOUT_LINES);
	enum rc rc;
	bool row;

	out_table(a->out, "lines", "What it pays", columns, 6);
	query_int(q, 1, f->worker_id);
	query_int(q, 2, s->after);
	query_int(q, 3, s->upto);
	while ((rc = query_step(q, &row, e)) == RC_OK && row)
		line_row(a, s, q);
	query_done(q);
	out_table_end(a->out, "nothing since the payout before");
	return rc;
}

/* How the lines make the amount, or why they don't. */
static void
sum_print(
    struct admin *a, const struct payout_facts *f, const struct statement *s)
{
	int64_t due_micros = s->left_micros + s->moved_micros;
	int64_t stays_micros = due_micros - f->amount_micros;
	char sum[VALUE_TEXT_MAX], rest[VALUE_TEXT_MAX], all[VALUE_TEXT_MAX];
	char paid[VALUE_TEXT_MAX], stay[VALUE_TEXT_MAX];

	out_fields(a->out,
	    (const struct out_field[]){
		{ "payoutBefore", NULL, OUT_COUNT,
		    out_if(s->before != 0, out_int(s->before)) },
		{ "leftMicros", NULL, OUT_USDC, out_int(s->left_micros) },
		{ "linesMicros", NULL, OUT_USDC, out_int(s->moved_micros) },
		{ "dueMicros", NULL, OUT_USDC, out_int(due_micros) },
		{ "staysMicros", NULL, OUT_USDC, out_int(stays_micros) },
		{ "adopted", NULL, OUT_BOOL, out_int(f->adopted) }, OUT_END });
	value_format_usdc(sum, s->moved_micros);
	value_format_usdc(rest, s->left_micros);
	value_format_usdc(all, due_micros);
	value_format_usdc(paid, f->amount_micros);
	value_format_usdc(stay, stays_micros);
	out_note(
	    a->out, "%s USDC in all, for %" PRId64 " checks.", sum, s->checks);
	if (s->left_micros != 0)
		out_note(a->out,
		    "With %s USDC that payout %" PRId64
		    " had left, %s USDC were due.",
		    rest, s->before, all);
	if (f->adopted)
		out_note(a->out,
		    "The chain shows this payment of %s USDC, but the ledger was restored from a copy\nthat is older. It was booked when it was found; the lines are what the worker had then.",
		    paid);
	if (stays_micros == 0)
		out_note(a->out, "This payout is of all of it: %s USDC.", paid);
	else if (stays_micros > 0 && !f->adopted)
		out_note(a->out,
		    "A cap of the operator allowed %s USDC in this payout, or the rest wasn't payable\nyet; %s USDC stayed with the worker, for the next one.",
		    paid, stay);
	else if (stays_micros > 0)
		out_note(a->out, "%s USDC stayed with the worker.", stay);
	else
		out_note(a->out,
		    "These lines don't make up %s USDC: tell the operator, who should run worknet audit.",
		    paid);
}

static const struct table checks = { "checks", "The checks behind each credit",
	{
	    { { "transfer", "TRANSFER", OUT_COUNT },
		C_PAYOUT_RESULTS_TRANSFER },
	    { { "slot", NULL, OUT_COUNT }, C_PAYOUT_RESULTS_SLOT },
	    { { "timestampMs", "AT", OUT_TIME },
		C_PAYOUT_RESULTS_TIMESTAMP_MS },
	    { { "rewardMicros", "USDC", OUT_USDC },
		C_PAYOUT_RESULTS_REWARD_MICROS },
	    { { "success", NULL, OUT_BOOL }, C_PAYOUT_RESULTS_SUCCESS },
	    { { "outcome", "OUTCOME", OUT_TEXT }, C_PAYOUT_RESULTS_OUTCOME },
	    { { "statusCode", "STATUS", OUT_COUNT }, C_PAYOUT_RESULTS_STATUS },
	    { { "taskId", "TASK", OUT_TEXT }, C_PAYOUT_RESULTS_TASK },
	    { { "error", "ERROR", OUT_TEXT }, C_PAYOUT_RESULTS_ERROR },
	} };

static enum rc
checks_print(struct admin *a, const struct payout_facts *f,
    const struct statement *s, struct err *e)
{
	struct query *q = db_query(a->db, Q_PAYOUT_RESULTS);

	query_int(q, 1, f->worker_id);
	query_int(q, 2, s->after);
	query_int(q, 3, s->upto);
	return table_print(a->out, &checks, q, "none", NULL, e);
}

enum admin_exit
command_payout_explain(struct admin *a)
{
	struct err e = ERR_INIT;
	struct payout_facts f;
	struct statement s;
	enum admin_exit code;
	enum rc rc;

	code = payout_open(a, &f);
	if (code != ADMIN_OK)
		return code;
	rc = left_read(a, &f, &s, &e);
	if (rc == RC_OK) {
		payout_facts_print(a, &f);
		rc = lines_print(a, &f, &s, &e);
	}
	if (rc == RC_OK) {
		sum_print(a, &f, &s);
		rc = checks_print(a, &f, &s, &e);
	}
	if (rc == RC_OK)
		rc = payout_events_print(a, &f, true, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}
