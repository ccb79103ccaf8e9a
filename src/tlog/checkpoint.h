/*
 * Checkpoints (C2SP tlog-checkpoint v1.0.0), the text of a note that says how
 * large a log is and what its root is; and files that prove one entry
 * (tlog-proof v1). Pure functions; any thread.
 */
#ifndef WORKNET_TLOG_CHECKPOINT_H
#define WORKNET_TLOG_CHECKPOINT_H

#include "tlog/note.h"
#include "tlog/tree.h"

#define ENTRY_MAX 65535 /* bytes: a bundle has 16 bits for the length */
/* A proof file: the entry as base64, the path, the note. */
#define PROOF_FILE_MAX	 (BASE64_ENTRY_MAX + 4096 + NOTE_MAX)
#define BASE64_ENTRY_MAX ((ENTRY_MAX + 2) / 3 * 4)

struct checkpoint {
	char origin[NOTE_NAME_MAX + 1];
	int64_t size;
	struct tree_hash root;
};

/*
 * Three lines and no more: extension lines are neither written nor taken, since
 * nobody audits them. RC_INVALID.
 */
MUST_CHECK enum rc
checkpoint_parse(struct checkpoint *out, struct slice text, struct err *e);
void checkpoint_format(struct buf *out, const struct checkpoint *c);

/* Borrows from what was parsed. */
struct proof_file {
	bool has_entry;
	struct buf entry; /* owned: proof_file_free */
	int64_t index;
	struct tree_proof proof;
	struct slice note;
};

/* RC_INVALID, RC_NO_MEMORY. out needs no proof_file_free then. */
MUST_CHECK enum rc
proof_file_parse(struct proof_file *out, struct slice bytes, struct err *e);
void proof_file_free(struct proof_file *p);

void proof_file_format(struct buf *out, struct slice entry, int64_t index,
    const struct tree_proof *proof, struct slice note);

/* An integer from 0 without sign or leading zeros; RC_INVALID. */
MUST_CHECK enum rc
tlog_integer(int64_t *out, struct slice text, const char *what, struct err *e);

#endif
