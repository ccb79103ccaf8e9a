/*
 * The account of one task over some time: takes its slices in order, and has
 * the incidents that they make and what of a period is in which bucket. Pure
 * but for its memory; one thread.
 *
 * What comes later can change what a slice counts as: a run of slices that are
 * down becomes an incident from its first one on. account_settled says from
 * when on that can still be.
 */
#ifndef WORKNET_UPTIME_ACCOUNT_H
#define WORKNET_UPTIME_ACCOUNT_H

#include "base/err.h"
#include "uptime/uptime.h"

struct uptime_incident {
	int64_t from_ms;
	int64_t to_ms;		 /* INT64_MAX: it is open */
	enum uptime_event ended; /* RECOVERED or LOST; NOTHING: it is open */
	int64_t *networks;	 /* owned: those that confirmed it */
	size_t networks_n;
};

struct uptime_account {
	struct uptime_state state;
	struct uptime_slice *slices; /* owned */
	size_t slices_n, slices_cap;
	struct uptime_incident *incidents; /* owned; in order */
	size_t incidents_n, incidents_cap;
	struct uptime_span *spans; /* owned: those of the incidents */
	/* An incident was found to begin or end then, the earliest of all;
	 * INT64_MAX: none was. */
	int64_t changed_ms;
};

/*
 * Begins where that state was left, or anew with NULL. RC_NO_MEMORY; free it
 * with account_free, whatever came of it.
 */
MUST_CHECK enum rc account_begin(
    struct uptime_account *a, const struct uptime_state *state, struct err *e);
void account_free(struct uptime_account *a);

/* As uptime_step. RC_NO_MEMORY. */
MUST_CHECK enum rc
account_slice(struct uptime_account *a, const struct uptime_slice *slice,
    const int64_t *networks, size_t n, struct err *e);

/* A slice before the state with which it began: it is counted, not weighed. */
MUST_CHECK enum rc account_before(
    struct uptime_account *a, const struct uptime_slice *slice, struct err *e);

/* Before that time no slice can change any more; INT64_MAX: none can. */
int64_t account_settled(const struct uptime_account *a);

/*
 * Adds to *t what of the period is in which bucket. The incidents of *f are the
 * account's. hidden as uptime_count.
 */
void account_count(const struct uptime_account *a, const struct uptime_frame *f,
    const struct uptime_span *period, struct uptime_time *t,
    struct uptime_time *hidden);

/* Forgets the slices that end by then. */
void account_forget(struct uptime_account *a, int64_t until_ms);

#endif
