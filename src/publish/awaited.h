/*
 * Credits whose results are looked for among the lines of the log's files. Each
 * is complete once every slot has its line; then these lines are results of the
 * digest that the transfer's hash covers, or they are others. Memory holds the
 * lines that were found. One thread.
 */
#ifndef WORKNET_PUBLISH_AWAITED_H
#define WORKNET_PUBLISH_AWAITED_H

#include "ledger/archived.h"
#include "proof/line.h"

/* A slot of such a credit. */
struct awaited_slot {
	int64_t slot;
	int64_t task; /* in the ledger; 0: it isn't known */
	size_t credit;
	char *line; /* owned; NULL: not found yet */
	size_t len;
	int64_t leaf; /* of the file that it was found in */
};

struct awaited_credit {
	struct archived_credit credit;
	size_t missing; /* lines */
};

struct awaited {
	struct awaited_credit *credit; /* owned */
	size_t credits, credits_room;
	struct awaited_slot *slot; /* owned; sorted once no more are added */
	size_t slots, slots_room;
	bool sorted;
};

void awaited_free(struct awaited *a);

/* RC_NO_MEMORY. */
MUST_CHECK enum rc
awaited_add(struct awaited *a, const struct archived_credit *c, struct err *e);

/*
 * Takes a line of that leaf's file, of that task, if it is a result of one of
 * the slots. *credit is NULL, or the one that is complete now. RC_NO_MEMORY.
 */
MUST_CHECK enum rc awaited_line(struct awaited *a, int64_t leaf, int64_t task,
    struct slice text, struct awaited_credit **credit, struct err *e);

/* The slot that a line begins with; 0: with none. */
int64_t line_slot(struct slice text);

/* A result that is borrowed from its line. */
struct awaited_result {
	struct line_read read; /* owned: line_free */
	struct result_row row;
};

/*
 * The i-th result of a complete credit, as its line says it. RC_INVALID: the
 * line says something that no row says, or nobody would have signed; db is
 * asked what its round is.
 */
MUST_CHECK enum rc
awaited_result(struct awaited_result *out, const struct awaited *a,
    const struct awaited_credit *c, size_t i, struct db *db, struct err *e);

/* The digest of a complete credit's results. RC_INVALID as above. */
MUST_CHECK enum rc
awaited_digest(uint8_t digest[static KECCAK256_LEN], const struct awaited *a,
    const struct awaited_credit *c, struct db *db, struct err *e);

/* Before the next of these: a line that is taken sorts, too. */
void awaited_sort(struct awaited *a);

/* The slot of that number; NULL: nobody waits for it. */
struct awaited_slot *awaited_find(const struct awaited *a, int64_t slot);

/* Forgets the credits that are complete, and their lines. */
void awaited_forget(struct awaited *a);

#endif
