#include "pay/submit.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "evm/precheck.h"

/*
 * Facilitators refuse what expires within 6 s of their own clock, and take
 * some seconds to settle.
 */
#define EXPIRY_MARGIN_S 30

bool
submit_may_send(const struct run *r, const struct open_payout *o)
{
	if (o->payout.state != PAYOUT_SIGNED &&
	    o->payout.state != PAYOUT_SUBMITTED)
		return false;
	if (o->payout.state == PAYOUT_SUBMITTED &&
	    o->judgment.verdict != VERDICT_UNUSED)
		return false;
	return o->auth.valid_before - run_chain_now_s(r) > EXPIRY_MARGIN_S;
}

/* What the token says of a payment that it would refuse. */
static enum rc
refuse(struct run *r, const struct open_payout *o, const char *reason,
    struct err *e)
{
	char who[ADDRESS_LEN + 1], detail[NODES_REASON_MAX + 60];
	enum rc rc;

	(void)snprintf(detail, sizeof(detail),
	    "a node says that the token would refuse it: %s", reason);
	rc = payout_note(r->db, &o->payout, detail, clock_unix_ms(), e);
	/* Only late: its verdict will say so. */
	if (rc != RC_OK || strstr(reason, "expired") != NULL)
		return rc;
	address_format(who, &o->payout.worker, ADDRESS_CHECKSUM);
	return run_finding(r, "transfer refused", who, detail, e);
}

/*
 * What was settled meanwhile isn't refused: it is sent once more, and the
 * verdict after that books it.
 */
static bool
is_refused(const struct precheck *p)
{
	return p->opinion == PRECHECK_NO &&
	    strstr(p->reason, "used or canceled") == NULL;
}

enum rc
submit_try(struct run *r, struct open_payout *all, size_t *n, struct err *e)
{
	struct signed_transfer transfers[SETTLE_AT_ONCE_MAX];
	struct precheck opinions[SETTLE_AT_ONCE_MAX];
	bool asks[SETTLE_AT_ONCE_MAX];
	size_t i, asked = 0, left = 0;
	enum rc rc = RC_OK;

	CHECK(*n <= SETTLE_AT_ONCE_MAX);
	for (i = 0; i < *n; i++) {
		asks[i] = !all[i].tried && submit_may_send(r, &all[i]);
		if (asks[i])
			open_payout_transfer(r, &all[i], &transfers[asked++]);
	}
	precheck_transfers(r->nodes, transfers, asked, opinions);
	for (i = 0, asked = 0; i < *n; i++) {
		asked += asks[i];
		if (!asks[i] || !is_refused(&opinions[asked - 1])) {
			all[left++] = all[i];
			continue;
		}
		if (rc == RC_OK)
			rc = refuse(r, &all[i], opinions[asked - 1].reason, e);
		open_payout_free(&all[i]);
	}
	*n = left;
	return rc;
}

/* ---- "submitted" ---- */

static bool
same_authorization(const struct transfer_authorization *a,
    const struct transfer_authorization *b)
{
	return memcmp(&a->from, &b->from, sizeof(a->from)) == 0 &&
	    memcmp(&a->to, &b->to, sizeof(a->to)) == 0 &&
	    a->value == b->value && a->valid_after == b->valid_after &&
	    a->valid_before == b->valid_before &&
	    memcmp(a->nonce, b->nonce, sizeof(a->nonce)) == 0;
}

enum rc
submit_check(
    struct run *r, const struct open_payout *o, bool *intact, struct err *e)
{
	struct signed_transfer asked;
	struct err why = ERR_INIT;
	struct x402_payment p;
	int version;
	enum rc rc;

	open_payout_transfer(r, o, &asked);
	rc = x402_request_read(&p, &version, &r->network,
	    (struct slice){ o->auth.body.p, o->auth.body.len }, &why);
	if (rc == RC_NO_MEMORY)
		return err_set(e, rc, "%s", why.msg);
	*intact = rc == RC_OK && p.payout_id == o->payout.id &&
	    same_authorization(&p.authorization, &asked.authorization);
	if (*intact)
		return RC_OK;
	return run_payout_finding(r, &o->payout, "request altered",
	    rc == RC_OK ? "it is of another payment" : why.msg, e);
}

enum rc
submit_note(struct run *r, struct open_payout *o, const char *settler,
    bool *leaves, struct err *e)
{
	bool held = false, intact = true;
	struct err cause = ERR_INIT;
	enum rc rc;

	*leaves = false;
	rc = payout_is_held(r->db, o->payout.worker_id, &held, e);
	if (rc != RC_OK || held || !submit_may_send(r, o))
		return rc;
	rc = submit_check(r, o, &intact, e);
	if (rc != RC_OK || !intact)
		return rc;
	rc = payout_submit(r->db, &o->payout, settler, clock_unix_ms(), &cause);
	*leaves = rc == RC_OK;
	if (rc == RC_OK)
		return RC_OK;
	if (rc != RC_CONFLICT)
		return err_set(e, rc, "%s", cause.msg);
	log_warning("%s", cause.msg); /* somebody else changed it */
	return RC_OK;
}
