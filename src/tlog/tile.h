/*
 * Tiles (C2SP tlog-tiles v0.1.0): where the hashes and the entries of a log are
 * in its static files. A tile has 256 hashes, of one level of eight; the last
 * one of a level has fewer, and says so in its name. Pure functions; any
 * thread.
 */
#ifndef WORKNET_TLOG_TILE_H
#define WORKNET_TLOG_TILE_H

#include "tlog/tree.h"

#define TILE_WIDTH    256
#define TILE_LEVELS   7	   /* of 8 levels of the tree each: 2^56 leaves */
#define TILE_ENTRIES  (-1) /* the level of bundles of entries */
#define TILE_PATH_MAX 80
#define TILE_BYTES    (TILE_WIDTH * SHA256_LEN)

/* "tile/L/N" or "tile/entries/N"; of fewer than TILE_WIDTH, ".p/WIDTH". */
void tile_path(
    char out[static TILE_PATH_MAX + 1], int level, int64_t n, int64_t width);

/* So many hashes of tiles of that level has a log of size leaves. */
int64_t tile_hashes(int level, int64_t size);

/* How wide tile n of the level is in a log of size leaves; 0: there is none. */
int64_t tile_width(int level, int64_t n, int64_t size);

/* The root of n hashes, a power of two: of a part of a tile, or a whole. */
void tile_fold(struct tree_hash *out, const struct tree_hash *hash, size_t n);

/* Appends an entry to a bundle: two bytes of length, then its own. */
void tile_entry_add(struct buf *out, struct slice entry);
/*
 * Takes the first entry off a bundle. RC_INVALID when there is none, or not the
 * whole of it.
 */
MUST_CHECK enum rc
tile_entry_next(struct slice *bundle, struct slice *entry, struct err *e);

#endif
