#include "proof/opening.h"

#include <stdio.h>
#include <string.h>

#include "eth/hex.h"

/* The entry of the task, if it were public. */
static enum rc
entry_write(struct buf *out, const struct task_leaf *leaf, struct err *e)
{
	struct task_leaf t = *leaf;

	memcpy(t.task, leaf->signed_name, sizeof(t.task));
	return leaf_write(out, KIND_TASK, &t, e);
}

static bool
is_committed(const uint8_t salt[static TASK_SALT_LEN],
    const struct task_leaf *leaf, struct slice entry)
{
	char commitment[2 * SHA256_LEN + 1];

	private_commit(commitment, salt, entry);
	return strcmp(commitment, leaf->commitment) == 0;
}

enum rc
opening_add(struct buf *out, const uint8_t salt[static TASK_SALT_LEN],
    const struct task_leaf *leaf, struct err *e)
{
	size_t from, i;
	enum rc rc;

	for (i = 0; out->len == 2 * i && i < TASK_SALT_LEN; i++)
		buf_printf(out, "%02x", salt[i]);
	if (i == TASK_SALT_LEN)
		buf_add_text(out, "\n");
	from = out->len;
	rc = entry_write(out, leaf, e);
	if (rc != RC_OK)
		return rc;
	if (!is_committed(
		salt, leaf, (struct slice){ out->p + from, out->len - from }))
		return err_set(e, RC_CORRUPT,
		    "the ledger has another definition %lld than the log commits to",
		    (long long)leaf->version);
	buf_add_text(out, "\n");
	return buf_status(out, e);
}

enum rc
opening_begin(struct opening *o, struct slice text, struct err *e)
{
	char hex[HEX_SIZE(TASK_SALT_LEN)], again[HEX_SIZE(TASK_SALT_LEN)];
	struct slice line;

	o->rest = text;
	if (slice_line(&o->rest, &line) && line.len == 2 * TASK_SALT_LEN) {
		(void)snprintf(
		    hex, sizeof(hex), "0x%.*s", (int)line.len, line.p);
		if (hex_decode(o->salt, TASK_SALT_LEN, slice_of(hex), NULL) ==
		    RC_OK) {
			hex_encode(again, o->salt, TASK_SALT_LEN);
			if (strcmp(hex, again) == 0)
				return RC_OK;
		}
	}
	return err_set(e, RC_INVALID,
	    "%s: it doesn't begin with a salt of 32 bytes", OPENING_NAME);
}

enum rc
opening_take(struct opening *o, struct task_leaf *leaf, struct err *e)
{
	char label[TASK_ID_MAX + 1];
	struct task_leaf open;
	struct slice entry;
	enum rc rc;

	if (!slice_line(&o->rest, &entry))
		return err_set(e, RC_INVALID,
		    "%s: it doesn't open all of the leaves", OPENING_NAME);
	if (!is_committed(o->salt, leaf, entry))
		return err_set(e, RC_INVALID,
		    "%s: it isn't what the leaf commits to", OPENING_NAME);
	rc = leaf_parse(&open, KIND_TASK, entry, e);
	if (rc != RC_OK)
		return err_prefix(e, "%s", OPENING_NAME);
	private_label(label, o->salt, slice_of(open.task));
	if (strcmp(label, leaf->task) != 0 || open.version != leaf->version ||
	    strcmp(open.state, leaf->state) != 0 || open.from != leaf->from ||
	    open.interval_ms != leaf->interval_ms ||
	    open.copies != leaf->copies || open.prev != leaf->prev)
		return err_set(e, RC_INVALID,
		    "%s: what the leaf commits to isn't of its label and schedule",
		    OPENING_NAME);
	memcpy(open.signed_name, open.task, sizeof(open.signed_name));
	memcpy(open.task, leaf->task, sizeof(open.task));
	memcpy(open.commitment, leaf->commitment, sizeof(open.commitment));
	*leaf = open;
	return RC_OK;
}
