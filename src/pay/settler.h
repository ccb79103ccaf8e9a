/*
 * A way to settle: something that is given signed authorizations and has them
 * carried out, a facilitator for one. And how it does: a settler that fails
 * is given one payout at a time, one that fails for several payees one in
 * each run, until it settles again. Private to src/pay; one thread.
 */
#ifndef WORKNET_PAY_SETTLER_H
#define WORKNET_PAY_SETTLER_H

#include "ledger/payout_run.h"
#include "x402/facilitators.h"

struct run;
struct open_payout;

/* Different payees in vain, in one run: then it is given no others. */
#define SETTLER_PAYEES_MAX 3
/*
 * Runs in vain, one after the other: then a person is told. More than one
 * within a validity says the same.
 */
#define SETTLER_RUNS_MAX 3
/* The same of a node's faults, each of which has lasted for some time. */
#define NODE_RUNS_MAX 2

struct settler {
	char name[SETTLER_NAME_MAX + 1];
	void *ctx;	 /* borrowed: of the functions below */
	size_t at_once;	 /* payouts that it takes */
	size_t at_first; /* the same before it settled any; 0: as many */
	size_t ahead;	 /* noted as submitted before there is room for them */
	/* It is only sent what others don't settle in time. */
	bool is_fallback;
	/*
	 * Starts on a payout, which stays as it is until its answer; tag comes
	 * back with that.
	 */
	void (*send)(void *ctx, size_t tag, const struct open_payout *o);
	/* As facilitator_wait. */
	const struct settle_answer *(*wait)(
	    void *ctx, int64_t timeout_ms, int wake_fd, size_t *tag);
	size_t (*in_flight)(void *ctx);
	/* How long it wants to be left alone. */
	int64_t (*pause_ms)(void *ctx);
	/* Gives up what is on its way, for good. */
	void (*abandon)(void *ctx);
	/*
	 * Asks whether it takes what we would send; RC_OK if it may. Else its
	 * words. *unfit: it said no, and not only nothing.
	 */
	enum rc (*probe)(void *ctx, int stop_fd, bool *unfit, struct err *e);

	struct settler_health health; /* before this run, and since */
	bool probed;		      /* asked in this run */
	bool out;		      /* not used any more in this run */
	bool tried;		      /* while it was braked, in this run */
	bool in_vain;		      /* this run is counted in health */
	bool settled;		      /* this run has shown that it settles */
	bool unshared;		      /* one node alone shows what it settled */
	int64_t payees;		      /* of this run, in vain */
	int64_t refused;	      /* of those: refused for good */
};

#define SETTLERS_MAX (FACILITATORS_MAX + 1) /* and ourselves */

/* A payment that a settler will never carry out. */
struct refusal {
	size_t settler;
	struct address worker;
	char words[SETTLER_WORDS_MAX + 1];
};

struct settlers {
	struct settler all[SETTLERS_MAX];
	size_t n;
	bool more; /* new payouts are being prepared, and will be sent soon */
	struct refusal *refusals; /* owned; of this run */
	size_t refusals_n;
};

/*
 * Makes r->settlers (settlers_free) of f, which is borrowed, with how they did
 * so far. RC_NO_MEMORY, and errors of db.h.
 */
MUST_CHECK enum rc
settlers_new(struct run *r, const struct facilitators *f, struct err *e);
void settlers_free(struct settlers *all);

/* Adds s, as the last, under that name, with how it did so far. */
MUST_CHECK enum rc settlers_add(
    struct run *r, const struct settler *s, const char *name, struct err *e);

/*
 * Whether the others have had their time, direct_after_s: o was signed so long
 * ago (NULL: a new one), or they have settled nothing for so long.
 */
bool settler_is_due(
    const struct run *r, const struct settler *s, const struct open_payout *o);

/* Whether what it doesn't take is for the next one. */
bool settler_gives_way(const struct run *r, const struct settler *s);

/*
 * Who is asked first about o, as an index: the first, or the fallback where
 * the others had their time with this one.
 */
size_t settlers_first(const struct run *r, const struct open_payout *o);

/* Whether it is known to settle: it did, and nothing failed since. */
bool settler_settles(const struct settler *s);

/* How many payouts it may have at once. */
size_t settler_room(const struct run *r, const struct settler *s);

/* What a settler has of this run's payouts. */
struct settler_load {
	size_t noted; /* as submitted to it, and not sent yet */
	size_t sent;  /* without an answer */
	size_t begun; /* those, and the ones that are to be judged or retried */
	size_t failed; /* of those to be judged: the answer isn't a success */
};

/*
 * Whether it may be sent one more, beside that load; one that isn't known to
 * settle, before those have a verdict, and no other payee's while one is to be
 * retried. Nothing while an answer that may be a failure has no verdict: what
 * follows it are at most SETTLER_PAYEES_MAX payees.
 */
bool settler_has_room(const struct run *r, const struct settler *s,
    const struct settler_load *load);

/*
 * The chain shows the payment of o, as it was judged: whoever was sent it last
 * settles, and what was found of it is over. is_new: it didn't show it before;
 * else it counts only for a settler that has settled nothing since it was
 * signed.
 *
 * What one node shows alone and another one doesn't may be an invention. A run
 * that sees nothing else of a settler is one in vain: with two nodes nobody
 * can tell which of them lies, and a person must look.
 */
MUST_CHECK enum rc settler_settled(
    struct run *r, const struct open_payout *o, bool is_new, struct err *e);

/*
 * The chain doesn't; done: it isn't sent the same again in this run.
 * RC_NO_MEMORY.
 */
MUST_CHECK enum rc
settler_failed(struct run *r, struct settler *s, const struct open_payout *o,
    const struct settle_answer *a, bool done, struct err *e);

/* Refused every request at the door, whoever's payment it was. */
bool settler_answer_is_unfit(const struct settle_answer *a);

/* Before it is sent the first payout of a run: false when it takes none. */
bool settler_is_fit(struct run *r, struct settler *s);

/*
 * Gives up what all of them have on their way, or waits for an answer of any:
 * *which tells whose it is. As facilitator_wait.
 */
void settlers_abandon(struct settlers *all);
size_t settlers_in_flight(const struct settlers *all);
const struct settle_answer *settlers_wait(struct settlers *all,
    int64_t timeout_ms, int wake_fd, size_t *which, size_t *tag);

/* At the end of a run: what a person must see, and how they did. */
MUST_CHECK enum rc settlers_tell(struct run *r, struct err *e);

/*
 * The same of the nodes, also when the run failed for them: one that doesn't
 * do its work is told after NODE_RUNS_MAX runs.
 */
MUST_CHECK enum rc nodes_tell(struct run *r, struct err *e);

#endif
