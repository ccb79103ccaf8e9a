/*
 * A payout run: compares the ledger with the chain, settles what is open, and
 * pays who is owed. One run at a time; each step is durable, so that a run
 * killed anywhere is continued by the next one.
 */
#ifndef WORKNET_PAY_RUN_H
#define WORKNET_PAY_RUN_H

#include "base/conf.h"
#include "ledger/db.h"
#include "pay/options.h"
#include "vault/vault.h"

/* What worknet-payout's exit code says. */
enum run_exit {
	RUN_NOTHING = 0,    /* nothing to do, nothing open */
	RUN_CONF = 1,	    /* configuration, key or token */
	RUN_USAGE = 2,	    /* as in every program */
	RUN_LOCKED = 3,	    /* another run holds the lock */
	RUN_UNRESOLVED = 4, /* the next run goes on */
	RUN_INSOLVENT = 5,  /* the treasury can't pay all that is due */
	RUN_FINDINGS = 6,   /* something for a person to look at */
	RUN_SYSTEM = 7,	    /* the ledger or the chain can't be reached */
	RUN_PAID = 10,	    /* paid, and nothing stays open */
};

/* Of a run that ended with rc. */
enum run_exit run_exit_code(enum rc rc, const struct run_result *r);

/*
 * Starts the vault that [payout] describes: before the ledger is opened, and
 * before threads. with_journal: something may have to be signed or noted; anew
 * puts an old journal away. RC_INVALID when the network, the key or the
 * journal's file is wrong, RC_CONFLICT when another run has the journal,
 * RC_NO_MEMORY, RC_IO.
 */
MUST_CHECK enum rc run_vault_start(struct vault **out, const struct conf *c,
    bool with_journal, bool anew, struct err *e);

/*
 * Carries out a run on the ledger db (DB_WRITE). RC_OK also when payouts
 * stay open: see *out. RC_INVALID when the configuration, the key or the
 * token is wrong: nothing was signed. RC_CONFLICT when another run holds the
 * lock. RC_IO when the chain doesn't answer, RC_BUSY when the ledger can't be
 * written: what was done is durable, the next run continues. Unless it is a
 * dry one, the ledger has a row about it (ledger/payout_run.h).
 *
 * After a signal (stop_fd) it ends within seconds: what is sent stays
 * submitted, and the next run goes on with it.
 */
MUST_CHECK enum rc
run_payouts(struct db *db, struct vault *vault, const struct conf *c,
    const struct run_options *options, struct run_result *out, struct err *e);

/*
 * Begins a new journal for this ledger, whose old one was put away: what was
 * signed before is forgotten. RC_INVALID, RC_IO, RC_BUSY.
 */
MUST_CHECK enum rc run_journal_new(
    struct db *db, struct vault *vault, const struct conf *c, struct err *e);

/*
 * Tests what a run needs of the configuration, without the ledger and
 * without asking the chain: network, URLs, keys, caps. RC_INVALID.
 */
MUST_CHECK enum rc
run_test(struct vault *vault, const struct conf *c, struct err *e);

#endif
