/*
 * Entries of the log: what each leaf says, as JSON, and the part of the
 * schedule that follows from a task's leaves. Pure functions; any thread.
 */
#ifndef WORKNET_PROOF_LEAF_H
#define WORKNET_PROOF_LEAF_H

#include "base/limits.h"
#include "eth/sha256.h"
#include "tlog/checkpoint.h"
#include "json/json.h"

#define LEAF_TASK	 "worknet/task/v1"
#define LEAF_PRIVATE	 "worknet/private-task/v1"
#define LEAF_SEGMENT	 "worknet/segment/v1"
#define LEAF_PAYOUT	 "worknet/payout/v1"
#define LEAF_FORFEIT	 "worknet/forfeit/v1"
#define LEAF_CANARY	 "worknet/canary/v1"
#define LEAF_DRILLS	 "worknet/drills/v1"
#define LEAF_MAINTENANCE "worknet/maintenance/v1"
#define LEAF_METHOD	 "worknet/method/v1"
#define LEAF_KEY	 "worknet/key/v1"

#define LEAF_NONE (-1) /* there is none before it: null */

#define SEGMENT_NAME_MAX 128 /* of a segment's file, below the site */
#define LEAF_WHY_MAX	 200 /* bytes */

/* A definition of a task, or another state of it, from a time on. */
struct task_leaf {
	char task[TASK_ID_MAX + 1];
	int64_t version;
	char state[16];
	int64_t from; /* Unix ms, as all times here */
	char url[URL_MAX + 1];
	int64_t expected_status;
	int64_t timeout_ms;
	int64_t interval_ms;
	int64_t copies;
	int64_t cooldown_ms;
	char region[REGION_MAX + 1];
	int64_t prev; /* index of the task's leaf before it */
	/*
	 * Of a private task: the entry has its label, its schedule, and the
	 * commitment to the entry that a public one would have, no more.
	 */
	char commitment[2 * SHA256_LEN + 1];
	char signed_name[TASK_ID_MAX + 1]; /* "" before it is opened */
};

/* Whether that is a label, and so a private task. */
bool leaf_is_private(const char *task);

/* What workers sign as the task's name. */
const char *task_leaf_name(const struct task_leaf *t);

/* A task's lines of [from, to), which ends with an hour. */
struct segment_leaf {
	char task[TASK_ID_MAX + 1];
	int64_t from;
	int64_t to;
	int64_t lines;
	int64_t bytes;
	char sha256[2 * SHA256_LEN + 1]; /* of the file */
	int64_t results;
	int64_t missed;
	int64_t refused;
	int64_t unassigned;
	/* The newest leaves of the task that its lines were made by: so none
	 * of them can be left out afterwards. */
	int64_t definition;
	int64_t maintenance; /* or LEAF_NONE */
	int64_t within;	     /* ms, of its assignment is a result's time */
	char seals[2 * SHA256_LEN + 1]; /* of a private one: seal.h */
	int64_t prev; /* index of the task's segment before it */
};

/*
 * Maintenance of a task, or its end. It counts when it was logged before it
 * began; logged is the log's clock, which never goes back.
 */
struct maintenance_leaf {
	char task[TASK_ID_MAX + 1];
	int64_t id;
	int64_t from;
	int64_t to;
	int64_t ended; /* before to; LEAF_NONE: it wasn't */
	int64_t noted;
	char why[LEAF_WHY_MAX + 1];
	int64_t logged;
	int64_t prev; /* index of the task's maintenance leaf before it */
};

/* How uptime is counted from then on: src/uptime/uptime.h. */
struct method_leaf {
	char method[32];
	int64_t confirm;
	int64_t networks;
	int64_t recover;
	int64_t gap_ms;
	char text[2 * SHA256_LEN + 1]; /* SHA-256 of what doc/uptime says */
	int64_t logged;
	int64_t prev; /* index of the method leaf before it */
};

#define LEAF_HEX_SIZE (2 + 2 * SHA256_LEN + 1)

/* The key of a day's drills: its hash, or later itself. */
struct canary_leaf {
	int64_t day; /* UTC, since 1970 */
	char hash[LEAF_HEX_SIZE];
	char key[LEAF_HEX_SIZE]; /* "": not shown yet */
	int64_t logged;
};

/* A day's drills of a task, which are told when the day's key is. */
struct drills_leaf {
	char task[TASK_ID_MAX + 1];
	int64_t day;
	int64_t lines;
	int64_t bytes;
	char sha256[2 * SHA256_LEN + 1]; /* of the file */
	char seals[2 * SHA256_LEN + 1];	 /* of a private one: seal.h */
};

/* Who signs the log, too, from then on, and alone once the old key is gone. */
struct key_leaf {
	char key[NOTE_VKEY_MAX + 1];
	int64_t logged;
};

/*
 * An entry of any of these types, as it is written and read: leaf is the struct
 * of its kind. leaf_write appends it, RC_NO_MEMORY; leaf_parse gives RC_INVALID
 * of an entry that leaf_write wouldn't write, or that makes no sense.
 */
enum leaf_kind {
	KIND_TASK,
	KIND_PRIVATE, /* struct task_leaf, too */
	KIND_SEGMENT,
	KIND_MAINTENANCE,
	KIND_METHOD,
	KIND_CANARY,
	KIND_DRILLS,
	KIND_KEY,
	KIND_OTHER, /* a payout, a forfeit: neither is written or read here */
};

MUST_CHECK enum rc leaf_write(
    struct buf *out, enum leaf_kind kind, const void *leaf, struct err *e);
MUST_CHECK enum rc
leaf_parse(void *leaf, enum leaf_kind kind, struct slice entry, struct err *e);

enum leaf_kind leaf_kind(struct slice entry);

/* The type of an entry, "" for none that it says. */
void leaf_type(char out[static 32], struct slice entry);

/* Lower-case digits of SHA-256, without 0x. */
void leaf_sha256(char out[static 2 * SHA256_LEN + 1], struct slice bytes);

/* "drills/YYYY/MM/DD/TASK.ndjson". */
void
drills_name(char out[static SEGMENT_NAME_MAX + 1], const struct drills_leaf *d);

/* "segment/YYYY/MM/DD/HH/TASK.ndjson", by the hour that it ends with. */
void segment_name(
    char out[static SEGMENT_NAME_MAX + 1], const struct segment_leaf *s);

/*
 * The cycles of a task: those that begin, nominally, while a definition is in
 * force and the task active, at multiples of its interval. Each has slots of
 * its copies.
 */
struct span {
	int64_t from;
	bool active;
	int64_t version;
	int64_t interval_ms;
	int64_t copies;
};

/* What of a leaf is of the schedule. */
struct span task_leaf_span(const struct task_leaf *t);

/*
 * The definition of that number which was in force at that time, else its
 * first; n: there is none. A ledger that was restored gives a number once more.
 */
size_t
span_find(const struct span *spans, size_t n, int64_t version, int64_t at);

/* The first cycle at or after *cycle, with its span; false: none before to. */
bool span_cycle_next(const struct span *spans, size_t n, int64_t to,
    int64_t *cycle, const struct span **span);

/* Whether the task is active at that time. */
bool span_is_active(const struct span *spans, size_t n, int64_t at);

/* Whether the slot of that copy is one of the task's schedule. */
bool
span_expects(const struct span *spans, size_t n, int64_t cycle, int64_t copy);

/*
 * The first of the spans up to i that are one definition, whatever its states:
 * a number alone may have been given twice.
 */
size_t span_first(const struct span *spans, size_t i);

/*
 * The moment that decides in which segment the line of such a slot is: its
 * cycle's begin, or, beside the schedule, not before there was the definition.
 */
int64_t span_place(const struct span *spans, size_t n, int64_t version,
    int64_t cycle, int64_t copy);

#endif
