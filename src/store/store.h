/*
 * An object store: objects are created in it, and never written over. It is one
 * of S3's kind (requests signed by AWS Signature Version 4), or Google Cloud
 * Storage (GOOG4, with an HMAC key).
 *
 * What always holds: an object is made by a request that the store refuses if
 * there is one of that name; the hash of what is sent is signed, and sent as a
 * checksum, too; a redirect is never followed; neither half of the key is in
 * any message. What fails for now (no answer, 409, 429, 500, 503) is done again
 * after a wait that grows, with some chance in it. To do a request again is
 * harmless.
 *
 * One store per thread. A program that uses it ignores SIGPIPE.
 */
#ifndef WORKNET_STORE_STORE_H
#define WORKNET_STORE_STORE_H

#include "base/buf.h"
#include "base/conf.h"

#define STORE_AT_ONCE	8   /* requests */
#define STORE_NAME_MAX	200 /* bytes of an object's name */
#define STORE_LABEL_MAX (URL_MAX + 2 * CONF_WORD_MAX + 2)

struct store;

/*
 * Makes *out of [upload], without a request (store_close). RC_INVALID says
 * which key of it is wrong; RC_NOT_FOUND, RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
store_open(struct store **out, const struct conf *c, struct err *e);
/* NULL is fine. */
void store_close(struct store *s);

/* Which one [upload] names, to be compared: "s3 https://HOST/BUCKET". */
void store_label(char out[static STORE_LABEL_MAX + 1], const struct conf *c);

/* An object that is to be there. */
struct store_put {
	const char *name; /* of A-Z a-z 0-9 . _ : - / */
	const char *type; /* its media type */
	struct slice body;
	size_t there_max; /* of an object that was there; longer is cut off */
	bool exists;	  /* out: one was there, and stays as it is */
	struct buf there; /* out, owned: that one's bytes, none if cut off */
};

/*
 * Creates n objects, at most STORE_AT_ONCE; the caller frees each there. With
 * an error some may have been created. RC_BUSY: the store can't be reached, or
 * refuses for now; the same again is safe. RC_INVALID: the configuration, the
 * key, its rights, or a clock is wrong. RC_NO_MEMORY.
 */
MUST_CHECK enum rc
store_create(struct store *s, struct store_put *put, size_t n, struct err *e);

/* The same, but what isn't there isn't created: only name and there_max of each
 * are looked at. */
MUST_CHECK enum rc
store_look(struct store *s, struct store_put *put, size_t n, struct err *e);

#endif
