/*
 * Addresses that ask to be admitted, with their wallet's signature: whom the
 * operator reads of in worknet worker requests. The table is bounded: in all,
 * for each network, and by age. Where it is full, a network that asks for fewer
 * takes a place of the one that asks for most, so one stranger's crowd, of
 * however many keys, keeps nobody out.
 */
#ifndef WORKNET_LEDGER_JOINING_H
#define WORKNET_LEDGER_JOINING_H

#include "eth/address.h"
#include "ledger/db.h"

#define JOIN_ROWS_MAX	 1000 /* what a person may still read */
#define JOIN_NETWORK_MAX 8    /* a household, or a small team */
#define JOIN_KEPT_MS	 (30LL * 24 * 3600 * 1000)

/* What there is of an address. */
struct joining {
	bool waits;    /* for the operator's answer */
	bool admitted; /* by the operator */
	bool works;    /* it was given something once */
	bool suspended;
	int64_t asked_ms; /* 0: it hasn't */
	char region[REGION_MAX + 1];
};

MUST_CHECK enum rc joining_read(struct db *db, const struct address *a,
    int64_t now_ms, struct joining *out, struct err *e);

struct join_ask {
	struct address address;
	struct slice network; /* that it comes from */
	struct slice region;
	int64_t issued_ms; /* of the text that it signed */
};

enum join_outcome {
	JOIN_TAKEN,
	JOIN_ADMITTED, /* already: nothing is written */
	JOIN_USED,     /* this text, or a later one, was used before */
	JOIN_NETWORK_FULL,
	JOIN_FULL,
};

/*
 * What becomes of it; with write, inside a write transaction, it is taken where
 * that is the outcome. Errors of db.h.
 */
MUST_CHECK enum rc
joining_ask(struct db *db, bool write, const struct join_ask *ask,
    int64_t now_ms, enum join_outcome *out, struct err *e);

/*
 * Inside a write transaction: the operator has said yes or no to an address, if
 * it has asked. It stays known as long as the text that it signed is good.
 */
MUST_CHECK enum rc joining_answer(
    struct db *db, const struct address *a, int64_t now_ms, struct err *e);

#endif
