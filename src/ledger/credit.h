/*
 * Credit: a worker's claim to have carried out an assignment is checked
 * against the ledger, and paid at most once.
 *
 * A claim passes three gates. credit_check reads the ledger and refuses what
 * can be refused cheaply; then the caller verifies the signature, outside of
 * every lock; then credit_record, inside the write transaction, pays what is
 * still unpaid. credit_record decides again only whether the slot is unpaid,
 * and the window, which another coordinator may just have changed: worker, task
 * and signature hold as they were when they were checked.
 */
#ifndef WORKNET_LEDGER_CREDIT_H
#define WORKNET_LEDGER_CREDIT_H

#include "base/limits.h"
#include "base/refused.h"
#include "base/task_type.h"
#include "ledger/assignment.h"
#include "ledger/db.h"
#include "ledger/row.h"

struct round_claim;

enum claim_outcome {
	CLAIM_OPEN, /* nothing against it so far */
	CLAIM_CREDITED,
	CLAIM_MALFORMED, /* the reason is in its reason text */
	CLAIM_UNKNOWN_TASK,
	CLAIM_TOO_OLD,
	CLAIM_FROM_FUTURE,
	CLAIM_NOT_ASSIGNED, /* this worker doesn't hold this task */
	CLAIM_EXPIRED,	    /* the assignment is past its window */
	CLAIM_RECORDED,	    /* this very result was credited before */
	CLAIM_SLOT_TAKEN,   /* offered again, another worker was first */
	CLAIM_NO_OUTCOME,   /* these five: see fit.h */
	CLAIM_CONTRADICTS,
	CLAIM_BEFORE_GIVEN,
	CLAIM_OVER_TIMEOUT,
	CLAIM_OVER_WAIT,
	CLAIM_SUSPENDED,
	CLAIM_OTHER_HASH, /* of a round: what was hashed is something else */
	CLAIM_BAD_SIGNATURE,
	CLAIM_OUTCOMES
};

/* One result as a worker sent it, and what became of it. */
struct claim {
	/* From the request; task_id, worker_text and row.error are borrowed. */
	struct slice task_id;
	struct address worker;
	const char *worker_text; /* as sent; NULL: row.form tells */
	struct result_row row;	 /* its worker's part */
	int64_t slot;		 /* that it says it is for; 0: it doesn't say */
	uint8_t hash[KECCAK256_LEN]; /* of a round's: what it says it hashed */

	/* From the ledger. */
	int64_t worker_id; /* 0: never seen */
	bool suspended;
	int64_t reward_micros;
	int64_t region;		      /* in which it counts as a share, */
	char network[SUBNET_MAX + 1]; /* as a share of which network */
	bool out_of_turn;
	enum compared compared;
	char token[TASK_TOKEN_LEN + 1]; /* row.token, if there is one */
	bool unpaid; /* row has the worker's assignment, also when refused */
	/* The slot that a refusal is of, which the worker holds, and no other
	 * one can be meant; 0: there is none. */
	int64_t of_slot;

	enum claim_outcome outcome;
	char reason[REASON_MAX + 1]; /* when refused */
	/* The caller's: its worker signed it, as was verified. Of a round, also
	 * what was assigned: then nobody else can have sent it. */
	bool authentic;
};

/*
 * Checks claims[i] by the terms that count now: refuses it, or makes it
 * CLAIM_OPEN with its assignment filled in. claims[0] to claims[i - 1], of the
 * same request, were checked and verified before, and keep their assignments.
 * Reads only. Errors of db.h; a refusal isn't an error.
 */
MUST_CHECK enum rc credit_check(struct db *db, const struct terms_row *terms,
    struct claim *claims, size_t i, int64_t now_ms, struct err *e);

/*
 * Inside a write transaction: credits those of the n claims that are
 * CLAIM_OPEN and whose slots are unpaid, one transfer for each worker among
 * them; the others get their outcome. The credit holds once the transaction
 * is committed. round: what one worker signed all n with (round_claim.h), or
 * NULL. network is where they came from, "" when unknown. On an error the caller
 * rolls back.
 */
MUST_CHECK enum rc credit_record(struct db *db, struct claim *claims, size_t n,
    const struct round_claim *round, struct slice network, int64_t now_ms,
    struct err *e);

/*
 * Inserts the row of a paid result, inside a write transaction in which its
 * transfer follows. RC_CONFLICT, and nothing changed, when the slot was paid
 * before; RC_CORRUPT when its assignment is none that a program made.
 */
MUST_CHECK enum rc result_insert(
    struct db *db, const struct result_row *r, int64_t transfer, struct err *e);

/* Why an outcome is a refusal, without what a claim's reason may add. */
const char *claim_outcome_text(enum claim_outcome outcome);

/* What the log calls it; REFUSED_NOT: it says nothing of a slot's holder. */
enum refused claim_outcome_word(enum claim_outcome outcome);

/* Refuses c with an outcome that is a refusal; says why in c->reason. */
void claim_refuse(struct claim *c, enum claim_outcome outcome);

#endif
