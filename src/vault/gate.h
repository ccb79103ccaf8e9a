/*
 * The gate: the one rule that decides whether the treasury's key signs an
 * authorization. Pure functions: the clock, and what was signed before, are
 * handed in. No way to a signature leads around it. Any thread.
 */
#ifndef WORKNET_VAULT_GATE_H
#define WORKNET_VAULT_GATE_H

#include <stdbool.h>

#include "eth/address.h"

#define GATE_DAY_S 86400

/*
 * By how much the chain's newest block and this machine's clock may differ.
 * Base makes a block every 2 s, and a node that is 10 minutes behind is of no
 * use; a clock that is wrong by more signs what expired, or what never ends.
 */
#define GATE_DIFFER_MAX_S 600

/* Times before 2020 and after 2100 are none (Unix seconds). */
#define GATE_TIME_MIN_S	    1577836800LL
#define GATE_TIME_MAX_S	    4102444800LL
#define GATE_VALIDITY_MAX_S 604800 /* as [payout] validity_s */

/* In micro-USDC; each is above 0, or nothing is signed. */
struct gate_caps {
	int64_t payout_micros;
	int64_t run_micros;
	int64_t worker_day_micros;
	int64_t day_micros; /* of all workers */
};

/* What doesn't change during a run. */
struct gate_rule {
	struct gate_caps caps;
	int64_t validity_s;
	struct address treasury;
	struct address token;
};

struct gate_request {
	struct address worker;
	int64_t seq; /* the worker's 1st, 2nd, ... payment */
	int64_t amount_micros;
	/* What the worker has earned in all so far, paid or not. */
	int64_t earned_micros;
	bool adopted;	      /* found on the chain: no run has verified it */
	int64_t now_s;	      /* the vault's own clock */
	int64_t chain_time_s; /* the newest of all nodes' newest blocks */
	int64_t final_time_s; /* of their final blocks; 0: not known */
};

/*
 * What was signed before. A number that was signed several times is one
 * payment, of the highest of these amounts: they have one nonce.
 */
struct gate_past {
	int64_t run_micros;
	/* In the last 24 hours, without what was signed of this number. */
	int64_t worker_day_micros;
	int64_t day_micros;
	/*
	 * Over all other numbers of this payee ever signed or adopted, the last
	 * amount of each: what it was, or may be, paid.
	 */
	int64_t payee_micros;
	/* The last signature of this number, and the highest of the day. */
	bool has_same;
	bool same_adopted; /* not signed: found on the chain */
	int64_t same_micros;
	int64_t same_end_s;
	int64_t same_day_micros;
	/*
	 * The latest end of what is too old to be known number by number; 0:
	 * there is nothing like that.
	 */
	int64_t forgotten_end_s;
};

enum gate_reason {
	GATE_SIGN, /* a new authorization, until end_s */
	GATE_SAME, /* the very one that was signed before */
	GATE_NO_CAP,
	GATE_AMOUNT,
	GATE_NUMBER,
	GATE_PAYEE_ZERO,
	GATE_PAYEE_TREASURY,
	GATE_PAYEE_TOKEN,
	GATE_TIME,	/* a time, or the validity, that can't be */
	GATE_CLOCK,	/* the chain's time and ours differ */
	GATE_DAY,	/* too little of the journal is known for its day */
	GATE_ALIVE,	/* this number was signed, and may still be paid */
	GATE_FORGOTTEN, /* it may have been, and the final block is older */
	GATE_ADOPTED,
	GATE_EARNED, /* all that was signed for the worker is more than that */
	GATE_PAYOUT_CAP,
	GATE_RUN_CAP,
	GATE_WORKER_DAY_CAP,
	GATE_DAY_CAP,
	GATE_REASONS,
};

struct gate_answer {
	enum gate_reason reason;
	int64_t end_s; /* of GATE_SIGN, GATE_SAME and GATE_ALIVE; else 0 */
	/*
	 * What would be signed of this number instead: what a cap leaves, or
	 * what was signed before and isn't over. 0: nothing.
	 */
	int64_t instead_micros;
};

/* Whether these two times are sane, and at most 10 minutes apart. */
bool gate_clocks_agree(int64_t now_s, int64_t chain_time_s);

/* Decides; changes nothing. */
void gate_decide(struct gate_answer *out, const struct gate_rule *rule,
    const struct gate_request *rq, const struct gate_past *past);

/* For people: why; never NULL. */
const char *gate_reason_text(enum gate_reason reason);

/* The key of [payout] that a cap's reason is about; NULL of others. */
const char *gate_reason_cap(enum gate_reason reason);

#endif
