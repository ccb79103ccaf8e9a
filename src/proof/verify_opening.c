/* Leaves of a private task, and what they commit to. */
#include "proof/opening.h"

#include <string.h>

#include "proof/seal.h"
#include "proof/verify_room.h"

/* Opens each leaf, in order; an opening opens no more. */
static enum rc
leaves_open(struct verification *v, struct slice text, struct err *e)
{
	struct opening o;
	size_t i;
	enum rc rc = opening_begin(&o, text, e);

	for (i = 0; i < v->n && rc == RC_OK; i++)
		if (v->leaf[i].kind == KIND_PRIVATE)
			rc = opening_take(&o, &v->leaf[i].of.task, e);
	memcpy(v->salt, o.salt, sizeof(v->salt));
	if (rc == RC_OK && o.rest.len > 0)
		rc = err_set(e, RC_INVALID,
		    "%s: it opens leaves that aren't there", OPENING_NAME);
	return rc;
}

enum rc
verify_seals(const struct verification *v, const char *sha256,
    struct slice file, struct err *e)
{
	char hash[2 * SHA256_LEN + 1];
	struct buf seals;
	enum rc rc;

	if (!v->out->is_private || v->is_sealed)
		return RC_OK;
	buf_init(&seals, SEALS_MAX);
	rc = seals_make(&seals, v->salt, file, e);
	leaf_sha256(hash, (struct slice){ seals.p, seals.len });
	buf_free(&seals);
	if (rc == RC_OK && strcmp(hash, sha256) != 0)
		rc = err_set(e, RC_INVALID,
		    "the seals, which its workers look at, aren't those of its lines");
	return rc;
}

enum rc
verify_opening(
    struct verification *v, bool is_there, struct slice text, struct err *e)
{
	size_t i;

	for (i = 0; i < v->n && v->leaf[i].kind != KIND_PRIVATE; i++)
		;
	v->out->is_private = i < v->n;
	v->is_sealed = v->out->is_private && !is_there;
	v->out->is_sealed = v->is_sealed;
	return is_there ? leaves_open(v, text, e) : RC_OK;
}
