#include "ledger/signed.h"

#include <inttypes.h>
#include <string.h>

#include "base/task_type.h"
#include "ledger/row_read.h"

/* The URL as it was told: with the token, where it has a place for one. */
static bool
url_told(char out[static URL_MAX + 1], struct slice url, struct slice token)
{
	char with[URL_MAX + 1], text[TASK_TOKEN_LEN + 1];

	if (url.len > URL_MAX || token.len > TASK_TOKEN_LEN)
		return false;
	slice_copy(with, sizeof(with), url);
	slice_copy(text, sizeof(text), token);
	if ((strstr(with, TASK_TOKEN_MARK) != NULL) != (token.len > 0))
		return false;
	if (token.len > 0)
		return task_url_fill(out, with, text);
	memcpy(out, with, url.len + 1);
	return true;
}

static bool
is_in_range(const struct signed_terms *t, const struct result_row *r)
{
	return t->anchor_root != NULL && task_id_is_valid(t->task_id) &&
	    r->slot > 0 && r->anchor >= 0 && row_is_time(r->timestamp_ms) &&
	    t->expected_status >= 0 && t->expected_status <= UINT16_MAX &&
	    r->status <= UINT16_MAX && r->response_ms >= 0 &&
	    r->response_ms <= UINT32_MAX && r->error.len <= ROUND_ERROR_MAX &&
	    r->trace.len <= ROUND_TRACE_MAX;
}

bool
signed_hash(uint8_t out[static KECCAK256_LEN], const struct signed_terms *t,
    const struct result_row *r)
{
	const struct round_assignment a = { .ledger_id = t->ledger_id,
		.slot = (uint64_t)r->slot,
		.worker = t->worker,
		.anchor_size = (uint64_t)r->anchor,
		.anchor_root = t->anchor_root };
	struct round_result of = { .task_id = t->task_id,
		.url = t->url,
		.expected_status = (uint16_t)t->expected_status,
		.timestamp_ms = (uint64_t)r->timestamp_ms,
		.success = r->success,
		.status = r->status == ABSENT ? 0 : (uint16_t)r->status,
		.response_ms = (uint32_t)r->response_ms,
		.error = r->has_error ? r->error : slice_of(""),
		.trace = r->trace,
		.region = t->region };
	char url[URL_MAX + 1];

	if (!is_in_range(t, r) || !url_told(url, t->url, r->token))
		return false;
	of.url = slice_of(url);
	round_assignment_hash(of.assignment, &a);
	round_result_hash(out, &of);
	return true;
}

/* ---- Credits ---- */

void
signed_begin(struct signed_credit *c, int64_t transfer,
    const struct address *worker, const struct round_row *round)
{
	c->transfer = transfer;
	c->has_worker = worker != NULL;
	if (worker != NULL)
		c->worker = *worker;
	c->has_round = round->is_there;
	c->count = round->count;
	memcpy(c->root.b, round->root, sizeof(c->root.b));
	memcpy(c->signature, round->signature, sizeof(c->signature));
	c->others_n = round->others.len / sizeof(c->others[0]);
	c->others_fit = round->others.len % sizeof(c->others[0]) == 0 &&
	    c->others_n <= ROUND_LEAVES_MAX;
	if (c->others_fit && c->others_n > 0)
		memcpy(c->others, round->others.p, round->others.len);
	memset(c->kept, 0, sizeof(c->kept));
	c->spoiled = false;
}

/* A result that was signed by itself. */
static void
check_alone(
    struct signed_credit *c, const struct result_row *r, struct slice task_id)
{
	const struct attestation a = { .task_id = task_id,
		.worker = c->worker,
		.form = r->form,
		.timestamp_ms = r->timestamp_ms,
		.success = r->success };
	struct err e = ERR_INIT;

	/* Nothing but these can be signed at all; attest.h asks for them. */
	if (!c->has_worker || !task_id_is_valid(task_id) ||
	    !row_is_time(r->timestamp_ms))
		rule_broken(c->rules, AUDIT_SIGNATURE,
		    "slot %" PRId64
		    ": task, worker or signed values are missing or out of range",
		    r->slot);
	else if (attest_check(&a, r->signature, &e) != RC_OK)
		rule_broken(c->rules, AUDIT_SIGNATURE, "slot %" PRId64 ": %s",
		    r->slot, e.msg);
}

void
signed_add(struct signed_credit *c, const struct result_row *r,
    const struct version_row *v, struct query *q, int col)
{
	struct signed_terms t = { .ledger_id = c->ledger_id,
		.worker = c->worker,
		.task_id = query_get_text(q, col + R_SIGNED_NAME),
		.url = query_get_text(q, col + R_SIGNED_URL),
		.region = query_get_text(q, col + R_SIGNED_REGION),
		.expected_status = v->expected_status };
	uint8_t root[KECCAK256_LEN], hash[KECCAK256_LEN];
	const size_t place = (size_t)r->place;

	if (!r->in_round) {
		check_alone(c, r, t.task_id);
		return;
	}
	if (row_read_hash(q, col + R_SIGNED_ANCHOR_ROOT, root))
		t.anchor_root = root;
	if (!c->has_round || place >= (size_t)c->count ||
	    place >= ROUND_LEAVES_MAX || c->kept[place])
		rule_broken(c->rules, AUDIT_SIGNATURE,
		    "slot %" PRId64 ": transfer %" PRId64
		    " has no round with such a place, or another result there",
		    r->slot, c->transfer);
	else if (!c->has_worker || !signed_hash(hash, &t, r))
		rule_broken(c->rules, AUDIT_SIGNATURE,
		    "slot %" PRId64
		    ": task, worker or signed values are missing or out of range",
		    r->slot);
	else {
		round_tree_leaf(&c->leaves[place], hash);
		c->kept[place] = true;
		return;
	}
	c->spoiled = true;
}

void
signed_end(struct signed_credit *c)
{
	struct round r = { .ledger_id = c->ledger_id,
		.worker = c->worker,
		.count = (uint16_t)c->count };
	struct err e = ERR_INIT;

	if (c->transfer == 0 || !c->has_round || c->spoiled)
		return; /* all is told */
	if (c->count < 1 || c->count > RESULTS_PER_POST_MAX ||
	    memchr(c->kept, true, (size_t)c->count) == NULL || !c->others_fit ||
	    !round_tree_root_pruned(&r.root, c->leaves, c->kept,
		(size_t)c->count, c->others, c->others_n) ||
	    memcmp(r.root.b, c->root.b, sizeof(r.root.b)) != 0)
		rule_broken(c->rules, AUDIT_SIGNATURE,
		    "transfer %" PRId64
		    ": the root of its round is of other results",
		    c->transfer);
	else if (round_check(&r, c->signature, &e) != RC_OK)
		rule_broken(c->rules, AUDIT_SIGNATURE,
		    "transfer %" PRId64 ": %s", c->transfer, e.msg);
}
