/*
 * What was signed for each payee, over all its numbers, for ever: of each
 * number the highest amount, since it may have been settled before it was
 * signed again, until the chain's word says what it paid. A million numbers
 * take 100 MB.
 * Private to src/vault; one thread.
 */
#ifndef WORKNET_VAULT_TOTALS_H
#define WORKNET_VAULT_TOTALS_H

#include "vault/journal.h"

/* What is known of a payee's number, and of all its others. */
struct total {
	int64_t micros; /* of this number; 0: none, or canceled */
	bool adopted;
	int64_t others_micros; /* INT64_MAX when no number holds it */
};

struct totals;

/* Free it with totals_free; RC_NO_MEMORY, RC_IO without randomness. */
MUST_CHECK enum rc totals_new(struct totals **out, struct err *e);
void totals_free(struct totals *t);

/*
 * Adds what the journal has of payouts, in its order: the highest amount of a
 * number counts, or what it was settled with, 0 of one that was canceled.
 * RC_NO_MEMORY.
 */
MUST_CHECK enum rc
totals_add(struct totals *t, const struct journal_entry *entry, struct err *e);

void totals_look(const struct totals *t, const struct address *payee,
    int64_t number, struct total *out);

#endif
