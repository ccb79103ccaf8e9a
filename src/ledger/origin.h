/*
 * Where results came from. The ledger knows it; what is told of a network is a
 * name for a day, that shows whether two are the same one: 8 hex digits of
 * HMAC-SHA256(key of the day, prefix), where the key of day d (UTC, since 1970)
 * is HMAC-SHA256(the ledger's, "network" and d in 8 bytes, big-endian).
 */
#ifndef WORKNET_LEDGER_ORIGIN_H
#define WORKNET_LEDGER_ORIGIN_H

#include "eth/sha256.h"
#include "ledger/db.h"

#define ORIGIN_NAME_LEN 8

/*
 * Inside a write transaction, after the newest transfer: from that one on, the
 * worker's results come from that network. Errors of db.h.
 */
MUST_CHECK enum rc
origin_note(struct db *db, int64_t worker, struct slice network, struct err *e);

/* The ledger's key of these names. RC_CORRUPT when it has none. */
MUST_CHECK enum rc
origin_key(struct db *db, uint8_t key[static SHA256_LEN], struct err *e);

/* The name, with a NUL, of the network called prefix. Pure. */
void origin_name(char out[static ORIGIN_NAME_LEN + 1],
    const uint8_t key[static SHA256_LEN], int64_t day, struct slice prefix);

/*
 * The name of the network of that number. RC_CORRUPT when the ledger has no
 * such one, or no key.
 */
MUST_CHECK enum rc origin_read(struct db *db, int64_t network, int64_t day,
    char out[static ORIGIN_NAME_LEN + 1], struct err *e);

#endif
