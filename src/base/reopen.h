/*
 * One file that is opened again and again, by a process that has given up
 * opening files (base/confine.h): a second process, forked before that, opens
 * it, whatever has its name by then, and passes it on. It can do nothing else,
 * has nothing else open, and ends when the first one does.
 *
 * Or it passes on a copy in memory, which stays as it is when somebody writes
 * over the file: for what is mapped.
 */
#ifndef WORKNET_BASE_REOPEN_H
#define WORKNET_BASE_REOPEN_H

#include "base/err.h"

#define REOPEN_COPY_MAX (1024LL * 1024 * 1024) /* bytes; else it is an error */

enum reopen_what { REOPEN_FILE, REOPEN_COPY };

struct reopen {
	int fd; /* -1: not begun */
};

/* Forks; before there are threads. path is read by the new process. RC_IO. */
MUST_CHECK enum rc reopen_begin(
    struct reopen *r, const char *path, enum reopen_what what, struct err *e);

/*
 * *fd is the file, to be read and closed. RC_NOT_FOUND without one, RC_IO; the
 * message names the path. One thread.
 */
MUST_CHECK enum rc
reopen_file(const struct reopen *r, int *fd, const char *path, struct err *e);

/* The second process ends. */
void reopen_end(struct reopen *r);

#endif
