/* Tells buyers of incidents: for a systemd timer or cron. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alert/deliver.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/options.h"
#include "ledger/alert.h"

static const char usage[] =
    "usage: worknet-alert [-c FILE] [-tvh]\n"
    "\n"
    "Notes in the ledger what happened to tasks, and tells those who want to be\n"
    "told: incidents that are confirmed or have ended, and maintenance that has\n"
    "begun. What a receiver doesn't take is tried again for a day. Quiet when all\n"
    "is well.\n"
    "\n"
    "  -c FILE     configuration (default " CONF_PATH_DEFAULT ")\n"
    "  -t          test the configuration and the receivers, then exit\n"
    "  -v          say what was done\n"
    "  -h, --help  this text\n"
    "  --version   the version\n"
    "\n"
    "Exit codes: 0 done, 1 the configuration or the file of receivers is wrong,\n"
    "2 the command line is wrong, 7 the ledger or the system can't be used. What\n"
    "goes wrong with a receiver is in worknet alert show.\n";

enum alert_exit {
	ALERT_EXIT_OK = 0,
	ALERT_EXIT_CONF = 1,
	ALERT_EXIT_USAGE = 2,
	ALERT_EXIT_SYSTEM = 7,
};

struct options {
	const char *conf_path;
	bool test;
};

static int
options_parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct options){ .conf_path = CONF_PATH_DEFAULT };
	log_set_level(LOG_LEVEL_WARNING);
	while ((c = options_next(argc, argv, ":c:tvh", longs)) != -1)
		switch (c) {
		case 'c':
			o->conf_path = optarg;
			break;
		case 't':
			o->test = true;
			break;
		case 'v':
			log_set_level(LOG_LEVEL_INFO);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case 'V':
			printf("worknet-alert %s\n", PACKAGE_VERSION);
			exit(EXIT_SUCCESS);
		default:
			return -1;
		}
	return options_end(argc, argv, NULL);
}

static void
wishes_make(struct alert_wish *wishes, const struct receivers *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		wishes[i] = (struct alert_wish){ r->all[i].name,
			r->all[i].task[0] == '\0' ? NULL : r->all[i].task };
}

static enum rc
tidy(struct db *db, const struct alert_wish *wishes, size_t n, struct err *e)
{
	enum rc rc = db_begin(db, e);

	if (rc == RC_OK)
		rc = alert_tidy(db, wishes, n, clock_unix_ms(), e);
	if (rc == RC_OK)
		rc = db_commit(db, e);
	if (rc != RC_OK)
		db_rollback(db);
	return rc;
}

/* What is noted already is delivered even if nothing new can be noted. */
static enum rc
work(const struct conf *c, const struct receivers *r, struct db *read,
    struct db *write, struct err *e)
{
	struct alert_wish wishes[RECEIVERS_MAX];
	struct deliver_result sent;
	struct err cause = ERR_INIT;
	enum rc rc, decided;
	int64_t noted;

	wishes_make(wishes, r);
	decided = alert_decide(
	    read, write, wishes, r->n, clock_unix_ms(), &noted, &cause);
	rc = tidy(write, wishes, r->n, e);
	if (rc == RC_OK)
		rc = deliver_run(write, r, c, &sent, e);
	if (rc != RC_OK)
		return rc;
	log_info("%" PRId64 " events noted, %" PRId64 " told, %" PRId64
		 " tries failed",
	    noted, sent.delivered, sent.failed);
	return decided == RC_OK ? RC_OK : err_set(e, decided, "%s", cause.msg);
}

static enum rc
test(const struct conf *c, const struct receivers *r, struct err *e)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->all[i].kind == RECEIVER_MAIL &&
		    access(c->alert_sendmail, X_OK) != 0)
			return err_set(
			    e, RC_INVALID, "%s: %m", c->alert_sendmail);
	printf("%zu receivers\n", r->n);
	return RC_OK;
}

static enum rc
ledger_run(const struct options *o, const struct conf *c,
    const struct receivers *r, struct err *e)
{
	struct db *read = NULL, *write = NULL;
	enum rc rc =
	    db_open(&read, c->ledger_path, DB_READ, c->busy_timeout_ms, e);

	if (rc == RC_OK)
		rc = db_open(
		    &write, c->ledger_path, DB_WRITE, c->busy_timeout_ms, e);
	if (rc == RC_OK)
		rc = o->test ? test(c, r, e) : work(c, r, read, write, e);
	else
		rc = RC_IO; /* no ledger, or not one of ours */
	db_close(write);
	db_close(read);
	return rc;
}

static enum alert_exit
exit_code(enum rc rc)
{
	switch (rc) {
	case RC_OK:
		return ALERT_EXIT_OK;
	case RC_BUSY:
	case RC_IO:
	case RC_NO_MEMORY:
	case RC_CORRUPT:
	case RC_CONFLICT:
		return ALERT_EXIT_SYSTEM;
	default:
		return ALERT_EXIT_CONF;
	}
}

int
main(int argc, char **argv)
{
	struct receivers receivers = { .n = 0 };
	struct err e = ERR_INIT;
	struct options o;
	struct conf conf;
	enum rc rc;

	descriptors_open_standard();
	(void)signal(SIGPIPE, SIG_IGN);
	if (options_parse(&o, argc, argv) != 0)
		return ALERT_EXIT_USAGE;
	rc = conf_read(&conf, o.conf_path, &e);
	if (rc == RC_OK) {
		rc = receivers_read(&receivers, conf.alert_receivers_file, &e);
		/* Without the file nobody wants to be told. */
		if (rc == RC_NOT_FOUND)
			rc = RC_OK;
	}
	if (rc != RC_OK) {
		log_error("%s", e.msg);
		receivers_free(&receivers);
		return ALERT_EXIT_CONF;
	}
	rc = ledger_run(&o, &conf, &receivers, &e);
	receivers_free(&receivers);
	if (rc != RC_OK)
		log_error("%s", e.msg);
	return (int)exit_code(rc);
}
