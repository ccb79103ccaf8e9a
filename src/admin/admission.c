/* worknet worker admit, expel: whom the operator lets in. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/value.h"
#include "base/clock.h"
#include "ledger/worker.h"

/* Bytes of a line; an address and a weight have fewer. */
#define LINE_MAX_ADMIT 200

/* 1 to WEIGHT_MAX. */
static enum rc
weight_read(int64_t *out, const char *what, const char *text, struct err *e)
{
	enum rc rc = value_parse_int(out, what, text, e);

	if (rc == RC_OK && (*out < 1 || *out > WEIGHT_MAX))
		return err_set(e, RC_INVALID,
		    "%s: got \"%.20s\", expected 1 to %d", what, text,
		    WEIGHT_MAX);
	return rc;
}

/* "ADDRESS" or "ADDRESS,WEIGHT", which it takes apart. */
static enum rc
line_read(char *line, struct address *address, int64_t *weight, struct err *e)
{
	char *comma = strchr(line, ',');

	*weight = 1;
	if (comma != NULL)
		*comma++ = '\0';
	if (value_parse_address(address, line, e) != RC_OK)
		return RC_INVALID;
	if (comma == NULL)
		return RC_OK;
	return weight_read(weight, "weight", comma, e);
}

static enum rc
line_admit(
    struct admin *a, char *line, int64_t number, int64_t *n, struct err *e)
{
	struct address address;
	struct err cause = ERR_INIT;
	int64_t weight;

	line[strcspn(line, "#\r\n \t")] = '\0';
	if (line[0] == '\0')
		return RC_OK;
	if (line_read(line, &address, &weight, &cause) != RC_OK)
		return err_set(e, RC_INVALID, "line %lld: %s",
		    (long long)number, cause.msg);
	++*n;
	return worker_admit(a->db, &address, weight, clock_unix_ms(), e);
}

/* All lines of the file, or none. */
static enum rc
file_admit(struct admin *a, const char *path, int64_t *n, struct err *e)
{
	const bool standard = strcmp(path, "-") == 0;
	char line[LINE_MAX_ADMIT];
	enum rc rc = RC_OK;
	int64_t number = 0;
	FILE *f;

	f = standard ? stdin : fopen(path, "re");
	if (f == NULL)
		return err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	while (rc == RC_OK && fgets(line, sizeof(line), f) != NULL)
		rc = line_admit(a, line, ++number, n, e);
	if (rc == RC_OK && ferror(f) != 0)
		rc = err_set(e, RC_IO, "%s: can't be read", path);
	if (!standard)
		(void)fclose(f);
	return rc;
}

/* What the arguments say, inside a transaction. */
static enum rc
arguments_admit(struct admin *a, int64_t *n, struct err *e)
{
	const char *weight_text = a->args.opt[OPT_WEIGHT];
	struct address address;
	int64_t weight = 1;
	enum rc rc;

	if (a->args.opt[OPT_FILE] != NULL)
		return file_admit(a, a->args.opt[OPT_FILE], n, e);
	rc = value_parse_address(&address, a->args.arg[0], e);
	if (rc == RC_OK && weight_text != NULL)
		rc = weight_read(&weight, "--weight", weight_text, e);
	*n = 1;
	return rc == RC_OK
	    ? worker_admit(a->db, &address, weight, clock_unix_ms(), e)
	    : rc;
}

enum admin_exit
command_worker_admit(struct admin *a)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	int64_t n = 0;
	enum rc rc;

	if ((a->args.n == 1) == (a->args.opt[OPT_FILE] != NULL)) {
		(void)err_set(
		    &e, RC_INVALID, "either an ADDRESS or --file FILE");
		return admin_usage(a, &e);
	}
	code = admin_open(a, DB_WRITE);
	if (code != ADMIN_OK)
		return code;
	rc = db_begin(a->db, &e);
	if (rc == RC_OK)
		rc = arguments_admit(a, &n, &e);
	code = admin_commit(a, rc, &e);
	if (code != ADMIN_OK)
		return code;
	out_fields(a->out,
	    (const struct out_field[]){
		{ "admitted", "admitted", OUT_COUNT, out_int(n) }, OUT_END });
	return ADMIN_OK;
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
	code = admin_open(a, DB_WRITE);
	if (code != ADMIN_OK)
		return code;
	rc = db_begin(a->db, &e);
	if (rc == RC_OK)
		rc = worker_expel(a->db, &address, &e);
	code = admin_commit(a, rc, &e);
	if (code == ADMIN_OK)
		out_note(a->out, "worker %s expelled", a->args.arg[0]);
	return code;
}
