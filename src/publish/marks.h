/*
 * What must be kept beside the log, because the ledger forgets it: who was
 * given which slot, and whose answer was refused, until its hour is logged;
 * and up to which slot an hour needn't be looked for. Files of the state's
 * directory. They are aids: without them a slot that was missed says less, and
 * a run reads more. One thread.
 */
#ifndef WORKNET_PUBLISH_MARKS_H
#define WORKNET_PUBLISH_MARKS_H

#include "base/file.h"
#include "ledger/publication.h"

struct marks {
	char state[PATH_LEN_MAX + 1];
	int64_t assigned_ms; /* the newest assignment that was noted */
	int64_t refusal;     /* public_refused: the last that was noted */
	int64_t last_slot;   /* that the ledger had given, when last seen */
	/* Before an hour began, that slot was the last: */
	struct hour_mark {
		int64_t hour;
		int64_t slot;
	} * hour; /* owned, in order */
	size_t hours;
};

/* Freed with marks_free. RC_IO, RC_NO_MEMORY. */
MUST_CHECK enum rc
marks_read(struct marks *m, const char *state, struct err *e);
void marks_free(struct marks *m);

/*
 * Notes what was given and refused since the last run, and the last slot.
 * *restored: the ledger has given fewer slots than it had; then no hour is
 * marked any more. RC_IO, errors of db.h.
 */
MUST_CHECK enum rc marks_note(struct marks *m, struct db *db, int64_t last_slot,
    int64_t now_ms, bool *restored, struct err *e);

/* The slot after which those of cycles of that hour, and later ones, are. */
int64_t marks_slot_before(const struct marks *m, int64_t hour);

/* Shows what was noted of cycles of that hour; some of it twice. */
MUST_CHECK enum rc marks_assignments(const struct marks *m, int64_t hour,
    public_slot_fn *fn, void *ctx, struct err *e);

/* Forgets hours before that one. */
void marks_forget(struct marks *m, int64_t hour);

#endif
