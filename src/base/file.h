/*
 * Files and their directories: names with a time, room on the disk, copies, and
 * that what was written is there after a power cut. Any thread.
 */
#ifndef WORKNET_BASE_FILE_H
#define WORKNET_BASE_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/limits.h"

/* A configured path with a name, or a part of one, behind it. */
#define FILE_PATH_SIZE (PATH_LEN_MAX + 128)

/* "20260131T235959Z": in order of time when sorted. */
#define FILE_TIME_LEN 16
void file_time(char out[static FILE_TIME_LEN + 1], int64_t unix_ms);

/*
 * The directory that path is in, "." for a name alone. RC_INVALID when that is
 * longer than a configured path can be.
 */
MUST_CHECK enum rc file_directory(
    char out[static PATH_LEN_MAX + 1], const char *path, struct err *e);

/* A user as people are told of it: "worknet (uid 107)". */
#define FILE_USER_SIZE 64
void file_user(char out[static FILE_USER_SIZE], uid_t uid);

/*
 * Whether the disk of dir has room for bytes more, and some that stay free.
 * RC_IO when it hasn't.
 */
MUST_CHECK enum rc
file_check_room(const char *dir, int64_t bytes, struct err *e);

/* Makes an empty file at path, for its owner alone; RC_CONFLICT, RC_IO. */
MUST_CHECK enum rc file_make(const char *path, int *fd, struct err *e);

/* Writes all of it into the file, which path names for people. RC_IO. */
MUST_CHECK enum rc
file_write(int fd, const char *p, size_t len, const char *path, struct err *e);

/*
 * Puts bytes in the place of the file at path, in one step, and makes the
 * directories that it lies in; all of it is on disk when this returns. What
 * lies beside it under the name with ".new" is written over. RC_IO, RC_INVALID.
 */
MUST_CHECK enum rc file_put(
    const char *path, mode_t mode, const char *p, size_t len, struct err *e);

/*
 * Opens the file at path, made for its owner if there is none, and locks it;
 * the lock goes with *fd, which the caller closes, or with the process.
 * RC_BUSY: another one, who is called by that name, has it. RC_IO.
 */
MUST_CHECK enum rc
file_lock(int *fd, const char *path, const char *who, struct err *e);

/* Copies what is left of the file from into the file to, and syncs it. RC_IO */
MUST_CHECK enum rc file_copy(int to, int from, const char *path, struct err *e);

/* Syncs the file, or the directory, at path. RC_IO. */
MUST_CHECK enum rc file_sync(const char *path, struct err *e);

/* Syncs the directory that has the name of path. RC_INVALID, RC_IO. */
MUST_CHECK enum rc file_sync_name(const char *path, struct err *e);

#endif
