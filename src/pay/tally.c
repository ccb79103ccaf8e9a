#include "pay/tally.h"

#include <inttypes.h>
#include <stdio.h>

void
tally_cap(struct tally *t, enum cap cap, int64_t micros)
{
	t->capped[cap].payees++;
	t->capped[cap].micros += micros;
}

void
tally_poor(struct tally *t, const struct address *worker, int64_t micros)
{
	if (t->poor++ == 0) {
		t->poorest = *worker;
		t->poorest_micros = micros;
	}
	t->poor_micros += micros;
}

void
tally_unfit(struct tally *t, int64_t payout)
{
	t->unfit++;
	t->unfit_payout = payout;
}

/* What is due and isn't there; not a reason for exit code 6: 5 says it. */
static enum rc
tell_poverty(struct run *r, const struct tally *t, int64_t left, struct err *e)
{
	char who[ADDRESS_LEN + 1], treasury[ADDRESS_LEN + 1], detail[300];
	bool findings = r->result->findings;
	enum rc rc;

	if (t->poor == 0)
		return RC_OK;
	address_format(who, &t->poorest, ADDRESS_CHECKSUM);
	address_format(treasury, &r->source.treasury, ADDRESS_CHECKSUM);
	(void)snprintf(detail, sizeof(detail),
	    "it has %" PRId64 " micro-USDC that aren't promised; %" PRId64
	    " payees are due %" PRId64 ", the first is %s with %" PRId64
	    "; %" PRId64 " more weren't looked at",
	    r->budget_micros, t->poor, t->poor_micros, who, t->poorest_micros,
	    left);
	rc = run_finding(r, "treasury too poor", treasury, detail, e);
	r->result->findings = findings;
	return rc;
}

static enum rc
tell_caps(struct run *r, const struct tally *t, int64_t left, struct err *e)
{
	const struct conf *c = r->conf;
	const struct {
		const char *kind;
		const char *key;
		int64_t micros;
	} caps[CAPS] = {
		[CAP_PAYOUT] = { "payout's cap reached",
		    "max_per_payout_micros", c->payout_max_per_payout_micros },
		[CAP_RUN] = { "run's cap reached", "max_per_run_micros",
		    c->payout_max_per_run_micros },
		[CAP_WORKER_DAY] = { "worker's cap reached",
		    "max_per_worker_day_micros",
		    c->payout_max_per_worker_day_micros },
		[CAP_DAY] = { "day's cap reached", "max_per_day_micros",
		    c->payout_max_per_day_micros },
	};
	char treasury[ADDRESS_LEN + 1], detail[300];
	enum rc rc = RC_OK;
	size_t i;

	address_format(treasury, &r->source.treasury, ADDRESS_CHECKSUM);
	for (i = 0; rc == RC_OK && i < CAPS; i++) {
		if (t->capped[i].payees == 0)
			continue;
		(void)snprintf(detail, sizeof(detail),
		    "%s = %" PRId64 ": it keeps %" PRId64
		    " payees waiting who are due %" PRId64
		    " micro-USDC more; %" PRId64 " more weren't looked at",
		    caps[i].key, caps[i].micros, t->capped[i].payees,
		    t->capped[i].micros, left);
		rc = run_finding(r, caps[i].kind, treasury, detail, e);
	}
	return rc;
}

/*
 * Credit from before such a payout was verified again, and is paid; what other
 * payouts took of it the vault's journal knows.
 */
static enum rc
tell_unfit(struct run *r, const struct tally *t, struct err *e)
{
	char subject[48], detail[200];

	if (t->unfit == 0)
		return RC_OK;
	(void)snprintf(
	    subject, sizeof(subject), "payout %" PRId64, t->unfit_payout);
	(void)snprintf(detail, sizeof(detail),
	    "its row, or the transfers that were verified before it, were changed; so were those of %" PRId64
	    " workers in all: see worknet audit",
	    t->unfit);
	return run_finding(r, "seal doesn't fit", subject, detail, e);
}

enum rc
tally_tell(struct run *r, const struct tally *t, int64_t left, bool whole,
    struct err *e)
{
	static const char *const kinds[] = { "treasury too poor",
		"payout's cap reached", "run's cap reached",
		"worker's cap reached", "day's cap reached",
		"worker is the treasury", "worker is held",
		"paid more than earned", "evidence", "seal doesn't fit" };
	enum rc rc = tell_poverty(r, t, left, e);
	size_t i;

	if (rc == RC_OK)
		rc = tell_caps(r, t, left, e);
	if (rc == RC_OK)
		rc = tell_unfit(r, t, e);
	for (i = 0;
	     rc == RC_OK && whole && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		rc = run_over_unseen(r, kinds[i], e);
	return rc;
}
