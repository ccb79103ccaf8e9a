/*
 * A line of the log beside the result that a worker sent. Only work/paid.c uses
 * it. Pure functions.
 */
#ifndef WORKNET_WORK_PAID_LINE_H
#define WORKNET_WORK_PAID_LINE_H

#include "proof/anchor_proof.h"
#include "proof/leaf.h"
#include "proof/line.h"
#include "work/record.h"

#define PAID_TEXT_MAX 400 /* what is told of a line */

/* What of the log a line of a round is signed with. */
struct paid_line_of {
	const struct task_leaf *leaf; /* the task's definitions */
	const struct span *span;      /* of each */
	size_t n;
	const struct anchor_list *anchors; /* that the worker was told */
};

bool paid_line_is_of(const struct line *l, const struct address *worker);

/* What of the line isn't what was sent, or signed; false: all of it is. */
bool paid_line_differs(char what[static PAID_TEXT_MAX],
    const struct record_result *r, const struct line *l,
    const struct paid_line_of *of);

/* Whether the line says that an answer was refused; what: a sentence of it. */
bool paid_line_is_refused(
    char what[static PAID_TEXT_MAX], const char *task, const struct line *l);

#endif
