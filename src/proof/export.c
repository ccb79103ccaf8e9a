#include "proof/export.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "proof/anchor_proof.h"
#include "proof/hours.h"
#include "proof/line.h"
#include "proof/opening.h"
#include "proof/stamp.h"
#include "tlog/site.h"

#define EXPORT_MODE 0644
#define SEGMENT_MAX (1024LL * 1024 * 1024)

struct export
{
	const struct export_wanted *w;
	struct export_result *result;
	struct site site;
	struct buf note;
	struct buf opening;	    /* owned */
	struct anchor_list anchors; /* that lines name; their roots later */
	struct hours hours; /* owned: of the log, each later than before */
	char named[TASK_ID_MAX + 16]; /* "task":"NAME", as entries have it */
};

static enum rc
out_put(const struct export *x, const char *name, const struct buf *b,
    struct err *e)
{
	char path[FILE_PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/%s", x->w->out, name);
	return file_put(path, EXPORT_MODE, b->p == NULL ? "" : b->p, b->len, e);
}

/* Takes note of the anchors that the lines of a file name. */
static enum rc
anchors_note(struct export *x, const struct buf *b, struct err *e)
{
	static const struct tree_hash later;
	struct slice rest = { b->p, b->len }, line;
	struct line_read l;
	enum rc rc = RC_OK;

	while (rest.len > 0 && rc == RC_OK) {
		if (!slice_line(&rest, &line))
			return err_set(
			    e, RC_CORRUPT, "the last line has no end");
		if (memmem(line.p, line.len, "\"anchor\"", 8) == NULL)
			continue;
		rc = line_parse(&l, line, e);
		if (rc != RC_OK)
			return rc;
		if (l.line.anchor > 0)
			rc = anchor_list_add(
			    &x->anchors, l.line.anchor, &later, e);
		line_free(&l);
	}
	return rc;
}

static enum rc
anchor_copy(struct export *x, int64_t size, struct err *e)
{
	struct anchor_proof a = { .size = size };
	char name[64];
	struct buf b;
	enum rc rc;

	if (size > x->site.size)
		return err_set(e, RC_CORRUPT,
		    "a line names the log of %" PRId64
		    " leaves, which has %" PRId64,
		    size, x->site.size);
	rc = tree_root(&a.root, size, site_node, &x->site, e);
	if (rc == RC_OK)
		rc = tree_prove_consistency(
		    &a.proof, size, x->site.size, site_node, &x->site, e);
	if (rc != RC_OK)
		return rc;
	(void)snprintf(name, sizeof(name), "anchor/%" PRId64, size);
	buf_init(&b, ANCHOR_FILE_MAX);
	anchor_proof_format(&b, &a);
	rc = buf_status(&b, e);
	if (rc == RC_OK)
		rc = out_put(x, name, &b, e);
	buf_free(&b);
	return rc;
}

static enum rc
proof_copy(struct export *x, const char *folder, int64_t i, struct err *e)
{
	char name[64];
	struct buf b;
	enum rc rc;

	buf_init(&b, PROOF_FILE_MAX);
	rc = site_proof(
	    &x->site, i, (struct slice){ x->note.p, x->note.len }, &b, e);
	(void)snprintf(
	    name, sizeof(name), "%s/%" PRId64 ".tlog-proof", folder, i);
	if (rc == RC_OK)
		rc = out_put(x, name, &b, e);
	buf_free(&b);
	return rc;
}

/* The newest hour that the log had then. */
static enum rc
hour_copy(struct export *x, int64_t size, struct err *e)
{
	const struct hour_leaf *hour = hours_of(&x->hours, size);

	return hour == NULL ? RC_OK
			    : proof_copy(x, HOURS_DIRECTORY, hour->index, e);
}

static enum rc
anchors_take(struct export *x, struct err *e)
{
	static const struct tree_hash later;
	enum rc rc = RC_OK;
	size_t i;

	if (x->w->anchor > x->site.size)
		return err_set(e, RC_NOT_FOUND,
		    "the log has only %" PRId64 " leaves, not %" PRId64,
		    x->site.size, x->w->anchor);
	if (x->w->anchor > 0)
		rc = anchor_list_add(&x->anchors, x->w->anchor, &later, e);
	for (i = 0; i < x->anchors.n && rc == RC_OK; i++)
		if ((rc = anchor_copy(x, x->anchors.all[i].size, e)) == RC_OK)
			rc = hour_copy(x, x->anchors.all[i].size, e);
	return rc;
}

/* Copies a file of the site, which has that hash. */
static enum rc
file_take(struct export *x, const char *name, const char *sha256, struct err *e)
{
	char path[FILE_PATH_SIZE], hash[2 * SHA256_LEN + 1];
	struct buf b;
	enum rc rc;

	(void)snprintf(path, sizeof(path), "%s/%s",
	    leaf_is_private(x->w->task) ? x->w->hidden : x->w->site, name);
	buf_init(&b, SEGMENT_MAX);
	rc = buf_read_file(&b, path, e);
	leaf_sha256(hash, (struct slice){ b.p == NULL ? "" : b.p, b.len });
	if (rc == RC_OK && strcmp(hash, sha256) != 0)
		rc = err_set(e, RC_CORRUPT,
		    "%s isn't what was logged: its SHA-256 is %s", path, hash);
	if (rc == RC_OK)
		rc = out_put(x, name, &b, e);
	if (rc == RC_OK)
		rc = anchors_note(x, &b, e);
	buf_free(&b);
	return rc;
}

static enum rc
leaf_copy(struct export *x, int64_t i, struct err *e)
{
	return proof_copy(x, "leaf", i, e);
}

static enum rc
segment_take(struct export *x, int64_t i, struct slice entry, struct err *e)
{
	struct export_result *r = x->result;
	char name[SEGMENT_NAME_MAX + 1];
	struct segment_leaf s;
	enum rc rc;

	rc = leaf_parse(&s, KIND_SEGMENT, entry, e);
	if (rc != RC_OK || strcmp(s.task, x->w->task) != 0 ||
	    s.to <= x->w->from || s.from >= x->w->to)
		return rc;
	segment_name(name, &s);
	rc = file_take(x, name, s.sha256, e);
	if (rc == RC_OK)
		rc = leaf_copy(x, i, e);
	if (r->segments++ == 0)
		r->from = s.from;
	r->to = s.to;
	return rc;
}

static bool
day_is_wanted(const struct export *x, int64_t day)
{
	return (day + 1) * DAY_MS > x->w->from && day * DAY_MS < x->w->to;
}

static enum rc
drills_take(struct export *x, int64_t i, struct slice entry, struct err *e)
{
	char name[SEGMENT_NAME_MAX + 1];
	struct drills_leaf d;
	enum rc rc;

	rc = leaf_parse(&d, KIND_DRILLS, entry, e);
	if (rc != RC_OK || strcmp(d.task, x->w->task) != 0 ||
	    !day_is_wanted(x, d.day))
		return rc;
	drills_name(name, &d);
	rc = file_take(x, name, d.sha256, e);
	return rc == RC_OK ? leaf_copy(x, i, e) : rc;
}

static enum rc
canary_take(struct export *x, int64_t i, struct slice entry, struct err *e)
{
	struct canary_leaf c;
	enum rc rc;

	rc = leaf_parse(&c, KIND_CANARY, entry, e);
	return rc == RC_OK && day_is_wanted(x, c.day) ? leaf_copy(x, i, e) : rc;
}

static enum rc
task_take(struct export *x, int64_t i, struct slice entry, struct err *e)
{
	struct task_leaf task;
	enum rc rc;

	rc = leaf_parse(&task, KIND_TASK, entry, e);
	if (rc != RC_OK || strcmp(task.task, x->w->task) != 0)
		return rc;
	x->result->definitions++;
	return leaf_copy(x, i, e);
}

static enum rc
private_take(struct export *x, int64_t i, struct slice entry, struct err *e)
{
	struct task_leaf task;
	enum rc rc;

	rc = leaf_parse(&task, KIND_PRIVATE, entry, e);
	if (rc != RC_OK || strcmp(task.task, x->w->task) != 0)
		return rc;
	x->result->definitions++;
	if (x->w->open != NULL)
		rc = x->w->open(x->w->open_ctx, &task, e);
	if (rc == RC_OK && x->w->open != NULL)
		rc = opening_add(&x->opening, x->w->salt, &task, e);
	return rc == RC_OK ? leaf_copy(x, i, e) : rc;
}

/* What the leaves commit to, in a file of its own: it may be kept back. */
static enum rc
opening_put(const struct export *x, struct err *e)
{
	return x->opening.len == 0 ? RC_OK
				   : out_put(x, OPENING_NAME, &x->opening, e);
}

static enum rc
maintenance_take(struct export *x, int64_t i, struct slice entry, struct err *e)
{
	struct maintenance_leaf m;
	enum rc rc;

	rc = leaf_parse(&m, KIND_MAINTENANCE, entry, e);
	return rc == RC_OK && strcmp(m.task, x->w->task) == 0
	    ? leaf_copy(x, i, e)
	    : rc;
}

/* Of each hour one, the first that was logged; without a parser for all. */
static enum rc
hour_note(struct export *x, int64_t i, struct slice entry, struct err *e)
{
	static const char key[] = "\"to\":";
	const char *at = memmem(entry.p, entry.len, key, sizeof(key) - 1);
	const char *end = entry.p + entry.len;
	int64_t to = 0;

	for (at = at == NULL ? end : at + sizeof(key) - 1;
	     at < end && *at >= '0' && *at <= '9' && to < TREE_SIZE_MAX; at++)
		to = 10 * to + (*at - '0');
	if (x->hours.n > 0 && to <= x->hours.all[x->hours.n - 1].to)
		return RC_OK;
	return hours_add(&x->hours, i, to, e);
}

/* Most entries are of other tasks, and aren't parsed. */
static enum rc
entry_take(struct export *x, int64_t i, struct slice entry, struct err *e)
{
	const enum leaf_kind kind = leaf_kind(entry);

	if (kind == KIND_METHOD)
		return leaf_copy(x, i, e);
	if (kind == KIND_CANARY)
		return canary_take(x, i, entry, e);
	if (memmem(entry.p, entry.len, x->named, strlen(x->named)) == NULL)
		return RC_OK;
	switch (kind) {
	case KIND_SEGMENT:
		return segment_take(x, i, entry, e);
	case KIND_TASK:
		return task_take(x, i, entry, e);
	case KIND_PRIVATE:
		return private_take(x, i, entry, e);
	case KIND_MAINTENANCE:
		return maintenance_take(x, i, entry, e);
	case KIND_DRILLS:
		return drills_take(x, i, entry, e);
	default:
		return RC_OK;
	}
}

static enum rc
entries_take(struct export *x, struct err *e)
{
	struct slice entry;
	int64_t i;
	enum rc rc = RC_OK;

	for (i = 0; i < x->site.size && rc == RC_OK; i++) {
		rc = site_entry(&x->site, i, &entry, e);
		if (rc == RC_OK && leaf_kind(entry) == KIND_SEGMENT)
			rc = hour_note(x, i, entry, e);
		if (rc == RC_OK)
			rc = entry_take(x, i, entry, e);
		if (rc != RC_OK)
			rc = err_prefix(e, "leaf %" PRId64, i);
	}
	if (rc == RC_OK && x->result->definitions == 0)
		rc = err_set(
		    e, RC_NOT_FOUND, "the log has no task %s", x->w->task);
	return rc;
}

/* The checkpoint, by which the site is read; verifiers check its signature. */
static enum rc
checkpoint_take(struct export *x, struct err *e)
{
	char path[FILE_PATH_SIZE];
	struct checkpoint c;
	struct note n;
	enum rc rc;

	(void)snprintf(path, sizeof(path), "%s/checkpoint", x->w->site);
	rc = buf_read_file(&x->note, path, e);
	if (rc == RC_OK)
		rc =
		    note_parse(&n, (struct slice){ x->note.p, x->note.len }, e);
	if (rc == RC_OK)
		rc = checkpoint_parse(&c, n.text, e);
	if (rc == RC_OK)
		rc = out_put(x, "checkpoint", &x->note, e);
	if (rc == RC_OK)
		x->site.size = c.size;
	return rc;
}

static enum rc
policy_take(struct export *x, struct err *e)
{
	char path[FILE_PATH_SIZE];
	struct buf b;
	enum rc rc;

	(void)snprintf(path, sizeof(path), "%s/policy", x->w->site);
	buf_init(&b, NOTE_MAX);
	rc = buf_read_file(&b, path, e);
	if (rc == RC_OK)
		rc = out_put(x, "policy", &b, e);
	buf_free(&b);
	return rc;
}

/* Copies each file of a directory of the site, if it is there. */
static enum rc
directory_take(
    struct export *x, const char *from, const char *to, struct err *e)
{
	char path[FILE_PATH_SIZE], name[300];
	struct dirent *d;
	struct buf b;
	enum rc rc = RC_OK;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/%s", x->w->site, from);
	dir = opendir(path);
	if (dir == NULL)
		return errno == ENOENT
		    ? RC_OK
		    : err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	while (rc == RC_OK && (d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s/%.100s", x->w->site,
		    from, d->d_name);
		(void)snprintf(name, sizeof(name), "%s/%.100s", to, d->d_name);
		buf_init(&b, PROOF_FILE_MAX);
		rc = buf_read_file(&b, path, e);
		if (rc == RC_OK)
			rc = out_put(x, name, &b, e);
		buf_free(&b);
	}
	(void)closedir(dir);
	return rc;
}

/* The timestamps of the checkpoint. */
static enum rc
stamps_take(struct export *x, struct err *e)
{
	char name[STAMP_NAME_MAX + 1];

	stamp_directory(name, (struct slice){ x->note.p, x->note.len });
	return directory_take(x, name, STAMP_DIRECTORY, e);
}

enum rc
export_make(
    const struct export_wanted *w, struct export_result *out, struct err *e)
{
	struct export x = { .w = w, .result = out };
	enum rc rc;

	memset(out, 0, sizeof(*out));
	if (mkdir(w->out, 0755) != 0)
		return err_set(e, errno == EEXIST ? RC_CONFLICT : RC_IO,
		    "%s: %s", w->out, strerror(errno));
	buf_init(&x.note, NOTE_MAX);
	buf_init(&x.opening, OPENING_MAX);
	site_open(&x.site, w->site, 0);
	(void)snprintf(x.named, sizeof(x.named), "\"task\":\"%s\"", w->task);
	rc = checkpoint_take(&x, e);
	if (rc == RC_OK)
		rc = policy_take(&x, e);
	if (rc == RC_OK)
		rc = stamps_take(&x, e);
	/* What shows that a key came after another one. */
	if (rc == RC_OK)
		rc = directory_take(&x, "key", "key", e);
	if (rc == RC_OK)
		rc = entries_take(&x, e);
	if (rc == RC_OK)
		rc = opening_put(&x, e);
	if (rc == RC_OK)
		rc = anchors_take(&x, e);
	anchor_list_free(&x.anchors);
	hours_free(&x.hours);
	site_close(&x.site);
	buf_free(&x.note);
	buf_free(&x.opening);
	return rc;
}
