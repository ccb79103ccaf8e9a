/*
 * The audit: proves from the rows alone that the ledger is right. It reads
 * one state of the ledger, in one read transaction, while others go on
 * writing. Its memory doesn't grow with results and transfers: it holds 32
 * bytes for each account and each task, and sorts in temporary files.
 *
 * What the rows can't tell: whether the newest transfers were cut off, or
 * all hashes were made anew from some row on. The first shows when the
 * newest hash of an earlier audit is no longer there (audit_known), the second
 * also where it touched what a worker signed.
 */
#ifndef WORKNET_LEDGER_AUDIT_H
#define WORKNET_LEDGER_AUDIT_H

#include "ledger/db.h"
#include "ledger/row.h"
#include "ledger/rule.h"

/* A short lower-case name, such as "paid-once". */
const char *audit_rule_name(enum audit_rule rule);
/* What holds when the rule has no finding, in words. */
const char *audit_rule_meaning(enum audit_rule rule);

/* done of total rows of a stage; total is 0 when it isn't known. */
typedef void
audit_progress_fn(void *ctx, const char *stage, int64_t done, int64_t total);

/*
 * How far an audit has verified every signature: up to that transfer of that
 * ledger. transfer 0: none.
 */
#define AUDIT_KNOWN_TABLES 4
struct audit_known {
	char ledger_id[67];
	int64_t transfer;
	uint8_t hash[KECCAK256_LEN]; /* of that transfer */
	/* What else was signed: up to which row, and a digest of these. */
	struct {
		int64_t upto;
		uint8_t digest[KECCAK256_LEN];
	} table[AUDIT_KNOWN_TABLES];
};

struct audit_options {
	const char *path;
	int64_t busy_timeout_ms;
	int64_t max_reward_micros; /* see struct rules */
	int64_t max_day_micros;
	int64_t now_ms;	  /* 0: the clock, read once the state
					 * of the ledger is fixed */
	bool signatures;  /* verify them all again */
	unsigned threads; /* for signatures; 0: one a core */
	/*
	 * May be NULL. What an earlier audit verified isn't verified again;
	 * that it changed, or went away, is a finding, and all is verified. It
	 * becomes what this audit verified, if that is without a finding.
	 */
	struct audit_known *known;
	int64_t findings_max; /* of a rule that are told; the
					 * others are only counted */
	/* Called by one thread at a time, not always the caller's. */
	rule_broken_fn *finding;
	audit_progress_fn *progress; /* may be NULL */
	void *ctx;
};

struct audit_report {
	int64_t checked[AUDIT_RULES]; /* rows or groups of rows */
	int64_t found[AUDIT_RULES];
	int64_t findings; /* their sum */
	int64_t results;
	char ledger_id[67]; /* "" without one */
	struct tail newest; /* the last transfer */
};

/*
 * Audits the ledger. RC_OK when the audit ran to its end, whatever it found.
 * Errors of db_open and of db.h, RC_NO_MEMORY.
 */
MUST_CHECK enum rc audit_run(
    const struct audit_options *o, struct audit_report *report, struct err *e);

#endif
