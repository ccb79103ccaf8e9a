#include "ledger/row.h"

#include <string.h>

static void
add_int(struct keccak *k, int64_t n)
{
	uint64_t u = (uint64_t)n;
	uint8_t b[8];
	int i;

	for (i = 0; i < 8; i++)
		b[i] = (uint8_t)(u >> (56 - 8 * i));
	keccak_update(k, b, sizeof(b));
}

static void
add_text(struct keccak *k, struct slice s)
{
	add_int(k, (int64_t)s.len);
	keccak_update(k, s.p, s.len);
}

static void
add_round(struct keccak *k, const struct round_row *r)
{
	add_int(k, r->count);
	keccak_update(k, r->root, sizeof(r->root));
	keccak_update(k, r->signature, sizeof(r->signature));
	add_text(k, r->others);
}

void
link_transfer_begin(struct transfer_link *l, const struct tail *before,
    const struct transfer_row *t, const struct round_row *round)
{
	const bool has_round = round != NULL && round->is_there;
	struct keccak *k = &l->hash;

	l->format = t->format;
	l->results_n = 0;
	l->archived = false;
	keccak_init(k);
	keccak_update(k, before->hash, sizeof(before->hash));
	add_int(k, t->format);
	add_int(k, t->id);
	add_int(k, t->at_ms);
	add_text(k, t->kind);
	add_int(k, t->debit);
	add_int(k, t->credit);
	add_int(k, t->amount_micros);
	if (t->format >= 2)
		add_int(k, has_round);
	if (t->format >= 2 && has_round)
		add_round(k, round);
}

/* The small numbers, each in its own range. */
static int64_t
small_numbers(const struct result_row *r)
{
	return ((r->status + 1) << 8) | (r->token.len > 0 ? 1 << 6 : 0) |
	    (r->trace.len > 0 ? 1 << 5 : 0) | (r->in_round ? 1 << 4 : 0) |
	    (r->form << 2) | (r->has_error ? 2 : 0) | (r->success ? 1 : 0);
}

/*
 * One Keccak block (136 bytes) holds a result without an error text: the
 * small numbers share one word, and so do copy and anchor. Of a format 1 none
 * has what came with format 2.
 */
void
link_transfer_result(struct transfer_link *l, const struct result_row *r)
{
	struct keccak *k = l->format == 1 ? &l->hash : &l->results;

	if (l->results_n++ == 0 && l->format != 1)
		keccak_init(k);
	add_int(k, r->slot);
	add_int(k, r->version);
	add_int(k, r->cycle_ms);
	add_int(k, l->format == 1 ? r->copy : (r->anchor << 8) | r->copy);
	add_int(k, r->assigned_ms);
	add_int(k, r->timestamp_ms);
	add_int(k, small_numbers(r));
	add_int(k, r->response_ms);
	if (r->in_round)
		add_int(k, r->place);
	else
		keccak_update(k, r->signature, sizeof(r->signature));
	if (r->has_error)
		add_text(k, r->error);
	if (r->trace.len > 0)
		add_text(k, r->trace);
	if (r->token.len > 0)
		add_text(k, r->token);
}

void
link_transfer_archived(
    struct transfer_link *l, const uint8_t digest[static KECCAK256_LEN])
{
	CHECK(l->results_n == 0);
	l->archived = true;
	memcpy(l->digest, digest, KECCAK256_LEN);
}

void
link_results_end(struct transfer_link *l, uint8_t digest[static KECCAK256_LEN])
{
	CHECK(l->format != 1 && l->results_n > 0);
	keccak_final(&l->results, digest);
}

void
link_transfer_end(struct transfer_link *l, uint8_t hash[static KECCAK256_LEN])
{
	if (l->format != 1 && l->results_n > 0)
		link_results_end(l, l->digest);
	if (l->format != 1 && (l->results_n > 0 || l->archived))
		keccak_update(&l->hash, l->digest, sizeof(l->digest));
	keccak_final(&l->hash, hash);
}

void
link_terms(uint8_t hash[static KECCAK256_LEN], const struct tail *before,
    const struct terms_row *t)
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, before->hash, sizeof(before->hash));
	add_int(&k, t->format);
	add_int(&k, t->id);
	add_int(&k, t->first_slot);
	add_int(&k, t->first_transfer);
	add_int(&k, t->at_ms);
	add_int(&k, t->result_window_ms);
	add_int(&k, t->keep_ms);
	add_int(&k, t->clock_skew_ms);
	add_int(&k, t->phase);
	if (t->format >= 2) {
		add_int(&k, t->fit);
		add_int(&k, t->maturity_new_ms);
		add_int(&k, t->maturity_ms);
		add_int(&k, t->established_results);
		add_int(&k, t->established_days);
	}
	keccak_final(&k, hash);
}

void
link_version(uint8_t hash[static KECCAK256_LEN], const struct tail *before,
    const struct version_row *v)
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, before->hash, sizeof(before->hash));
	add_int(&k, v->format);
	add_int(&k, v->id);
	add_int(&k, v->task);
	if (v->format >= 2)
		add_text(&k, v->type);
	add_text(&k, v->url);
	add_int(&k, v->expected_status);
	add_int(&k, v->timeout_ms);
	add_int(&k, v->reward_micros);
	add_int(&k, v->interval_ms);
	add_int(&k, v->copies);
	add_int(&k, v->cooldown_ms);
	if (v->format >= 2)
		add_int(&k, v->budget_micros);
	add_text(&k, v->region);
	add_int(&k, v->created_ms);
	keccak_final(&k, hash);
}

void
link_event(uint8_t hash[static KECCAK256_LEN], const struct tail *before,
    const struct event_row *ev)
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, before->hash, sizeof(before->hash));
	add_int(&k, ev->format);
	add_int(&k, ev->id);
	add_int(&k, ev->payout);
	add_int(&k, ev->at_ms);
	add_text(&k, ev->kind);
	add_int(&k, ev->transfer);
	add_text(&k, ev->tx);
	add_int(&k, ev->block);
	add_text(&k, ev->detail);
	keccak_final(&k, hash);
}
