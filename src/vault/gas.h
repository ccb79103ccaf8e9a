/*
 * The gate of the gas account: which transactions its key signs. It has ether
 * for gas and nothing else; the rule keeps it from sending that anywhere, and
 * from burning more than a day's. Pure functions; any thread.
 */
#ifndef WORKNET_VAULT_GAS_H
#define WORKNET_VAULT_GAS_H

#include <stdint.h>

#include "eth/transaction.h"

struct gas_rule {
	int64_t max_fee_wei; /* for each gas; 0: nothing is signed */
	int64_t day_wei;     /* in 24 hours; 0: nothing is signed */
	uint64_t chain_id;
	struct address token;
};

/*
 * NULL when t may be signed: to the token or Multicall3, within both limits;
 * else why not. used_wei: what other account nonces may cost that were signed
 * in the last 24 hours; same_wei: what this one may already. *wei is what it
 * may cost at most.
 */
const char *
gas_refusal(const struct gas_rule *rule, const struct transaction *t,
    int64_t used_wei, int64_t same_wei, int64_t *wei);

#endif
