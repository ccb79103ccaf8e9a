/*
 * What the log said up to some size, kept in the state's directory, so that a
 * run reads only what came since. The tiles stay the truth: the file counts if
 * they lead to the root that it was made at, and if nothing of it is damaged,
 * cut, or of another build; else all entries are read, as without it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "publish/state.h"

#define STATE_BYTES (1024LL * 1024 * 1024)
#define STATE_MODE  0600
/* So many entries more are read again rather than written: a bundle. */
#define STATE_TAIL 256

struct state_head {
	char made_by[64]; /* structs are kept as they are */
	int64_t size;
	struct tree_hash root;
	int64_t tasks;
	struct method_leaf method;
	int64_t method_leaf;
	int64_t newest_ms;
	int64_t said_n, said_room;
};

static void
path_of(char out[static FILE_PATH_SIZE], const char *directory)
{
	(void)snprintf(out, FILE_PATH_SIZE, "%s/state", directory);
}

static void
made_by(char out[static 64])
{
	memset(out, 0, 64);
	(void)snprintf(out, 64, "worknet-log %.24s %zu %zu %zu",
	    PACKAGE_VERSION, sizeof(struct state_head),
	    sizeof(struct task_state), sizeof(struct span));
}

/* ---- Reading ---- */

/* Takes len bytes off the file; false: it has fewer. */
static bool
take(struct slice *file, void *out, size_t len)
{
	if (file->len < len)
		return false;
	memcpy(out, file->p, len);
	file->p += len;
	file->len -= len;
	return true;
}

static bool
task_load(struct state *s, struct slice *file)
{
	struct task_state *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return false;
	s->task[s->tasks++] = t; /* state_free frees it */
	if (!take(file, t, sizeof(*t)))
		return false;
	t->spans = NULL;
	t->id = 0;
	if (t->spans_n > file->len)
		return false;
	t->spans = calloc(t->spans_n + 1, sizeof(*t->spans));
	return t->spans != NULL &&
	    take(file, t->spans, t->spans_n * sizeof(*t->spans));
}

static bool
body_load(struct state *s, const struct state_head *h, struct slice file)
{
	const size_t said = (size_t)h->said_room * SHA256_LEN;
	int64_t i;

	if (h->tasks < 0 || (uint64_t)h->tasks > file.len || h->said_room < 0 ||
	    (uint64_t)h->said_room > file.len)
		return false;
	s->task = calloc((size_t)h->tasks + 1, sizeof(struct task_state *));
	if (s->task == NULL)
		return false;
	for (i = 0; i < h->tasks; i++)
		if (!task_load(s, &file))
			return false;
	s->said = said == 0 ? NULL : malloc(said);
	if ((said > 0 && s->said == NULL) ||
	    (said > 0 && !take(&file, s->said, said)) || file.len != 0)
		return false;
	s->method = h->method;
	s->method_leaf = h->method_leaf;
	s->newest_ms = h->newest_ms;
	s->said_n = (size_t)h->said_n;
	s->said_room = (size_t)h->said_room;
	s->size = h->size;
	return true;
}

/* The whole of a file that this build made, with its sum behind it. */
static bool
head_load(struct state_head *h, struct slice *file)
{
	uint8_t sum[SHA256_LEN];
	char wanted[64];

	if (file->len < sizeof(*h) + SHA256_LEN)
		return false;
	file->len -= SHA256_LEN;
	sha256(sum, file->p, file->len);
	made_by(wanted);
	return memcmp(sum, file->p + file->len, SHA256_LEN) == 0 &&
	    take(file, h, sizeof(*h)) &&
	    memcmp(h->made_by, wanted, sizeof(wanted)) == 0;
}

/* Whether the log that is read begins with what the file was made at. */
static bool
is_of(const struct state_head *h, struct site *site)
{
	struct tree_hash root;

	return h->size > 0 && h->size <= site->size &&
	    tree_root(&root, h->size, site_node, site, NULL) == RC_OK &&
	    tree_hash_is(&root, &h->root);
}

/* False, and *s empty, for whatever reason. */
static bool
state_load(struct state *s, struct site *site, const char *directory)
{
	char path[FILE_PATH_SIZE];
	struct state_head h;
	struct slice rest;
	struct buf file;
	bool ok;

	path_of(path, directory);
	buf_init(&file, STATE_BYTES);
	ok = buf_read_file(&file, path, NULL) == RC_OK;
	rest = (struct slice){ file.p, file.len };
	ok = ok && head_load(&h, &rest) && is_of(&h, site) &&
	    body_load(s, &h, rest);
	if (!ok) {
		state_free(s);
		s->method_leaf = LEAF_NONE;
	}
	buf_free(&file);
	return ok;
}

/* ---- Writing ---- */

static enum rc
state_store(const struct state *s, struct site *site, const char *directory,
    struct err *e)
{
	struct state_head h;
	struct task_state t;
	char path[FILE_PATH_SIZE];
	uint8_t sum[SHA256_LEN];
	struct buf file;
	size_t i;
	enum rc rc;

	memset(&h, 0, sizeof(h));
	made_by(h.made_by);
	h.size = s->size;
	h.tasks = (int64_t)s->tasks;
	h.method = s->method;
	h.method_leaf = s->method_leaf;
	h.newest_ms = s->newest_ms;
	h.said_n = (int64_t)s->said_n;
	h.said_room = (int64_t)s->said_room;
	rc = tree_root(&h.root, s->size, site_node, site, e);
	if (rc != RC_OK)
		return rc;
	buf_init(&file, STATE_BYTES);
	buf_add(&file, &h, sizeof(h));
	for (i = 0; i < s->tasks; i++) {
		t = *s->task[i];
		t.spans = NULL;
		buf_add(&file, &t, sizeof(t));
		buf_add(
		    &file, s->task[i]->spans, t.spans_n * sizeof(struct span));
	}
	if (s->said_room > 0)
		buf_add(&file, s->said, s->said_room * SHA256_LEN);
	rc = buf_status(&file, e);
	if (rc == RC_OK) {
		sha256(sum, file.p, file.len);
		buf_add(&file, sum, sizeof(sum));
		rc = buf_status(&file, e);
	}
	path_of(path, directory);
	if (rc == RC_OK)
		rc = file_put(path, STATE_MODE, file.p, file.len, e);
	buf_free(&file);
	return rc;
}

enum rc
state_open(
    struct state *s, struct site *site, const char *directory, struct err *e)
{
	int64_t known;
	enum rc rc;

	memset(s, 0, sizeof(*s));
	s->method_leaf = LEAF_NONE;
	(void)state_load(s, site, directory);
	known = s->size;
	rc = state_read(s, site, e);
	if (rc != RC_OK)
		return rc;
	log_info("%" PRId64 " entries were read, %" PRId64 " were known",
	    s->size - known, known);
	if (s->size - known >= STATE_TAIL)
		rc = state_store(s, site, directory, e);
	if (rc != RC_OK)
		state_free(s);
	return rc;
}
