/*
 * What worknet check and worknet doctor look at: tables of probes, each with
 * what it found and, if that is bad, what to type. One thread.
 */
#ifndef WORKNET_ADMIN_PROBE_H
#define WORKNET_ADMIN_PROBE_H

#include "admin/admin.h"

#define PROBE_DETAIL_MAX 400 /* bytes of text, with the NUL */

/* What a probe says; bad and why it is bad, or a remark. */
struct outcome {
	bool bad;
	enum admin_exit end; /* nothing after it can be looked at: why */
	char detail[PROBE_DETAIL_MAX];
};

struct probe {
	const char *name;
	void (*run)(struct admin *a, struct outcome *o);
};

/* The first thing that is bad is the one that is told. */
void
probe_say(struct outcome *o, bool bad, const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * Runs the probes of each list, which ends with a name of NULL, in order, and
 * prints their table. What is unusable ends it. ADMIN_REFUSED: something is
 * bad.
 */
enum admin_exit probes_run(struct admin *a, const struct probe *const *lists);

/* Whether all caps of a->conf are set, and what the tasks can pay. */
void check_caps(struct admin *a, struct outcome *o);

/* The configuration; and the ledger and the rest, which need it. */
extern const struct probe check_first[];
extern const struct probe check_rest[];

#endif
