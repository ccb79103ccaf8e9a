/*
 * The audit of what gas accounts have sent: an account's nonces, one after the
 * other, each with its forms, and beside them the payouts that it carries out.
 */
#include <inttypes.h>
#include <string.h>

#include "ledger/audit_part.h"
#include "ledger/submission.h"

/* The submission whose forms are being read; id 0: none yet. */
struct submission_walk {
	struct audit *a;
	int64_t id;
	struct sender sender;
	int64_t nonce;
	int64_t n;
};

/* An account's first nonce may be any: it may have sent before. */
static void
nonce_check(struct submission_walk *w, const struct submission *s)
{
	bool same = w->id != 0 && w->sender.chain_id == s->sender.chain_id &&
	    memcmp(w->sender.account.b, s->sender.account.b,
		sizeof(s->sender.account.b)) == 0;

	if (same && s->nonce - 1 != w->nonce)
		audit_found(w->a, AUDIT_SUBMISSION,
		    "submission %" PRId64 ": its account's nonce %" PRId64
		    " follows %" PRId64,
		    s->id, s->nonce, w->nonce);
}

static void
payouts_check(struct submission_walk *w, struct query *q, int64_t id)
{
	int64_t payouts = query_get_int(q, C_AUDIT_SUBMISSION_PAYOUTS),
		strange = query_get_int(q, C_AUDIT_SUBMISSION_STRANGE);

	if (payouts < 1 || payouts > TRANSFERS_MAX)
		audit_found(w->a, AUDIT_SUBMISSION,
		    "submission %" PRId64 ": carries out %" PRId64
		    " payouts, expected 1 to %d",
		    id, payouts, TRANSFERS_MAX);
	if (strange > 0)
		audit_found(w->a, AUDIT_SUBMISSION,
		    "submission %" PRId64 ": of its payouts %" PRId64
		    " were never sent by its account",
		    id, strange);
}

/* A form's bytes have its hash, and its account signed them. */
static enum rc
form_check(struct submission_walk *w, const struct submission *s, struct err *e)
{
	struct transaction t = submission_transaction(s);
	struct address by = { { 0 } };
	uint8_t digest[KECCAK256_LEN];
	struct err cause = ERR_INIT;
	struct buf raw;
	enum rc rc;

	buf_init(&raw, TRANSACTION_MAX);
	rc = submission_write(&raw, s, &cause);
	buf_free(&raw);
	if (rc == RC_OK)
		rc = transaction_digest(digest, &t, &cause);
	if (rc == RC_OK)
		rc = eth_recover(&by, digest, s->signature, &cause);
	if (rc == RC_NO_MEMORY)
		return err_set(e, rc, "%s", cause.msg);
	if (rc != RC_OK || memcmp(by.b, s->sender.account.b, sizeof(by.b)) != 0)
		audit_found(w->a, AUDIT_SUBMISSION,
		    "submission %" PRId64 ": %s", s->id,
		    rc != RC_OK ? cause.msg : "its account didn't sign it");
	return RC_OK;
}

static enum rc
submission_check(struct submission_walk *w, struct query *q, struct err *e)
{
	struct submission s = { .sender.chain_id = query_get_int(
				    q, C_AUDIT_SUBMISSION_CHAIN_ID) };
	struct err cause = ERR_INIT;
	enum rc rc;

	buf_init(&s.data, TRANSACTION_DATA_MAX);
	rc = address_parse(&s.sender.account, NULL,
	    query_get_text(q, C_AUDIT_SUBMISSION_ACCOUNT), &cause);
	if (rc == RC_OK)
		rc = submission_read(&s, q, &cause);
	s.id = query_get_int(q, C_AUDIT_SUBMISSION_ID);
	if (s.id != w->id) {
		s.nonce = query_get_int(q, C_AUDIT_SUBMISSION_NONCE);
		nonce_check(w, &s);
		payouts_check(w, q, s.id);
		w->n++;
	}
	if (rc == RC_OK)
		rc = form_check(w, &s, e);
	else if (rc != RC_NO_MEMORY)
		audit_found(w->a, AUDIT_SUBMISSION,
		    "submission %" PRId64 ": %s", s.id, cause.msg);
	w->id = s.id;
	w->sender = s.sender;
	w->nonce = s.nonce;
	submission_free(&s);
	return rc == RC_NO_MEMORY ? err_set(e, rc, "no memory") : RC_OK;
}

enum rc
audit_submissions(struct audit *a, struct err *e)
{
	struct query *q = db_query(a->db, Q_AUDIT_SUBMISSION);
	struct submission_walk w = { .a = a };
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = submission_check(&w, q, e);
		if (rc != RC_OK)
			break;
		audit_tick(a, "what gas accounts sent", w.n, 0);
	}
	query_done(q);
	audit_checked(a, AUDIT_SUBMISSION, w.n);
	return rc;
}
