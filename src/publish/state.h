/*
 * What the log says already, made of its entries alone: of each task its
 * definitions and its last segment, and of all else that it is there. One
 * thread.
 */
#ifndef WORKNET_PUBLISH_STATE_H
#define WORKNET_PUBLISH_STATE_H

#include "ledger/private_task.h"
#include "proof/leaf.h"
#include "tlog/site.h"

struct task_state {
	char name[TASK_ID_MAX + 1];
	int64_t id;		     /* in the ledger; 0: it isn't there */
	uint8_t salt[TASK_SALT_LEN]; /* of a private one, from the ledger */
	struct task_leaf last;	     /* its newest definition or state */
	int64_t leaf;		     /* whose index this is */
	struct span *spans;	     /* owned: what all of them make */
	size_t spans_n;
	struct segment_leaf segment; /* its newest one; to 0: none yet */
	int64_t segment_leaf;	     /* whose index this is, or LEAF_NONE */
	int64_t maintenance_leaf;    /* its newest one's index, or LEAF_NONE */
};

struct state {
	int64_t size;		  /* entries that were read */
	struct task_state **task; /* owned, in the order of names */
	size_t tasks;
	struct method_leaf method; /* the newest one */
	int64_t method_leaf;	   /* whose index this is, or LEAF_NONE */
	int64_t newest_ms; /* the latest time that a leaf says is over */
	/* SHA-256 of what state_add was told; an open hash. */
	uint8_t (*said)[SHA256_LEN];
	size_t said_n, said_room;
};

/*
 * What all entries of the site say. Those that a run before has kept in the
 * directory aren't read again, if what it kept is of this log; so a run reads
 * what was appended since, and 255 entries at most besides. Freed with
 * state_free. Errors of site.h, RC_IO.
 */
MUST_CHECK enum rc state_open(
    struct state *s, struct site *site, const char *directory, struct err *e);

/* Of state_open: reads from s->size on. Frees s on failure. */
MUST_CHECK enum rc
state_read(struct state *s, struct site *site, struct err *e);
void state_free(struct state *s);

/* Takes what an entry says, which is the next one of the log. */
MUST_CHECK enum rc
state_take(struct state *s, struct slice entry, struct err *e);

/* The task of that name, or NULL. */
struct task_state *state_task(const struct state *s, const char *name);

/* Whether the log has that: "payout NONCE", "forfeit HASH", "canary DAY hash",
 * "canary DAY key", "maintenance ID NOTED", "end ID NOTED", "key VKEY". */
bool state_has(const struct state *s, const char *what);

#endif
