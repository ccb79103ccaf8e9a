#include "work/paid.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "proof/leaf.h"
#include "proof/line.h"
#include "proof/seal.h"
#include "proof/succession.h"
#include "work/paid_room.h"

#define FILE_BYTES (1024LL * 1024 * 1024) /* of a segment */
#define TEXT_MAX   600			  /* of a finding */

static void found(struct paid *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
found(struct paid *p, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->out->findings++;
	p->w->found(p->w->ctx, text);
}

static enum rc
no_memory(struct err *e)
{
	return err_set(e, RC_NO_MEMORY, "out of memory");
}

/* ---- The checkpoint, and those that the worker was told ---- */

static enum rc
policy_read(struct paid *p, struct policy *policy, struct err *e)
{
	struct buf b;
	enum rc rc;

	if (p->w->policy.p != NULL)
		return policy_parse(policy, p->w->policy, e);
	buf_init(&b, POLICY_MAX);
	rc = site_get(&p->site, "policy", &b, e);
	if (rc == RC_OK)
		rc = policy_parse(policy, (struct slice){ b.p, b.len }, e);
	buf_free(&b);
	return rc;
}

/* *holds: it is signed by whom the policy trusts. */
static enum rc
checkpoint_read(struct paid *p, bool *holds, struct err *e)
{
	struct err cause = ERR_INIT, other = ERR_INIT;
	struct policy policy;
	struct policy_word word;
	struct slice text;
	struct buf note;
	enum rc rc;

	*holds = false;
	buf_init(&note, NOTE_MAX);
	rc = policy_read(p, &policy, e);
	if (rc == RC_OK)
		rc = site_get(&p->site, "checkpoint", &note, e);
	text = (struct slice){ note.p, note.len };
	if (rc == RC_OK)
		*holds = policy_check(&word, &policy, text, &cause) == RC_OK;
	/* Another key may have taken over since the policy was given. */
	if (rc == RC_OK && !*holds &&
	    succession_read(&policy, &p->site, text, &other) == RC_OK)
		*holds = policy_check(&word, &policy, text, NULL) == RC_OK;
	buf_free(&note);
	if (rc != RC_OK)
		return err_prefix(e, "the log");
	if (!*holds) {
		found(p, "the log's checkpoint: %s", cause.msg);
		return RC_OK;
	}
	p->checkpoint = word.checkpoint;
	p->site.size = p->out->size = word.checkpoint.size;
	memcpy(p->out->origin, word.checkpoint.origin, sizeof(p->out->origin));
	return RC_OK;
}

/* Whether the log continues what the worker was told of it. */
static enum rc
anchor_check(struct paid *p, const struct record_result *r, struct err *e)
{
	const struct checkpoint *c = &p->checkpoint;
	struct err cause = ERR_INIT;
	struct tree_proof proof;
	struct tree_hash root;
	enum rc rc;

	memcpy(root.b, r->anchor_root, sizeof(root.b));
	rc = anchor_list_add(&p->anchors, r->anchor_size, &root, e);
	if (rc != RC_OK)
		return rc;
	p->out->anchors++;
	if (r->anchor_size > c->size) {
		found(p,
		    "the log is older than it was: slot %" PRId64
		    " named its checkpoint of %" PRId64
		    " leaves, and now it shows one of %" PRId64,
		    r->slot, r->anchor_size, c->size);
		return RC_OK;
	}
	rc = tree_prove_consistency(
	    &proof, r->anchor_size, c->size, site_node, &p->site, e);
	if (rc == RC_OK &&
	    tree_check_consistency(&proof, r->anchor_size, &root, c->size,
		&c->root, &cause) != RC_OK)
		found(p,
		    "the log was written anew: slot %" PRId64
		    " named a checkpoint of %" PRId64
		    " leaves that it doesn't continue (%s)",
		    r->slot, r->anchor_size, cause.msg);
	return rc;
}

static enum rc
anchors_check(struct paid *p, struct err *e)
{
	const struct record_result *r;
	struct tree_hash root;
	size_t i;
	enum rc rc = RC_OK;

	for (i = 0; i < p->slots && rc == RC_OK; i++) {
		r = p->by_slot[i]->r;
		if (r->anchor_size == 0)
			continue;
		if (!anchor_list_find(&p->anchors, r->anchor_size, &root))
			rc = anchor_check(p, r, e);
		else if (memcmp(root.b, r->anchor_root, sizeof(root.b)) != 0)
			found(p,
			    "the log is forked: slot %" PRId64
			    " named another checkpoint of %" PRId64
			    " leaves than an earlier one",
			    r->slot, r->anchor_size);
	}
	return rc;
}

/* ---- Lines beside what was sent ---- */

static void
entry_say(struct paid *p, const struct record_result *r, const char *what)
{
	char time[FILE_TIME_LEN + 1], slot[40] = "";

	file_time(time, r->timestamp_ms);
	if (r->slot != RECORD_NONE)
		(void)snprintf(slot, sizeof(slot), ", slot %" PRId64, r->slot);
	found(p, "task %s, %s%s: %s", r->task, time, slot, what);
}

/* The line's worker is the record's, whose result it may be. */
static void
entry_take(struct paid *p, const struct paid_task *t, struct entry *n,
    const struct line *l)
{
	const struct paid_line_of of = { t->leaf, t->span, t->n, &p->anchors };
	char what[PAID_TEXT_MAX];

	if (n->found)
		return;
	n->found = true;
	if (!paid_line_differs(what, n->r, l, &of)) {
		p->out->there++;
		return;
	}
	p->out->different++;
	entry_say(p, n->r, what);
}

/* The result that the line is of, by its slot or its signature. */
static struct entry *
entry_find(const struct paid *p, const struct line *l)
{
	struct entry *n = paid_by_slot(p, l->slot);

	return n == NULL && l->signature.p != NULL
	    ? paid_by_signature(p, l->signature)
	    : n;
}

static void
line_take(struct paid *p, const struct paid_task *t, const struct line *l)
{
	struct entry *n = entry_find(p, l);
	char what[PAID_TEXT_MAX];

	if (n != NULL && strcmp(n->r->task, t->name) == 0)
		entry_take(p, t, n, l);
	else if (!paid_line_is_of(l, &p->w->record->all[0].worker))
		return;
	else if (slice_is(l->outcome, "result"))
		p->out->others++;
	else if (paid_line_is_refused(what, t->name, l)) {
		p->out->refused++;
		p->w->refused(p->w->ctx, what);
	}
}

static enum rc
lines_take(
    struct paid *p, const struct paid_task *t, struct slice file, struct err *e)
{
	struct line_read l;
	struct slice line;

	while (file.len > 0) {
		if (!slice_line(&file, &line))
			return err_set(
			    e, RC_INVALID, "the last line has no end");
		if (line_parse(&l, line, e) != RC_OK)
			return RC_INVALID;
		line_take(p, t, &l.line);
		line_free(&l);
	}
	return RC_OK;
}

/* Those of private tasks, of which nobody is shown the lines. */
static enum rc
seals_take(
    struct paid *p, const struct paid_task *t, struct slice file, struct err *e)
{
	struct entry *n;
	size_t i;

	if (file.len % SHA256_LEN != 0)
		return err_set(
		    e, RC_INVALID, "it isn't of seals of %d bytes", SHA256_LEN);
	for (i = 0; i < file.len; i += SHA256_LEN) {
		n = paid_by_seal(p, file.p + i);
		if (n == NULL || n->found || strcmp(n->r->label, t->name) != 0)
			continue;
		n->found = true;
		p->out->there++;
		p->out->sealed++;
	}
	return RC_OK;
}

/* ---- The log's entries ---- */

static enum rc
inclusion_check(struct paid *p, int64_t i, struct slice entry, struct err *e)
{
	struct tree_proof proof;
	struct tree_hash leaf;
	enum rc rc;

	tree_leaf(&leaf, entry);
	rc = tree_prove_inclusion(
	    &proof, i, p->checkpoint.size, site_node, &p->site, e);
	return rc == RC_OK ? tree_check_inclusion(&proof, i, &leaf,
				 p->checkpoint.size, &p->checkpoint.root, e)
			   : rc;
}

/*
 * A file of lines, or of seals of a private task, which the leaf has the hash
 * of. What it lacks is missing.
 */
static enum rc
file_take(struct paid *p, const struct paid_task *t, char *name,
    const char *sha256, const char *seals, struct err *e)
{
	const bool is_private = leaf_is_private(t->name);
	struct slice text;
	char hash[2 * SHA256_LEN + 1];
	struct err cause = ERR_INIT;
	struct buf file;
	enum rc rc;

	if (is_private) {
		seals_name(name);
		sha256 = seals;
	}
	buf_init(&file, FILE_BYTES);
	rc = site_get(&p->site, name, &file, &cause);
	text = (struct slice){ file.p, file.len };
	leaf_sha256(hash, text);
	if (rc == RC_OK && strcmp(hash, sha256) != 0)
		rc = err_set(
		    &cause, RC_INVALID, "it isn't the one that was logged");
	if (rc == RC_OK)
		rc = is_private ? seals_take(p, t, text, &cause)
				: lines_take(p, t, text, &cause);
	buf_free(&file);
	if (rc == RC_INVALID || rc == RC_NOT_FOUND) {
		found(p, "%s: %s", name, cause.msg);
		return RC_OK;
	}
	return rc == RC_OK ? RC_OK : err_set(e, rc, "%s", cause.msg);
}

/*
 * A task has one history: who verifies an export of it is shown one, and can't
 * see whether the same log has another one for others.
 */
static void
history_check(struct paid *p, const struct paid_task *t, int64_t i,
    const char *what, int64_t prev, int64_t newest)
{
	if (prev != newest)
		found(p,
		    "the log has two histories of task %s: leaf %" PRId64
		    ", %s, doesn't go on from leaf %" PRId64,
		    t->name, i, what, newest);
}

static enum rc
task_take(
    struct paid *p, int64_t i, const struct task_leaf *leaf, struct err *e)
{
	struct paid_task *t = paid_task_find(p, leaf->task);
	struct task_leaf *all;
	struct span *span;

	if (t == NULL)
		return RC_OK;
	history_check(p, t, i, "a definition", leaf->prev, t->leaf_at);
	t->leaf_at = i;
	all = realloc(t->leaf, (t->n + 1) * sizeof(*all));
	if (all != NULL)
		t->leaf = all;
	span = realloc(t->span, (t->n + 1) * sizeof(*span));
	if (span != NULL)
		t->span = span;
	if (all == NULL || span == NULL)
		return no_memory(e);
	span[t->n] = task_leaf_span(leaf);
	all[t->n++] = *leaf;
	if (leaf->interval_ms > t->interval_ms)
		t->interval_ms = leaf->interval_ms;
	return RC_OK;
}

/* A result may be of a cycle that began two intervals before, at most. */
static enum rc
segment_take(
    struct paid *p, int64_t i, const struct segment_leaf *s, struct err *e)
{
	struct paid_task *t = paid_task_find(p, s->task);
	char name[SEGMENT_NAME_MAX + 1];

	if (t == NULL)
		return RC_OK;
	history_check(p, t, i, "an hour", s->prev, t->segment_at);
	history_check(
	    p, t, i, "an hour's definition", s->definition, t->leaf_at);
	t->segment_at = i;
	if (s->to > t->to)
		t->to = s->to;
	if (s->to + 2 * t->interval_ms + RESULT_WINDOW_MAX_MS < t->first_ms ||
	    s->from > t->last_ms + CLOCK_SKEW_MAX_MS)
		return RC_OK;
	segment_name(name, s);
	return file_take(p, t, name, s->sha256, s->seals, e);
}

static enum rc
drills_take(struct paid *p, const struct drills_leaf *d, struct err *e)
{
	const struct paid_task *t = paid_task_find(p, d->task);
	char name[SEGMENT_NAME_MAX + 1];

	if (t == NULL)
		return RC_OK;
	drills_name(name, d);
	return file_take(p, t, name, d->sha256, d->seals, e);
}

static enum rc
day_take(struct paid *p, const struct canary_leaf *c, struct err *e)
{
	struct paid_day *all;
	size_t i;

	for (i = 0; i < p->days; i++)
		if (p->day[i].day == c->day) {
			p->day[i].told |= c->key[0] != '\0';
			return RC_OK;
		}
	all = realloc(p->day, (p->days + 1) * sizeof(*all));
	if (all == NULL)
		return no_memory(e);
	p->day = all;
	all[p->days++] = (struct paid_day){ c->day, c->key[0] != '\0' };
	return RC_OK;
}

/* An entry that says something of our tasks is in the tree that is signed. */
static enum rc
entry_read(struct paid *p, int64_t i, struct slice entry, struct err *e)
{
	const enum leaf_kind kind = leaf_kind(entry);
	union {
		struct task_leaf task;
		struct segment_leaf segment;
		struct drills_leaf drills;
		struct canary_leaf canary;
	} l;
	enum rc rc;

	p->has_private |= kind == KIND_PRIVATE;
	if (kind != KIND_TASK && kind != KIND_PRIVATE && kind != KIND_SEGMENT &&
	    kind != KIND_DRILLS && kind != KIND_CANARY)
		return RC_OK;
	rc = leaf_parse(&l, kind, entry, e);
	/* The name of the task comes first in each. */
	if (rc == RC_OK && kind != KIND_CANARY &&
	    paid_task_find(p, l.task.task) == NULL)
		return RC_OK;
	if (rc == RC_OK)
		rc = inclusion_check(p, i, entry, e);
	if (rc != RC_OK)
		return rc;
	switch (kind) {
	case KIND_TASK:
	case KIND_PRIVATE:
		return task_take(p, i, &l.task, e);
	case KIND_SEGMENT:
		return segment_take(p, i, &l.segment, e);
	case KIND_DRILLS:
		return drills_take(p, &l.drills, e);
	default:
		return day_take(p, &l.canary, e);
	}
}

static enum rc
entries_read(struct paid *p, struct err *e)
{
	struct slice entry;
	int64_t i;
	enum rc rc = RC_OK;

	for (i = 0; i < p->checkpoint.size && rc == RC_OK; i++) {
		rc = site_entry(&p->site, i, &entry, e);
		if (rc != RC_OK)
			break;
		rc = entry_read(p, i, entry, e);
		if (rc == RC_INVALID || rc == RC_CORRUPT) {
			found(p, "leaf %" PRId64 ": %s", i, e->msg);
			rc = RC_OK;
		}
	}
	return rc;
}

/* ---- What isn't there ---- */

/* A day whose drills aren't told yet, though their key was promised. */
static bool
may_be_drill(const struct paid *p, const struct record_result *r)
{
	const int64_t day = r->timestamp_ms / DAY_MS;
	size_t i;

	if (p->w->now_ms > r->timestamp_ms + PAID_DRILL_MS)
		return false;
	for (i = 0; i < p->days; i++)
		if (!p->day[i].told &&
		    (p->day[i].day == day || p->day[i].day == day - 1))
			return true;
	return false;
}

static bool
is_logged_later(const struct paid *p, const struct record_result *r)
{
	const struct paid_task *t = paid_task_find(p, paid_name(r));

	/* A worker's clock may be ahead of the coordinator's. */
	return r->timestamp_ms >= t->to - CLOCK_SKEW_MS &&
	    p->w->now_ms <=
	    r->timestamp_ms + HOUR_MS + 2 * t->interval_ms + PAID_LATE_MS;
}

static void
rest_take(struct paid *p, const struct record_result *r)
{
	const struct paid_task *t = paid_task_find(p, paid_name(r));

	if (!r->is_credited)
		p->out->unclear++;
	else if (is_logged_later(p, r) || may_be_drill(p, r))
		p->out->waiting++;
	else if (t->n == 0 && r->label[0] == '\0' && p->has_private)
		p->out->hidden++;
	else {
		p->out->missing++;
		entry_say(p, r,
		    t->n == 0
			? "it was credited, and the log doesn't have its task"
			: r->timestamp_ms < t->to && r->label[0] != '\0'
			? "it was credited, and the log has no seal of what was sent"
			: r->timestamp_ms < t->to
			? "it was credited, and isn't in the log"
			: "it was credited, and the log's hours end before it");
	}
}

static void
paid_free(struct paid *p)
{
	size_t i;

	for (i = 0; i < p->tasks; i++) {
		free(p->task[i].leaf);
		free(p->task[i].span);
	}
	free(p->task);
	free(p->entry);
	free(p->by_slot);
	free(p->by_signature);
	free(p->by_seal);
	free(p->day);
	anchor_list_free(&p->anchors);
	site_close(&p->site);
}

/* By a checkpoint that is trusted. */
static enum rc
log_check(struct paid *p, struct err *e)
{
	enum rc rc = anchors_check(p, e);
	size_t i;

	if (rc == RC_OK)
		rc = entries_read(p, e);
	for (i = 0; i < p->w->record->n && rc == RC_OK; i++)
		if (!p->entry[i].found)
			rest_take(p, p->entry[i].r);
	return rc;
}

enum rc
paid_check(const struct paid_wanted *w, struct paid_report *out, struct err *e)
{
	struct paid p = { .w = w, .out = out };
	bool holds = false;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	if (w->record->n == 0)
		return err_set(e, RC_INVALID, "the record has no result");
	site_open(&p.site, w->directory, 0);
	p.site.fetch = w->fetch;
	p.site.fetch_ctx = w->fetch_ctx;
	rc = paid_take(&p, e);
	if (rc == RC_OK)
		rc = checkpoint_read(&p, &holds, e);
	if (rc == RC_OK && holds)
		rc = log_check(&p, e);
	paid_free(&p);
	return rc;
}
