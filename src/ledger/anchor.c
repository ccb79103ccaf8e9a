#include "ledger/anchor.h"

#include <inttypes.h>
#include <string.h>

#include "ledger/row_read.h"

#define CHECKPOINT_MAX 65536 /* bytes: with the signatures of many witnesses */
#define DIGITS_MAX     16    /* of 2^53-1 */
#define ROOT_TEXT_LEN  44    /* base64 of 32 bytes */

/* The next line of *text, without its end; false when there is none. */
static bool
line_next(struct slice *line, struct slice *text)
{
	const char *end = memchr(text->p, '\n', text->len);

	if (end == NULL)
		return false;
	*line = (struct slice){ text->p, (size_t)(end - text->p) };
	text->len -= line->len + 1;
	text->p = end + 1;
	return true;
}

/* Decimal, without zeros in front. */
static bool
size_parse(int64_t *out, struct slice s)
{
	size_t i;

	*out = 0;
	if (s.len == 0 || s.len > DIGITS_MAX || (s.len > 1 && s.p[0] == '0'))
		return false;
	for (i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*out = *out * 10 + (s.p[i] - '0');
	}
	return row_is_time(*out); /* the same range */
}

static int
base64_digit(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = memchr(digits, c, sizeof(digits) - 1);

	return at == NULL ? -1 : (int)(at - digits);
}

/* 43 digits and one '=': RFC 4648, section 4, and no bit is left over. */
static bool
root_parse(uint8_t out[static SHA256_LEN], struct slice s)
{
	uint32_t bits = 0;
	size_t i, n = 0;
	int have = 0, digit;

	if (s.len != ROOT_TEXT_LEN || s.p[ROOT_TEXT_LEN - 1] != '=')
		return false;
	for (i = 0; i < ROOT_TEXT_LEN - 1; i++) {
		digit = base64_digit(s.p[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
		}
	}
	return n == SHA256_LEN && (bits & 3) == 0;
}

enum rc
anchor_parse(struct anchor *out, struct slice text, struct err *e)
{
	struct slice origin, size, root;

	if (line_next(&origin, &text) && origin.len > 0 &&
	    line_next(&size, &text) && size_parse(&out->size, size) &&
	    line_next(&root, &text) && root_parse(out->root, root))
		return RC_OK;
	*out = (struct anchor){ .size = 0 };
	return err_set(e, RC_INVALID,
	    "checkpoint: expected a line each of origin, size and root");
}

enum rc
anchor_read(struct anchor *out, const char *path, struct err *e)
{
	struct buf text;
	enum rc rc = RC_NOT_FOUND;

	out->size = 0;
	sha256(out->root, "", 0);
	buf_init(&text, CHECKPOINT_MAX);
	if (path[0] != '\0')
		rc = buf_read_file(&text, path, e);
	if (rc == RC_OK)
		rc = anchor_parse(out, (struct slice){ text.p, text.len }, e);
	buf_free(&text);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
anchor_newest(struct db *db, int64_t *size, struct err *e)
{
	enum rc rc = query_one_int(db_query(db, Q_ANCHOR_NEWEST), size, e);

	return rc == RC_NOT_FOUND
	    ? err_set(e, RC_CORRUPT, "ledger: its anchors are gone")
	    : rc;
}

/* RC_NOT_FOUND when there is none of that size. */
static enum rc
root_find(
    struct db *db, int64_t size, uint8_t out[static SHA256_LEN], struct err *e)
{
	struct query *q = db_query(db, Q_ANCHOR_GET);
	enum rc rc;
	bool row;

	query_int(q, 1, size);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && (!row || !row_read_hash(q, 0, out)))
		rc = RC_NOT_FOUND;
	query_done(q);
	return rc;
}

enum rc
anchor_root(
    struct db *db, int64_t size, uint8_t out[static SHA256_LEN], struct err *e)
{
	enum rc rc = root_find(db, size, out, e);

	return rc == RC_NOT_FOUND
	    ? err_set(e, RC_CORRUPT,
		  "ledger: its anchor of %" PRId64 " entries is gone", size)
	    : rc;
}

static enum rc
anchor_insert(
    struct db *db, const struct anchor *a, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_ANCHOR_INSERT);

	query_int(q, 1, a->size);
	query_bytes(q, 2, a->root, sizeof(a->root));
	query_int(q, 3, now_ms);
	return query_run(q, e);
}

static enum rc
anchor_compare(struct db *db, const struct anchor *a, int64_t now_ms,
    bool *news, struct err *e)
{
	uint8_t root[SHA256_LEN];
	int64_t newest;
	enum rc rc;

	rc = anchor_newest(db, &newest, e);
	if (rc != RC_OK)
		return rc;
	*news = a->size > newest;
	if (*news)
		return anchor_insert(db, a, now_ms, e);
	rc = root_find(db, a->size, root, e);
	if (rc == RC_OK && memcmp(root, a->root, sizeof(root)) != 0)
		return err_set(e, RC_CONFLICT,
		    "checkpoint: the log has another root of %" PRId64
		    " entries than it had: it has forked",
		    a->size);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
anchor_add(struct db *db, const struct anchor *a, int64_t now_ms, bool *news,
    struct err *e)
{
	enum rc rc;

	*news = false;
	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = anchor_compare(db, a, now_ms, news, e);
	return db_step_end(db, rc, e);
}
