#include "tlog/tree.h"

#include <inttypes.h>
#include <string.h>

bool
tree_hash_is(const struct tree_hash *a, const struct tree_hash *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

void
tree_leaf(struct tree_hash *out, struct slice entry)
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, "\0", 1);
	sha256_update(&s, entry.p, entry.len);
	sha256_final(&s, out->b);
}

void
tree_node(struct tree_hash *out, const struct tree_hash *left,
    const struct tree_hash *right)
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, "\1", 1);
	sha256_update(&s, left->b, sizeof(left->b));
	sha256_update(&s, right->b, sizeof(right->b));
	sha256_final(&s, out->b);
}

/* Where the hashes of a walk come from. */
struct source {
	tree_read_fn *fn;
	void *ctx;
	struct err *e;
};

/* The largest power of two below n, which is at least 2. */
static int64_t
split(int64_t n)
{
	int64_t k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

static int
log2_of(int64_t n)
{
	int level = 0;

	while (n > 1) {
		n /= 2;
		level++;
	}
	return level;
}

/* MTH(D[lo:hi]), lo < hi; each power of two below hi - lo divides lo. */
static enum rc
range_hash(
    const struct source *s, int64_t lo, int64_t hi, struct tree_hash *out)
{
	const int64_t n = hi - lo;
	const int level = log2_of(n);
	struct tree_hash left, right;
	int64_t k;
	enum rc rc;

	if ((n & (n - 1)) == 0)
		return s->fn(s->ctx, level, lo >> level, out, s->e);
	k = split(n);
	rc = range_hash(s, lo, lo + k, &left);
	if (rc == RC_OK)
		rc = range_hash(s, lo + k, hi, &right);
	if (rc == RC_OK)
		tree_node(out, &left, &right);
	return rc;
}

enum rc
tree_root(struct tree_hash *out, int64_t size, tree_read_fn *fn, void *ctx,
    struct err *e)
{
	const struct source s = { fn, ctx, e };

	if (size > 0)
		return range_hash(&s, 0, size, out);
	sha256(out->b, "", 0);
	return RC_OK;
}

/* Appends MTH(D[lo:hi]) to the proof. */
static enum rc
add_range(
    struct tree_proof *out, const struct source *s, int64_t lo, int64_t hi)
{
	CHECK(out->n < TREE_PROOF_MAX);
	return range_hash(s, lo, hi, &out->hash[out->n++]);
}

/* PATH(i, D[lo:hi]) of RFC 6962, 2.1.1. */
static enum rc
path(struct tree_proof *out, const struct source *s, int64_t i, int64_t lo,
    int64_t hi)
{
	int64_t k;
	enum rc rc;

	if (hi - lo == 1)
		return RC_OK;
	k = split(hi - lo);
	if (i < lo + k) {
		rc = path(out, s, i, lo, lo + k);
		return rc == RC_OK ? add_range(out, s, lo + k, hi) : rc;
	}
	rc = path(out, s, i, lo + k, hi);
	return rc == RC_OK ? add_range(out, s, lo, lo + k) : rc;
}

enum rc
tree_prove_inclusion(struct tree_proof *out, int64_t i, int64_t size,
    tree_read_fn *fn, void *ctx, struct err *e)
{
	const struct source s = { fn, ctx, e };

	CHECK(i >= 0 && i < size);
	out->n = 0;
	return path(out, &s, i, 0, size);
}

/* SUBPROOF(old, D[lo:hi], whole) of RFC 6962, 2.1.2; old counts from lo. */
static enum rc
subproof(struct tree_proof *out, const struct source *s, int64_t old,
    int64_t lo, int64_t hi, bool whole)
{
	int64_t k;
	enum rc rc;

	if (old == hi - lo)
		return whole ? RC_OK : add_range(out, s, lo, hi);
	k = split(hi - lo);
	if (old <= k) {
		rc = subproof(out, s, old, lo, lo + k, whole);
		return rc == RC_OK ? add_range(out, s, lo + k, hi) : rc;
	}
	rc = subproof(out, s, old - k, lo + k, hi, false);
	return rc == RC_OK ? add_range(out, s, lo, lo + k) : rc;
}

enum rc
tree_prove_consistency(struct tree_proof *out, int64_t old, int64_t size,
    tree_read_fn *fn, void *ctx, struct err *e)
{
	const struct source s = { fn, ctx, e };

	CHECK(old >= 0 && old <= size);
	out->n = 0;
	if (old == 0 || old == size)
		return RC_OK;
	return subproof(out, &s, old, 0, size, true);
}

/* ---- Checks: RFC 9162, 2.1.3.2 and 2.1.4.2 ---- */

static enum rc
not_included(int64_t i, struct err *e)
{
	return err_set(e, RC_INVALID,
	    "the proof doesn't lead from leaf %" PRId64 " to the root", i);
}

enum rc
tree_check_inclusion(const struct tree_proof *p, int64_t i,
    const struct tree_hash *leaf, int64_t size, const struct tree_hash *root,
    struct err *e)
{
	int64_t fn = i, sn = size - 1;
	struct tree_hash r = *leaf;
	size_t k;

	if (i < 0 || i >= size)
		return err_set(e, RC_INVALID,
		    "index %" PRId64 " is past the tree of %" PRId64 " leaves",
		    i, size);
	for (k = 0; k < p->n; k++) {
		if (sn == 0)
			return not_included(i, e);
		if (fn % 2 == 1 || fn == sn) {
			tree_node(&r, &p->hash[k], &r);
			while (fn % 2 == 0 && fn != 0) {
				fn /= 2;
				sn /= 2;
			}
		} else
			tree_node(&r, &r, &p->hash[k]);
		fn /= 2;
		sn /= 2;
	}
	return sn == 0 && tree_hash_is(&r, root) ? RC_OK : not_included(i, e);
}

static enum rc
not_consistent(int64_t old, int64_t size, struct err *e)
{
	return err_set(e, RC_INVALID,
	    "the tree of %" PRId64
	    " leaves doesn't begin with that of %" PRId64,
	    size, old);
}

/* The rest of a check: what the proof makes of its first hash. */
static bool
consistency_leads(const struct tree_proof *p, size_t k, struct tree_hash first,
    int64_t fn, int64_t sn, const struct tree_hash *old_root,
    const struct tree_hash *root)
{
	struct tree_hash fr = first, sr = first;

	for (; k < p->n; k++) {
		if (sn == 0)
			return false;
		if (fn % 2 == 1 || fn == sn) {
			tree_node(&fr, &p->hash[k], &fr);
			tree_node(&sr, &p->hash[k], &sr);
			while (fn % 2 == 0 && fn != 0) {
				fn /= 2;
				sn /= 2;
			}
		} else
			tree_node(&sr, &sr, &p->hash[k]);
		fn /= 2;
		sn /= 2;
	}
	return sn == 0 && tree_hash_is(&fr, old_root) &&
	    tree_hash_is(&sr, root);
}

enum rc
tree_check_consistency(const struct tree_proof *p, int64_t old,
    const struct tree_hash *old_root, int64_t size,
    const struct tree_hash *root, struct err *e)
{
	int64_t fn = old - 1, sn = size - 1;
	bool power = (old & (old - 1)) == 0, ok;

	if (old < 0 || old > size)
		ok = false;
	else if (old == size)
		ok = p->n == 0 && tree_hash_is(old_root, root);
	else if (old == 0)
		ok = p->n == 0;
	else {
		while (fn % 2 == 1) {
			fn /= 2;
			sn /= 2;
		}
		ok = p->n > 0 &&
		    consistency_leads(p, power ? 0 : 1,
			power ? *old_root : p->hash[0], fn, sn, old_root, root);
	}
	return ok ? RC_OK : not_consistent(old, size, e);
}
