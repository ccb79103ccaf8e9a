/*
 * Payouts in the ledger. Each function below that changes something is one
 * step (db_step_begin): durable when it returns, so that a program killed
 * between any two of them is continued by the next run. Or the caller begins
 * a step around those of several payouts: they are durable when that ends,
 * and one that is refused leaves the others alone.
 *
 *	reserved -> signed -> submitted -> posted -> final
 *	                 \          \   <-/  (reorganised)
 *	                  +----------+--> voided
 *
 * submitted holds everything ambiguous. Only the chain's word leads out of
 * it: pay/ asks, this room books.
 */
#ifndef WORKNET_LEDGER_PAYOUT_H
#define WORKNET_LEDGER_PAYOUT_H

#include "eth/seal.h"
#include "ledger/db.h"
#include "ledger/row.h"

#define TX_LEN 66 /* 0x and 64 hex digits */

enum payout_state {
	PAYOUT_RESERVED,
	PAYOUT_SIGNED,
	PAYOUT_SUBMITTED,
	PAYOUT_POSTED,
	PAYOUT_FINAL,
	PAYOUT_VOIDED,
	PAYOUT_STATES
};

/* Where money is paid from: part of each payout. */
struct payout_source {
	int64_t chain_id;
	struct address token;
	struct address treasury;
};

struct payout {
	int64_t id;
	int64_t worker_id;
	struct address worker;
	int64_t seq; /* from 1; also of those voided before it */
	int64_t amount_micros;
	uint8_t nonce[PAYOUT_NONCE_LEN];
	struct payout_source source;
	int64_t reserved_ms;
	struct seal seal;
	enum payout_state state;
	int64_t paid_micros; /* as the chain says */
};

/* The authorization as it was signed; body is owned (payout_auth_free). */
struct payout_auth {
	int64_t signed_ms;
	int64_t valid_after;  /* Unix seconds */
	int64_t valid_before; /* Unix seconds */
	uint8_t signature[SIGNATURE_LEN];
	int64_t from_block; /* the chain's head before signing */
	struct buf body;
};

/* A payment that the chain shows. */
struct payment {
	struct address to;
	int64_t micros;
	char tx[TX_LEN + 1];
	int64_t block;
};

#define HOLD_REASON_MAX 200 /* bytes without the NUL; longer ones are cut */

/* Somebody who may be paid. */
struct payee {
	int64_t worker_id;
	struct address worker;
	int64_t balance_micros;
	int64_t oldest_ms; /* of the credit that waits longest */
	int64_t next_seq;
	int64_t last_day_micros; /* reserved in the last 24 h */
	bool held;		 /* by the operator */
	bool held_by_chain;	 /* as the last run found it */
	bool unsettled;		 /* an earlier payout isn't final */
	char hold_reason[HOLD_REASON_MAX + 1];
};

struct payee_list {
	struct payee *all; /* owned: payee_list_free */
	size_t n;
};

/* ---- Rows ---- */

/*
 * What a row may hold, whoever wrote it: RC_CORRUPT names the payout, the
 * value, and what it can be. Checked before a row is written, and after it is
 * read.
 */
MUST_CHECK enum rc payout_check(const struct payout *p, struct err *e);
MUST_CHECK enum rc
payout_auth_check(int64_t payout, const struct payout_auth *a, struct err *e);

/* ---- Reading: RC_CORRUPT of a row that no program writes ---- */

/* The ledger's id, which is part of each nonce. */
MUST_CHECK enum rc payout_ledger_id(struct db *db,
    uint8_t id[static LEDGER_ID_LEN], int64_t *created_ms, struct err *e);

/*
 * Workers whose balance is at least threshold_micros, the oldest debt first.
 * only is NULL for all.
 */
MUST_CHECK enum rc payout_payees(struct db *db, int64_t threshold_micros,
    const struct address *only, int64_t now_ms, struct payee_list *out,
    struct err *e);
void payee_list_free(struct payee_list *l);

/*
 * Open payouts with an id above after, in order; *found is false past the
 * last. Of a row that can't be read *found is true, and its id is in *out.
 */
MUST_CHECK enum rc payout_next_open(struct db *db, int64_t after,
    struct payout *out, bool *found, struct err *e);
/*
 * Any but a voided one, if there is; then the last of these. RC_NOT_FOUND. Of
 * a row that can't be read, its id and state are in *out.
 */
MUST_CHECK enum rc
payout_by_nonce(struct db *db, const uint8_t nonce[static PAYOUT_NONCE_LEN],
    struct payout *out, struct err *e);
/* RC_NOT_FOUND before it is signed. */
MUST_CHECK enum rc payout_auth_get(
    struct db *db, int64_t payout, struct payout_auth *out, struct err *e);
void payout_auth_free(struct payout_auth *a);
/* The transaction and block of a payout, posted or final. */
MUST_CHECK enum rc payout_posted_in(
    struct db *db, int64_t payout, struct payment *out, struct err *e);

/* What waits in payouts of one source that aren't settled: it is promised. */
MUST_CHECK enum rc payout_in_flight(struct db *db,
    const struct payout_source *s, int64_t *micros, struct err *e);

/*
 * How many payouts are reserved, signed or submitted, and when the oldest was
 * reserved (NULL is fine; 0: none).
 */
MUST_CHECK enum rc
payout_unsettled(struct db *db, int64_t *n, int64_t *oldest_ms, struct err *e);

/* Whether one of the worker's payouts is neither final nor voided. */
MUST_CHECK enum rc payout_worker_has_open(
    struct db *db, int64_t worker_id, bool *open, struct err *e);

/* To whom its bytes were last sent: "" before that; cut to size. */
MUST_CHECK enum rc payout_sent_to(
    struct db *db, int64_t payout, char *out, size_t size, struct err *e);
/* The last transaction that anybody named for it, or "". */
MUST_CHECK enum rc payout_last_tx(
    struct db *db, int64_t payout, char tx[static TX_LEN + 1], struct err *e);

/*
 * True while the operator holds this worker, or everybody: the kill switch.
 * Worker 0 asks for everybody alone.
 */
MUST_CHECK enum rc
payout_is_held(struct db *db, int64_t worker_id, bool *held, struct err *e);

/*
 * *held: there is a hold of this worker (0: of everybody) by the operator or
 * the chain; reason: the operator's if there is one. Errors of db.h.
 */
MUST_CHECK enum rc payout_hold_reason(struct db *db, int64_t worker_id,
    bool *held, char reason[static HOLD_REASON_MAX + 1], struct err *e);

/* ---- Steps ---- */

/*
 * Reserves p's amount of its worker's balance as that worker's seq-th payout;
 * everything in p but id, state and paid_micros is given. RC_CONFLICT when
 * the balance doesn't reach, when another run took that seq, or when
 * something was taken from the balance after p->seal.verified_to: then what
 * was verified isn't what would be paid.
 */
MUST_CHECK enum rc
payout_reserve(struct db *db, struct payout *p, struct err *e);

/*
 * Stores the authorization and its bytes; results: how many signatures were
 * verified for it, negative when that was before it was reserved.
 */
MUST_CHECK enum rc payout_sign(struct db *db, struct payout *p,
    const struct payout_auth *a, int64_t results, struct err *e);

/* Before each time that the bytes are sent. */
MUST_CHECK enum rc payout_submit(struct db *db, struct payout *p,
    const char *to_url, int64_t now_ms, struct err *e);

/* What came back; says nothing about the money. tx is "" without a hash. */
MUST_CHECK enum rc payout_answered(struct db *db, const struct payout *p,
    const char *detail, const char *tx, int64_t now_ms, struct err *e);

/* A look at the chain that didn't decide; the same text isn't repeated. */
MUST_CHECK enum rc payout_note(struct db *db, const struct payout *p,
    const char *detail, int64_t now_ms, struct err *e);

/*
 * A node shows the payment, as it was asked for: provisional, and no balance
 * moves but that of what is in flight. One that is posted already is now
 * carried by another transaction.
 */
MUST_CHECK enum rc payout_post(struct db *db, struct payout *p,
    const struct payment *paid, int64_t now_ms, struct err *e);

/* Its block was reorganised away: back to submitted. Takes from no balance. */
MUST_CHECK enum rc payout_unpost(struct db *db, struct payout *p,
    const char *detail, int64_t now_ms, struct err *e);

/*
 * Every node shows the payment, of the amount at most, in a final block. What
 * it paid less goes back to the worker, and a finding says so.
 */
MUST_CHECK enum rc payout_finalize(struct db *db, struct payout *p,
    const struct payment *paid, int64_t now_ms, struct err *e);

/*
 * Proven never to settle: the credit returns to the worker. tx is "" when it
 * expired unused (its seq, and so its nonce, is that of the worker's next
 * payout), or what canceled its nonce.
 */
MUST_CHECK enum rc payout_void(struct db *db, struct payout *p,
    const char *proof, const char *tx, int64_t now_ms, struct err *e);

/* What of micros the balance of a worker (0: it is lost, too) doesn't have. */
MUST_CHECK enum rc payout_lost(struct db *db, int64_t worker_id, int64_t micros,
    int64_t *lost, struct err *e);

/*
 * A payment of ours that the ledger doesn't know, because it was restored
 * from a copy older than it, or has voided, and that every node shows in a
 * final block: booked as final, with a finding. Credit that was lost with it
 * is recovered; so is the worker, whose id is then 0. Its amount is what was
 * paid, and its seal says how much of that is lost credit (payout_lost), of
 * which ledger/evidence.h counts no more; RC_CONFLICT when it isn't.
 */
MUST_CHECK enum rc payout_adopt(struct db *db, const struct payout *p,
    const struct payment *paid, int64_t now_ms, struct err *e);

/*
 * Holds a worker (0: everybody), by "operator" or "chain", or releases it.
 * Releasing what isn't held is fine.
 */
MUST_CHECK enum rc hold_set(struct db *db, int64_t worker_id, const char *by,
    const char *reason, int64_t now_ms, struct err *e);
MUST_CHECK enum rc
hold_release(struct db *db, int64_t worker_id, const char *by, struct err *e);

/* Up to which block the treasury's payments were compared; 0 at first. */
MUST_CHECK enum rc scanned_get(struct db *db, const struct payout_source *s,
    int64_t *block, struct err *e);
MUST_CHECK enum rc scanned_set(
    struct db *db, const struct payout_source *s, int64_t block, struct err *e);

const char *payout_state_name(enum payout_state state);
/* The state of that name; false, and *out as it was: there is none. */
bool payout_state_find(enum payout_state *out, struct slice name);

#endif
