#include "proof/anchor_proof.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

static void
hash_add(struct buf *out, const struct tree_hash *h)
{
	base64_add(out, h->b, sizeof(h->b));
	buf_add_text(out, "\n");
}

void
anchor_proof_format(struct buf *out, const struct anchor_proof *a)
{
	size_t i;

	hash_add(out, &a->root);
	for (i = 0; i < a->proof.n; i++)
		hash_add(out, &a->proof.hash[i]);
}

static enum rc
hash_take(struct tree_hash *out, struct slice *text, struct err *e)
{
	struct slice line;

	if (!slice_line(text, &line))
		return err_set(e, RC_INVALID, "the last line has no end");
	return base64_decode_exactly(out->b, sizeof(out->b), line, e);
}

enum rc
anchor_proof_parse(struct anchor_proof *out, const char *name,
    struct slice text, struct err *e)
{
	enum rc rc;

	rc = tlog_integer(&out->size, slice_of(name), "its name", e);
	if (rc == RC_OK && out->size == 0)
		rc = err_set(e, RC_INVALID, "of no leaves there is no proof");
	if (rc == RC_OK)
		rc = hash_take(&out->root, &text, e);
	out->proof.n = 0;
	while (rc == RC_OK && text.len > 0) {
		if (out->proof.n == TREE_PROOF_MAX)
			return err_set(e, RC_INVALID, "it has too many hashes");
		rc = hash_take(&out->proof.hash[out->proof.n++], &text, e);
	}
	return rc;
}

/* Where it is, or would be. */
static size_t
place_of(const struct anchor_list *l, int64_t size)
{
	size_t lo = 0, hi = l->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (l->all[mid].size < size)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

enum rc
anchor_list_add(struct anchor_list *l, int64_t size,
    const struct tree_hash *root, struct err *e)
{
	const size_t at = place_of(l, size);
	size_t room;
	void *all;

	if (at < l->n && l->all[at].size == size)
		return RC_OK;
	if (l->n == l->room) {
		room = l->room == 0 ? 64 : 2 * l->room;
		all = reallocarray(l->all, room, sizeof(l->all[0]));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "out of memory");
		l->all = all;
		l->room = room;
	}
	memmove(&l->all[at + 1], &l->all[at], (l->n - at) * sizeof(l->all[0]));
	l->n++;
	l->all[at].size = size;
	l->all[at].root = *root;
	return RC_OK;
}

void
anchor_list_free(struct anchor_list *l)
{
	free(l->all);
	*l = (struct anchor_list){ .n = 0 };
}

bool
anchor_list_find(
    const struct anchor_list *l, int64_t size, struct tree_hash *root)
{
	const size_t at = place_of(l, size);

	if (size == 0) {
		sha256(root->b, "", 0);
		return true;
	}
	if (at == l->n || l->all[at].size != size)
		return false;
	*root = l->all[at].root;
	return true;
}
