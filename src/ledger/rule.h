/*
 * What must hold of paid results, their transfers and their definitions: each
 * rule once, for the payer, which pays nothing that breaks one (evidence.h),
 * and for the audit, which tells all that is broken.
 *
 * A rule that is broken is told through struct rules; what a rule returns is
 * whether it could be looked at. Each names the row in its text.
 */
#ifndef WORKNET_LEDGER_RULE_H
#define WORKNET_LEDGER_RULE_H

#include "eth/attest.h"
#include "ledger/db.h"
#include "ledger/row.h"
#include "ledger/terms.h"

#define RULE_TEXT_MAX 256 /* bytes with the NUL */

/* What is proven, in the order in which it is reported. */
enum audit_rule {
	AUDIT_FILE,
	AUDIT_SCHEMA,
	AUDIT_IDENTITY,
	AUDIT_TERMS,
	AUDIT_EXCEPTIONS,
	AUDIT_VERSION_CHAIN,
	AUDIT_TASK,
	AUDIT_SCHEDULE,
	AUDIT_TRANSFER_CHAIN,
	AUDIT_TRANSFER_KIND,
	AUDIT_AMOUNT,
	AUDIT_ARCHIVE,
	AUDIT_RECORD,
	AUDIT_FORFEIT,
	AUDIT_DRILL,
	AUDIT_VERDICT,
	AUDIT_UPTIME,
	AUDIT_WITNESS,
	AUDIT_BALANCE,
	AUDIT_TRIAL_BALANCE,
	AUDIT_RESULT,
	AUDIT_REWARD,
	AUDIT_SLOT,
	AUDIT_WINDOW,
	AUDIT_TIMESTAMP,
	AUDIT_FIT,
	AUDIT_COPY,
	AUDIT_CYCLE,
	AUDIT_ASSIGNMENT,
	AUDIT_PAID_ONCE,
	AUDIT_COOLDOWN,
	AUDIT_SIGNED_ONCE,
	AUDIT_DAY,
	AUDIT_EVENT_CHAIN,
	AUDIT_PAYOUT_TRANSFER,
	AUDIT_PAYOUT_SEQ,
	AUDIT_PAYOUT_NONCE,
	AUDIT_PAYOUT_SEAL,
	AUDIT_PAYOUT_STEPS,
	AUDIT_PAYOUT_MONEY,
	AUDIT_MATURITY,
	AUDIT_SUBMISSION,
	AUDIT_SIGNATURE,
	AUDIT_LOG,
	AUDIT_RULES
};

typedef void rule_broken_fn(void *ctx, enum audit_rule rule, const char *text);

/* What the rules are held against, and who is told. */
struct rules {
	/* Fixed by the operator outside of the ledger. */
	int64_t max_reward_micros; /* of one result; 0: no bound */
	int64_t max_day_micros;	   /* a worker's in any 24 hours; 0: none */
	/* What counted when: rules_terms_read. */
	struct terms_list terms;
	int64_t last_slot; /* ever given out */
	int64_t now_ms;
	rule_broken_fn *broken;
	void *ctx;
};

/* Tells that a rule is broken. */
void rule_broken(const struct rules *r, enum audit_rule rule, const char *fmt,
    ...) PRINTF_LIKE(3, 4);

/* This program knows of which format a row's hash is: 1 to newest. */
void rule_format(const struct rules *r, enum audit_rule rule, const char *row,
    int64_t id, int64_t format, int newest);

/*
 * Reads the ledger's terms for the rules below, and checks them: each follows
 * the one before it, its hash is of both, and what it says is what could be
 * configured. r->terms is to be freed, whatever came of it. RC_NO_MEMORY,
 * errors of db.h.
 */
MUST_CHECK enum rc
rules_terms_read(struct rules *r, struct db *db, struct err *e);

/* v follows the row before it, and its hash, stored, is of both. */
void rule_version(const struct rules *r, const struct version_row *v,
    const struct tail *before, const uint8_t stored[static KECCAK256_LEN]);

/*
 * A transfer's number and time follow the row before it; its hash, stored, is
 * the one that was computed of both and of its results.
 */
void rule_transfer(const struct rules *r, const struct transfer_row *t,
    const struct tail *before, const uint8_t computed[static KECCAK256_LEN],
    const uint8_t stored[static KECCAK256_LEN]);

/* The rewards of a credit's results, so many, are its amount. */
void rule_amount(const struct rules *r, const struct transfer_row *t,
    int64_t results, int64_t rewards_micros, bool overflow);

/*
 * A result of t by itself: it can be read (well_formed: row_read.h), its
 * definition v exists and pays no more than the bound, it was paid in the
 * window of the terms that counted then and fitted as they asked (fit.h), and
 * its slot is one that v's task gave by those that counted when it was given.
 * False when the others make no sense.
 */
bool rule_result(const struct rules *r, const struct transfer_row *t,
    const struct result_row *res, const struct version_row *v,
    bool well_formed);

/*
 * A young result's assignment is there, the worker's own, and promises what the
 * definition does. *looked is false of one that is older, whose assignment may
 * be gone by the terms. Errors of db.h.
 */
MUST_CHECK enum rc rule_assignment(const struct rules *r, struct db *db,
    const struct transfer_row *t, const struct result_row *res,
    const struct version_row *v, bool *looked, struct err *e);

/* One result of a worker and a task, beside its other ones. */
struct beside {
	int64_t worker;
	int64_t task;
	int64_t slot;
	int64_t cycle_ms;
	int64_t assigned_ms;
	int64_t cooldown_ms;
	int64_t timestamp_ms;
};

/*
 * In order of slots: t is of a later cycle than the one before it of the same
 * worker and task and the cooldown was over, unless the clock was set back:
 * then the audit looks for all that were paid twice.
 */
void rule_beside(
    const struct rules *r, const struct beside *t, const struct beside *before);

/* In order of timestamps: the one before t signed another check. */
void rule_signed_once(
    const struct rules *r, const struct beside *t, const struct beside *before);

/* ---- A worker's days ---- */

struct day_credit {
	int64_t transfer;
	int64_t at_ms;
	int64_t micros;
};

/* The credits of one worker's last 24 hours; zero at first. */
struct day {
	int64_t worker;
	struct day_credit *all; /* owned: rule_day_free */
	size_t first, n, cap;	/* all[first] to all[n - 1] */
	int64_t micros;		/* their sum */
	bool told;
};

/*
 * The worker's next credit in order of time: with those of the 24 hours up to
 * it, no more than max_day_micros. Told once for each time that it is.
 * RC_NO_MEMORY.
 */
MUST_CHECK enum rc rule_day(const struct rules *r, struct day *d,
    const struct day_credit *c, struct err *e);
/* Another worker's days begin. */
void rule_day_begin(struct day *d, int64_t worker);
void rule_day_free(struct day *d);

#endif
