#include "proof/verify_round.h"

#include <inttypes.h>
#include <string.h>

#include "base/task_type.h"
#include "eth/hex.h"
#include "eth/round.h"

/* What a line has in hex. */
struct fields {
	uint8_t ledger_id[LEDGER_ID_LEN];
	struct address worker;
	uint8_t signature[SIGNATURE_LEN];
	struct round_tree_hash path[ROUND_PATH_MAX];
	size_t path_n;
};

static enum rc
path_read(struct fields *f, struct slice text, struct err *e)
{
	const size_t digits = 2 * KECCAK256_LEN;

	f->path_n = 0;
	if (text.p == NULL) /* a round of one */
		return RC_OK;
	f->path_n = text.len / digits;
	if (f->path_n >= 1 && f->path_n <= ROUND_PATH_MAX &&
	    text.len == 2 + f->path_n * digits && hex_is_lower(text) &&
	    hex_decode(f->path[0].b, f->path_n * KECCAK256_LEN, text, NULL) ==
		RC_OK)
		return RC_OK;
	return err_set(e, RC_INVALID, "the path isn't of one to %d hashes",
	    ROUND_PATH_MAX);
}

static enum rc
fields_read(struct fields *f, const struct line *l, struct err *e)
{
	if (l->ledger.p == NULL || l->worker.p == NULL ||
	    l->signature.p == NULL || l->timestamp < 0 || l->success < 0 ||
	    l->ms < 0 || l->ms > UINT32_MAX || l->status > UINT16_MAX ||
	    l->anchor < 0 || l->form.p != NULL ||
	    hex_decode(f->ledger_id, sizeof(f->ledger_id), l->ledger, NULL) !=
		RC_OK ||
	    address_parse(&f->worker, NULL, l->worker, NULL) != RC_OK ||
	    hex_decode(f->signature, sizeof(f->signature), l->signature,
		NULL) != RC_OK ||
	    !hex_is_lower(l->ledger) || !hex_is_lower(l->signature))
		return err_set(e, RC_INVALID,
		    "a result in a round has a ledger, a worker, a time, a success, a duration, an anchor and a signature of 65 bytes, and no form");
	if (l->count < 1 || l->count > RESULTS_PER_POST_MAX || l->place < 0 ||
	    l->place >= l->count)
		return err_set(e, RC_INVALID,
		    "a round has 1 to %d results, and the place is one of them",
		    RESULTS_PER_POST_MAX);
	return path_read(f, l->path, e);
}

/* The definition's URL, with the token that the worker was given. */
static enum rc
url_make(char out[static URL_MAX + 1], const struct line *l,
    const struct task_leaf *d, struct err *e)
{
	const bool has_place = strstr(d->url, TASK_TOKEN_MARK) != NULL;
	char token[TASK_TOKEN_LEN + 1];

	if (has_place != (l->token.p != NULL) || l->token.len > TASK_TOKEN_LEN)
		return err_set(e, RC_INVALID,
		    "a token is where the definition's URL has a place for one");
	slice_copy(token, sizeof(token), l->token);
	if (has_place && task_url_fill(out, d->url, token))
		return RC_OK;
	if (has_place)
		return err_set(e, RC_INVALID, "the URL is too long");
	memcpy(out, d->url, strlen(d->url) + 1);
	return RC_OK;
}

static struct slice
text_of(struct slice s)
{
	return s.p == NULL ? slice_of("") : s;
}

/* The hash of the result; the anchor must be there. */
static enum rc
result_hash(uint8_t out[static KECCAK256_LEN], const struct fields *f,
    const struct line *l, const struct task_leaf *d,
    const struct anchor_list *anchors, struct err *e)
{
	struct tree_hash anchor;
	const struct round_assignment a = { .ledger_id = f->ledger_id,
		.slot = (uint64_t)l->slot,
		.worker = f->worker,
		.anchor_size = (uint64_t)l->anchor,
		.anchor_root = anchor.b };
	struct round_result r = { .task_id = slice_of(task_leaf_name(d)),
		.expected_status = (uint16_t)d->expected_status,
		.timestamp_ms = (uint64_t)l->timestamp,
		.success = l->success == 1,
		.status = l->status == LINE_NONE ? 0 : (uint16_t)l->status,
		.response_ms = (uint32_t)l->ms,
		.error = text_of(l->error),
		.trace = text_of(l->trace),
		.region = text_of(l->region) };
	char url[URL_MAX + 1];
	enum rc rc;

	if (!anchor_list_find(anchors, l->anchor, &anchor))
		return err_set(e, RC_INVALID,
		    "anchor/%" PRId64 " isn't in the export", l->anchor);
	rc = url_make(url, l, d, e);
	if (rc != RC_OK)
		return rc;
	r.url = slice_of(url);
	round_assignment_hash(r.assignment, &a);
	round_result_hash(out, &r);
	return RC_OK;
}

enum rc
verify_round(const struct line *l, const struct task_leaf *d,
    const struct anchor_list *anchors, struct err *e)
{
	uint8_t hash[KECCAK256_LEN];
	struct round_tree_hash leaf;
	struct fields f;
	struct round r;
	enum rc rc;

	rc = fields_read(&f, l, e);
	if (rc == RC_OK)
		rc = result_hash(hash, &f, l, d, anchors, e);
	if (rc != RC_OK)
		return rc;
	r = (struct round){ .ledger_id = f.ledger_id,
		.worker = f.worker,
		.count = (uint16_t)l->count };
	round_tree_leaf(&leaf, hash);
	if (!round_tree_climb(&r.root, &leaf, (size_t)l->place,
		(size_t)l->count, f.path, f.path_n))
		return err_set(e, RC_INVALID,
		    "a path of %zu hashes isn't that of place %" PRId64
		    " of %" PRId64,
		    f.path_n, l->place, l->count);
	return round_check(&r, f.signature, e);
}
