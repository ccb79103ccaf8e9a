/*
 * Standing: what an address has shown, which is all that earns it a slot of its
 * own. It is new until enough of its results were paid, in enough different
 * hours; what it is given until then reserves nothing. After silence about a
 * slot that it held it holds nothing until it was paid in as many hours again;
 * that is all that silence takes, since others may have polled in its name from
 * its network while it was away.
 *
 * That a poll in an address's name is its own, nobody knows: but that it comes
 * from the network whence the last results came that the address signed. Only
 * such a poll makes it hold anything.
 */
#ifndef WORKNET_LEDGER_STANDING_H
#define WORKNET_LEDGER_STANDING_H

#include "base/limits.h"
#include "eth/address.h"
#include "ledger/db.h"

struct standing {
	int64_t worker; /* 0: never seen */
	bool known;
	int64_t results;    /* paid; counted up to STANDING_RESULTS_MAX */
	int64_t hours;	    /* in which some were, up to STANDING_HOURS_MAX */
	int64_t hour;	    /* the last of them, since 1970 */
	int64_t owed_hours; /* after silence, until it may hold again */
	char network[SUBNET_MAX + 1];
	int64_t region; /* that it works for; 0: none yet */
	int64_t region_ms;
};

/* What the configuration asks for. */
struct standing_rules {
	int64_t results;
	int64_t hours;
};

/* Nothing (known is false) of who is new. Errors of db.h. */
MUST_CHECK enum rc standing_read(
    struct db *db, int64_t worker, struct standing *out, struct err *e);

/* The same of the worker with that address. */
MUST_CHECK enum rc standing_find(struct db *db, const struct address *a,
    struct standing *out, struct err *e);

/* Whether nothing is asked for: then nobody can lose it. */
bool standing_is_anybodys(const struct standing_rules *rules);

bool
standing_is_good(const struct standing *s, const struct standing_rules *rules);

/* Whether what it is given can be its own, if its poll is. */
bool
standing_may_hold(const struct standing *s, const struct standing_rules *rules);

/* Whether polls from that network may be the address's own. */
bool standing_is_from(const struct standing *s, struct slice network);

/*
 * One key counts once, however many regions it names: it is given tasks of the
 * one in which it is paid, and of another after a day without pay there.
 */
bool
standing_may_work_in(const struct standing *s, int64_t region, int64_t now_ms);

/*
 * Inside a write transaction: n results that came from that network were paid,
 * at least one of them for region, or for none (0).
 */
MUST_CHECK enum rc
standing_pay(struct db *db, int64_t worker, struct slice network,
    int64_t region, int64_t n, int64_t now_ms, struct err *e);

/* Inside a write transaction: it was silent about what it held. */
MUST_CHECK enum rc standing_was_silent(struct db *db, struct standing *s,
    const struct standing_rules *rules, struct err *e);

/* Inside a write transaction: back to new. */
MUST_CHECK enum rc standing_lose(struct db *db, int64_t worker, struct err *e);

#endif
