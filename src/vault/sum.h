/*
 * Sums of amounts that others have chosen: what a journal of INT64_MAX entries
 * has in all fits. Private to src/vault; no state.
 */
#ifndef WORKNET_VAULT_SUM_H
#define WORKNET_VAULT_SUM_H

#include <stdint.h>

__extension__ typedef __int128 sum;

/* As a number that the gate can hold against a cap: never less. */
static inline int64_t
sum_capped(sum s)
{
	return s > INT64_MAX ? INT64_MAX : (int64_t)s;
}

#endif
