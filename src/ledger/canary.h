/*
 * Canaries: what a visit of a task must show is known beforehand. The URL of a
 * task of the operator's own ends with a token, which is another one in each
 * assignment; a drill's isn't to be told from a check's without the key of its
 * day. Whether a slot may be a drill, and which status is to be seen then,
 * follow from that key and the slot's number alone. Pure; any thread.
 *
 *	key of day d	HMAC-SHA256(master, "day" d)
 *	may be a drill	HMAC(key, "drill" slot) mod 1000 < DRILL_SHARE_MAX
 *	lot of a place	HMAC(key, "lot" slot, block): two bytes for each place
 *	wanted status	HMAC(key, "status" slot): half of them 200
 *	tag		HMAC(key, kind slot), 12 bytes
 *	token		d in hex, 8 digits; slot xor HMAC(key, "hides" tag) in
 *			hex, 16 digits; tag in hex
 *
 * Numbers are 8 bytes, big-endian. So a token hides its slot, too: of those
 * that are given together a drill's is the last.
 */
#ifndef WORKNET_LEDGER_CANARY_H
#define WORKNET_LEDGER_CANARY_H

#include "base/limits.h"
#include "base/task_type.h"
#include "eth/sha256.h"

#define CANARY_KEY_LEN	 32
#define CANARY_TOKEN_LEN TASK_TOKEN_LEN
#define CANARY_UP	 200 /* what a check shows, and half of drills */
#define DRILL_SHARE_MAX	 500 /* of 1000 slots */

enum canary_kind {
	CANARY_NONE, /* no token of ours */
	CANARY_CHECK,
	CANARY_DRILL,
};

void canary_day_key(uint8_t key[static CANARY_KEY_LEN],
    const uint8_t master[static CANARY_KEY_LEN], int64_t day);

bool
canary_may_be_drill(const uint8_t key[static CANARY_KEY_LEN], int64_t slot);

/*
 * Which of the first n places (up to TASKS_PER_POLL_MAX) of an answer whose
 * first slot is that one are for drills: each with the same chance, by lots
 * that only who has the key can tell.
 */
void canary_lots(bool is_drill[static TASKS_PER_POLL_MAX],
    const uint8_t key[static CANARY_KEY_LEN], int64_t slot,
    int64_t share_permille, size_t n);

int64_t canary_wanted(const uint8_t key[static CANARY_KEY_LEN], int64_t slot);

/* A place of n, by the slot, that only who has the key can tell. */
size_t
canary_place(const uint8_t key[static CANARY_KEY_LEN], int64_t slot, size_t n);

/* With a NUL. */
void canary_token(char out[static CANARY_TOKEN_LEN + 1],
    const uint8_t key[static CANARY_KEY_LEN], int64_t day, int64_t slot,
    enum canary_kind kind);

/* What a token is; of one that is ours *status is what a visit is shown. */
enum canary_kind canary_read(struct slice token,
    const uint8_t master[static CANARY_KEY_LEN], int64_t *status);

#endif
