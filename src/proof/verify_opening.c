/* Leaves of a private task, and what they commit to. */
#include "proof/opening.h"
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
	if (rc == RC_OK && o.rest.len > 0)
		rc = err_set(e, RC_INVALID,
		    "%s: it opens leaves that aren't there", OPENING_NAME);
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
