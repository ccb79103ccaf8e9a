#include "keys/ed25519.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

static enum rc
fail(struct err *e)
{
	return err_set(e, RC_IO, "libcrypto: Ed25519 failed");
}

enum rc
ed25519_seed(uint8_t seed[static ED25519_SEED_LEN], struct err *e)
{
	return RAND_bytes(seed, ED25519_SEED_LEN) == 1 ? RC_OK : fail(e);
}

enum rc
ed25519_public(uint8_t out[static ED25519_PUBLIC_LEN],
    const uint8_t seed[static ED25519_SEED_LEN], struct err *e)
{
	size_t len = ED25519_PUBLIC_LEN;
	EVP_PKEY *key;
	bool ok;

	key = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, seed, ED25519_SEED_LEN);
	ok = key != NULL && EVP_PKEY_get_raw_public_key(key, out, &len) == 1;
	EVP_PKEY_free(key);
	return ok ? RC_OK : fail(e);
}

enum rc
ed25519_sign(uint8_t sig[static ED25519_SIG_LEN],
    const uint8_t seed[static ED25519_SEED_LEN], const void *p, size_t len,
    struct err *e)
{
	size_t made = ED25519_SIG_LEN;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key;
	bool ok;

	key = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, seed, ED25519_SEED_LEN);
	ok = ctx != NULL && key != NULL &&
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(ctx, sig, &made, p, len) == 1;
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(ctx);
	return ok ? RC_OK : fail(e);
}

bool
ed25519_verify(const uint8_t sig[static ED25519_SIG_LEN],
    const uint8_t public[static ED25519_PUBLIC_LEN], const void *p, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key;
	bool ok;

	key = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, public, ED25519_PUBLIC_LEN);
	ok = ctx != NULL && key != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, sig, ED25519_SIG_LEN, p, len) == 1;
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(ctx);
	return ok;
}
