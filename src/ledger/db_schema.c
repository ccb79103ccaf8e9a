/* Whether a ledger's schema is this program's, whichever engine it is. */
#include <stdio.h>
#include <string.h>

#include "ledger/db.h"

/* The objects of a schema in order of name, one at a time. */
struct schema_walk {
	struct query *q;
	bool row;	   /* whether there is a present one */
	struct slice name; /* its kind and name */
	struct slice sql;  /* how it was made */
};

static enum rc
schema_next(struct schema_walk *w, struct err *e)
{
	enum rc rc;

	rc = query_step(w->q, &w->row, e);
	if (rc == RC_OK && w->row) {
		w->name = query_get_text(w->q, 0);
		w->sql = query_get_text(w->q, 1);
	}
	return rc;
}

/* Less than, equal to or greater than 0, as strcmp; an ended walk is last. */
static int
schema_order(const struct schema_walk *a, const struct schema_walk *b)
{
	size_t n = a->name.len < b->name.len ? a->name.len : b->name.len;
	int order;

	if (!a->row || !b->row)
		return (int)b->row - (int)a->row;
	order = memcmp(a->name.p, b->name.p, n);
	if (order != 0)
		return order;
	return (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

static void
schema_finding(
    const struct schema_walk *w, const char *what, db_finding_fn *fn, void *ctx)
{
	char text[200];

	(void)snprintf(text, sizeof(text), "%.*s %s",
	    w->name.len > 150 ? 150 : (int)w->name.len, w->name.p, what);
	fn(ctx, text);
}

/* Walks both in step: what is, and what should be. */
static enum rc
schema_compare(struct schema_walk *is, struct schema_walk *should,
    int64_t *objects, db_finding_fn *fn, void *ctx, struct err *e)
{
	enum rc rc;
	int order;

	rc = schema_next(is, e);
	if (rc == RC_OK)
		rc = schema_next(should, e);
	while (rc == RC_OK && (is->row || should->row)) {
		++*objects;
		order = schema_order(is, should);
		if (order < 0)
			schema_finding(is, "isn't part of a ledger", fn, ctx);
		else if (order > 0)
			schema_finding(should, "is missing", fn, ctx);
		else if (is->sql.len != should->sql.len ||
		    memcmp(is->sql.p, should->sql.p, is->sql.len) != 0)
			schema_finding(is, "was altered", fn, ctx);
		if (order <= 0)
			rc = schema_next(is, e);
		if (rc == RC_OK && order >= 0)
			rc = schema_next(should, e);
	}
	return rc;
}

enum rc
db_check_schema(struct db *db, int64_t *objects, db_finding_fn *fn, void *ctx,
    struct err *e)
{
	struct schema_walk is = { .q = NULL }, should = { .q = NULL };
	struct db *made;
	enum rc rc;

	*objects = 0;
	/* The very steps that make a ledger. */
	rc = db_create_in_memory(&made, e);
	if (rc != RC_OK)
		return rc;
	is.q = db_query(db, Q_SCHEMA_OBJECTS);
	should.q = db_query(made, Q_SCHEMA_OBJECTS);
	rc = schema_compare(&is, &should, objects, fn, ctx, e);
	query_done(is.q);
	db_close(made);
	return rc;
}
