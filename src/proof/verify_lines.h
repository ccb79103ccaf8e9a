/* The lines of a segment beside its leaf and its task's definitions. Only
 * proof/verify.c uses it. */
#ifndef WORKNET_PROOF_VERIFY_LINES_H
#define WORKNET_PROOF_VERIFY_LINES_H

#include "eth/address.h"
#include "eth/hex.h"
#include "eth/nonce.h"
#include "ledger/canary.h"
#include "proof/anchor_proof.h"
#include "proof/hours.h"
#include "proof/verify.h"

/* What must not be told twice, in whatever hours. */
struct told {
	int64_t slot;
	int64_t timestamp; /* LINE_NONE: no result */
	struct address worker;
};

struct told_list {
	struct told *all; /* owned: told_free */
	size_t n, room;
	char ledger[HEX_SIZE(LEDGER_ID_LEN)]; /* of rounds; "": none yet */
};

/*
 * RC_INVALID when a slot has two lines, or a worker's one signed result is that
 * of two slots.
 */
MUST_CHECK enum rc told_check(struct told_list *l, struct err *e);
void told_free(struct told_list *l);

/* A task, as far as its leaves tell. */
struct verify_task {
	const struct task_leaf *leaf; /* in order */
	const struct span *span;      /* of each */
	size_t n;
	const struct anchor_list *anchors;
	const struct hours *hours; /* that the log had */
	bool is_sealed;		   /* what workers signed isn't told */
};

/* A result, as far as it counts for the uptime. */
struct ballot {
	size_t definition; /* the first leaf of it */
	int64_t cycle;
	size_t order; /* of lines */
	struct uptime_vote vote;
};

/* Votes of the schedule's slots. */
struct ballots {
	struct ballot *all; /* owned */
	size_t n, room;
};

/*
 * Whether the file is what the leaf, of that index, says, and its lines are
 * those of the schedule. Adds to *told, *ballots and *out. RC_INVALID with the
 * line's number.
 */
MUST_CHECK enum rc
verify_segment(const struct verify_task *t, const struct segment_leaf *s,
    int64_t index, struct slice file, struct told_list *told,
    struct ballots *ballots, struct verify_report *out, struct err *e);

/* The key of a day's drills, and whether it was promised before the day. */
struct drills_key {
	uint8_t key[CANARY_KEY_LEN];
	bool in_time;
};

/*
 * Whether the file is what the leaf, of that index, says, and each line a
 * drill's, by the key, that its worker signed. Adds to *told and *out.
 * RC_INVALID with the line's number.
 */
MUST_CHECK enum rc
verify_drills(const struct verify_task *t, const struct drills_leaf *d,
    int64_t index, const struct drills_key *key, struct slice file,
    struct told_list *told, struct verify_report *out, struct err *e);

#endif
