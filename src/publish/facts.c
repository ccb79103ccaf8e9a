/* What isn't a segment: the method, tasks, maintenance, payouts, forfeits. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "eth/hex.h"
#include "publish/room.h"
#include "uptime/uptime.h"

/* ---- Tasks ---- */

static void
leaf_of(struct task_leaf *out, const struct public_task *t, const char *state,
    int64_t from)
{
	memset(out, 0, sizeof(*out));
	slice_copy(out->task, sizeof(out->task), t->name);
	(void)snprintf(out->state, sizeof(out->state), "%s", state);
	slice_copy(out->url, sizeof(out->url), t->url);
	slice_copy(out->region, sizeof(out->region), t->region);
	out->version = t->version;
	out->from = from;
	out->expected_status = t->expected_status;
	out->timeout_ms = t->timeout_ms;
	out->interval_ms = t->interval_ms;
	out->copies = t->copies;
	out->cooldown_ms = t->cooldown_ms;
	out->prev = LEAF_NONE;
}

/*
 * Puts the commitment into the leaf of a private task, which has all else by
 * now. A region may be called otherwise later: what is committed to is what it
 * was called at first, which workers sign.
 */
static enum rc
commit(struct task_leaf *leaf, const struct public_task *t, struct err *e)
{
	struct task_leaf open = *leaf;
	struct buf entry;
	enum rc rc;

	slice_copy(open.task, sizeof(open.task), t->signed_name);
	slice_copy(open.region, sizeof(open.region), t->first_region);
	buf_init(&entry, ENTRY_MAX);
	rc = leaf_write(&entry, KIND_TASK, &open, e);
	if (rc == RC_OK)
		private_commit(leaf->commitment, t->salt,
		    (struct slice){ entry.p, entry.len });
	buf_free(&entry);
	return rc;
}

/* Of a private task: whether what is logged commits to the same. */
static enum rc
commits_same(bool *same, const struct public_task *t,
    const struct task_leaf *logged, struct err *e)
{
	struct task_leaf leaf;
	enum rc rc;

	leaf_of(&leaf, t, logged->state, logged->from);
	leaf.prev = logged->prev;
	rc = commit(&leaf, t, e);
	*same = rc == RC_OK && strcmp(leaf.commitment, logged->commitment) == 0;
	return rc;
}

/* Whether both define the same; a region may be called otherwise since. */
static bool
is_same(const struct task_leaf *a, const struct task_leaf *b)
{
	return strcmp(a->url, b->url) == 0 &&
	    a->expected_status == b->expected_status &&
	    a->timeout_ms == b->timeout_ms &&
	    a->interval_ms == b->interval_ms && a->copies == b->copies &&
	    a->cooldown_ms == b->cooldown_ms;
}

static enum rc
task_entry(struct publisher *p, struct task_leaf *leaf,
    const struct public_task *t, struct err *e)
{
	const struct task_state *known = state_task(&p->state, leaf->task);
	enum rc rc;

	if (known != NULL) {
		leaf->prev = known->leaf;
		/* Nothing begins before what is logged already. */
		if (leaf->from < known->last.from)
			leaf->from = known->last.from;
		if (leaf->from < known->segment.to)
			leaf->from = known->segment.to;
	}
	if (t->salt == NULL)
		return leaf_entry(p, KIND_TASK, leaf, e);
	rc = commit(leaf, t, e);
	return rc == RC_OK ? leaf_entry(p, KIND_PRIVATE, leaf, e) : rc;
}

/* The ledger says of a definition what the log doesn't. */
static void
definition_differs(struct publisher *p, const struct task_leaf *leaf)
{
	p->result->findings++;
	log_error("task %s: the ledger has another definition %" PRId64
		  " than the log: it was restored; the log goes on with it",
	    leaf->task, leaf->version);
}

static enum rc
on_task(void *ctx, const struct public_task *t, struct err *e)
{
	struct publisher *p = ctx;
	struct task_leaf leaf;
	struct task_state *known;
	char name[TASK_ID_MAX + 1];
	bool same = true;
	enum rc rc = RC_OK;

	slice_copy(name, sizeof(name), t->name);
	known = state_task(&p->state, name);
	leaf_of(
	    &leaf, t, known == NULL ? "active" : known->last.state, t->from_ms);
	if (known != NULL && t->version == known->last.version) {
		same = is_same(&leaf, &known->last);
		if (t->salt != NULL)
			rc = commits_same(&same, t, &known->last, e);
		if (rc == RC_OK && !same)
			definition_differs(p, &leaf);
	}
	if (rc == RC_OK &&
	    (!same || known == NULL || t->version > known->last.version))
		rc = task_entry(p, &leaf, t, e);
	if (rc != RC_OK)
		return rc;
	known = state_task(&p->state, name);
	known->id = t->task;
	if (t->salt != NULL)
		memcpy(known->salt, t->salt, sizeof(known->salt));
	return rc;
}

/* A state has no time in the ledger: it counts from when it is seen. */
static enum rc
on_task_state(void *ctx, const struct public_task *t, struct err *e)
{
	struct publisher *p = ctx;
	struct task_leaf leaf;
	struct task_state *known;
	char name[TASK_ID_MAX + 1], state[16];

	slice_copy(name, sizeof(name), t->name);
	slice_copy(state, sizeof(state), t->state);
	known = state_task(&p->state, name);
	if (known->last.version != t->version ||
	    strcmp(known->last.state, state) == 0)
		return RC_OK;
	leaf_of(&leaf, t, state, p->now_ms);
	return task_entry(p, &leaf, t, e);
}

/* ---- All else ---- */

/* Begins an entry of that type. */
static enum rc
fact_begin(
    struct json_writer **w, struct buf *out, const char *type, struct err *e)
{
	enum rc rc = json_writer_new(w, out, false, e);

	if (rc != RC_OK)
		return rc;
	json_open_object(*w);
	json_key(*w, "type");
	json_string(*w, type);
	return RC_OK;
}

static enum rc
fact_end(struct json_writer *w, const struct buf *out, struct err *e)
{
	json_close_object(w);
	json_writer_free(w);
	return buf_status(out, e);
}

static void
text_put(struct json_writer *w, const char *key, struct slice text)
{
	json_key(w, key);
	json_slice(w, text);
}

static void
number_put(struct json_writer *w, const char *key, int64_t n)
{
	json_key(w, key);
	json_number(w, n);
}

enum rc
payout_write(struct buf *out, const struct public_payout *o, struct err *e)
{
	struct json_writer *w;
	enum rc rc = fact_begin(&w, out, LEAF_PAYOUT, e);

	if (rc != RC_OK)
		return rc;
	text_put(w, "worker", o->worker);
	number_put(w, "seq", o->seq);
	number_put(w, "amountMicros", o->micros);
	text_put(w, "nonce", o->nonce);
	number_put(w, "chainId", o->chain_id);
	text_put(w, "tx", o->tx);
	number_put(w, "block", o->block);
	return fact_end(w, out, e);
}

static enum rc
on_payout(void *ctx, const struct public_payout *o, struct err *e)
{
	struct publisher *p = ctx;
	char subject[160];
	enum rc rc;

	(void)snprintf(subject, sizeof(subject), "payout %.*s",
	    (int)o->nonce.len, o->nonce.p);
	if (state_has(&p->state, subject))
		return RC_OK;
	rc = payout_write(&p->entries.text, o, e);
	return rc == RC_OK ? entry_end(p, e) : rc;
}

static void
forfeit_name(
    char out[static HEX_SIZE(KECCAK256_LEN)], const struct public_forfeit *f)
{
	hex_encode(out, f->transfer_hash, sizeof(f->transfer_hash));
}

enum rc
forfeit_write(struct buf *out, const struct public_forfeit *f, struct err *e)
{
	char hash[HEX_SIZE(KECCAK256_LEN)];
	struct json_writer *w;
	enum rc rc = fact_begin(&w, out, LEAF_FORFEIT, e);

	if (rc != RC_OK)
		return rc;
	forfeit_name(hash, f);
	text_put(w, "worker", f->worker);
	number_put(w, "amountMicros", f->micros);
	number_put(w, "at", f->at_ms);
	number_put(w, "since", f->since_ms);
	text_put(w, "by", f->by);
	text_put(w, "why", f->why);
	text_put(w, "transfer", slice_of(hash));
	return fact_end(w, out, e);
}

static enum rc
on_forfeit(void *ctx, const struct public_forfeit *f, struct err *e)
{
	struct publisher *p = ctx;
	char hash[HEX_SIZE(KECCAK256_LEN)], subject[160];
	enum rc rc;

	forfeit_name(hash, f);
	(void)snprintf(subject, sizeof(subject), "forfeit %s", hash);
	if (state_has(&p->state, subject))
		return RC_OK;
	rc = forfeit_write(&p->entries.text, f, e);
	return rc == RC_OK ? entry_end(p, e) : rc;
}

/* ---- The method, and maintenance ---- */

/* Stated before the hours that are counted by it. */
static enum rc
method_publish(struct publisher *p, struct err *e)
{
	const struct method_leaf *last = &p->state.method;
	struct method_leaf m = { .method = UPTIME_METHOD,
		.confirm = UPTIME_CONFIRM,
		.networks = UPTIME_NETWORKS,
		.recover = UPTIME_RECOVER,
		.gap_ms = UPTIME_GAP_MS,
		.text = UPTIME_TEXT_SHA256,
		.logged = p->now_ms,
		.prev = p->state.method_leaf };

	if (m.prev != LEAF_NONE && strcmp(m.method, last->method) == 0 &&
	    strcmp(m.text, last->text) == 0 && m.confirm == last->confirm &&
	    m.networks == last->networks && m.recover == last->recover &&
	    m.gap_ms == last->gap_ms)
		return RC_OK;
	return leaf_entry(p, KIND_METHOD, &m, e);
}

static enum rc
maintenance_entry(struct publisher *p, const struct public_maintenance *m,
    int64_t ended_ms, struct err *e)
{
	struct maintenance_leaf leaf = { .id = m->id,
		.from = m->from_ms,
		.to = m->to_ms,
		.ended = ended_ms,
		.noted = m->noted_ms,
		.logged = p->now_ms };
	const struct task_state *t;
	char subject[80];

	(void)snprintf(subject, sizeof(subject), "%s %" PRId64 " %" PRId64,
	    ended_ms == LEAF_NONE ? "maintenance" : "end", m->id, m->noted_ms);
	if (state_has(&p->state, subject))
		return RC_OK;
	slice_copy(leaf.task, sizeof(leaf.task), m->task);
	slice_copy(leaf.why, sizeof(leaf.why), m->why);
	t = state_task(&p->state, leaf.task);
	leaf.prev = t == NULL ? LEAF_NONE : t->maintenance_leaf;
	/* Nothing ends before what is logged, and so perhaps not early. */
	if (leaf.ended != LEAF_NONE && t != NULL && leaf.ended < t->segment.to)
		leaf.ended = t->segment.to;
	if (leaf.ended >= leaf.to)
		return RC_OK;
	return leaf_entry(p, KIND_MAINTENANCE, &leaf, e);
}

static enum rc
on_maintenance(void *ctx, const struct public_maintenance *m, struct err *e)
{
	enum rc rc = maintenance_entry(ctx, m, LEAF_NONE, e);

	return rc == RC_OK && m->ended_ms != LEAF_NONE
	    ? maintenance_entry(ctx, m, m->ended_ms, e)
	    : rc;
}

enum rc
facts_publish(struct publisher *p, struct err *e)
{
	enum rc rc;

	rc = method_publish(p, e);
	if (rc == RC_OK)
		rc = public_tasks(p->db, on_task, p, e);
	if (rc == RC_OK)
		rc = public_tasks(p->db, on_task_state, p, e);
	if (rc == RC_OK)
		rc = public_maintenances(p->db, on_maintenance, p, e);
	if (rc == RC_OK)
		rc = drills_publish(p, e);
	if (rc == RC_OK)
		rc = public_payouts(p->db, on_payout, p, e);
	if (rc == RC_OK)
		rc = public_forfeits(p->db, on_forfeit, p, e);
	return rc == RC_OK ? entries_publish(p, e) : rc;
}
