/* worknet init: a configuration and a ledger to begin with. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/commands.h"
#include "admin/value.h"
#include "base/clock.h"
#include "base/file.h"
#include "eth/hex.h"
#include "eth/nonce.h"

/* Modes of directories that init makes. */
#define CONF_DIR_MODE	0755
#define LEDGER_DIR_MODE 0750 /* the ledger's owner and group only */

/* Makes the directory of path, if only that one is missing. */
static enum rc
directory_make(const char *path, mode_t mode, struct err *e)
{
	char dir[PATH_LEN_MAX + 1];
	enum rc rc = file_directory(dir, path, e);

	if (rc != RC_OK)
		return rc;
	if (mkdir(dir, mode) == 0 || errno == EEXIST)
		return RC_OK;
	return err_set(e, RC_IO, "%s: %s", dir, strerror(errno));
}

static enum rc
sample_write(const char *path, struct err *e)
{
	bool failed;
	FILE *f;

	/* x: only a new file. */
	f = fopen(path, "wxe");
	if (f == NULL)
		return err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	fputs(
	    "; worknet's configuration. Each line below shows a default; remove the\n; semicolon in front of a key to set it. An unknown key is an error.\n\n",
	    f);
	conf_print_sample(f);
	failed = ferror(f) != 0 || fflush(f) != 0 || fsync(fileno(f)) != 0;
	failed |= fclose(f) != 0;
	if (!failed)
		return RC_OK;
	(void)unlink(path);
	return err_set(e, RC_IO, "%s: %s", path, strerror(errno));
}

/* The configuration as it is, or a new one; *written says which. */
static enum rc
configuration_make(struct admin *a, bool *written, struct err *e)
{
	const char *path = admin_conf_path(a);
	enum rc rc;

	*written = false;
	rc = conf_read(&a->conf, path, e);
	if (rc != RC_NOT_FOUND)
		return rc;
	rc = directory_make(path, CONF_DIR_MODE, e);
	if (rc == RC_OK)
		rc = sample_write(path, e);
	if (rc != RC_OK)
		return rc;
	*written = true;
	return conf_read(&a->conf, path, e);
}

/* Random: two ledgers never sign the same payment. */
static enum rc
ledger_id_make(char out[static HEX_SIZE(LEDGER_ID_LEN)], struct err *e)
{
	uint8_t id[LEDGER_ID_LEN];
	ssize_t n;

	do
		n = getrandom(id, sizeof(id), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(id))
		return err_set(e, RC_IO, "no randomness: %s", strerror(errno));
	hex_encode(out, id, sizeof(id));
	return RC_OK;
}

static enum rc
ledger_insert(struct db *db, const char *id, struct err *e)
{
	struct query *q;
	enum rc rc;

	rc = db_begin(db, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_LEDGER_INSERT);
	query_text(q, 1, slice_of(id));
	query_int(q, 2, clock_unix_ms());
	rc = query_run(q, e);
	if (rc == RC_OK)
		rc = db_commit(db, e);
	if (rc != RC_OK)
		db_rollback(db);
	return rc;
}

static enum rc
ledger_make(struct admin *a, const char *id, struct err *e)
{
	const char *path = a->conf.ledger_path;
	enum rc rc;

	rc = directory_make(path, LEDGER_DIR_MODE, e);
	if (rc == RC_OK)
		rc = db_create(path, e);
	if (rc != RC_OK)
		return rc;
	rc = db_open(&a->db, path, DB_WRITE, a->conf.busy_timeout_ms, e);
	if (rc == RC_OK)
		rc = ledger_insert(a->db, id, e);
	if (rc == RC_OK)
		return RC_OK;
	/* It was made just now, and a ledger without an id is none. */
	db_close(a->db);
	a->db = NULL;
	(void)unlink(path);
	return rc;
}

static void
report(struct admin *a, bool conf_written, const char *id)
{
	const char *path = admin_conf_path(a);

	out_fields(a->out,
	    (const struct out_field[]){
		{ "configuration", "configuration", OUT_TEXT, out_text(path) },
		{ "configurationWritten", NULL, OUT_BOOL,
		    out_int(conf_written) },
		{ "ledger", "ledger", OUT_TEXT, out_text(a->conf.ledger_path) },
		{ "ledgerId", "ledger id", OUT_TEXT, out_text(id) }, OUT_END });
	out_note(a->out,
	    "\nNext:\n"
	    "  look at %s%s\n"
	    "%s"
	    "  worknet -c %s task add ID --url URL\n"
	    "  worknet -c %s check",
	    path, conf_written ? ", which has all defaults" : "",
	    geteuid() == 0
		? "  make worknet-fcgi's user the owner of the ledger and its directory\n"
		: "",
	    path, path);
}

static enum admin_exit
migrate(struct admin *a)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;
	int steps;

	code = admin_configure(a);
	if (code != ADMIN_OK)
		return code;
	rc = db_migrate(a->conf.ledger_path, &steps, &e);
	if (rc != RC_OK)
		return admin_say(ADMIN_UNUSABLE, &e);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "ledger", "ledger", OUT_TEXT, out_text(a->conf.ledger_path) },
		{ "steps", "steps", OUT_COUNT, out_int(steps) }, OUT_END });
	if (steps == 0)
		out_note(a->out, "It had this program's schema already.");
	return ADMIN_OK;
}

enum admin_exit
command_init(struct admin *a)
{
	char id[HEX_SIZE(LEDGER_ID_LEN)];
	struct err e = ERR_INIT;
	bool written;
	enum rc rc;

	if (a->args.opt[OPT_MIGRATE] != NULL)
		return migrate(a);
	rc = configuration_make(a, &written, &e);
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	rc = ledger_id_make(id, &e);
	if (rc == RC_OK)
		rc = ledger_make(a, id, &e);
	if (rc == RC_CONFLICT)
		(void)err_set(&e, rc,
		    "%s: a file is there already; it was left as it is (worknet status tells whether it is a ledger)",
		    a->conf.ledger_path);
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	report(a, written, id);
	return ADMIN_OK;
}
