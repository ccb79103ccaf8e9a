/*
 * How uptime is counted: the method worknet-uptime/1, of which doc/uptime is
 * the text. Pure functions on integers; any thread. Times are Unix ms, spans
 * are half-open, [from, to).
 *
 * A slice is a cycle of a task, or what an edit left of one. Its votes make it
 * up or down, or leave it undecided: unknown when too few answered, disputed at
 * a tie. Two slices in a row that are down, by two networks, are an incident
 * from the first of them on; two that are up end it. Each ms of a period is
 * then in one bucket, and the figures are made of the buckets.
 */
#ifndef WORKNET_UPTIME_UPTIME_H
#define WORKNET_UPTIME_UPTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

#define UPTIME_METHOD "worknet-uptime/1"
/* SHA-256 of doc/uptime, which the log states with the method. */
#define UPTIME_TEXT_SHA256 \
	"6e561610ecd80d4c5c9154e10a6d6fb3ff4c1b715a37eac272d6412a4f05b976"
#define UPTIME_CONFIRM	 2	   /* slices in a row that begin an incident */
#define UPTIME_NETWORKS	 2	   /* different ones, that say so */
#define UPTIME_RECOVER	 2	   /* slices in a row that end it */
#define UPTIME_GAP_MS	 600000LL  /* undecided for longer: nothing is known */
#define UPTIME_PPM	 1000000LL /* a figure that is 100 % */
#define UPTIME_NO_TIME	 (-1LL)
#define UPTIME_NO_FIGURE (-1LL) /* there was no time to make it of */

/* Networks that two slices in a row can name. */
#define UPTIME_NETWORKS_MAX (2 * COPIES_MAX)

/* ---- One slice ---- */

enum uptime_raw {
	UPTIME_UNKNOWN,
	UPTIME_DISPUTED,
	UPTIME_DOWN,
	UPTIME_UP,
};

#define UPTIME_WORKER_LEN 20

struct uptime_vote {
	uint8_t worker[UPTIME_WORKER_LEN];
	int64_t network; /* a number that stands for it */
	bool up;
	bool counts; /* set: it is its network's */
	bool lost;   /* set: it counts, and the others decided otherwise */
};

/*
 * What n votes of a cycle of so many copies say. Of those of one network that
 * of the lowest address counts.
 */
enum uptime_raw
uptime_judge(struct uptime_vote *votes, size_t n, int64_t copies);

struct uptime_slice {
	int64_t from_ms;
	int64_t to_ms;
	enum uptime_raw raw;
};

/* ---- Incidents ---- */

/* What is known after some slices, as far as the next one depends on it. */
struct uptime_state {
	int64_t decided_ms; /* end of the last slice that was; or NO_TIME */
	int64_t down_ms;    /* end of the last one that was down */
	int64_t open_ms;    /* start of the incident that is open; or NO_TIME */
	/* Down outside of an incident, or up inside, so many in a row. */
	int64_t run_n;
	int64_t run_ms; /* from then on */
	/* Of the run's slices that were down; of an open incident those that
	 * confirmed it, until it ends. */
	size_t networks_n;
	int64_t networks[UPTIME_NETWORKS_MAX];
};

enum uptime_event {
	UPTIME_NOTHING,
	UPTIME_OPENED,	  /* at state.open_ms */
	UPTIME_RECOVERED, /* at at_ms */
	UPTIME_LOST,	  /* at at_ms: nothing is known for too long */
};

/* Nothing is known. */
void uptime_begin(struct uptime_state *s);

/*
 * The next slice, in order of time; of one that is down, the networks whose
 * votes said so, each once. *at_ms is when the incident ended.
 */
enum uptime_event
uptime_step(struct uptime_state *s, const struct uptime_slice *slice,
    const int64_t *networks, size_t n, int64_t *at_ms);

struct uptime_span {
	int64_t from_ms;
	int64_t to_ms; /* INT64_MAX: open */
};

/* ---- Buckets ---- */

/* In ms. */
struct uptime_time {
	int64_t up;
	int64_t down;	     /* inside an incident, lone up slices too */
	int64_t unconfirmed; /* down, outside of one */
	int64_t unknown;
	int64_t disputed;
	int64_t paused;	     /* there was nothing to check */
	int64_t maintenance; /* announced before it began */
};

/*
 * What a part of a period is counted by. Spans of one kind are in order and
 * don't overlap.
 */
struct uptime_frame {
	const struct uptime_span *incidents;
	size_t incidents_n;
	const struct uptime_span *paused;
	size_t paused_n;
	const struct uptime_span *maintenance;
	size_t maintenance_n;
};

/*
 * Adds what of the slice is in the period. *hidden gets what maintenance hides,
 * by what it would be without; may be NULL.
 */
void uptime_count(struct uptime_time *t, struct uptime_time *hidden,
    const struct uptime_slice *slice, const struct uptime_frame *f,
    const struct uptime_span *period);

/* a += b. */
void uptime_add(struct uptime_time *a, const struct uptime_time *b);

/* All of it, in ms. */
int64_t uptime_total(const struct uptime_time *t);

/* ---- Figures ---- */

/* Parts per million, rounded down; UPTIME_NO_FIGURE of no time. */
struct uptime_figures {
	int64_t availability; /* of what is decided, unconfirmed as up */
	int64_t strict;	      /* the same, unconfirmed as down */
	int64_t at_least;     /* if all that is undecided was down */
	int64_t at_most;      /* if it was up */
	int64_t coverage;     /* decided, of all that could be */
};

void uptime_figures(struct uptime_figures *f, const struct uptime_time *t);

enum uptime_verdict {
	UPTIME_MET,
	UPTIME_MISSED,
	UPTIME_MET_AS_SEEN, /* by availability, at coverage of 99 % */
	UPTIME_MISSED_AS_SEEN,
	UPTIME_NOT_PROVEN,
};

/* Whether a target, in parts per million, was kept. */
enum uptime_verdict
uptime_verdict(const struct uptime_figures *f, int64_t target_ppm);
const char *uptime_verdict_text(enum uptime_verdict v);

#define UPTIME_TEXT_MAX	    16
#define UPTIME_HEADLINE_MAX 40

/* "99.9546 %", never rounded; "none" of UPTIME_NO_FIGURE. */
void uptime_format(char out[static UPTIME_TEXT_MAX], int64_t ppm);

/*
 * The availability as it is told: 100 % only when nothing else is possible,
 * else that no confirmed outage was seen; or that nothing is known.
 */
void uptime_headline(
    char out[static UPTIME_HEADLINE_MAX], const struct uptime_figures *f);

#endif
