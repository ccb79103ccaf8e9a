#include "eth/round_tree.h"

#include <string.h>

#include "base/err.h"

#define PREFIX_LEAF 0x00
#define PREFIX_NODE 0x01

void
round_tree_leaf(
    struct round_tree_hash *out, const uint8_t entry[static KECCAK256_LEN])
{
	uint8_t text[1 + KECCAK256_LEN] = { PREFIX_LEAF };

	memcpy(text + 1, entry, KECCAK256_LEN);
	keccak256(out->b, text, sizeof(text));
}

static void
node_hash(struct round_tree_hash *out, const struct round_tree_hash *left,
    const struct round_tree_hash *right)
{
	uint8_t text[1 + 2 * KECCAK256_LEN] = { PREFIX_NODE };

	memcpy(text + 1, left->b, KECCAK256_LEN);
	memcpy(text + 1 + KECCAK256_LEN, right->b, KECCAK256_LEN);
	keccak256(out->b, text, sizeof(text));
}

/* The largest power of two below n, which is above 1. */
static size_t
split(size_t n)
{
	size_t k = 1;

	while (2 * k < n)
		k *= 2;
	return k;
}

void
round_tree_root(
    struct round_tree_hash *out, const struct round_tree_hash *leaves, size_t n)
{
	struct round_tree_hash left, right;
	size_t k;

	CHECK(n >= 1 && n <= ROUND_LEAVES_MAX);
	if (n == 1) {
		*out = leaves[0];
		return;
	}
	k = split(n);
	round_tree_root(&left, leaves, k);
	round_tree_root(&right, leaves + k, n - k);
	node_hash(out, &left, &right);
}

size_t
round_tree_path(struct round_tree_hash out[static ROUND_PATH_MAX],
    const struct round_tree_hash *leaves, size_t n, size_t i)
{
	size_t k, len;

	CHECK(n <= ROUND_LEAVES_MAX && i < n);
	if (n == 1)
		return 0;
	k = split(n);
	if (i < k) {
		len = round_tree_path(out, leaves, k, i);
		round_tree_root(&out[len], leaves + k, n - k);
	} else {
		len = round_tree_path(out, leaves + k, n - k, i - k);
		round_tree_root(&out[len], leaves, k);
	}
	return len + 1;
}

bool
round_tree_climb(struct round_tree_hash *out,
    const struct round_tree_hash *leaf, size_t i, size_t n,
    const struct round_tree_hash *path, size_t len)
{
	struct round_tree_hash below;
	size_t k;

	*out = *leaf;
	if (n == 1 || len == 0)
		return n == 1 && len == 0;
	k = split(n);
	len--; /* what is beside the root's half comes last */
	if (i < k) {
		if (!round_tree_climb(&below, leaf, i, k, path, len))
			return false;
		node_hash(out, &below, &path[len]);
	} else {
		if (!round_tree_climb(&below, leaf, i - k, n - k, path, len))
			return false;
		node_hash(out, &path[len], &below);
	}
	return true;
}

bool
round_tree_verify(const struct round_tree_hash *root,
    const struct round_tree_hash *leaf, size_t i, size_t n,
    const struct round_tree_hash *path, size_t len)
{
	struct round_tree_hash got;

	return n <= ROUND_LEAVES_MAX && i < n &&
	    round_tree_climb(&got, leaf, i, n, path, len) &&
	    memcmp(got.b, root->b, sizeof(got.b)) == 0;
}

static bool
any_kept(const bool *kept, size_t n)
{
	return memchr(kept, true, n) != NULL;
}

size_t
round_tree_prune(struct round_tree_hash *out,
    const struct round_tree_hash *leaves, const bool *kept, size_t n)
{
	size_t k, len;

	CHECK(n >= 1 && n <= ROUND_LEAVES_MAX);
	if (!any_kept(kept, n)) {
		round_tree_root(out, leaves, n);
		return 1;
	}
	if (n == 1)
		return 0;
	k = split(n);
	len = round_tree_prune(out, leaves, kept, k);
	return len + round_tree_prune(out + len, leaves + k, kept + k, n - k);
}

/* What of a pruned tree is to be taken yet, and the path so far. */
struct pruned_part {
	const struct round_tree_hash *others;
	size_t others_n;
	struct round_tree_hash *path;
	size_t len;
};

/* As round_tree_root_pruned; moves *others and *left over what it takes. */
static bool
pruned_root(struct round_tree_hash *out, const struct round_tree_hash *leaves,
    const bool *kept, size_t n, const struct round_tree_hash **others,
    size_t *left)
{
	struct round_tree_hash a, b;
	size_t k;

	if (!any_kept(kept, n)) {
		if (*left == 0)
			return false;
		--*left;
		*out = *(*others)++;
		return true;
	}
	if (n == 1) {
		*out = leaves[0];
		return true;
	}
	k = split(n);
	if (!pruned_root(&a, leaves, kept, k, others, left) ||
	    !pruned_root(&b, leaves + k, kept + k, n - k, others, left))
		return false;
	node_hash(out, &a, &b);
	return true;
}

/*
 * As round_tree_path, with *out the root of the part; moves *others and *left
 * over what it takes.
 */
static bool
pruned_path(struct pruned_part *p, struct round_tree_hash *out,
    const struct round_tree_hash *leaves, const bool *kept, size_t n, size_t i)
{
	struct round_tree_hash a, b;
	size_t k;
	bool left;

	if (n == 1)
		return pruned_root(
		    out, leaves, kept, n, &p->others, &p->others_n);
	k = split(n);
	left = i < k;
	if (left
		? !pruned_path(p, &a, leaves, kept, k, i) ||
		    !pruned_root(&b, leaves + k, kept + k, n - k, &p->others,
			&p->others_n)
		: !pruned_root(&a, leaves, kept, k, &p->others, &p->others_n) ||
		    !pruned_path(p, &b, leaves + k, kept + k, n - k, i - k))
		return false;
	p->path[p->len++] = left ? b : a;
	node_hash(out, &a, &b);
	return true;
}

bool
round_tree_path_pruned(struct round_tree_hash out[static ROUND_PATH_MAX],
    size_t *len, const struct round_tree_hash *leaves, const bool *kept,
    size_t n, const struct round_tree_hash *others, size_t others_n, size_t i)
{
	struct pruned_part p = { others, others_n, out, 0 };
	struct round_tree_hash root;

	CHECK(n >= 1 && n <= ROUND_LEAVES_MAX && i < n);
	if (!kept[i] || !pruned_path(&p, &root, leaves, kept, n, i))
		return false;
	*len = p.len;
	return p.others_n == 0;
}

bool
round_tree_root_pruned(struct round_tree_hash *out,
    const struct round_tree_hash *leaves, const bool *kept, size_t n,
    const struct round_tree_hash *others, size_t others_n)
{
	CHECK(n >= 1 && n <= ROUND_LEAVES_MAX);
	return pruned_root(out, leaves, kept, n, &others, &others_n) &&
	    others_n == 0;
}
