#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

void
secret_wipe(void *p, size_t len)
{
	explicit_bzero(p, len);
}

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

/*
 * Opens the credential of that name, or else path itself. *others: what nobody
 * else may do with it. On a tmpfs systemd lets the service's user read by an
 * access control list, whose mask stands where the group's rights do.
 */
static int
file_open(mode_t *others, const char *path)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	const char *slash = strrchr(path, '/');
	char credential[PATH_LEN_MAX + 1];
	int fd, n;

	if (dir != NULL && dir[0] == '/') {
		n = snprintf(credential, sizeof(credential), "%s/%s", dir,
		    slash == NULL ? path : slash + 1);
		fd = n > 0 && (size_t)n < sizeof(credential)
		    ? open(credential, flags)
		    : -1;
		*others = S_IWGRP | S_IXGRP | S_IRWXO;
		if (fd >= 0)
			return fd;
	}
	*others = S_IRWXG | S_IRWXO;
	/* O_NONBLOCK: a FIFO in its place must not hang the caller. */
	return open(path, flags);
}

/* Only the caller or root may have written it, and nobody else read it. */
static enum rc
check_file(int fd, mode_t others, const char *path, struct err *e)
{
	char owner[FILE_USER_SIZE], self[FILE_USER_SIZE];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, RC_INVALID, "%s: not a regular file", path);
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		file_user(owner, st.st_uid);
		file_user(self, geteuid());
		return err_set(e, RC_INVALID,
		    "%s: owned by %s, expected this user, %s, or root: run this as the owner",
		    path, owner, self);
	}
	if ((st.st_mode & others) != 0)
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
	mode_t others;
	enum rc rc;
	int fd;

	*len = 0;
	memset(out, 0, size);
	fd = file_open(&others, path);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? RC_NOT_FOUND : RC_IO,
		    "%s: %s", path, strerror(errno));
	rc = check_file(fd, others, path, e);
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
