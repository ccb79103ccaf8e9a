/*
 * The gas account: an account of ours that holds ether and no USDC, and sends
 * authorizations of the treasury to the chain. Its nonces are queued in the
 * ledger (ledger/submission.h). Private to src/pay; one thread, and one process
 * on a ledger: the run's lock.
 */
#ifndef WORKNET_PAY_GAS_H
#define WORKNET_PAY_GAS_H

#include "evm/account.h"
#include "ledger/submission.h"
#include "pay/context.h"

#define GAS_WORDS_MAX 300 /* bytes of text without the NUL */

struct gas {
	struct run *run;
	struct sender sender;
	struct account_view view; /* of the last gas_look */
};

/* The account is the vault's; r is borrowed. */
void gas_open(struct gas *g, struct run *r);

/* Asks the nodes about it. RC_IO. */
MUST_CHECK enum rc gas_look(struct gas *g, struct err *e);

/*
 * Its next nonce: after all that is queued, which must be where the chain
 * stands, or ahead of it. RC_CONFLICT, with a finding, when somebody else has
 * used the account; RC_BUSY when that can't be told at present.
 */
MUST_CHECK enum rc gas_next_nonce(struct gas *g, int64_t *nonce, struct err *e);

/* Tells a person that somebody else uses the account. */
MUST_CHECK enum rc
gas_used_elsewhere(struct gas *g, int64_t nonce, struct err *e);

/*
 * Sets the fees of s: for its first form, or for one that replaces it. RC_BUSY
 * above max_fee_gwei.
 */
MUST_CHECK enum rc
gas_first_fees(const struct gas *g, struct submission *s, struct err *e);
MUST_CHECK enum rc
gas_higher_fees(const struct gas *g, struct submission *s, struct err *e);

/*
 * RC_CONFLICT, with a finding, when the account can't pay for s; RC_BUSY when
 * it can't on top of promised_wei, or when the last 24 hours have cost so much
 * that max_gas_per_day_gwei would be passed. The vault counts what the gas may
 * cost at most; this is what blocks have shown, which on an OP Stack chain has
 * the fee for the data, too, that no transaction names.
 */
MUST_CHECK enum rc gas_can_pay(struct gas *g, const struct submission *s,
    uint64_t promised_wei, struct err *e);

/* At most what the gas of s costs, in wei. */
uint64_t gas_cost_wei(const struct submission *s);

/*
 * Has the vault sign s as it is: signature and hash. Errors of vault_gas_sign,
 * which has the limits.
 */
MUST_CHECK enum rc
gas_sign(const struct gas *g, struct submission *s, struct err *e);

#endif
