/*
 * When a task's cycles begin. Pure functions; any thread.
 *
 * Cycle n of a task has the nominal start n * interval (Unix time); it opens
 * a little later, by the task's phase, and ends when the next one opens. The
 * phase is a hash of the task and the hour, below the workers' poll period:
 * workers poll at fixed phases themselves, and if a slot always opened at
 * the same one, those who poll right after it would be served for ever.
 *
 * Where tasks are many, neighbours have one phase, so that a poll finds what it
 * is given in one place.
 *
 * The first cycle of a UTC day has phase 0, so that a day holds exactly
 * 86,400 s / interval of them, and costs no more than that.
 *
 * All that is phase 1. Results are judged by the phase that counted when their
 * slot was given (ledger/terms.h): another way to open cycles gets a number of
 * its own, beside the earlier ones.
 */
#ifndef WORKNET_LEDGER_CYCLE_H
#define WORKNET_LEDGER_CYCLE_H

#include <stdbool.h>
#include <stdint.h>

#define PHASE_NEWEST 1

#define NO_CYCLE (-1) /* the start of the last one, where there was none */

/* Whether this program can tell when cycles of that phase open. */
bool phase_is_known(int64_t phase);

/* Spreads neighbouring inputs over all 64 bits. */
uint64_t cycle_mix(uint64_t x);

/* When the cycle with that nominal start opens, in Unix ms. phase is known. */
int64_t cycle_opens_ms(
    int64_t phase, int64_t task, int64_t interval_ms, int64_t start_ms);

/* The nominal start of the cycle that runs at now_ms. phase is known. */
int64_t
cycle_at(int64_t phase, int64_t task, int64_t interval_ms, int64_t now_ms);

/*
 * How long a slot waits for those who are in turn before anybody gets it:
 * nearly a poll period, in which all of them have asked.
 */
int64_t cycle_patience_ms(int64_t interval_ms);

#endif
