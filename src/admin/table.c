#include "admin/table.h"

#include <inttypes.h>

static struct out_value
value_of(struct query *q, const struct table_column *c)
{
	if (query_is_null(q, c->from))
		return out_absent();
	return c->column.type == OUT_TEXT
	    ? out_slice(query_get_text(q, c->from))
	    : out_int(query_get_int(q, c->from));
}

enum rc
table_print(struct out *o, const struct table *t, struct query *q,
    const char *none, int64_t *n, struct err *e)
{
	struct out_column columns[OUT_COLUMNS_MAX];
	struct out_value values[OUT_COLUMNS_MAX];
	size_t width = 0, i;
	int64_t rows = 0;
	enum rc rc;
	bool row;

	for (; t->columns[width].column.key != NULL; width++)
		columns[width] = t->columns[width].column;
	out_table(o, t->key, t->heading, columns, width);
	for (; (rc = query_step(q, &row, e)) == RC_OK && row; rows++) {
		for (i = 0; i < width; i++)
			values[i] = value_of(q, &t->columns[i]);
		out_row(o, values);
	}
	query_done(q);
	out_table_end(o, none);
	if (n != NULL)
		*n = rows;
	return rc;
}

void
table_total(struct out *o, int64_t shown, int64_t total, const char *of_what)
{
	static const struct out_column column = { "total", NULL, OUT_COUNT };

	out_field(o, &column, out_int(total));
	if (shown < total)
		out_note(o,
		    "\n%" PRId64 " of %" PRId64 " %s; --all lists every one",
		    shown, total, of_what);
}
