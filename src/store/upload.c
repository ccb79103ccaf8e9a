#include "store/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/logged.h"
#include "store/pack.h"
#include "store/upload_state.h"
#include "tlog/site.h"

#define TYPE_SEGMENT "application/zstd"
#define TYPE_PROOF   "text/plain"

/* A segment, and what becomes of it. */
struct piece {
	struct logged_file leaf;
	struct buf entry;		  /* owned: the leaf's bytes */
	struct buf packed, proof;	  /* owned */
	char name[2][STORE_NAME_MAX + 1]; /* of both objects */
	bool left;			  /* it is a finding */
};

struct uploader {
	const struct conf *conf;
	struct store *store; /* owned */
	struct site site;
	struct upload_state state;
	int lock_fd;
	struct piece piece[STORE_AT_ONCE];
	size_t n; /* pieces */
	struct upload_result *result;
};

/* ---- Pieces ---- */

static void
names_set(struct piece *p)
{
	static const char *const ends[] = { "zst", "tlog-proof" };
	char object[STORE_NAME_MAX - 11];
	size_t i;

	(void)snprintf(object, sizeof(object), "%s", p->leaf.object);

	for (i = 0; i < 2; i++)
		(void)snprintf(
		    p->name[i], sizeof(p->name[i]), "%s.%s", object, ends[i]);
}

static void
piece_free(struct piece *p)
{
	buf_free(&p->entry);
	buf_free(&p->packed);
	buf_free(&p->proof);
}

static void
pieces_free(struct uploader *u)
{
	size_t i;

	for (i = 0; i < u->n; i++)
		piece_free(&u->piece[i]);
	u->n = 0;
}

static void
finding(struct uploader *u, struct piece *p, const char *what)
{
	p->left = true;
	u->result->findings++;
	log_error("leaf %" PRId64 ": %s", p->leaf.leaf, what);
}

/* A file of the log's directory; *there is false without it, or if it is
 * longer. */
static enum rc
file_of(struct buf *out, bool *there, const struct uploader *u,
    const char *name, size_t max, struct err *e)
{
	char path[FILE_PATH_SIZE + SEGMENT_NAME_MAX];
	enum rc rc;

	(void)snprintf(
	    path, sizeof(path), "%s/%s", u->conf->log_directory, name);
	buf_init(out, max);
	rc = buf_read_file(out, path, e);
	*there = rc == RC_OK;
	return rc == RC_NOT_FOUND || rc == RC_NO_MEMORY ? RC_OK : rc;
}

static enum rc
files_read(struct uploader *u, struct piece *p, struct err *e)
{
	char name[SEGMENT_NAME_MAX + 1], proof[SEGMENT_NAME_MAX + 16];
	struct buf segment;
	bool there;
	enum rc rc;

	memcpy(name, p->leaf.name, sizeof(name));
	(void)snprintf(proof, sizeof(proof), "%s.tlog-proof", name);
	rc = file_of(&segment, &there, u, name, (size_t)p->leaf.bytes, e);
	if (rc == RC_OK &&
	    (!there ||
		!logged_file_is(
		    &p->leaf, (struct slice){ segment.p, segment.len })))
		finding(u, p,
		    "its file in the log's directory isn't what its leaf says, and isn't uploaded");
	buf_init(&p->packed, pack_max((size_t)p->leaf.bytes));
	if (rc == RC_OK && !p->left)
		rc = pack(
		    &p->packed, (struct slice){ segment.p, segment.len }, e);
	buf_free(&segment);
	if (rc == RC_OK)
		rc = file_of(&p->proof, &there, u, proof, PROOF_FILE_MAX, e);
	if (rc == RC_OK && !there && !p->left)
		finding(u, p,
		    "its proof isn't in the log's directory, and it isn't uploaded");
	return rc;
}

/* Makes a piece of a leaf, if it is of a file. */
static enum rc
piece_add(struct uploader *u, int64_t index, struct err *e)
{
	struct piece *p = &u->piece[u->n];
	struct slice entry;
	bool is_one = false;
	enum rc rc;

	memset(p, 0, sizeof(*p));
	rc = site_entry(&u->site, index, &entry, e);
	if (rc == RC_OK)
		rc = logged_file_of(&p->leaf, &is_one, index, entry, e);
	if (rc != RC_OK || !is_one)
		return rc;
	u->n++;
	buf_init(&p->entry, ENTRY_MAX);
	buf_add(&p->entry, entry.p, entry.len);
	rc = buf_status(&p->entry, e);
	names_set(p);
	return rc == RC_OK ? files_read(u, p, e) : rc;
}

/* ---- What is there ---- */

/* Nothing but the leaf's own bytes, whoever packed them and how. */
static enum rc
segment_same(bool *same, struct piece *p, struct slice there, struct err *e)
{
	struct buf bytes;
	enum rc rc;

	buf_init(&bytes, (size_t)p->leaf.bytes);
	rc = unpack(&bytes, there, (size_t)p->leaf.bytes, e);
	*same = rc == RC_OK &&
	    logged_file_is(&p->leaf, (struct slice){ bytes.p, bytes.len });
	buf_free(&bytes);
	return rc == RC_INVALID ? RC_OK : rc;
}

/*
 * A proof that was made with another checkpoint, or has other signatures, is as
 * good: it has to prove this leaf, in a tree that this log's begins with.
 */
static enum rc
proof_same(bool *same, struct uploader *u, struct piece *p, struct slice there,
    struct err *e)
{
	struct tree_hash leaf, root;
	struct proof_file file;
	struct checkpoint c;
	struct note note;
	enum rc rc = RC_OK;

	*same = there.len == p->proof.len &&
	    memcmp(there.p, p->proof.p, there.len) == 0;
	if (*same || proof_file_parse(&file, there, NULL) != RC_OK)
		return RC_OK;
	tree_leaf(&leaf, (struct slice){ p->entry.p, p->entry.len });
	if (file.index == p->leaf.leaf && file.has_entry &&
	    file.entry.len == p->entry.len &&
	    memcmp(file.entry.p, p->entry.p, p->entry.len) == 0 &&
	    note_parse(&note, file.note, NULL) == RC_OK &&
	    checkpoint_parse(&c, note.text, NULL) == RC_OK &&
	    c.size > p->leaf.leaf && c.size <= u->site.size &&
	    tree_check_inclusion(&file.proof, p->leaf.leaf, &leaf, c.size,
		&c.root, NULL) == RC_OK) {
		rc = tree_root(&root, c.size, site_node, &u->site, e);
		*same = rc == RC_OK && tree_hash_is(&root, &c.root);
	}
	proof_file_free(&file);
	return rc;
}

static enum rc
there_check(struct uploader *u, struct piece *p, size_t part,
    const struct store_put *put, struct err *e)
{
	const struct slice there = { put->there.p, put->there.len };
	char what[STORE_NAME_MAX + 100];
	bool same = false;
	enum rc rc;

	if (there.len == 0)
		rc = RC_OK;
	else if (part == 0)
		rc = segment_same(&same, p, there, e);
	else
		rc = proof_same(&same, u, p, there, e);
	if (rc != RC_OK)
		return rc;
	if (same) {
		u->result->there++;
		return RC_OK;
	}
	(void)snprintf(what, sizeof(what),
	    "the store has another %s already, which stays; somebody else writes there",
	    p->name[part]);
	finding(u, p, what);
	return RC_OK;
}

/* ---- Uploading ---- */

/* One object of each piece: 0 the segments, 1 the proofs. */
static enum rc
part_upload(struct uploader *u, size_t part, struct err *e)
{
	struct store_put put[STORE_AT_ONCE];
	struct piece *of[STORE_AT_ONCE];
	const struct buf *body;
	size_t i, n = 0;
	enum rc rc;

	for (i = 0; i < u->n; i++) {
		if (u->piece[i].left)
			continue;
		of[n] = &u->piece[i];
		body = part == 0 ? &of[n]->packed : &of[n]->proof;
		put[n] = (struct store_put){
			.name = of[n]->name[part],
			.type = part == 0 ? TYPE_SEGMENT : TYPE_PROOF,
			.body = { body->p, body->len },
			.there_max = part == 0
			    ? pack_max((size_t)of[n]->leaf.bytes)
			    : PROOF_FILE_MAX,
		};
		n++;
	}
	rc = store_create(u->store, put, n, e);
	for (i = 0; i < n; i++) {
		if (rc == RC_OK && put[i].exists)
			rc = there_check(u, of[i], part, &put[i], e);
		else if (rc == RC_OK)
			u->result->made++;
		buf_free(&put[i].there);
	}
	return rc;
}

/* Uploads the pieces, and what is a finding is left. */
static enum rc
pieces_upload(struct uploader *u, struct err *e)
{
	struct upload_state *s = &u->state;
	enum rc rc;
	size_t i;

	rc = part_upload(u, 0, e);
	if (rc == RC_OK)
		rc = part_upload(u, 1, e);
	for (i = 0; i < u->n && rc == RC_OK; i++) {
		if (!u->piece[i].left)
			continue;
		if (s->left_n == UPLOAD_LEFT_MAX)
			return err_set(e, RC_CORRUPT,
			    "%d segments in the store, or here, aren't what the log says: nothing more is uploaded",
			    UPLOAD_LEFT_MAX);
		s->left[s->left_n++] = u->piece[i].leaf.leaf;
	}
	return rc;
}

/* What earlier runs found is looked at again: somebody may have mended it. */
static enum rc
left_upload(struct uploader *u, struct err *e)
{
	struct upload_state *s = &u->state;
	static int64_t left[UPLOAD_LEFT_MAX];
	const size_t n = s->left_n;
	size_t i = 0;
	enum rc rc = RC_OK;

	memcpy(left, s->left, sizeof(left));
	s->left_n = 0;
	while (i < n && rc == RC_OK) {
		while (i < n && u->n < STORE_AT_ONCE && rc == RC_OK)
			rc = piece_add(u, left[i++], e);
		if (rc == RC_OK)
			rc = pieces_upload(u, e);
		pieces_free(u);
	}
	if (rc == RC_OK && n > 0)
		return upload_state_write(s, u->conf, e);
	if (rc != RC_OK) {
		memcpy(s->left, left, sizeof(left));
		s->left_n = n;
	}
	return rc;
}

/* Some segments more, from state.next on. */
static enum rc
wave_upload(struct uploader *u, struct err *e)
{
	int64_t i = u->state.next;
	enum rc rc = RC_OK;

	while (i < u->site.size && u->n < STORE_AT_ONCE && rc == RC_OK)
		rc = piece_add(u, i++, e);
	if (rc == RC_OK)
		rc = pieces_upload(u, e);
	if (rc == RC_OK) {
		u->state.next = i;
		rc = upload_state_write(&u->state, u->conf, e);
	}
	pieces_free(u);
	return rc;
}

/* ---- A run ---- */

static enum rc
lock(struct uploader *u, struct err *e)
{
	char path[FILE_PATH_SIZE];
	enum rc rc;

	(void)snprintf(
	    path, sizeof(path), "%s/lock", u->conf->upload_state_directory);
	rc = file_lock(&u->lock_fd, path, "worknet-log --upload", e);
	/* Busy is what the store is. */
	return rc == RC_BUSY ? RC_CONFLICT : rc;
}

static enum rc
size_check(const struct upload_state *s, const struct site *site, struct err *e)
{
	return s->next <= site->size
	    ? RC_OK
	    : err_set(e, RC_CORRUPT,
		  "%s has %" PRId64 " leaves, and %" PRId64
		  " were uploaded: it is an older copy",
		  site->path, site->size, s->next);
}

/* The oldest segment among the leaves that aren't there. */
static enum rc
oldest_find(int64_t *end_ms, const struct upload_state *s, struct site *site,
    struct err *e)
{
	int64_t i = s->left_n > 0 ? s->left[0] : s->next;
	struct logged_file leaf;
	struct slice entry;
	bool is_one;
	enum rc rc = RC_OK;

	*end_ms = 0;
	for (; i < site->size && *end_ms == 0 && rc == RC_OK; i++) {
		rc = site_entry(site, i, &entry, e);
		if (rc == RC_OK)
			rc = logged_file_of(&leaf, &is_one, i, entry, e);
		if (rc == RC_OK && is_one)
			*end_ms = leaf.to;
	}
	return rc;
}

static enum rc
all_upload(struct uploader *u, bool all, struct err *e)
{
	struct err other = ERR_INIT;
	enum rc rc;

	rc = size_check(&u->state, &u->site, e);
	if (rc != RC_OK)
		return rc;
	if (all) {
		u->state.next = 0;
		u->state.left_n = 0;
	}
	rc = left_upload(u, e);
	while (rc == RC_OK && u->state.next < u->site.size)
		rc = wave_upload(u, e);
	u->result->behind =
	    u->site.size - u->state.next + (int64_t)u->state.left_n;
	if (oldest_find(&u->result->oldest_ms, &u->state, &u->site, &other) !=
		RC_OK &&
	    rc == RC_OK)
		rc = err_set(e, other.rc, "%s", other.msg);
	return rc;
}

static enum rc
uploader_begin(struct uploader **out, const struct conf *c, struct err *e)
{
	struct uploader *u = calloc(1, sizeof(*u));
	enum rc rc;

	*out = u;
	if (u == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	u->conf = c;
	u->lock_fd = -1;
	rc = site_open_seen(&u->site, c->log_directory, e);
	if (rc == RC_OK)
		rc = store_open(&u->store, c, e);
	if (rc == RC_OK)
		rc = lock(u, e);
	return rc == RC_OK ? upload_state_read(&u->state, c, e) : rc;
}

static void
uploader_end(struct uploader *u)
{
	if (u == NULL)
		return;
	store_close(u->store);
	site_close(&u->site);
	if (u->lock_fd >= 0)
		(void)close(u->lock_fd);
	free(u);
}

enum rc
upload_run(
    const struct conf *c, bool all, struct upload_result *out, struct err *e)
{
	struct uploader *u;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	rc = uploader_begin(&u, c, e);
	if (rc == RC_OK) {
		u->result = out;
		rc = all_upload(u, all, e);
	}
	uploader_end(u);
	return rc;
}

enum rc
upload_test(const struct conf *c, struct err *e)
{
	struct uploader *u;
	enum rc rc = uploader_begin(&u, c, e);

	if (rc == RC_OK)
		rc = size_check(&u->state, &u->site, e);
	uploader_end(u);
	return rc;
}

enum rc
upload_oldest(int64_t *end_ms, const struct conf *c, struct err *e)
{
	struct upload_state *s = malloc(sizeof(*s));
	struct site site;
	enum rc rc;

	*end_ms = 0;
	if (s == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	rc = site_open_seen(&site, c->log_directory, e);
	if (rc == RC_OK)
		rc = upload_state_read(s, c, e);
	if (rc == RC_OK)
		rc = oldest_find(end_ms, s, &site, e);
	site_close(&site);
	free(s);
	return rc;
}
