#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static enum rc
read_fd(struct buf *b, int fd, const char *path, struct err *e)
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
	rc = read_fd(b, fd, path, e);
	(void)close(fd);
	return rc;
}

/* The length of the UTF-8 sequence at p, or 0 when it isn't one. */
static size_t
utf8_sequence(const unsigned char *p, size_t len)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t n, i;

	if (p[0] < 0x80)
		return p[0] == 0 ? 0 : 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return 0;
	/* RFC 3629, section 4: no overlong forms, no surrogates. */
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool
utf8_is_text(const char *p, size_t len)
{
	size_t n;

	while (len > 0) {
		n = utf8_sequence((const unsigned char *)p, len);
		if (n == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

void
secret_wipe(void *p, size_t len)
{
	explicit_bzero(p, len);
}

/* ---- Files that hold secrets ---- */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice
secret_trim(struct slice text)
{
	while (text.len > 0 && is_space(text.p[0])) {
		text.p++;
		text.len--;
	}
	while (text.len > 0 && is_space(text.p[text.len - 1]))
		text.len--;
	return text;
}

/* Only the caller or root may have written it, and nobody else read it. */
static enum rc
check_file(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, RC_INVALID, "%s: not a regular file", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(e, RC_INVALID,
		    "%s: owned by user %lu, expected %lu or root", path,
		    (unsigned long)st.st_uid, (unsigned long)geteuid());
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return err_set(e, RC_INVALID,
		    "%s: mode is %04o, expected 0600 or less", path,
		    (unsigned)st.st_mode & 07777);
	return RC_OK;
}

/* Reads up to size bytes; *len tells how many there were. */
static enum rc
read_all(
    char *p, size_t size, size_t *len, int fd, const char *path, struct err *e)
{
	ssize_t n;

	while (*len < size) {
		n = read(fd, p + *len, size - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(
			    e, RC_IO, "%s: %s", path, strerror(errno));
		if (n == 0)
			return RC_OK;
		*len += (size_t)n;
	}
	return RC_OK;
}

/* What doesn't fit is no key: reading a part of it would be worse. */
static enum rc
check_end(int fd, size_t size, const char *path, struct err *e)
{
	char more;
	ssize_t n;

	do {
		n = read(fd, &more, 1);
	} while (n < 0 && errno == EINTR);
	secret_wipe(&more, sizeof(more));
	if (n < 0)
		return err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	if (n > 0)
		return err_set(
		    e, RC_INVALID, "%s: more than %zu bytes", path, size);
	return RC_OK;
}

enum rc
secret_file_read(
    char *out, size_t size, size_t *len, const char *path, struct err *e)
{
	enum rc rc;
	int fd;

	*len = 0;
	memset(out, 0, size);
	/* O_NONBLOCK: a FIFO in its place must not hang the caller. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? RC_NOT_FOUND : RC_IO,
		    "%s: %s", path, strerror(errno));
	rc = check_file(fd, path, e);
	if (rc == RC_OK)
		rc = read_all(out, size, len, fd, path, e);
	if (rc == RC_OK)
		rc = check_end(fd, size, path, e);
	(void)close(fd);
	if (rc != RC_OK) {
		secret_wipe(out, size);
		*len = 0;
	}
	return rc;
}
