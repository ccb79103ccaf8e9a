/*
 * The keys that came after those of a policy: each is a leaf of the log, and
 * counts if a checkpoint that has it is signed by whom the policy trusts until
 * then. One thread.
 */
#ifndef WORKNET_PROOF_SUCCESSION_H
#define WORKNET_PROOF_SUCCESSION_H

#include "tlog/policy.h"
#include "tlog/site.h"

/*
 * Takes a file that proves a key's leaf: *trusted, and the policy trusts that
 * key, too, if its checkpoint is signed by whom the policy trusts; else nothing
 * changes. RC_INVALID: the file isn't one, or a checkpoint that is trusted
 * doesn't bear what it says; RC_NO_MEMORY.
 */
MUST_CHECK enum rc succession_take(
    struct policy *policy, struct slice file, bool *trusted, struct err *e);

/*
 * Has the policy trust the keys that a log shows one after the other. note is
 * its checkpoint, whoever signed that: a key that isn't signed for changes
 * nothing. RC_INVALID as above, also of a note that is no checkpoint; errors
 * of site.h.
 */
MUST_CHECK enum rc succession_read(
    struct policy *policy, struct site *site, struct slice note, struct err *e);

#endif
