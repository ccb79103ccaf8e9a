#include "admin/find.h"

#include <stdio.h>
#include <string.h>

#define DIGITS	   "0123456789abcdefABCDEF"
#define DIGITS_MIN 4 /* fewer are soon several workers' */

/* ---- Workers ---- */

/* An address with digits left out: those before, and those after "..". */
struct part {
	char head[ADDRESS_LEN + 1]; /* with its 0x */
	char tail[ADDRESS_LEN + 1];
};

static void
to_lower(char *text)
{
	for (; *text != '\0'; text++)
		if (*text >= 'A' && *text <= 'F')
			*text = (char)(*text - 'A' + 'a');
}

/* False: text is no part of an address. */
static bool
part_parse(struct part *p, const char *text)
{
	size_t head, tail = 0;
	const char *rest;

	if (strncmp(text, "0x", 2) != 0)
		return false;
	head = 2 + strspn(text + 2, DIGITS);
	rest = text + head;
	if (strncmp(rest, "..", 2) == 0) {
		rest += 2;
		tail = strspn(rest, DIGITS);
	}
	if (rest[tail] != '\0' || head < 2 + DIGITS_MIN ||
	    head + tail >= ADDRESS_LEN)
		return false;
	(void)snprintf(p->head, sizeof(p->head), "%.*s", (int)head, text);
	(void)snprintf(p->tail, sizeof(p->tail), "%.*s", (int)tail, rest);
	to_lower(p->head);
	to_lower(p->tail);
	return true;
}

enum rc
find_worker_check(const char *text, struct err *e)
{
	struct address address;
	struct part part;

	if (part_parse(&part, text))
		return RC_OK;
	return address_parse(&address, NULL, slice_of(text), e) == RC_OK
	    ? RC_OK
	    : err_prefix(e, "%.60s", text);
}

/* The first two names of a query, "" for what isn't there. */
static enum rc
two_read(struct query *q, char (*names)[TASK_ID_MAX + 1], struct err *e)
{
	enum rc rc = RC_OK;
	struct slice name;
	bool row = true;
	int i;

	for (i = 0; i < 2; i++) {
		names[i][0] = '\0';
		if (row)
			rc = query_step(q, &row, e);
		if (rc != RC_OK || !row)
			break;
		name = query_get_text(q, 0);
		(void)snprintf(
		    names[i], TASK_ID_MAX + 1, "%.*s", (int)name.len, name.p);
	}
	if (i == 0)
		names[1][0] = '\0';
	query_done(q);
	return rc;
}

/* What text is short for: exactly one of them, or why not. */
static enum rc
only_one(char (*names)[TASK_ID_MAX + 1], const char *what, const char *text,
    struct err *e)
{
	if (names[0][0] == '\0')
		return err_set(e, RC_NOT_FOUND, "unknown %s %.60s", what, text);
	if (names[1][0] != '\0')
		return err_set(e, RC_CONFLICT,
		    "%.60s is short for several: %s, %s and maybe others", text,
		    names[0], names[1]);
	return RC_OK;
}

enum rc
find_worker(struct db *db, const char *text, struct address *out, struct err *e)
{
	char end[ADDRESS_LEN + 2], like[ADDRESS_LEN + 2];
	char names[2][TASK_ID_MAX + 1];
	struct query *q;
	struct part p;
	enum rc rc;

	if (!part_parse(&p, text))
		return address_parse(out, NULL, slice_of(text), e);
	/* The character after the last digit. */
	(void)snprintf(end, sizeof(end), "%sg", p.head);
	(void)snprintf(like, sizeof(like), "%%%s", p.tail);
	q = db_query(db, Q_WORKER_LIKE);
	query_text(q, 1, slice_of(p.head));
	query_text(q, 2, slice_of(end));
	query_text(q, 3, slice_of(like));
	rc = two_read(q, names, e);
	if (rc == RC_OK)
		rc = only_one(names, "worker", text, e);
	return rc == RC_OK ? address_parse(out, NULL, slice_of(names[0]), e)
			   : rc;
}

/* ---- Tasks ---- */

enum rc
find_task(struct db *db, const char *text, struct task_row *out, struct err *e)
{
	enum rc rc = task_get(db, text, out, e), found;
	char end[TASK_ID_MAX + 2];
	char names[2][TASK_ID_MAX + 1];
	struct query *q;

	if (rc != RC_NOT_FOUND || text[0] == '\0' ||
	    strlen(text) >= TASK_ID_MAX)
		return rc;
	/* No name has a character as late as this one. */
	(void)snprintf(end, sizeof(end), "%s~", text);
	q = db_query(db, Q_TASK_LIKE);
	query_text(q, 1, slice_of(text));
	query_text(q, 2, slice_of(end));
	found = two_read(q, names, e);
	if (found == RC_OK)
		found = only_one(names, "task", text, e);
	return found == RC_OK ? task_get(db, names[0], out, e) : found;
}
