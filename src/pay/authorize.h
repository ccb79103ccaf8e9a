/*
 * What the vault signs, as the ledger has it: seals and authorizations.
 * Private to src/pay; one thread.
 */
#ifndef WORKNET_PAY_AUTHORIZE_H
#define WORKNET_PAY_AUTHORIZE_H

#include "pay/open.h"

/*
 * Has the vault read its journal. When that isn't in order, a finding says
 * what a person has to do, and r->may_sign stays false: then the run only
 * looks at the chain, and sends what is signed. So it is with a node that is a
 * day behind.
 */
MUST_CHECK enum rc authorize_open(struct run *r, struct err *e);

/* Begins a new journal, and has the ledger know of it. */
MUST_CHECK enum rc authorize_begin_anew(struct run *r, struct err *e);

/*
 * Tells the vault that the chain shows for good so much of p, 0 when it was
 * canceled. RC_BUSY when its journal isn't open: a later run does. RC_INVALID
 * when it can't be so: see vault_settled.
 */
MUST_CHECK enum rc run_settled(
    struct run *r, const struct payout *p, int64_t micros, struct err *e);

/*
 * Seals p, which was found on the chain, before it is in the ledger, and that
 * so much of it was lost credit; see eth/seal.h. RC_BUSY when the vault can't
 * note it now: a later run does. RC_INVALID: there is no such payout.
 */
MUST_CHECK enum rc run_seal_adopted(
    struct run *r, struct payout *p, int64_t lost_micros, struct err *e);

/*
 * Whether the vault has sealed p as it is, made by a run or adopted: nobody
 * else's is signed.
 */
bool run_is_sealed(const struct run *r, const struct payout *p);

/* A payout that the vault is to sign. */
struct signing {
	struct open_payout *open;
	bool seals;	       /* it is new: its seal is signed, too */
	int64_t earned_micros; /* by its worker */
	/* When it is refused: see vault/vault.h. */
	enum gate_reason reason;
	int64_t instead_micros;
};

/*
 * Has the vault sign n payouts (VAULT_SIGN_MAX at most), in their order, up to
 * the first that it refuses: *done of them have their authorization, and
 * new ones their seal. Nothing of it is in the ledger yet. RC_CONFLICT when the
 * gate refuses all[*done], RC_BUSY when it refuses all.
 */
MUST_CHECK enum rc run_sign(
    struct run *r, struct signing *all, size_t n, size_t *done, struct err *e);

/*
 * Stores what was signed of o, and how far the vault's journal is with it;
 * results: how many signatures were verified for it, negative when that was
 * before it was reserved.
 */
MUST_CHECK enum rc
run_store(struct run *r, struct open_payout *o, int64_t results, struct err *e);

#endif
