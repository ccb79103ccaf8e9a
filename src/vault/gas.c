#include "vault/gas.h"

#include <stdbool.h>
#include <string.h>

static bool
address_is(const struct address *a, const struct address *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

const char *
gas_refusal(const struct gas_rule *rule, const struct transaction *t,
    int64_t used_wei, int64_t same_wei, int64_t *wei)
{
	int64_t counted;

	*wei = 0;
	if (rule->max_fee_wei <= 0 || rule->day_wei <= 0)
		return "no limit of the gas account's fees is set";
	if (t->chain_id != rule->chain_id)
		return "it is of another chain";
	if (!address_is(&t->to, &rule->token) &&
	    !address_is(&t->to, &multicall3))
		return "it is neither to the token nor to Multicall3";
	if (t->gas_limit == 0 || t->gas_limit > GAS_MAX)
		return "no transaction may use that much gas";
	if (t->max_fee_wei == 0 || t->max_fee_wei > (uint64_t)rule->max_fee_wei)
		return "its fee for each gas is above the limit";
	if (t->tip_wei > t->max_fee_wei)
		return "its tip is above its fee";
	if (t->nonce > INT64_MAX)
		return "no account has that nonce";
	if (__builtin_mul_overflow(t->max_fee_wei, t->gas_limit, wei))
		return "its fee is above every limit";
	/* Of several with one nonce one is taken, perhaps the dearest. */
	counted = *wei > same_wei ? *wei : same_wei;
	if (used_wei >= rule->day_wei || counted > rule->day_wei - used_wei)
		return "the gas account's limit of 24 hours is reached";
	return NULL;
}
