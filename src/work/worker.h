/*
 * The worker (protocol.md, "How a worker behaves"): it polls, checks, signs
 * and submits. What it has to say goes to the log. One thread.
 */
#ifndef WORKNET_WORK_WORKER_H
#define WORKNET_WORK_WORKER_H

#include "base/conf.h"
#include "base/err.h"

#define PROBE_TIMEOUT_MS    5000
#define CHECK_REDIRECTS_MAX 20 /* as many as fetch() of browsers follows */

/*
 * A result waits no longer than this for others of its round: far below the
 * minute after which a silent worker's slot is offered again.
 */
#define HOLD_MS 5000

/* After a stop: container runtimes kill after 10 s. */
#define STOP_MS 8000

struct worker;

/*
 * Makes *out (worker_free) from the [worker] values of c, which is borrowed
 * as long as the worker lives. Reads the key. RC_INVALID, RC_NOT_FOUND and
 * RC_IO for what is wrong with them, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
worker_new(struct worker **out, const struct conf *c, struct err *e);
/* Wipes the key. NULL is fine. */
void worker_free(struct worker *w);

/* Its address with EIP-55 checksum; lives as long as w. */
const char *worker_address(const struct worker *w);

/*
 * One round: poll, check, sign, submit, and submit again what an earlier
 * round couldn't. True when the coordinator gave every request a usable
 * answer, or had asked to be left alone, and no check failed on this host's
 * side. A stop_fd (-1: none) that becomes readable ends the poll and the
 * checks; what was signed is still submitted, for STOP_MS. No round comes
 * after that.
 */
bool worker_round(struct worker *w, int stop_fd);

/*
 * Rounds at a fixed phase until stop_fd is readable; then it submits what it
 * has, once and for STOP_MS, and returns.
 */
void worker_run(struct worker *w, int stop_fd);

#endif
