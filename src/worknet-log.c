/* The transparency log's program: for a systemd timer or cron. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/descriptors.h"
#include "base/file.h"
#include "base/log.h"
#include "base/options.h"
#include "publish/book.h"
#include "publish/publish.h"
#include "store/upload.h"

static const char usage[] =
    "usage: worknet-log [-c FILE] [-tvh] [--idle]\n"
    "       worknet-log [-c FILE] [-tvh] --upload [--all]\n"
    "       worknet-log [-c FILE] --key new|next\n"
    "\n"
    "Puts what the ledger has, and the log hasn't, into the log: for each task\n"
    "the hours that are over, its definitions, payouts and forfeits. Witnesses\n"
    "and timestamp authorities of the configuration are asked for their word.\n"
    "Quiet when all is well.\n"
    "\n"
    "  -c FILE     configuration (default " CONF_PATH_DEFAULT ")\n"
    "  --idle      the clock is right: log hours in which nothing happened, and\n"
    "              after which the ledger has nothing\n"
    "  --key new   make the key of [log] key_file, and print its public half\n"
    "  --key next  the same of another key, which the log says, signed by both,\n"
    "              and which takes the place of the old one\n"
    "  --upload    put the hours that are logged, and that the object store of\n"
    "              [upload] hasn't, into it: this alone, without the ledger\n"
    "  --all       ask the store about all of them, also those that are known\n"
    "              to be there\n"
    "  -t          test the configuration, the key and the directories, then\n"
    "              exit\n"
    "  -v          say what was done\n"
    "  -h, --help  this text\n"
    "  --version   the version\n"
    "\n"
    "Exit codes: 0 done, 6 a person must look: the ledger, one of the\n"
    "directories, the witnesses or the store say something else than the log,\n"
    "or it is told for the first time what is wrong with one of these, 4 the\n"
    "store can't be reached now (the next run goes on), 3 another one is at\n"
    "work, 2 the command line is wrong, 7 the ledger or the disk can't be\n"
    "used, 1 the configuration or the key is wrong, or the store refuses it.\n";

enum log_exit {
	LOG_OK = 0,
	LOG_CONF = 1,
	LOG_USAGE = 2,
	LOG_SYSTEM = 7,
	LOG_LOCKED = 3,
	LOG_BEHIND = 4,
	LOG_LOOK = 6,
};

struct options {
	const char *conf_path;
	bool test;
	bool idle;
	bool upload;
	bool all;
	const char *key; /* new, next, or NULL */
};

static int
options_parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "idle", no_argument, NULL, 'i' },
		{ "key", required_argument, NULL, 'k' },
		{ "upload", no_argument, NULL, 'u' },
		{ "all", no_argument, NULL, 'a' },
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
		case 'i':
			o->idle = true;
			break;
		case 'u':
			o->upload = true;
			break;
		case 'a':
			o->all = true;
			break;
		case 'k':
			o->key = optarg;
			if (strcmp(optarg, "new") == 0 ||
			    strcmp(optarg, "next") == 0)
				break;
			return options_wrong(
			    "--key: got \"%.80s\", expected new or next",
			    optarg);
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case 'V':
			printf("worknet-log %s\n", PACKAGE_VERSION);
			exit(EXIT_SUCCESS);
		default:
			return -1;
		}
	if (o->upload && (o->idle || o->key != NULL))
		return options_wrong("--upload goes alone");
	if (o->all && !o->upload)
		return options_wrong("--all goes with --upload");
	return options_end(argc, argv, NULL);
}

static enum rc
test(const struct conf *c, struct err *e)
{
	struct book b;
	enum rc rc = book_open(&b, c, clock_unix_ms(), e);

	if (rc == RC_OK)
		book_close(&b);
	return rc;
}

static enum rc
key_make(const struct options *o, const struct conf *c, struct err *e)
{
	char vkey[NOTE_VKEY_MAX + 1];
	enum rc rc;

	if (c->log_origin[0] == '\0' || c->log_key_file[0] == '\0')
		return err_set(e, RC_INVALID,
		    "[log] origin and key_file: without both there is no log");
	rc = strcmp(o->key, "new") == 0
	    ? book_key_new(c->log_key_file, c->log_origin, vkey, e)
	    : publish_key_next(c, clock_unix_ms(), vkey, e);
	if (rc == RC_OK)
		printf("%s\n", vkey);
	return rc;
}

static enum rc
work(const struct options *o, const struct conf *c, struct publish_result *r,
    struct err *e)
{
	struct db *db;
	enum rc rc;

	if (o->key != NULL)
		return key_make(o, c, e);
	if (o->test)
		return test(c, e);
	rc = db_open(&db, c->ledger_path, DB_READ, c->busy_timeout_ms, e);
	if (rc != RC_OK)
		return rc == RC_BUSY ? rc : RC_IO;
	rc = publish_run(db, c, clock_unix_ms(), o->idle, r, e);
	db_close(db);
	return rc;
}

static enum log_exit
exit_code(enum rc rc, const struct publish_result *r)
{
	switch (rc) {
	case RC_OK:
		return r->findings > 0 ? LOG_LOOK : LOG_OK;
	case RC_CORRUPT:
		return LOG_LOOK;
	case RC_BUSY:
		return LOG_LOCKED;
	case RC_IO:
	case RC_NO_MEMORY:
		return LOG_SYSTEM;
	default:
		return LOG_CONF;
	}
}

/* ---- Uploading ---- */

/* What isn't in the store, for a person: quiet when nothing is behind. */
static void
behind_say(const struct upload_result *r)
{
	char hour[FILE_TIME_LEN + 1];

	if (r->oldest_ms == 0)
		return;
	file_time(hour, r->oldest_ms);
	log_warning(
	    "%" PRId64
	    " leaves of the log are still to be uploaded: the oldest hour of them ended %s",
	    r->behind, hour);
}

static enum log_exit
upload(const struct options *o, const struct conf *c)
{
	struct upload_result r = { 0 };
	struct err e = ERR_INIT;
	enum rc rc;

	(void)signal(SIGPIPE, SIG_IGN);
	rc = o->test ? upload_test(c, &e) : upload_run(c, o->all, &r, &e);
	if (rc != RC_OK)
		log_error("%s", e.msg);
	behind_say(&r);
	if (rc == RC_OK && !o->test)
		log_info("%" PRId64 " objects are new in the store, %" PRId64
			 " were there already",
		    r.made, r.there);
	switch (rc) {
	case RC_OK:
		return r.findings > 0 ? LOG_LOOK : LOG_OK;
	case RC_BUSY:
		return LOG_BEHIND;
	case RC_CONFLICT:
		return LOG_LOCKED;
	default:
		return exit_code(rc, NULL);
	}
}

int
main(int argc, char **argv)
{
	struct publish_result result = { 0 };
	struct err e = ERR_INIT;
	struct options o;
	struct conf conf;
	enum rc rc;

	descriptors_open_standard();
	(void)signal(SIGPIPE, SIG_IGN); /* witnesses hang up */
	if (options_parse(&o, argc, argv) != 0)
		return LOG_USAGE;
	rc = conf_read(&conf, o.conf_path, &e);
	if (rc != RC_OK) {
		log_error("%s", e.msg);
		return LOG_CONF;
	}
	if (o.upload)
		return (int)upload(&o, &conf);
	rc = work(&o, &conf, &result, &e);
	if (rc != RC_OK)
		log_error("%s", e.msg);
	else if (!o.test && o.key == NULL)
		log_info("%" PRId64 " leaves, %" PRId64 " of them new, %" PRId64
			 " of these segments",
		    result.size, result.leaves, result.segments);
	return (int)exit_code(rc, &result);
}
