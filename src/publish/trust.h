/*
 * What verifiers need of the log, the file "policy" of its directory: its key,
 * and the witnesses and authorities of the configuration. One thread.
 */
#ifndef WORKNET_PUBLISH_TRUST_H
#define WORKNET_PUBLISH_TRUST_H

#include "publish/stamps.h"
#include "publish/witnesses.h"

/*
 * Writes the policy unless it is there as it must be. With witnesses or
 * authorities it is made of these, and more than half of the witnesses are its
 * quorum. Else it is the operator's, once it is there, and only the key that
 * signs takes the place of the log's others. RC_INVALID: no policy can be made
 * of these; RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc trust_show(struct site *site, const struct note_key *key,
    const struct witnesses *w, const struct stamps *s, struct err *e);

/*
 * Opens the log in a directory by the keys that the directory itself names, and
 * says which head they signed. Freed with site_close, also after an error.
 * RC_INVALID: its policy, or its checkpoint, isn't one; RC_NOT_FOUND, RC_IO,
 * RC_NO_MEMORY.
 */
MUST_CHECK enum rc trust_open(struct site *site, struct checkpoint *c,
    const char *directory, struct err *e);

#endif
