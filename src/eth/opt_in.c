#include "eth/opt_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TIME_MAX 24 /* "2026-01-31T12:00:00Z" and a NUL, and some */

static bool
is_word(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9');
}

static bool
is_of(struct slice text, const char *others)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.p[i] == '\0' ||
		    (!is_word(text.p[i]) && strchr(others, text.p[i]) == NULL))
			return false;
	return true;
}

const char *
opt_in_domain(const char *origin)
{
	const char *domain = strstr(origin, "://");

	CHECK(domain != NULL);
	return domain + 3;
}

bool
opt_in_origin_is_valid(const char *origin)
{
	const char *domain;

	if (strncmp(origin, "https://", 8) != 0 &&
	    strncmp(origin, "http://", 7) != 0)
		return false;
	domain = opt_in_domain(origin);
	return domain[0] != '\0' && strlen(origin) <= URL_MAX &&
	    is_of(slice_of(domain), ".-:[]");
}

bool
opt_in_region_is_valid(struct slice region)
{
	return region.len <= REGION_MAX && is_of(region, "._-");
}

bool
opt_in_nonce_is_valid(struct slice nonce)
{
	return nonce.len == OPT_IN_NONCE_LEN && is_of(nonce, "");
}

static void
time_text(char out[static TIME_MAX], int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	/* A year of more digits is none that a server issues. */
	if (gmtime_r(&s, &tm) == NULL ||
	    strftime(out, TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, TIME_MAX, "1970-01-01T00:00:00Z");
}

void
opt_in_text(char out[static OPT_IN_TEXT_MAX], const struct opt_in *o)
{
	char account[ADDRESS_LEN + 1], issued[TIME_MAX], expires[TIME_MAX];
	char where[REGION_MAX + 32] = "in no region";
	int n;

	CHECK(opt_in_origin_is_valid(o->origin));
	CHECK(opt_in_region_is_valid(slice_of(o->region)));
	CHECK(opt_in_nonce_is_valid(slice_of(o->nonce)));
	address_format(account, &o->account, ADDRESS_CHECKSUM);
	time_text(issued, o->issued_ms);
	time_text(expires, o->issued_ms + OPT_IN_LIFE_MS);
	if (o->region[0] != '\0')
		(void)snprintf(
		    where, sizeof(where), "in the region %s", o->region);
	n = snprintf(out, OPT_IN_TEXT_MAX,
	    "%s wants you to sign in with your Ethereum account:\n"
	    "%s\n\n"
	    "Work for this network, %s. It costs nothing, and moves no money.\n\n"
	    "URI: %s/join\n"
	    "Version: 1\n"
	    "Chain ID: %" PRId64 "\n"
	    "Nonce: %s\n"
	    "Issued At: %s\n"
	    "Expiration Time: %s",
	    opt_in_domain(o->origin), account, where, o->origin, o->chain_id,
	    o->nonce, issued, expires);
	CHECK(n > 0 && n < OPT_IN_TEXT_MAX);
}

static void
digest_of(uint8_t out[static KECCAK256_LEN], const struct opt_in *o)
{
	char text[OPT_IN_TEXT_MAX];

	opt_in_text(text, o);
	eth_text_digest(out, slice_of(text));
}

enum rc
opt_in_check(const struct opt_in *o, const uint8_t sig[static SIGNATURE_LEN],
    struct err *e)
{
	uint8_t digest[KECCAK256_LEN];
	struct address signer;
	enum rc rc;

	digest_of(digest, o);
	rc = eth_recover(&signer, digest, sig, e);
	if (rc == RC_OK &&
	    memcmp(signer.b, o->account.b, sizeof(signer.b)) != 0)
		rc = err_set(e, RC_INVALID,
		    "signature: not of this account under this text");
	return rc;
}

enum rc
opt_in_sign(uint8_t sig[static SIGNATURE_LEN], const struct opt_in *o,
    const struct eth_key *key, struct err *e)
{
	uint8_t digest[KECCAK256_LEN];

	digest_of(digest, o);
	return eth_sign(sig, digest, key, e);
}
