#include "publish/archive.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "eth/hex.h"
#include "ledger/credit.h"
#include "ledger/publication.h"
#include "ledger/transfer.h"
#include "publish/awaited.h"
#include "publish/trust.h"
#include "store/logged.h"
#include "store/pack.h"

#define BATCH	     100000 /* results whose lines are in memory at once */
#define WINDOW	     20000  /* transfers that are looked at at once */
#define STEP	     200    /* results of a transaction */
#define FILES_FOUND  20	    /* that are told: one cause may be behind all */
#define TEXT_MAX     400
#define FILES_OF_MAX RESULTS_PER_POST_MAX

/* A leaf of a file, and the time that its slots are of. */
struct place {
	int64_t leaf;
	int64_t from, to;
};

struct task_name {
	char name[TASK_ID_MAX + 1];
	int64_t id;
};

struct archiver {
	const struct archive_wanted *w;
	struct archive_report *out;
	struct db *db;
	struct store *store; /* owned; NULL: files are read below the site */
	struct site site;
	struct checkpoint checkpoint;
	struct place *place; /* owned; in the log's order */
	size_t places, places_room;
	struct task_name *task; /* owned; in no order */
	size_t tasks, tasks_room;
	struct awaited waiting;
	int64_t after, upto; /* transfers */
	bool at_end;
};

static void found(struct archiver *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
found(struct archiver *a, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (++a->out->findings > FILES_FOUND)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	a->w->found(a->w->ctx, text);
}

/* ---- What the log has ---- */

static enum rc
room_make(void **all, size_t *room, size_t n, size_t size, struct err *e)
{
	const size_t want = *room == 0 ? 256 : 2 * *room;
	void *more;

	if (n < *room)
		return RC_OK;
	more = reallocarray(*all, want, size);
	if (more == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	*all = more;
	*room = want;
	return RC_OK;
}

static enum rc
places_read(struct archiver *a, struct err *e)
{
	struct logged_file f;
	struct slice entry;
	void *all;
	bool is_file;
	int64_t i;
	enum rc rc = RC_OK;

	for (i = 0; i < a->checkpoint.size && rc == RC_OK; i++) {
		rc = site_entry(&a->site, i, &entry, e);
		if (rc == RC_OK)
			rc = logged_file_of(&f, &is_file, i, entry, e);
		if (rc != RC_OK || !is_file)
			continue;
		all = a->place;
		rc = room_make(
		    &all, &a->places_room, a->places, sizeof(*a->place), e);
		a->place = all;
		if (rc == RC_OK)
			a->place[a->places++] =
			    (struct place){ i, f.from, f.to };
	}
	return rc;
}

static enum rc
on_task(void *ctx, const struct public_task *t, struct err *e)
{
	struct archiver *a = ctx;
	void *all = a->task;
	enum rc rc;

	if (a->tasks > 0 && a->task[a->tasks - 1].id == t->task)
		return RC_OK;
	rc = room_make(&all, &a->tasks_room, a->tasks, sizeof(*a->task), e);
	a->task = all;
	if (rc != RC_OK)
		return rc;
	a->task[a->tasks].id = t->task;
	slice_copy(a->task[a->tasks++].name, TASK_ID_MAX + 1, t->name);
	return RC_OK;
}

/* -1: the ledger has none of that name. */
static int64_t
task_id(const struct archiver *a, const char *name)
{
	size_t i;

	for (i = 0; i < a->tasks; i++)
		if (strcmp(a->task[i].name, name) == 0)
			return a->task[i].id;
	return -1;
}

/* That the leaf is in the tree that was signed. */
static enum rc
leaf_check(
    struct archiver *a, int64_t i, struct slice entry, bool *ok, struct err *e)
{
	struct tree_proof proof;
	struct tree_hash leaf;
	enum rc rc;

	tree_leaf(&leaf, entry);
	rc = tree_prove_inclusion(
	    &proof, i, a->checkpoint.size, site_node, &a->site, e);
	*ok = rc == RC_OK &&
	    tree_check_inclusion(&proof, i, &leaf, a->checkpoint.size,
		&a->checkpoint.root, NULL) == RC_OK;
	return rc;
}

/* ---- Files ---- */

/* Files that are read at once, of the log. */
struct wave {
	struct logged_file file[STORE_AT_ONCE];
	struct buf bytes[STORE_AT_ONCE]; /* owned */
	bool there[STORE_AT_ONCE];	 /* else it was told */
	size_t n;
};

static enum rc
wave_add(struct archiver *a, struct wave *w, int64_t leaf, struct err *e)
{
	struct slice entry;
	bool is_file = false, ok = false;
	enum rc rc = site_entry(&a->site, leaf, &entry, e);

	if (rc == RC_OK)
		rc = logged_file_of(&w->file[w->n], &is_file, leaf, entry, e);
	if (rc == RC_OK && is_file)
		rc = leaf_check(a, leaf, entry, &ok, e);
	if (rc != RC_OK)
		return rc;
	if (ok) {
		buf_init(&w->bytes[w->n], (size_t)w->file[w->n].bytes);
		w->n++;
	} else if (is_file)
		found(a, "leaf %" PRId64 " isn't what was signed", leaf);
	return RC_OK;
}

/* From the store: what it doesn't have, or has otherwise, stays empty. */
static enum rc
wave_fetch(struct archiver *a, struct wave *w, struct err *e)
{
	char name[STORE_AT_ONCE][STORE_NAME_MAX + 5];
	struct store_put put[STORE_AT_ONCE];
	struct logged_file *f;
	enum rc rc;
	size_t i;

	for (i = 0; i < w->n; i++) {
		f = &w->file[i];
		(void)snprintf(name[i], sizeof(name[i]), "%s.zst", f->object);
		put[i] = (struct store_put){ .name = name[i],
			.there_max = pack_max((size_t)f->bytes) };
	}
	rc = store_look(a->store, put, w->n, e);
	for (i = 0; i < w->n; i++) {
		if (rc == RC_OK && !put[i].exists)
			found(a, "%s isn't in the store", name[i]);
		w->there[i] = put[i].exists;
		if (rc == RC_OK && put[i].exists) {
			rc = unpack(&w->bytes[i],
			    (struct slice){ put[i].there.p, put[i].there.len },
			    (size_t)w->file[i].bytes, e);
			if (rc == RC_INVALID) {
				buf_reset(&w->bytes[i]);
				rc = RC_OK;
			}
		}
		buf_free(&put[i].there);
	}
	return rc;
}

static enum rc
wave_copy(struct archiver *a, struct wave *w, struct err *e)
{
	struct err cause = ERR_INIT;
	enum rc rc;
	size_t i;

	for (i = 0; i < w->n; i++) {
		rc = site_get(&a->site, w->file[i].name, &w->bytes[i], &cause);
		if (rc == RC_NO_MEMORY)
			return err_set(e, rc, "%s", cause.msg);
		w->there[i] = rc == RC_OK;
		if (rc != RC_OK)
			found(a, "%s: %s", w->file[i].name, cause.msg);
	}
	return RC_OK;
}

static enum rc
lines_take(struct archiver *a, const struct logged_file *f, struct slice text,
    struct err *e)
{
	const int64_t task = task_id(a, f->task);
	struct awaited_credit *complete;
	struct slice line;
	enum rc rc = RC_OK;

	/* Each line of a file of the log has an end. */
	while (rc == RC_OK && slice_line(&text, &line))
		rc = awaited_line(
		    &a->waiting, f->leaf, task, line, &complete, e);
	return rc;
}

static enum rc
wave_take(struct archiver *a, struct wave *w, struct err *e)
{
	struct slice text;
	enum rc rc;
	size_t i;

	rc = a->store != NULL ? wave_fetch(a, w, e) : wave_copy(a, w, e);
	for (i = 0; i < w->n; i++) {
		text =
		    (struct slice){ w->bytes[i].p == NULL ? "" : w->bytes[i].p,
			    w->bytes[i].len };
		if (rc == RC_OK && w->there[i] &&
		    logged_file_is(&w->file[i], text)) {
			a->out->files++;
			rc = lines_take(a, &w->file[i], text, e);
		} else if (rc == RC_OK && w->there[i])
			found(a, "%s isn't the file that was logged",
			    a->store != NULL ? w->file[i].object
					     : w->file[i].name);
		buf_free(&w->bytes[i]);
	}
	w->n = 0;
	return rc;
}

/* Every file in which the results that are waited for may be. */
static enum rc
files_take(struct archiver *a, struct err *e)
{
	int64_t from = INT64_MAX, to = 0;
	const struct archived_credit *c;
	struct wave w = { .n = 0 };
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; i < a->waiting.credits; i++) {
		c = &a->waiting.credit[i].credit;
		if (c->from_ms < from)
			from = c->from_ms;
		if (c->to_ms > to)
			to = c->to_ms;
	}
	for (i = 0; i < a->places && rc == RC_OK; i++) {
		if (a->place[i].to <= from || a->place[i].from > to)
			continue;
		rc = wave_add(a, &w, a->place[i].leaf, e);
		if (rc == RC_OK && w.n == STORE_AT_ONCE)
			rc = wave_take(a, &w, e);
	}
	if (rc == RC_OK && w.n > 0)
		rc = wave_take(a, &w, e);
	for (i = 0; i < w.n; i++)
		buf_free(&w.bytes[i]);
	return rc;
}

/* ---- One credit ---- */

/* The files that its lines were found in, each once. */
static enum rc
files_of(struct archiver *a, const struct awaited_credit *c,
    struct archived_file *f, size_t *n, struct err *e)
{
	char hex[2 + 2 * SHA256_LEN + 1] = "0x";
	struct logged_file file;
	struct slice entry;
	bool is_file;
	int64_t leaf;
	size_t i, k;
	enum rc rc = RC_OK;

	for (*n = 0, i = 0; i < c->credit.n && rc == RC_OK; i++) {
		leaf = awaited_find(&a->waiting, c->credit.slots[i])->leaf;
		for (k = 0; k < *n && f[k].leaf != leaf; k++)
			;
		if (k < *n)
			continue;
		rc = site_entry(&a->site, leaf, &entry, e);
		if (rc == RC_OK)
			rc = logged_file_of(&file, &is_file, leaf, entry, e);
		if (rc != RC_OK)
			break;
		memcpy(hex + 2, file.sha256, sizeof(file.sha256));
		rc = hex_decode(f[k].sha256, SHA256_LEN, slice_of(hex), e);
		f[k].leaf = leaf;
		(*n)++;
	}
	return rc;
}

typedef enum rc credit_fn(struct archiver *a, const struct awaited_credit *c,
    bool *done, struct err *e);

/* Drops its results, which its lines say. */
static enum rc
credit_drop(struct archiver *a, const struct awaited_credit *c, bool *done,
    struct err *e)
{
	struct archived_file f[FILES_OF_MAX];
	enum archive_did did = ARCHIVE_DIFFERS;
	struct err cause = ERR_INIT;
	uint8_t digest[KECCAK256_LEN];
	size_t files = 0;
	enum rc rc;

	rc = awaited_digest(digest, &a->waiting, c, a->db, &cause);
	if (rc == RC_OK)
		rc = files_of(a, c, f, &files, &cause);
	if (rc == RC_OK)
		rc = archive_drop(
		    a->db, &c->credit, digest, f, files, &did, &cause);
	*done = rc == RC_OK && did == ARCHIVE_DONE;
	if (rc == RC_OK && did == ARCHIVE_DIFFERS)
		found(a,
		    "transfer %" PRId64
		    ": its results aren't what the log has; worknet audit --log tells more",
		    c->credit.transfer);
	if (rc != RC_INVALID)
		return rc == RC_OK ? rc : err_set(e, rc, "%s", cause.msg);
	found(a, "transfer %" PRId64 ": %s", c->credit.transfer, cause.msg);
	return RC_OK;
}

static enum rc
results_insert(
    struct archiver *a, const struct awaited_credit *c, struct err *e)
{
	struct awaited_result r;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; i < c->credit.n && rc == RC_OK; i++) {
		rc = awaited_result(&r, &a->waiting, c, i, a->db, e);
		if (rc != RC_OK)
			break;
		rc = result_insert(a->db, &r.row, c->credit.transfer, e);
		line_free(&r.read);
	}
	return rc;
}

/* Puts its results back, if they are those that the digest is of. */
static enum rc
credit_bring_back(struct archiver *a, const struct awaited_credit *c,
    bool *done, struct err *e)
{
	struct err cause = ERR_INIT;
	uint8_t digest[KECCAK256_LEN];
	enum rc rc;

	rc = awaited_digest(digest, &a->waiting, c, a->db, &cause);
	*done = rc == RC_OK &&
	    memcmp(digest, c->credit.digest, sizeof(digest)) == 0;
	if (*done)
		return results_insert(a, c, e);
	if (rc != RC_OK && rc != RC_INVALID)
		return err_set(e, rc, "%s", cause.msg);
	found(a, "transfer %" PRId64 ": %s", c->credit.transfer,
	    rc == RC_OK ? "its lines are of other results" : cause.msg);
	return RC_OK;
}

/* ---- Steps ---- */

/* As long as the last transaction took, others have the ledger. */
static void
rest(int64_t ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) != 0)
		;
}

/* From credit i on, a transaction's worth of them. */
static enum rc
step(struct archiver *a, size_t *i, credit_fn *fn, struct err *e)
{
	struct archive_report did = *a->out;
	const struct awaited_credit *c;
	const int64_t began = clock_monotonic_ms();
	size_t n = 0;
	bool done;
	enum rc rc = db_begin(a->db, e);

	for (; *i < a->waiting.credits && n < STEP && rc == RC_OK; (*i)++) {
		c = &a->waiting.credit[*i];
		done = false;
		if (c->missing > 0)
			did.left++;
		else {
			n += c->credit.n;
			rc = fn(a, c, &done, e);
		}
		did.credits += done;
		did.results += done ? (int64_t)c->credit.n : 0;
	}
	if (rc == RC_OK)
		rc = db_commit(a->db, e);
	db_rollback(a->db);
	if (rc != RC_OK)
		return rc;
	did.findings = a->out->findings;
	*a->out = did;
	a->w->progress(a->w->ctx, did.results);
	rest(clock_monotonic_ms() - began);
	return RC_OK;
}

static enum rc
batch_run(struct archiver *a, credit_fn *fn, struct err *e)
{
	size_t i = 0;
	enum rc rc = files_take(a, e);

	while (rc == RC_OK && i < a->waiting.credits)
		rc = step(a, &i, fn, e);
	awaited_free(&a->waiting);
	return rc;
}

/* ---- Runs ---- */

static enum rc
on_due(void *ctx, const struct archived_credit *c, bool *stop, struct err *e)
{
	struct archiver *a = ctx;

	a->after = c->transfer;
	*stop = a->waiting.slots + c->n >= BATCH;
	return awaited_add(&a->waiting, c, e);
}

/* The next batch of credits that are due. */
static enum rc
due_read(struct archiver *a, struct err *e)
{
	int64_t to;
	enum rc rc = RC_OK;

	while (a->waiting.slots < BATCH && a->after < a->upto && rc == RC_OK) {
		to = a->after + WINDOW < a->upto ? a->after + WINDOW : a->upto;
		rc = db_begin_read(a->db, e);
		if (rc == RC_OK)
			rc = archive_due(a->db, a->after, to, on_due, a, e);
		db_rollback(a->db);
		if (a->waiting.slots < BATCH)
			a->after = to;
	}
	a->at_end = a->after >= a->upto;
	return rc;
}

static enum rc
on_gone(void *ctx, const struct archived_credit *c, bool *stop, struct err *e)
{
	struct archiver *a = ctx;

	a->after = c->transfer;
	if (!c->is_gone)
		return RC_OK;
	*stop = a->waiting.slots + c->n >= BATCH;
	return awaited_add(&a->waiting, c, e);
}

static enum rc
gone_read(struct archiver *a, struct err *e)
{
	enum rc rc = db_begin_read(a->db, e);

	if (rc == RC_OK)
		rc = archived_each(a->db, a->after, on_gone, a, e);
	db_rollback(a->db);
	a->at_end = a->waiting.slots < BATCH;
	return rc;
}

static enum rc
archiver_begin(struct archiver *a, struct err *e)
{
	const char *copy = a->w->directory;
	enum rc rc;

	rc = trust_open(&a->site, &a->checkpoint,
	    copy != NULL ? copy : a->w->conf->log_directory, e);
	if (rc == RC_OK && copy == NULL)
		rc = store_open(&a->store, a->w->conf, e);
	if (rc == RC_OK)
		rc = places_read(a, e);
	if (rc == RC_OK)
		rc = db_begin_read(a->db, e);
	if (rc == RC_OK)
		rc = public_tasks(a->db, on_task, a, e);
	db_rollback(a->db);
	return rc;
}

static void
archiver_end(struct archiver *a)
{
	store_close(a->store);
	site_close(&a->site);
	awaited_free(&a->waiting);
	free(a->place);
	free(a->task);
}

enum rc
archive_run(struct db *db, const struct archive_wanted *w,
    struct archive_report *out, struct err *e)
{
	struct archiver a = { .w = w, .out = out, .db = db };
	const int64_t days = w->conf->archive_after_days;
	enum rc rc;

	*out = (struct archive_report){ .credits = 0 };
	if (days == 0)
		return RC_OK; /* a timer may run all the same */
	if (days < ARCHIVE_DAYS_MIN)
		return err_set(e, RC_INVALID,
		    "[archive] after_days: got %" PRId64
		    ", nothing is archived before %d days",
		    days, ARCHIVE_DAYS_MIN);
	rc = archiver_begin(&a, e);
	if (rc == RC_OK)
		rc = transfer_at(db, w->now_ms - days * DAY_MS, &a.upto, e);
	a.upto--;
	if (rc == RC_OK)
		rc = archive_first(db, &a.after, e);
	while (rc == RC_OK && !a.at_end) {
		rc = due_read(&a, e);
		if (rc == RC_OK && a.waiting.credits > 0)
			rc = batch_run(&a, credit_drop, e);
	}
	archiver_end(&a);
	return rc;
}

enum rc
archive_bring_back(struct db *db, const struct archive_wanted *w,
    struct archive_report *out, struct err *e)
{
	struct archiver a = { .w = w, .out = out, .db = db };
	enum rc rc;

	*out = (struct archive_report){ .credits = 0 };
	rc = archiver_begin(&a, e);
	while (rc == RC_OK && !a.at_end) {
		rc = gone_read(&a, e);
		if (rc == RC_OK && a.waiting.credits > 0)
			rc = batch_run(&a, credit_bring_back, e);
	}
	archiver_end(&a);
	return rc;
}
