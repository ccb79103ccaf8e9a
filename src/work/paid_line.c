#include "work/paid_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "eth/round.h"
#include "proof/verify_round.h"

/* Whether the line of a round is one that the worker signed. */
static bool
is_signed(const struct line *l, const struct paid_line_of *of, struct err *e)
{
	const size_t i = span_find(of->span, of->n, l->version, l->assigned);

	if (i < of->n)
		return verify_round(l, &of->leaf[i], of->anchors, e) == RC_OK;
	(void)err_set(e, RC_INVALID,
	    "the log has no definition %" PRId64 " of the task", l->version);
	return false;
}

static bool
number_differs(char what[static PAID_TEXT_MAX], const char *name, int64_t log,
    int64_t sent)
{
	(void)snprintf(what, PAID_TEXT_MAX,
	    "its %s is %" PRId64 " in the log, and was %" PRId64, name, log,
	    sent);
	return log != sent;
}

bool
paid_line_is_of(const struct line *l, const struct address *worker)
{
	struct address a;

	return l->worker.p != NULL &&
	    address_parse(&a, NULL, l->worker, NULL) == RC_OK &&
	    memcmp(a.b, worker->b, sizeof(a.b)) == 0;
}

bool
paid_line_differs(char what[static PAID_TEXT_MAX],
    const struct record_result *r, const struct line *l,
    const struct paid_line_of *of)
{
	const bool alone = r->signature[0] != '\0';
	struct err e = ERR_INIT;

	(void)snprintf(what, PAID_TEXT_MAX, "the log says \"%.*s\" of it",
	    (int)l->outcome.len, l->outcome.p);
	if (!slice_is(l->outcome, "result"))
		return true;
	(void)snprintf(what, PAID_TEXT_MAX, "the log has it as %.*s's",
	    (int)l->worker.len, l->worker.p);
	if (!paid_line_is_of(l, &r->worker))
		return true;
	if (number_differs(what, "time", l->timestamp, r->timestamp_ms) ||
	    number_differs(what, "success", l->success, r->success) ||
	    number_differs(what, "status", l->status, r->status) ||
	    number_differs(what, "duration", l->ms, r->response_ms))
		return true;
	(void)snprintf(
	    what, PAID_TEXT_MAX, "its error is another one in the log");
	if (!slice_is(l->error.p == NULL ? slice_of("") : l->error, r->error))
		return true;
	(void)snprintf(what, PAID_TEXT_MAX, "its scheme is %.*s in the log",
	    (int)l->scheme.len, l->scheme.p);
	if (!slice_is(l->scheme, alone ? LINE_ALONE : ROUND_SCHEME))
		return true;
	if (alone || is_signed(l, of, &e))
		return false;
	(void)snprintf(
	    what, PAID_TEXT_MAX, "it isn't what was signed: %.200s", e.msg);
	return true;
}

bool
paid_line_is_refused(
    char what[static PAID_TEXT_MAX], const char *task, const struct line *l)
{
	char time[FILE_TIME_LEN + 1];
	enum refused why;

	if (!line_is_refused(l, &why))
		return false;
	file_time(time, l->assigned);
	(void)snprintf(what, PAID_TEXT_MAX,
	    "task %s, slot %" PRId64
	    ", given at %s: your answer was refused, says the log: %s",
	    task, l->slot, time,
	    why == REFUSED_NOT ? "for no known reason" : refused_word(why));
	return true;
}
