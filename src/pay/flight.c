#include "pay/flight.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define RESEND_MS 3000	/* nodes forget */
#define STUCK_MS  15000 /* seven of Base's blocks */

static void
flight_free(struct flight *f)
{
	if (f != NULL)
		submission_free(&f->s);
	free(f);
}

static void
flight_remove(struct flights *fs, size_t i)
{
	flight_free(fs->all[i]);
	fs->n--;
	memmove(&fs->all[i], &fs->all[i + 1], (fs->n - i) * sizeof(fs->all[0]));
}

enum rc
flights_add(struct flights *fs, struct submission *s, struct flight **out,
    struct err *e)
{
	struct flight *f = calloc(1, sizeof(*f));
	size_t i = fs->n;

	*out = f;
	if (f == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	CHECK(fs->n < FLIGHTS_MAX);
	f->s = *s;
	*s = (struct submission){ .id = 0 };
	f->signed_ms = clock_monotonic_ms();
	for (; i > 0 && fs->all[i - 1]->s.nonce > f->s.nonce; i--)
		fs->all[i] = fs->all[i - 1];
	fs->all[i] = f;
	fs->n++;
	return RC_OK;
}

static bool
flight_is_loaded(const struct flights *fs, int64_t nonce)
{
	size_t i;

	for (i = 0; i < fs->n; i++)
		if (fs->all[i]->s.nonce == nonce)
			return true;
	return false;
}

/* Those of the queue that we don't have yet. */
static enum rc
flights_load(struct flights *fs, struct err *e)
{
	uint64_t high = fs->gas.view.nonce_high;
	int64_t after, next = high > INT64_MAX ? INT64_MAX : (int64_t)high;
	struct submission s;
	struct flight *f;
	bool found = true;
	enum rc rc = RC_OK;

	/* What no node has in a block any more was reorganised away. */
	if (fs->mined_to >= next)
		fs->mined_to = next - 1;
	after = fs->mined_to;
	fs->whole = false;
	while (rc == RC_OK) {
		rc = submission_next_open(
		    fs->gas.run->db, &fs->gas.sender, after, &s, &found, e);
		if (rc != RC_OK || !found)
			break;
		after = s.nonce;
		if (!flight_is_loaded(fs, s.nonce)) {
			if (fs->n == FLIGHTS_MAX) {
				submission_free(&s);
				return RC_OK;
			}
			rc = flights_add(fs, &s, &f, e);
		}
		submission_free(&s);
	}
	fs->whole = rc == RC_OK && !found;
	return rc;
}

enum rc
flight_send(struct flights *fs, struct flight *f, struct err *e)
{
	char why[NODES_REASON_MAX + 1];
	struct buf raw;
	size_t taken;
	enum rc rc;

	buf_init(&raw, TRANSACTION_MAX);
	rc = submission_write(&raw, &f->s, e);
	if (rc == RC_OK) {
		taken = nodes_send(fs->gas.run->nodes,
		    (struct slice){ raw.p, raw.len }, f->s.hash, why);
		f->sent_ms = clock_monotonic_ms();
		if (why[0] != '\0' && strcmp(why, f->trouble) != 0)
			log_warning("gas account, nonce %" PRId64
				    ", taken by %zu nodes: %s",
			    f->s.nonce, taken, why);
		memcpy(f->trouble, why, sizeof(f->trouble));
	}
	buf_free(&raw);
	return rc;
}

/* The same payload for more, where it was passed over for too long. */
static enum rc
flight_replace(struct flights *fs, struct flight *f, struct err *e)
{
	struct submission before = f->s;
	enum rc rc;

	rc = gas_higher_fees(&fs->gas, &f->s, e);
	if (rc == RC_OK)
		rc = gas_sign(&fs->gas, &f->s, e);
	if (rc == RC_OK)
		rc = submission_replace(
		    fs->gas.run->db, &f->s, clock_unix_ms(), e);
	if (rc != RC_OK) {
		f->s = before;
		return rc;
	}
	log_info("gas account, nonce %" PRId64 ": replaced, %" PRId64
		 " wei for each gas",
	    f->s.nonce, f->s.max_fee_wei);
	f->signed_ms = clock_monotonic_ms();
	return flight_send(fs, f, e);
}

/*
 * Whether it was passed over for too long. What a node shows in a block isn't
 * replaced for nothing: only where by another's word no block takes its fee.
 */
static bool
flight_is_stuck(const struct flights *fs, const struct flight *f, int64_t now)
{
	return f->shown
	    ? (uint64_t)f->s.max_fee_wei < fs->gas.view.base_fee_high_wei
	    : now - f->signed_ms >= STUCK_MS;
}

/* What isn't in a block is sent again, or replaced. */
static enum rc
flight_push(struct flights *fs, struct flight *f, struct err *e)
{
	int64_t now = clock_monotonic_ms();
	struct err why = ERR_INIT;
	enum rc rc = RC_OK;

	if (flight_is_stuck(fs, f, now)) {
		rc = flight_replace(fs, f, &why);
		if (rc == RC_BUSY || rc == RC_INVALID) {
			log_warning("gas account, nonce %" PRId64
				    " is stuck: %s",
			    f->s.nonce, why.msg);
			f->signed_ms = now;
			rc = RC_OK;
		}
	}
	if (rc == RC_OK && (f->sent_ms == 0 || now - f->sent_ms >= RESEND_MS))
		rc = flight_send(fs, f, &why);
	return rc == RC_OK ? RC_OK : err_set(e, rc, "%s", why.msg);
}

/* ---- Looking ---- */

/* What the n hashes of a submission's forms came to: the one in a block. */
static enum rc
mined_of(struct flights *fs, const struct submission *s, struct mined *out,
    uint8_t hash[static TX_HASH_LEN], struct err *e)
{
	uint8_t hashes[FORMS_MAX][KECCAK256_LEN];
	struct mined all[FORMS_MAX];
	bool absent = true;
	size_t i, n;
	enum rc rc;

	*out = (struct mined){ .found = false };
	rc = submission_hashes(fs->gas.run->db, s->id, hashes, &n, e);
	if (rc != RC_OK)
		return rc;
	nodes_mined(
	    fs->gas.run->nodes, (const uint8_t(*)[TX_HASH_LEN])hashes, n, all);
	for (i = 0; i < n; i++) {
		absent = absent && all[i].absent;
		if (all[i].found &&
		    (!out->found || all[i].shared ||
			(out->denied && !all[i].denied))) {
			*out = all[i];
			memcpy(hash, hashes[i], TX_HASH_LEN);
		}
	}
	out->absent = absent;
	return RC_OK;
}

/* Its nonce is used in final blocks: by one of its forms, or not by us. */
static enum rc
finish(struct flights *fs, const struct submission *s, struct err *e)
{
	uint8_t hash[TX_HASH_LEN];
	struct mined m;
	enum rc rc;

	rc = mined_of(fs, s, &m, hash, e);
	if (rc != RC_OK || (!m.final && !m.absent))
		return rc; /* not every node tells: another time */
	rc = submission_done(fs->gas.run->db, s,
	    !m.final			 ? -1
		: m.cost_wei > INT64_MAX ? INT64_MAX
					 : (int64_t)m.cost_wei,
	    clock_unix_ms(), e);
	if (rc == RC_OK && !m.final)
		rc = gas_used_elsewhere(&fs->gas, s->nonce, e);
	return rc;
}

/* All of the queue that final blocks have used. */
static enum rc
finish_final(struct flights *fs, struct err *e)
{
	int64_t after = -1;
	struct submission s;
	bool found = true;
	enum rc rc = RC_OK;

	while (rc == RC_OK) {
		rc = submission_next_open(
		    fs->gas.run->db, &fs->gas.sender, after, &s, &found, e);
		if (rc != RC_OK || !found)
			break;
		after = s.nonce;
		if ((uint64_t)s.nonce >= fs->gas.view.final_low)
			found = false;
		else
			rc = finish(fs, &s, e);
		submission_free(&s);
		if (!found)
			break;
	}
	return rc;
}

static enum rc
flight_look(struct flights *fs, struct flight *f, struct err *e)
{
	struct mined m;
	enum rc rc;

	rc = mined_of(fs, &f->s, &m, f->mined_hash, e);
	if (rc != RC_OK)
		return rc;
	f->shown = m.found;
	f->mined = m.shared;
	if (!m.found || m.denied)
		return flight_push(fs, f, e);
	log_debug("gas account, nonce %" PRId64 ": in block %" PRIu64,
	    f->s.nonce, m.block);
	return RC_OK;
}

enum rc
flights_look(struct flights *fs, struct err *e)
{
	enum rc rc;
	size_t i;

	rc = flights_load(fs, e);
	for (i = 0; rc == RC_OK && i < fs->n; i++)
		rc = flight_look(fs, fs->all[i], e);
	return rc;
}

void
flights_drop_mined(struct flights *fs)
{
	bool full = fs->n == FLIGHTS_MAX;

	while (
	    fs->n > 0 && (fs->all[0]->mined || (full && fs->all[0]->shown))) {
		fs->mined_to = fs->all[0]->s.nonce;
		flight_remove(fs, 0);
	}
}

enum rc
flights_open(struct flights *fs, struct err *e)
{
	enum rc rc;

	rc = gas_look(&fs->gas, e);
	if (rc == RC_OK)
		rc = finish_final(fs, e);
	fs->mined_to = (int64_t)fs->gas.view.final_low - 1;
	fs->whole = false;
	/* Many may be in blocks that aren't final yet, and make room. */
	while (rc == RC_OK && !fs->whole && fs->n < FLIGHTS_MAX) {
		rc = flights_look(fs, e);
		flights_drop_mined(fs);
	}
	return rc;
}

void
flights_free(struct flights *fs)
{
	while (fs->n > 0)
		flight_remove(fs, 0);
}

uint64_t
flights_promised_wei(const struct flights *fs)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < fs->n; i++)
		if (!fs->all[i]->shown &&
		    __builtin_add_overflow(
			sum, gas_cost_wei(&fs->all[i]->s), &sum))
			return UINT64_MAX;
	return sum;
}
