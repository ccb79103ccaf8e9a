/*
 * What of the ledger is published in the transparency log, row by row. Only
 * reads; what a row borrows is valid during the call that shows it. Each
 * function is best called inside of one read transaction with the others. An
 * error of the function that is called ends the reading and is returned; else
 * errors of db.h.
 */
#ifndef WORKNET_LEDGER_PUBLICATION_H
#define WORKNET_LEDGER_PUBLICATION_H

#include "base/refused.h"
#include "ledger/db.h"
#include "ledger/private_task.h"
#include "ledger/round_path.h"
#include "ledger/row.h"

/* A definition of a task; its state is the task's now. */
struct public_task {
	int64_t task;
	struct slice
	    name; /* what the log calls it: of a private one its label */
	struct slice signed_name; /* what workers call it */
	const uint8_t *salt;	  /* of a private one; or NULL */
	struct slice state;	  /* active, paused, removed */
	int64_t version;
	struct slice url;
	int64_t expected_status;
	int64_t timeout_ms;
	int64_t interval_ms;
	int64_t copies;
	int64_t cooldown_ms;
	struct slice region;	   /* "" for any */
	struct slice first_region; /* what it was called at first */
	int64_t from_ms;	   /* when the definition was made */
};

/* A slot that was given: of a result, or of an assignment. */
struct public_slot {
	int64_t slot;
	int64_t task;
	int64_t version;
	int64_t cycle_ms;
	int64_t copy;
	int64_t assigned_ms;
	struct slice worker;
	struct slice network; /* "": it isn't known */
	/* Of an assignment, of whose answers the first was refused. */
	enum refused refused;
	/* Of a result. */
	int64_t timestamp_ms;
	bool success;
	int64_t status;	     /* or ABSENT */
	int64_t response_ms; /* or ABSENT */
	bool has_error;
	struct slice error;
	enum address_form form;
	uint8_t signature[SIGNATURE_LEN]; /* of the round, if it is in one */
	/* Of a result in a round: NULL, and nothing below, if it is in none. */
	const struct round_path *path;
	int64_t place;
	int64_t anchor;
	struct slice trace;  /* "" */
	struct slice token;  /* "" */
	struct slice region; /* "" */
};

/* A slot of whose holder an answer was refused. */
struct public_refused {
	int64_t id; /* in the order in which they were written down */
	int64_t slot;
	int64_t cycle_ms;
	struct slice worker;
	enum refused why;
	int64_t at_ms; /* when it was written down */
};

struct public_payout {
	struct slice worker;
	int64_t seq;
	int64_t micros;
	struct slice nonce;
	int64_t chain_id;
	struct slice tx;
	int64_t block;
	int64_t at_ms; /* when it was booked as final */
};

struct public_forfeit {
	uint8_t transfer_hash[KECCAK256_LEN]; /* names it */
	struct slice worker;
	int64_t micros;
	int64_t at_ms;
	int64_t since_ms;
	struct slice by;
	struct slice why;
};

struct public_maintenance {
	int64_t id;
	struct slice task; /* what the log calls it */
	int64_t from_ms;
	int64_t to_ms;
	int64_t ended_ms; /* before to_ms, or -1 */
	int64_t noted_ms;
	struct slice why; /* "" of a private task */
};

struct public_key {
	int64_t day;	   /* UTC, since 1970 */
	struct slice hash; /* 32 bytes */
	struct slice key;  /* 32 bytes, or none: not shown yet */
};

typedef enum rc
public_task_fn(void *ctx, const struct public_task *t, struct err *e);
typedef enum rc public_slot_fn(
    void *ctx, const struct public_slot *s, bool *stop, struct err *e);
typedef enum rc
public_refused_fn(void *ctx, const struct public_refused *r, struct err *e);
typedef enum rc
public_payout_fn(void *ctx, const struct public_payout *p, struct err *e);
typedef enum rc
public_forfeit_fn(void *ctx, const struct public_forfeit *f, struct err *e);
typedef enum rc public_maintenance_fn(
    void *ctx, const struct public_maintenance *m, struct err *e);
typedef enum rc
public_key_fn(void *ctx, const struct public_key *k, struct err *e);

/* All definitions, those of a task one after the other, the oldest first. */
MUST_CHECK enum rc
public_tasks(struct db *db, public_task_fn *fn, void *ctx, struct err *e);

/* The definition of that number; nothing is shown when there is none. */
MUST_CHECK enum rc public_definition(struct db *db, int64_t version,
    public_task_fn *fn, void *ctx, struct err *e);

/* Results of slots after that one, but for drills, in order, until fn sets
 * *stop. */
MUST_CHECK enum rc public_results(struct db *db, int64_t after_slot,
    public_slot_fn *fn, void *ctx, struct err *e);

/* Results of drills that were given on that day (UTC, since 1970), in order. */
MUST_CHECK enum rc public_drills(
    struct db *db, int64_t day, public_slot_fn *fn, void *ctx, struct err *e);

/* Assignments that the ledger still has, from that time on, in no order. */
MUST_CHECK enum rc public_assignments(struct db *db, int64_t from_ms,
    public_slot_fn *fn, void *ctx, struct err *e);

/* Refused answers that were written down after that one, in order. */
MUST_CHECK enum rc public_refusals(struct db *db, int64_t after,
    public_refused_fn *fn, void *ctx, struct err *e);

/* That of one slot; nothing is shown when there is none. */
MUST_CHECK enum rc public_refusal_of(struct db *db, int64_t slot,
    public_refused_fn *fn, void *ctx, struct err *e);

MUST_CHECK enum rc
public_payouts(struct db *db, public_payout_fn *fn, void *ctx, struct err *e);
MUST_CHECK enum rc
public_forfeits(struct db *db, public_forfeit_fn *fn, void *ctx, struct err *e);
MUST_CHECK enum rc public_maintenances(
    struct db *db, public_maintenance_fn *fn, void *ctx, struct err *e);
MUST_CHECK enum rc
public_keys(struct db *db, public_key_fn *fn, void *ctx, struct err *e);

struct public_bounds {
	int64_t last_slot; /* that was given */
	int64_t window_ms; /* so long after that a slot may be paid */
	int64_t within_ms; /* of it is the time that a result says, at most */
	int64_t newest_ms; /* when anything was last given or paid; 0: never */
};

MUST_CHECK enum rc
public_bounds_read(struct public_bounds *out, struct db *db, struct err *e);

#endif
