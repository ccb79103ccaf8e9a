/*
 * A log as static files below a directory, as a web server shows them: tiles,
 * bundles of entries. What is written is on disk when a function returns, and
 * each file takes its place in one step; none that a published size needs is
 * ever changed. One thread.
 */
#ifndef WORKNET_TLOG_SITE_H
#define WORKNET_TLOG_SITE_H

#include "base/file.h"
#include "tlog/checkpoint.h"
#include "tlog/tile.h"

/*
 * Brings a file of a log that is elsewhere to its name below the directory.
 * RC_NOT_FOUND: the log doesn't have it; RC_IO, RC_NO_MEMORY.
 */
typedef enum rc site_fetch_fn(void *ctx, const char *name, struct err *e);

struct site {
	char path[PATH_LEN_MAX + 1];
	int64_t size;	      /* of the log that is read */
	site_fetch_fn *fetch; /* what isn't there yet; NULL: nobody does */
	void *fetch_ctx;
	/* The tile, and the bundle, that was read last. */
	int level;
	int64_t n, width;
	struct tree_hash tile[TILE_WIDTH];
	int64_t bundle_n, bundle_width;
	struct buf bundle; /* owned */
	/* The entry after the last one that was shown, and where it is. */
	int64_t entry_next;
	size_t entry_at;
};

/* Reads the log of so many leaves at path; freed with site_close. */
void site_open(struct site *s, const char *path, int64_t size);
void site_close(struct site *s);

/*
 * The same of so many leaves as its checkpoint says, whoever signed that. Freed
 * with site_close also after an error: RC_NOT_FOUND without a checkpoint,
 * RC_INVALID, RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
site_open_seen(struct site *s, const char *path, struct err *e);

/*
 * Reads the file of that name, which is fetched if it can be. RC_NOT_FOUND,
 * RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
site_get(struct site *s, const char *name, struct buf *out, struct err *e);

/* A tree_read_fn, of a struct site. RC_CORRUPT of a tile of another length. */
MUST_CHECK enum rc site_node(
    void *ctx, int level, int64_t i, struct tree_hash *out, struct err *e);

/* Entry i, borrowed until the next call. RC_NOT_FOUND, RC_CORRUPT, RC_IO. */
MUST_CHECK enum rc
site_entry(struct site *s, int64_t i, struct slice *out, struct err *e);

/*
 * Writes bundles and tiles with n entries more, and counts them in s->size.
 * Nobody sees them before a checkpoint has that size; what an earlier call
 * wrote for leaves past s->size is written over. RC_IO, RC_CORRUPT,
 * RC_NO_MEMORY.
 */
MUST_CHECK enum rc
site_append(struct site *s, const struct slice *entry, size_t n, struct err *e);

/* The proof file of entry i, with a note of s->size. */
MUST_CHECK enum rc site_proof(struct site *s, int64_t i, struct slice note,
    struct buf *out, struct err *e);

/* Writes bytes to the file of that name below the directory. */
MUST_CHECK enum rc
site_put(struct site *s, const char *name, struct slice bytes, struct err *e);

#endif
