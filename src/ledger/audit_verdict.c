/* The audit of verdicts: each is what the results of its cycle say. */
#include <inttypes.h>

#include "ledger/audit_part.h"

static void
verdict_check(struct audit *a, struct query *q)
{
	const int64_t up = query_get_int(q, C_AUDIT_VERDICT_UP),
		      down = query_get_int(q, C_AUDIT_VERDICT_DOWN),
		      ups = query_get_int(q, C_AUDIT_VERDICT_UPS),
		      downs = query_get_int(q, C_AUDIT_VERDICT_DOWNS),
		      kept = query_get_int(q, C_AUDIT_VERDICT_KEPT);
	bool bears = up <= ups && down <= downs;

	if (query_get_int(q, C_AUDIT_VERDICT_CYCLE_MS) < a->archived_ms)
		return;
	/*
	 * Each result of a cycle whose results differ is kept with its network;
	 * but an edit may have begun to compare them in its midst.
	 */
	if (kept > 0)
		bears = bears &&
		    up == query_get_int(q, C_AUDIT_VERDICT_KEPT_UP) &&
		    down == query_get_int(q, C_AUDIT_VERDICT_KEPT_DOWN);
	if (query_get_int(q, C_AUDIT_VERDICT_VERSIONS) == 1)
		bears =
		    bears && kept == (ups > 0 && downs > 0 ? ups + downs : 0);
	if (!bears)
		audit_found(a, AUDIT_VERDICT,
		    "task %" PRId64 ", cycle %" PRId64 ": %" PRId64
		    " networks up and %" PRId64
		    " down isn't what its results say: %" PRId64 " up, %" PRId64
		    " down, %" PRId64 " kept",
		    query_get_int(q, C_AUDIT_VERDICT_TASK),
		    query_get_int(q, C_AUDIT_VERDICT_CYCLE_MS), up, down, ups,
		    downs, kept);
}

static bool
stood_apart(struct query *q)
{
	const int64_t up = query_get_int(q, C_AUDIT_DISSENT_UP),
		      down = query_get_int(q, C_AUDIT_DISSENT_DOWN);

	return query_get_int(q, C_AUDIT_DISSENT_SUCCESS) == 1 ? down > up
							      : up > down;
}

static void
dissent_check(struct audit *a, struct query *q)
{
	const int64_t slot = query_get_int(q, C_AUDIT_DISSENT_SLOT);

	if (query_is_null(q, C_AUDIT_DISSENT_PAID_TO) &&
	    query_get_int(q, C_AUDIT_DISSENT_CYCLE_MS) < a->archived_ms)
		return;
	if (query_get_int(q, C_AUDIT_DISSENT_IS_OF_CYCLE) == 0 ||
	    query_is_null(q, C_AUDIT_DISSENT_UP) ||
	    query_is_null(q, C_AUDIT_DISSENT_PAID_TO) ||
	    query_get_int(q, C_AUDIT_DISSENT_PAID_TO) !=
		query_get_int(q, C_AUDIT_DISSENT_WORKER))
		audit_found(a, AUDIT_VERDICT,
		    "slot %" PRId64
		    ": its dissent is of another cycle or worker",
		    slot);
	else if (query_get_int(q, C_AUDIT_DISSENT_IS_COUNTED) == 0)
		audit_found(a, AUDIT_VERDICT,
		    "slot %" PRId64
		    ": its vote was set aside, and its worker wasn't accused",
		    slot);
	else if ((query_get_int(q, C_AUDIT_DISSENT_APART) != 0) !=
	    stood_apart(q))
		audit_found(a, AUDIT_VERDICT,
		    "slot %" PRId64
		    ": whether it stood apart isn't what was reported",
		    slot);
}

enum rc
audit_verdicts(struct audit *a, struct err *e)
{
	enum rc rc =
	    audit_each(a, Q_AUDIT_VERDICT, AUDIT_VERDICT, verdict_check, e);

	return rc == RC_OK
	    ? audit_each(a, Q_AUDIT_DISSENT, AUDIT_VERDICT, dissent_check, e)
	    : rc;
}
