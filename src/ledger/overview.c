#include "ledger/overview.h"

#include "ledger/finding.h"
#include "ledger/joining.h"

#define WORST_TASKS 20

/* A text as people read it: an address with its checksum. */
static void
text_take(char out[static OVERVIEW_TEXT], struct slice text)
{
	struct address a;

	if (address_parse(&a, NULL, text, NULL) == RC_OK)
		address_format(out, &a, ADDRESS_CHECKSUM);
	else
		slice_copy(out, OVERVIEW_TEXT, text);
}

/* A list's query has these columns as texts, up to -1, and one as a time. */
static enum rc
list_read(struct overview_list *l, struct query *q, const int *columns,
    int at_column, struct err *e)
{
	struct overview_row *r;
	enum rc rc;
	bool row;
	size_t i;

	l->n = 0;
	l->all = 0;
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		if (l->all++ >= OVERVIEW_ROWS)
			continue;
		r = &l->rows[l->n++];
		r->at_ms = query_get_int(q, at_column);
		for (i = 0; i < OVERVIEW_FIELDS && columns[i] >= 0; i++)
			text_take(r->text[i], query_get_text(q, columns[i]));
	}
	query_done(q);
	return rc;
}

static enum rc
findings_read(struct overview_list *l, struct db *db, struct err *e)
{
	struct query *q = db_query(db, Q_FINDING_LIST);
	const struct finding_kind *k;
	enum rc rc;
	size_t i;

	query_int(q, 1, false);
	rc = list_read(l, q,
	    (const int[]){ C_FINDING_LIST_KIND, C_FINDING_LIST_SUBJECT,
		C_FINDING_LIST_DETAIL, C_FINDING_LIST_ID, -1 },
	    C_FINDING_LIST_AT_MS, e);
	for (i = 0; i < l->n; i++) {
		k = finding_kind(slice_of(l->rows[i].text[0]));
		slice_copy(l->rows[i].text[4], OVERVIEW_TEXT,
		    slice_of(k == NULL ? "" : k->title));
	}
	return rc;
}

static enum rc
lists_read(struct overview *o, struct db *db, int64_t now_ms, struct err *e)
{
	struct query *q;
	enum rc rc;

	rc = findings_read(&o->findings, db, e);
	if (rc == RC_OK)
		rc = list_read(&o->holds, db_query(db, Q_HOLD_LIST),
		    (const int[]){ C_HOLD_LIST_WHO, C_HOLD_LIST_BY,
			C_HOLD_LIST_REASON, -1 },
		    C_HOLD_LIST_SINCE_MS, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_JOIN_LIST);
	query_int(q, 1, now_ms - JOIN_KEPT_MS);
	query_int(q, 2, JOIN_ROWS_MAX);
	return list_read(&o->requests, q,
	    (const int[]){ C_JOIN_LIST_ADDRESS, C_JOIN_LIST_REGION,
		C_JOIN_LIST_NETWORK, -1 },
	    C_JOIN_LIST_ASKED_MS, e);
}

enum rc
overview_read(struct overview *o, struct db *db, const struct conf *c,
    int64_t now_ms, struct err *e)
{
	enum rc rc;

	o->warnings.n = 0;
	rc = status_read_ledger(&o->status, db, c, WORST_TASKS, now_ms, e);
	if (rc != RC_OK)
		return rc;
	warnings_find(&o->warnings, &o->status, c);
	rc = db_begin_read(db, e);
	if (rc == RC_OK)
		rc = lists_read(o, db, now_ms, e);
	db_rollback(db);
	return rc;
}

void
overview_free(struct overview *o)
{
	status_free(&o->status);
}
