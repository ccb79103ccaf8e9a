/* What is in the directory of an export, or of a log. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "proof/verify_room.h"

/*
 * RC_NOT_FOUND where there is nothing; RC_INVALID for what isn't of that type,
 * or is too long: a pipe, say, of whose end nobody knows. max 0: any length.
 */
static enum rc
path_find(char path[static FILE_PATH_SIZE], const char *directory,
    const char *name, mode_t type, size_t max, struct err *e)
{
	struct stat st;

	(void)snprintf(path, FILE_PATH_SIZE, "%s/%s", directory, name);
	if (stat(path, &st) != 0)
		return err_set(e,
		    errno == ENOENT || errno == ENOTDIR ? RC_NOT_FOUND
							: RC_INVALID,
		    "%s: %s", path, strerror(errno));
	if ((st.st_mode & S_IFMT) != type)
		return err_set(e, RC_INVALID, "%s isn't a %s", name,
		    type == S_IFREG ? "file" : "directory");
	if (max > 0 && st.st_size > (off_t)max)
		return err_set(
		    e, RC_INVALID, "%s has more than %zu bytes", name, max);
	return RC_OK;
}

enum rc
verify_file_find(
    const char *directory, const char *name, struct buf *b, struct err *e)
{
	char path[FILE_PATH_SIZE];
	enum rc rc = path_find(path, directory, name, S_IFREG, b->max, e);

	return rc == RC_OK ? buf_read_file(b, path, e) : rc;
}

enum rc
verify_names(const char *directory, const char *folder, name_take_fn *take,
    void *ctx, struct err *e)
{
	char path[FILE_PATH_SIZE];
	struct dirent *d;
	enum rc rc;
	DIR *dir;

	rc = path_find(path, directory, folder, S_IFDIR, 0, e);
	if (rc != RC_OK)
		return rc;
	dir = opendir(path);
	if (dir == NULL)
		return err_set(e, RC_INVALID, "%s: %s", path, strerror(errno));
	while (rc == RC_OK && (d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.')
			rc = take(ctx, d->d_name, e);
	(void)closedir(dir);
	return rc;
}
