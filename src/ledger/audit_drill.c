/* The audit of drills: each follows from the key of its day. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/audit_part.h"
#include "ledger/drill.h"
#include "ledger/record.h"

/* What a key that is shown says of the drill. */
static void
key_check(struct audit *a, struct query *q, int64_t slot, const uint8_t *key)
{
	struct slice hash = query_get_bytes(q, C_AUDIT_DRILL_HASH);
	int64_t wanted = query_get_int(q, C_AUDIT_DRILL_WANTED);
	uint8_t computed[SHA256_LEN];

	sha256(computed, key, CANARY_KEY_LEN);
	if (hash.len != sizeof(computed) ||
	    memcmp(computed, hash.p, hash.len) != 0)
		audit_found(a, AUDIT_DRILL,
		    "slot %" PRId64
		    ": the key of its day isn't the one that was committed to",
		    slot);
	else if (!canary_may_be_drill(key, slot))
		audit_found(a, AUDIT_DRILL,
		    "slot %" PRId64 ": by the key of its day it is no drill",
		    slot);
	else if (canary_wanted(key, slot) != wanted)
		audit_found(a, AUDIT_DRILL,
		    "slot %" PRId64 ": wanted %" PRId64
		    ", by the key of its day %" PRId64,
		    slot, wanted, canary_wanted(key, slot));
}

static void
drill_check(struct audit *a, struct query *q)
{
	int64_t slot = query_get_int(q, C_AUDIT_DRILL_SLOT),
		day = record_day(query_get_int(q, C_AUDIT_DRILL_ASSIGNED_MS));
	struct slice outcome = query_get_text(q, C_AUDIT_DRILL_OUTCOME),
		     key = query_get_bytes(q, C_AUDIT_DRILL_KEY);
	bool answered = !query_is_null(q, C_AUDIT_DRILL_PAID_TO),
	     right = query_get_int(q, C_AUDIT_DRILL_STATUS) ==
	    query_get_int(q, C_AUDIT_DRILL_WANTED);

	if (query_is_null(q, C_AUDIT_DRILL_HASH) ||
	    query_get_int(q, C_AUDIT_DRILL_COMMITTED_MS) >= day * DAY_MS)
		audit_found(a, AUDIT_DRILL,
		    "slot %" PRId64
		    ": nobody committed to the key of its day before that began",
		    slot);
	if (key.len == CANARY_KEY_LEN)
		key_check(a, q, slot, (const uint8_t *)key.p);
	if (answered &&
	    query_get_int(q, C_AUDIT_DRILL_PAID_TO) !=
		query_get_int(q, C_AUDIT_DRILL_WORKER))
		audit_found(a, AUDIT_DRILL,
		    "slot %" PRId64
		    ": another worker's result is held against it",
		    slot);
	if (!answered &&
	    query_get_int(q, C_AUDIT_DRILL_ASSIGNED_MS) < a->archived_ms)
		return;
	if (outcome.len > 0 &&
	    (slice_is(outcome, "silent") == answered ||
		(answered && slice_is(outcome, "right") != right)))
		audit_found(a, AUDIT_DRILL,
		    "slot %" PRId64 ": its outcome isn't what was reported",
		    slot);
}

enum rc
audit_drills(struct audit *a, struct err *e)
{
	return audit_each(a, Q_AUDIT_DRILL, AUDIT_DRILL, drill_check, e);
}
