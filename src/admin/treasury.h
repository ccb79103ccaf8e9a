/*
 * How the operator's command asks the chain. The room pay does that, and
 * admin doesn't know it: the main, which knows both, hands over these
 * functions. One thread.
 */
#ifndef WORKNET_ADMIN_TREASURY_H
#define WORKNET_ADMIN_TREASURY_H

#include "base/conf.h"
#include "eth/address.h"

#define CHAIN_WARNING_MAX 240 /* bytes of text without the NUL */

struct chain_view {
	/* Of the network that [payout] names. */
	int64_t chain_id;
	char explorer_url[URL_MAX + 1]; /* in front of a hash; "" */
	/* Of the treasury. */
	int64_t balance_micros;
	bool blacklisted; /* the token refuses it */
	bool has_code;	  /* the token takes no signature of its key */
	bool paused;	  /* the token pays nobody */
	char warning[CHAIN_WARNING_MAX + 1]; /* silent nodes; "" */
};

struct chain_look {
	/* chain_id, explorer_url; asks nobody. RC_INVALID: what is missing. */
	enum rc (*network)(
	    struct chain_view *out, const struct conf *c, struct err *e);
	/*
	 * Tests what [payout] says of the network, the facilitator's and the
	 * nodes' addresses; asks nobody, and reads no key. RC_INVALID.
	 */
	enum rc (*test)(const struct conf *c, struct err *e);
	/* Whose the treasury's key file is. Errors of treasury_key_read. */
	enum rc (*key_address)(
	    struct address *out, const struct conf *c, struct err *e);
	/* All of *out, from the nodes. RC_INVALID, RC_IO, RC_NO_MEMORY. */
	enum rc (*treasury)(struct chain_view *out, const struct conf *c,
	    const struct address *treasury, struct err *e);
};

#endif
