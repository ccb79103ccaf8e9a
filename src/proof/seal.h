/*
 * Seals: what the log shows of a result of a private task, a hash that its
 * worker alone can make again, and who has the task's opening. It is SHA-256 of
 * the key that the worker was given with the assignment (private_task.h) and of
 * the line's "worker", "outcome", "timestamp", "success", "status", "ms" and
 * "error", as a line with no more fields; which the worker knows as it sent
 * them. The file "segment/.../LABEL.seals", or "drills/...", has 32 bytes for
 * each result, in the order of the lines; its hash is in the leaf. Pure
 * functions; any thread.
 */
#ifndef WORKNET_PROOF_SEAL_H
#define WORKNET_PROOF_SEAL_H

#include "ledger/private_task.h"
#include "proof/leaf.h"
#include "proof/line.h"

#define SEALS_MAX (64LL * 1024 * 1024) /* bytes of a file */

/* The line's seal by that key. RC_NO_MEMORY. */
MUST_CHECK enum rc seal_make(uint8_t out[static SHA256_LEN],
    const uint8_t key[static PRIVATE_KEY_LEN], const struct line *l,
    struct err *e);

/* Appends those of the lines of a file. RC_INVALID of what is none. */
MUST_CHECK enum rc seals_make(struct buf *out,
    const uint8_t salt[static TASK_SALT_LEN], struct slice file, struct err *e);

/* Makes of the name of a file of lines that of its seals. */
void seals_name(char name[static SEGMENT_NAME_MAX + 1]);

#endif
