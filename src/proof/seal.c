#include "proof/seal.h"

#include <string.h>

enum rc
seal_make(uint8_t out[static SHA256_LEN],
    const uint8_t key[static PRIVATE_KEY_LEN], const struct line *l,
    struct err *e)
{
	struct line own;
	struct buf b;
	enum rc rc;

	line_init(&own);
	own.worker = l->worker;
	own.outcome = l->outcome;
	own.timestamp = l->timestamp;
	own.success = l->success;
	own.status = l->status;
	own.ms = l->ms;
	own.error = l->error;
	buf_init(&b, PRIVATE_KEY_LEN + LINE_MAX_BYTES + 1);
	buf_add(&b, (const char *)key, PRIVATE_KEY_LEN);
	rc = line_write(&b, &own, e);
	sha256(out, b.p, b.len);
	buf_free(&b);
	return rc;
}

static enum rc
line_seal(struct buf *out, const uint8_t salt[static TASK_SALT_LEN],
    const struct line *l, struct err *e)
{
	uint8_t key[PRIVATE_KEY_LEN], seal[SHA256_LEN];
	struct address worker;
	enum rc rc;

	if (!slice_is(l->outcome, "result"))
		return RC_OK;
	if (l->worker.p == NULL)
		return err_set(e, RC_INVALID, "a result has a worker");
	rc = address_parse(&worker, NULL, l->worker, e);
	if (rc != RC_OK)
		return rc;
	private_key(key, salt, l->slot, worker.b);
	rc = seal_make(seal, key, l, e);
	if (rc == RC_OK)
		buf_add(out, (const char *)seal, sizeof(seal));
	return rc == RC_OK ? buf_status(out, e) : rc;
}

enum rc
seals_make(struct buf *out, const uint8_t salt[static TASK_SALT_LEN],
    struct slice file, struct err *e)
{
	struct line_read l;
	struct slice line;
	enum rc rc = RC_OK;

	while (file.len > 0 && rc == RC_OK) {
		if (!slice_line(&file, &line))
			return err_set(
			    e, RC_INVALID, "the last line has no end");
		rc = line_parse(&l, line, e);
		if (rc == RC_OK) {
			rc = line_seal(out, salt, &l.line, e);
			line_free(&l);
		}
	}
	return rc;
}

void
seals_name(char name[static SEGMENT_NAME_MAX + 1])
{
	char *end = strrchr(name, '.');

	CHECK(end != NULL && strcmp(end, ".ndjson") == 0);
	memcpy(end, ".seals", sizeof(".seals"));
}
