#include "keys/scrypt.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/secret.h"

#define WORDS 16 /* of a Salsa20 block, 64 bytes */

static uint32_t
load32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

static void
store32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

static uint32_t
rotate(uint32_t v, unsigned bits)
{
	return v << bits | v >> (32 - bits);
}

static void
quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*b ^= rotate(*a + *d, 7);
	*c ^= rotate(*b + *a, 9);
	*d ^= rotate(*c + *b, 13);
	*a ^= rotate(*d + *c, 18);
}

/* Section 3: the Salsa20/8 core. */
static void
salsa20_8(uint32_t block[static WORDS])
{
	uint32_t x[WORDS];
	size_t i;

	memcpy(x, block, sizeof(x));
	for (i = 0; i < 4; i++) {
		quarter(&x[0], &x[4], &x[8], &x[12]);
		quarter(&x[5], &x[9], &x[13], &x[1]);
		quarter(&x[10], &x[14], &x[2], &x[6]);
		quarter(&x[15], &x[3], &x[7], &x[11]);
		quarter(&x[0], &x[1], &x[2], &x[3]);
		quarter(&x[5], &x[6], &x[7], &x[4]);
		quarter(&x[10], &x[11], &x[8], &x[9]);
		quarter(&x[15], &x[12], &x[13], &x[14]);
	}
	for (i = 0; i < WORDS; i++)
		block[i] += x[i];
}

/* Section 4: scryptBlockMix of 2 r blocks from in to out. */
static void
block_mix(uint32_t *out, const uint32_t *in, size_t r)
{
	uint32_t x[WORDS];
	size_t i, k;

	memcpy(x, in + (2 * r - 1) * WORDS, sizeof(x));
	for (i = 0; i < 2 * r; i++) {
		for (k = 0; k < WORDS; k++)
			x[k] ^= in[i * WORDS + k];
		salsa20_8(x);
		/* The even ones first, then the odd ones. */
		memcpy(out + (i / 2 + (i % 2) * r) * WORDS, x, sizeof(x));
	}
}

/*
 * Section 5: scryptROMix of block, which has len words; v has room for n
 * blocks, t for one.
 */
static void
ro_mix(uint32_t *block, uint32_t *v, uint32_t *t, size_t r, size_t n)
{
	size_t i, k, j, len = 2 * r * WORDS;

	for (i = 0; i < n; i++) {
		memcpy(v + i * len, block, len * sizeof(*v));
		block_mix(t, block, r);
		memcpy(block, t, len * sizeof(*t));
	}
	for (i = 0; i < n; i++) {
		/* Integerify: the first 64 bits of the last block, mod n. */
		j = ((size_t)block[len - WORDS + 1] << 32 |
			block[len - WORDS]) &
		    (n - 1);
		for (k = 0; k < len; k++)
			block[k] ^= v[j * len + k];
		block_mix(t, block, r);
		memcpy(block, t, len * sizeof(*t));
	}
}

static void
mix_all(uint8_t *b, uint32_t *v, size_t r, size_t n, size_t p)
{
	size_t i, k, len = 2 * r * WORDS;
	uint32_t *block = v + n * len, *t = block + len;

	for (i = 0; i < p; i++, b += len * sizeof(*v)) {
		for (k = 0; k < len; k++)
			block[k] = load32(b + 4 * k);
		ro_mix(block, v, t, r, n);
		for (k = 0; k < len; k++)
			store32(b + 4 * k, block[k]);
	}
}

static bool
pbkdf2(uint8_t *out, size_t len, struct slice pass, const uint8_t *salt,
    size_t salt_len)
{
	return len <= INT_MAX && pass.len <= INT_MAX && salt_len <= INT_MAX &&
	    PKCS5_PBKDF2_HMAC(pass.p, (int)pass.len, salt, (int)salt_len, 1,
		EVP_sha256(), (int)len, out) == 1;
}

/* Section 6. */
enum rc
scrypt_derive(uint8_t *out, size_t len, struct slice pass, const uint8_t *salt,
    size_t salt_len, const struct scrypt_params *params, struct err *e)
{
	size_t r = (size_t)params->r, n = (size_t)params->n;
	size_t p = (size_t)params->p, b_len = 128 * r * p;
	size_t v_len = 128 * r * (n + 2);
	uint8_t *b = NULL;
	uint32_t *v = NULL;
	enum rc rc = RC_OK;

	CHECK(n > 1 && (n & (n - 1)) == 0 && r > 0 && p > 0);
	memset(out, 0, len);
	b = malloc(b_len);
	v = malloc(v_len);
	if (b == NULL || v == NULL) {
		rc = err_set(e, RC_NO_MEMORY, "scrypt: no memory for %zu MB",
		    (b_len + v_len) >> 20);
		goto out;
	}
	if (!pbkdf2(b, b_len, pass, salt, salt_len)) {
		rc = err_set(e, RC_IO, "scrypt: libcrypto fails");
		goto out;
	}
	mix_all(b, v, r, n, p);
	if (!pbkdf2(out, len, pass, b, b_len))
		rc = err_set(e, RC_IO, "scrypt: libcrypto fails");
out:
	if (b != NULL)
		secret_wipe(b, b_len);
	if (v != NULL)
		secret_wipe(v, v_len);
	free(b);
	free(v);
	return rc;
}
