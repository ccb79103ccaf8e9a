/*
 * What is wrong with others (witnesses, authorities) is told when it begins and
 * when it is over, and not by each run between: what was told stands in the
 * file "faults" of the state's directory, which is an aid. One thread.
 */
#ifndef WORKNET_PUBLISH_FAULTS_H
#define WORKNET_PUBLISH_FAULTS_H

#include "base/buf.h"
#include "base/file.h"
#include "http/http.h"

struct faults {
	char path[FILE_PATH_SIZE];
	struct buf told; /* owned: a line for each, its kind and by whom */
	bool changed;
	int64_t new_ones; /* that this run has told */
};

/* Freed with faults_free. RC_IO, RC_NO_MEMORY. */
MUST_CHECK enum rc
faults_read(struct faults *f, const char *state, struct err *e);
void faults_free(struct faults *f);

/* Tells it as an error unless it was told; kind is a word. */
void faults_note(
    struct faults *f, const char *who, const char *kind, const char *text);

/* That there is no answer of it, or one of that status that says nothing. */
void faults_note_away(
    struct faults *f, const char *who, const struct http_response *r);

/* All is well with it: what was told is over, which is told. */
void faults_over(struct faults *f, const char *who);

/* Keeps what was told, if that has changed. RC_IO. */
MUST_CHECK enum rc faults_keep(struct faults *f, struct err *e);

#endif
