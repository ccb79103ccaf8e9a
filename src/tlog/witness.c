#include "tlog/witness.h"

#include <inttypes.h>
#include <string.h>

#include "base/base64.h"

void
witness_ask_format(struct buf *out, int64_t old, const struct tree_proof *proof,
    struct slice note)
{
	size_t i;

	buf_printf(out, "old %" PRId64 "\n", old);
	for (i = 0; i < proof->n; i++) {
		base64_add(out, proof->hash[i].b, SHA256_LEN);
		buf_add_text(out, "\n");
	}
	buf_add_text(out, "\n");
	buf_add(out, note.p, note.len);
}

/* The note of text and the answer's lines, and what the key says in it. */
static enum rc
line_take(struct buf *out, int64_t *time_s, struct slice text,
    struct slice whole, const struct note_key *key, struct err *e)
{
	struct slice line;
	struct note n;
	enum rc rc;

	rc = note_parse(&n, whole, e);
	if (rc != RC_OK)
		return rc;
	/* An empty line in the answer would make its beginning text. */
	if (n.text.len != text.len)
		return err_set(e, RC_INVALID,
		    "the answer has more than lines of signatures");
	rc = note_verify(&n, key, time_s, e);
	if (rc != RC_OK)
		return RC_INVALID;
	line = note_line(&n, key);
	buf_add(out, line.p, line.len);
	buf_add_text(out, "\n");
	return buf_status(out, e);
}

enum rc
witness_take(struct buf *out, int64_t *time_s, struct slice text,
    struct slice answer, const struct note_key *key, struct err *e)
{
	struct buf whole;
	enum rc rc;

	*time_s = 0;
	buf_init(&whole, 2 * NOTE_MAX);
	buf_add(&whole, text.p, text.len);
	buf_add_text(&whole, "\n");
	buf_add(&whole, answer.p, answer.len);
	rc = buf_status(&whole, e);
	if (rc == RC_OK)
		rc = line_take(out, time_s, text,
		    (struct slice){ whole.p, whole.len }, key, e);
	buf_free(&whole);
	return rc;
}

enum rc
witness_size(int64_t *out, struct slice answer, struct err *e)
{
	if (answer.len > 0 && answer.p[answer.len - 1] == '\n')
		answer.len--;
	return tlog_integer(out, answer, "the size that a witness answers", e);
}
