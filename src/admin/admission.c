/*
 * worknet worker requests, admit, import, expel: whom the operator lets in. All
 * that is said is read before the ledger is written, which others wait for
 * meanwhile.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/table.h"
#include "admin/value.h"
#include "base/clock.h"
#include "ledger/joining.h"
#include "ledger/tier.h"
#include "ledger/worker.h"

#define GUESTS_FIRST 64 /* elements of an array that begins to grow */
#define BLANKS	     " \t\r\n"

struct guest {
	struct address address;
	int64_t weight; /* if it is of no tier, */
	size_t tier;	/* else that */
	int64_t line;	/* of the file */
};

struct guests {
	struct guest *all; /* owned */
	size_t n, cap;
	bool tiers; /* each has one */
};

static enum rc
guest_add(struct guests *g, const struct guest *guest, struct err *e)
{
	size_t cap = g->cap == 0 ? GUESTS_FIRST : 2 * g->cap;
	struct guest *all;

	if (g->n == g->cap) {
		all = reallocarray(g->all, cap, sizeof(g->all[0]));
		if (all == NULL)
			return err_set(
			    e, RC_NO_MEMORY, "worker admit: no memory");
		g->all = all;
		g->cap = cap;
	}
	g->all[g->n++] = *guest;
	return RC_OK;
}

/* ---- What is said ---- */

/* weight_text is NULL for one share, else 1 to WEIGHT_MAX. */
static enum rc
guest_read(struct guest *out, const char *address, const char *weight_text,
    struct err *e)
{
	enum rc rc = value_parse_address(&out->address, address, e);

	out->weight = 1;
	if (rc != RC_OK || weight_text == NULL)
		return rc;
	rc = value_parse_int(&out->weight, "weight", weight_text, e);
	if (rc == RC_OK && (out->weight < 1 || out->weight > WEIGHT_MAX))
		return err_set(e, RC_INVALID,
		    "weight: got \"%.20s\", expected 1 to %d", weight_text,
		    WEIGHT_MAX);
	return rc;
}

/* The text without blanks around it; it is changed. */
static char *
trim(char *text)
{
	size_t n;

	text += strspn(text, BLANKS);
	for (n = strlen(text); n > 0 && strchr(BLANKS, text[n - 1]) != NULL;)
		text[--n] = '\0';
	return text;
}

/* text is NULL when there was none. */
static enum rc
tier_read(
    struct guest *out, const char *address, const char *text, struct err *e)
{
	enum rc rc = guest_read(out, address, NULL, e);

	out->tier = tier_find(text == NULL ? "" : text);
	return rc == RC_OK && out->tier == TIERS
	    ? err_set(e, RC_INVALID,
		  "tier: got \"%.20s\", expected bronze, silver, gold or platinum",
		  text == NULL ? "" : text)
	    : rc;
}

/*
 * "ADDRESS", "ADDRESS,WEIGHT" or "ADDRESS,TIER", of n bytes; # begins a
 * comment.
 */
static enum rc
line_read(struct guests *g, char *line, size_t n, int64_t number, struct err *e)
{
	struct guest guest = { .line = number };
	char *comma, *second;
	enum rc rc;

	if (strlen(line) != n)
		return err_set(e, RC_INVALID, "a NUL byte");
	line[strcspn(line, "#")] = '\0';
	line = trim(line);
	if (line[0] == '\0')
		return RC_OK;
	comma = strchr(line, ',');
	if (comma != NULL)
		*comma++ = '\0';
	second = comma == NULL ? NULL : trim(comma);
	rc = g->tiers ? tier_read(&guest, trim(line), second, e)
		      : guest_read(&guest, trim(line), second, e);
	return rc == RC_OK ? guest_add(g, &guest, e) : rc;
}

/* RC_INVALID names the line. */
static enum rc
lines_read(struct guests *g, FILE *f, const char *path, struct err *e)
{
	struct err cause = ERR_INIT;
	int64_t number = 0;
	char *line = NULL;
	size_t size = 0;
	enum rc rc = RC_OK;
	ssize_t n;

	while (rc == RC_OK && (n = getline(&line, &size, f)) >= 0) {
		number++;
		rc = line_read(g, line, (size_t)n, number, &cause);
		if (rc != RC_OK)
			rc = err_set(e, rc, "%s: line %" PRId64 ": %s", path,
			    number, cause.msg);
	}
	if (rc == RC_OK && !feof(f))
		rc = err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	free(line);
	return rc;
}

static enum rc
file_read(struct guests *g, const char *path, struct err *e)
{
	FILE *f;
	enum rc rc;

	if (strcmp(path, "-") == 0)
		return lines_read(g, stdin, "standard input", e);
	f = fopen(path, "re");
	if (f == NULL)
		return err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	rc = lines_read(g, f, path, e);
	(void)fclose(f);
	return rc;
}

/* ---- The commands ---- */

/* All of them, or none. */
static enum admin_exit
guests_admit(struct admin *a, const struct guests *g)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc = RC_OK;
	size_t i;

	code = admin_open_edit(a);
	if (code != ADMIN_OK)
		return code;
	for (i = 0; rc == RC_OK && i < g->n; i++)
		rc = worker_admit(a->db, &g->all[i].address, g->all[i].weight,
		    a->args.opt[OPT_WITNESS] != NULL, clock_unix_ms(), &e);
	code = admin_commit(a, rc, &e);
	if (code == ADMIN_OK)
		out_fields(a->out,
		    (const struct out_field[]){
			{ "admitted", "admitted", OUT_COUNT,
			    out_int((int64_t)g->n) },
			OUT_END });
	return code;
}

static enum admin_exit
file_admit(struct admin *a, const char *path)
{
	struct guests g = { .n = 0 };
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	rc = file_read(&g, path, &e);
	code = rc == RC_OK ? guests_admit(a, &g) : admin_fail(rc, &e);
	free(g.all);
	return code;
}

enum admin_exit
command_worker_requests(struct admin *a)
{
	static const struct table requests = { "requests", NULL,
		{
		    { { "address", "ADDRESS", OUT_ADDRESS },
			C_JOIN_LIST_ADDRESS },
		    { { "region", "REGION", OUT_TEXT }, C_JOIN_LIST_REGION },
		    { { "network", "NETWORK", OUT_TEXT }, C_JOIN_LIST_NETWORK },
		    { { "askedMs", "ASKED", OUT_TIME }, C_JOIN_LIST_ASKED_MS },
		} };
	struct err e = ERR_INIT;
	enum admin_exit code;
	struct query *q;
	int64_t limit;
	enum rc rc;

	code = admin_open_list(a, LIST_LIMIT, &limit);
	if (code != ADMIN_OK)
		return code;
	q = db_query(a->db, Q_JOIN_LIST);
	query_int(q, 1, clock_unix_ms() - JOIN_KEPT_MS);
	query_int(q, 2, limit);
	rc = table_print(
	    a->out, &requests, q, "nobody asks to be admitted", NULL, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

enum admin_exit
command_worker_admit(struct admin *a)
{
	const char *path = a->args.opt[OPT_FILE],
		   *weight_text = a->args.opt[OPT_WEIGHT];
	struct err e = ERR_INIT;
	struct guest guest;

	if ((a->args.n == 1) == (path != NULL) ||
	    ((path != NULL || a->args.opt[OPT_WITNESS] != NULL) &&
		weight_text != NULL)) {
		(void)err_set(&e, RC_INVALID,
		    "either an ADDRESS, with or without --weight or --witness, or --file FILE");
		return admin_usage(a, &e);
	}
	if (path != NULL)
		return file_admit(a, path);
	if (guest_read(&guest, a->args.arg[0], weight_text, &e) != RC_OK)
		return admin_usage(a, &e);
	return guests_admit(a, &(struct guests){ &guest, 1, 1, false });
}

/* ---- Tiers ---- */

static int
guest_by_address(const void *a, const void *b)
{
	const struct guest *x = a, *y = b;
	int order = memcmp(&x->address, &y->address, sizeof(x->address));

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Sorts them; each address stands there once. */
static enum rc
guests_sort(struct guests *g, const char *path, struct err *e)
{
	const struct guest *all = g->all;
	size_t i;

	if (g->n == 0)
		return RC_OK;
	qsort(g->all, g->n, sizeof(g->all[0]), guest_by_address);
	for (i = 1; i < g->n; i++)
		if (memcmp(&all[i].address, &all[i - 1].address,
			sizeof(all[i].address)) == 0)
			return err_set(e, RC_INVALID,
			    "%s: line %" PRId64
			    ": the same address as in line %" PRId64,
			    path, all[i].line, all[i - 1].line);
	return RC_OK;
}

/* Inside a write transaction. */
static enum rc
tiers_set(
    struct admin *a, const struct guests *g, const char *path, struct err *e)
{
	struct err cause = ERR_INIT;
	struct tier t;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < g->n; i++) {
		t = (struct tier){ a->conf.tiers[g->all[i].tier].weight,
			a->conf.tiers[g->all[i].tier].permille };
		rc = tier_set(a->db, &g->all[i].address, g->all[i].tier, &t,
		    clock_unix_ms(), &cause);
		if (rc != RC_OK)
			rc = err_set(e, rc, "%s: line %" PRId64 ": %s", path,
			    g->all[i].line, cause.msg);
	}
	return rc;
}

static enum rc
changes_show(struct admin *a, int64_t last, const struct guests *g,
    int64_t *changed, struct err *e)
{
	static const struct table changes = { "changed", NULL,
		{
		    { { "address", "ADDRESS", OUT_TEXT },
			C_WORKER_TIER_SINCE_ADDRESS },
		    { { "before", "BEFORE", OUT_TEXT },
			C_WORKER_TIER_SINCE_BEFORE },
		    { { "tier", "TIER", OUT_TEXT }, C_WORKER_TIER_SINCE_TIER },
		    { { "weight", "SHARES", OUT_COUNT },
			C_WORKER_TIER_SINCE_WEIGHT },
		    { { "rewardPermille", "REWARD/1000", OUT_COUNT },
			C_WORKER_TIER_SINCE_REWARD_PERMILLE },
		} };
	const bool dry = a->args.opt[OPT_DRY_RUN] != NULL;
	struct query *q = db_query(a->db, Q_WORKER_TIER_SINCE);
	enum rc rc;

	query_int(q, 1, last);
	rc = table_print(
	    a->out, &changes, q, "no worker's tier changes", changed, e);
	if (rc == RC_OK)
		out_fields(a->out,
		    (const struct out_field[]){
			{ "lines", "lines", OUT_COUNT, out_int((int64_t)g->n) },
			{ "dryRun", "nothing was done", OUT_BOOL,
			    out_int(dry) },
			OUT_END });
	return rc;
}

static enum admin_exit
guests_import(struct admin *a, const struct guests *g, const char *path)
{
	struct err e = ERR_INIT;
	int64_t last = 0, changed = 0;
	enum admin_exit code;
	enum rc rc;

	code = admin_open_edit(a);
	if (code != ADMIN_OK)
		return code;
	rc = query_one_int(db_query(a->db, Q_WORKER_TIER_LAST), &last, &e);
	if (rc == RC_OK)
		rc = tiers_set(a, g, path, &e);
	if (rc == RC_OK)
		rc = changes_show(a, last, g, &changed, &e);
	if (rc != RC_OK || a->args.opt[OPT_DRY_RUN] == NULL)
		return admin_commit(a, rc, &e);
	db_rollback(a->db);
	return ADMIN_OK;
}

enum admin_exit
command_worker_import(struct admin *a)
{
	const char *path = a->args.arg[0];
	struct guests g = { .tiers = true };
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	rc = file_read(&g, path, &e);
	if (rc == RC_OK)
		rc = guests_sort(&g, path, &e);
	code = rc == RC_OK ? guests_import(a, &g, path) : admin_fail(rc, &e);
	free(g.all);
	return code;
}

enum admin_exit
command_worker_expel(struct admin *a)
{
	struct err e = ERR_INIT;
	struct address address;
	enum admin_exit code;
	enum rc rc;

	if (value_parse_address(&address, a->args.arg[0], &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open_edit(a);
	if (code != ADMIN_OK)
		return code;
	rc = worker_expel(a->db, &address, clock_unix_ms(), &e);
	code = admin_commit(a, rc, &e);
	if (code == ADMIN_OK)
		out_note(a->out, "worker %s expelled", a->args.arg[0]);
	return code;
}
