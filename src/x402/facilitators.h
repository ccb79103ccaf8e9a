/*
 * The facilitators that [payout] names, in their order. One thread.
 */
#ifndef WORKNET_X402_FACILITATORS_H
#define WORKNET_X402_FACILITATORS_H

#include "base/conf.h"
#include "x402/facilitator.h"

#define FACILITATORS_MAX 4

struct facilitators {
	struct facilitator *all[FACILITATORS_MAX]; /* owned */
	size_t n;
	struct cdp_key *cdp_key; /* owned; NULL: none */
};

/*
 * Tests what the configuration says of facilitators, and of a CDP key, without
 * reading a key: some URL, none twice, https but to this machine; the key's id
 * and file both or neither. RC_INVALID.
 */
MUST_CHECK enum rc facilitators_check(const struct conf *c, struct err *e);

/*
 * Makes all of them (facilitators_free, also when it fails); network is
 * borrowed until then. CDP's token goes to facilitators of coinbase.com, and
 * to one that is the only one. Errors of the check, of cdp_key_read and of
 * facilitator_new.
 */
MUST_CHECK enum rc facilitators_new(struct facilitators *out,
    const struct conf *c, const struct network *network, struct err *e);
void facilitators_free(struct facilitators *f);

#endif
