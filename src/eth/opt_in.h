/*
 * The text by which an account says that it wants to work for a network, of
 * EIP-4361 ("Sign-In with Ethereum"), signed with EIP-191 personal_sign:
 *	HOST wants you to sign in with your Ethereum account:
 *	0x...
 *
 *	Work for this network, in the region eu-west. ...
 *
 *	URI: https://HOST/join
 *	Version: 1
 *	Chain ID: 8453
 *	Nonce: ...
 *	Issued At: 2026-01-31T12:00:00Z
 *	Expiration Time: 2026-01-31T12:10:00Z
 * Both sides make it of what they know themselves, and neither reads it: what
 * is signed can't differ from what is meant. Pure functions; any thread.
 */
#ifndef WORKNET_ETH_OPT_IN_H
#define WORKNET_ETH_OPT_IN_H

#include "eth/sign.h"

#define OPT_IN_LIFE_MS	 600000 /* to read it, and to find one's wallet */
#define OPT_IN_NONCE_LEN 32	/* characters */
#define OPT_IN_TEXT_MAX	 (2 * URL_MAX + 800)

struct opt_in {
	const char *origin; /* opt_in_origin_is_valid */
	const char *region; /* opt_in_region_is_valid; "": none */
	const char *nonce;  /* OPT_IN_NONCE_LEN letters and digits */
	struct address account;
	int64_t chain_id;
	int64_t issued_ms; /* of a whole second */
};

/* "https://HOST" or "http://HOST", with or without a port, and no path. */
bool opt_in_origin_is_valid(const char *origin);
/* What of origin the text begins with. */
const char *opt_in_domain(const char *origin);

/* Up to REGION_MAX of A-Z a-z 0-9 . _ -: no other stands in such a text. */
bool opt_in_region_is_valid(struct slice region);
bool opt_in_nonce_is_valid(struct slice nonce);

/* The text of o, whose parts are valid. */
void opt_in_text(char out[static OPT_IN_TEXT_MAX], const struct opt_in *o);

/* RC_OK when o->account signed it; RC_INVALID. */
MUST_CHECK enum rc opt_in_check(const struct opt_in *o,
    const uint8_t sig[static SIGNATURE_LEN], struct err *e);

/* Signs it with the account's own key. As eth_sign. */
MUST_CHECK enum rc opt_in_sign(uint8_t sig[static SIGNATURE_LEN],
    const struct opt_in *o, const struct eth_key *key, struct err *e);

#endif
