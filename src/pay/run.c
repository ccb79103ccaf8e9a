#include "pay/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "evm/inspect.h"
#include "pay/adopt.h"
#include "pay/authorize.h"
#include "pay/direct.h"
#include "pay/payees.h"
#include "pay/reconcile.h"
#include "pay/settler.h"

/* What lasts at the token or the treasury, and stops all payouts. */
static enum rc
tell_outlook(struct run *r, const struct outlook *o, struct err *e)
{
	const struct {
		bool is;
		const char *kind;
		const struct address *subject;
		const char *words;
	} faults[] = {
		{ o->paused, "token paused", &r->source.token,
		    "nobody can be paid: the token is paused" },
		{ o->treasury_blacklisted, "treasury blacklisted",
		    &r->source.treasury,
		    "nobody can be paid: the token refuses the treasury" },
		{ o->treasury_has_code, "treasury has code",
		    &r->source.treasury,
		    "the treasury's address has code: the token takes no signature of its key" },
	};
	char subject[ADDRESS_LEN + 1];
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < sizeof(faults) / sizeof(faults[0]);
	     i++) {
		address_format(subject, faults[i].subject, ADDRESS_CHECKSUM);
		if (faults[i].is)
			rc = run_finding(
			    r, faults[i].kind, subject, faults[i].words, e);
		if (rc == RC_OK)
			rc = run_over_unseen(r, faults[i].kind, e);
	}
	return rc;
}

/* What this treasury has and hasn't promised. */
static enum rc
budget_make(struct run *r, uint64_t balance, struct err *e)
{
	int64_t in_flight;
	enum rc rc = payout_in_flight(r->db, &r->source, &in_flight, e);

	if (rc == RC_OK)
		/* What is promised may still leave the treasury. */
		r->budget_micros =
		    (balance > INT64_MAX ? INT64_MAX : (int64_t)balance) -
		    in_flight;
	return rc;
}

/* What every node says of the token stops all, and is a person's matter. */
static enum rc
tell_foreign(struct run *r, const struct err *cause, struct err *e)
{
	char subject[ADDRESS_LEN + 1];
	enum rc rc;

	address_format(subject, &r->source.token, ADDRESS_CHECKSUM);
	rc = run_finding(r, "token differs", subject, cause->msg, e);
	return rc == RC_OK ? err_set(e, RC_INVALID, "%s", cause->msg) : rc;
}

/* Token, treasury and clock; *may_pay: nothing speaks against paying. */
static enum rc
look_before(struct run *r, bool *may_pay, struct err *e)
{
	struct err cause = ERR_INIT;
	struct outlook outlook;
	enum rc rc;

	*may_pay = false;
	rc = nodes_inspect(r->nodes, &r->source.treasury, &outlook, &cause);
	if (rc == RC_INVALID)
		return tell_foreign(r, &cause, e);
	if (rc != RC_OK)
		return err_set(e, rc, "%s", cause.msg);
	rc = run_over_unseen(r, "token differs", e);
	if (rc == RC_OK)
		rc = nodes_head(r->nodes, &r->head, e);
	if (rc == RC_OK)
		rc = budget_make(r, outlook.balance, e);
	if (rc != RC_OK)
		return rc;
	if (outlook.warning[0] != '\0')
		log_warning("%s", outlook.warning);
	rc = tell_outlook(r, &outlook, e);
	if (rc == RC_OK && outlook.treasury_has_code)
		return err_set(e, RC_INVALID,
		    "the treasury's address has code: the token takes no signature of its key");
	if (rc == RC_OK && nodes_check_clock(r->nodes, &cause) != RC_OK)
		return run_finding(r, "clock", "this host", cause.msg, e);
	if (rc == RC_OK)
		rc = run_over_unseen(r, "clock", e);
	*may_pay = !outlook.treasury_blacklisted && !outlook.paused;
	return rc;
}

/*
 * Compares the ledger with the chain: what has happened is booked whatever
 * speaks against paying now.
 */
static enum rc
catch_up(struct run *r, struct err *e)
{
	enum rc rc = nodes_head(r->nodes, &r->head, e);

	if (rc != RC_OK || r->options->dry_run)
		return rc;
	/* What is void gives its credit back before a lost one takes it. */
	rc = authorize_open(r, e);
	if (rc == RC_OK)
		rc = reconcile_open(r, e);
	if (rc == RC_OK)
		rc = adopt_lost(r, e);
	if (rc == RC_OK && r->direct != NULL && !r->options->reconcile_only)
		direct_resume(r->direct);
	return rc;
}

/* A hold of everybody leaves a word, not only a run that pays nobody. */
static void
tell_hold(struct run *r)
{
	bool held = false;

	if (payout_is_held(r->db, 0, &held, NULL) == RC_OK && held)
		log_info(
		    "payouts are held by the operator, or after a restore: see worknet payout holds");
	r->result->stopped = held;
}

/* Compares, settles what was begun, and begins more. */
static enum rc
run_steps(struct run *r, struct err *e)
{
	const bool dry = r->options->dry_run;
	bool may_pay = false;
	int64_t settled;
	enum rc rc;

	rc = catch_up(r, e);
	tell_hold(r); /* which may have ended one */
	/* To look and book takes neither a token that pays nor a treasury. */
	if (rc == RC_OK && !r->options->reconcile_only)
		rc = look_before(r, &may_pay, e);
	settled = r->result->posted + r->result->voided;
	if (rc == RC_OK && may_pay && !dry)
		rc = reconcile_continue(r, e); /* what is signed, at least */
	/* What was paid meanwhile isn't promised any more. */
	if (rc == RC_OK && r->result->posted + r->result->voided > settled)
		rc = look_before(r, &may_pay, e);
	if (rc == RC_OK && may_pay && (r->may_sign || dry))
		rc = pay_payees(r, e);
	if (rc == RC_OK)
		rc = settlers_tell(r, e);
	if (rc == RC_OK)
		rc = payout_unsettled(r->db, &r->result->open, NULL, e);
	/* To the caller, RC_CONFLICT means a lock, RC_NOT_FOUND a key. */
	return rc == RC_CONFLICT || rc == RC_NOT_FOUND ? RC_BUSY : rc;
}

/* The gas account and its key. */
static enum rc
direct_open(struct run *r, struct err *e)
{
	const struct conf *c = r->conf;

	if (c->payout_gas_key_file[0] == '\0')
		return err_set(e, RC_INVALID, "[payout] gas_key_file: not set");
	if (conf_settles(c, "facilitator") &&
	    c->payout_direct_after_s > c->payout_validity_s / 2)
		return err_set(e, RC_INVALID,
		    "[payout] direct_after_s: more than half of validity_s leaves too little time");
	return direct_new(&r->direct, r, e);
}

enum rc
run_vault_start(struct vault **out, const struct conf *c, bool with_journal,
    bool anew, struct err *e)
{
	struct network n;
	enum rc rc;

	*out = NULL;
	rc = network_from_conf(&n, c, e);
	if (rc == RC_OK && c->payout_treasury_key_file[0] == '\0')
		rc = err_set(e, RC_INVALID,
		    "[payout] treasury_key_file isn't set: nothing can be signed");
	if (rc == RC_OK)
		rc = vault_start(out,
		    &(struct vault_options){
			.key_file = c->payout_treasury_key_file,
			.passphrase_file = c->payout_treasury_passphrase_file,
			.gas_key_file = conf_settles(c, "direct")
			    ? c->payout_gas_key_file
			    : "",
			.gas_max_fee_wei = c->payout_max_fee_wei,
			.gas_day_wei = c->payout_max_gas_per_day_wei,
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
	    "without caps nothing is paid: set [payout] max_per_payout_micros, max_per_run_micros, max_per_worker_day_micros and max_per_day_micros; \"worknet check\" proposes values");
}

static enum rc
run_open(struct run *r, struct err *e)
{
	const struct conf *c = r->conf;
	enum rc rc;

	rc = network_from_conf(&r->network, c, e);
	r->source.chain_id = (int64_t)r->network.chain_id;
	r->source.token = r->network.token;
	if (rc == RC_OK && (r->options == NULL || !r->options->reconcile_only))
		rc = caps_check(c, e);
	r->source.treasury = *vault_treasury(r->vault);
	if (rc == RC_OK)
		rc = http_urls_check_private(
		    c->payout_rpc_urls, "[payout] rpc_urls", e);
	if (rc == RC_OK)
		rc = nodes_new(&r->nodes, c->payout_rpc_urls, &r->network,
		    c->payout_finality, e);
	if (rc == RC_OK)
		rc = nodes_check_hosts(
		    r->nodes, strcmp(c->payout_single_node, "accept") == 0, e);
	if (rc == RC_OK && r->options != NULL)
		nodes_stop_at(r->nodes, r->options->stop_fd);
	if (rc == RC_OK && conf_settles(c, "facilitator"))
		rc = facilitators_new(&r->facilitators, c, &r->network, e);
	if (rc == RC_OK && conf_settles(c, "direct"))
		rc = direct_open(r, e);
	/* A key that can't be found or read is a matter of configuration. */
	return rc != RC_OK && rc != RC_NO_MEMORY ? RC_INVALID : rc;
}

static void
run_close(struct run *r)
{
	settlers_free(r->settlers);
	direct_free(r->direct);
	facilitators_free(&r->facilitators);
	free(r->waiting);
	nodes_free(r->nodes);
}

/* The lock is of those who own the ledger, whoever runs first. */
static void
lock_hand_over(int fd, const char *ledger_path)
{
	struct stat ledger;

	if (stat(ledger_path, &ledger) != 0)
		return;
	if (fchown(fd, geteuid() == 0 ? ledger.st_uid : (uid_t)-1,
		ledger.st_gid) == 0)
		(void)fchmod(fd, ledger.st_mode & 0660);
}

static enum rc
lock_refused(const char *path, struct err *e)
{
	struct stat st;
	int error = errno;

	if (error != EACCES || stat(path, &st) != 0)
		return err_set(e, RC_INVALID, "%s: %s", path, strerror(error));
	return err_set(e, RC_INVALID,
	    "%s: %s: it belongs to user %lu; if no run is at work, remove it or give it to this user",
	    path, strerror(error), (unsigned long)st.st_uid);
}

/* One run at a time on a ledger: the lock goes with the process. */
static enum rc
lock_take(const char *ledger_path, int *fd, struct err *e)
{
	char path[PATH_LEN_MAX + 16];

	(void)snprintf(path, sizeof(path), "%s.payout-lock", ledger_path);
	*fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return lock_refused(path, e);
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
		lock_hand_over(*fd, ledger_path);
		return RC_OK;
	}
	(void)close(*fd);
	return err_set(e, RC_CONFLICT, "another run holds %s", path);
}

/* What the run was, as its row has it. */
static enum rc
run_note(struct run *r, int64_t id, enum rc ended, const struct err *why,
    struct err *e)
{
	const struct run_result *x = r->result;
	struct payout_run row = { .id = id,
		.ended_ms = clock_unix_ms(),
		.exit_code = (int64_t)run_exit_code(ended, x),
		.reserved = x->reserved,
		.posted = x->posted,
		.finalized = x->finalized,
		.voided = x->voided,
		.held = x->held,
		.unresolved = x->open };
	size_t i;

	for (i = 0; i < r->facilitators.n; i++)
		row.posts += facilitator_requests(r->facilitators.all[i]);
	if (r->nodes != NULL)
		row.calls = nodes_calls(r->nodes);
	(void)snprintf(row.words, sizeof(row.words), "%.*s", RUN_WORDS_MAX,
	    ended != RC_OK && !run_is_stopped(r) ? why->msg
		: x->stopped ? "stopped or held by the operator"
		: x->waiting ? "nobody takes what is to be sent"
			     : "");
	return payout_run_end(r->db, &row, e);
}

/* All that a run needs of the ledger and of who settles. */
static enum rc
run_prepare(struct run *r, struct err *e)
{
	enum rc rc = run_open(r, e);

	if (rc == RC_OK)
		rc = payout_ledger_id(r->db, r->ledger_id, &r->created_ms, e);
	if (rc == RC_OK)
		rc = settlers_new(r, &r->facilitators, e);
	if (rc == RC_OK && r->direct != NULL)
		rc = direct_settle(r->direct, e);
	return rc;
}

/* Whatever came of it, rc, nodes that failed are told of; but for a signal. */
static enum rc
run_ended(struct run *r, enum rc rc, struct err *e)
{
	struct err late = ERR_INIT;

	if (run_is_stopped(r))
		r->result->stopped = true;
	else if (r->nodes != NULL && nodes_tell(r, &late) != RC_OK &&
	    rc == RC_OK)
		return err_set(e, late.rc, "%s", late.msg);
	return rc;
}

enum rc
run_payouts(struct db *db, struct vault *vault, const struct conf *c,
    const struct run_options *options, struct run_result *out, struct err *e)
{
	struct run r = { .db = db,
		.vault = vault,
		.conf = c,
		.options = options,
		.result = out,
		.began_ms = clock_unix_ms() };
	struct err late = ERR_INIT;
	int64_t id = 0;
	enum rc rc;
	int lock;

	*out = (struct run_result){ 0 };
	rc = lock_take(c->ledger_path, &lock, e);
	if (rc != RC_OK)
		return rc;
	if (!options->dry_run)
		rc = payout_run_begin(
		    db, options->reconcile_only, r.began_ms, &id, e);
	if (rc == RC_OK)
		rc = run_prepare(&r, e);
	if (rc == RC_OK)
		rc = run_steps(&r, e);
	rc = run_ended(&r, rc, e);
	/* That it can't be noted is less than what went wrong before. */
	if (id != 0 && run_note(&r, id, rc, e, &late) != RC_OK && rc == RC_OK)
		rc = err_set(e, late.rc, "%s", late.msg);
	run_close(&r);
	(void)close(lock);
	return rc;
}

enum run_exit
run_exit_code(enum rc rc, const struct run_result *r)
{
	switch (rc) {
	case RC_OK:
		break;
	case RC_INVALID:
	case RC_NOT_FOUND:
		return RUN_CONF;
	case RC_CONFLICT:
		return RUN_LOCKED;
	default:
		return RUN_SYSTEM;
	}
	if (r->findings)
		return RUN_FINDINGS;
	if (r->insolvent)
		return RUN_INSOLVENT;
	if (r->open > 0 || r->waiting)
		return RUN_UNRESOLVED;
	return r->posted > 0 ? RUN_PAID : RUN_NOTHING;
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
