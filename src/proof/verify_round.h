/*
 * A result that was signed in a round, from its line, its task's definition
 * and the log that its worker was told of (doc/protocol). Pure functions; any
 * thread.
 */
#ifndef WORKNET_PROOF_VERIFY_ROUND_H
#define WORKNET_PROOF_VERIFY_ROUND_H

#include "proof/anchor_proof.h"
#include "proof/leaf.h"
#include "proof/line.h"

/*
 * RC_INVALID unless the line's worker signed the very result, as one of a round
 * of so many, for an assignment of this slot that names the log of l->anchor
 * leaves, of which *anchors has the root.
 */
MUST_CHECK enum rc verify_round(const struct line *l, const struct task_leaf *d,
    const struct anchor_list *anchors, struct err *e);

#endif
