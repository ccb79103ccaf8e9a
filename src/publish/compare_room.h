/*
 * What the parts of the comparison share: compare.c goes through the log's
 * entries, compare_lines.c holds files to results, compare_archived.c to what
 * is left of results that were dropped. One thread.
 */
#ifndef WORKNET_PUBLISH_COMPARE_ROOM_H
#define WORKNET_PUBLISH_COMPARE_ROOM_H

#include "publish/awaited.h"
#include "publish/compare.h"
#include "publish/room.h"

/* A task of the ledger, and its results that weren't found in the log yet. */
struct task_rest {
	int64_t id;
	char name[TASK_ID_MAX + 1];
	int64_t interval_ms; /* the longest of its definitions */
	struct cells cells;  /* by slot */
};

/* A leaf of a payout or a forfeit, by the hash of its entry. */
struct money_leaf {
	uint8_t hash[SHA256_LEN];
	int64_t index;
	bool found; /* in the ledger */
};

struct compare {
	const struct compare_wanted *w;
	struct compare_report *out;
	struct db *db;
	struct site site;
	struct site hidden; /* of private tasks */
	struct checkpoint checkpoint;
	struct state state;
	struct public_bounds bounds;
	struct task_rest *task; /* owned, by id */
	size_t tasks;
	int64_t slot;		  /* results up to it were read */
	int64_t stop_ms;	  /* up to what was assigned then */
	bool at_end;		  /* what is read isn't kept, but judged */
	int64_t day, day_lines;	  /* of drills' files of the newest day */
	struct awaited archived;  /* credits whose lines were not all found */
	int64_t archived_to;	  /* those up to that transfer were read */
	struct money_leaf *money; /* owned */
	size_t money_n;
	/* The tree's complete subtrees so far, the largest first. */
	struct tree_hash tree[64];
	size_t tree_n;
};

/* Tells what differs. */
void compare_found(struct compare *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Definitions of a task come one after the other, tasks in order. */
MUST_CHECK enum rc
compare_task(void *ctx, const struct public_task *t, struct err *e);

/* Leaf i, which is of a file or of a day's key. */
MUST_CHECK enum rc compare_segment(
    struct compare *c, int64_t i, const struct segment_leaf *s, struct err *e);
MUST_CHECK enum rc compare_drills(
    struct compare *c, int64_t i, const struct drills_leaf *d, struct err *e);
MUST_CHECK enum rc
compare_key(struct compare *c, const struct canary_leaf *k, struct err *e);

/* What was paid, and read, but is in no segment; and what is left. */
MUST_CHECK enum rc compare_rest(struct compare *c, struct err *e);

/*
 * Has credits read that are archived and were given before c->stop_ms. A line
 * of leaf i's file that the ledger has no result for; *was_paid: one of these
 * was paid for its slot. A file whose hash the ledger has, too. At the end:
 * what lacks lines.
 */
MUST_CHECK enum rc compare_archived_read(struct compare *c, struct err *e);
MUST_CHECK enum rc compare_archived_line(struct compare *c, int64_t i,
    int64_t task, struct slice text, bool *was_paid, struct err *e);
MUST_CHECK enum rc compare_archived_file(
    struct compare *c, int64_t i, const char *sha256, struct err *e);
MUST_CHECK enum rc compare_archived_end(struct compare *c, struct err *e);

#endif
