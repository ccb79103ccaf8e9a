#include "proof/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "keys/timestamp.h"
#include "proof/anchor_proof.h"
#include "proof/opening.h"
#include "proof/stamp.h"
#include "proof/succession.h"
#include "proof/verify_room.h"

#define SEGMENT_MAX (1024LL * 1024 * 1024)

/* The same of one that must be there. */
static enum rc
file_read(const struct verification *v, const char *name, struct buf *b,
    struct err *e)
{
	enum rc rc = verify_file_find(v->w->path, name, b, e);

	return rc == RC_NOT_FOUND
	    ? err_set(e, RC_INVALID, "%s isn't in the export", name)
	    : rc;
}

static struct slice
slice_all(const struct buf *b)
{
	return (struct slice){ b->p == NULL ? "" : b->p, b->len };
}

/* ---- Whom to trust, and the checkpoint ---- */

static enum rc
policy_read(struct verification *v, struct err *e)
{
	struct buf b;
	enum rc rc;

	if (v->w->policy.p != NULL)
		return policy_parse(&v->policy, v->w->policy, e);
	buf_init(&b, POLICY_MAX);
	rc = file_read(v, "policy", &b, e);
	if (rc == RC_OK)
		rc = policy_parse(&v->policy, slice_all(&b), e);
	buf_free(&b);
	return rc;
}

static void
word_tell(struct verification *v)
{
	struct verify_report *out = v->out;

	(void)snprintf(
	    out->origin, sizeof(out->origin), "%s", v->word.checkpoint.origin);
	out->size = v->word.checkpoint.size;
	out->witnesses = (int64_t)v->word.witnesses;
	out->first_s = v->word.first_s;
	out->last_s = v->word.last_s;
}

/*
 * A proof's checkpoint must be the export's. If it is another one of the same
 * size that the log signed, too, the two are evidence against the log.
 */
static enum rc
checkpoint_same(struct verification *v, struct slice note, struct err *e)
{
	struct policy_word other;
	enum rc rc;

	if (note.len == v->note.len && memcmp(note.p, v->note.p, note.len) == 0)
		return RC_OK;
	rc = policy_check(&other, &v->policy, note, e);
	if (rc != RC_OK)
		return rc;
	if (other.checkpoint.size == v->word.checkpoint.size &&
	    !tree_hash_is(&other.checkpoint.root, &v->word.checkpoint.root))
		return err_set(e, RC_INVALID,
		    "the log is forked: it signed two checkpoints of %" PRId64
		    " leaves with two roots; both are evidence",
		    other.checkpoint.size);
	return err_set(e, RC_INVALID,
	    "its checkpoint, of %" PRId64
	    " leaves, isn't the export's, of %" PRId64,
	    other.checkpoint.size, v->word.checkpoint.size);
}

/* An authority's stamp of the checkpoint, if the export has one. */
static enum rc
stamp_read(
    struct verification *v, const struct policy_authority *a, struct err *e)
{
	struct verify_report *out = v->out;
	char name[STAMP_NAME_MAX + 1];
	uint8_t hash[SHA256_LEN];
	struct buf b;
	int64_t at_s;
	enum rc rc;

	stamp_export_name(name, a->name);
	buf_init(&b, TIMESTAMP_MAX);
	rc = verify_file_find(v->w->path, name, &b, e);
	if (rc == RC_NOT_FOUND) {
		buf_free(&b);
		return RC_OK;
	}
	sha256(hash, v->note.p, v->note.len);
	if (rc == RC_OK)
		rc = timestamp_check(&at_s, slice_all(&b), hash, NULL,
		    (struct slice){ (const char *)a->certificate, a->len }, e);
	buf_free(&b);
	if (rc != RC_OK)
		return err_prefix(e, "%s", name);
	if (out->stamps++ == 0 || at_s < out->stamped_s)
		out->stamped_s = at_s;
	return RC_OK;
}

static enum rc
stamps_read(struct verification *v, struct err *e)
{
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; i < v->policy.authorities && rc == RC_OK; i++)
		rc = stamp_read(v, &v->policy.authority[i], e);
	return rc;
}

/* ---- Leaves ---- */

static enum rc
proof_check(
    const struct checkpoint *c, const struct proof_file *p, struct err *e)
{
	struct tree_hash leaf;

	if (!p->has_entry)
		return err_set(e, RC_INVALID, "it doesn't have its entry");
	tree_leaf(&leaf, slice_all(&p->entry));
	return tree_check_inclusion(
	    &p->proof, p->index, &leaf, c->size, &c->root, e);
}

static enum rc
leaf_add(struct verification *v, const struct proof_file *p, struct err *e)
{
	struct leaf *all, *l;
	char type[32];

	all = realloc(v->leaf, (v->n + 1) * sizeof(*all));
	if (all == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	v->leaf = all;
	l = &all[v->n];
	memset(l, 0, sizeof(*l));
	l->index = p->index;
	l->kind = leaf_kind(slice_all(&p->entry));
	if (l->kind == KIND_OTHER || l->kind == KIND_KEY) {
		leaf_type(type, slice_all(&p->entry));
		return err_set(e, RC_INVALID,
		    "an entry of the type \"%s\" is no part of an export",
		    type);
	}
	v->n++;
	return leaf_parse(&l->of, l->kind, slice_all(&p->entry), e);
}

typedef enum rc proof_take_fn(
    struct verification *v, const struct proof_file *p, struct err *e);

static enum rc
proof_read(struct verification *v, const char *folder, const char *name,
    proof_take_fn *take, struct err *e)
{
	char path[64], want[64];
	struct proof_file p;
	struct buf b;
	enum rc rc;

	(void)snprintf(path, sizeof(path), "%.8s/%.50s", folder, name);
	buf_init(&b, PROOF_FILE_MAX);
	rc = file_read(v, path, &b, e);
	if (rc == RC_OK)
		rc = proof_file_parse(&p, slice_all(&b), e);
	if (rc != RC_OK) {
		buf_free(&b);
		return err_prefix(e, "%s", path);
	}
	(void)snprintf(want, sizeof(want), "%" PRId64 ".tlog-proof", p.index);
	if (strcmp(want, name) != 0)
		rc = err_set(
		    e, RC_INVALID, "the proof is of leaf %" PRId64, p.index);
	if (rc == RC_OK)
		rc = checkpoint_same(v, p.note, e);
	if (rc == RC_OK)
		rc = proof_check(&v->word.checkpoint, &p, e);
	if (rc == RC_OK)
		rc = take(v, &p, e);
	proof_file_free(&p);
	buf_free(&b);
	return rc == RC_OK ? RC_OK : err_prefix(e, "%s", path);
}

static enum rc
leaf_read(void *ctx, const char *name, struct err *e)
{
	return proof_read(ctx, "leaf", name, leaf_add, e);
}

static int
leaf_compare(const void *x, const void *y)
{
	const struct leaf *a = x, *b = y;

	return (a->index > b->index) - (a->index < b->index);
}

static enum rc
leaves_read(struct verification *v, struct err *e)
{
	enum rc rc;

	rc = verify_names(v->w->path, "leaf", leaf_read, v, e);
	if (v->n > 0)
		qsort(v->leaf, v->n, sizeof(v->leaf[0]), leaf_compare);
	return rc == RC_NOT_FOUND ? RC_INVALID : rc;
}

/* ---- What workers were told of the log ---- */

static enum rc
anchor_read(void *ctx, const char *name, struct err *e)
{
	struct verification *v = ctx;
	const struct checkpoint *c = &v->word.checkpoint;
	struct anchor_proof a;
	char path[64];
	struct buf b;
	enum rc rc;

	(void)snprintf(path, sizeof(path), "anchor/%.50s", name);
	buf_init(&b, ANCHOR_FILE_MAX);
	rc = file_read(v, path, &b, e);
	if (rc == RC_OK)
		rc = anchor_proof_parse(&a, name, slice_all(&b), e);
	buf_free(&b);
	if (rc == RC_OK && a.size > c->size)
		rc = err_set(e, RC_INVALID,
		    "the log has only %" PRId64 " leaves", c->size);
	if (rc == RC_OK)
		rc = tree_check_consistency(
		    &a.proof, a.size, &a.root, c->size, &c->root, e);
	if (rc == RC_OK)
		rc = anchor_list_add(&v->anchors, a.size, &a.root, e);
	return rc == RC_OK ? RC_OK : err_prefix(e, "%s", path);
}

/* Nothing in it may be signed in rounds. */
static enum rc
anchors_read(struct verification *v, struct err *e)
{
	enum rc rc = verify_names(v->w->path, "anchor", anchor_read, v, e);

	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
hour_add(struct verification *v, const struct proof_file *p, struct err *e)
{
	const struct slice entry = slice_all(&p->entry);
	struct segment_leaf s;
	enum rc rc;

	if (leaf_kind(entry) != KIND_SEGMENT)
		return err_set(e, RC_INVALID, "the entry isn't of an hour");
	rc = leaf_parse(&s, KIND_SEGMENT, entry, e);
	return rc == RC_OK ? hours_add(&v->hours, p->index, s.to, e) : rc;
}

static enum rc
hour_read(void *ctx, const char *name, struct err *e)
{
	return proof_read(ctx, HOURS_DIRECTORY, name, hour_add, e);
}

static enum rc
hours_read(struct verification *v, struct err *e)
{
	enum rc rc = verify_names(v->w->path, HOURS_DIRECTORY, hour_read, v, e);

	hours_order(&v->hours);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* ---- The task's definitions ---- */

/* What leaves of a private task commit to, if the export tells it. */
static enum rc
opening_read(struct verification *v, struct err *e)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, OPENING_MAX);
	rc = verify_file_find(v->w->path, OPENING_NAME, &b, e);
	if (rc == RC_OK || rc == RC_NOT_FOUND)
		rc = verify_opening(v, rc == RC_OK, slice_all(&b), e);
	buf_free(&b);
	return rc;
}

/* ---- Segments ---- */

static enum rc
segment_place(struct verification *v, const struct leaf *l,
    const struct leaf *before, struct err *e)
{
	const struct segment_leaf *s = &l->of.segment;

	if (strcmp(s->task, v->task[0].task) != 0)
		return err_set(e, RC_INVALID,
		    "it is of task %s, the export is of %s", s->task,
		    v->task[0].task);
	if (before == NULL)
		return s->prev < l->index
		    ? RC_OK
		    : err_set(e, RC_INVALID,
			  "it follows leaf %" PRId64 ", which isn't before it",
			  s->prev);
	if (s->prev != before->index)
		return err_set(e, RC_INVALID,
		    "it follows the segment of leaf %" PRId64
		    ", expected that of leaf %" PRId64 ": hours are left out",
		    s->prev, before->index);
	if (s->from != before->of.segment.to)
		return err_set(e, RC_INVALID,
		    "it begins at %" PRId64
		    ", the one before it ended at %" PRId64,
		    s->from, before->of.segment.to);
	return RC_OK;
}

/* The line of the slot that was asked for, if the file, which is verified, has
 * it. */
static void
line_take(struct verification *v, int64_t leaf, struct slice file)
{
	struct slice line;
	char begin[32];
	const int len = snprintf(
	    begin, sizeof(begin), "{\"slot\":%" PRId64 ",", v->w->slot);

	while (v->w->slot > 0 && slice_line(&file, &line)) {
		if (line.len < (size_t)len ||
		    memcmp(line.p, begin, (size_t)len) != 0)
			continue;
		v->out->line_leaf = leaf;
		slice_copy(v->out->line, sizeof(v->out->line), line);
	}
}

static enum rc
line_check(const struct verification *v, struct err *e)
{
	if (v->w->slot == 0 || v->out->line[0] != '\0')
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "slot %" PRId64 " has no line in the export", v->w->slot);
}

static enum rc
segment_take(struct verification *v, const struct leaf *l,
    const struct leaf *before, struct err *e)
{
	const struct verify_task t = { v->task, v->span, v->tasks, &v->anchors,
		&v->hours, v->is_sealed };
	char name[SEGMENT_NAME_MAX + 1];
	struct buf file;
	enum rc rc;

	rc = segment_place(v, l, before, e);
	if (rc != RC_OK)
		return err_prefix(e, "segment of leaf %" PRId64, l->index);
	segment_name(name, &l->of.segment);
	buf_init(&file, SEGMENT_MAX);
	rc = file_read(v, name, &file, e);
	if (rc == RC_OK)
		rc = verify_segment(&t, &l->of.segment, l->index,
		    slice_all(&file), &v->told, &v->ballots, v->out, e);
	if (rc == RC_OK)
		rc = verify_seals(v, l->of.segment.seals, slice_all(&file), e);
	if (rc == RC_OK)
		line_take(v, l->index, slice_all(&file));
	buf_free(&file);
	return rc == RC_OK ? RC_OK : err_prefix(e, "%s", name);
}

static enum rc
segments_take(struct verification *v, struct err *e)
{
	const struct leaf *before = NULL;
	struct verify_report *out = v->out;
	size_t i;
	enum rc rc = RC_OK;

	for (i = 0; i < v->n && rc == RC_OK; i++) {
		if (v->leaf[i].kind != KIND_SEGMENT)
			continue;
		rc = segment_take(v, &v->leaf[i], before, e);
		if (before == NULL)
			out->from = v->leaf[i].of.segment.from;
		out->to = v->leaf[i].of.segment.to;
		if (v->leaf[i].of.segment.within > out->within)
			out->within = v->leaf[i].of.segment.within;
		out->segments++;
		before = &v->leaf[i];
	}
	return rc;
}

static enum rc
day_take(struct verification *v, const struct leaf *l, struct err *e)
{
	const struct verify_task t = { v->task, v->span, v->tasks, &v->anchors,
		&v->hours, v->is_sealed };
	char name[SEGMENT_NAME_MAX + 1];
	struct drills_key key;
	struct buf file;
	enum rc rc;

	if (strcmp(l->of.drills.task, v->task[0].task) != 0)
		return err_set(e, RC_INVALID,
		    "drills of leaf %" PRId64
		    ": it is of task %s, the export is of %s",
		    l->index, l->of.drills.task, v->task[0].task);
	drills_name(name, &l->of.drills);
	buf_init(&file, SEGMENT_MAX);
	rc = verify_drills_key(v, &l->of.drills, &key, e);
	if (rc == RC_OK)
		rc = file_read(v, name, &file, e);
	if (rc == RC_OK)
		rc = verify_drills(&t, &l->of.drills, l->index, &key,
		    slice_all(&file), &v->told, v->out, e);
	if (rc == RC_OK)
		rc = verify_seals(v, l->of.drills.seals, slice_all(&file), e);
	if (rc == RC_OK)
		line_take(v, l->index, slice_all(&file));
	buf_free(&file);
	return rc == RC_OK ? RC_OK : err_prefix(e, "%s", name);
}

static enum rc
days_take(struct verification *v, struct err *e)
{
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; i < v->n && rc == RC_OK; i++)
		if (v->leaf[i].kind == KIND_DRILLS)
			rc = day_take(v, &v->leaf[i], e);
	return rc;
}

/*
 * What was asked for must be there: that there was no task before is the log's
 * word, and who paid for it knows better.
 */
static enum rc
covered_check(const struct verification *v, struct err *e)
{
	const struct verify_report *out = v->out;

	if (v->w->to == 0 ||
	    (out->segments > 0 && out->from <= v->w->from &&
		out->to >= v->w->to))
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "the export covers %" PRId64 " to %" PRId64
	    ", and doesn't cover %" PRId64 " to %" PRId64,
	    out->from, out->to, v->w->from, v->w->to);
}

/* ---- Keys that came after the policy's ---- */

static enum rc
successor_read(struct policy *policy, const char *path, const char *name,
    bool *trusted, struct err *e)
{
	struct buf b;
	enum rc rc;

	*trusted = false;
	buf_init(&b, PROOF_FILE_MAX);
	rc = verify_file_find(path, name, &b, e);
	if (rc == RC_OK)
		rc = succession_take(policy, slice_all(&b), trusted, e);
	buf_free(&b);
	return rc == RC_OK ? RC_OK : err_prefix(e, "%s", name);
}

/* The files of such keys. */
struct key_files {
	char name[KEYS_MAX][64];
	size_t n;
};

static enum rc
key_note(void *ctx, const char *name, struct err *e)
{
	struct key_files *keys = ctx;

	if (keys->n == KEYS_MAX || strlen(name) > 50)
		return err_set(e, RC_INVALID,
		    "more than %d keys of logs, or one whose file has a long name",
		    KEYS_MAX);
	(void)snprintf(
	    keys->name[keys->n++], sizeof(keys->name[0]), "key/%.50s", name);
	return RC_OK;
}

/* Reads them until none more is trusted. */
enum rc
verify_successors(struct policy *policy, const char *path, struct err *e)
{
	struct key_files keys = { .n = 0 };
	bool known[KEYS_MAX] = { false }, more = true;
	size_t i;
	enum rc rc;

	rc = verify_names(path, "key", key_note, &keys, e);
	if (rc == RC_NOT_FOUND)
		return RC_OK;
	while (more && rc == RC_OK)
		for (more = false, i = 0; i < keys.n && rc == RC_OK; i++)
			if (!known[i]) {
				rc = successor_read(
				    policy, path, keys.name[i], &known[i], e);
				more |= known[i];
			}
	return rc;
}

/* ---- All of it ---- */

static enum rc
checkpoint_read(struct verification *v, struct err *e)
{
	enum rc rc;

	rc = file_read(v, "checkpoint", &v->note, e);
	if (rc == RC_OK)
		rc = policy_check(&v->word, &v->policy, slice_all(&v->note), e);
	if (rc == RC_OK)
		word_tell(v);
	return rc;
}

static enum rc
directory_verify(struct verification *v, struct err *e)
{
	enum rc rc;

	rc = policy_read(v, e);
	if (rc == RC_OK)
		rc = verify_successors(&v->policy, v->w->path, e);
	if (rc == RC_OK)
		rc = checkpoint_read(v, e);
	if (rc == RC_OK)
		rc = stamps_read(v, e);
	if (rc == RC_OK)
		rc = leaves_read(v, e);
	if (rc == RC_OK)
		rc = anchors_read(v, e);
	if (rc == RC_OK)
		rc = hours_read(v, e);
	if (rc == RC_OK)
		rc = opening_read(v, e);
	if (rc == RC_OK)
		rc = verify_tasks(v, e);
	if (rc == RC_OK)
		rc = verify_facts(v, e);
	if (rc != RC_OK)
		return rc;
	(void)snprintf(v->out->task, sizeof(v->out->task), "%s",
	    task_leaf_name(&v->task[0]));
	v->out->definitions = (int64_t)v->tasks;
	rc = segments_take(v, e);
	verify_targets(v);
	if (rc == RC_OK)
		rc = days_take(v, e);
	if (rc == RC_OK)
		rc = told_check(&v->told, e);
	if (rc == RC_OK)
		rc = covered_check(v, e);
	if (rc == RC_OK)
		rc = line_check(v, e);
	if (rc == RC_OK)
		rc = verify_uptime(v, e);
	return rc == RC_OK ? verify_same(v, e) : rc;
}

/* One leaf, by a policy that somebody gave. */
static enum rc
file_verify(struct verification *v, struct err *e)
{
	struct proof_file p;
	struct buf b;
	enum rc rc;

	/* Whoever asks for hours has been given something else. */
	if (v->w->to != 0 || v->w->slot != 0)
		return err_set(e, RC_INVALID,
		    "%s is a file, of one leaf at most: it covers no time",
		    v->w->path);
	if (v->w->policy.p == NULL)
		return err_set(e, RC_INVALID,
		    "a proof file has no keys with it: say --policy FILE");
	v->out->is_one_proof = true;
	buf_init(&b, PROOF_FILE_MAX);
	rc = policy_read(v, e);
	if (rc == RC_OK)
		rc = buf_read_file(&b, v->w->path, e);
	if (rc == RC_OK)
		rc = proof_file_parse(&p, slice_all(&b), e);
	if (rc == RC_OK) {
		rc = policy_check(&v->word, &v->policy, p.note, e);
		if (rc == RC_OK)
			rc = proof_check(&v->word.checkpoint, &p, e);
		if (rc == RC_OK)
			word_tell(v);
		if (rc == RC_OK)
			rc = verify_same(v, e);
		proof_file_free(&p);
	}
	buf_free(&b);
	return rc;
}

enum rc
verify_export(
    const struct verify_wanted *w, struct verify_report *out, struct err *e)
{
	struct verification *v = calloc(1, sizeof(*v));
	struct stat st;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	out->other_size = LEAF_NONE;
	out->anchor_ms = -1;
	if (v == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	v->w = w;
	v->out = out;
	buf_init(&v->note, NOTE_MAX);
	if (stat(w->path, &st) != 0)
		rc = err_set(
		    e, RC_NOT_FOUND, "%s: %s", w->path, strerror(errno));
	else
		rc = S_ISDIR(st.st_mode) ? directory_verify(v, e)
					 : file_verify(v, e);
	buf_free(&v->note);
	told_free(&v->told);
	free(v->ballots.all);
	anchor_list_free(&v->anchors);
	hours_free(&v->hours);
	free(v->leaf);
	free(v->task);
	free(v->span);
	free(v);
	return rc;
}
