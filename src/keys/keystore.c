#include "keys/keystore.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/secret.h"
#include "eth/hex.h"
#include "keys/scrypt.h"
#include "json/json.h"

#define FILE_MAX       4096 /* bytes of a keystore; most have 500 */
#define DERIVED_LEN    32   /* dklen: AES key and MAC key */
#define CIPHER_KEY_LEN 16   /* AES-128 */
#define SALT_MAX       64   /* bytes; all known writers use 32 */

/* The parts of a keystore. None of them is a secret without passphrase. */
struct keystore {
	uint8_t iv[16];
	uint8_t ciphertext[32];
	uint8_t mac[KECCAK256_LEN];
	uint8_t salt[SALT_MAX];
	size_t salt_len;
	bool is_scrypt;	 /* else PBKDF2 */
	int64_t n, r, p; /* scrypt */
	int64_t rounds;	 /* PBKDF2 */
	bool has_address;
	struct address address;
};

/* ---- Parsing ---- */

/* Hex with or without 0x, *len bytes of it (at most max). */
static bool
read_hex(uint8_t *out, size_t *len, size_t max, const struct json *object,
    const char *key)
{
	const char *text = json_text(json_get(object, key));
	char full[2 + 2 * SALT_MAX + 1];
	size_t n;

	if (text == NULL)
		return false;
	if (strncmp(text, "0x", 2) == 0)
		text += 2;
	n = strlen(text);
	if (n % 2 != 0 || n / 2 > max || n >= sizeof(full) - 2)
		return false;
	memcpy(full, "0x", 2);
	memcpy(full + 2, text, n + 1);
	*len = n / 2;
	return hex_decode(out, *len, (struct slice){ full, n + 2 }, NULL) ==
	    RC_OK;
}

static bool
read_exact(uint8_t *out, size_t len, const struct json *object, const char *key)
{
	size_t got;

	return read_hex(out, &got, len, object, key) && got == len;
}

static bool
is_text(const struct json *object, const char *key, const char *expected)
{
	const char *text = json_text(json_get(object, key));

	return text != NULL && strcmp(text, expected) == 0;
}

static bool
is_int(const struct json *object, const char *key, int64_t expected)
{
	int64_t n;

	return json_int(&n, json_get(object, key)) == RC_OK && n == expected;
}

/* n is a power of two above 1 (RFC 7914, section 2). */
static enum rc
check_scrypt(const struct keystore *k, struct err *e)
{
	uint64_t n = (uint64_t)k->n, r = (uint64_t)k->r, p = (uint64_t)k->p;

	if (n < 2 || (n & (n - 1)) != 0 || n > 1UL << 24 || r < 1 || r > 1024 ||
	    p < 1 || p > 1024 || 128 * r * (n + p + 2) > SCRYPT_MEMORY_MAX ||
	    n * r * p > SCRYPT_WORK_MAX)
		return err_set(e, RC_INVALID,
		    "keystore: scrypt with n %lld, r %lld, p %lld isn't allowed: at most %lu MB, n a power of two",
		    (long long)k->n, (long long)k->r, (long long)k->p,
		    SCRYPT_MEMORY_MAX >> 20);
	return RC_OK;
}

static enum rc
read_kdf(struct keystore *k, const struct json *crypto, struct err *e)
{
	const struct json *params = json_get(crypto, "kdfparams");

	if (!is_int(params, "dklen", DERIVED_LEN) ||
	    !read_hex(k->salt, &k->salt_len, SALT_MAX, params, "salt"))
		return err_set(e, RC_INVALID,
		    "keystore: kdfparams: expected a dklen of %d and a salt",
		    DERIVED_LEN);
	if (is_text(crypto, "kdf", "scrypt")) {
		k->is_scrypt = true;
		if (json_int(&k->n, json_get(params, "n")) != RC_OK ||
		    json_int(&k->r, json_get(params, "r")) != RC_OK ||
		    json_int(&k->p, json_get(params, "p")) != RC_OK)
			return err_set(e, RC_INVALID,
			    "keystore: kdfparams: expected n, r and p");
		return check_scrypt(k, e);
	}
	if (!is_text(crypto, "kdf", "pbkdf2") ||
	    !is_text(params, "prf", "hmac-sha256"))
		return err_set(e, RC_INVALID,
		    "keystore: kdf: expected scrypt or pbkdf2 with hmac-sha256");
	if (json_int(&k->rounds, json_get(params, "c")) != RC_OK ||
	    k->rounds < 1 || k->rounds > PBKDF2_ROUNDS_MAX)
		return err_set(e, RC_INVALID,
		    "keystore: kdfparams: expected c from 1 to %ld",
		    PBKDF2_ROUNDS_MAX);
	return RC_OK;
}

static enum rc
read_document(struct keystore *k, const struct json *root, struct err *e)
{
	const struct json *crypto = json_get(root, "crypto");

	if (crypto == NULL)
		crypto = json_get(root, "Crypto"); /* older geth */
	if (!is_int(root, "version", 3) || crypto == NULL)
		return err_set(e, RC_INVALID,
		    "keystore: expected version 3 and a crypto object");
	if (!is_text(crypto, "cipher", "aes-128-ctr") ||
	    !read_exact(
		k->iv, sizeof(k->iv), json_get(crypto, "cipherparams"), "iv") ||
	    !read_exact(
		k->ciphertext, sizeof(k->ciphertext), crypto, "ciphertext") ||
	    !read_exact(k->mac, sizeof(k->mac), crypto, "mac"))
		return err_set(e, RC_INVALID,
		    "keystore: expected aes-128-ctr with iv, ciphertext (32 bytes) and mac");
	k->has_address =
	    read_exact(k->address.b, sizeof(k->address.b), root, "address");
	return read_kdf(k, crypto, e);
}

/* ---- Opening ---- */

static enum rc
derive(uint8_t out[static DERIVED_LEN], const struct keystore *k,
    struct slice pass, struct err *e)
{
	struct scrypt_params params = { (uint64_t)k->n, (uint64_t)k->r,
		(uint64_t)k->p };

	if (k->is_scrypt)
		return scrypt_derive(
		    out, DERIVED_LEN, pass, k->salt, k->salt_len, &params, e);
	if (PKCS5_PBKDF2_HMAC(pass.p, (int)pass.len, k->salt, (int)k->salt_len,
		(int)k->rounds, EVP_sha256(), DERIVED_LEN, out) != 1)
		return err_set(
		    e, RC_IO, "keystore: libcrypto can't derive the key");
	return RC_OK;
}

static enum rc
check_mac(const uint8_t derived[static DERIVED_LEN], const struct keystore *k,
    struct err *e)
{
	uint8_t mac[KECCAK256_LEN];
	struct keccak state;
	bool same;

	keccak_init(&state);
	keccak_update(
	    &state, derived + CIPHER_KEY_LEN, DERIVED_LEN - CIPHER_KEY_LEN);
	keccak_update(&state, k->ciphertext, sizeof(k->ciphertext));
	keccak_final(&state, mac);
	secret_wipe(&state, sizeof(state));
	same = CRYPTO_memcmp(mac, k->mac, sizeof(mac)) == 0;
	if (!same)
		return err_set(e, RC_INVALID,
		    "keystore: wrong passphrase, or a damaged file");
	return RC_OK;
}

static enum rc
decrypt(struct eth_key *key, const uint8_t derived[static DERIVED_LEN],
    const struct keystore *k, struct err *e)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0;
	bool ok;

	ok = ctx != NULL &&
	    EVP_DecryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, derived, k->iv) ==
		1 &&
	    EVP_DecryptUpdate(ctx, key->b, &len, k->ciphertext,
		(int)sizeof(k->ciphertext)) == 1 &&
	    len == (int)sizeof(key->b);
	EVP_CIPHER_CTX_free(ctx); /* wipes */
	if (!ok)
		return err_set(e, RC_IO, "keystore: libcrypto can't decrypt");
	return RC_OK;
}

static enum rc
check_address(
    const struct eth_key *key, const struct keystore *k, struct err *e)
{
	struct address a;
	enum rc rc;

	rc = eth_key_address(&a, key, e);
	if (rc != RC_OK)
		return err_prefix(e, "keystore");
	if (k->has_address && memcmp(a.b, k->address.b, sizeof(a.b)) != 0)
		return err_set(e, RC_INVALID,
		    "keystore: the key isn't that of the address in it");
	return RC_OK;
}

static enum rc
open_parsed(struct eth_key *key, const struct keystore *k, struct slice pass,
    struct err *e)
{
	uint8_t derived[DERIVED_LEN] = { 0 };
	enum rc rc;

	rc = derive(derived, k, pass, e);
	if (rc == RC_OK)
		rc = check_mac(derived, k, e);
	if (rc == RC_OK)
		rc = decrypt(key, derived, k, e);
	if (rc == RC_OK)
		rc = check_address(key, k, e);
	secret_wipe(derived, sizeof(derived));
	return rc;
}

enum rc
keystore_open(struct eth_key *key, struct slice text, struct slice passphrase,
    struct err *e)
{
	struct keystore k = { .is_scrypt = false };
	struct err cause = ERR_INIT;
	struct json *root = NULL;
	enum rc rc;

	memset(key, 0, sizeof(*key));
	CHECK(passphrase.len <= PASSPHRASE_MAX);
	rc = json_read(&root, text, &cause);
	if (rc != RC_OK)
		return err_set(e, rc, "keystore: %s", cause.msg);
	rc = read_document(&k, root, e);
	json_free(root);
	if (rc == RC_OK)
		rc = open_parsed(key, &k, passphrase, e);
	if (rc != RC_OK)
		secret_wipe(key, sizeof(*key));
	return rc;
}

/* ---- Files ---- */

/* Without one end of line at its end: editors and echo put it there. */
static enum rc
passphrase_read(char out[static PASSPHRASE_MAX], size_t *len, const char *path,
    struct err *e)
{
	enum rc rc;

	*len = 0;
	if (path == NULL || path[0] == '\0')
		return err_set(e, RC_INVALID,
		    "the treasury's keystore needs a passphrase file");
	rc = secret_file_read(out, PASSPHRASE_MAX, len, path, e);
	if (rc != RC_OK)
		return rc;
	if (*len > 0 && out[*len - 1] == '\n')
		(*len)--;
	if (*len > 0 && out[*len - 1] == '\r')
		(*len)--;
	return RC_OK;
}

enum rc
treasury_key_read(struct eth_key *key, const char *path,
    const char *passphrase_path, struct err *e)
{
	char text[FILE_MAX], pass[PASSPHRASE_MAX];
	size_t len, pass_len;
	struct slice s;
	enum rc rc;

	memset(key, 0, sizeof(*key));
	rc = secret_file_read(text, sizeof(text), &len, path, e);
	if (rc != RC_OK)
		return rc;
	s = secret_trim((struct slice){ text, len });
	if (s.len == 0 || s.p[0] != '{') {
		secret_wipe(text, sizeof(text));
		return eth_key_read(key, path, e);
	}
	rc = passphrase_read(pass, &pass_len, passphrase_path, e);
	if (rc == RC_OK)
		rc = keystore_open(key, s, (struct slice){ pass, pass_len }, e);
	secret_wipe(pass, sizeof(pass));
	secret_wipe(text, sizeof(text));
	return rc;
}

/* Whether the file is a keystore that names its address. */
static bool
address_is_named(struct address *out, const char *path)
{
	struct json *root = NULL;
	char text[FILE_MAX];
	bool named = false;
	struct slice s;
	size_t len;

	if (secret_file_read(text, sizeof(text), &len, path, NULL) != RC_OK)
		return false;
	s = secret_trim((struct slice){ text, len });
	if (s.len > 0 && s.p[0] == '{' && json_read(&root, s, NULL) == RC_OK)
		named = is_int(root, "version", 3) &&
		    read_exact(out->b, sizeof(out->b), root, "address");
	json_free(root);
	secret_wipe(text, sizeof(text));
	return named;
}

enum rc
treasury_address_read(struct address *out, const char *path,
    const char *passphrase_path, struct err *e)
{
	struct eth_key key;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	if (address_is_named(out, path))
		return RC_OK;
	rc = treasury_key_read(&key, path, passphrase_path, e);
	if (rc == RC_OK)
		rc = eth_key_address(out, &key, e);
	secret_wipe(&key, sizeof(key));
	return rc;
}
