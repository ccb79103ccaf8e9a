#include "pay/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "ledger/evidence.h"
#include "pay/keystore.h"
#include "pay/run_room.h"

int64_t
run_clock_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

enum rc
run_finding(struct run *r, const char *kind, const char *subject,
    const char *detail, struct err *e)
{
	r->result->findings = true;
	log_error("%s: %s: %s", kind, subject, detail);
	if (r->options->dry_run)
		return RC_OK;
	return finding_add(r->db, kind, subject, detail, run_clock_ms(), e);
}

void
run_nonce(const struct run *r, const struct address *worker, int64_t seq,
    uint8_t out[static PAYOUT_NONCE_LEN])
{
	struct payout_key key = {
		.chain_id = (uint64_t)r->source.chain_id,
		.token = r->source.token,
		.treasury = r->source.treasury,
		.worker = *worker,
		.seq = (uint64_t)seq,
	};

	memcpy(key.ledger_id, r->ledger_id, sizeof(key.ledger_id));
	payout_nonce(out, &key);
}

bool
run_is_ours(const struct run *r, const struct payout *p)
{
	return p->source.chain_id == r->source.chain_id &&
	    memcmp(&p->source.token, &r->source.token,
		sizeof(p->source.token)) == 0 &&
	    memcmp(&p->source.treasury, &r->source.treasury,
		sizeof(p->source.treasury)) == 0;
}

bool
run_should_stop(struct run *r)
{
	struct pollfd fd = { .fd = r->options->stop_fd, .events = POLLIN };
	bool held = false;

	if (fd.fd >= 0 && poll(&fd, 1, 0) > 0)
		return true;
	/* A ledger that can't tell holds the money. */
	return payout_all_held(r->db, &held, NULL) != RC_OK || held;
}

/* ---- One payee ---- */

/* Whom it doesn't pay, and why: for --dry-run; the ledger has the rest. */
static void
payee_pass(struct run *r, const struct payee *p, const char *why)
{
	char who[ADDRESS_LEN + 1];

	r->result->held++;
	address_format(who, &p->worker, ADDRESS_CHECKSUM);
	if (r->options->dry_run)
		printf("not %s: %s\n", who, why);
	else
		log_info("%s isn't paid: %s", who, why);
}

static int64_t
cap(int64_t amount, int64_t limit)
{
	return limit > 0 && amount > limit ? limit : amount;
}

/* What a payee may be paid now, within the caps; 0: nothing. */
static int64_t
amount_for(struct run *r, const struct payee *p, int64_t backed_micros,
    int64_t run_sum)
{
	const struct conf *c = r->conf;
	int64_t amount = cap(backed_micros, c->payout_max_per_payout_micros);

	if (c->payout_max_per_worker_day_micros > 0 &&
	    amount > c->payout_max_per_worker_day_micros - p->last_day_micros)
		amount =
		    c->payout_max_per_worker_day_micros - p->last_day_micros;
	if (c->payout_max_per_run_micros > 0 &&
	    amount > c->payout_max_per_run_micros - run_sum)
		amount = c->payout_max_per_run_micros - run_sum;
	return amount >= c->payout_threshold_micros ? amount : 0;
}

/* Verifies, reserves and signs; *made is false when it isn't paid now. */
static enum rc
payee_prepare(struct run *r, const struct payee *p, int64_t run_sum,
    struct open_payout *o, bool *made, struct err *e)
{
	char who[ADDRESS_LEN + 1];
	struct err cause = ERR_INIT;
	struct evidence evidence;
	int64_t amount;
	enum rc rc;

	*made = false;
	address_format(who, &p->worker, ADDRESS_CHECKSUM);
	rc =
	    evidence_verify(r->db, p->worker_id, &p->worker, &evidence, &cause);
	if (rc == RC_CORRUPT) {
		r->result->held++;
		return run_finding(r, "evidence", who, cause.msg, e);
	}
	if (rc != RC_OK)
		return err_set(e, rc, "%s", cause.msg);
	amount = amount_for(r, p, evidence.balance_micros, run_sum);
	if (amount == 0) {
		payee_pass(r, p, "a cap is reached");
		return RC_OK;
	}
	if (amount > r->budget_micros) {
		r->result->insolvent = true;
		payee_pass(r, p, "the treasury hasn't enough");
		return RC_OK;
	}
	*o = (struct open_payout){ .answer = ANSWER_RETRY,
		.payout = { .worker_id = p->worker_id,
		    .worker = p->worker,
		    .seq = p->next_seq,
		    .amount_micros = amount,
		    .source = r->source,
		    .reserved_ms = run_clock_ms(),
		    .verified_to = evidence.verified_to } };
	run_nonce(r, &p->worker, p->next_seq, o->payout.nonce);
	*made = true;
	if (r->options->dry_run) {
		printf("would pay %s %" PRId64 " micro-USDC\n", who, amount);
		r->budget_micros -= amount;
		return RC_OK;
	}
	rc = payout_reserve(r->db, &o->payout, e);
	if (rc != RC_OK)
		return rc;
	r->result->reserved++;
	r->budget_micros -= amount;
	return run_sign(r, o, evidence.results, e);
}

/* What the token says now counts, not what it said to an earlier run. */
static enum rc
payee_hold(struct run *r, struct payee *p, const struct chain_forecast *f,
    struct err *e)
{
	char who[ADDRESS_LEN + 1];

	if (f->opinion == OPINION_YES)
		return p->held_by_chain && !r->options->dry_run
		    ? hold_release(r->db, p->worker_id, "chain", e)
		    : RC_OK;
	if (!p->held)
		(void)snprintf(
		    p->hold_reason, sizeof(p->hold_reason), "%s", f->reason);
	p->held = true;
	if (r->options->dry_run)
		return RC_OK;
	address_format(who, &p->worker, ADDRESS_CHECKSUM);
	log_warning("%s is held: %s", who, f->reason);
	return hold_set(
	    r->db, p->worker_id, "chain", f->reason, run_clock_ms(), e);
}

/* Holds payees that the token refuses, releases those that it takes again. */
static enum rc
payees_ask_token(struct run *r, struct payee_list *l, struct err *e)
{
	struct chain_forecast *forecasts = calloc(l->n, sizeof(*forecasts));
	struct address *addresses = calloc(l->n, sizeof(*addresses));
	enum rc rc = RC_OK;
	size_t i;

	if (forecasts == NULL || addresses == NULL) {
		rc = err_set(e, RC_NO_MEMORY, "no memory");
		goto out;
	}
	for (i = 0; i < l->n; i++)
		addresses[i] = l->all[i].worker;
	chain_check_payees(r->chain, addresses, l->n, forecasts);
	for (i = 0; rc == RC_OK && i < l->n; i++)
		rc = payee_hold(r, &l->all[i], &forecasts[i], e);
out:
	free(forecasts);
	free(addresses);
	return rc;
}

/* ---- The parts of a run ---- */

/* Reserved or signed by an earlier run that was killed. */
static enum rc
continue_open(struct run *r, struct err *e)
{
	struct open_payout o;
	bool found = true;
	int64_t last = 0;
	enum rc rc = RC_OK;

	while (rc == RC_OK && !run_should_stop(r)) {
		o = (struct open_payout){ .answer = ANSWER_RETRY };
		rc = payout_next_open(r->db, last, &o.payout, &found, e);
		if (rc != RC_OK || !found)
			break;
		last = o.payout.id;
		if (o.payout.state == PAYOUT_POSTED ||
		    !run_is_ours(r, &o.payout))
			continue;
		rc = o.payout.state == PAYOUT_RESERVED
		    ? RC_NOT_FOUND
		    : open_payout_load(r, &o, e);
		/* Or adopted, and its block is gone: the nonce is the same. */
		if (rc == RC_NOT_FOUND)
			rc = run_sign(r, &o, -1, e);
		/* Its verdict decides whether its bytes are sent again. */
		if (rc == RC_OK)
			rc = run_judge(r, &o, 1, e);
		if (rc == RC_OK)
			rc = run_settle(r, &o, 1, e);
		open_payout_free(&o);
	}
	return rc;
}

static enum rc
settle_batch(struct run *r, struct open_payout *batch, size_t *n, struct err *e)
{
	enum rc rc = RC_OK;
	size_t i;

	if (*n > 0 && !r->options->dry_run)
		rc = run_settle(r, batch, *n, e);
	for (i = 0; i < *n; i++)
		open_payout_free(&batch[i]);
	*n = 0;
	return rc;
}

static enum rc
pay_list(struct run *r, const struct payee_list *l, struct open_payout *batch,
    struct err *e)
{
	size_t i, n = 0, size = (size_t)r->conf->payout_concurrency;
	int64_t run_sum = 0, made_all = 0;
	enum rc rc = RC_OK;
	bool made;

	for (i = 0; rc == RC_OK && i < l->n && !r->result->insolvent; i++) {
		/*
		 * One at a time: whether an earlier payout of a restored
		 * ledger is void decides what a lost later one was for.
		 */
		if (l->all[i].held || l->all[i].unsettled) {
			payee_pass(r, &l->all[i],
			    l->all[i].held ? l->all[i].hold_reason
					   : "an earlier payout isn't settled");
			continue;
		}
		if (run_should_stop(r) ||
		    (r->options->max_payouts > 0 &&
			made_all >= r->options->max_payouts))
			break;
		rc = payee_prepare(r, &l->all[i], run_sum, &batch[n], &made, e);
		if (rc != RC_OK || !made)
			continue;
		run_sum += batch[n].payout.amount_micros;
		made_all++;
		if (++n == size)
			rc = settle_batch(r, batch, &n, e);
		if (r->options->progress)
			fprintf(stderr, "\r%zu of %zu payees", i + 1, l->n);
	}
	if (r->options->progress && l->n > 0)
		fputc('\n', stderr);
	if (rc == RC_OK)
		return settle_batch(r, batch, &n, e);
	/* What was signed stays; the next run sends it. */
	for (i = 0; i < n; i++)
		open_payout_free(&batch[i]);
	return rc;
}

static enum rc
pay_new(struct run *r, struct err *e)
{
	struct open_payout *batch;
	struct payee_list l;
	enum rc rc;

	rc = payout_payees(r->db, r->conf->payout_threshold_micros,
	    r->options->only, run_clock_ms(), &l, e);
	if (rc != RC_OK || l.n == 0)
		return rc;
	batch = calloc((size_t)r->conf->payout_concurrency, sizeof(*batch));
	if (batch == NULL)
		rc = err_set(e, RC_NO_MEMORY, "no memory");
	if (rc == RC_OK)
		rc = payees_ask_token(r, &l, e);
	if (rc == RC_OK)
		rc = pay_list(r, &l, batch, e);
	free(batch);
	payee_list_free(&l);
	return rc;
}

/* Token, treasury and clock; *may_pay: nothing speaks against paying. */
static enum rc
look_before(struct run *r, bool *may_pay, struct err *e)
{
	struct chain_outlook outlook;
	int64_t in_flight;
	enum rc rc;

	*may_pay = false;
	rc = chain_inspect(r->chain, &r->source.treasury, &outlook, e);
	if (rc == RC_OK)
		rc = chain_head(r->chain, &r->latest, &r->final, e);
	if (rc == RC_OK)
		rc = payout_in_flight(r->db, &in_flight, e);
	if (rc != RC_OK)
		return rc;
	if (outlook.warning[0] != '\0')
		log_warning("%s", outlook.warning);
	if (outlook.treasury_has_code)
		return err_set(e, RC_INVALID,
		    "the treasury's address has "
		    "code: the token takes no signature of its key");
	/* What is promised may still leave the treasury. */
	r->budget_micros =
	    outlook.balance > INT64_MAX ? INT64_MAX : (int64_t)outlook.balance;
	r->budget_micros -= in_flight;
	if (outlook.treasury_blacklisted || outlook.paused) {
		r->result->findings = true;
		log_error("nobody can be paid: the token %s",
		    outlook.paused ? "is paused" : "refuses the treasury");
		return RC_OK;
	}
	*may_pay = true;
	return RC_OK;
}

static enum rc
count_open(struct run *r, struct err *e)
{
	struct payout p;
	bool found = true;
	int64_t last = 0;
	enum rc rc = RC_OK;

	while (rc == RC_OK) {
		rc = payout_next_open(r->db, last, &p, &found, e);
		if (rc != RC_OK || !found)
			break;
		last = p.id;
		r->result->open += p.state != PAYOUT_POSTED;
	}
	return rc;
}

/* Compares the ledger with the chain, and settles what was begun. */
static enum rc
catch_up(struct run *r, bool *may_pay, struct err *e)
{
	enum rc rc;

	/* What is void gives its credit back before a lost one takes it. */
	rc = run_reconcile(r, e);
	if (rc == RC_OK)
		rc = run_adopt_lost(r, e);
	if (rc == RC_OK && *may_pay && !r->options->reconcile_only)
		rc = continue_open(r, e);
	/* What was paid meanwhile isn't promised any more. */
	if (rc == RC_OK && (r->result->posted > 0 || r->result->voided > 0))
		rc = look_before(r, may_pay, e);
	return rc;
}

static enum rc
run_steps(struct run *r, struct err *e)
{
	bool may_pay;
	enum rc rc;

	rc = look_before(r, &may_pay, e);
	if (rc == RC_OK && !r->options->dry_run)
		rc = catch_up(r, &may_pay, e);
	if (rc == RC_OK && may_pay && !r->options->reconcile_only)
		rc = pay_new(r, e);
	if (rc == RC_OK)
		rc = count_open(r, e);
	/* These mean something else to who called us. */
	return rc == RC_CONFLICT || rc == RC_NOT_FOUND ? RC_BUSY : rc;
}

static enum rc
run_open(struct run *r, struct err *e)
{
	const struct conf *c = r->conf;
	enum rc rc;

	rc = network_from_conf(&r->network, c, e);
	if (rc == RC_OK)
		rc = treasury_key_read(&r->key, c->payout_treasury_key_file,
		    c->payout_treasury_passphrase_file, e);
	if (rc == RC_OK)
		rc = eth_key_address(&r->source.treasury, &r->key, e);
	if (rc == RC_OK && c->payout_cdp_key_file[0] != '\0')
		rc = cdp_key_read(&r->cdp_key, c->payout_cdp_key_id,
		    c->payout_cdp_key_file, e);
	if (rc == RC_OK)
		rc = chain_new(&r->chain, c->payout_rpc_urls, &r->network,
		    c->payout_finality, e);
	if (rc == RC_OK)
		rc = facilitator_new(&r->facilitator,
		    &(struct facilitator_options){
			.base_url = c->payout_facilitator_url,
			.network = &r->network,
			.cdp_key = r->cdp_key },
		    e);
	/* A key that can't be found or read is a matter of configuration. */
	if (rc != RC_OK && rc != RC_NO_MEMORY)
		return RC_INVALID;
	r->source.chain_id = (int64_t)r->network.chain_id;
	r->source.token = r->network.token;
	return rc;
}

static void
run_close(struct run *r)
{
	facilitator_free(r->facilitator);
	chain_free(r->chain);
	cdp_key_free(r->cdp_key);
	secret_wipe(&r->key, sizeof(r->key));
}

/* One run at a time on a ledger: the lock goes with the process. */
static enum rc
lock_take(const char *ledger_path, int *fd, struct err *e)
{
	char path[PATH_LEN_MAX + 16];

	(void)snprintf(path, sizeof(path), "%s.payout-lock", ledger_path);
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return err_set(e, RC_INVALID, "%s: %s", path, strerror(errno));
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return RC_OK;
	(void)close(*fd);
	return err_set(e, RC_CONFLICT, "another run holds %s", path);
}

enum rc
run_payouts(struct db *db, const struct conf *c,
    const struct run_options *options, struct run_result *out, struct err *e)
{
	struct run r = {
		.db = db, .conf = c, .options = options, .result = out
	};
	enum rc rc;
	int lock;

	*out = (struct run_result){ 0 };
	rc = lock_take(c->ledger_path, &lock, e);
	if (rc != RC_OK)
		return rc;
	rc = run_open(&r, e);
	if (rc == RC_OK)
		rc = payout_ledger_id(db, r.ledger_id, &r.created_ms, e);
	if (rc == RC_OK)
		rc = run_steps(&r, e);
	run_close(&r);
	(void)close(lock);
	return rc;
}

enum rc
run_test(const struct conf *c, struct err *e)
{
	struct run r = { .conf = c };
	enum rc rc = run_open(&r, e);

	run_close(&r);
	return rc;
}
