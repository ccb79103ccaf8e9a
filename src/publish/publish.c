#include "publish/publish.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "publish/room.h"

#define ENTRIES_BYTES (256 * 1024 * 1024)

static size_t
entry_begin(const struct entries *n, size_t i)
{
	return i == 0 ? 0 : n->end[i - 1];
}

enum rc
entry_end(struct publisher *p, struct err *e)
{
	struct entries *n = &p->entries;
	const size_t from = entry_begin(n, n->n);
	size_t *end;
	enum rc rc;

	rc = buf_status(&n->text, e);
	if (rc != RC_OK)
		return rc;
	if (n->text.len - from > ENTRY_MAX)
		return err_set(e, RC_CORRUPT,
		    "an entry of %zu bytes, expected at most %d",
		    n->text.len - from, ENTRY_MAX);
	if (n->n == n->room) {
		n->room = n->room == 0 ? 64 : 2 * n->room;
		end = realloc(n->end, n->room * sizeof(*end));
		if (end == NULL)
			return err_set(e, RC_NO_MEMORY, "out of memory");
		n->end = end;
	}
	n->end[n->n++] = n->text.len;
	return state_take(&p->state,
	    (struct slice){ n->text.p + from, n->text.len - from }, e);
}

enum rc
leaf_entry(
    struct publisher *p, enum leaf_kind kind, const void *leaf, struct err *e)
{
	enum rc rc = leaf_write(&p->entries.text, kind, leaf, e);

	return rc == RC_OK ? entry_end(p, e) : rc;
}

enum rc
entries_publish(struct publisher *p, struct err *e)
{
	struct entries *n = &p->entries;
	struct slice *all;
	size_t i, from;
	enum rc rc;

	if (n->n == 0)
		return RC_OK;
	all = calloc(n->n, sizeof(*all));
	if (all == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	for (i = 0; i < n->n; i++) {
		from = entry_begin(n, i);
		all[i] = (struct slice){ n->text.p + from, n->end[i] - from };
	}
	rc = book_append(&p->book, all, n->n, e);
	free(all);
	p->result->leaves += (int64_t)n->n;
	p->result->size = p->book.site.size;
	n->n = 0;
	buf_reset(&n->text);
	return rc;
}

/* ---- Time ---- */

static enum rc
clock_refuse(
    const struct publisher *p, const char *whose, int64_t ms, struct err *e)
{
	char now[FILE_TIME_LEN + 1], newest[FILE_TIME_LEN + 1];

	file_time(now, p->now_ms);
	file_time(newest, ms);
	return err_set(e, RC_CORRUPT,
	    "the clock shows %s, and %s is of %s: the clock was set back, or was ahead then; nothing is logged before it shows more",
	    now, whose, newest);
}

/* What is signed says that these times are over, and stays so. */
static enum rc
clock_check(const struct publisher *p, struct err *e)
{
	return p->now_ms >= p->state.newest_ms
	    ? RC_OK
	    : clock_refuse(p, "the log's newest leaf", p->state.newest_ms, e);
}

/*
 * An hour isn't over before the ledger itself has something later, by its
 * coordinator's clock: so this host's clock, when it is ahead, can't cut off
 * what is still to come. A ledger in which nothing happens says so by itself,
 * after a day.
 */
static void
over_find(struct publisher *p)
{
	const int64_t newest_ms = p->bounds.newest_ms;
	char now[FILE_TIME_LEN + 1], newest[FILE_TIME_LEN + 1];

	p->over_ms = p->now_ms;
	if (p->idle || p->now_ms <= newest_ms)
		return;
	p->over_ms = newest_ms;
	if (newest_ms == 0 || p->now_ms - newest_ms <= DAY_MS)
		return;
	p->result->findings++;
	file_time(now, p->now_ms);
	file_time(newest, newest_ms);
	log_error(
	    "the clock shows %s, and the ledger's newest row is of %s: no later hour is logged; if the clock is right and nothing has happened since, say worknet-log --idle",
	    now, newest);
}

/* What this run looks at, and what it notes before the ledger forgets it. */
static enum rc
look(struct publisher *p, const struct conf *c, struct err *e)
{
	bool restored = false;
	enum rc rc;

	rc = marks_read(&p->marks, c->log_state_directory, e);
	if (rc == RC_OK)
		rc = public_bounds_read(&p->bounds, p->db, e);
	/* Else leaves would say that they were logged before they were. */
	if (rc == RC_OK && p->now_ms + CLOCK_SKEW_MS < p->bounds.newest_ms)
		rc = clock_refuse(
		    p, "the ledger's newest row", p->bounds.newest_ms, e);
	if (rc == RC_OK)
		rc = marks_note(&p->marks, p->db, p->bounds.last_slot,
		    p->now_ms, &restored, e);
	if (rc != RC_OK)
		return rc;
	over_find(p);
	if (restored) {
		p->result->findings++;
		log_error(
		    "the ledger has given slots up to %" PRId64
		    ", and had given more: it is an older copy; what is logged stays",
		    p->bounds.last_slot);
	}
	return RC_OK;
}

static enum rc
work(struct publisher *p, const struct conf *c, struct err *e)
{
	enum rc rc;

	rc = db_begin_read(p->db, e);
	if (rc != RC_OK)
		return rc;
	rc = look(p, c, e);
	if (rc == RC_OK)
		rc = facts_publish(p, e);
	if (rc == RC_OK)
		rc = hours_publish(p, e);
	db_rollback(p->db);
	return rc;
}

/* Opens the log, and knows what it says; with publisher_end freed. */
static enum rc
publisher_begin(struct publisher *p, const struct conf *c, struct err *e)
{
	enum rc rc;

	buf_init(&p->entries.text, ENTRIES_BYTES);
	rc = book_open(&p->book, c, p->now_ms, e);
	if (rc != RC_OK)
		return rc;
	p->result->size = p->book.site.size;
	rc = state_open(&p->state, &p->book.site, c->log_state_directory, e);
	if (rc == RC_OK)
		rc = clock_check(p, e);
	if (rc != RC_OK) {
		state_free(&p->state);
		book_close(&p->book);
	}
	return rc;
}

static void
publisher_end(struct publisher *p)
{
	marks_free(&p->marks);
	state_free(&p->state);
	free(p->entries.end);
	buf_free(&p->entries.text);
	book_close(&p->book);
}

enum rc
publish_run(struct db *db, const struct conf *c, int64_t now_ms, bool idle,
    struct publish_result *out, struct err *e)
{
	struct publisher p = {
		.db = db, .now_ms = now_ms, .idle = idle, .result = out
	};
	enum rc rc, shown;

	memset(out, 0, sizeof(*out));
	rc = publisher_begin(&p, c, e);
	if (rc != RC_OK)
		return rc;
	rc = work(&p, c, e);
	/* The ledger isn't held while others are asked. */
	shown = book_show(&p.book, NULL, rc == RC_OK ? e : NULL);
	out->findings += p.book.faults.new_ones;
	publisher_end(&p);
	return rc == RC_OK ? shown : rc;
}

enum rc
publish_key_next(const struct conf *c, int64_t now_ms,
    char vkey[static NOTE_VKEY_MAX + 1], struct err *e)
{
	struct publish_result result = { 0 };
	struct publisher p = { .now_ms = now_ms, .result = &result };
	struct key_leaf leaf = { .logged = now_ms };
	bool quorum;
	enum rc rc;

	rc = publisher_begin(&p, c, e);
	if (rc != RC_OK)
		return rc;
	rc = book_key_next(&p.book, c, e);
	if (rc == RC_OK) {
		note_key_format(leaf.key, &p.book.next);
		memcpy(vkey, leaf.key, sizeof(leaf.key));
		rc = leaf_entry(&p, KIND_KEY, &leaf, e);
	}
	if (rc == RC_OK)
		rc = entries_publish(&p, e);
	if (rc == RC_OK)
		rc = book_show(&p.book, &quorum, e);
	/* Who trusts the old key and a quorum must be able to take the new. */
	if (rc == RC_OK && !quorum)
		rc = err_set(e, RC_IO,
		    "the old key stays for now: no more than half of the witnesses have seen that another one is to take over; say it again once they answer");
	if (rc == RC_OK)
		rc = book_key_succeed(c, e);
	publisher_end(&p);
	return rc;
}
