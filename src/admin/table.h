/* Rows of a query as commands print them. One thread. */
#ifndef WORKNET_ADMIN_TABLE_H
#define WORKNET_ADMIN_TABLE_H

#include "admin/admin.h"

/* The value of column i; NULL there is absent. */
struct out_value row_value(struct query *q, int i, enum out_type type);

struct table_column {
	struct out_column column;
	int from; /* the query's column; NULL there is absent */
};

struct table {
	const char *key;     /* for programs */
	const char *heading; /* for people; may be NULL */
	/* One without a key ends them. */
	struct table_column columns[OUT_COLUMNS_MAX + 1];
};

/*
 * Prints q's rows, whose parameters are bound, and ends q. none is the line
 * for people when there was no row. The rows are counted in *n, which may be
 * NULL. Errors of db.h.
 */
MUST_CHECK enum rc table_print(struct out *o, const struct table *t,
    struct query *q, const char *none, int64_t *n, struct err *e);

/* All of a command that prints the rows of a query without parameters. */
MUST_CHECK enum admin_exit table_command(
    struct admin *a, const struct table *t, enum query_id id, const char *none);

/* Says how many there are, and for people, if some were left out, of what. */
void
table_total(struct out *o, int64_t shown, int64_t total, const char *of_what);

#endif
