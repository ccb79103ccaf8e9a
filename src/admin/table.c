#include "admin/table.h"

#include <inttypes.h>

struct out_value
row_value(struct query *q, int i, enum out_type type)
{
	if (query_is_null(q, i))
		return out_absent();
	return out_is_text(type) ? out_slice(query_get_text(q, i))
				 : out_int(query_get_int(q, i));
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
			values[i] = row_value(
			    q, t->columns[i].from, t->columns[i].column.type);
		out_row(o, values);
	}
	query_done(q);
	out_table_end(o, none);
	if (n != NULL)
		*n = rows;
	return rc;
}

enum admin_exit
table_command(
    struct admin *a, const struct table *t, enum query_id id, const char *none)
{
	enum admin_exit code = admin_open(a, DB_READ);
	struct err e = ERR_INIT;
	enum rc rc;

	if (code != ADMIN_OK)
		return code;
	rc = table_print(a->out, t, db_query(a->db, id), none, NULL, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

void
table_total(struct out *o, int64_t shown, int64_t total, const char *of_what)
{
	out_field(o, "total", NULL, OUT_COUNT, out_int(total));
	if (shown < total)
		out_note(o,
		    "\n%" PRId64 " of %" PRId64 " %s; --all lists every one",
		    shown, total, of_what);
}
