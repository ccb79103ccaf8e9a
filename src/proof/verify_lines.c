#include "proof/verify_lines.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "eth/attest.h"
#include "eth/round.h"
#include "proof/verify_round.h"

#define NETWORK_LEN 8 /* digits of its name */

/* By what the lines of a file are judged, and what they add to. */
struct in_file {
	const struct verify_task *t;
	int64_t index; /* of the file's leaf */
	struct told_list *told;
	struct verify_report *out;
};

/* Where the walk through a file and the schedule is. */
struct walk {
	struct in_file in;
	const struct segment_leaf *s;
	int64_t line;		     /* its number */
	int64_t cycle, copy;	     /* of the line before */
	bool was_beside;	     /* which wasn't one of the schedule */
	int64_t due, due_copy;	     /* the next slot of the schedule */
	const struct span *due_span; /* NULL: there is none */
	int64_t results, missed, refused, unassigned;
	struct ballots *ballots;
};

/* The schedule's next slot becomes the one after it. */
static void
due_next(struct walk *w)
{
	if (w->due_span != NULL && ++w->due_copy < w->due_span->copies)
		return;
	w->due_copy = 0;
	w->due++;
	w->due_span = NULL;
	(void)span_cycle_next(
	    w->in.t->span, w->in.t->n, w->s->to, &w->due, &w->due_span);
}

/* ---- A result ---- */

static const struct task_leaf *
definition_of(const struct verify_task *t, const struct line *l)
{
	const size_t i = span_find(t->span, t->n, l->version, l->assigned);

	return i < t->n ? &t->leaf[i] : NULL;
}

/*
 * A result that the ledger's own witnesses were paid for: one copy more than
 * the definition has, and no vote.
 */
static bool
is_beside(const struct verify_task *t, const struct line *l)
{
	const struct task_leaf *d = definition_of(t, l);

	return d != NULL && l->copy >= d->copies &&
	    slice_is(l->outcome, "result");
}

/* within: so far from its assignment may a result's time be. */
static enum rc
times_check(const struct line *l, const struct task_leaf *d, int64_t within,
    struct err *e)
{
	/* A vote of no cycle would have no place in the uptime. */
	if (l->cycle % d->interval_ms != 0)
		return err_set(e, RC_INVALID,
		    "cycle %" PRId64 " isn't one of definition %" PRId64
		    ", whose interval is %" PRId64 " ms",
		    l->cycle, l->version, d->interval_ms);
	/* A cycle ends when the next one opens, before two intervals. */
	if (l->assigned < l->cycle ||
	    l->assigned > l->cycle + 2 * d->interval_ms)
		return err_set(e, RC_INVALID,
		    "the slot was assigned at %" PRId64
		    ", which isn't in its cycle",
		    l->assigned);
	if (slice_is(l->outcome, "result") &&
	    (l->timestamp == LINE_NONE || l->timestamp < l->assigned - within ||
		l->timestamp > l->assigned + within))
		return err_set(e, RC_INVALID,
		    "the result's time, %" PRId64 ", isn't within %" PRId64
		    " ms of its assignment",
		    l->timestamp, within);
	return RC_OK;
}

static enum rc
alone_check(const struct line *l, const char *task, struct err *e)
{
	uint8_t signature[SIGNATURE_LEN];
	struct attestation a = { .task_id = slice_of(task),
		.timestamp_ms = l->timestamp,
		.success = l->success == 1 };

	if (l->worker.p == NULL || l->form.p == NULL ||
	    l->timestamp == LINE_NONE ||
	    address_parse(&a.worker, NULL, l->worker, NULL) != RC_OK ||
	    !line_form_parse(l->form, &a.form) ||
	    hex_decode(signature, sizeof(signature), l->signature, NULL) !=
		RC_OK ||
	    !hex_is_lower(l->signature))
		return err_set(e, RC_INVALID,
		    "a result has a worker, a form, a time and a signature of 65 bytes");
	return attest_check(&a, signature, e);
}

/*
 * How long the newest hour of the log that the worker was told of was over when
 * it was. That one hour ended later than the slot was given says nothing.
 */
static void
age_take(const struct in_file *in, const struct line *l)
{
	const struct hour_leaf *hour = hours_of(in->t->hours, l->anchor);
	const int64_t age = hour == NULL ? -1 : l->assigned - hour->to;

	if (age > in->out->anchor_ms)
		in->out->anchor_ms = age;
	in->out->anchor_old += age < 0 || age > ANCHOR_OLD_MS;
}

/* All rounds are of one ledger; what a worker was told of was published. */
static enum rc
round_check_line(const struct in_file *in, const struct line *l,
    const struct task_leaf *d, struct err *e)
{
	struct told_list *t = in->told;

	if (t->ledger[0] == '\0' && l->ledger.p != NULL &&
	    l->ledger.len < sizeof(t->ledger))
		slice_copy(t->ledger, sizeof(t->ledger), l->ledger);
	if (l->ledger.p != NULL && !slice_is(l->ledger, t->ledger))
		return err_set(e, RC_INVALID,
		    "the result is of ledger %.*s, others are of %s",
		    (int)l->ledger.len, l->ledger.p, t->ledger);
	if (l->anchor > in->index)
		return err_set(e, RC_INVALID,
		    "the anchor, of %" PRId64
		    " leaves, is newer than the line, which leaf %" PRId64
		    " is of",
		    l->anchor, in->index);
	age_take(in, l);
	return verify_round(l, d, in->t->anchors, e);
}

static enum rc
signature_check(const struct in_file *in, const struct line *l,
    const struct task_leaf *d, struct err *e)
{
	const bool in_round = slice_is(l->scheme, ROUND_SCHEME);

	if (!in_round && !slice_is(l->scheme, LINE_ALONE))
		return err_set(e, RC_INVALID,
		    "the scheme of the signature is \"%.*s\", expected %s or %s",
		    (int)l->scheme.len, l->scheme.p, LINE_ALONE, ROUND_SCHEME);
	if (l->success == LINE_NONE)
		return err_set(
		    e, RC_INVALID, "a result says whether it succeeded");
	/* Whoever has no opening could only guess what was signed. */
	if (in->t->is_sealed)
		return RC_OK;
	return in_round ? round_check_line(in, l, d, e)
			: alone_check(l, task_leaf_name(d), e);
}

/* One form of each: who is the same, or where, looks the same. */
static enum rc
names_check(const struct line *l, struct address *worker, struct err *e)
{
	char again[ADDRESS_LEN + 1] = "";
	size_t i = 0;

	if (address_parse(worker, NULL, l->worker, NULL) == RC_OK)
		address_format(again, worker, ADDRESS_LOWER);
	if (again[0] == '\0' || !slice_is(l->worker, again))
		return err_set(e, RC_INVALID,
		    "a worker is 0x and 40 hex digits in lower case");
	while (i < l->network.len &&
	    memchr("0123456789abcdef", l->network.p[i], 16) != NULL)
		i++;
	if (l->network.p != NULL && (i < l->network.len || i != NETWORK_LEN))
		return err_set(e, RC_INVALID,
		    "a network is named by %d hex digits in lower case",
		    NETWORK_LEN);
	return RC_OK;
}

/* What was told of a slot, and by whom; a missed slot has no time. */
static enum rc
told_add(struct told_list *t, const struct line *l, struct err *e)
{
	struct told *all;

	if (t->n == t->room) {
		t->room = t->room == 0 ? 256 : 2 * t->room;
		all = realloc(t->all, t->room * sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "out of memory");
		t->all = all;
	}
	t->all[t->n] = (struct told){ l->slot, l->timestamp, { { 0 } } };
	return names_check(l, &t->all[t->n++].worker, e);
}

static int
compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int
slot_compare(const void *x, const void *y)
{
	const struct told *a = x, *b = y;

	return compare(a->slot, b->slot);
}

static int
signed_compare(const void *x, const void *y)
{
	const struct told *a = x, *b = y;
	int d = compare(a->timestamp, b->timestamp);

	return d != 0 ? d
		      : memcmp(a->worker.b, b->worker.b, sizeof(a->worker.b));
}

enum rc
told_check(struct told_list *l, struct err *e)
{
	size_t i;

	if (l->n == 0)
		return RC_OK;
	qsort(l->all, l->n, sizeof(l->all[0]), slot_compare);
	for (i = 1; i < l->n; i++)
		if (l->all[i].slot == l->all[i - 1].slot)
			return err_set(e, RC_INVALID,
			    "slot %" PRId64 " has two lines", l->all[i].slot);
	qsort(l->all, l->n, sizeof(l->all[0]), signed_compare);
	for (i = 1; i < l->n; i++)
		if (l->all[i].timestamp != LINE_NONE &&
		    signed_compare(&l->all[i], &l->all[i - 1]) == 0)
			return err_set(e, RC_INVALID,
			    "slots %" PRId64 " and %" PRId64
			    " have one and the same result",
			    l->all[i - 1].slot, l->all[i].slot);
	return RC_OK;
}

void
told_free(struct told_list *l)
{
	free(l->all);
	*l = (struct told_list){ .n = 0 };
}

/* The number that stands for a line's network: 0 where none is known. */
static int64_t
network_of(const struct line *l)
{
	char text[NETWORK_LEN + 1];

	if (l->network.p == NULL)
		return 0;
	slice_copy(text, sizeof(text), l->network);
	return 1 + (int64_t)strtoull(text, NULL, 16);
}

static enum rc
ballot_add(
    struct ballots *b, size_t definition, const struct line *l, struct err *e)
{
	struct ballot *all;
	struct address a;
	enum rc rc;

	if (b->n == b->room) {
		b->room = b->room == 0 ? 256 : 2 * b->room;
		all = realloc(b->all, b->room * sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "out of memory");
		b->all = all;
	}
	rc = address_parse(&a, NULL, l->worker, e);
	if (rc != RC_OK)
		return rc;
	b->all[b->n] = (struct ballot){ definition, l->cycle, b->n,
		{ .network = network_of(l), .up = l->success == 1 } };
	memcpy(b->all[b->n++].vote.worker, a.b, UPTIME_WORKER_LEN);
	return RC_OK;
}

/* What only a result in a round has, which proves it. */
static bool
has_round(const struct line *l)
{
	return l->anchor != LINE_NONE || l->ledger.p != NULL ||
	    l->trace.p != NULL || l->region.p != NULL || l->token.p != NULL ||
	    l->place != LINE_NONE || l->count != LINE_NONE || l->path.p != NULL;
}

/* What only a result has. */
static bool
has_result(const struct line *l)
{
	return has_round(l) || l->scheme.p != NULL || l->form.p != NULL ||
	    l->timestamp != LINE_NONE || l->success != LINE_NONE ||
	    l->status != LINE_NONE || l->ms != LINE_NONE ||
	    l->error.p != NULL || l->signature.p != NULL;
}

/* A line says nothing that nobody is held to. */
static enum rc
fields_check(const struct line *l, struct err *e)
{
	enum refused why;
	bool bad = false;

	if (slice_is(l->outcome, "unassigned"))
		bad = has_result(l) || l->slot != LINE_NONE ||
		    l->version != LINE_NONE || l->worker.p != NULL ||
		    l->network.p != NULL || l->assigned != LINE_NONE;
	else if (slice_is(l->outcome, "missed") || line_is_refused(l, &why))
		bad = has_result(l);
	else if (slice_is(l->scheme, LINE_ALONE))
		bad = has_round(l);
	return !bad
	    ? RC_OK
	    : err_set(e, RC_INVALID,
		  "a line that is %.*s has a field that only others have",
		  (int)l->outcome.len, l->outcome.p);
}

/* The word of a refusal is one of those that doc/protocol has. */
static enum rc
outcome_check(const struct line *l, struct err *e)
{
	enum refused why;

	return !line_is_refused(l, &why) || why != REFUSED_NOT
	    ? RC_OK
	    : err_set(e, RC_INVALID, "an answer isn't refused for \"%.*s\"",
		  (int)l->outcome.len, l->outcome.p);
}

/* A line of somebody who was given the slot. */
static enum rc
given_check(struct walk *w, const struct line *l, struct err *e)
{
	const bool is_result = slice_is(l->outcome, "result");
	const struct task_leaf *d = definition_of(w->in.t, l);
	enum rc rc;

	if (d == NULL)
		return err_set(e, RC_INVALID,
		    "definition %" PRId64 " isn't among the task's leaves",
		    l->version);
	if (l->slot == LINE_NONE || l->assigned == LINE_NONE ||
	    l->worker.p == NULL)
		return err_set(e, RC_INVALID,
		    "a slot that was given has a number, a worker and a time");
	rc = outcome_check(l, e);
	if (rc == RC_OK)
		rc = times_check(l, d, w->s->within, e);
	if (rc == RC_OK)
		rc = told_add(w->in.told, l, e);
	if (rc == RC_OK && is_result)
		rc = signature_check(&w->in, l, d, e);
	if (rc == RC_OK && is_result && l->copy < d->copies)
		rc = ballot_add(w->ballots,
		    span_first(w->in.t->span, (size_t)(d - w->in.t->leaf)), l,
		    e);
	if (is_result) {
		w->results++;
		w->in.out->successes += l->success == 1;
		w->in.out->in_rounds += slice_is(l->scheme, ROUND_SCHEME);
	} else if (slice_is(l->outcome, "missed"))
		w->missed++;
	else
		w->refused++;
	return rc;
}

/* ---- The schedule ---- */

/*
 * Beside the schedule there may be what was given of a definition's first
 * cycle, which began before it, and what was given while the log didn't know
 * that the task is active. And results of witnesses.
 */
static bool
may_be_extra(const struct verify_task *t, const struct line *l)
{
	const struct task_leaf *d = definition_of(t, l);

	if (d == NULL || l->slot == LINE_NONE)
		return false;
	if (l->copy >= d->copies)
		return is_beside(t, l);
	return !span_expects(t->span, t->n, l->cycle, l->copy) &&
	    ((l->cycle < d->from && l->cycle > d->from - 2 * d->interval_ms) ||
		!span_is_active(t->span, t->n, l->cycle));
}

static enum rc
extra_check(struct walk *w, const struct line *l, struct err *e)
{
	int64_t at;

	if (!may_be_extra(w->in.t, l))
		return err_set(e, RC_INVALID,
		    "copy %" PRId64 " of cycle %" PRId64
		    " isn't in the task's schedule",
		    l->copy, l->cycle);
	/* Else its vote could be told in each hour once more. */
	at = span_place(
	    w->in.t->span, w->in.t->n, l->version, l->cycle, l->copy);
	if (at < w->s->from || at >= w->s->to)
		return err_set(e, RC_INVALID,
		    "copy %" PRId64 " of cycle %" PRId64
		    " isn't of this segment's time",
		    l->copy, l->cycle);
	w->in.out->extra++;
	return RC_OK;
}

/* Several witnesses may have been at one place. */
static enum rc
place_check(struct walk *w, const struct line *l, struct err *e)
{
	const bool is_alone = !w->was_beside && !is_beside(w->in.t, l);

	if (l->cycle < w->cycle ||
	    (l->cycle == w->cycle &&
		(l->copy < w->copy || (l->copy == w->copy && is_alone))))
		return err_set(e, RC_INVALID,
		    "copy %" PRId64 " of cycle %" PRId64
		    " comes after copy %" PRId64 " of cycle %" PRId64,
		    l->copy, l->cycle, w->copy, w->cycle);
	w->cycle = l->cycle;
	w->copy = l->copy;
	w->was_beside = is_beside(w->in.t, l);
	if (w->due_span != NULL &&
	    (w->due < l->cycle ||
		(w->due == l->cycle && w->due_copy < l->copy)))
		return err_set(e, RC_INVALID,
		    "copy %" PRId64 " of cycle %" PRId64 " has no line",
		    w->due_copy, w->due);
	if (w->due_span != NULL && w->due == l->cycle &&
	    w->due_copy == l->copy && !w->was_beside) {
		due_next(w);
		return RC_OK;
	}
	return extra_check(w, l, e);
}

static enum rc
line_check(void *ctx, const struct line *l, struct err *e)
{
	struct walk *w = ctx;
	enum refused why;
	enum rc rc;

	if (l->cycle == LINE_NONE || l->copy == LINE_NONE)
		return err_set(e, RC_INVALID, "a line has a cycle and a copy");
	rc = place_check(w, l, e);
	if (rc == RC_OK)
		rc = fields_check(l, e);
	if (rc != RC_OK)
		return rc;
	if (slice_is(l->outcome, "result") || slice_is(l->outcome, "missed") ||
	    line_is_refused(l, &why))
		return given_check(w, l, e);
	if (!slice_is(l->outcome, "unassigned"))
		return err_set(e, RC_INVALID,
		    "the outcome \"%.*s\" isn't known", (int)l->outcome.len,
		    l->outcome.p);
	w->unassigned++;
	return RC_OK;
}

typedef enum rc line_fn(void *ctx, const struct line *l, struct err *e);

/* Shows each line to fn; *n counts them, also one that is refused. */
static enum rc
lines_read(struct slice file, int64_t *n, line_fn *fn, void *ctx, struct err *e)
{
	struct line_read l;
	struct slice line;
	enum rc rc = RC_OK;

	while (file.len > 0 && rc == RC_OK) {
		++*n;
		if (!slice_line(&file, &line))
			return err_set(
			    e, RC_INVALID, "the last line has no end");
		rc = line_parse(&l, line, e);
		if (rc == RC_OK) {
			rc = fn(ctx, &l.line, e);
			line_free(&l);
		}
	}
	return rc;
}

static enum rc
lines_check(struct walk *w, struct slice file, struct err *e)
{
	enum rc rc = lines_read(file, &w->line, line_check, w, e);

	if (rc == RC_OK && w->due_span != NULL)
		rc = err_set(e, RC_INVALID,
		    "copy %" PRId64 " of cycle %" PRId64 " has no line",
		    w->due_copy, w->due);
	return rc;
}

static enum rc
counts_check(const struct walk *w, struct err *e)
{
	const struct segment_leaf *s = w->s;

	if (w->line == s->lines && w->results == s->results &&
	    w->missed == s->missed && w->refused == s->refused &&
	    w->unassigned == s->unassigned)
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "the leaf counts %" PRId64 " results, %" PRId64 " missed, %" PRId64
	    " refused and %" PRId64 " unassigned of %" PRId64
	    " lines; the file has %" PRId64 ", %" PRId64 ", %" PRId64
	    ", %" PRId64 " of %" PRId64,
	    s->results, s->missed, s->refused, s->unassigned, s->lines,
	    w->results, w->missed, w->refused, w->unassigned, w->line);
}

static enum rc
file_check(struct slice file, int64_t bytes, const char *sha256, struct err *e)
{
	char hash[2 * SHA256_LEN + 1];

	leaf_sha256(hash, file);
	if ((int64_t)file.len == bytes && strcmp(hash, sha256) == 0)
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "the file isn't the one that was logged: %zu bytes with SHA-256 %s, expected %" PRId64
	    " with %s",
	    file.len, hash, bytes, sha256);
}

enum rc
verify_segment(const struct verify_task *t, const struct segment_leaf *s,
    int64_t index, struct slice file, struct told_list *told,
    struct ballots *ballots, struct verify_report *out, struct err *e)
{
	struct walk w = { .in = { t, index, told, out },
		.s = s,
		.ballots = ballots,
		.cycle = -1,
		.due = s->from - 1,
		.due_copy = COPIES_MAX };
	enum rc rc;

	rc = file_check(file, s->bytes, s->sha256, e);
	if (rc != RC_OK)
		return rc;
	due_next(&w);
	rc = lines_check(&w, file, e);
	if (rc != RC_OK && w.line > 0)
		(void)err_prefix(e, "line %" PRId64, w.line);
	if (rc == RC_OK)
		rc = counts_check(&w, e);
	out->lines += w.line;
	out->results += w.results;
	out->missed += w.missed;
	out->refused += w.refused;
	out->unassigned += w.unassigned;
	return rc;
}

/* ---- Drills ---- */

struct drills_walk {
	struct in_file in;
	const struct drills_leaf *d;
	const struct drills_key *key;
};

static enum rc
drill_check(void *ctx, const struct line *l, struct err *e)
{
	const struct drills_walk *w = ctx;
	const struct task_leaf *d = definition_of(w->in.t, l);
	const int64_t wanted = canary_wanted(w->key->key, l->slot);
	enum rc rc;

	if (d == NULL)
		return err_set(e, RC_INVALID,
		    "definition %" PRId64 " isn't among the task's leaves",
		    l->version);
	if (!slice_is(l->outcome, "result") || l->slot == LINE_NONE ||
	    l->cycle == LINE_NONE || l->assigned == LINE_NONE ||
	    l->assigned / DAY_MS != w->d->day || l->copy < d->copies)
		return err_set(e, RC_INVALID,
		    "slot %" PRId64
		    " isn't an answer to a drill of day %" PRId64,
		    l->slot, w->d->day);
	if (!canary_may_be_drill(w->key->key, l->slot))
		return err_set(e, RC_INVALID,
		    "slot %" PRId64 " is no drill by the key of its day",
		    l->slot);
	rc = fields_check(l, e);
	if (rc == RC_OK)
		rc = times_check(
		    l, d, RESULT_WINDOW_MAX_MS + CLOCK_SKEW_MAX_MS, e);
	if (rc == RC_OK)
		rc = told_add(w->in.told, l, e);
	if (rc == RC_OK)
		rc = signature_check(&w->in, l, d, e);
	w->in.out->drills++;
	w->in.out->drills_right += !w->in.t->is_sealed && l->status == wanted &&
	    (l->success == 1) == (wanted == d->expected_status);
	w->in.out->drills_late += !w->key->in_time;
	return rc;
}

enum rc
verify_drills(const struct verify_task *t, const struct drills_leaf *d,
    int64_t index, const struct drills_key *key, struct slice file,
    struct told_list *told, struct verify_report *out, struct err *e)
{
	struct drills_walk w = { { t, index, told, out }, d, key };
	int64_t line = 0;
	enum rc rc;

	rc = file_check(file, d->bytes, d->sha256, e);
	if (rc != RC_OK)
		return rc;
	rc = lines_read(file, &line, drill_check, &w, e);
	if (rc != RC_OK)
		return err_prefix(e, "line %" PRId64, line);
	if (line != d->lines)
		return err_set(e, RC_INVALID,
		    "the leaf counts %" PRId64 " lines, the file has %" PRId64,
		    d->lines, line);
	return RC_OK;
}
