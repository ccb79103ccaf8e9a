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

/* True when the len bytes at p are valid UTF-8 (RFC 3629) without NUL. */
bool utf8_is_text(const char *p, size_t len);

/* Overwrites secrets in a way that the compiler must keep. */
void secret_wipe(void *p, size_t len);

/*
 * Reads a file that holds a secret: the whole of it into out, which has size
 * bytes, and its length into *len; no NUL is added. It must be a regular file
 * of the caller's effective user (or root) that nobody else can read or write
 * (mode 0600 or less). RC_NOT_FOUND when there is no such file, RC_INVALID
 * when it isn't that, or holds more than size bytes, RC_IO.
 *
 * The caller wipes out when it is done; on failure it is wiped already. No
 * message holds a part of the text.
 */
MUST_CHECK enum rc secret_file_read(
    char *out, size_t size, size_t *len, const char *path, struct err *e);

/* The text without the white space (blank, tab, CR, LF) around it. */
struct slice secret_trim(struct slice text);

#endif
