/*
 * Verifies an export, or one proof file, offline: with what is in it and the
 * keys of a policy, and nothing else. One thread.
 *
 * What holds afterwards: the log of the policy has these leaves, as the
 * checkpoint says that it and its witnesses signed; no hour between the first
 * and the last segment is left out; each slot of the task's schedule, which
 * follows from its logged definitions, has one line; each result is signed by
 * its worker. What doesn't: that a worker fetched what it signed, and that
 * nothing was held back before an hour was logged.
 */
#ifndef WORKNET_PROOF_VERIFY_H
#define WORKNET_PROOF_VERIFY_H

#include "base/file.h"
#include "proof/leaf.h"
#include "proof/line.h"
#include "tlog/policy.h"
#include "uptime/uptime.h"

struct verify_wanted {
	const char *path;
	/* The text of a policy; p NULL: the one that came with the export,
	 * whose keys nobody vouches for. */
	struct slice policy;
	/* What must be covered, Unix ms; 0 and 0: whatever is there. */
	int64_t from;
	int64_t to;
	int64_t slot; /* whose line is wanted, of a directory; 0: none */
	/* A checkpoint, or a directory that has one, which must be of the same
	 * log: another export, or a copy of the log's files. NULL: none. */
	const char *same_log;
};

struct verify_report {
	char origin[NOTE_NAME_MAX + 1];
	int64_t size;		 /* of the log */
	int64_t witnesses;	 /* that cosigned it */
	int64_t first_s, last_s; /* when; 0: nobody did */
	int64_t stamps;		 /* of authorities, on the checkpoint */
	int64_t stamped_s;	 /* the first of them; 0: none */
	bool is_one_proof; /* of a single leaf, which is proven, no more */
	char task[TASK_ID_MAX + 1];
	char url[URL_MAX + 1]; /* that was checked last; "": isn't told */
	int64_t
	    targets; /* URLs and statuses, one after the other, 1: that one */
	bool is_private;
	bool is_sealed; /* without its opening: no signature is verified */
	int64_t definitions;
	int64_t segments;
	int64_t from, to; /* covered */
	int64_t within;	  /* ms, of its assignment is each result's time */
	int64_t lines;
	int64_t results;   /* each one's signature verified */
	int64_t in_rounds; /* of them, signed in a round: with all they say */
	/*
	 * Of results and drills in rounds: how long the newest hour of the log
	 * that they name was over when their slots were given, at most, -1: of
	 * none it is known; and those of which it was longer than ANCHOR_OLD_MS
	 * or isn't known.
	 */
	int64_t anchor_ms;
	int64_t anchor_old;
	int64_t successes;
	int64_t missed;
	int64_t refused; /* says the operator */
	int64_t unassigned;
	int64_t extra; /* results of cycles beside the schedule */
	/* Answers to drills: all, those that said what was to be seen, and
	 * those of days whose key nobody committed to before. */
	int64_t drills;
	int64_t drills_right;
	int64_t drills_late;
	/*
	 * What was asked for, else what is covered, by the method that was
	 * logged.
	 */
	int64_t counted_from, counted_to;
	int64_t maintenances; /* that count */
	int64_t incidents;
	struct uptime_time time;
	struct uptime_figures figures;
	int64_t other_size; /* leaves of the log at same_log; LEAF_NONE */
	char forked[2][FILE_PATH_SIZE]; /* files of two checkpoints */
	int64_t line_leaf;
	char line[LINE_MAX_BYTES + 1]; /* of that slot, as the log has it */
};

/*
 * RC_INVALID says what isn't as it must be; RC_CONFLICT: the log is forked, and
 * forked has the evidence; RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc verify_export(
    const struct verify_wanted *w, struct verify_report *out, struct err *e);

#endif
