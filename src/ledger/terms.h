/*
 * The terms: what counts as a result's time and place. They are rows of the
 * ledger, not the configuration of whoever reads it, so that a result is judged
 * by what counted when it was given and paid, whatever is configured or
 * programmed later.
 */
#ifndef WORKNET_LEDGER_TERMS_H
#define WORKNET_LEDGER_TERMS_H

#include "ledger/db.h"
#include "ledger/row.h"

/* What counts now. RC_CORRUPT when the ledger has no terms, errors of db.h. */
MUST_CHECK enum rc
terms_now(struct db *db, struct terms_row *out, struct err *e);

/* What of the terms is configured. */
struct terms_wanted {
	int64_t result_window_ms; /* an assignment is paid so long */
	int64_t maturity_new_ms;  /* see maturity.h */
	int64_t maturity_ms;
	int64_t established_results; /* see record.h */
	int64_t established_days;
};

/*
 * From now on that counts, and whatever else this program decides. Writes only
 * when that is something new.
 */
MUST_CHECK enum rc terms_set(
    struct db *db, const struct terms_wanted *w, int64_t now_ms, struct err *e);

/* All terms, in order. */
struct terms_list {
	struct terms_row *all; /* owned: terms_list_free */
	size_t n;
};

/* Appends a row; RC_NO_MEMORY. */
MUST_CHECK enum rc
terms_list_add(struct terms_list *l, const struct terms_row *t, struct err *e);
void terms_list_free(struct terms_list *l);

/* What counted for a payment by that transfer; NULL when nothing did. */
const struct terms_row *
terms_of_transfer(const struct terms_list *l, int64_t transfer);

/*
 * Whether that slot of the task may have been given at that time in that cycle.
 * One that is given again, after the terms have changed, is given by the later
 * ones.
 */
bool terms_allow_cycle(const struct terms_list *l, int64_t slot, int64_t task,
    int64_t interval_ms, int64_t assigned_ms, int64_t cycle_ms);

/*
 * Whether what was assigned then must still be in its table at now_ms: by each
 * of the terms that counted since, it was kept for as long as they did. Not
 * what a clock that was ahead has given: once it is right, polls forget that.
 */
bool
terms_keep(const struct terms_list *l, int64_t assigned_ms, int64_t now_ms);

#endif
