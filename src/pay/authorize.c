#include "pay/authorize.h"

#include <string.h>

#include "base/clock.h"
#include "eth/eip712.h"

#define FROM_BLOCK_SLACK 64  /* blocks that a lagging node is behind */
#define TIMEOUT_SECONDS	 300 /* x402's maxTimeoutSeconds */

static struct sealed
sealed_of(const struct run *r, const struct payout *p)
{
	struct sealed what = { .worker = p->worker,
		.seq = p->seq,
		.amount_micros = p->amount_micros };

	memcpy(what.ledger_id, r->ledger_id, sizeof(what.ledger_id));
	return what;
}

enum rc
run_seal(struct run *r, struct payout *p, int64_t verified_to,
    int64_t balance_micros, struct err *e)
{
	struct sealed what = sealed_of(r, p);

	p->seal = (struct seal){ .verified_to = verified_to,
		.balance_micros = balance_micros };
	return seal_sign(&p->seal, &what, &r->key, e);
}

bool
run_is_sealed(const struct run *r, const struct payout *p)
{
	struct sealed what = sealed_of(r, p);
	uint8_t nonce[PAYOUT_NONCE_LEN];

	run_nonce(r, &p->worker, p->seq, nonce);
	return memcmp(nonce, p->nonce, sizeof(nonce)) == 0 &&
	    seal_is_by(&p->seal, &what, &r->source.treasury);
}

static enum rc
authorization_sign(struct run *r, const struct payout *p,
    struct x402_payment *payment, struct err *e)
{
	const struct eip712_domain domain = network_domain(&r->network);
	uint8_t digest[KECCAK256_LEN];

	*payment = (struct x402_payment){
		.payout_id = p->id,
		.authorization = {
			.from = r->source.treasury,
			.to = p->worker,
			.value = (uint64_t)p->amount_micros,
			.valid_after = 0,
			.valid_before = (uint64_t)(run_chain_now_s(r) +
			    r->conf->payout_validity_s),
		},
		.max_timeout_s = TIMEOUT_SECONDS,
	};
	memcpy(payment->authorization.nonce, p->nonce,
	    sizeof(payment->authorization.nonce));
	eip712_transfer_digest(digest, &domain, &payment->authorization);
	return eth_sign(payment->signature, digest, &r->key, e);
}

enum rc
run_sign(struct run *r, struct open_payout *o, int64_t results, struct err *e)
{
	struct x402_payment payment;
	uint64_t head = r->latest.number;
	enum rc rc;

	rc = authorization_sign(r, &o->payout, &payment, e);
	if (rc != RC_OK)
		return rc;
	o->auth = (struct payout_auth){
		.signed_ms = clock_unix_ms(),
		.valid_before = (int64_t)payment.authorization.valid_before,
		.from_block = head < FROM_BLOCK_SLACK
		    ? 0
		    : (int64_t)(head - FROM_BLOCK_SLACK),
	};
	memcpy(o->auth.signature, payment.signature, SIGNATURE_LEN);
	buf_init(&o->auth.body, X402_BODY_MAX);
	rc = x402_request_write(&o->auth.body,
	    (int)r->conf->payout_x402_version, &r->network, &payment, e);
	if (rc == RC_OK)
		rc = payout_sign(r->db, &o->payout, &o->auth, results, e);
	return rc;
}
