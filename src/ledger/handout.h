/*
 * Handouts: what polls were given that isn't answered, a row for each poll.
 * They say what a network has, which poll of an address is to be told again,
 * who was silent, and what strangers left behind that can be forgotten.
 */
#ifndef WORKNET_LEDGER_HANDOUT_H
#define WORKNET_LEDGER_HANDOUT_H

#include "eth/address.h"
#include "ledger/db.h"
#include "ledger/standing.h"

struct handout {
	struct address address;
	int64_t worker;
	struct slice network;
	int64_t at_ms;
	int64_t slots;
	int64_t held_ms; /* until when the address holds them; 0: it doesn't */
};

/* Inside a write transaction, as all but the counts. Errors of db.h. */
MUST_CHECK enum rc
handout_add(struct db *db, const struct handout *h, struct err *e);

/* Slots that a network was given and hasn't answered. */
struct handout_sums {
	int64_t held;	/* also by who was silent about them since */
	int64_t free;	/* that reserve nothing */
	int64_t silent; /* addresses that held some for too long */
};

/* Those since then; of the silent, all that aren't forgotten yet. */
MUST_CHECK enum rc handout_count(struct db *db, struct slice network,
    int64_t since_ms, int64_t now_ms, struct handout_sums *out, struct err *e);

/* n slots of what an address was given at that time were paid to it. */
MUST_CHECK enum rc handout_paid(struct db *db, const struct address *a,
    int64_t at_ms, int64_t n, struct err *e);

/*
 * Looks what became of an address's own: about what it held for too long it was
 * silent.
 */
MUST_CHECK enum rc
handout_settle(struct db *db, const struct address *a, struct standing *s,
    const struct standing_rules *rules, int64_t now_ms, struct err *e);

/*
 * Forgets a few of those that are older than keep_ms, or of a time that never
 * was, and the workers that left nothing else: more than one poll adds.
 */
MUST_CHECK enum rc
handout_purge(struct db *db, const struct standing_rules *rules,
    int64_t keep_ms, int64_t now_ms, struct err *e);

#endif
