#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"

struct slice
slice_of(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

bool
slice_is(struct slice s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

bool
slice_line(struct slice *text, struct slice *line)
{
	const char *end =
	    text->len == 0 ? NULL : memchr(text->p, '\n', text->len);

	if (end == NULL)
		return false;
	*line = (struct slice){ text->p, (size_t)(end - text->p) };
	text->p += line->len + 1;
	text->len -= line->len + 1;
	return true;
}

void
slice_copy(char *out, size_t size, struct slice s)
{
	size_t n = s.len < size - 1 ? s.len : size - 1;

	if (n > 0) /* an empty one may point nowhere */
		memcpy(out, s.p, n);
	out[n] = '\0';
}

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_free(struct buf *b)
{
	if (b == NULL)
		return;
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->p != NULL)
		b->p[0] = '\0';
}

/* Makes room for len more bytes and a NUL. */
static bool
buf_reserve(struct buf *b, size_t len)
{
	size_t cap;
	char *p;

	if (b->failed || len > b->max - b->len) {
		b->failed = true;
		return false;
	}
	if (b->len + len + 1 <= b->cap)
		return true;
	cap = b->cap == 0 ? 256 : b->cap;
	while (cap < b->len + len + 1)
		cap *= 2;
	p = realloc(b->p, cap);
	if (p == NULL) {
		b->failed = true;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void
buf_add(struct buf *b, const void *p, size_t len)
{
	if (!buf_reserve(b, len))
		return;
	if (len > 0)
		memcpy(b->p + b->len, p, len);
	b->len += len;
	b->p[b->len] = '\0';
}

void
buf_add_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t room = b->failed ? 0 : b->cap - b->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room == 0 ? NULL : b->p + b->len, room, fmt, ap);
	va_end(ap);
	/* What didn't fit is cut off again, and the text as it was. */
	if (n < 0 || !buf_reserve(b, (size_t)n)) {
		if (room > 0)
			b->p[b->len] = '\0';
		b->failed = true;
		return;
	}
	if ((size_t)n >= room) {
		va_start(ap, fmt);
		(void)vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}

enum rc
buf_status(const struct buf *b, struct err *e)
{
	if (!b->failed)
		return RC_OK;
	return err_set(e, RC_NO_MEMORY,
	    "text: longer than %zu bytes, or no memory", b->max);
}

enum rc
buf_read_fd(struct buf *b, int fd, const char *path, struct err *e)
{
	char chunk[4096];
	int error = 0;
	ssize_t n = 1;

	while (n != 0 && error == 0 && !b->failed) {
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			buf_add(b, chunk, (size_t)n);
		else if (n < 0 && errno != EINTR)
			error = errno;
	}
	secret_wipe(chunk, sizeof(chunk));
	if (error != 0)
		return err_set(e, RC_IO, "%s: %s", path, strerror(error));
	if (b->failed)
		return err_set(
		    e, RC_NO_MEMORY, "%s: more than %zu bytes", path, b->max);
	return RC_OK;
}

enum rc
buf_read_file(struct buf *b, const char *path, struct err *e)
{
	enum rc rc;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? RC_NOT_FOUND : RC_IO,
		    "%s: %s", path, strerror(errno));
	rc = buf_read_fd(b, fd, path, e);
	(void)close(fd);
	return rc;
}
