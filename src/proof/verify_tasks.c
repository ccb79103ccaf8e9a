/* The definitions of an export's task. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proof/verify_room.h"

static enum rc
task_take(
    struct verification *v, const struct leaf *l, int64_t prev, struct err *e)
{
	const struct task_leaf *t = &l->of.task;
	const bool is_first = v->tasks == 0;

	if (!is_first && strcmp(t->task, v->task[0].task) != 0)
		return err_set(e, RC_INVALID,
		    "leaf %" PRId64 " is of task %s, others are of %s",
		    l->index, t->task, v->task[0].task);
	if (t->prev != prev)
		return err_set(e, RC_INVALID,
		    "leaf %" PRId64 " follows the definition of leaf %" PRId64
		    ", expected that of leaf %" PRId64
		    ": a definition is left out",
		    l->index, t->prev, prev);
	if (!is_first && t->from < v->task[v->tasks - 1].from)
		return err_set(e, RC_INVALID,
		    "leaf %" PRId64
		    ": a definition begins before the one before it",
		    l->index);
	v->task[v->tasks] = *t;
	v->span[v->tasks++] = task_leaf_span(t);
	return RC_OK;
}

enum rc
verify_tasks(struct verification *v, struct err *e)
{
	int64_t prev = LEAF_NONE, logged_to = 0;
	const struct leaf *l;
	size_t i;
	enum rc rc = RC_OK;

	v->task = calloc(v->n + 1, sizeof(*v->task));
	v->span = calloc(v->n + 1, sizeof(*v->span));
	if (v->task == NULL || v->span == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	for (i = 0; i < v->n && rc == RC_OK; i++) {
		l = &v->leaf[i];
		if (l->kind == KIND_SEGMENT)
			logged_to = l->of.segment.to;
		if (l->kind != KIND_TASK && l->kind != KIND_PRIVATE)
			continue;
		if (l->of.task.from < logged_to)
			return err_set(e, RC_INVALID,
			    "leaf %" PRId64
			    ": a definition is backdated, to before hours that were logged already",
			    l->index);
		rc = task_take(v, l, prev, e);
		prev = l->index;
	}
	if (rc == RC_OK && v->tasks == 0)
		rc = err_set(
		    e, RC_INVALID, "the export has no definition of a task");
	return rc;
}

void
verify_targets(struct verification *v)
{
	const struct task_leaf *t, *last = NULL;
	struct verify_report *out = v->out;
	int64_t end;
	size_t i;

	for (i = 0; i < v->tasks; i++) {
		t = &v->task[i];
		end = i + 1 < v->tasks ? t[1].from : INT64_MAX;
		if (out->segments > 0 &&
		    (end <= out->from || t->from >= out->to))
			continue;
		out->targets += last == NULL ||
		    strcmp(t->url, last->url) != 0 ||
		    t->expected_status != last->expected_status;
		last = t;
	}
	if (last != NULL)
		memcpy(out->url, last->url, sizeof(out->url));
}
