/*
 * Where a checkpoint's timestamps are. Any thread.
 */
#ifndef WORKNET_PROOF_STAMP_H
#define WORKNET_PROOF_STAMP_H

#include "tlog/policy.h"

#define STAMP_DIRECTORY "timestamp"
#define STAMP_NAME_MAX	(POLICY_WORD_MAX + 2 * SHA256_LEN + 32)

/* "timestamp/HASH": where those of a note are, in a log's directory. */
void stamp_directory(char out[static STAMP_NAME_MAX + 1], struct slice note);
/* "timestamp/HASH/AUTHORITY.tsr" */
void stamp_name(char out[static STAMP_NAME_MAX + 1], struct slice note,
    const char *authority);
/* "timestamp/AUTHORITY.tsr", in an export, which has one checkpoint. */
void
stamp_export_name(char out[static STAMP_NAME_MAX + 1], const char *authority);

#endif
