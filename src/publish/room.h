/* What the files of this room share: a run. */
#ifndef WORKNET_PUBLISH_ROOM_H
#define WORKNET_PUBLISH_ROOM_H

#include "publish/book.h"
#include "publish/marks.h"
#include "publish/publish.h"
#include "publish/segment.h"
#include "publish/state.h"

/* Entries that wait for one checkpoint. */
struct entries {
	struct buf text; /* owned: all of them, one behind the other */
	size_t *end;	 /* owned: where each ends */
	size_t n, room;
};

struct publisher {
	struct db *db;
	int64_t now_ms;
	struct public_bounds bounds;
	int64_t over_ms; /* what was over then, is */
	bool idle;	 /* over_ms is now_ms, whatever the ledger has */
	struct book book;
	struct state state;
	struct marks marks;
	struct entries entries;
	struct publish_result *result;
};

/*
 * Appends what was written to p->entries.text since the last call as an entry,
 * and takes it into the state. RC_NO_MEMORY, RC_CORRUPT.
 */
MUST_CHECK enum rc entry_end(struct publisher *p, struct err *e);

/* The same of a leaf of that kind. */
MUST_CHECK enum rc leaf_entry(
    struct publisher *p, enum leaf_kind kind, const void *leaf, struct err *e);

/*
 * Puts a file of the task's lines where it belongs; of a private one its seals
 * are shown, whose hash is *seals then. Errors of site.h.
 */
MUST_CHECK enum rc
lines_put(struct publisher *p, const struct task_state *t, const char *name,
    struct slice file, char seals[static 2 * SHA256_LEN + 1], struct err *e);

/* Signs all entries that wait; they are published at the end of the run. */
MUST_CHECK enum rc entries_publish(struct publisher *p, struct err *e);

/* The method, definitions, states, maintenance, drills, payouts, forfeits that
 * are new. */
MUST_CHECK enum rc facts_publish(struct publisher *p, struct err *e);

/* Of these, keys of drills, and drills. Nothing is published yet. */
MUST_CHECK enum rc drills_publish(struct publisher *p, struct err *e);

/* Appends the entry of a payout, or a forfeit. RC_NO_MEMORY. */
MUST_CHECK enum rc
payout_write(struct buf *out, const struct public_payout *o, struct err *e);
MUST_CHECK enum rc
forfeit_write(struct buf *out, const struct public_forfeit *f, struct err *e);

/* Hours that are over. */
MUST_CHECK enum rc hours_publish(struct publisher *p, struct err *e);

#endif
