#include "admin/network.h"

#include "admin/table.h"
#include "admin/value.h"

static const struct table networks = { "networks", "Given to networks",
	{
	    { { "network", "NETWORK", OUT_TEXT }, C_NETWORK_SUMS_NETWORK },
	    { { "workers", "ADDRESSES", OUT_COUNT }, C_NETWORK_SUMS_WORKERS },
	    { { "given", "GIVEN", OUT_COUNT }, C_NETWORK_SUMS_GIVEN },
	    { { "paid", "PAID", OUT_COUNT }, C_NETWORK_SUMS_PAID },
	    { { "silent", "SILENT", OUT_COUNT }, C_NETWORK_SUMS_SILENT },
	} };

void
network_print(struct admin *a, const struct network_sums *n)
{
	char usdc[VALUE_TEXT_MAX];

	out_fields(a->out,
	    (const struct out_field[]){
		{ "countedFromMs", NULL, OUT_TIME, out_int(n->from_ms) },
		{ "countedToMs", NULL, OUT_TIME, out_int(n->to_ms) },
		{ "slotsGiven", NULL, OUT_COUNT, out_int(n->given) },
		{ "slotsPaid", NULL, OUT_COUNT, out_int(n->paid) },
		{ "slotsLate", NULL, OUT_COUNT, out_int(n->late) },
		{ "slotsSilent", NULL, OUT_COUNT, out_int(n->silent) },
		{ "slotsGivenNew", NULL, OUT_COUNT, out_int(n->new_given) },
		{ "slotsPaidNew", NULL, OUT_COUNT, out_int(n->new_paid) },
		{ "workersPaid", NULL, OUT_COUNT, out_int(n->workers) },
		{ "networksPaid", NULL, OUT_COUNT, out_int(n->networks) },
		{ "drillsLastDay", NULL, OUT_COUNT, out_int(n->drills) },
		{ "drillsWrong", NULL, OUT_COUNT, out_int(n->drills_wrong) },
		{ "drillsMicros", NULL, OUT_USDC, out_int(n->drills_micros) },
		{ "cyclesCompared", NULL, OUT_COUNT, out_int(n->compared) },
		{ "cyclesContradicted", NULL, OUT_COUNT,
		    out_int(n->contradicted) },
		{ "witnessSlots", NULL, OUT_COUNT, out_int(n->witness_slots) },
		{ "witnessMicros", NULL, OUT_USDC, out_int(n->witness_micros) },
		{ "witnessesContradict", NULL, OUT_COUNT,
		    out_int(n->seen_wrong) },
		OUT_END });
	out_line(a->out, "slots",
	    "%lld given in %lld minutes: %lld paid, %lld late, %lld unanswered",
	    (long long)n->given, (long long)((n->to_ms - n->from_ms) / 60000),
	    (long long)n->paid, (long long)n->late, (long long)n->silent);
	out_line(a->out, "newcomers", "%lld of these given, %lld paid",
	    (long long)n->new_given, (long long)n->new_paid);
	out_line(a->out, "at work", "%lld addresses of %lld networks",
	    (long long)n->workers, (long long)n->networks);
	value_format_usdc(usdc, n->drills_micros);
	if (n->drills > 0)
		out_line(a->out, "drills",
		    "%lld in the last day, %lld failed, for %s USDC",
		    (long long)n->drills, (long long)n->drills_wrong, usdc);
	if (n->compared > 0)
		out_line(a->out, "compared",
		    "%lld cycles of the last day, in %lld of them results differ",
		    (long long)n->compared, (long long)n->contradicted);
	value_format_usdc(usdc, n->witness_micros);
	if (n->witness_slots > 0)
		out_line(a->out, "witnesses",
		    "%lld slots in the last day, for %s USDC; they contradict %lld results",
		    (long long)n->witness_slots, usdc,
		    (long long)n->seen_wrong);
	out_fields(a->out,
	    (const struct out_field[]){ { "dayMicros", "a day costs at most",
					    OUT_USDC, out_int(n->day_micros) },
		OUT_END });
}

enum rc
network_table(
    struct admin *a, const struct network_sums *n, int64_t limit, struct err *e)
{
	struct query *q = db_query(a->db, Q_NETWORK_SUMS);

	query_int(q, 1, n->from_ms);
	query_int(q, 2, n->to_ms);
	query_int(q, 3, limit);
	return table_print(a->out, &networks, q, "nothing was given", NULL, e);
}
