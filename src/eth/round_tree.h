/*
 * Trees of hashes in the shape of RFC 6962, section 2.1, with keccak256: a leaf
 * is keccak256(0x00 || entry), a node keccak256(0x01 || left || right), and n
 * leaves are split at the largest power of two below n. An entry is 32 bytes.
 * Pure functions; any thread.
 *
 * A tree can be kept without entries that nobody needs: pruned, it is the
 * others' leaves, and one hash for each largest part without any of these, from
 * left to right. Root and paths follow from that as from the whole.
 */
#ifndef WORKNET_ETH_ROUND_TREE_H
#define WORKNET_ETH_ROUND_TREE_H

#include <stdbool.h>

#include "eth/keccak.h"

#define ROUND_LEAVES_MAX 64
#define ROUND_PATH_MAX	 6 /* 2^6 leaves */

struct round_tree_hash {
	uint8_t b[KECCAK256_LEN];
};

/* The leaf of an entry. */
void round_tree_leaf(
    struct round_tree_hash *out, const uint8_t entry[static KECCAK256_LEN]);

/* The root of n leaves, 1 to ROUND_LEAVES_MAX. */
void round_tree_root(struct round_tree_hash *out,
    const struct round_tree_hash *leaves, size_t n);

/*
 * The path of leaf i of n, from the leaf to the root: gives its length.
 */
size_t round_tree_path(struct round_tree_hash out[static ROUND_PATH_MAX],
    const struct round_tree_hash *leaves, size_t n, size_t i);

/*
 * Where a path of so many hashes leads from leaf i of n; false when it can't be
 * that leaf's.
 */
bool round_tree_climb(struct round_tree_hash *out,
    const struct round_tree_hash *leaf, size_t i, size_t n,
    const struct round_tree_hash *path, size_t len);

/* Whether a path of so many hashes leads from leaf i of n to that root. */
bool round_tree_verify(const struct round_tree_hash *root,
    const struct round_tree_hash *leaf, size_t i, size_t n,
    const struct round_tree_hash *path, size_t len);

/*
 * What is left of n leaves, besides those that are kept: gives the number of
 * hashes in out, which has room for n.
 */
size_t round_tree_prune(struct round_tree_hash *out,
    const struct round_tree_hash *leaves, const bool *kept, size_t n);

/*
 * The root of a pruned tree, with its kept leaves at their places; others that
 * aren't kept aren't looked at. False unless exactly so many hashes belong to
 * it.
 */
bool round_tree_root_pruned(struct round_tree_hash *out,
    const struct round_tree_hash *leaves, const bool *kept, size_t n,
    const struct round_tree_hash *others, size_t others_n);

/* The path of a leaf that is kept, of a pruned tree; false as above. */
bool round_tree_path_pruned(struct round_tree_hash out[static ROUND_PATH_MAX],
    size_t *len, const struct round_tree_hash *leaves, const bool *kept,
    size_t n, const struct round_tree_hash *others, size_t others_n, size_t i);

#endif
