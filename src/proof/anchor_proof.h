/*
 * Anchors of an export: the log as it was when slots were given, which workers
 * sign in rounds. The file "anchor/SIZE" has in base64, a line each, the root
 * of that many leaves and the hashes that prove the export's checkpoint to
 * continue it (RFC 6962, section 2.1.2). Of no leaves there is none. One
 * thread.
 */
#ifndef WORKNET_PROOF_ANCHOR_PROOF_H
#define WORKNET_PROOF_ANCHOR_PROOF_H

#include "tlog/checkpoint.h"

#define ANCHOR_FILE_MAX ((TREE_PROOF_MAX + 1) * 64)

struct anchor_proof {
	int64_t size;
	struct tree_hash root;
	struct tree_proof proof;
};

void anchor_proof_format(struct buf *out, const struct anchor_proof *a);

/* The file of that name, a size. RC_INVALID. */
MUST_CHECK enum rc anchor_proof_parse(struct anchor_proof *out,
    const char *name, struct slice text, struct err *e);

/* In order of their sizes. */
struct anchor_list {
	struct {
		int64_t size;
		struct tree_hash root;
	} * all; /* owned: anchor_list_free */
	size_t n, room;
};

/* Adds one that isn't there yet. RC_NO_MEMORY. */
MUST_CHECK enum rc anchor_list_add(struct anchor_list *l, int64_t size,
    const struct tree_hash *root, struct err *e);
void anchor_list_free(struct anchor_list *l);

/* The root of so many leaves, also of none; false when it isn't there. */
bool anchor_list_find(
    const struct anchor_list *l, int64_t size, struct tree_hash *root);

#endif
