#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* Bytes that stay free: the coordinator's log grows meanwhile. */
#define ROOM_LEFT (16 * 1024 * 1024)

#define COPY_BYTES 65536 /* at once */

static enum rc
failed(const char *path, struct err *e)
{
	return err_set(e, errno == EEXIST ? RC_CONFLICT : RC_IO, "%s: %s", path,
	    strerror(errno));
}

void
file_time(char out[static FILE_TIME_LEN + 1], int64_t unix_ms)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm t = { .tm_mday = 1 };

	(void)gmtime_r(&seconds, &t);
	if (strftime(out, FILE_TIME_LEN + 1, "%Y%m%dT%H%M%SZ", &t) !=
	    FILE_TIME_LEN)
		(void)snprintf(out, FILE_TIME_LEN + 1, "00000101T000000Z");
}

void
file_user(char out[static FILE_USER_SIZE], uid_t uid)
{
	struct passwd entry, *found = NULL;
	char text[1024];

	if (getpwuid_r(uid, &entry, text, sizeof(text), &found) != 0)
		found = NULL;
	(void)snprintf(out, FILE_USER_SIZE, "%.40s (uid %lu)",
	    found == NULL ? "a user without a name" : found->pw_name,
	    (unsigned long)uid);
}

enum rc
file_directory(
    char out[static PATH_LEN_MAX + 1], const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	if (len > PATH_LEN_MAX)
		return err_set(e, RC_INVALID, "%.80s...: longer than %d bytes",
		    path, PATH_LEN_MAX);
	if (slash == NULL)
		(void)snprintf(out, PATH_LEN_MAX + 1, ".");
	else
		(void)snprintf(out, PATH_LEN_MAX + 1, "%.*s",
		    len == 0 ? 1 : (int)len, path);
	return RC_OK;
}

enum rc
file_check_room(const char *dir, int64_t bytes, struct err *e)
{
	struct statvfs fs;
	int64_t free_bytes;

	if (statvfs(dir, &fs) != 0)
		return failed(dir, e);
	free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	if (free_bytes - ROOM_LEFT >= bytes)
		return RC_OK;
	return err_set(e, RC_IO,
	    "%s: got %lld MiB of free space, expected %lld: nothing was written",
	    dir, (long long)(free_bytes / 1048576),
	    (long long)((bytes + ROOM_LEFT) / 1048576 + 1));
}

enum rc
file_make(const char *path, int *fd, struct err *e)
{
	*fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return *fd < 0 ? failed(path, e) : RC_OK;
}

enum rc
file_write(int fd, const char *p, size_t len, const char *path, struct err *e)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(path, e);
		p += n;
		len -= (size_t)n;
	}
	return RC_OK;
}

enum rc
file_lock(int *fd, const char *path, const char *who, struct err *e)
{
	int failed;

	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd >= 0 && flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return RC_OK;
	failed = errno;
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	return failed == EWOULDBLOCK
	    ? err_set(e, RC_BUSY, "%s: another %s is at work", path, who)
	    : err_set(e, RC_IO, "%s: %s", path, strerror(failed));
}

enum rc
file_copy(int to, int from, const char *path, struct err *e)
{
	char some[COPY_BYTES];
	enum rc rc = RC_OK;
	ssize_t n;

	while (rc == RC_OK && (n = read(from, some, sizeof(some))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		rc = n < 0 ? failed(path, e)
			   : file_write(to, some, (size_t)n, path, e);
	}
	if (rc == RC_OK && fsync(to) != 0)
		rc = failed(path, e);
	return rc;
}

enum rc
file_sync(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum rc rc = RC_OK;

	if (fd < 0 || fsync(fd) != 0)
		rc = failed(path, e);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

enum rc
file_sync_name(const char *path, struct err *e)
{
	char dir[PATH_LEN_MAX + 1];
	enum rc rc = file_directory(dir, path, e);

	return rc == RC_OK ? file_sync(dir, e) : rc;
}

/* Makes the directory that path is in, and those above it, as on disk. */
static enum rc
directories_make(const char *path, struct err *e)
{
	char dir[PATH_LEN_MAX + 1];
	enum rc rc = file_directory(dir, path, e);

	if (rc != RC_OK)
		return rc;
	if (mkdir(dir, 0755) == 0)
		return file_sync_name(dir, e);
	if (errno == EEXIST)
		return RC_OK;
	if (errno != ENOENT)
		return failed(dir, e);
	rc = directories_make(dir, e);
	if (rc == RC_OK && mkdir(dir, 0755) != 0 && errno != EEXIST)
		rc = failed(dir, e);
	return rc == RC_OK ? file_sync_name(dir, e) : rc;
}

static enum rc
put_new(const char *path, mode_t mode, const char *p, size_t len, struct err *e)
{
	int fd;
	enum rc rc;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0 && errno == ENOENT) {
		rc = directories_make(path, e);
		if (rc != RC_OK)
			return rc;
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	}
	if (fd < 0)
		return failed(path, e);
	rc = file_write(fd, p, len, path, e);
	if (rc == RC_OK && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
		rc = failed(path, e);
	(void)close(fd);
	return rc;
}

enum rc
file_put(
    const char *path, mode_t mode, const char *p, size_t len, struct err *e)
{
	char made[FILE_PATH_SIZE + 4];
	enum rc rc;

	(void)snprintf(made, sizeof(made), "%s.new", path);
	rc = put_new(made, mode, p, len, e);
	if (rc == RC_OK && rename(made, path) != 0)
		rc = failed(path, e);
	return rc == RC_OK ? file_sync_name(path, e) : rc;
}
