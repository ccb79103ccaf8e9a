#include "keys/cdp.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "base/base64.h"
#include "base/conf.h"
#include "base/secret.h"
#include "eth/hex.h"
#include "json/json.h"

#define SECRET_MAX  4096 /* bytes of a key file; a PEM has 250 */
#define ED25519_LEN 64	 /* seed and public key */
#define SEED_LEN    32
#define SIG_LEN	    64 /* of both kinds */
#define DER_MAX	    80 /* bytes of an ECDSA signature over P-256 */
#define NONCE_SIZE  16 /* bytes, sent as hex */

struct cdp_key {
	char id[CONF_KEY_ID_MAX + 1];
	EVP_PKEY *pkey;	 /* owned */
	bool is_ed25519; /* else P-256 */
};

/* ---- Keys ---- */

/* Never asks on the terminal: an encrypted PEM is refused. */
static int
no_passphrase(char *buf, int size, int rwflag, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)ctx;
	return -1;
}

/* The two characters \n become the end of a line, as the SDKs do it. */
static size_t
unescape_lines(char *p, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (p[i] == '\\' && i + 1 < len && p[i + 1] == 'n') {
			p[n++] = '\n';
			i++;
		} else {
			p[n++] = p[i];
		}
	}
	return n;
}

static enum rc
read_pem(struct cdp_key *key, const char *text, size_t len, const char *path,
    struct err *e)
{
	char group[32] = "";
	BIO *bio;

	bio = BIO_new_mem_buf(text, (int)len);
	if (bio == NULL)
		return err_set(e, RC_NO_MEMORY, "CDP key: no memory");
	key->pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	(void)BIO_free(bio);
	if (key->pkey == NULL)
		return err_set(e, RC_INVALID,
		    "%s: not a PEM private key without passphrase", path);
	if (!EVP_PKEY_is_a(key->pkey, "EC") ||
	    EVP_PKEY_get_group_name(key->pkey, group, sizeof(group), NULL) !=
		1 ||
	    strcmp(group, "prime256v1") != 0)
		return err_set(e, RC_INVALID,
		    "%s: expected a key on the curve P-256", path);
	return RC_OK;
}

/* The public half must be that of the seed: else the file is damaged. */
static enum rc
make_ed25519(struct cdp_key *key, const uint8_t raw[static ED25519_LEN],
    const char *path, struct err *e)
{
	uint8_t public[ED25519_LEN - SEED_LEN];
	size_t len = sizeof(public);

	key->pkey =
	    EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, SEED_LEN);
	if (key->pkey == NULL ||
	    EVP_PKEY_get_raw_public_key(key->pkey, public, &len) != 1)
		return err_set(
		    e, RC_IO, "%s: libcrypto makes no Ed25519 key of it", path);
	if (len != sizeof(public) || memcmp(public, raw + SEED_LEN, len) != 0)
		return err_set(e, RC_INVALID,
		    "%s: the second half isn't the public key of the first",
		    path);
	key->is_ed25519 = true;
	return RC_OK;
}

static enum rc
read_ed25519(struct cdp_key *key, const char *text, size_t len,
    const char *path, struct err *e)
{
	uint8_t raw[ED25519_LEN];
	enum rc rc;

	if (base64_decode_exactly(
		raw, sizeof(raw), (struct slice){ text, len }, NULL) != RC_OK)
		rc = err_set(e, RC_INVALID,
		    "%s: expected a PEM private key or base64 of 64 bytes",
		    path);
	else
		rc = make_ed25519(key, raw, path, e);
	secret_wipe(raw, sizeof(raw));
	return rc;
}

static enum rc
read_secret(struct cdp_key *key, const char *path, struct err *e)
{
	static const char pem[] = "-----BEGIN ";
	char text[SECRET_MAX];
	struct slice s;
	size_t len;
	enum rc rc;

	rc = secret_file_read(text, sizeof(text), &len, path, e);
	if (rc != RC_OK)
		return rc;
	len = unescape_lines(text, len);
	s = secret_trim((struct slice){ text, len });
	if (s.len >= sizeof(pem) - 1 && memcmp(s.p, pem, sizeof(pem) - 1) == 0)
		rc = read_pem(key, s.p, s.len, path, e);
	else
		rc = read_ed25519(key, s.p, s.len, path, e);
	secret_wipe(text, sizeof(text));
	return rc;
}

static bool
id_is_valid(const char *id)
{
	size_t len = strlen(id);

	return len > 0 && len <= CONF_KEY_ID_MAX &&
	    strspn(id,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_/.") ==
	    len;
}

enum rc
cdp_key_read(
    struct cdp_key **out, const char *id, const char *path, struct err *e)
{
	struct cdp_key *key;
	enum rc rc;

	*out = NULL;
	if (!id_is_valid(id))
		return err_set(e, RC_INVALID,
		    "CDP key id: expected a UUID or organizations/UUID/apiKeys/UUID");
	key = calloc(1, sizeof(*key));
	if (key == NULL)
		return err_set(e, RC_NO_MEMORY, "CDP key: no memory");
	(void)snprintf(key->id, sizeof(key->id), "%s", id);
	rc = read_secret(key, path, e);
	if (rc != RC_OK) {
		cdp_key_free(key);
		return rc;
	}
	*out = key;
	return RC_OK;
}

void
cdp_key_free(struct cdp_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey); /* libcrypto wipes it */
	free(key);
}

/* ---- Tokens ---- */

static enum rc
write_header(struct buf *out, const struct cdp_key *key, struct err *e)
{
	uint8_t nonce[NONCE_SIZE];
	char text[HEX_SIZE(NONCE_SIZE)];
	struct json_writer *w;
	enum rc rc;

	if (RAND_bytes(nonce, sizeof(nonce)) != 1)
		return err_set(e, RC_IO, "CDP token: no randomness");
	hex_encode(text, nonce, sizeof(nonce));
	rc = json_writer_new(&w, out, false, e);
	if (rc != RC_OK)
		return rc;
	json_open_object(w);
	json_key(w, "alg");
	json_string(w, key->is_ed25519 ? "EdDSA" : "ES256");
	json_key(w, "kid");
	json_string(w, key->id);
	json_key(w, "typ");
	json_string(w, "JWT");
	json_key(w, "nonce");
	json_string(w, text + 2); /* without 0x */
	json_close_object(w);
	json_writer_free(w);
	return buf_status(out, e);
}

static enum rc
write_claims(struct buf *out, const struct cdp_key *key, const char *uri,
    int64_t now_s, struct err *e)
{
	struct json_writer *w;
	enum rc rc;

	rc = json_writer_new(&w, out, false, e);
	if (rc != RC_OK)
		return rc;
	json_open_object(w);
	json_key(w, "sub");
	json_string(w, key->id);
	json_key(w, "iss");
	json_string(w, "cdp");
	json_key(w, "uris");
	json_open_array(w);
	json_string(w, uri);
	json_close_array(w);
	json_key(w, "iat");
	json_number(w, now_s);
	json_key(w, "nbf");
	json_number(w, now_s);
	json_key(w, "exp");
	json_number(w, now_s + CDP_TOKEN_S);
	json_close_object(w);
	json_writer_free(w);
	return buf_status(out, e);
}

/* "METHOD host/path": no scheme, no query, no fragment. */
static enum rc
write_uri(struct buf *out, const char *method, const char *url, struct err *e)
{
	const char *host = strstr(url, "://");
	size_t host_len, len;

	if (host == NULL)
		return err_set(e, RC_INVALID, "CDP token: not an absolute URL");
	host += 3;
	host_len = strcspn(host, "/?#");
	len = strcspn(host, "?#");
	if (host_len == 0 || memchr(host, '@', host_len) != NULL)
		return err_set(e, RC_INVALID, "CDP token: no host in the URL");
	buf_printf(out, "%s ", method);
	buf_add(out, host, len);
	if (host_len == len)
		buf_add_text(out, "/");
	return buf_status(out, e);
}

/* RFC 7518, section 3.4: r || s, not the DER that libcrypto makes. */
static bool
raw_of_der(uint8_t sig[static SIG_LEN], const uint8_t *der, size_t len)
{
	const uint8_t *p = der;
	ECDSA_SIG *parsed;
	bool ok;

	parsed = d2i_ECDSA_SIG(NULL, &p, (long)len);
	if (parsed == NULL)
		return false;
	ok = BN_bn2binpad(ECDSA_SIG_get0_r(parsed), sig, SIG_LEN / 2) ==
		SIG_LEN / 2 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), sig + SIG_LEN / 2,
		SIG_LEN / 2) == SIG_LEN / 2;
	ECDSA_SIG_free(parsed);
	return ok;
}

static enum rc
sign(uint8_t sig[static SIG_LEN], const struct cdp_key *key,
    const struct buf *text, struct err *e)
{
	const EVP_MD *md = key->is_ed25519 ? NULL : EVP_sha256();
	uint8_t made[DER_MAX];
	size_t len = sizeof(made);
	EVP_MD_CTX *ctx;
	bool ok;

	ctx = EVP_MD_CTX_new();
	if (ctx == NULL)
		return err_set(e, RC_NO_MEMORY, "CDP token: no memory");
	ok = EVP_DigestSignInit(ctx, NULL, md, NULL, key->pkey) == 1 &&
	    EVP_DigestSign(ctx, made, &len, (const unsigned char *)text->p,
		text->len) == 1;
	EVP_MD_CTX_free(ctx);
	if (ok && key->is_ed25519) {
		ok = len == SIG_LEN;
		memcpy(sig, made, SIG_LEN);
	} else if (ok) {
		ok = raw_of_der(sig, made, len);
	}
	if (!ok)
		return err_set(e, RC_IO, "CDP token: libcrypto can't sign");
	return RC_OK;
}

/* header.claims.signature, each part in base64url (RFC 7515, section 3.1). */
static enum rc
write_token(struct buf *out, const struct cdp_key *key,
    const struct buf *header, const struct buf *claims, struct err *e)
{
	uint8_t sig[SIG_LEN];
	enum rc rc;

	base64_add_url(out, header->p, header->len);
	buf_add_text(out, ".");
	base64_add_url(out, claims->p, claims->len);
	rc = buf_status(out, e);
	if (rc == RC_OK)
		rc = sign(sig, key, out, e);
	if (rc != RC_OK)
		return rc;
	buf_add_text(out, ".");
	base64_add_url(out, sig, sizeof(sig));
	return buf_status(out, e);
}

enum rc
cdp_token(char out[static CDP_TOKEN_MAX + 1], const struct cdp_key *key,
    const char *method, const char *url, int64_t now_s, struct err *e)
{
	struct buf uri, header, claims, token;
	enum rc rc;

	out[0] = '\0';
	buf_init(&uri, CDP_TOKEN_MAX);
	buf_init(&header, CDP_TOKEN_MAX);
	buf_init(&claims, CDP_TOKEN_MAX);
	buf_init(&token, CDP_TOKEN_MAX);
	rc = write_uri(&uri, method, url, e);
	if (rc == RC_OK)
		rc = write_header(&header, key, e);
	if (rc == RC_OK)
		rc = write_claims(&claims, key, uri.p, now_s, e);
	if (rc == RC_OK)
		rc = write_token(&token, key, &header, &claims, e);
	if (rc == RC_OK)
		memcpy(out, token.p, token.len + 1);
	buf_free(&uri);
	buf_free(&header);
	buf_free(&claims);
	buf_free(&token);
	return rc;
}
