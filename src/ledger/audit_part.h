/* What the parts of the audit share; for src/ledger/audit*.c only. */
#ifndef WORKNET_LEDGER_AUDIT_PART_H
#define WORKNET_LEDGER_AUDIT_PART_H

#include <pthread.h>

#include "eth/nonce.h"
#include "ledger/archived.h"
#include "ledger/audit.h"
#include "ledger/row_read.h"

/* An account with the sum of its transfers, as far as they were read. */
struct audit_account {
	int64_t id;
	int64_t balance_micros;
	int64_t sum_micros;
	bool is_worker;
	bool overflow; /* the sum is past int64_t */
	/* What was credited so far, and what of it counts for its record. */
	int64_t results;
	int64_t established_results;
	int64_t established_days;
	int64_t newest_day; /* of those, or of the demotion */
};

/* A worker that was new again after that transfer. */
struct audit_demotion {
	int64_t worker;
	int64_t day;
	int64_t after_transfer;
};

/* A task with the last slot of it that was read. */
struct audit_task {
	int64_t id;
	int64_t slot; /* 0: none */
	int64_t cycle_ms;
	int64_t copy;
	int64_t assigned_ms;
};

struct audit {
	const struct audit_options *o;
	struct db *db;
	struct rules rules;
	bool has_id; /* ledger_id is set */
	uint8_t ledger_id[LEDGER_ID_LEN];
	struct audit_account *accounts; /* owned, by id */
	size_t accounts_n;
	struct audit_task *tasks; /* owned, by id */
	size_t tasks_n;
	bool set_back; /* the clock was, between two slots */
	/* The newest credit of which results may be dropped; 0: none. What was
	 * given before is judged only as far as its results are there. */
	int64_t archived_ms;
	struct audit_demotion *demotions; /* owned, in order */
	size_t demotions_n;
	size_t demotions_next; /* comes after what was read */
	int64_t *early;	       /* owned: transfers of payouts before maturity */
	size_t early_n;
	int64_t verified;	  /* earlier: signatures up to this transfer */
	struct audit_known known; /* what this audit sees */
	pthread_mutex_t lock;
	struct audit_report *report; /* lock */
	int64_t next_tick;	     /* lock */
};

/* Any thread: counts a finding, and tells it unless there were many. */
void audit_found(struct audit *a, enum audit_rule rule, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Any thread: counts n that were checked by rule. */
void audit_checked(struct audit *a, enum audit_rule rule, int64_t n);
/* Any thread: tells progress, now and then. */
void
audit_tick(struct audit *a, const char *stage, int64_t done, int64_t total);
/* Has a function check each row of a query, and counts them as rule's. */
MUST_CHECK enum rc
audit_each(struct audit *a, enum query_id id, enum audit_rule rule,
    void (*check)(struct audit *, struct query *), struct err *e);

/* NULL when there is none of that id. */
struct audit_account *audit_account_find(struct audit *a, int64_t id);
struct audit_task *audit_task_find(struct audit *a, int64_t id);

/* Loads the accounts; later compares their balances with the sums. */
MUST_CHECK enum rc audit_accounts_load(struct audit *a, struct err *e);
void audit_accounts_check(struct audit *a);
/* Loads the tasks, and checks them and their definitions. */
MUST_CHECK enum rc audit_tasks(struct audit *a, struct err *e);
/* Checks what the rows of the schedule point at. */
MUST_CHECK enum rc audit_schedule(struct audit *a, struct err *e);
/* Checks every transfer with its results, and sums the accounts. */
MUST_CHECK enum rc audit_transfers(struct audit *a, struct err *e);
/* Loads the demotions; then takes each transfer, its results counted, in order:
 * its accounts have its amount already. */
MUST_CHECK enum rc audit_demotions_load(struct audit *a, struct err *e);
MUST_CHECK enum rc audit_record_transfer(struct audit *a,
    const struct transfer_row *t, int64_t results, struct err *e);
/* Whether that transfer reserved what couldn't be paid yet. */
bool audit_is_early(const struct audit *a, int64_t transfer);
/* After all of them: checks records, and forfeits. */
MUST_CHECK enum rc audit_records(struct audit *a, struct err *e);
MUST_CHECK enum rc audit_forfeits(struct audit *a, struct err *e);
/* Checks drills against the keys of days that are shown. */
MUST_CHECK enum rc audit_drills(struct audit *a, struct err *e);
/* Checks verdicts and dissents against the results of their cycles. */
MUST_CHECK enum rc audit_verdicts(struct audit *a, struct err *e);
/* Checks the hours that were counted: rollup.h. */
MUST_CHECK enum rc audit_uptime(struct audit *a, struct err *e);
/* Checks what witnesses saw, and judge, against results. */
MUST_CHECK enum rc audit_witnesses(struct audit *a, struct err *e);
/* Checks what depends on the order of results. */
MUST_CHECK enum rc audit_slots(struct audit *a, struct err *e);
MUST_CHECK enum rc audit_workers(struct audit *a, struct err *e);
/* Checks payouts, their events and the money that these moved. */
MUST_CHECK enum rc audit_payouts(struct audit *a, struct err *e);
/* Checks what gas accounts have sent, against payouts and their events. */
MUST_CHECK enum rc audit_submissions(struct audit *a, struct err *e);
/*
 * After everything else: whether what an earlier audit verified is still there,
 * then a->verified is set; and what this one will have verified, which is kept
 * once its signatures are.
 */
MUST_CHECK enum rc audit_known_check(struct audit *a, struct err *e);
MUST_CHECK enum rc audit_known_make(struct audit *a, struct err *e);
void audit_known_keep(struct audit *a);
/* Verifies every signature after a->verified of the state that a->db sees. */
MUST_CHECK enum rc audit_signatures(struct audit *a, struct err *e);

#endif
