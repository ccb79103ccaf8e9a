#include "ledger/finding.h"

/*
 * A subject is what the finding is closed for: a worker's address, "payout 7",
 * a facilitator or node by its name. What happened (money is gone, somebody
 * changed a row that was final) no run can see the end of: only a person closes
 * it. What lasts some part of each run looks for, and says so when it is gone.
 */
static const struct finding_kind kinds[] = {
	{ "payout lost",
	    "the chain has a payment that the ledger had lost; it is booked",
	    true },
	{ "amount differs", "the chain paid another amount than was reserved",
	    true },
	{ "foreign payment",
	    "the treasury paid with a nonce that isn't this ledger's: does somebody else use its key?",
	    true },
	{ "paid though void",
	    "the chain shows a payment that was proven impossible", true },
	{ "paid to another", "the chain shows another payee than was signed",
	    true },
	{ "settled elsewhere",
	    "the chain shows a payment that was signed here and never sent: was the ledger restored, or does another copy of it run?",
	    true },
	{ "authorization canceled",
	    "the treasury's key canceled a payment: who else has it?", true },
	{ "booked otherwise",
	    "the chain shows another payment than was booked as final", true },
	{ "journal", "the vault's journal is lost or older: nothing is signed",
	    false },
	{ "node a day behind",
	    "a node is a day behind this host's clock, so that caps of 24 hours can't be counted: nothing is signed",
	    false },
	{ "clock", "this host's clock and the chain's differ: nobody is paid",
	    false },
	{ "node fails",
	    "a node of the chain doesn't do its work: see its words", false },
	{ "not signed", "an open payout can't be signed", false },
	{ "nodes contradict", "nodes deny one another's word on a payment",
	    false },
	{ "other source",
	    "a payout of another treasury, token or chain is open: configure that again until it is settled",
	    false },
	{ "payout unreadable",
	    "an open payout's row is one that no program writes, and is left alone: who else writes the ledger?",
	    false },
	{ "not sealed",
	    "an open payout was made by no run: who else writes the ledger?",
	    false },
	{ "seal doesn't fit",
	    "a payout, or what was verified before it, isn't as it was sealed: who else writes the ledger?",
	    false },
	{ "request altered",
	    "a stored request isn't what was signed, and isn't sent: who else writes the ledger?",
	    false },
	{ "evidence",
	    "a worker's credit isn't backed by its results, and isn't paid",
	    false },
	{ "paid more than earned",
	    "more would be signed for a worker than it has ever earned: was an old payout's row changed? See worknet audit",
	    false },
	{ "failed drills",
	    "a worker reports what it can't have seen, in drills or while witnesses saw an outage: its payouts are held, see worknet worker show; release it, or forfeit its credit",
	    false },
	{ "witness contradicted",
	    "what a witness reports most networks contradict: it is a witness no longer. Look at it, then admit it again or not",
	    false },
	{ "worker is held",
	    "a worker that is due isn't paid, for a person holds it: see worknet payout holds",
	    false },
	{ "everybody is held",
	    "nobody is paid, for a person said so, or the ledger was restored and isn't compared with the chain yet: see worknet payout holds",
	    false },
	{ "worker is the treasury",
	    "a worker has the treasury's own address, and isn't paid", false },
	{ "facilitator fails",
	    "a facilitator settles nothing that it is sent: see its words",
	    false },
	{ "gas account fails",
	    "direct settlement settles nothing: see its words", false },
	{ "gas account is poor",
	    "the gas account can't pay for its next transaction: give it ether",
	    false },
	{ "gas account used elsewhere",
	    "somebody else sends from the gas account: nothing more is sent from it until gas_key_file names a new key",
	    false },
	{ "payment refused",
	    "a facilitator will never settle this payment, but does settle others'; it is paid anew once it has expired",
	    false },
	{ "transfer refused",
	    "the token would refuse this payment, and it isn't made", false },
	{ "token paused", "the token pays nobody at present", false },
	{ "token differs",
	    "every node says that the token isn't the configured one: what is signed would be worthless",
	    false },
	{ "treasury blacklisted", "the token refuses the treasury", false },
	{ "treasury has code",
	    "the treasury's address has code: the token takes no signature of its key",
	    false },
	{ "payout's cap reached",
	    "max_per_payout_micros is below threshold_micros: nobody is ever paid",
	    false },
	{ "run's cap reached",
	    "max_per_run_micros leaves workers waiting for the next run: is that right? Then raise it, or run more often",
	    false },
	{ "worker's cap reached",
	    "max_per_worker_day_micros were paid to a worker in 24 hours, and more is due: is that right? Then raise it",
	    false },
	{ "day's cap reached",
	    "max_per_day_micros were paid in 24 hours, and others wait: is that right? Then raise it",
	    false },
	{ "archive fails",
	    "results that are due stay in the ledger: worknet archive tells why",
	    false },
	{ "alerts fail",
	    "a receiver of alerts took nothing for a day, or is gone: see worknet alert list",
	    false },
	{ "treasury too poor",
	    "the treasury hasn't what is due: fund it, see worknet treasury",
	    false },
};

const struct finding_kind *
finding_kind(struct slice name)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (slice_is(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

/* A finding, or that it was seen again. */
static enum rc
note(struct db *db, enum query_id id, const char *kind, const char *subject,
    const char *detail, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, id);

	query_int(q, 1, now_ms);
	query_text(q, 2, slice_of(kind));
	query_text(q, 3, slice_of(subject));
	query_text(q, 4, slice_of(detail));
	return query_run(q, e);
}

/* Whether there is one, *there, and whether it is open. */
static enum rc
look(struct db *db, const char *kind, const char *subject, bool *there,
    bool *open, struct err *e)
{
	struct query *q = db_query(db, Q_FINDING_STANDS);
	enum rc rc;

	query_text(q, 1, slice_of(kind));
	query_text(q, 2, slice_of(subject));
	rc = query_step(q, there, e);
	*open = rc == RC_OK && *there && query_get_int(q, 0) != 0;
	query_done(q);
	return rc;
}

enum rc
finding_add_open(struct db *db, const char *kind, const char *subject,
    const char *detail, int64_t now_ms, bool *open, struct err *e)
{
	const struct finding_kind *k = finding_kind(slice_of(kind));
	bool there, stands;
	enum rc rc;

	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = look(db, kind, subject, &there, &stands, e);
	if (rc == RC_OK && !there)
		rc = note(
		    db, Q_FINDING_INSERT, kind, subject, detail, now_ms, e);
	else if (rc == RC_OK && (k == NULL || !k->happened)) {
		rc =
		    note(db, Q_FINDING_AGAIN, kind, subject, detail, now_ms, e);
		stands = true;
	}
	if (rc == RC_OK && open != NULL)
		*open = !there || stands;
	return db_step_end(db, rc, e);
}

enum rc
finding_add(struct db *db, const char *kind, const char *subject,
    const char *detail, int64_t now_ms, struct err *e)
{
	return finding_add_open(db, kind, subject, detail, now_ms, NULL, e);
}

enum rc
finding_over(struct db *db, const char *kind, const char *subject,
    int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_FINDING_OVER);

	query_text(q, 1, slice_of(kind));
	query_text(q, 2, slice_of(subject));
	query_int(q, 3, now_ms);
	return query_run(q, e);
}

enum rc
finding_over_unseen(struct db *db, const char *kind, int64_t since_ms,
    int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_FINDING_OVER_UNSEEN);

	query_text(q, 1, slice_of(kind));
	query_int(q, 2, since_ms);
	query_int(q, 3, now_ms);
	return query_run(q, e);
}
