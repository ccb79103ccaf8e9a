/*
 * What a worker may know of its account: its sums, and the newest lines of each
 * kind. It costs the same however many results there are: each kind is read
 * from its newest on, by an index of the worker's own lines (payout_seq,
 * transfer_credit, transfer_debit). Which of its results were drills doesn't
 * follow from it: credit is told by the request that it was given for, without
 * the tasks. One thread.
 */
#ifndef WORKNET_LEDGER_STATEMENT_H
#define WORKNET_LEDGER_STATEMENT_H

#include "ledger/account.h"
#include "ledger/payout.h"
#include "ledger/refusal.h"

#define STATEMENT_LINES	   20  /* of each kind */
#define STATEMENT_WHY_MAX  300 /* bytes; what is longer is cut */
#define STATEMENT_REFUSALS 60  /* lines, of a day and a reason each */

struct statement_payout {
	int64_t number;
	int64_t reserved_ms;
	int64_t amount_micros;
	int64_t paid_micros; /* as the chain shows */
	enum payout_state state;
	int64_t chain_id;
	char tx[TX_LEN + 1]; /* "": none that counts */
};

struct statement_credit {
	int64_t at_ms;
	int64_t micros;
	int64_t results;
	bool recovered; /* a restored ledger had lost it */
};

struct statement_forfeit {
	int64_t at_ms;
	int64_t micros;
	int64_t since_ms; /* credit given since then */
	bool by_record;	  /* by itself, after failed drills */
	char why[STATEMENT_WHY_MAX + 1];
};

/* Why nothing is paid to it at present. */
enum statement_hold {
	HELD_NOT,
	HELD_ALL, /* as everybody */
	HELD_BY_OPERATOR,
	HELD_BY_TOKEN, /* which refuses the address */
};

struct statement {
	int64_t now_ms;
	struct account account;
	enum statement_hold hold;
	int64_t last_run_ms;  /* that pays, its beginning; 0: none yet */
	int64_t run_every_ms; /* usually; 0: not known */
	int64_t next_run_ms;  /* by these two; 0: not known, or overdue */
	int64_t refused;      /* results in REFUSAL_DAYS */
	size_t payouts_n, credits_n, forfeits_n, refusals_n;
	struct statement_payout payouts[STATEMENT_LINES];
	struct statement_credit credits[STATEMENT_LINES];
	struct statement_forfeit forfeits[STATEMENT_LINES];
	struct refusal_line refusals[STATEMENT_REFUSALS];
};

/* All of one moment. RC_NOT_FOUND as account_read. */
MUST_CHECK enum rc statement_read(struct db *db, const struct address *address,
    int64_t now_ms, struct statement *out, struct err *e);

#define STATEMENT_TRANSFERS 100 /* of one page */

/* What moved the worker's balance: the sum of all is what is owed to it. */
struct statement_transfer {
	int64_t id;
	int64_t at_ms;
	int64_t micros; /* negative: less is owed */
	int64_t results;
	char kind[16]; /* credit, recover, reserve, void, forfeit */
};

/* Some of these, the newest first. */
struct statement_page {
	int64_t now_ms;
	struct account account;
	int64_t before; /* transfers before this one; INT64_MAX: the newest */
	size_t n;
	bool more; /* there are older ones */
	struct statement_transfer all[STATEMENT_TRANSFERS];
};

/* As statement_read; of transfers before `before`. */
MUST_CHECK enum rc
statement_page_read(struct db *db, const struct address *address,
    int64_t now_ms, int64_t before, struct statement_page *out, struct err *e);

/* "", "everybody", "operator" or "token". */
const char *statement_hold_name(enum statement_hold hold);

#endif
