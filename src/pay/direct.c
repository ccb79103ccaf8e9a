#include "pay/direct.h"

/*
 *	send_to
 *	    |
 *	  group		waits for others, for a node, or for a lower fee
 *	    |		launch: dry run, fees, signature; queued in the ledger
 *	  flight	sent; sent again; replaced when it is stuck
 *	    |		a node shows it in a block, or patience ends
 *	  answer
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "evm/precheck.h"
#include "pay/flight.h"
#include "pay/open.h"
#include "pay/settler.h"

/* How many payouts it takes at once. */
#define DIRECT_AT_ONCE_MAX SETTLE_AT_ONCE_MAX

#define GROUP_MAX_MS 20000 /* a payout waits so long for others to come */
#define POLL_MS	     1000  /* between looks: half of Base's blocks */
#define TRY_MS	     3000  /* between tries to launch what can't yet be */
#define PATIENCE_MS  45000 /* on its way; then the next run goes on */
#define WAIT_MS	     10000 /* for a lower fee; then the next run, too */

/* A payout in no transaction yet. */
struct passenger {
	size_t tag;
	int64_t payout;
	int64_t since_ms; /* monotonic */
	struct signed_transfer transfer;
};

struct answer {
	size_t tag;
	struct settle_answer answer;
};

struct direct {
	struct run *run;
	struct flights flights;
	char name[sizeof("gas account ") + ADDRESS_LEN];
	bool opened;
	bool halted; /* nothing new is sent any more; why says so */
	char why[ERR_MSG_MAX];
	struct passenger group[DIRECT_AT_ONCE_MAX]; /* the oldest first */
	size_t group_n;
	struct answer answers[DIRECT_AT_ONCE_MAX]; /* a ring */
	size_t answers_first;
	size_t answers_n;
	size_t in_flight; /* answers to come or to be taken */
	int64_t poll_ms;  /* monotonic: when to look next */
	int64_t try_ms;	  /* monotonic: when to launch next */
};

/* ---- Answers ---- */

static void
answer(struct direct *d, size_t tag, int64_t since_ms, enum answer_class class,
    const uint8_t *hash, const char *text)
{
	struct answer *a = &d->answers[(d->answers_first + d->answers_n++) %
	    DIRECT_AT_ONCE_MAX];

	*a = (struct answer){ .tag = tag,
		.answer.x402.class = class,
		.answer.elapsed_ms = clock_monotonic_ms() - since_ms,
		.answer.sent = hash != NULL };
	if (hash != NULL) {
		a->answer.x402.has_hash = true;
		memcpy(a->answer.x402.hash, hash, TX_HASH_LEN);
	}
	text_clean(a->answer.text, sizeof(a->answer.text), slice_of(text));
}

static void
flight_answer(struct direct *d, struct flight *f, enum answer_class class,
    const uint8_t *hash, const char *text)
{
	size_t i;

	for (i = 0; i < f->s.count; i++) {
		if (!f->riders[i].waiting)
			continue;
		f->riders[i].waiting = false;
		answer(d, f->riders[i].tag, f->riders[i].since_ms, class, hash,
		    text);
	}
}

/* The first n of the group weren't sent. */
static void
group_answer(struct direct *d, size_t n, const char *text)
{
	size_t i;

	for (i = 0; i < n; i++)
		answer(d, d->group[i].tag, d->group[i].since_ms, ANSWER_RETRY,
		    NULL, text);
	d->group_n -= n;
	memmove(d->group, d->group + n, d->group_n * sizeof(d->group[0]));
}

/* Nothing new can be sent any more in this run. */
static void
halt(struct direct *d, const char *why)
{
	d->halted = true;
	(void)snprintf(d->why, sizeof(d->why), "%s", why);
	log_warning("%s", why);
	group_answer(d, d->group_n, why);
}

/* ---- Launching ---- */

/* Where the payout is on its way already; NULL: nowhere. */
static struct rider *
rider_of(struct direct *d, int64_t payout)
{
	size_t i, place;

	for (i = 0; i < d->flights.n; i++)
		for (place = 0; place < d->flights.all[i]->s.count; place++)
			if (d->flights.all[i]->s.payouts[place] == payout)
				return &d->flights.all[i]->riders[place];
	return NULL;
}

/* What was sent before the queue was known may be on its way already. */
static void
group_board(struct direct *d)
{
	struct rider *rider;
	size_t i, left = 0;

	for (i = 0; i < d->group_n; i++) {
		rider = rider_of(d, d->group[i].payout);
		if (rider == NULL)
			d->group[left++] = d->group[i];
		else
			*rider = (struct rider){ true, d->group[i].tag,
				d->group[i].since_ms };
	}
	d->group_n = left;
}

/* Takes those out of the first *n of the group that the token would refuse. */
static enum rc
dry_run(struct direct *d, size_t *n, struct err *e)
{
	struct signed_transfer transfers[TRANSFERS_MAX];
	struct precheck opinions[TRANSFERS_MAX];
	char text[NODES_REASON_MAX + 40];
	size_t i, left = 0;

	for (i = 0; i < *n; i++)
		transfers[i] = d->group[i].transfer;
	precheck_transfers(d->run->nodes, transfers, *n, opinions);
	for (i = 0; i < *n; i++)
		if (opinions[i].opinion == PRECHECK_UNKNOWN)
			return err_set(
			    e, RC_BUSY, "its dry run: %s", opinions[i].reason);
	for (i = 0; i < *n; i++) {
		if (opinions[i].opinion == PRECHECK_YES) {
			d->group[left++] = d->group[i];
			continue;
		}
		(void)snprintf(text, sizeof(text),
		    "not sent; in a dry run the token says: %s",
		    opinions[i].reason);
		answer(d, d->group[i].tag, d->group[i].since_ms,
		    ANSWER_AMBIGUOUS, NULL, text);
	}
	memmove(d->group + left, d->group + *n,
	    (d->group_n - *n) * sizeof(d->group[0]));
	d->group_n -= *n - left;
	*n = left;
	return RC_OK;
}

static enum rc
payload_make(struct direct *d, struct submission *s, size_t n, struct err *e)
{
	struct signed_transfer transfers[TRANSFERS_MAX];
	const struct address *token = &d->run->source.token;
	size_t i;

	for (i = 0; i < n; i++) {
		transfers[i] = d->group[i].transfer;
		s->payouts[i] = d->group[i].payout;
	}
	s->count = n;
	s->gas_limit = (int64_t)transfers_gas(n);
	s->to = n == 1 ? *token : multicall3;
	if (n == 1)
		transfer_data(&s->data, &transfers[0]);
	else
		transfers_data(&s->data, token, transfers, n);
	return buf_status(&s->data, e);
}

/* From the first n of the group to a submission that is in the ledger. */
static enum rc
queue(struct direct *d, struct submission *s, size_t n, struct err *e)
{
	enum rc rc;

	rc = payload_make(d, s, n, e);
	if (rc == RC_OK)
		rc = gas_can_pay(
		    &d->flights.gas, s, flights_promised_wei(&d->flights), e);
	if (rc == RC_OK)
		rc = gas_sign(&d->flights.gas, s, e);
	s->queued_ms = clock_unix_ms();
	return rc == RC_OK ? submission_queue(d->run->db, s, e) : rc;
}

/* The first n of the group leave in one transaction. */
static enum rc
depart(struct direct *d, struct submission *s, size_t n, struct err *e)
{
	struct flight *f;
	size_t i;
	enum rc rc;

	rc = flights_add(&d->flights, s, &f, e);
	if (rc != RC_OK)
		return rc;
	for (i = 0; i < n; i++)
		f->riders[i] = (struct rider){ .waiting = true,
			.tag = d->group[i].tag,
			.since_ms = d->group[i].since_ms };
	d->group_n -= n;
	memmove(d->group, d->group + n, d->group_n * sizeof(d->group[0]));
	d->poll_ms = clock_monotonic_ms() + POLL_MS;
	return flight_send(&d->flights, f, e);
}

static enum rc
launch(struct direct *d, struct err *e)
{
	struct submission s = { .sender = d->flights.gas.sender };
	size_t n = (size_t)d->run->conf->payout_direct_batch;
	enum rc rc;

	buf_init(&s.data, TRANSACTION_DATA_MAX);
	rc = gas_look(&d->flights.gas, e);
	/* Without the contract a call there succeeds, and pays nobody. */
	if (!d->flights.gas.view.has_multicall)
		n = 1;
	if (n > d->group_n)
		n = d->group_n;
	if (rc == RC_OK)
		rc = gas_next_nonce(&d->flights.gas, &s.nonce, e);
	if (rc == RC_OK)
		rc = gas_first_fees(&d->flights.gas, &s, e);
	if (rc == RC_OK)
		rc = dry_run(d, &n, e);
	if (rc == RC_OK && n > 0) {
		rc = queue(d, &s, n, e);
		if (rc == RC_OK)
			rc = depart(d, &s, n, e);
	}
	submission_free(&s);
	return rc;
}

/* ---- Going on ---- */

/* Not now: it is tried again for as long as they have patience. */
static void
not_yet(struct direct *d, const char *why)
{
	if (strcmp(why, d->why) != 0)
		log_warning("%s", why);
	(void)snprintf(d->why, sizeof(d->why), "%s", why);
	d->try_ms = clock_monotonic_ms() + TRY_MS;
	if (d->group_n > 0 &&
	    clock_monotonic_ms() - d->group[0].since_ms >= WAIT_MS)
		halt(d, why);
}

/* What is in a block: its riders' answers. */
static void
flights_answer(struct direct *d)
{
	struct flight *f;
	size_t i;

	for (i = 0; i < d->flights.n; i++) {
		f = d->flights.all[i];
		if (f->shown)
			flight_answer(
			    d, f, ANSWER_SUCCESS, f->mined_hash, "in a block");
	}
	flights_drop_mined(&d->flights);
}

/* Who rides, or waits, for too long gets an answer: the next run goes on. */
static void
riders_look(struct direct *d)
{
	int64_t now = clock_monotonic_ms();
	struct flight *f;
	size_t i, place;

	for (i = 0; i < d->flights.n; i++)
		for (f = d->flights.all[i], place = 0; place < f->s.count;
		     place++)
			if (f->riders[place].waiting &&
			    now - f->riders[place].since_ms >= PATIENCE_MS)
				flight_answer(d, f, ANSWER_PENDING, f->s.hash,
				    "sent, and in no block yet");
	while (d->group_n > 0 && now - d->group[0].since_ms >= PATIENCE_MS)
		group_answer(d, 1,
		    "not sent: what was sent before it is in no block yet");
}

/* When a transaction is to be made of the group: it is full, or all waited. */
static int64_t
launch_ms(const struct direct *d)
{
	int64_t latest;

	if (d->halted || d->group_n == 0 || d->flights.n == FLIGHTS_MAX ||
	    !d->flights.whole)
		return INT64_MAX;
	if (d->group_n >= (size_t)d->run->conf->payout_direct_batch)
		return d->try_ms;
	latest = d->group[0].since_ms + GROUP_MAX_MS;
	return d->run->settlers->more && latest > d->try_ms ? latest
							    : d->try_ms;
}

static enum rc
go_on(struct direct *d, struct err *e)
{
	int64_t now = clock_monotonic_ms();
	enum rc rc = RC_OK;

	if (!d->opened) {
		if (d->halted || d->group_n == 0 || now < d->try_ms)
			return RC_OK;
		rc = flights_open(&d->flights, e);
		d->opened = rc == RC_OK;
		group_board(d);
	} else if ((d->flights.n > 0 || !d->flights.whole) &&
	    now >= d->poll_ms) {
		d->poll_ms = now + POLL_MS;
		rc = gas_look(&d->flights.gas, e);
		if (rc == RC_OK)
			rc = flights_look(&d->flights, e);
		flights_answer(d);
		group_board(d);
	}
	while (rc == RC_OK && launch_ms(d) <= clock_monotonic_ms())
		rc = launch(d, e);
	return rc;
}

/* A standing fault ends it for this run; what may pass is waited for. */
static void
work(struct direct *d)
{
	struct err e = ERR_INIT;
	enum rc rc;

	rc = go_on(d, &e);
	if (rc == RC_BUSY || rc == RC_IO)
		not_yet(d, e.msg);
	else if (rc != RC_OK && !d->halted)
		halt(d, e.msg);
	riders_look(d);
}

/* How long nothing is to be done. */
static int64_t
idle_ms(const struct direct *d)
{
	int64_t now = clock_monotonic_ms(), at = now + POLL_MS;

	if (d->flights.n > 0 && d->poll_ms < at)
		at = d->poll_ms;
	if (launch_ms(d) < at)
		at = launch_ms(d);
	return at > now ? at - now : 0;
}

/* ---- The settler ---- */

enum rc
direct_new(struct direct **out, struct run *r, struct err *e)
{
	char account[ADDRESS_LEN + 1];
	struct direct *d = calloc(1, sizeof(*d));

	*out = d;
	if (d == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	d->run = r;
	gas_open(&d->flights.gas, r);
	address_format(
	    account, &d->flights.gas.sender.account, ADDRESS_CHECKSUM);
	(void)snprintf(d->name, sizeof(d->name), "gas account %s", account);
	return RC_OK;
}

void
direct_free(struct direct *d)
{
	if (d == NULL)
		return;
	flights_free(&d->flights);
	free(d);
}

void
direct_resume(struct direct *d)
{
	struct submission s;
	struct err e = ERR_INIT;
	bool found;
	enum rc rc;

	rc = submission_next_open(
	    d->run->db, &d->flights.gas.sender, -1, &s, &found, &e);
	if (rc == RC_OK && found) {
		submission_free(&s);
		rc = flights_open(&d->flights, &e);
		d->opened = rc == RC_OK;
		d->poll_ms = clock_monotonic_ms() + POLL_MS;
	}
	if (rc == RC_BUSY || rc == RC_IO)
		log_warning("%s", e.msg);
	else if (rc != RC_OK)
		halt(d, e.msg);
}

static struct signed_transfer
transfer_of(const struct open_payout *o)
{
	struct signed_transfer t = {
		.authorization = { .from = o->payout.source.treasury,
		    .to = o->payout.worker,
		    .value = (uint64_t)o->payout.amount_micros,
		    .valid_after = (uint64_t)o->auth.valid_after,
		    .valid_before = (uint64_t)o->auth.valid_before }
	};

	memcpy(t.authorization.nonce, o->payout.nonce,
	    sizeof(t.authorization.nonce));
	memcpy(t.signature, o->auth.signature, SIGNATURE_LEN);
	return t;
}

static void
send_to(void *ctx, size_t tag, const struct open_payout *o)
{
	struct direct *d = ctx;
	int64_t now = clock_monotonic_ms();
	struct rider *rider;

	CHECK(d->in_flight < DIRECT_AT_ONCE_MAX);
	d->in_flight++;
	if (d->halted) {
		answer(d, tag, now, ANSWER_RETRY, NULL, d->why);
		return;
	}
	rider = rider_of(d, o->payout.id);
	if (rider != NULL) {
		*rider = (struct rider){ true, tag, now };
		return;
	}
	d->group[d->group_n++] = (struct passenger){ .tag = tag,
		.payout = o->payout.id,
		.since_ms = now,
		.transfer = transfer_of(o) };
}

/*
 * SUCCESS when a node shows the transaction in a block (which says nothing
 * about the payout), PENDING when it is on its way, AMBIGUOUS when the payout
 * can't be carried out now, RETRY when it wasn't sent, for a reason of ours.
 */
static const struct settle_answer *
wait_for(void *ctx, int64_t timeout_ms, int wake_fd, size_t *tag)
{
	struct direct *d = ctx;
	int64_t left, wait, end = clock_monotonic_ms() + timeout_ms;
	struct pollfd fd = { .fd = wake_fd, .events = POLLIN };
	const struct answer *a;

	for (;;) {
		if (d->answers_n == 0)
			work(d);
		left = end - clock_monotonic_ms();
		if (d->answers_n > 0 || left <= 0)
			break;
		wait = idle_ms(d);
		if (poll(&fd, 1, (int)(wait < left ? wait : left)) > 0)
			break;
	}
	if (d->answers_n == 0)
		return NULL;
	a = &d->answers[d->answers_first];
	d->answers_first = (d->answers_first + 1) % DIRECT_AT_ONCE_MAX;
	d->answers_n--;
	d->in_flight--;
	*tag = a->tag;
	return &a->answer;
}

static size_t
in_flight(void *ctx)
{
	const struct direct *d = ctx;

	return d->in_flight;
}

/* The next run goes on with what is on its way. */
static void
abandon(void *ctx)
{
	struct direct *d = ctx;
	size_t i, place;

	for (i = 0; i < d->flights.n; i++)
		for (place = 0; place < d->flights.all[i]->s.count; place++)
			d->flights.all[i]->riders[place].waiting = false;
	d->group_n = d->answers_n = d->in_flight = 0;
	d->halted = true;
}

static int64_t
pause_ms(void *ctx)
{
	(void)ctx;
	return 0;
}

/* It waits for nodes and fees by itself. */
static enum rc
probe(void *ctx, int stop_fd, bool *unfit, struct err *e)
{
	(void)ctx;
	(void)stop_fd;
	(void)e;
	*unfit = false;
	return RC_OK;
}

enum rc
direct_settle(struct direct *d, struct err *e)
{
	const struct settler s = { .ctx = d,
		.at_once = DIRECT_AT_ONCE_MAX,
		.is_fallback = d->run->settlers->n > 0,
		.send = send_to,
		.wait = wait_for,
		.in_flight = in_flight,
		.pause_ms = pause_ms,
		.abandon = abandon,
		.probe = probe };

	return settlers_add(d->run, &s, d->name, e);
}
