/*
 * Segments: from the slots of a task, what its file has and its leaf says. It
 * is a function of these alone. One thread.
 */
#ifndef WORKNET_PUBLISH_SEGMENT_H
#define WORKNET_PUBLISH_SEGMENT_H

#include "base/task_type.h"
#include "ledger/publication.h"
#include "ledger/signed.h"
#include "publish/state.h"

/* What only a result has that was signed in a round. */
struct cell_round {
	struct round_path path;
	char trace[ROUND_TRACE_MAX + 1];
	char token[TASK_TOKEN_LEN + 1];
	char region[REGION_MAX + 1];
};

/* A slot that was given, as it is kept until its line is written. */
struct cell {
	struct task_state *task;
	int64_t at; /* that its line is in, by time */
	bool is_result;
	struct public_slot slot; /* its text is below */
	char worker[ADDRESS_LEN + 1];
	char network[SUBNET_MAX + 1];
	char *error;		  /* owned */
	struct cell_round *round; /* owned; NULL: it is of none */
};

struct cells {
	struct cell *all; /* owned */
	size_t n, room;
};

/* Copies the slot; t is NULL while its task isn't known, and its time not asked
 * for. RC_NO_MEMORY. */
MUST_CHECK enum rc cells_add(struct cells *c, struct task_state *t,
    const struct public_slot *s, bool is_result, struct err *e);
/* By task, cycle and copy, results first, then whose answer was refused; what
 * comes again later is left out, but for witnesses' results, and a result's
 * network stays. */
void cells_sort(struct cells *c);
void cells_free(struct cells *c);
/* Frees what they own, but not where they lie. */
void cells_clear(struct cells *c);

/* When a slot counts, so that each is in one segment. */
int64_t cell_at(const struct task_state *t, const struct public_slot *s);

/* Whether it is a witness's, which the schedule has no place for. */
bool cell_is_beside(const struct task_state *t, const struct public_slot *s);

/*
 * Appends the lines of the task's slots of [leaf->from, leaf->to), and counts
 * them in *leaf. cell are the task's own, sorted. networks: origin.h's key.
 */
MUST_CHECK enum rc segment_write(struct buf *out, struct segment_leaf *leaf,
    const struct task_state *t, const struct cell *cell, size_t n,
    const uint8_t networks[static SHA256_LEN], struct err *e);

/* Appends a line for each cell. */
MUST_CHECK enum rc cells_write(struct buf *out, const struct cell *cell,
    size_t n, const uint8_t networks[static SHA256_LEN], struct err *e);

#endif
