#include "vault/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "keys/keystore.h"
#include "vault/message.h"
#include "vault/past.h"
#include "vault/sandbox.h"
#include "vault/totals.h"

/* What must not be swapped: a page of its own. */
struct secrets {
	struct eth_key treasury;
	struct eth_key gas;
};

struct live {
	const struct vault_options *options;
	struct secrets *secrets;
	struct answer_hello hello;
	struct gate_rule rule;
	struct gas_rule gas_rule;
	struct journal_owner owner;
	struct journal *journal; /* owned; NULL: none */
	bool is_open;		 /* the journal was read */
	struct past *past;	 /* owned; of payouts */
	struct past *gas_past;	 /* owned */
	struct totals *totals;	 /* owned */
	int64_t kept_from_s;
	int64_t behind_s; /* our clock, of the oldest of the nodes' */
	/* Our clock when it agreed with the chain's, and how far on it was. */
	int64_t agreed_s; /* 0: it hasn't */
	int64_t agreed_at_ms;
	int64_t run_micros;
	/* Both are too large for the stack. */
	struct question question;
	struct answer answer;
};

static int64_t
now_s(void)
{
	return clock_unix_ms() / 1000;
}

/*
 * Up to when a day's caps count: a clock and a node that are both ahead begin
 * no new day while another node says what time it is.
 */
static int64_t
day_s(const struct live *l)
{
	return now_s() - l->behind_s;
}

/* What was read of the journal begins after the day does. */
static bool
day_is_short(const struct live *l)
{
	return day_s(l) - GATE_DAY_S < l->kept_from_s;
}

/*
 * The time of an entry, or 0: a clock that was ahead for one run would have
 * its entries count as today's until the day comes that it showed.
 */
static int64_t
entry_time(const struct live *l)
{
	return l->agreed_s == 0
	    ? 0
	    : l->agreed_s + (clock_monotonic_ms() - l->agreed_at_ms) / 1000;
}

/* ---- The beginning ---- */

static enum rc
keys_read(struct live *l, struct err *e)
{
	const struct vault_options *o = l->options;
	void *page;
	enum rc rc;

	page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return err_set(e, RC_NO_MEMORY, "vault: no memory");
	l->hello.protection |=
	    sandbox_lock(page, (size_t)sysconf(_SC_PAGESIZE));
	l->secrets = page;
	rc = treasury_key_read(
	    &l->secrets->treasury, o->key_file, o->passphrase_file, e);
	if (rc == RC_OK)
		rc = eth_key_address(
		    &l->hello.treasury, &l->secrets->treasury, e);
	if (rc != RC_OK || o->gas_key_file[0] == '\0')
		return rc;
	rc = eth_key_read(&l->secrets->gas, o->gas_key_file, e);
	if (rc == RC_OK)
		rc =
		    eth_key_address(&l->hello.gas_account, &l->secrets->gas, e);
	if (rc == RC_OK &&
	    memcmp(l->hello.gas_account.b, l->hello.treasury.b,
		sizeof(l->hello.treasury.b)) == 0)
		rc = err_set(e, RC_INVALID,
		    "%s: the gas account's key is the treasury's",
		    o->gas_key_file);
	return rc;
}

/* The journal's file: as configured, or beside the key. */
static enum rc
journal_find(struct live *l, struct err *e)
{
	const struct vault_options *o = l->options;
	const char *slash = strrchr(o->key_file, '/');
	char path[2 * PATH_LEN_MAX], treasury[ADDRESS_LEN + 1];

	if (o->journal_file == NULL)
		return RC_OK;
	address_format(treasury, &l->hello.treasury, ADDRESS_LOWER);
	if (o->journal_file[0] != '\0')
		(void)snprintf(path, sizeof(path), "%s", o->journal_file);
	else
		(void)snprintf(path, sizeof(path), "%.*sjournal-%" PRIu64 "-%s",
		    slash == NULL ? 0 : (int)(slash + 1 - o->key_file),
		    o->key_file, o->domain.chain_id, treasury);
	return journal_open(&l->journal, path, o->journal_new, now_s(), e);
}

static enum rc
begin(struct live *l, struct err *e)
{
	const struct vault_options *o = l->options;
	enum rc rc;

	rc = keys_read(l, e);
	if (rc == RC_OK)
		rc = journal_find(l, e);
	if (rc == RC_OK)
		rc = past_new(&l->past, e);
	if (rc == RC_OK)
		rc = past_new(&l->gas_past, e);
	if (rc == RC_OK)
		rc = totals_new(&l->totals, e);
	l->owner =
	    (struct journal_owner){ .chain_id = (int64_t)o->domain.chain_id,
		    .token = o->domain.verifying_contract,
		    .treasury = l->hello.treasury };
	l->rule = (struct gate_rule){ .caps = o->caps,
		.validity_s = o->validity_s,
		.treasury = l->hello.treasury,
		.token = o->domain.verifying_contract };
	l->gas_rule = (struct gas_rule){ .max_fee_wei = o->gas_max_fee_wei,
		.day_wei = o->gas_day_wei,
		.chain_id = o->domain.chain_id,
		.token = o->domain.verifying_contract };
	return rc;
}

/* ---- The journal ---- */

static enum rc
on_entry(void *ctx, const struct journal_entry *entry, struct err *e)
{
	struct live *l = ctx;
	enum rc rc;

	if (entry->kind == JOURNAL_GAS)
		return past_add(l->gas_past, entry, l->kept_from_s, e);
	rc = totals_add(l->totals, entry, e);
	/* What was signed of it counts against the day's caps all the same. */
	return rc == RC_OK && entry->kind != JOURNAL_SETTLED
	    ? past_add(l->past, entry, l->kept_from_s, e)
	    : rc;
}

static enum rc
answer_open(struct live *l, struct answer *a, struct err *e)
{
	const struct question_open *q = &l->question.of.open;
	enum rc rc;

	if (l->journal == NULL)
		return err_set(e, RC_INVALID, "vault: it has no journal");
	memcpy(l->owner.ledger_id, q->ledger_id, LEDGER_ID_LEN);
	l->kept_from_s = now_s() - PAST_KEPT_S;
	l->behind_s = q->oldest_time_s == 0 || q->oldest_time_s > now_s()
	    ? 0
	    : now_s() - q->oldest_time_s;
	if (gate_clocks_agree(now_s(), q->chain_time_s)) {
		l->agreed_s = now_s();
		l->agreed_at_ms = clock_monotonic_ms();
	}
	rc = journal_read(
	    l->journal, &l->owner, &q->seen, now_s(), on_entry, l, e);
	if (rc == RC_OK && l->agreed_s != 0)
		rc = journal_check_time(
		    l->journal, l->agreed_s + 2 * GATE_DIFFER_MAX_S, e);
	l->is_open = rc == RC_OK;
	if (rc == RC_OK)
		journal_mark_get(l->journal, &a->of.mark);
	return rc;
}

/*
 * Into the journal, and then into what counts. It isn't on the disk before
 * journal_sync, and no signature leaves before that.
 */
static enum rc
note(struct live *l, struct journal_entry *entry, struct err *e)
{
	enum rc rc;

	if (entry->at_s == 0)
		return err_set(e, RC_BUSY,
		    "vault: nothing is noted while this machine's clock and the chain's differ");
	rc = journal_append(l->journal, entry, e);
	return rc == RC_OK ? on_entry(l, entry, e) : rc;
}

static enum rc
note_and_sync(struct live *l, struct journal_entry *entry, struct err *e)
{
	enum rc rc = note(l, entry, e);

	return rc == RC_OK ? journal_sync(l->journal, e) : rc;
}

/* ---- Authorizations ---- */

static enum rc
refuse(const struct gate_answer *g, struct err *e)
{
	const char *cap = gate_reason_cap(g->reason);
	const char *text = gate_reason_text(g->reason);

	if (cap != NULL)
		return err_set(e, RC_INVALID, "%s: %s", cap, text);
	switch (g->reason) {
	case GATE_ALIVE:
	case GATE_ADOPTED:
		return err_set(e, RC_CONFLICT, "%s", text);
	case GATE_CLOCK:
	case GATE_TIME:
	case GATE_DAY:
	case GATE_FORGOTTEN:
		return err_set(e, RC_BUSY, "nothing is signed: %s", text);
	default:
		return err_set(e, RC_INVALID, "not signed: %s", text);
	}
}

/* Only this makes a signature of the treasury that moves money. */
static enum rc
authorization_sign(struct live *l, const struct vault_request *rq,
    struct vault_signed *out, struct err *e)
{
	struct transfer_authorization t = { .from = l->hello.treasury,
		.to = rq->worker,
		.value = (uint64_t)rq->amount_micros,
		.valid_before = (uint64_t)out->valid_before };
	struct payout_key key = { .chain_id = l->options->domain.chain_id,
		.token = l->owner.token,
		.treasury = l->hello.treasury,
		.worker = rq->worker,
		.seq = (uint64_t)rq->seq };
	uint8_t digest[KECCAK256_LEN];

	memcpy(key.ledger_id, l->owner.ledger_id, LEDGER_ID_LEN);
	payout_nonce(t.nonce, &key);
	eip712_transfer_digest(digest, &l->options->domain, &t);
	return eth_sign(out->authorization, digest, &l->secrets->treasury, e);
}

static enum rc
authorization_note(
    struct live *l, const struct gate_request *rq, int64_t end_s, struct err *e)
{
	struct journal_entry entry = { .kind = JOURNAL_PAYOUT,
		.at_s = rq->now_s,
		.payee = rq->worker,
		.number = rq->seq,
		.amount = rq->amount_micros,
		.end_s = end_s };

	CHECK(rq->amount_micros > 0 &&
	    rq->amount_micros <= l->rule.caps.payout_micros);
	CHECK(end_s > rq->now_s && end_s > rq->chain_time_s &&
	    end_s <= rq->chain_time_s + l->rule.validity_s + GATE_DIFFER_MAX_S);
	l->run_micros += rq->amount_micros;
	return note(l, &entry, e);
}

static void
look(struct live *l, struct gate_past *out, const struct gate_request *rq)
{
	struct total total;

	past_look(l->past, out, &rq->worker, rq->seq, day_s(l));
	totals_look(l->totals, &rq->worker, rq->seq, &total);
	out->run_micros = l->run_micros;
	out->payee_micros = total.others_micros;
	/* However long ago. */
	if (total.adopted)
		out->has_same = out->same_adopted = true;
}

/* Asks the gate, and notes what may be signed. */
static enum rc
authorization_decide(struct live *l, const struct vault_times *times,
    const struct vault_request *q, struct vault_signed *out, struct err *e)
{
	struct gate_request rq = { .worker = q->worker,
		.seq = q->seq,
		.amount_micros = q->amount_micros,
		.earned_micros = q->earned_micros,
		.adopted = seal_kind(&q->seal) == SEAL_ADOPTED,
		.now_s = now_s(),
		.chain_time_s = times->chain_s,
		.final_time_s = times->final_s };
	struct gate_answer g;
	struct gate_past past;

	look(l, &past, &rq);
	if (day_is_short(l))
		g = (struct gate_answer){ .reason = GATE_DAY };
	else
		gate_decide(&g, &l->rule, &rq, &past);
	out->reason = g.reason;
	out->valid_before = g.end_s;
	out->instead_micros = g.instead_micros;
	if (g.reason == GATE_SIGN)
		return authorization_note(l, &rq, g.end_s, e);
	return g.reason == GATE_SAME ? RC_OK : refuse(&g, e);
}

/* ---- Seals ---- */

/*
 * A payment that nobody knew of counts against the caps all the same; of one
 * that was signed, what it was settled with is its last word.
 */
static enum rc
adopted_note(struct live *l, const struct vault_request *q, struct err *e)
{
	struct journal_entry entry = { .kind = JOURNAL_ADOPTED,
		.at_s = entry_time(l),
		.payee = q->worker,
		.number = q->seq,
		.amount = q->amount_micros };
	struct total total;

	totals_look(l->totals, &q->worker, q->seq, &total);
	if (total.micros != 0)
		entry.kind = JOURNAL_SETTLED;
	return total.micros == q->amount_micros || total.adopted
	    ? RC_OK
	    : note(l, &entry, e);
}

static enum rc
seal_decide(struct live *l, const struct vault_request *q, struct err *e)
{
	if (q->amount_micros <= 0 || q->amount_micros > AMOUNT_MAX_MICROS ||
	    q->seq <= 0)
		return err_set(e, RC_INVALID, "seal: no such payout");
	if (seal_kind(&q->seal) == SEAL_RESERVED) {
		if (q->seal.balance_micros < q->amount_micros)
			return err_set(e, RC_INVALID,
			    "seal: the verified balance is below the amount");
		return RC_OK;
	}
	if (q->seal.balance_micros < 0 ||
	    q->seal.balance_micros > q->amount_micros)
		return err_set(
		    e, RC_INVALID, "seal: no more was lost than was paid");
	return adopted_note(l, q, e);
}

static enum rc
seal_make(struct live *l, const struct vault_request *q,
    struct vault_signed *out, struct err *e)
{
	struct sealed what = { .worker = q->worker,
		.seq = q->seq,
		.amount_micros = q->amount_micros };
	struct seal s = q->seal;
	enum rc rc;

	memcpy(what.ledger_id, l->owner.ledger_id, LEDGER_ID_LEN);
	rc = seal_sign(&s, &what, &l->secrets->treasury, e);
	memcpy(out->seal, s.signature, SIGNATURE_LEN);
	return rc;
}

/* ---- Both ---- */

/* Whether all that is asked of one payment may be signed; notes it. */
static enum rc
payment_decide(struct live *l, const struct vault_times *times,
    const struct vault_request *q, struct vault_signed *out, struct err *e)
{
	enum rc rc = RC_OK;

	if (q->seals)
		rc = seal_decide(l, q, e);
	if (rc == RC_OK && q->authorizes)
		rc = authorization_decide(l, times, q, out, e);
	return rc;
}

static enum rc
payment_sign(struct live *l, const struct vault_request *q,
    struct vault_signed *out, struct err *e)
{
	enum rc rc = RC_OK;

	if (q->seals)
		rc = seal_make(l, q, out, e);
	if (rc == RC_OK && q->authorizes)
		rc = authorization_sign(l, q, out, e);
	return rc;
}

/* One sync for all of them; signed is what is on the disk. */
static enum rc
answer_sign(struct live *l, struct answer *a, struct err *e)
{
	const struct question_sign *q = &l->question.of.sign;
	struct answer_sign *out = &a->of.sign;
	struct err cause = ERR_INIT;
	enum rc rc = RC_OK;
	size_t i, n = 0;

	if (q->n == 0 || q->n > VAULT_SIGN_MAX)
		return err_set(e, RC_INVALID, "vault: not a question");
	if (!l->is_open)
		return err_set(e, RC_BUSY, "vault: its journal isn't open");
	while (rc == RC_OK && n < q->n) {
		rc = payment_decide(l, &q->times, &q->all[n], &out->all[n], e);
		n += rc == RC_OK;
	}
	if (journal_sync(l->journal, &cause) != RC_OK)
		return err_set(e, RC_IO, "%s", cause.msg);
	journal_mark_get(l->journal, &out->mark);
	for (i = 0; i < n; i++)
		if (payment_sign(l, &q->all[i], &out->all[i], &cause) != RC_OK)
			return err_set(e, RC_IO, "%s", cause.msg);
	out->done = n;
	return rc;
}

/* ---- What was settled otherwise ---- */

static enum rc
answer_settled(struct live *l, struct err *e)
{
	const struct question_settled *q = &l->question.of.settled;
	struct journal_entry entry = { .kind = JOURNAL_SETTLED,
		.at_s = entry_time(l),
		.payee = q->worker,
		.number = q->seq,
		.amount = q->micros };
	struct total total;

	if (!l->is_open)
		return err_set(e, RC_IO, "vault: its journal isn't open");
	if (q->seq <= 0 || q->micros < 0 || q->micros > AMOUNT_MAX_MICROS)
		return err_set(e, RC_INVALID, "vault: no such payout");
	totals_look(l->totals, &q->worker, q->seq, &total);
	if (total.micros == q->micros)
		return RC_OK;
	if (total.adopted)
		return err_set(e, RC_INVALID,
		    "vault: the chain showed before that it paid %" PRId64
		    " micro-USDC, and now %" PRId64,
		    total.micros, q->micros);
	return note_and_sync(l, &entry, e);
}

/* ---- Gas ---- */

static enum rc
answer_gas(struct live *l, struct answer *a, struct err *e)
{
	struct question_gas *q = &l->question.of.gas;
	struct journal_entry entry = { .kind = JOURNAL_GAS,
		.at_s = entry_time(l),
		.payee = l->hello.gas_account,
		.number = (int64_t)q->transaction.nonce };
	uint8_t digest[KECCAK256_LEN];
	struct gate_past past;
	const char *why;
	enum rc rc;

	if (l->options->gas_key_file[0] == '\0')
		return err_set(e, RC_NOT_FOUND, "vault: no gas account");
	if (!l->is_open || q->len > sizeof(q->bytes))
		return err_set(e, RC_IO, "vault: its journal isn't open");
	if (entry.at_s == 0)
		return note(l, &entry, e); /* refused */
	q->transaction.data = (struct slice){ q->bytes, q->len };
	past_look(l->gas_past, &past, &entry.payee, entry.number, day_s(l));
	if (day_is_short(l))
		return err_set(e, RC_BUSY, "transaction not signed: %s",
		    gate_reason_text(GATE_DAY));
	why = gas_refusal(&l->gas_rule, &q->transaction, past.day_micros,
	    past.same_day_micros, &entry.amount);
	if (why != NULL)
		return err_set(
		    e, RC_INVALID, "transaction not signed: %s", why);
	rc = transaction_digest(digest, &q->transaction, e);
	if (rc == RC_OK)
		rc = note_and_sync(l, &entry, e);
	if (rc == RC_OK)
		rc = eth_sign(a->of.signature, digest, &l->secrets->gas, e);
	return rc;
}

/* ---- The loop ---- */

static enum rc
decide(struct live *l, struct answer *a, struct err *e)
{
	switch (l->question.kind) {
	case ASK_OPEN:
		return answer_open(l, a, e);
	case ASK_SIGN:
		return answer_sign(l, a, e);
	case ASK_SETTLED:
		return answer_settled(l, e);
	case ASK_GAS:
		return answer_gas(l, a, e);
	case ASK_HELLO:
	case ASK_KINDS:
		break;
	}
	return err_set(e, RC_INVALID, "vault: not a question");
}

static bool
answer_send(int fd, struct answer *a, enum rc rc, const struct err *e)
{
	ssize_t n;

	a->rc = rc;
	(void)snprintf(a->why, sizeof(a->why), "%s", rc == RC_OK ? "" : e->msg);
	do
		n = send(fd, a, sizeof(*a), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*a);
}

/* The next whole question; false at the end, or for what isn't one. */
static bool
question_take(int fd, struct question *q)
{
	ssize_t n;

	do
		n = recv(fd, q, sizeof(*q), MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	return n >= (ssize_t)offsetof(struct question, of) &&
	    question_size(q->kind) == (size_t)n;
}

void
vault_live(int fd, int parent_pid, const struct vault_options *o)
{
	static struct live l; /* of this process alone */
	struct answer *a = &l.answer;
	struct err e = ERR_INIT;
	enum rc rc;

	l.options = o;
	l.hello.protection = sandbox_begin(fd, parent_pid);
	rc = begin(&l, &e);
	if (rc == RC_OK)
		l.hello.protection |= sandbox_enter();
	a->of.hello = l.hello;
	if (!answer_send(fd, a, rc, &e) || rc != RC_OK)
		_exit(1);
	while (question_take(fd, &l.question)) {
		memset(a, 0, sizeof(*a));
		a->kind = l.question.kind;
		a->number = l.question.number;
		rc = decide(&l, a, &e);
		if (!answer_send(fd, a, rc, &e))
			break;
	}
	secret_wipe(l.secrets, sizeof(*l.secrets));
	_exit(0);
}
