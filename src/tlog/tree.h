/*
 * The tree of RFC 6962 and RFC 9162 over SHA-256: roots and proofs from the
 * hashes of its complete subtrees, wherever these are kept. Node i of level l
 * is the hash of leaves i * 2^l to (i + 1) * 2^l - 1. Any thread.
 */
#ifndef WORKNET_TLOG_TREE_H
#define WORKNET_TLOG_TREE_H

#include <stdbool.h>

#include "base/buf.h"
#include "eth/sha256.h"

#define TREE_SIZE_MAX  (1LL << 53) /* leaves: exact in JSON */
#define TREE_PROOF_MAX 64	   /* hashes of a proof */

struct tree_hash {
	uint8_t b[SHA256_LEN];
};

/* Hashes from the leaf to the root. */
struct tree_proof {
	size_t n;
	struct tree_hash hash[TREE_PROOF_MAX];
};

bool tree_hash_is(const struct tree_hash *a, const struct tree_hash *b);

void tree_leaf(struct tree_hash *out, struct slice entry);
void tree_node(struct tree_hash *out, const struct tree_hash *left,
    const struct tree_hash *right);

/* Where the hashes of complete subtrees come from; errors are its own. */
typedef enum rc tree_read_fn(
    void *ctx, int level, int64_t i, struct tree_hash *out, struct err *e);

/* The root of the first size leaves; of none the hash of nothing. */
MUST_CHECK enum rc tree_root(struct tree_hash *out, int64_t size,
    tree_read_fn *fn, void *ctx, struct err *e);

/* That leaf i is in the tree of size leaves; 0 <= i < size. */
MUST_CHECK enum rc tree_prove_inclusion(struct tree_proof *out, int64_t i,
    int64_t size, tree_read_fn *fn, void *ctx, struct err *e);

/* That the tree of size leaves begins with that of old; 0 <= old <= size. */
MUST_CHECK enum rc tree_prove_consistency(struct tree_proof *out, int64_t old,
    int64_t size, tree_read_fn *fn, void *ctx, struct err *e);

/* RC_INVALID: the proof doesn't lead from the leaf to the root. */
MUST_CHECK enum rc tree_check_inclusion(const struct tree_proof *p, int64_t i,
    const struct tree_hash *leaf, int64_t size, const struct tree_hash *root,
    struct err *e);

/* RC_INVALID: the proof doesn't lead from the one root to the other. */
MUST_CHECK enum rc tree_check_consistency(const struct tree_proof *p,
    int64_t old, const struct tree_hash *old_root, int64_t size,
    const struct tree_hash *root, struct err *e);

#endif
