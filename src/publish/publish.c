#include "publish/publish.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

/* What this run looks at, and what it notes before the ledger forgets it. */
static enum rc
look(struct publisher *p, const struct conf *c, struct err *e)
{
	int64_t last_slot;
	bool restored = false;
	enum rc rc;

	rc = marks_read(&p->marks, c->log_state_directory, e);
	if (rc == RC_OK)
		rc = public_bounds(p->db, &last_slot, &p->window_ms, e);
	if (rc == RC_OK)
		rc = marks_note(
		    &p->marks, p->db, last_slot, p->now_ms, &restored, e);
	if (rc == RC_OK && restored) {
		p->result->findings++;
		log_error(
		    "the ledger has given slots up to %" PRId64
		    ", and had given more: it is an older copy; what is logged stays",
		    last_slot);
	}
	return rc;
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

enum rc
publish_run(struct db *db, const struct conf *c, int64_t now_ms,
    struct publish_result *out, struct err *e)
{
	struct publisher p = { .db = db, .now_ms = now_ms, .result = out };
	enum rc rc;

	memset(out, 0, sizeof(*out));
	buf_init(&p.entries.text, ENTRIES_BYTES);
	rc = book_open(&p.book, c, e);
	if (rc != RC_OK)
		return rc;
	rc = state_read(&p.state, &p.book.site, e);
	out->size = p.book.site.size;
	if (rc == RC_OK)
		rc = work(&p, c, e);
	marks_free(&p.marks);
	state_free(&p.state);
	free(p.entries.end);
	buf_free(&p.entries.text);
	book_close(&p.book);
	return rc;
}
