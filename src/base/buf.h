/*
 * Bytes: a borrowed view, and a buffer that grows up to a limit.
 * No function here keeps a pointer; no locks: one thread at a time.
 */
#ifndef WORKNET_BASE_BUF_H
#define WORKNET_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A borrowed view of len bytes, not NUL-terminated. */
struct slice {
	const char *p;
	size_t len;
};

/* The view of a string literal, as a constant. */
#define SLICE_OF(literal)                    \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

struct slice slice_of(const char *text);
bool slice_is(struct slice s, const char *text);

/*
 * Takes the first line off the text; line is without its newline. false, and
 * nothing is taken: the text is empty, or its last line has no newline.
 */
bool slice_line(struct slice *text, struct slice *line);

/* Into size bytes with the NUL; what is longer is cut. */
void slice_copy(char *out, size_t size, struct slice s);

/*
 * A growable buffer. After a failed append `failed` stays set and later
 * appends do nothing, so that a caller may check once, at the end, with
 * buf_status. The text is always followed by a NUL that len doesn't count.
 */
struct buf {
	char *p; /* owned */
	size_t len;
	size_t cap;
	size_t max; /* bytes; an append past it fails */
	bool failed;
};

/* An empty buffer that may grow to max bytes. */
void buf_init(struct buf *b, size_t max);
/* Frees what b owns; b may be used again after buf_init. NULL is fine. */
void buf_free(struct buf *b);
/* Empties b, keeps its memory. */
void buf_reset(struct buf *b);
void buf_add(struct buf *b, const void *p, size_t len);
void buf_add_text(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* RC_OK, or RC_NO_MEMORY when an append failed (memory or max). */
MUST_CHECK enum rc buf_status(const struct buf *b, struct err *e);

/*
 * Reads the whole file into b. RC_NOT_FOUND when it doesn't exist, RC_IO,
 * RC_NO_MEMORY when it is longer than b's limit.
 */
MUST_CHECK enum rc
buf_read_file(struct buf *b, const char *path, struct err *e);

/* The same of a file that is open, and stays so; path names it for people. */
MUST_CHECK enum rc
buf_read_fd(struct buf *b, int fd, const char *path, struct err *e);

#endif
