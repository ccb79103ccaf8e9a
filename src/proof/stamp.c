#include "proof/stamp.h"

#include <stdio.h>

#include "proof/leaf.h"

void
stamp_directory(char out[static STAMP_NAME_MAX + 1], struct slice note)
{
	char hash[2 * SHA256_LEN + 1];

	leaf_sha256(hash, note);
	(void)snprintf(out, STAMP_NAME_MAX + 1, STAMP_DIRECTORY "/%s", hash);
}

void
stamp_name(char out[static STAMP_NAME_MAX + 1], struct slice note,
    const char *authority)
{
	char hash[2 * SHA256_LEN + 1];

	leaf_sha256(hash, note);
	(void)snprintf(out, STAMP_NAME_MAX + 1, STAMP_DIRECTORY "/%s/%.*s.tsr",
	    hash, POLICY_WORD_MAX, authority);
}

void
stamp_export_name(char out[static STAMP_NAME_MAX + 1], const char *authority)
{
	(void)snprintf(out, STAMP_NAME_MAX + 1, STAMP_DIRECTORY "/%.*s.tsr",
	    POLICY_WORD_MAX, authority);
}
