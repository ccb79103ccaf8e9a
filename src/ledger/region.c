#include "ledger/region.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

enum rc
region_check(const char *name, struct err *e)
{
	const size_t len = strlen(name);
	size_t i;

	for (i = 0;
	     i < len && (unsigned char)name[i] >= ' ' && name[i] != '\x7f'; i++)
		;
	if (len == 0 || len > REGION_MAX || i < len || !utf8_is_text(name, len))
		return err_set(e, RC_INVALID,
		    "region: got \"%.80s\", expected UTF-8 text of 1 to %d bytes without control characters",
		    name, REGION_MAX);
	/* protocol.md: what a worker without a region sends. */
	if (strcmp(name, "unknown") == 0)
		return err_set(e, RC_INVALID,
		    "region: \"unknown\" is what workers say that have none");
	return RC_OK;
}

/* The region of that name, or whose name that was first; 0 for neither. */
static enum rc
region_find(struct db *db, const char *name, int64_t *id, bool *is_called,
    struct err *e)
{
	struct query *q = db_query(db, Q_REGION_FIND);
	enum rc rc;
	bool row;

	*id = 0;
	*is_called = false;
	query_text(q, 1, slice_of(name));
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		*id = query_get_int(q, 0);
		*is_called = query_get_int(q, 1) != 0;
	}
	query_done(q);
	return rc;
}

/*
 * A definition's hash is of its region's first name: were that another one's,
 * too, the hash wouldn't say which.
 */
static enum rc
name_is_kept(const char *name, int64_t id, struct err *e)
{
	return err_set(e, RC_CONFLICT,
	    "region %s: region %" PRId64
	    " was called so at first, and keeps the name",
	    name, id);
}

enum rc
region_take(
    struct db *db, const char *name, int64_t now_ms, int64_t *id, struct err *e)
{
	struct query *q;
	bool is_called;
	enum rc rc;

	rc = region_find(db, name, id, &is_called, e);
	if (rc != RC_OK || is_called)
		return rc;
	if (*id != 0)
		return name_is_kept(name, *id, e);
	q = db_query(db, Q_REGION_INSERT);
	query_text(q, 1, slice_of(name));
	query_int(q, 2, now_ms);
	rc = query_run(q, e);
	if (rc == RC_OK)
		*id = db_last_id(db);
	return rc;
}

enum rc
region_rename(struct db *db, const char *old, const char *name, struct err *e)
{
	int64_t id, other;
	bool is_called;
	struct query *q;
	enum rc rc = region_check(name, e);

	if (rc == RC_OK)
		rc = region_find(db, old, &id, &is_called, e);
	if (rc == RC_OK && (!is_called || id == REGION_ANY))
		return err_set(e, RC_NOT_FOUND, "unknown region %.80s", old);
	if (rc == RC_OK)
		rc = region_find(db, name, &other, &is_called, e);
	if (rc != RC_OK)
		return rc;
	if (is_called)
		return err_set(e, RC_CONFLICT, "region %s exists", name);
	if (other != 0 && other != id)
		return name_is_kept(name, other, e);
	q = db_query(db, Q_REGION_RENAME);
	query_int(q, 1, id);
	query_text(q, 2, slice_of(name));
	return query_run(q, e);
}
