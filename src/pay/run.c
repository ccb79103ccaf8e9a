#include "pay/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "pay/keystore.h"
#include "pay/run_room.h"

enum rc
run_finding(struct run *r, const char *kind, const char *subject,
    const char *detail, struct err *e)
{
	r->result->findings = true;
	log_error("%s: %s: %s", kind, subject, detail);
	if (r->options->dry_run)
		return RC_OK;
	return finding_add(r->db, kind, subject, detail, clock_unix_ms(), e);
}

enum rc
run_payout_finding(struct run *r, const struct payout *p, const char *kind,
    const char *detail, struct err *e)
{
	char subject[40];

	(void)snprintf(subject, sizeof(subject), "payout %" PRId64, p->id);
	return run_finding(r, kind, subject, detail, e);
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
	return payout_is_held(r->db, 0, &held, NULL) != RC_OK || held;
}

/* ---- The parts of a run ---- */

/* Makes an open payout ready; RC_NOT_FOUND: nothing is to be done for it. */
static enum rc
resume_one(struct run *r, struct open_payout *o, struct err *e)
{
	enum rc rc = RC_NOT_FOUND;

	if (o->payout.state == PAYOUT_POSTED || !run_is_ours(r, &o->payout))
		return RC_NOT_FOUND;
	if (o->payout.state != PAYOUT_RESERVED)
		rc = open_payout_load(r, o, e);
	if (rc != RC_NOT_FOUND)
		return rc;
	/* Or adopted, and its block is gone: the nonce is the same. */
	if (run_is_sealed(r, &o->payout))
		return run_sign(r, o, -1, e);
	rc = run_payout_finding(r, &o->payout, "not sealed",
	    "it isn't signed, and no run has made it as it is", e);
	return rc == RC_OK ? RC_NOT_FOUND : rc;
}

struct resumption {
	struct run *run;
	int64_t last; /* id */
};

/* struct feed: what an earlier run has left reserved, signed or submitted. */
static enum rc
resume_fill(void *ctx, struct open_payout *out, size_t room, size_t *n,
    bool *dry, struct err *e)
{
	struct resumption *s = ctx;
	struct run *r = s->run;
	bool found = true;
	enum rc rc = RC_OK;

	*n = 0;
	*dry = run_should_stop(r);
	while (rc == RC_OK && !*dry && *n < room) {
		out[*n] = (struct open_payout){ .answer = ANSWER_RETRY };
		rc = payout_next_open(
		    r->db, s->last, &out[*n].payout, &found, e);
		*dry = !found;
		if (rc != RC_OK || !found)
			break;
		s->last = out[*n].payout.id;
		rc = resume_one(r, &out[*n], e);
		if (rc == RC_OK) {
			++*n;
			continue;
		}
		open_payout_free(&out[*n]);
		if (rc == RC_NOT_FOUND)
			rc = RC_OK;
	}
	/* Its verdict decides whether its bytes are sent again. */
	return rc == RC_OK && *n > 0 ? run_judge(r, out, *n, e) : rc;
}

static enum rc
continue_open(struct run *r, struct err *e)
{
	struct resumption s = { .run = r };

	return run_window(r,
	    &(struct feed){ .fill = resume_fill, .ctx = &s, .ready_fd = -1 },
	    e);
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
		rc = run_pay_payees(r, e);
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
