#include "pay/adopt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "eth/hex.h"
#include "evm/history.h"
#include "pay/authorize.h"
#include "pay/open.h"

#define SEQ_SEARCH_MAX 100000 /* seqs tried to recognise a lost payout */

struct adoption {
	struct run *run;
	bool deferred; /* some wait for an earlier payout */
	enum rc rc;
	struct err *err;
};

/* Whether the nonce is that of one of the worker's payouts, and which. */
static bool
nonce_find_seq(struct run *r, struct payout *p)
{
	uint8_t nonce[PAYOUT_NONCE_LEN];
	int64_t seq;

	for (seq = 1; seq <= SEQ_SEARCH_MAX; seq++) {
		run_nonce(r, &p->worker, seq, nonce);
		if (memcmp(nonce, p->nonce, sizeof(nonce)) == 0) {
			p->seq = seq;
			return true;
		}
	}
	return false;
}

/* Whose payout it was, and which one. */
static enum rc
adopt_recognise(struct run *r, struct payout *p, bool *known, struct err *e)
{
	struct worker_row w;
	enum rc rc;

	rc = worker_find(r->db, &p->worker, &w, NULL);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return err_set(e, rc, "worker lookup failed");
	/* The ledger may have lost the worker as well: id 0. */
	p->worker_id = w.id;
	*known = nonce_find_seq(r, p);
	return RC_OK;
}

static enum rc
adopt_use(struct adoption *a, const struct history_use *use, struct err *e)
{
	struct run *r = a->run;
	struct payout p = { .source = r->source };
	char tx[HEX_SIZE(TX_HASH_LEN)], subject[100];
	bool known = false, unsettled = false;
	struct payment paid;
	uint64_t value;
	enum rc rc;

	memcpy(p.nonce, use->nonce, sizeof(p.nonce));
	hex_encode(tx, use->tx, TX_HASH_LEN);
	rc = history_payment(
	    r->nodes, &r->source.treasury, use, &p.worker, &value, e);
	if (rc == RC_OK)
		rc = adopt_recognise(r, &p, &known, e);
	if (rc == RC_OK && known)
		rc = open_has_unsettled(r, p.worker_id, &unsettled, e);
	if (rc != RC_OK)
		return rc;
	if (!known) {
		(void)snprintf(subject, sizeof(subject), "transaction %s", tx);
		return run_finding(r, "foreign payment", subject,
		    "the "
		    "treasury paid somebody with a nonce that isn't this "
		    "ledger's",
		    e);
	}
	/*
	 * Its credit may be what the earlier payout gives back when it is
	 * void, which must not be recovered and given back.
	 */
	if (unsettled) {
		a->deferred = true;
		return RC_OK;
	}
	paid = (struct payment){ .to = p.worker,
		.micros = (int64_t)value,
		.block = (int64_t)use->block };
	memcpy(paid.tx, tx, sizeof(paid.tx));
	p.amount_micros = paid.micros;
	rc = run_seal(r, &p, 0, 0, e);
	if (rc != RC_OK)
		return rc;
	r->result->findings = true;
	r->result->posted++;
	log_error("payout %" PRId64 " of a worker was lost with an older "
		  "copy of the ledger; the chain has it: %s",
	    p.seq, tx);
	return payout_adopt(r->db, &p, &paid, clock_unix_ms(), e);
}

/*
 * A node lied about a nonce, or what settled is an authorization that a
 * restored ledger has lost, of longer validity than the one known. Nothing
 * else was signed for that credit: the next payout would have had this nonce.
 */
static enum rc
paid_though_void(struct adoption *a, const struct payout *p,
    const struct history_use *use, struct err *e)
{
	enum rc rc;

	rc = run_payout_finding(a->run, p, "paid though void",
	    "the chain shows a payment that was proven impossible; it is "
	    "booked as a payout of its own",
	    e);
	return rc != RC_OK ? rc : adopt_use(a, use, e);
}

static bool
on_use(void *ctx, const struct history_use *use)
{
	struct adoption *a = ctx;
	struct payout known;

	a->rc = payout_by_nonce(a->run->db, use->nonce, &known, a->err);
	if (a->rc == RC_NOT_FOUND)
		a->rc = adopt_use(a, use, a->err);
	else if (a->rc == RC_OK && known.state == PAYOUT_VOIDED)
		a->rc = paid_though_void(a, &known, use, a->err);
	return a->rc == RC_OK;
}

enum rc
adopt_lost(struct run *r, struct err *e)
{
	struct adoption a = { .run = r, .err = e, .rc = RC_OK };
	uint64_t created_s = (uint64_t)(r->created_ms / 1000), first = 0;
	bool complete = true;
	int64_t seen = 0;
	enum rc rc;

	rc = scanned_get(r->db, &r->source, &seen, e);
	if (rc == RC_OK && seen == 0)
		rc = history_block_before(r->nodes, created_s, &first, e);
	else
		first = (uint64_t)seen + 1;
	if (rc == RC_OK && first <= r->latest.number)
		rc = history_uses(r->nodes, &r->source.treasury, first,
		    r->latest.number, on_use, &a, &complete, e);
	if (rc == RC_CONFLICT)
		rc = a.rc;
	if (rc != RC_OK || r->options->dry_run || a.deferred || !complete)
		return rc;
	/* What isn't final yet is looked at again by the next run. */
	return scanned_set(r->db, &r->source, (int64_t)r->final.number, e);
}
