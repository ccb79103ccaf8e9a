/* The audit of witnesses: what is held against others is what was reported. */
#include <inttypes.h>

#include "ledger/audit_part.h"

static void
report_check(struct audit *a, struct query *q)
{
	const int64_t slot = query_get_int(q, C_AUDIT_WITNESS_SLOT);
	const bool is_witness =
	    query_get_int(q, C_AUDIT_WITNESS_IS_WITNESS) != 0;

	if (query_is_null(q, C_AUDIT_WITNESS_SEEN))
		return; /* not reported, or not yet */
	if (query_is_null(q, C_AUDIT_WITNESS_PAID_TO) &&
	    query_get_int(q, C_AUDIT_WITNESS_SEEN) <= a->archived_ms)
		return;
	if (query_is_null(q, C_AUDIT_WITNESS_PAID_TO) ||
	    query_get_int(q, C_AUDIT_WITNESS_PAID_TO) !=
		query_get_int(q, C_AUDIT_WITNESS_WORKER) ||
	    query_get_int(q, C_AUDIT_WITNESS_OF_TASK) !=
		query_get_int(q, C_AUDIT_WITNESS_TASK) ||
	    query_get_int(q, C_AUDIT_WITNESS_UP) !=
		query_get_int(q, C_AUDIT_WITNESS_SUCCESS))
		audit_found(a, AUDIT_WITNESS,
		    "slot %" PRId64 ": what %s isn't what was reported", slot,
		    is_witness ? "its witness saw" : "witnesses judge");
	else if ((query_get_int(q, C_AUDIT_WITNESS_COPY) >=
		     query_get_int(q, C_AUDIT_WITNESS_COPIES)) != is_witness)
		audit_found(a, AUDIT_WITNESS, "slot %" PRId64 ": %s", slot,
		    is_witness ? "a witness was given one of its task's copies"
			       : "witnesses judge one that is no copy");
}

enum rc
audit_witnesses(struct audit *a, struct err *e)
{
	struct query *q = db_query(a->db, Q_AUDIT_WITNESS);
	int64_t n = 0;
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		report_check(a, q);
		n++;
	}
	query_done(q);
	audit_checked(a, AUDIT_WITNESS, n);
	return rc;
}
