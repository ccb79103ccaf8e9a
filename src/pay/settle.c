/* A payout's way from reserved to what the chain says: sign, store, send. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "eth/eip712.h"
#include "eth/hex.h"
#include "pay/run_room.h"

#define FROM_BLOCK_SLACK 64  /* blocks that a lagging node is behind */
#define TIMEOUT_SECONDS	 300 /* x402's maxTimeoutSeconds */
/*
 * Facilitators refuse what expires within 6 s of their own clock, and take
 * some seconds to settle.
 */
#define EXPIRY_MARGIN_S 30
#define TRIES_MAX	2    /* POSTs of the same bytes in one run */
#define RETRY_PAUSE_MS	1500 /* x402.md: once more after 1 to 2 s */

enum rc
open_payout_load(struct run *r, struct open_payout *o, struct err *e)
{
	enum rc rc = payout_auth_get(r->db, o->payout.id, &o->auth, e);

	o->posted_before = o->payout.state == PAYOUT_SUBMITTED;
	return rc;
}

void
open_payout_free(struct open_payout *o)
{
	payout_auth_free(&o->auth);
}

/*
 * Now, for an authorization's validity: a clock that is behind the chain
 * would sign what has expired.
 */
static int64_t
now_s(const struct run *r)
{
	int64_t ours = run_clock_ms() / 1000;

	return ours > (int64_t)r->latest.time_s ? ours
						: (int64_t)r->latest.time_s;
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
			.valid_before = (uint64_t)(now_s(r) +
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
		.signed_ms = run_clock_ms(),
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

/* ---- Sending ---- */

struct sending {
	struct run *run;
	struct open_payout **all;
	enum rc rc;
	struct err *err;
};

static enum rc
answer_store(struct run *r, struct open_payout *o,
    const struct settle_answer *a, struct err *e)
{
	char detail[SETTLE_TEXT_MAX + 400], tx[HEX_SIZE(TX_HASH_LEN)] = "";

	if (a->x402.has_hash)
		hex_encode(tx, a->x402.hash, TX_HASH_LEN);
	(void)snprintf(detail, sizeof(detail),
	    "%s: HTTP %d, %" PRId64 " ms: "
	    "%s%s%s",
	    answer_class_name(a->x402.class), a->status, a->elapsed_ms,
	    a->error, a->error[0] != '\0' ? "; " : "", a->text);
	return payout_answered(
	    r->db, &o->payout, detail, tx, run_clock_ms(), e);
}

static void
on_answer(void *ctx, size_t index, const struct settle_answer *answer)
{
	struct sending *s = ctx;
	struct open_payout *o = s->all[index];

	o->answer = answer->x402.class;
	o->maybe_transient = answer->x402.maybe_transient;
	o->posted_before |= answer->sent;
	if (answer->x402.has_hash) {
		o->has_hint = true;
		memcpy(o->hint, answer->x402.hash, TX_HASH_LEN);
	}
	if (s->rc == RC_OK)
		s->rc = answer_store(s->run, o, answer, s->err);
}

/* Whether posting these bytes (again) is safe, useful and in time. */
static bool
should_send(struct run *r, const struct open_payout *o)
{
	if (o->payout.state != PAYOUT_SIGNED &&
	    o->payout.state != PAYOUT_SUBMITTED)
		return false;
	if (o->payout.state == PAYOUT_SUBMITTED &&
	    o->judgment.verdict != VERDICT_UNUSED)
		return false;
	if (o->answer == ANSWER_REFUSED && !o->maybe_transient)
		return false;
	return o->auth.valid_before - now_s(r) > EXPIRY_MARGIN_S;
}

static enum rc
send_all(struct run *r, struct open_payout **all, size_t n, struct err *e)
{
	struct settle_request *requests = calloc(n, sizeof(*requests));
	struct sending s = { .run = r, .all = all, .rc = RC_OK, .err = e };
	enum rc rc = RC_OK;
	size_t i;

	if (requests == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	for (i = 0; rc == RC_OK && i < n; i++) {
		requests[i] = (struct settle_request){
			.body = { all[i]->auth.body.p, all[i]->auth.body.len },
			.repost = all[i]->posted_before
		};
		/* Durable before the first byte leaves. */
		rc = payout_submit(r->db, &all[i]->payout,
		    r->conf->payout_facilitator_url, run_clock_ms(), e);
	}
	if (rc == RC_OK) {
		facilitator_settle(r->facilitator, requests, n,
		    (size_t)r->conf->payout_concurrency, -1, on_answer, &s);
		rc = s.rc;
	}
	free(requests);
	return rc;
}

static void
pause_ms(int64_t ms)
{
	struct timespec ts = { ms / 1000, (ms % 1000) * 1000000 };

	(void)nanosleep(&ts, NULL);
}

/* A refusal that will be repeated: a person has to look. */
static enum rc
report_refusals(
    struct run *r, const struct open_payout *all, size_t n, struct err *e)
{
	char subject[40];
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < n; i++) {
		if (all[i].answer != ANSWER_REFUSED ||
		    all[i].payout.state != PAYOUT_SUBMITTED)
			continue;
		(void)snprintf(subject, sizeof(subject), "payout %" PRId64,
		    all[i].payout.id);
		rc = run_finding(r, "facilitator refuses", subject,
		    "it will "
		    "refuse the same bytes again; the payout stays open "
		    "until its authorization has expired",
		    e);
	}
	return rc;
}

enum rc
run_settle(struct run *r, struct open_payout *all, size_t n, struct err *e)
{
	struct open_payout **send = calloc(n, sizeof(*send));
	enum rc rc = RC_OK;
	size_t i, m;
	int try;

	if (send == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	for (try = 0; rc == RC_OK && try < TRIES_MAX; try++) {
		for (i = m = 0; i < n; i++)
			if (should_send(r, &all[i]))
				send[m++] = &all[i];
		if (m == 0)
			break;
		if (try > 0)
			pause_ms(RETRY_PAUSE_MS);
		rc = send_all(r, send, m, e);
		if (rc == RC_OK)
			rc = chain_head(r->chain, &r->latest, &r->final, e);
		if (rc == RC_OK)
			rc = run_judge(r, all, n, e);
	}
	if (rc == RC_OK)
		rc = report_refusals(r, all, n, e);
	free(send);
	return rc;
}
