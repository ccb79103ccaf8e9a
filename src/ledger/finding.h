/*
 * Findings: what a person must look at, one for each kind and subject. What
 * lasts (a node that stands still, a facilitator that settles nothing) is
 * told again by each run that sees it, which keeps since when and how often;
 * the run that sees its end says that it is over. What happened once (a
 * payment that the ledger had lost) is told once, until a person closes it.
 * A person may close what lasts, too: it opens again with the next run.
 *
 * One thread at a time, as db.h says.
 */
#ifndef WORKNET_LEDGER_FINDING_H
#define WORKNET_LEDGER_FINDING_H

#include "ledger/db.h"

struct finding_kind {
	const char *name;
	const char *title; /* a sentence for the operator */
	bool happened;	   /* else it lasts */
};

/* The kind of this name, or NULL; such a one lasts. */
const struct finding_kind *finding_kind(struct slice name);

/*
 * Adds or renews a finding, in one step. What lasts and was closed is open
 * again: if a person closed it, with its beginning and count as before; if it
 * was over, with new ones. What happened and was closed stays closed; *open
 * (NULL is fine) tells which. Errors of db.h.
 */
MUST_CHECK enum rc
finding_add_open(struct db *db, const char *kind, const char *subject,
    const char *detail, int64_t now_ms, bool *open, struct err *e);
MUST_CHECK enum rc finding_add(struct db *db, const char *kind,
    const char *subject, const char *detail, int64_t now_ms, struct err *e);

/* Closes this one as over, if it is there and open. Errors of db.h. */
MUST_CHECK enum rc finding_over(struct db *db, const char *kind,
    const char *subject, int64_t now_ms, struct err *e);

/*
 * Closes as over all of a kind that weren't added since since_ms: for what
 * each run looks at in whole.
 */
MUST_CHECK enum rc finding_over_unseen(struct db *db, const char *kind,
    int64_t since_ms, int64_t now_ms, struct err *e);

#endif
