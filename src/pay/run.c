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
#include "pay/adopt.h"
#include "pay/authorize.h"
#include "pay/open.h"
#include "pay/payees.h"

/* Token, treasury and clock; *may_pay: nothing speaks against paying. */
static enum rc
look_before(struct run *r, bool *may_pay, struct err *e)
{
	struct err cause = ERR_INIT;
	struct outlook outlook;
	int64_t in_flight;
	enum rc rc;

	*may_pay = false;
	rc = nodes_inspect(r->nodes, &r->source.treasury, &outlook, e);
	/* What is paid already can be booked all the same. */
	if (rc == RC_INVALID && r->options->reconcile_only) {
		log_error("%s", e->msg);
		outlook = (struct outlook){ .paused = false };
		rc = RC_OK;
	}
	if (rc == RC_OK)
		rc = nodes_head(r->nodes, &r->latest, &r->final, e);
	if (rc == RC_OK)
		rc = payout_in_flight(r->db, &in_flight, e);
	if (rc != RC_OK)
		return rc;
	if (outlook.warning[0] != '\0')
		log_warning("%s", outlook.warning);
	if (outlook.treasury_has_code && !r->options->reconcile_only)
		return err_set(e, RC_INVALID,
		    "the treasury's address has code: the token takes no signature of its key");
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
	if (nodes_check_clock(r->nodes, &cause) != RC_OK)
		return run_finding(r, "clock", "this host", cause.msg, e);
	*may_pay = true;
	return RC_OK;
}

/* Compares the ledger with the chain, and settles what was begun. */
static enum rc
catch_up(struct run *r, bool *may_pay, struct err *e)
{
	enum rc rc;

	/* What is void gives its credit back before a lost one takes it. */
	rc = authorize_open(r, e);
	if (rc == RC_OK)
		rc = open_reconcile(r, e);
	if (rc == RC_OK)
		rc = adopt_lost(r, e);
	if (rc == RC_OK && *may_pay && !r->options->reconcile_only)
		rc = open_continue(r, e); /* what is signed, at least */
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
	if (rc == RC_OK && may_pay && !r->options->reconcile_only &&
	    (r->may_sign || r->options->dry_run))
		rc = pay_payees(r, e);
	if (rc == RC_OK)
		rc = open_count(r, e);
	/* These mean something else to who called us. */
	return rc == RC_CONFLICT || rc == RC_NOT_FOUND ? RC_BUSY : rc;
}

enum rc
run_vault_start(struct vault **out, const struct conf *c, bool with_journal,
    bool anew, struct err *e)
{
	struct network n;
	enum rc rc;

	*out = NULL;
	rc = network_from_conf(&n, c, e);
	if (rc == RC_OK)
		rc = vault_start(out,
		    &(struct vault_options){
			.key_file = c->payout_treasury_key_file,
			.passphrase_file = c->payout_treasury_passphrase_file,
			.gas_key_file = "",
			.journal_file =
			    with_journal ? c->payout_journal_file : NULL,
			.journal_new = anew,
			.domain = network_domain(&n),
			.caps = { c->payout_max_per_payout_micros,
			    c->payout_max_per_run_micros,
			    c->payout_max_per_worker_day_micros,
			    c->payout_max_per_day_micros },
			.validity_s = c->payout_validity_s },
		    e);
	/* A key that can't be found or read is a matter of configuration. */
	return rc == RC_NOT_FOUND || rc == RC_IO ? RC_INVALID : rc;
}

/* Nobody decided how much may be paid: then nothing is. */
static enum rc
caps_check(const struct conf *c, struct err *e)
{
	if (c->payout_max_per_payout_micros > 0 &&
	    c->payout_max_per_run_micros > 0 &&
	    c->payout_max_per_worker_day_micros > 0 &&
	    c->payout_max_per_day_micros > 0)
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "without caps nothing is paid: set [payout] max_per_payout_micros, "
	    "max_per_run_micros, max_per_worker_day_micros and "
	    "max_per_day_micros; \"worknet check\" proposes values");
}

static enum rc
run_open(struct run *r, struct err *e)
{
	const struct conf *c = r->conf;
	enum rc rc;

	rc = network_from_conf(&r->network, c, e);
	if (rc == RC_OK && (r->options == NULL || !r->options->reconcile_only))
		rc = caps_check(c, e);
	r->source.treasury = *vault_treasury(r->vault);
	if (rc == RC_OK && c->payout_cdp_key_file[0] != '\0')
		rc = cdp_key_read(&r->cdp_key, c->payout_cdp_key_id,
		    c->payout_cdp_key_file, e);
	if (rc == RC_OK)
		rc = nodes_new(&r->nodes, c->payout_rpc_urls, &r->network,
		    c->payout_finality, e);
	if (rc == RC_OK)
		rc = nodes_check_hosts(r->nodes,
		    strcmp(c->payout_single_node, "accept") == 0, e);
	if (rc == RC_OK && r->options != NULL)
		nodes_stop_at(r->nodes, r->options->stop_fd);
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
	free(r->waiting);
	if (r->nodes != NULL && r->result != NULL)
		r->result->calls = nodes_calls(r->nodes);
	nodes_free(r->nodes);
	cdp_key_free(r->cdp_key);
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
run_payouts(struct db *db, struct vault *vault, const struct conf *c,
    const struct run_options *options, struct run_result *out, struct err *e)
{
	struct run r = { .db = db,
		.vault = vault,
		.conf = c,
		.options = options,
		.result = out };
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
run_journal_new(
    struct db *db, struct vault *vault, const struct conf *c, struct err *e)
{
	struct run r = { .db = db, .vault = vault, .conf = c };
	enum rc rc;

	rc = run_open(&r, e);
	if (rc == RC_OK)
		rc = payout_ledger_id(db, r.ledger_id, &r.created_ms, e);
	if (rc == RC_OK)
		rc = authorize_begin_anew(&r, e);
	run_close(&r);
	return rc;
}

enum rc
run_test(struct vault *vault, const struct conf *c, struct err *e)
{
	struct run r = { .vault = vault, .conf = c };
	enum rc rc = run_open(&r, e);

	run_close(&r);
	return rc;
}
