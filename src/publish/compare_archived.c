/* The log's files beside credits whose results were dropped. */
#include <inttypes.h>
#include <string.h>

#include "eth/hex.h"
#include "publish/compare_room.h"

static enum rc
on_archived(
    void *ctx, const struct archived_credit *r, bool *stop, struct err *e)
{
	struct compare *c = ctx;

	/* Transfers are in order of time, but for some ms. */
	*stop = !c->at_end && r->to_ms >= c->stop_ms;
	if (*stop)
		return RC_OK;
	c->archived_to = r->transfer;
	return r->is_gone ? awaited_add(&c->archived, r, e) : RC_OK;
}

enum rc
compare_archived_read(struct compare *c, struct err *e)
{
	awaited_forget(&c->archived);
	return archived_each(c->db, c->archived_to, on_archived, c, e);
}

/* All its lines are there: whether these are what was paid. */
static enum rc
credit_judge(struct compare *c, const struct awaited_credit *r, struct err *e)
{
	struct err cause = ERR_INIT;
	uint8_t digest[KECCAK256_LEN];
	enum rc rc = awaited_digest(digest, &c->archived, r, c->db, &cause);

	if (rc != RC_OK && rc != RC_INVALID)
		return err_set(e, rc, "%s", cause.msg);
	if (rc == RC_INVALID)
		compare_found(c, "transfer %" PRId64 ": %s", r->credit.transfer,
		    cause.msg);
	else if (memcmp(digest, r->credit.digest, sizeof(digest)) != 0)
		compare_found(c,
		    "transfer %" PRId64
		    ": was archived, and its lines in the log are of other results",
		    r->credit.transfer);
	return RC_OK;
}

enum rc
compare_archived_line(struct compare *c, int64_t i, int64_t task,
    struct slice text, bool *was_paid, struct err *e)
{
	struct awaited_credit *complete;
	const struct awaited_slot *s;
	bool had;
	enum rc rc;

	awaited_sort(&c->archived);
	s = awaited_find(&c->archived, line_slot(text));
	had = s == NULL || s->line != NULL;
	rc = awaited_line(&c->archived, i, task, text, &complete, e);
	*was_paid = !had && s->line != NULL; /* else told as not paid */
	return rc == RC_OK && complete != NULL ? credit_judge(c, complete, e)
					       : rc;
}

enum rc
compare_archived_file(
    struct compare *c, int64_t i, const char *sha256, struct err *e)
{
	char hex[HEX_SIZE(SHA256_LEN)];
	uint8_t ours[SHA256_LEN];
	struct err cause = ERR_INIT;
	enum rc rc = archived_file_get(c->db, i, ours, &cause);

	if (rc == RC_NOT_FOUND)
		return RC_OK;
	if (rc != RC_OK)
		return err_set(e, rc, "%s", cause.msg);
	hex_encode(hex, ours, sizeof(ours));
	if (strcmp(hex + 2, sha256) != 0)
		compare_found(c,
		    "leaf %" PRId64
		    ": results were archived by another file than its own",
		    i);
	return RC_OK;
}

enum rc
compare_archived_end(struct compare *c, struct err *e)
{
	const struct awaited_credit *r;
	size_t i;
	enum rc rc = compare_archived_read(c, e);

	for (i = 0; i < c->archived.credits; i++) {
		r = &c->archived.credit[i];
		if (r->missing > 0)
			compare_found(c,
			    "transfer %" PRId64
			    ": was archived, and %zu of its results aren't in the log",
			    r->credit.transfer, r->missing);
	}
	return rc;
}
