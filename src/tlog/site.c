#include "tlog/site.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SITE_FILE_MODE 0644 /* nginx reads it */
#define BUNDLE_MAX     (TILE_WIDTH * (2 + ENTRY_MAX))

void
site_open(struct site *s, const char *path, int64_t size)
{
	memset(s, 0, sizeof(*s));
	(void)snprintf(s->path, sizeof(s->path), "%s", path);
	s->size = size;
	s->width = s->bundle_width = -1;
	buf_init(&s->bundle, BUNDLE_MAX);
}

void
site_close(struct site *s)
{
	buf_free(&s->bundle);
}

enum rc
site_open_seen(struct site *s, const char *path, struct err *e)
{
	char file[FILE_PATH_SIZE];
	struct checkpoint c;
	struct note note;
	struct buf text;
	enum rc rc;

	site_open(s, path, 0);
	(void)snprintf(file, sizeof(file), "%s/checkpoint", path);
	buf_init(&text, NOTE_MAX);
	rc = buf_read_file(&text, file, e);
	if (rc == RC_OK) {
		rc = note_parse(&note, (struct slice){ text.p, text.len }, e);
		if (rc == RC_OK)
			rc = checkpoint_parse(&c, note.text, e);
		if (rc == RC_OK)
			s->size = c.size;
		else
			(void)err_prefix(e, "%s", file);
	}
	buf_free(&text);
	return rc;
}

static void
path_of(char out[static FILE_PATH_SIZE], const struct site *s, const char *name)
{
	(void)snprintf(out, FILE_PATH_SIZE, "%s/%s", s->path, name);
}

enum rc
site_put(struct site *s, const char *name, struct slice bytes, struct err *e)
{
	char path[FILE_PATH_SIZE];

	path_of(path, s, name);
	return file_put(path, SITE_FILE_MODE, bytes.p, bytes.len, e);
}

enum rc
site_get(struct site *s, const char *name, struct buf *out, struct err *e)
{
	char path[FILE_PATH_SIZE];
	enum rc rc;

	buf_reset(out);
	path_of(path, s, name);
	rc = buf_read_file(out, path, e);
	if (rc != RC_NOT_FOUND || s->fetch == NULL)
		return rc;
	rc = s->fetch(s->fetch_ctx, name, e);
	buf_reset(out);
	return rc == RC_OK ? buf_read_file(out, path, e) : rc;
}

/*
 * Reads a tile or a bundle of that width, or the full one, which may have taken
 * its place since.
 */
static enum rc
tile_read(struct site *s, int level, int64_t n, int64_t width, struct buf *out,
    struct err *e)
{
	char name[TILE_PATH_MAX + 1];
	enum rc rc;

	tile_path(name, level, n, width);
	rc = site_get(s, name, out, e);
	if (rc != RC_NOT_FOUND || width == TILE_WIDTH)
		return rc;
	tile_path(name, level, n, TILE_WIDTH);
	return site_get(s, name, out, e);
}

static enum rc
hashes_load(struct site *s, int level, int64_t n, struct err *e)
{
	const int64_t width = tile_width(level, n, s->size);
	struct buf b;
	enum rc rc;

	CHECK(width > 0);
	if (s->level == level && s->n == n && s->width == width)
		return RC_OK;
	s->width = -1;
	buf_init(&b, TILE_BYTES);
	rc = tile_read(s, level, n, width, &b, e);
	if (rc == RC_OK && b.len != (size_t)width * SHA256_LEN &&
	    b.len != TILE_BYTES)
		rc = err_set(e, RC_CORRUPT,
		    "%s: tile %" PRId64
		    " of level %d has %zu bytes, expected %" PRId64,
		    s->path, n, level, b.len, width * SHA256_LEN);
	if (rc == RC_OK) {
		memcpy(s->tile, b.p, (size_t)width * SHA256_LEN);
		s->level = level;
		s->n = n;
		s->width = width;
	}
	buf_free(&b);
	return rc;
}

enum rc
site_node(void *ctx, int level, int64_t i, struct tree_hash *out, struct err *e)
{
	struct site *s = ctx;
	const int up = level % 8;
	const int64_t first = i
	    << up; /* among the hashes of the tile's level */
	enum rc rc;

	rc = hashes_load(s, level / 8, first / TILE_WIDTH, e);
	if (rc == RC_OK)
		tile_fold(out, &s->tile[first % TILE_WIDTH], (size_t)1 << up);
	return rc;
}

enum rc
site_entry(struct site *s, int64_t i, struct slice *out, struct err *e)
{
	const int64_t n = i / TILE_WIDTH;
	const int64_t width = tile_width(TILE_ENTRIES, n, s->size);
	struct slice rest;
	int64_t k;
	enum rc rc = RC_OK;

	CHECK(i >= 0 && i < s->size);
	if (s->bundle_n != n || s->bundle_width != width) {
		s->bundle_width = -1;
		rc = tile_read(s, TILE_ENTRIES, n, width, &s->bundle, e);
		if (rc != RC_OK)
			return rc;
		s->bundle_n = n;
		s->bundle_width = width;
		s->entry_next = n * TILE_WIDTH;
		s->entry_at = 0;
	}
	/* From the beginning, unless it comes later. */
	if (s->entry_next > i) {
		s->entry_next = n * TILE_WIDTH;
		s->entry_at = 0;
	}
	rest = (struct slice){ s->bundle.p + s->entry_at,
		s->bundle.len - s->entry_at };
	for (k = s->entry_next; k <= i && rc == RC_OK; k++)
		rc = tile_entry_next(&rest, out, e);
	if (rc == RC_OK) {
		s->entry_next = i + 1;
		s->entry_at = s->bundle.len - rest.len;
	}
	return rc == RC_OK
	    ? RC_OK
	    : err_set(e, RC_CORRUPT,
		  "%s: the bundle of entry %" PRId64 " ends before it", s->path,
		  i);
}

/* ---- Writing ---- */

/* The first width entries of a bundle stay; the others are appended. */
static enum rc
bundle_write(struct site *s, int64_t n, int64_t size, const struct slice *entry,
    struct err *e)
{
	const int64_t first = n * TILE_WIDTH, old = s->size - first;
	char name[TILE_PATH_MAX + 1];
	struct slice rest, one;
	struct buf b;
	int64_t i, width = tile_width(TILE_ENTRIES, n, size);
	enum rc rc = RC_OK;

	buf_init(&b, BUNDLE_MAX);
	if (old > 0)
		rc = tile_read(s, TILE_ENTRIES, n, old, &b, e);
	rest = (struct slice){ b.p, b.len };
	for (i = 0; i < old && rc == RC_OK; i++)
		rc = tile_entry_next(&rest, &one, e);
	if (rc == RC_OK)
		b.len -= rest.len; /* what a run that was ended left */
	for (i = old > 0 ? old : 0; i < width && rc == RC_OK; i++)
		tile_entry_add(&b, entry[first + i - s->size]);
	if (rc == RC_OK)
		rc = buf_status(&b, e);
	tile_path(name, TILE_ENTRIES, n, width);
	if (rc == RC_OK)
		rc = site_put(s, name, (struct slice){ b.p, b.len }, e);
	buf_free(&b);
	return rc;
}

/* The root of a full tile, which may have been written just now. */
static enum rc
tile_root(
    struct site *s, int level, int64_t n, struct tree_hash *out, struct err *e)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, TILE_BYTES);
	rc = tile_read(s, level, n, TILE_WIDTH, &b, e);
	if (rc == RC_OK && b.len != TILE_BYTES)
		rc = err_set(e, RC_CORRUPT, "%s: a full tile has %zu bytes",
		    s->path, b.len);
	if (rc == RC_OK)
		tile_fold(out, (const struct tree_hash *)(const void *)b.p,
		    TILE_WIDTH);
	buf_free(&b);
	return rc;
}

static enum rc
tile_write(struct site *s, int level, int64_t n, int64_t size,
    const struct slice *entry, struct err *e)
{
	const int64_t first = n * TILE_WIDTH;
	const int64_t old = tile_hashes(level, s->size) - first;
	const int64_t width = tile_width(level, n, size);
	struct tree_hash hash[TILE_WIDTH];
	char name[TILE_PATH_MAX + 1];
	int64_t i;
	enum rc rc = RC_OK;

	if (old > 0) {
		rc = hashes_load(s, level, n, e);
		memcpy(hash, s->tile, sizeof(hash));
	}
	for (i = old > 0 ? old : 0; i < width && rc == RC_OK; i++)
		if (level == 0)
			tree_leaf(&hash[i], entry[first + i - s->size]);
		else
			rc = tile_root(s, level - 1, first + i, &hash[i], e);
	if (rc != RC_OK)
		return rc;
	tile_path(name, level, n, width);
	return site_put(s, name,
	    (struct slice){ (const char *)hash, (size_t)width * SHA256_LEN },
	    e);
}

enum rc
site_append(struct site *s, const struct slice *entry, size_t n, struct err *e)
{
	const int64_t size = s->size + (int64_t)n;
	int64_t t;
	enum rc rc = RC_OK;
	int level;

	for (t = s->size / TILE_WIDTH; t * TILE_WIDTH < size && rc == RC_OK;
	     t++)
		rc = bundle_write(s, t, size, entry, e);
	for (level = 0; level < TILE_LEVELS && rc == RC_OK; level++) {
		if (tile_hashes(level, size) == tile_hashes(level, s->size))
			break;
		for (t = tile_hashes(level, s->size) / TILE_WIDTH;
		     t * TILE_WIDTH < tile_hashes(level, size) && rc == RC_OK;
		     t++)
			rc = tile_write(s, level, t, size, entry, e);
	}
	if (rc != RC_OK)
		return rc;
	s->size = size;
	s->width = s->bundle_width = -1;
	return RC_OK;
}

enum rc
site_proof(struct site *s, int64_t i, struct slice note, struct buf *out,
    struct err *e)
{
	struct tree_proof proof;
	struct slice entry;
	enum rc rc;

	rc = site_entry(s, i, &entry, e);
	if (rc == RC_OK)
		rc = tree_prove_inclusion(&proof, i, s->size, site_node, s, e);
	if (rc != RC_OK)
		return rc;
	proof_file_format(out, entry, i, &proof, note);
	return buf_status(out, e);
}
