#include "tlog/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"

#define PROOF_HEAD "c2sp.org/tlog-proof@v1"

enum rc
tlog_integer(int64_t *out, struct slice text, const char *what, struct err *e)
{
	int64_t n = 0;
	size_t i;

	*out = 0;
	if (text.len == 0 || text.len > 16 ||
	    (text.p[0] == '0' && text.len > 1))
		n = -1;
	for (i = 0; i < text.len && n >= 0; i++)
		n = text.p[i] >= '0' && text.p[i] <= '9'
		    ? n * 10 + (text.p[i] - '0')
		    : -1;
	if (n < 0 || n > TREE_SIZE_MAX)
		return err_set(e, RC_INVALID,
		    "%s isn't a number from 0 to 2^53 without leading zeros",
		    what);
	*out = n;
	return RC_OK;
}

enum rc
checkpoint_parse(struct checkpoint *out, struct slice text, struct err *e)
{
	struct slice rest = text, origin, size, root;

	memset(out, 0, sizeof(*out));
	if (!slice_line(&rest, &origin) || !slice_line(&rest, &size) ||
	    !slice_line(&rest, &root) || rest.len != 0)
		return err_set(e, RC_INVALID,
		    "a checkpoint is three lines: origin, size and root");
	if (origin.len == 0 || origin.len > NOTE_NAME_MAX)
		return err_set(e, RC_INVALID,
		    "the checkpoint's origin has %zu bytes, expected 1 to %d",
		    origin.len, NOTE_NAME_MAX);
	slice_copy(out->origin, sizeof(out->origin), origin);
	if (tlog_integer(&out->size, size, "the checkpoint's size", e) != RC_OK)
		return RC_INVALID;
	if (base64_decode_exactly(out->root.b, sizeof(out->root.b), root, e) !=
	    RC_OK)
		return err_prefix(e, "the checkpoint's root");
	return RC_OK;
}

void
checkpoint_format(struct buf *out, const struct checkpoint *c)
{
	buf_printf(out, "%s\n%" PRId64 "\n", c->origin, c->size);
	base64_add(out, c->root.b, sizeof(c->root.b));
	buf_add_text(out, "\n");
}

/* ---- Proof files ---- */

static enum rc
proof_fail(struct err *e)
{
	return err_set(e, RC_INVALID,
	    "it isn't \"" PROOF_HEAD
	    "\", an index, hashes, an empty line and a note");
}

/* The line "extra BASE64", which may be left out. */
static enum rc
entry_parse(struct proof_file *p, struct slice *rest, struct err *e)
{
	static const char word[] = "extra ";
	const size_t n = sizeof(word) - 1;
	uint8_t raw[ENTRY_MAX];
	struct slice line, peek = *rest;
	size_t len;
	enum rc rc;

	if (!slice_line(&peek, &line) || line.len < n ||
	    memcmp(line.p, word, n) != 0)
		return RC_OK;
	*rest = peek;
	rc = base64_decode(raw, sizeof(raw), &len,
	    (struct slice){ line.p + n, line.len - n }, e);
	if (rc != RC_OK)
		return err_prefix(e, "the proof's entry");
	buf_add(&p->entry, raw, len);
	p->has_entry = true;
	return buf_status(&p->entry, e);
}

static enum rc
path_parse(struct proof_file *p, struct slice *rest, struct err *e)
{
	struct slice line;

	while (slice_line(rest, &line)) {
		if (line.len == 0)
			return RC_OK;
		if (p->proof.n == TREE_PROOF_MAX)
			return err_set(e, RC_INVALID,
			    "the proof has more than %d hashes",
			    TREE_PROOF_MAX);
		if (base64_decode_exactly(p->proof.hash[p->proof.n++].b,
			SHA256_LEN, line, e) != RC_OK)
			return err_prefix(e, "the proof's hashes");
	}
	return proof_fail(e);
}

static enum rc
index_parse(struct proof_file *p, struct slice *rest, struct err *e)
{
	static const char word[] = "index ";
	const size_t n = sizeof(word) - 1;
	struct slice line;

	if (!slice_line(rest, &line) || line.len < n ||
	    memcmp(line.p, word, n) != 0)
		return proof_fail(e);
	return tlog_integer(&p->index,
	    (struct slice){ line.p + n, line.len - n }, "the proof's index", e);
}

enum rc
proof_file_parse(struct proof_file *out, struct slice bytes, struct err *e)
{
	struct slice rest = bytes, head;
	enum rc rc = RC_OK;

	memset(out, 0, sizeof(*out));
	buf_init(&out->entry, ENTRY_MAX);
	if (!slice_line(&rest, &head) || !slice_is(head, PROOF_HEAD))
		rc = proof_fail(e);
	if (rc == RC_OK)
		rc = entry_parse(out, &rest, e);
	if (rc == RC_OK)
		rc = index_parse(out, &rest, e);
	if (rc == RC_OK)
		rc = path_parse(out, &rest, e);
	out->note = rest;
	if (rc != RC_OK)
		proof_file_free(out);
	return rc;
}

void
proof_file_free(struct proof_file *p)
{
	buf_free(&p->entry);
}

void
proof_file_format(struct buf *out, struct slice entry, int64_t index,
    const struct tree_proof *proof, struct slice note)
{
	size_t i;

	buf_add_text(out, PROOF_HEAD "\n");
	if (entry.p != NULL) {
		buf_add_text(out, "extra ");
		base64_add(out, entry.p, entry.len);
		buf_add_text(out, "\n");
	}
	buf_printf(out, "index %" PRId64 "\n", index);
	for (i = 0; i < proof->n; i++) {
		base64_add(out, proof->hash[i].b, SHA256_LEN);
		buf_add_text(out, "\n");
	}
	buf_add_text(out, "\n");
	buf_add(out, note.p, note.len);
}
