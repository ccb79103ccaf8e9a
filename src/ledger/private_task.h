/*
 * Private tasks: what the log and what anybody may read says of one is that it
 * is there, never its name or what it checks. The task's salt, 32 random bytes
 * of the ledger, hides both:
 *
 *	label		"~" and SHA-256(salt || name) in base64url: 44
 *			characters, which no name of a task begins with
 *	commitment	SHA-256(salt || entry), of the entry that the log would
 *			have of the definition if the task were public
 *
 * A name never begins with '{', as an entry does: one isn't the other. Pure
 * functions; any thread. doc/evidence says the
 * same.
 */
#ifndef WORKNET_LEDGER_PRIVATE_TASK_H
#define WORKNET_LEDGER_PRIVATE_TASK_H

#include "base/buf.h"
#include "base/limits.h"
#include "eth/sha256.h"

#define TASK_SALT_LEN 32

/*
 * The name of a private task ends with ":" and 16 random bytes in base64url. It
 * is in all that workers sign, so that neither a signature nor a hash of what
 * was signed, which public results of one round have in their paths, tells
 * whether a guess is right. RC_INVALID: given is too long for that.
 */
#define PRIVATE_RANDOM_LEN 16
#define PRIVATE_SUFFIX_LEN 23
MUST_CHECK enum rc
private_name(char out[static TASK_ID_MAX + 1], const char *given,
    const uint8_t random[static PRIVATE_RANDOM_LEN], struct err *e);

/* What the log calls the task of that name. */
void private_label(char out[static TASK_ID_MAX + 1],
    const uint8_t salt[static TASK_SALT_LEN], struct slice name);

/* The commitment to an entry, in lower-case hex digits without 0x. */
void private_commit(char out[static 2 * SHA256_LEN + 1],
    const uint8_t salt[static TASK_SALT_LEN], struct slice entry);

/*
 * What a result of that slot is sealed with, in the log, for its worker, by
 * its 20 bytes: HMAC-SHA256(salt, slot as 8 bytes, the first one highest ||
 * worker). Who is told it with an assignment knows no other one
 * (proof/seal.h).
 */
#define PRIVATE_KEY_LEN	   SHA256_LEN
#define PRIVATE_WORKER_LEN 20
void private_key(uint8_t out[static PRIVATE_KEY_LEN],
    const uint8_t salt[static TASK_SALT_LEN], int64_t slot,
    const uint8_t worker[static PRIVATE_WORKER_LEN]);

/* Whether that is the form of a label. */
bool private_is_label(struct slice text);

#endif
