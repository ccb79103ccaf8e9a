/*
 * What was signed lately, in memory: the journal's last days, by payee. Its
 * size is that of two days, and so is the time that a look takes, however long
 * the journal is. Private to src/vault; one thread.
 */
#ifndef WORKNET_VAULT_PAST_H
#define WORKNET_VAULT_PAST_H

#include "vault/gate.h"
#include "vault/journal.h"

/*
 * Two days: one is counted, and while a clock that is set back by as much as
 * the other, or a node that is as far behind, may be believed, nothing is
 * missing.
 */
#define PAST_KEPT_S (2 * GATE_DAY_S)

struct past;

/* Free it with past_free; RC_NO_MEMORY, RC_IO without randomness. */
MUST_CHECK enum rc past_new(struct past **out, struct err *e);
void past_free(struct past *p);

/*
 * Adds what the journal has, in its order. What was signed and ended before
 * kept_from_s is forgotten, but for its end. RC_NO_MEMORY.
 */
MUST_CHECK enum rc past_add(struct past *p, const struct journal_entry *entry,
    int64_t kept_from_s, struct err *e);

/*
 * What was signed before now_s for the payee's number; run_micros isn't set.
 * All that isn't 24 hours old counts, also what has a time in the future.
 */
void past_look(struct past *p, struct gate_past *out,
    const struct address *payee, int64_t number, int64_t now_s);

#endif
