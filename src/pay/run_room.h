/*
 * What the parts of a run share: run.c, adopt.c, reconcile.c, authorize.c,
 * payees.c, window.c. Private to src/pay.
 */
#ifndef WORKNET_PAY_RUN_ROOM_H
#define WORKNET_PAY_RUN_ROOM_H

#include "ledger/payout.h"
#include "ledger/worker.h"
#include "pay/chain.h"
#include "pay/facilitator.h"
#include "pay/run.h"

struct run {
	struct db *db;			   /* borrowed */
	const struct conf *conf;	   /* borrowed */
	const struct run_options *options; /* borrowed */
	struct run_result *result;	   /* borrowed */
	struct network network;
	struct eth_key key; /* wiped at the end */
	struct payout_source source;
	uint8_t ledger_id[LEDGER_ID_LEN];
	int64_t created_ms;		 /* of the ledger */
	struct chain *chain;		 /* owned */
	struct cdp_key *cdp_key;	 /* owned; NULL: none */
	struct facilitator *facilitator; /* owned */
	struct chain_block latest;	 /* at the run's start */
	struct chain_block final;
	int64_t budget_micros; /* not yet promised */
};

/* A payout that is being settled. */
struct open_payout {
	struct payout payout;
	struct payout_auth auth; /* owned; empty while reserved */
	struct chain_judgment judgment;
	enum answer_class answer; /* of its last POST in this run, or RETRY */
	bool maybe_transient;
	bool posted_before; /* its bytes were sent before */
	bool has_hint;
	uint8_t hint[TX_HASH_LEN];
};

/* Something that a person must see: in the ledger, and on standard error. */
MUST_CHECK enum rc run_finding(struct run *r, const char *kind,
    const char *subject, const char *detail, struct err *e);

/* The same of a payout. */
MUST_CHECK enum rc run_payout_finding(struct run *r, const struct payout *p,
    const char *kind, const char *detail, struct err *e);

/* Which nonce the worker's seq-th payout has. */
void run_nonce(const struct run *r, const struct address *worker, int64_t seq,
    uint8_t out[static PAYOUT_NONCE_LEN]);

/*
 * Whether p is of the configured chain, token and treasury. What the chain
 * says of this treasury's nonces proves nothing about another one's.
 */
bool run_is_ours(const struct run *r, const struct payout *p);

/* True once the run should end between two payouts: a signal, or a hold. */
bool run_should_stop(struct run *r);

/* ---- adopt.c ---- */

/* Payments on the chain that the ledger doesn't know become payouts. */
MUST_CHECK enum rc run_adopt_lost(struct run *r, struct err *e);

/* ---- reconcile.c ---- */

/* Asks the chain about the n payouts and books what it says. */
MUST_CHECK enum rc
run_judge(struct run *r, struct open_payout *all, size_t n, struct err *e);

/* Every open payout that is signed: judges and books. */
MUST_CHECK enum rc run_reconcile(struct run *r, struct err *e);

/* ---- authorize.c ---- */

/*
 * Now, for an authorization's validity: a clock that is behind the chain
 * would sign what has expired.
 */
int64_t run_chain_now_s(const struct run *r);

/* Reads the authorization of a signed payout. RC_NOT_FOUND without one. */
MUST_CHECK enum rc
open_payout_load(struct run *r, struct open_payout *o, struct err *e);
void open_payout_free(struct open_payout *o);

/*
 * Seals p before it is in the ledger, and what was verified for it; see
 * ledger/seal.h.
 */
MUST_CHECK enum rc run_seal(struct run *r, struct payout *p,
    int64_t verified_to, int64_t balance_micros, struct err *e);

/* Whether a run has made p as it is: nobody else's is signed. */
bool run_is_sealed(const struct run *r, const struct payout *p);

/*
 * Signs a reserved payout and stores its bytes; results: how many signatures
 * were verified for it, negative when that was before it was reserved.
 */
MUST_CHECK enum rc
run_sign(struct run *r, struct open_payout *o, int64_t results, struct err *e);

/* ---- payees.c ---- */

/* Pays every payee what the caps allow; of a dry run, only says so. */
MUST_CHECK enum rc run_pay_payees(struct run *r, struct err *e);

/* ---- window.c ---- */

/* Where the window gets its payouts from. */
struct feed {
	/*
	 * Makes up to room (SETTLE_AT_ONCE_MAX at most) payouts ready to be
	 * sent: *n of them, over what was in out; they are the caller's also
	 * when it fails. 0 while there is none yet; *dry is set when there
	 * won't be any more.
	 */
	enum rc (*fill)(void *ctx, struct open_payout *out, size_t room,
	    size_t *n, bool *dry, struct err *e);
	void *ctx;
	int ready_fd; /* readable when fill would give one; -1: always */
};

/*
 * Sends what the feed gives, as many at once as the configuration says, and
 * has the chain judge each, until nothing more can be done in this run. What
 * was sent is never abandoned: also when it fails or is to stop, answers are
 * waited for.
 */
MUST_CHECK enum rc
run_window(struct run *r, const struct feed *feed, struct err *e);

#endif
