#include "keys/timestamp.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ts.h>
#include <string.h>
#include <time.h>

static enum rc
no_memory(struct err *e)
{
	return err_set(e, RC_NO_MEMORY, "libcrypto: out of memory");
}

/* What libcrypto said last, and leaves no more of it. */
static enum rc
said(struct err *e, const char *what)
{
	const unsigned long code = ERR_peek_last_error();
	const char *why = ERR_reason_error_string(code), *data = NULL;
	int flags;

	(void)ERR_peek_last_error_all(NULL, NULL, NULL, &data, &flags);
	if (data == NULL || (flags & ERR_TXT_STRING) == 0)
		data = "";
	(void)err_set(e, RC_INVALID, "%s: %s%s%s", what,
	    why == NULL ? "libcrypto says no more" : why,
	    data[0] == '\0' ? "" : ": ", data);
	ERR_clear_error();
	return RC_INVALID;
}

/* ---- Questions ---- */

static bool
imprint_set(TS_REQ *q, const uint8_t hash[static SHA256_LEN])
{
	unsigned char raw[SHA256_LEN];
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *algorithm = X509_ALGOR_new();
	bool ok;

	memcpy(raw, hash, sizeof(raw));
	ok = imprint != NULL && algorithm != NULL &&
	    X509_ALGOR_set0(
		algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
	    TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
	    TS_MSG_IMPRINT_set_msg(imprint, raw, sizeof(raw)) == 1 &&
	    TS_REQ_set_msg_imprint(q, imprint) == 1;
	X509_ALGOR_free(algorithm);
	TS_MSG_IMPRINT_free(imprint);
	return ok;
}

/* The nonce as the number that it is on the way; NULL without memory. */
static ASN1_INTEGER *
nonce_number(const uint8_t nonce[static TIMESTAMP_NONCE_LEN])
{
	BIGNUM *n = BN_bin2bn(nonce, TIMESTAMP_NONCE_LEN, NULL);
	ASN1_INTEGER *out = n == NULL ? NULL : BN_to_ASN1_INTEGER(n, NULL);

	BN_free(n);
	return out;
}

static bool
nonce_set(TS_REQ *q, const uint8_t nonce[static TIMESTAMP_NONCE_LEN])
{
	ASN1_INTEGER *n = nonce_number(nonce);
	bool ok = n != NULL && TS_REQ_set_nonce(q, n) == 1;

	ASN1_INTEGER_free(n);
	return ok;
}

enum rc
timestamp_query(struct buf *out, uint8_t nonce[static TIMESTAMP_NONCE_LEN],
    const uint8_t hash[static SHA256_LEN], struct err *e)
{
	unsigned char *der = NULL;
	TS_REQ *q = TS_REQ_new();
	int len = -1;

	if (RAND_bytes(nonce, TIMESTAMP_NONCE_LEN) != 1) {
		TS_REQ_free(q);
		return err_set(e, RC_IO, "libcrypto: no randomness");
	}
	if (q != NULL && TS_REQ_set_version(q, 1) == 1 &&
	    imprint_set(q, hash) && nonce_set(q, nonce) &&
	    TS_REQ_set_cert_req(q, 1) == 1)
		len = i2d_TS_REQ(q, &der);
	TS_REQ_free(q);
	if (len > 0)
		buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	return len > 0 ? buf_status(out, e) : no_memory(e);
}

/* ---- Answers ---- */

static enum rc
status_check(TS_RESP *r, struct err *e)
{
	const ASN1_INTEGER *status =
	    TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(r));
	const long n = ASN1_INTEGER_get(status);

	/* RFC 3161, 2.4.2: granted, or granted with changes. */
	if (n != TS_STATUS_GRANTED && n != TS_STATUS_GRANTED_WITH_MODS)
		return err_set(
		    e, RC_INVALID, "the authority refuses: status %ld", n);
	return TS_RESP_get_tst_info(r) == NULL
	    ? err_set(e, RC_INVALID, "the answer has no stamp")
	    : RC_OK;
}

static enum rc
imprint_check(
    TS_TST_INFO *info, const uint8_t hash[static SHA256_LEN], struct err *e)
{
	TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(info);
	const ASN1_OCTET_STRING *of = TS_MSG_IMPRINT_get_msg(imprint);
	const ASN1_OBJECT *algorithm;

	X509_ALGOR_get0(
	    &algorithm, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
	if (OBJ_obj2nid(algorithm) == NID_sha256 &&
	    ASN1_STRING_length(of) == SHA256_LEN &&
	    memcmp(ASN1_STRING_get0_data(of), hash, SHA256_LEN) == 0)
		return RC_OK;
	return err_set(e, RC_INVALID, "the stamp is of something else");
}

static enum rc
nonce_check(TS_TST_INFO *info, const uint8_t *nonce, struct err *e)
{
	const ASN1_INTEGER *got = TS_TST_INFO_get_nonce(info);
	ASN1_INTEGER *want;
	bool same;

	if (nonce == NULL)
		return RC_OK;
	want = nonce_number(nonce);
	if (want == NULL)
		return no_memory(e);
	same = got != NULL && ASN1_INTEGER_cmp(got, want) == 0;
	ASN1_INTEGER_free(want);
	return same
	    ? RC_OK
	    : err_set(e, RC_INVALID,
		  "the stamp's nonce isn't the one that was sent: it may be an old one");
}

static enum rc
time_take(int64_t *at_s, TS_TST_INFO *info, struct err *e)
{
	struct tm tm = { .tm_mday = 0 };

	if (ASN1_TIME_to_tm(TS_TST_INFO_get_time(info), &tm) != 1)
		return err_set(e, RC_INVALID, "the stamp's time isn't one");
	*at_s = (int64_t)timegm(&tm);
	return RC_OK;
}

/* Trusts the certificate, as of that time: it may have ended since. */
static X509_STORE *
store_of(struct slice certificate, int64_t at_s)
{
	const unsigned char *p = (const unsigned char *)certificate.p;
	X509 *x = d2i_X509(NULL, &p, (long)certificate.len);
	X509_STORE *store = X509_STORE_new();
	X509_VERIFY_PARAM *param;
	bool ok = x != NULL && store != NULL &&
	    X509_STORE_add_cert(store, x) == 1 &&
	    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;

	X509_free(x);
	if (!ok) {
		X509_STORE_free(store);
		return NULL;
	}
	param = X509_STORE_get0_param(store);
	X509_VERIFY_PARAM_set_time(param, (time_t)at_s);
	return store;
}

static enum rc
signature_check(
    TS_RESP *r, struct slice certificate, int64_t at_s, struct err *e)
{
	X509_STORE *store = store_of(certificate, at_s);
	TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
	bool ok;

	if (store == NULL || ctx == NULL) {
		X509_STORE_free(store);
		TS_VERIFY_CTX_free(ctx);
		return err_set(
		    e, RC_INVALID, "the authority's certificate can't be read");
	}
	(void)TS_VERIFY_CTX_set_flags(ctx, TS_VFY_VERSION | TS_VFY_SIGNATURE);
	(void)TS_VERIFY_CTX_set_store(ctx, store); /* frees it */
	ERR_clear_error();
	ok = TS_RESP_verify_response(ctx, r) == 1;
	TS_VERIFY_CTX_free(ctx);
	return ok ? RC_OK : said(e, "the stamp's signature");
}

static enum rc
answer_check(int64_t *at_s, TS_RESP *r, const uint8_t hash[static SHA256_LEN],
    const uint8_t *nonce, struct slice certificate, struct err *e)
{
	TS_TST_INFO *info;
	enum rc rc;

	rc = status_check(r, e);
	if (rc != RC_OK)
		return rc;
	info = TS_RESP_get_tst_info(r);
	rc = imprint_check(info, hash, e);
	if (rc == RC_OK)
		rc = nonce_check(info, nonce, e);
	if (rc == RC_OK)
		rc = time_take(at_s, info, e);
	return rc == RC_OK ? signature_check(r, certificate, *at_s, e) : rc;
}

enum rc
timestamp_check(int64_t *at_s, struct slice answer,
    const uint8_t hash[static SHA256_LEN], const uint8_t *nonce,
    struct slice certificate, struct err *e)
{
	const unsigned char *p = (const unsigned char *)answer.p;
	TS_RESP *r = NULL;
	enum rc rc;

	*at_s = 0;
	if (answer.len <= TIMESTAMP_MAX)
		r = d2i_TS_RESP(NULL, &p, (long)answer.len);
	ERR_clear_error();
	/* Bytes behind it would be hashed by nobody. */
	if (r == NULL || p != (const unsigned char *)answer.p + answer.len)
		rc = err_set(e, RC_INVALID, "it isn't a timestamp's answer");
	else
		rc = answer_check(at_s, r, hash, nonce, certificate, e);
	TS_RESP_free(r);
	if (rc != RC_OK)
		*at_s = 0;
	return rc;
}

enum rc
timestamp_certificate(struct buf *out, const char *path, struct err *e)
{
	unsigned char *der = NULL;
	X509 *x;
	FILE *f = fopen(path, "re");
	int len;

	if (f == NULL)
		return err_set(e, errno == ENOENT ? RC_NOT_FOUND : RC_IO,
		    "%s: %s", path, strerror(errno));
	x = PEM_read_X509(f, NULL, NULL, NULL);
	(void)fclose(f);
	len = x == NULL ? -1 : i2d_X509(x, &der);
	X509_free(x);
	ERR_clear_error();
	if (len > 0)
		buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	return len > 0 ? buf_status(out, e)
		       : err_set(e, RC_INVALID, "%s: no certificate", path);
}
