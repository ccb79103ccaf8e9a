/*
 * What the ledger knows of the vault's journal: how far it was with the last
 * payout that was signed. An older journal, or none, has forgotten what was
 * signed. One thread at a time.
 */
#ifndef WORKNET_LEDGER_JOURNAL_H
#define WORKNET_LEDGER_JOURNAL_H

#include "eth/mark.h"
#include "ledger/payout.h"

/* RC_OK, also when nothing is known; RC_CORRUPT, and as query_step. */
MUST_CHECK enum rc journal_seen_get(struct db *db,
    const struct payout_source *s, struct journal_seen *out, struct err *e);

/* Notes how far it is, within the step of the payout that was signed. */
MUST_CHECK enum rc
journal_seen_set(struct db *db, const struct payout_source *s,
    const struct journal_mark *mark, struct err *e);

#endif
