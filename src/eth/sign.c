#include "eth/sign.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include "base/secret.h"

#define PUBKEY_LEN 65 /* 0x04 || x || y */

/* Half the order of the group, rounded down: the greatest low s. */
static const uint8_t half_order[32] = { 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57,
	0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b,
	0x20, 0xa0 };

/*
 * Both are written by the once routines alone and only read afterwards, which
 * the library allows from any thread at once.
 */
static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static pthread_once_t signer_once = PTHREAD_ONCE_INIT;
static secp256k1_context *signer; /* NULL when there is no randomness */

static bool
fill_random(uint8_t *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = getrandom(p, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* The library asks for this before its static context is used. */
static void
library_check(void)
{
	secp256k1_selftest();
}

/* Blinded against side channels; never changed after this, so shareable. */
static void
signer_make(void)
{
	secp256k1_context *ctx;
	uint8_t seed[32];

	if (!fill_random(seed, sizeof(seed)))
		return;
	ctx = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	if (secp256k1_context_randomize(ctx, seed) == 1)
		signer = ctx;
	else
		secp256k1_context_destroy(ctx);
	secret_wipe(seed, sizeof(seed));
}

/* The shared signing context, or NULL. */
static const secp256k1_context *
signer_get(void)
{
	CHECK(pthread_once(&signer_once, signer_make) == 0);
	return signer;
}

/* The last 20 bytes of the hash of x || y (Yellow Paper, appendix F). */
static void
address_of_pubkey(struct address *out, const secp256k1_pubkey *pubkey)
{
	uint8_t hash[KECCAK256_LEN], point[PUBKEY_LEN];
	size_t len = sizeof(point);

	(void)secp256k1_ec_pubkey_serialize(secp256k1_context_static, point,
	    &len, pubkey, SECP256K1_EC_UNCOMPRESSED);
	CHECK(len == PUBKEY_LEN);
	keccak256(hash, point + 1, PUBKEY_LEN - 1);
	memcpy(out->b, hash + sizeof(hash) - sizeof(out->b), sizeof(out->b));
}

/* The recovery id for v, or -1. */
static int
recovery_id(uint8_t v)
{
	if (v >= 27)
		v = (uint8_t)(v - 27);
	return v <= 1 ? v : -1;
}

enum rc
eth_recover(struct address *out, const uint8_t digest[static KECCAK256_LEN],
    const uint8_t sig[static SIGNATURE_LEN], struct err *e)
{
	secp256k1_ecdsa_recoverable_signature parsed;
	secp256k1_pubkey pubkey;
	int id;

	*out = (struct address){ { 0 } };
	id = recovery_id(sig[64]);
	if (id < 0)
		return err_set(e, RC_INVALID,
		    "signature: got v %u, expected 27, 28, 0 or 1", sig[64]);
	/*
	 * EIP-2: high s is a second encoding of one signature. The library
	 * recovers from it all the same, so it is refused here.
	 */
	if (memcmp(sig + 32, half_order, sizeof(half_order)) > 0)
		return err_set(e, RC_INVALID,
		    "signature: s is in the upper half of its range");
	CHECK(pthread_once(&library_once, library_check) == 0);
	if (secp256k1_ecdsa_recoverable_signature_parse_compact(
		secp256k1_context_static, &parsed, sig, id) != 1)
		return err_set(e, RC_INVALID, "signature: r is out of range");
	if (secp256k1_ecdsa_recover(
		secp256k1_context_static, &pubkey, &parsed, digest) != 1)
		return err_set(
		    e, RC_INVALID, "signature: no public key can have made it");
	address_of_pubkey(out, &pubkey);
	return RC_OK;
}

enum rc
eth_sign(uint8_t sig[static SIGNATURE_LEN],
    const uint8_t digest[static KECCAK256_LEN], const struct eth_key *key,
    struct err *e)
{
	const secp256k1_context *ctx = signer_get();
	secp256k1_ecdsa_recoverable_signature made;
	int id;

	memset(sig, 0, SIGNATURE_LEN);
	if (ctx == NULL)
		return err_set(e, RC_IO, "signing: no randomness");
	/* The default nonce is that of RFC 6979; s comes out low. */
	if (secp256k1_ecdsa_sign_recoverable(
		ctx, &made, digest, key->b, NULL, NULL) != 1)
		return err_set(e, RC_INVALID, "not a valid private key");
	(void)secp256k1_ecdsa_recoverable_signature_serialize_compact(
	    secp256k1_context_static, sig, &id, &made);
	if (id > 1) {
		/* x of the nonce's point above the order: once in 2^127. */
		memset(sig, 0, SIGNATURE_LEN);
		return err_set(e, RC_INVALID,
		    "this digest has no signature that Ethereum accepts");
	}
	sig[64] = (uint8_t)(27 + id);
	return RC_OK;
}

void
eth_text_digest(uint8_t out[static KECCAK256_LEN], struct slice text)
{
	char prefix[60];
	struct keccak k;
	int len;

	len = snprintf(prefix, sizeof(prefix),
	    "\x19"
	    "Ethereum Signed Message:\n%zu",
	    text.len);
	keccak_init(&k);
	keccak_update(&k, prefix, (size_t)len);
	keccak_update(&k, text.p, text.len);
	keccak_final(&k, out);
}

enum rc
eth_key_address(struct address *out, const struct eth_key *key, struct err *e)
{
	const secp256k1_context *ctx = signer_get();
	secp256k1_pubkey pubkey;

	*out = (struct address){ { 0 } };
	if (ctx == NULL)
		return err_set(e, RC_IO, "private key: no randomness");
	if (secp256k1_ec_pubkey_create(ctx, &pubkey, key->b) != 1)
		return err_set(e, RC_INVALID, "not a valid private key");
	address_of_pubkey(out, &pubkey);
	return RC_OK;
}

enum rc
eth_key_generate(struct eth_key *key, struct err *e)
{
	/* A value that isn't a key comes once in 2^128. */
	do {
		if (!fill_random(key->b, sizeof(key->b))) {
			secret_wipe(key, sizeof(*key));
			return err_set(e, RC_IO, "private key: no randomness");
		}
	} while (
	    secp256k1_ec_seckey_verify(secp256k1_context_static, key->b) != 1);
	return RC_OK;
}
