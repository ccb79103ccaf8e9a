#include "ledger/audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "eth/hex.h"
#include "ledger/audit_part.h"

#define TICK_MS 200 /* between two tellings of progress */

static const struct {
	const char *name;
	const char *meaning;
} rules[AUDIT_RULES] = {
	[AUDIT_FILE] = { "file", "no page is damaged, no reference dangles" },
	[AUDIT_SCHEMA] = { "schema",
	    "tables, views and append-only guards are as they were made" },
	[AUDIT_IDENTITY] = { "identity", "the ledger has its random id" },
	[AUDIT_TERMS] = { "terms",
	    "the terms by which results were paid have no gap, and each hash is right" },
	[AUDIT_EXCEPTIONS] = { "exceptions",
	    "the view of exceptions is empty" },
	[AUDIT_VERSION_CHAIN] = { "version-chain",
	    "definitions of tasks have no gap, and each hash is right" },
	[AUDIT_TASK] = { "task",
	    "each task and each definition belong together" },
	[AUDIT_SCHEDULE] = { "schedule",
	    "each row of the schedule is of a task and a worker" },
	[AUDIT_TRANSFER_CHAIN] = { "transfer-chain",
	    "transfers have no gap, and each hash covers it and its results" },
	[AUDIT_TRANSFER_KIND] = { "transfer-kind",
	    "each transfer is between the accounts of its kind" },
	[AUDIT_AMOUNT] = { "amount",
	    "each credit is the sum of its results' rewards" },
	[AUDIT_ARCHIVE] = { "archive",
	    "each credit whose results were dropped is as its hash says" },
	[AUDIT_RECORD] = { "record",
	    "each worker's record counts the results that it was paid for" },
	[AUDIT_FORFEIT] = { "forfeit",
	    "each forfeit has its reason, and takes no more than was credited" },
	[AUDIT_DRILL] = { "drill",
	    "each drill follows from its day's key, committed to before that day" },
	[AUDIT_VERDICT] = { "verdict",
	    "each verdict, and each dissent, is what the cycle's results say" },
	[AUDIT_UPTIME] = { "uptime",
	    "each hour and incident that was counted follows from the results" },
	[AUDIT_WITNESS] = { "witness",
	    "what witnesses saw, and what they judge, is what was reported" },
	[AUDIT_BALANCE] = { "balance",
	    "each balance is the sum of its transfers, no worker's negative" },
	[AUDIT_TRIAL_BALANCE] = { "trial-balance", "all balances add up to 0" },
	[AUDIT_RESULT] = { "result",
	    "each result has a credit and a definition, and values in range" },
	[AUDIT_REWARD] = { "reward",
	    "no result paid more than max_reward_micros" },
	[AUDIT_SLOT] = { "slot",
	    "each result is for a slot that was given out" },
	[AUDIT_WINDOW] = { "window",
	    "each result was paid within the window of its assignment" },
	[AUDIT_TIMESTAMP] = { "timestamp",
	    "each result's own time is within the window, not in the future" },
	[AUDIT_FIT] = { "fit",
	    "each result fits itself and what was assigned" },
	[AUDIT_COPY] = { "copy",
	    "each result is for one of the copies that its task has" },
	[AUDIT_CYCLE] = { "cycle",
	    "each result was assigned while its cycle ran" },
	[AUDIT_ASSIGNMENT] = { "assignment",
	    "each recent result is for an assignment of that worker" },
	[AUDIT_PAID_ONCE] = { "paid-once",
	    "no copy of a task's cycle was paid twice" },
	[AUDIT_COOLDOWN] = { "cooldown",
	    "no worker was paid twice in a cycle, nor within the cooldown" },
	[AUDIT_SIGNED_ONCE] = { "signed-once",
	    "no check that a worker signed was paid twice" },
	[AUDIT_DAY] = { "day",
	    "no worker earned more in 24 h than the bound max_per_worker_day_micros" },
	[AUDIT_EVENT_CHAIN] = { "event-chain",
	    "events of payouts have no gap, and each hash is right" },
	[AUDIT_PAYOUT_TRANSFER] = { "payout-transfer",
	    "each transfer but a credit belongs to one event of a payout" },
	[AUDIT_PAYOUT_SEQ] = { "payout-seq",
	    "each worker's payouts have no gap, but where one was adopted, and a number twice only after one that expired" },
	[AUDIT_PAYOUT_NONCE] = { "payout-nonce",
	    "each payout's nonce follows from ledger, source, worker, number" },
	[AUDIT_PAYOUT_SEAL] = { "payout-seal",
	    "each payout is what its treasury sealed, and so is the history before it" },
	[AUDIT_PAYOUT_STEPS] = { "payout-steps",
	    "each payout went from step to step, signed before it was sent" },
	[AUDIT_PAYOUT_MONEY] = { "payout-money",
	    "each payout holds or has paid what its events moved" },
	[AUDIT_MATURITY] = { "maturity",
	    "no payout took credit before it was payable" },
	[AUDIT_SUBMISSION] = { "submission",
	    "a gas account's nonces have no gap, each transaction has its hash and carries out what was sent by it" },
	[AUDIT_SIGNATURE] = { "signature",
	    "each result was signed by the worker that was paid" },
	[AUDIT_LOG] = { "log",
	    "what was paid is in the log, as it was paid, and nothing else is" },
};

const char *
audit_rule_name(enum audit_rule rule)
{
	return rules[rule].name;
}

const char *
audit_rule_meaning(enum audit_rule rule)
{
	return rules[rule].meaning;
}

void
audit_found(struct audit *a, enum audit_rule rule, const char *fmt, ...)
{
	char text[RULE_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)pthread_mutex_lock(&a->lock);
	a->report->findings++;
	if (++a->report->found[rule] <= a->o->findings_max)
		a->o->finding(a->o->ctx, rule, text);
	(void)pthread_mutex_unlock(&a->lock);
}

void
audit_checked(struct audit *a, enum audit_rule rule, int64_t n)
{
	(void)pthread_mutex_lock(&a->lock);
	a->report->checked[rule] += n;
	(void)pthread_mutex_unlock(&a->lock);
}

enum rc
audit_each(struct audit *a, enum query_id id, enum audit_rule rule,
    void (*check)(struct audit *, struct query *), struct err *e)
{
	struct query *q = db_query(a->db, id);
	int64_t n = 0;
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		check(a, q);
		n++;
	}
	query_done(q);
	audit_checked(a, rule, n);
	return rc;
}

void
audit_tick(struct audit *a, const char *stage, int64_t done, int64_t total)
{
	int64_t now_ms;

	if (a->o->progress == NULL)
		return;
	now_ms = clock_monotonic_ms();
	(void)pthread_mutex_lock(&a->lock);
	if (now_ms >= a->next_tick) {
		a->next_tick = now_ms + TICK_MS;
		a->o->progress(a->o->ctx, stage, done, total);
	}
	(void)pthread_mutex_unlock(&a->lock);
}

static void
on_broken(void *ctx, enum audit_rule rule, const char *text)
{
	audit_found(ctx, rule, "%s", text);
}

static void
on_file_finding(void *ctx, const char *text)
{
	audit_found(ctx, AUDIT_FILE, "%s", text);
}

static void
on_schema_finding(void *ctx, const char *text)
{
	audit_found(ctx, AUDIT_SCHEMA, "%s", text);
}

static enum rc
check_file(struct audit *a, struct err *e)
{
	int64_t objects;
	enum rc rc;

	audit_tick(a, "file", 0, 0);
	rc = db_check_file(a->db, false, on_file_finding, a, e);
	audit_checked(a, AUDIT_FILE, 1);
	if (rc != RC_OK)
		return rc;
	rc = db_check_schema(a->db, &objects, on_schema_finding, a, e);
	audit_checked(a, AUDIT_SCHEMA, objects);
	return rc;
}

/* Which ledger this is, and the last slot that was given out. */
static enum rc
check_identity(struct audit *a, struct err *e)
{
	struct query *q = db_query(a->db, Q_LEDGER_GET);
	struct slice id = { "", 0 };
	enum rc rc;
	bool row;

	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		id = query_get_text(q, 0);
	a->has_id =
	    hex_decode(a->ledger_id, sizeof(a->ledger_id), id, NULL) == RC_OK;
	if (a->has_id)
		memcpy(a->report->ledger_id, id.p, id.len);
	else if (rc == RC_OK)
		audit_found(a, AUDIT_IDENTITY,
		    "ledger: has no id of 0x and %d hex digits",
		    2 * LEDGER_ID_LEN);
	audit_checked(a, AUDIT_IDENTITY, 1);
	query_done(q);
	if (rc != RC_OK)
		return rc;
	rc =
	    query_one_int(db_query(a->db, Q_SLOT_LAST), &a->rules.last_slot, e);
	if (rc != RC_NOT_FOUND)
		return rc;
	audit_found(a, AUDIT_SLOT, "the count of slots is gone");
	return RC_OK;
}

static enum rc
check_exceptions(struct audit *a, struct err *e)
{
	struct query *q = db_query(a->db, Q_EXCEPTION_LIST);
	struct slice kind, subject, detail;
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		kind = query_get_text(q, 0);
		subject = query_get_text(q, 1);
		detail = query_get_text(q, 2);
		audit_found(a, AUDIT_EXCEPTIONS, "%.*s: %.*s: %.*s",
		    (int)kind.len, kind.p, (int)subject.len, subject.p,
		    (int)detail.len, detail.p);
	}
	query_done(q);
	audit_checked(a, AUDIT_EXCEPTIONS, 1);
	return rc;
}

/* All of the audit, in the order in which one part needs another's. */
static enum rc
audit_parts(struct audit *a, struct err *e)
{
	enum rc rc;

	rc = check_identity(a, e);
	/*
	 * Not before the state is fixed by the first read: what is recent is
	 * judged by a clock at or past that of every row.
	 */
	a->rules.now_ms = a->o->now_ms != 0 ? a->o->now_ms : clock_unix_ms();
	if (rc == RC_OK)
		rc = check_file(a, e);
	if (rc == RC_OK)
		rc = rules_terms_read(&a->rules, a->db, e);
	audit_checked(a, AUDIT_TERMS, (int64_t)a->rules.terms.n);
	if (rc == RC_OK)
		rc = archived_bound(a->db, &a->archived_ms, e);
	if (rc == RC_OK)
		rc = check_exceptions(a, e);
	if (rc == RC_OK)
		rc = audit_accounts_load(a, e);
	if (rc == RC_OK)
		rc = audit_tasks(a, e);
	if (rc == RC_OK)
		rc = audit_schedule(a, e);
	if (rc == RC_OK)
		rc = audit_demotions_load(a, e);
	if (rc == RC_OK)
		rc = audit_transfers(a, e);
	if (rc == RC_OK)
		audit_accounts_check(a);
	if (rc == RC_OK)
		rc = audit_records(a, e);
	if (rc == RC_OK)
		rc = audit_forfeits(a, e);
	if (rc == RC_OK)
		rc = audit_drills(a, e);
	if (rc == RC_OK)
		rc = audit_verdicts(a, e);
	if (rc == RC_OK)
		rc = audit_witnesses(a, e);
	if (rc == RC_OK)
		rc = audit_slots(a, e);
	if (rc == RC_OK)
		rc = audit_workers(a, e);
	if (rc == RC_OK)
		rc = audit_uptime(a, e);
	if (rc == RC_OK)
		rc = audit_payouts(a, e);
	if (rc == RC_OK)
		rc = audit_submissions(a, e);
	if (rc == RC_OK && a->o->signatures)
		rc = audit_known_check(a, e);
	if (rc == RC_OK && a->o->signatures && a->o->known != NULL)
		rc = audit_known_make(a, e);
	return rc;
}

enum rc
audit_run(
    const struct audit_options *o, struct audit_report *report, struct err *e)
{
	struct audit a = { .o = o,
		.report = report,
		.rules = { .max_reward_micros = o->max_reward_micros,
		    .max_day_micros = o->max_day_micros,
		    .broken = on_broken } };
	enum rc rc;

	a.rules.ctx = &a;
	*report = (struct audit_report){ .findings = 0 };
	(void)pthread_mutex_init(&a.lock, NULL);
	rc = db_open(&a.db, o->path, DB_READ, o->busy_timeout_ms, e);
	if (rc != RC_OK)
		goto out;
	rc = db_spill_to_files(a.db, e);
	if (rc == RC_OK)
		rc = db_begin_read(a.db, e);
	if (rc == RC_OK)
		rc = audit_parts(&a, e);
	/* Signatures are checked by threads of their own, on the same rows. */
	db_rollback(a.db);
	if (rc == RC_OK && o->signatures)
		rc = audit_signatures(&a, e);
	if (rc == RC_OK && o->signatures)
		audit_known_keep(&a);
out:
	db_close(a.db);
	terms_list_free(&a.rules.terms);
	free(a.accounts);
	free(a.tasks);
	free(a.demotions);
	free(a.early);
	(void)pthread_mutex_destroy(&a.lock);
	return rc;
}
