/*
 * What a log and a witness say to each other (C2SP tlog-witness v1.0.0,
 * add-checkpoint): the body of the question, and the two that answers have.
 * Pure functions; any thread.
 */
#ifndef WORKNET_TLOG_WITNESS_H
#define WORKNET_TLOG_WITNESS_H

#include "tlog/checkpoint.h"

/* Bytes of a question: a size, 64 hashes, a note. */
#define WITNESS_ASK_MAX (NOTE_MAX + 4096)

/* Appends the question of a log that the witness has seen up to old. */
void witness_ask_format(struct buf *out, int64_t old,
    const struct tree_proof *proof, struct slice note);

/*
 * Appends the witness's line of an answer 200, without those of others, when it
 * is the key's cosignature of text. RC_INVALID when it isn't, or there is none;
 * RC_NO_MEMORY.
 */
MUST_CHECK enum rc
witness_take(struct buf *out, int64_t *time_s, struct slice text,
    struct slice answer, const struct note_key *key, struct err *e);

/* The size that an answer 409 has. RC_INVALID. */
MUST_CHECK enum rc
witness_size(int64_t *out, struct slice answer, struct err *e);

#endif
