#include "pay/adopt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "eth/hex.h"
#include "evm/history.h"
#include "ledger/restored.h"
#include "pay/authorize.h"
#include "pay/book.h"
#include "pay/open.h"

#define SEQ_SEARCH_MAX 10000 /* seqs tried to recognise a lost payout */
#define JUDGED_MAX     64    /* open payouts judged together */

struct adoption {
	struct run *run;
	bool deferred; /* some wait for an earlier payout */
	/* The nonces of one payee's payouts, seq 1 first: 0.1 s of work. */
	struct address payee;
	uint8_t (*nonces)[PAYOUT_NONCE_LEN]; /* owned; NULL: none yet */
	/* Open payouts of which the chain shows something. */
	struct open_payout judged[JUDGED_MAX];
	size_t judged_count;
};

/* ---- Who waits ---- */

bool
adopt_waits(const struct run *r, const struct address *worker)
{
	size_t i;

	for (i = 0; i < r->waiting_count; i++)
		if (memcmp(&r->waiting[i], worker, sizeof(*worker)) == 0)
			return true;
	return false;
}

static enum rc
wait_for(struct run *r, const struct address *worker, struct err *e)
{
	struct address *all;

	if (adopt_waits(r, worker))
		return RC_OK;
	all = reallocarray(r->waiting, r->waiting_count + 1, sizeof(*all));
	if (all == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	r->waiting = all;
	r->waiting[r->waiting_count++] = *worker;
	return RC_OK;
}

/* ---- Lost payouts ---- */

static enum rc
nonces_make(struct adoption *a, const struct address *payee, struct err *e)
{
	int64_t seq;

	if (a->nonces != NULL && memcmp(&a->payee, payee, sizeof(*payee)) == 0)
		return RC_OK;
	if (a->nonces == NULL)
		a->nonces = calloc(SEQ_SEARCH_MAX, sizeof(*a->nonces));
	if (a->nonces == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	for (seq = 1; seq <= SEQ_SEARCH_MAX; seq++)
		run_nonce(a->run, payee, seq, a->nonces[seq - 1]);
	a->payee = *payee;
	return RC_OK;
}

/* Whose payout it was, and which one; p->seq stays 0 when it is none. */
static enum rc
recognise(struct adoption *a, struct payout *p, struct err *e)
{
	struct worker_row w;
	int64_t i;
	enum rc rc;

	rc = worker_find(a->run->db, &p->worker, &w, NULL);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return err_set(e, rc, "worker lookup failed");
	/* The ledger may have lost the worker as well: id 0. */
	p->worker_id = w.id;
	rc = nonces_make(a, &p->worker, e);
	for (i = 0; rc == RC_OK && p->seq == 0 && i < SEQ_SEARCH_MAX; i++)
		if (memcmp(a->nonces[i], p->nonce, PAYOUT_NONCE_LEN) == 0)
			p->seq = i + 1;
	return rc;
}

/*
 * A row that no program writes is where this payment's would be, or the vault
 * seals nothing like it.
 */
static enum rc
no_room(struct adoption *a, const struct payout *p,
    const struct history_use *use, const struct err *cause, struct err *e)
{
	char subject[100], tx[HEX_SIZE(TX_HASH_LEN)], detail[ERR_MSG_MAX + 100];
	enum rc rc;

	hex_encode(tx, use->tx, TX_HASH_LEN);
	(void)snprintf(subject, sizeof(subject), "transaction %s", tx);
	(void)snprintf(detail, sizeof(detail),
	    "its payment can't be booked beside what the ledger has: %s",
	    cause->msg);
	rc = run_finding(a->run, "booked otherwise", subject, detail, e);
	a->deferred = true;
	return rc == RC_OK ? wait_for(a->run, &p->worker, e) : rc;
}

/* One step, so that what is sealed as lost is. */
static enum rc
seal_and_book(
    struct run *r, struct payout *p, const struct payment *paid, struct err *e)
{
	int64_t lost;
	enum rc rc;

	rc = db_step_begin(r->db, e);
	if (rc == RC_OK)
		rc = payout_lost(
		    r->db, p->worker_id, p->amount_micros, &lost, e);
	if (rc == RC_OK)
		rc = run_seal_adopted(r, p, lost, e);
	if (rc == RC_OK)
		rc = payout_adopt(r->db, p, paid, clock_unix_ms(), e);
	return db_step_end(r->db, rc, e);
}

static enum rc
adopt(struct adoption *a, struct payout *p, const struct history_use *use,
    struct err *e)
{
	struct run *r = a->run;
	struct err cause = ERR_INIT;
	struct payment paid = { .to = use->to,
		.micros = (int64_t)use->value,
		.block = (int64_t)use->block };
	enum rc rc;

	hex_encode(paid.tx, use->tx, TX_HASH_LEN);
	p->amount_micros = paid.micros;
	rc = seal_and_book(r, p, &paid, &cause);
	if (rc == RC_BUSY) {
		a->deferred = true; /* the vault can't note it now */
		return wait_for(r, &p->worker, e);
	}
	if (rc == RC_CONFLICT || rc == RC_CORRUPT || rc == RC_INVALID)
		return no_room(a, p, use, &cause, e);
	if (rc != RC_OK)
		return err_set(e, rc, "%s", cause.msg);
	r->result->findings = true;
	r->result->posted++;
	r->result->finalized++;
	log_error(
	    "payout %" PRId64
	    " of a worker was lost with an older copy of the ledger; the chain has it: %s",
	    p->seq, paid.tx);
	return RC_OK;
}

static enum rc
foreign(struct run *r, const struct history_use *use, struct err *e)
{
	char subject[100], tx[HEX_SIZE(TX_HASH_LEN)];

	hex_encode(tx, use->tx, TX_HASH_LEN);
	(void)snprintf(subject, sizeof(subject), "transaction %s", tx);
	return run_finding(r, "foreign payment", subject,
	    "the treasury paid somebody with a nonce that isn't this ledger's",
	    e);
}

enum lost_use
lost_use_of(const struct history_shown *s, bool is_ours, bool unsettled)
{
	if (!s->is_final && !s->is_shared)
		return LOST_IGNORED;
	if (!is_ours)
		return LOST_FOREIGN;
	if (unsettled)
		return LOST_DEFERRED;
	return s->is_final ? LOST_ADOPTED : LOST_WAITS;
}

/* A payment that the ledger doesn't have: a lost payout, or a stranger's. */
static enum rc
lost(struct adoption *a, const struct history_shown *s, struct err *e)
{
	struct payout p = { .source = a->run->source, .worker = s->use.to };
	bool is_ours = false, unsettled = false;
	enum rc rc;

	/* Not searched for in vain, which costs a node nothing and us much. */
	if (lost_use_of(s, false, false) == LOST_IGNORED)
		return RC_OK;
	memcpy(p.nonce, s->use.nonce, sizeof(p.nonce));
	rc = recognise(a, &p, e);
	if (rc == RC_OK)
		rc = payout_worker_has_open(
		    a->run->db, p.worker_id, &unsettled, e);
	if (rc != RC_OK)
		return rc;
	is_ours = p.seq != 0 && s->use.value > 0 && s->use.value <= INT64_MAX;
	switch (lost_use_of(s, is_ours, unsettled)) {
	case LOST_IGNORED:
		return RC_OK;
	case LOST_FOREIGN:
		return foreign(a->run, &s->use, e);
	case LOST_DEFERRED:
		a->deferred = true;
		break;
	case LOST_WAITS:
		break;
	case LOST_ADOPTED:
		return adopt(a, &p, &s->use, e);
	}
	return wait_for(a->run, &p.worker, e);
}

/*
 * A node lied about a nonce, or what settled is an authorization that a
 * restored ledger has lost, of longer validity than the one known. Nothing
 * else was signed for that credit: the next payout would have had this nonce.
 */
static enum rc
paid_though_void(struct adoption *a, const struct payout *p,
    const struct history_shown *s, struct err *e)
{
	enum rc rc = RC_OK;

	if (s->is_final)
		rc = run_payout_finding(a->run, p, "paid though void",
		    "the chain shows a payment that was proven impossible; it is booked as a payout of its own",
		    e);
	return rc == RC_OK ? lost(a, s, e) : rc;
}

/* ---- Known payouts ---- */

/*
 * A row that no program writes: of an open payout, reconcile_open has told
 * that; another one can't be held against what the chain shows.
 */
static enum rc
uncomparable(struct run *r, const struct payout *p, enum rc rc,
    const struct err *cause, struct err *e)
{
	if (rc != RC_CORRUPT)
		return err_set(e, rc, "%s", cause->msg);
	if (p->state != PAYOUT_FINAL && p->state != PAYOUT_VOIDED)
		return RC_OK;
	return run_payout_finding(r, p, "booked otherwise", cause->msg, e);
}

/* What every node shows is held against what is booked. */
static enum rc
compare(struct run *r, const struct payout *p, const struct history_use *use,
    struct err *e)
{
	char tx[HEX_SIZE(TX_HASH_LEN)], detail[300];
	struct err cause = ERR_INIT;
	struct payment booked;
	enum rc rc;

	rc = payout_posted_in(r->db, p->id, &booked, &cause);
	if (rc != RC_OK)
		return uncomparable(r, p, rc, &cause, e);
	hex_encode(tx, use->tx, TX_HASH_LEN);
	if (!use->canceled && strcmp(booked.tx, tx) == 0 &&
	    use->value == (uint64_t)p->paid_micros &&
	    memcmp(use->to.b, p->worker.b, sizeof(use->to.b)) == 0)
		return RC_OK;
	(void)snprintf(detail, sizeof(detail),
	    "booked are %" PRId64
	    " micro-USDC in %s; every node shows %s of %" PRIu64 " in %s",
	    p->paid_micros, booked.tx,
	    use->canceled ? "a cancellation" : "a payment", use->value, tx);
	return run_payout_finding(r, p, "booked otherwise", detail, e);
}

static enum rc
judge_collected(struct adoption *a, struct err *e)
{
	enum rc rc = RC_OK;
	size_t i;

	if (a->judged_count > 0)
		rc = book_ask(a->run, a->judged, a->judged_count, e);
	if (rc == RC_OK && a->judged_count > 0)
		rc = book_all(a->run, a->judged, a->judged_count, e);
	for (i = 0; i < a->judged_count; i++)
		open_payout_free(&a->judged[i]);
	a->judged_count = 0;
	return rc;
}

/* An open payout whose transaction is known now. */
static enum rc
collect(struct adoption *a, const struct payout *p,
    const struct history_use *use, struct err *e)
{
	struct open_payout *o = &a->judged[a->judged_count];
	struct err cause = ERR_INIT;
	size_t i;
	enum rc rc;

	for (i = 0; i < a->judged_count; i++)
		if (a->judged[i].payout.id == p->id)
			return RC_OK;
	*o = (struct open_payout){ .payout = *p };
	rc = open_load_for_judging(a->run, o, &cause);
	if (rc != RC_OK) {
		open_payout_free(o);
		return uncomparable(a->run, p, rc, &cause, e);
	}
	o->has_hint = !use->canceled;
	memcpy(o->hint, use->tx, sizeof(o->hint));
	return ++a->judged_count == JUDGED_MAX ? judge_collected(a, e) : RC_OK;
}

/* ---- The scan ---- */

static enum rc
take_use(struct adoption *a, const struct history_shown *s, struct err *e)
{
	struct err cause = ERR_INIT;
	struct payout known;
	enum rc rc;

	rc = payout_by_nonce(a->run->db, s->use.nonce, &known, &cause);
	if (rc == RC_NOT_FOUND)
		return s->use.canceled ? RC_OK : lost(a, s, e);
	if (rc != RC_OK)
		return uncomparable(a->run, &known, rc, &cause, e);
	if (!run_is_ours(a->run, &known))
		return RC_OK;
	switch (known.state) {
	case PAYOUT_VOIDED:
		return s->use.canceled ? RC_OK
				       : paid_though_void(a, &known, s, e);
	case PAYOUT_FINAL:
		return s->is_final ? compare(a->run, &known, &s->use, e)
				   : RC_OK;
	case PAYOUT_POSTED:
		return RC_OK; /* reconcile_open has just judged it */
	default:
		return collect(a, &known, &s->use, e);
	}
}

/*
 * The blocks from first to last; those up to *upto needn't be seen again, if
 * they are final: first - 1, none.
 */
static enum rc
scan(struct adoption *a, uint64_t first, uint64_t last, uint64_t *upto,
    bool *more, struct err *e)
{
	struct run *r = a->run;
	struct history h;
	enum rc rc;
	size_t i;

	a->deferred = false;
	rc = history_read(r->nodes, &r->source.treasury, first, last, &h, e);
	if (rc != RC_OK)
		return rc;
	/* A node may show very many. */
	for (i = 0; rc == RC_OK && i < h.n && !run_is_stopped(r); i++)
		rc = take_use(a, &h.all[i], e);
	*upto = i == h.n && !a->deferred ? h.upto : first - 1;
	if (rc == RC_OK)
		rc = judge_collected(a, e);
	*more = !h.is_over;
	if (rc == RC_OK && !h.is_given && *more)
		rc = err_set(e, RC_IO,
		    "no node shows the treasury's payments in the blocks from %" PRIu64
		    " to %" PRIu64,
		    first, last);
	history_free(&h);
	return rc;
}

/*
 * All blocks from first on; those up to final are seen for good, with keep: if
 * no older one was left out.
 */
static enum rc
scan_all(struct adoption *a, uint64_t first, uint64_t final, uint64_t latest,
    bool keep, struct err *e)
{
	uint64_t last, upto;
	bool more = true;
	enum rc rc = RC_OK;

	while (rc == RC_OK && more && first <= latest) {
		last = first <= final ? final : latest;
		if (last - first >= HISTORY_BLOCKS)
			last = first + HISTORY_BLOCKS - 1;
		rc = scan(a, first, last, &upto, &more, e);
		if (upto > final)
			upto = final;
		if (rc == RC_OK && keep && upto >= first)
			rc = scanned_set(
			    a->run->db, &a->run->source, (int64_t)upto, e);
		keep = keep && upto == last;
		first = last + 1;
	}
	return rc;
}

/*
 * What a restored ledger has lost was paid before the restore: once all blocks
 * before that are compared, and so final, payouts go on.
 */
static enum rc
compare_restored(struct run *r, struct err *e)
{
	uint64_t lowest, before;
	int64_t at_ms, seen = 0;
	bool whole;
	enum rc rc;

	rc = restored_at(r->db, &at_ms, e);
	if (rc != RC_OK || at_ms == 0)
		return rc;
	/* Blocks have whole seconds: one of the same second is before it. */
	rc = history_block_before(r->nodes, (uint64_t)(at_ms / 1000 + 1),
	    &lowest, &before, &whole, e);
	if (rc == RC_OK)
		rc = scanned_get(r->db, &r->source, &seen, e);
	if (rc != RC_OK)
		return rc;
	if (whole && seen > 0 && (uint64_t)seen >= before) {
		log_notice(
		    "the restored ledger is compared with the chain: payouts go on");
		return restored_end(r->db, e);
	}
	log_warning(
	    "the ledger was restored: nobody is paid until it is compared with all final blocks up to %" PRIu64
	    "; so far up to %" PRId64,
	    before, seen);
	return RC_OK;
}

enum rc
adopt_lost(struct run *r, struct err *e)
{
	uint64_t created_s = (uint64_t)(r->created_ms / 1000);
	uint64_t first = 0, highest, final, latest;
	struct adoption *a;
	int64_t seen = 0;
	bool whole = true;
	enum rc rc;

	r->waiting_count = 0;
	rc = scanned_get(r->db, &r->source, &seen, e);
	if (rc == RC_OK && seen == 0)
		rc = history_block_before(
		    r->nodes, created_s, &first, &highest, &whole, e);
	else
		first = (uint64_t)seen + 1;
	if (rc == RC_OK)
		rc = history_begin(r->nodes, &final, &latest, e);
	if (rc != RC_OK)
		return rc;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	a->run = r;
	rc = scan_all(a, first == 0 ? 1 : first, final, latest, whole, e);
	free(a->nonces);
	free(a);
	return rc == RC_OK ? compare_restored(r, e) : rc;
}
