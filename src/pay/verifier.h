/*
 * Verifies the evidence behind payees' balances ahead of their payouts, in
 * threads of its own, each with its own connection: signatures are verified
 * while others' payments are on their way. Results come in the payees' order.
 *
 * A verifier is used by one thread.
 */
#ifndef WORKNET_PAY_VERIFIER_H
#define WORKNET_PAY_VERIFIER_H

#include "base/conf.h"
#include "ledger/evidence.h"
#include "ledger/payout.h"

struct verifier;

struct verified {
	enum rc rc; /* of evidence_verify */
	struct evidence evidence;
	struct err cause; /* where rc isn't RC_OK */
};

/*
 * Makes *out (verifier_free) and begins with the n payees, which are borrowed
 * until then; treasury is whose seals count (ledger/evidence.h). It is never
 * more than ahead payees ahead of verifier_next. RC_BUSY and others of
 * db_open, RC_NO_MEMORY, RC_IO.
 */
MUST_CHECK enum rc verifier_new(struct verifier **out, const struct conf *c,
    const struct address *treasury, const struct payee *payees, size_t n,
    size_t ahead, struct err *e);
/* Waits for the payees in hand. NULL is fine. */
void verifier_free(struct verifier *v);

/* Readable while verifier_next would give one. */
int verifier_fd(const struct verifier *v);

/* The next payee's result; false when it isn't there yet. */
bool verifier_next(struct verifier *v, struct verified *out);

#endif
