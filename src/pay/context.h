/*
 * What the parts of a payout run share. Private to src/pay; one thread.
 */
#ifndef WORKNET_PAY_CONTEXT_H
#define WORKNET_PAY_CONTEXT_H

#include "evm/nodes.h"
#include "ledger/payout.h"
#include "ledger/worker.h"
#include "pay/options.h"
#include "vault/vault.h"
#include "x402/facilitators.h"

struct direct;
struct settlers;
struct window;

struct run {
	struct db *db;			   /* borrowed */
	const struct conf *conf;	   /* borrowed */
	const struct run_options *options; /* borrowed */
	struct run_result *result;	   /* borrowed */
	struct network network;
	struct vault *vault;	  /* borrowed: it has the key */
	bool may_sign;		  /* its journal is in order */
	struct journal_mark mark; /* how far that is */
	struct payout_source source;
	uint8_t ledger_id[LEDGER_ID_LEN];
	int64_t created_ms;		  /* of the ledger */
	struct nodes *nodes;		  /* owned */
	struct facilitators facilitators; /* owned */
	struct direct *direct;		  /* owned; NULL: not configured */
	struct settlers *settlers;	  /* owned */
	struct window *window;		  /* settle.h; NULL: none is open */
	int64_t began_ms;
	struct head head;      /* where the chain is: see run_look */
	int64_t budget_micros; /* not yet promised */
	/* Who isn't paid now: see adopt_waits. */
	struct address *waiting; /* owned */
	size_t waiting_count;
};

/*
 * Something that a person must see: in the ledger, on standard error and by
 * the exit code; unless it happened before and a person has closed it.
 */
MUST_CHECK enum rc run_finding(struct run *r, const char *kind,
    const char *subject, const char *detail, struct err *e);

/* The same of what isn't a failure: the exit code stays as it is. */
MUST_CHECK enum rc run_notice(struct run *r, const char *kind,
    const char *subject, const char *detail, struct err *e);

/* A finding of a payout. */
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

/*
 * A finding that is over: this worker's, this payout's, or all of a kind that
 * this run, which looked at every one, hasn't seen.
 */
MUST_CHECK enum rc run_over(struct run *r, const char *kind,
    const struct address *worker, struct err *e);
MUST_CHECK enum rc run_payout_over(
    struct run *r, const struct payout *p, const char *kind, struct err *e);
MUST_CHECK enum rc
run_over_unseen(struct run *r, const char *kind, struct err *e);

/* True once a signal came: the run should end within seconds. */
bool run_is_stopped(const struct run *r);

/* True once the run should end between two payouts: a signal, or a hold. */
bool run_should_stop(struct run *r);

/*
 * Brings r->head to what the nodes showed last, and asks them again when that
 * is long ago: before something is signed. RC_IO.
 */
MUST_CHECK enum rc run_look(struct run *r, struct err *e);

/*
 * Now, for an authorization's validity: a clock that is behind the chain
 * would sign what has expired.
 */
int64_t run_chain_now_s(const struct run *r);

#endif
