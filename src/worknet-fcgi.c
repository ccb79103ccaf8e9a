/* The coordinator: hands out tasks, verifies and records results. */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/processors.h"
#include "base/secret.h"
#include "eth/sign.h"
#include "ledger/anchor.h"
#include "ledger/terms.h"
#include "serve/serve.h"

#define BACKLOG	  1024	/* connections that wait to be accepted */
#define ANCHOR_MS 10000 /* between two looks at the checkpoint */

enum exit_code {
	EXIT_CONF = 1,	/* configuration or usage */
	EXIT_SERVE = 2, /* the ledger or the socket can't be used */
};

struct options {
	const char *conf_path;
	const char *socket_path; /* NULL: inherited, or CGI */
	unsigned socket_mode;
	bool test;
};

static const char usage[] =
    "usage: worknet-fcgi [-tv] [-c FILE] [-s SOCKET] [-m MODE]\n"
    "\n"
    "The coordinator of worknet, a FastCGI responder. Without -s it serves\n"
    "the socket that systemd or spawn-fcgi passes on, or, started by a web\n"
    "server as plain CGI, one request.\n"
    "\n"
    "  -c FILE    configuration (default " CONF_PATH_DEFAULT ")\n"
    "  -s SOCKET  make and serve this Unix socket\n"
    "  -m MODE    of that socket, octal (default 0660)\n"
    "  -t         test the configuration and the ledger, then exit\n"
    "  -v         log every request (once) and every detail (twice)\n"
    "  -h         this text; --version prints the version\n"
    "\n"
    "SIGTERM and SIGINT stop it; what has arrived is answered first. SIGHUP\n"
    "has it read its configuration again: rules and limits of [coordinator],\n"
    "[admission] and [honesty] count from then on; of other keys that have\n"
    "changed the log says that they need a restart.\n"
    "Exit codes: 0 stopped or test passed, 1 configuration or usage,\n"
    "2 the ledger or the socket can't be used.\n";

static int
options_parse(struct options *o, int argc, char **argv)
{
	enum log_level level = LOG_LEVEL_NOTICE;
	char *end;
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct options){ .conf_path = CONF_PATH_DEFAULT,
		.socket_mode = 0660 };
	while ((c = getopt_long(argc, argv, "c:s:m:tvh", longs, NULL)) != -1)
		switch (c) {
		case 'c':
			o->conf_path = optarg;
			break;
		case 's':
			o->socket_path = optarg;
			break;
		case 'm':
			o->socket_mode = (unsigned)strtoul(optarg, &end, 8);
			if (*end != '\0' || o->socket_mode > 0777) {
				fprintf(stderr,
				    "-m: got \"%s\", expected an octal mode such as 0660\n",
				    optarg);
				return -1;
			}
			break;
		case 't':
			o->test = true;
			break;
		case 'v':
			level = level == LOG_LEVEL_NOTICE ? LOG_LEVEL_INFO
							  : LOG_LEVEL_DEBUG;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case 'V':
			printf("worknet-fcgi %s\n", PACKAGE_VERSION);
			exit(EXIT_SUCCESS);
		default:
			fputs(usage, stderr);
			return -1;
		}
	log_set_level(level);
	if (optind == argc)
		return 0;
	fputs(usage, stderr);
	return -1;
}

/* Blocked before any thread starts: serve_run waits for them, and SIGHUP. */
static void
signals_block(sigset_t *stop)
{
	sigset_t all;

	(void)sigemptyset(stop);
	(void)sigaddset(stop, SIGTERM);
	(void)sigaddset(stop, SIGINT);
	all = *stop;
	(void)sigaddset(&all, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &all, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/*
 * Threads, when nothing is said: enough to keep the processors busy while some
 * wait for the disk or for a lock. With more, each request costs more.
 */
static size_t
threads_default(void)
{
	return 2 * processors_count() + 4;
}

static enum rc
drills_read(struct drill_rules *out, const struct conf *conf, struct err *e)
{
	struct eth_key key;
	enum rc rc;

	*out = (struct drill_rules){ .on = conf->drill_key_file[0] != '\0',
		.share_permille = conf->drill_share_permille,
		.share_new_permille = conf->drill_share_new_permille,
		.record_days = conf->record_days,
		.auto_forfeit = conf->auto_forfeit };
	if (!out->on)
		return RC_OK;
	/* 64 hex digits that nobody else may read: as any key's file. */
	rc = eth_key_read(&key, conf->drill_key_file, e);
	if (rc == RC_OK)
		memcpy(out->master, key.b, sizeof(out->master));
	secret_wipe(&key, sizeof(key));
	return rc;
}

/*
 * From now on the terms of ledger's ledger are the configuration's, and a key
 * of tomorrow's drills is committed to.
 */
static enum rc
terms_begin(const struct conf *ledger, const struct conf *conf,
    const struct drill_rules *drills, struct err *e)
{
	const struct terms_wanted wanted = {
		.result_window_ms = conf->result_window_ms,
		.maturity_new_ms = conf->maturity_new_ms,
		.maturity_ms = conf->maturity_ms,
		.established_results = conf->established_results,
		.established_days = conf->established_days,
	};
	struct db *db;
	enum rc rc;

	rc = db_open(
	    &db, ledger->ledger_path, DB_WRITE, ledger->busy_timeout_ms, e);
	if (rc == RC_OK)
		rc = terms_set(db, &wanted, clock_unix_ms(), e);
	if (rc == RC_OK)
		rc = drill_keys_keep(db, drills, clock_unix_ms(), e);
	db_close(db);
	return rc;
}

static struct schedule_rules
schedule_rules(const struct conf *conf)
{
	struct schedule_rules r = { .max_tasks = conf->max_tasks_per_poll,
		.one_copy_per_network = conf->one_copy_per_network,
		.standing = { conf->standing_results, conf->standing_hours },
		.network_slots = conf->network_slots };

	if (strcmp(conf->admission_mode, "list") == 0)
		r.admission = ADMISSION_LIST;
	else if (strcmp(conf->admission_mode, "standing") == 0)
		r.admission = ADMISSION_STANDING;
	return r;
}

static struct api_rules
api_rules(const struct conf *conf, const struct drill_rules *drills)
{
	return (struct api_rules){ .schedule = schedule_rules(conf),
		.ipv4_prefix = (int)conf->ipv4_prefix,
		.ipv6_prefix = (int)conf->ipv6_prefix,
		.drills = *drills };
}

/* ---- While it serves: SIGHUP, and what the log has published ---- */

struct reload {
	const char *path;
	struct api *api;
	const struct conf *begun; /* by which it was started */
	struct conf now;	  /* by which it works */
	int changes;
	int64_t anchor_ms;  /* monotonic; when the checkpoint was looked at */
	bool anchor_failed; /* and it couldn't be used, which was told */
	int64_t anchor;	    /* the newest that is in the ledger */
};

static enum rc
anchor_note(struct reload *r, bool *news, struct err *e)
{
	struct anchor a;
	struct db *db;
	enum rc rc;

	*news = false;
	rc = anchor_read(&a, r->now.checkpoint_file, e);
	if (rc != RC_OK || a.size == r->anchor)
		return rc;
	rc = db_open(
	    &db, r->begun->ledger_path, DB_WRITE, r->begun->busy_timeout_ms, e);
	if (rc == RC_OK)
		rc = anchor_add(db, &a, clock_unix_ms(), news, e);
	db_close(db);
	r->anchor = rc == RC_OK ? a.size : r->anchor;
	return rc;
}

/* What can't be read leaves the anchor as it was. */
static void
anchor_look(void *ctx)
{
	struct reload *r = ctx;
	int64_t now_ms = clock_monotonic_ms();
	struct err e = ERR_INIT;
	bool news;
	enum rc rc;

	if (r->anchor_ms != 0 && now_ms - r->anchor_ms < ANCHOR_MS)
		return;
	r->anchor_ms = now_ms;
	rc = anchor_note(r, &news, &e);
	if (rc == RC_OK && news)
		log_info("assignments name the log's %lld entries from now on",
		    (long long)r->anchor);
	if (rc != RC_OK && !r->anchor_failed)
		log_error("%s: %s; assignments name the one before",
		    r->now.checkpoint_file, e.msg);
	r->anchor_failed = rc != RC_OK;
}

/* Those that are read once; other programs' keys are none of them. */
static bool
needs_restart(const char *section, const char *name)
{
	static const char *const names[] = { "path", "busy_timeout_ms",
		"exchanges", "threads", "prefix" };
	size_t i;

	if (strcmp(section, "ledger") != 0 &&
	    strcmp(section, "coordinator") != 0)
		return false;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool
is_ours(const char *section)
{
	return strcmp(section, "coordinator") == 0 ||
	    strcmp(section, "admission") == 0 ||
	    strcmp(section, "honesty") == 0;
}

static void
on_restart_change(void *ctx, const char *section, const char *name)
{
	struct reload *r = ctx;

	if (!needs_restart(section, name))
		return;
	log_warning("[%s] %s has changed: it needs a restart", section, name);
	r->changes++;
}

static void
on_change(void *ctx, const char *section, const char *name)
{
	struct reload *r = ctx;

	if (!is_ours(section) || needs_restart(section, name))
		return;
	log_notice(
	    "[%s] %s has changed, and counts from now on", section, name);
	r->changes++;
}

/* What is wrong leaves all as it was. */
static void
reload(void *ctx)
{
	struct reload *r = ctx;
	struct drill_rules drills;
	struct api_rules rules;
	struct err e = ERR_INIT;
	struct conf next;
	enum rc rc;

	rc = conf_read(&next, r->path, &e);
	if (rc == RC_OK)
		rc = drills_read(&drills, &next, &e);
	if (rc == RC_OK)
		rc = terms_begin(r->begun, &next, &drills, &e);
	if (rc == RC_OK) {
		rules = api_rules(&next, &drills);
		rc = api_set_rules(r->api, &rules, &e);
		secret_wipe(&rules, sizeof(rules));
	}
	secret_wipe(&drills, sizeof(drills));
	if (rc != RC_OK) {
		log_error("SIGHUP: all stays as it was: %s", e.msg);
		return;
	}
	r->changes = 0;
	conf_compare(r->begun, &next, on_restart_change, r);
	conf_compare(&r->now, &next, on_change, r);
	r->now = next;
	r->anchor_ms = 0;
	if (r->changes == 0)
		log_notice("SIGHUP: nothing of the configuration has changed");
}

static enum rc
serve(const struct options *o, const struct conf *conf, struct api *api,
    const sigset_t *stop, struct err *e)
{
	struct reload r = {
		.path = o->conf_path, .api = api, .begun = conf, .now = *conf
	};
	const struct serve_config config = {
		.exchanges = (size_t)conf->exchanges,
		.threads = conf->threads > 0 ? (size_t)conf->threads
					     : threads_default(),
		.reload = reload,
		.look = anchor_look,
		.ctx = &r,
	};
	struct serve_socket s;
	enum rc rc;

	anchor_look(&r);
	if (o->socket_path != NULL)
		rc = serve_listen(
		    &s, o->socket_path, o->socket_mode, BACKLOG, e);
	else
		rc = serve_inherited(&s, e);
	if (rc == RC_NOT_FOUND && getenv("GATEWAY_INTERFACE") != NULL) {
		/* Nobody waits for them, and nothing is half done. */
		(void)pthread_sigmask(SIG_UNBLOCK, stop, NULL);
		return serve_cgi(api, e);
	}
	if (rc != RC_OK)
		return rc;
	log_notice("version %s, ledger %s, socket %s", PACKAGE_VERSION,
	    conf->ledger_path,
	    o->socket_path == NULL ? "inherited" : o->socket_path);
	rc = serve_run(api, &s, &config, stop, e);
	serve_unlink(&s);
	(void)close(s.fd);
	return rc;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct options o;
	struct conf conf;
	struct drill_rules drills;
	struct api *api;
	sigset_t stop;
	enum rc rc;

	descriptors_open_standard();
	if (options_parse(&o, argc, argv) != 0)
		return EXIT_CONF;
	if (conf_read(&conf, o.conf_path, &e) != RC_OK ||
	    drills_read(&drills, &conf, &e) != RC_OK) {
		log_error("%s", e.msg);
		return EXIT_CONF;
	}
	signals_block(&stop);
	rc = api_new(&api,
	    &(struct api_config){ .ledger_path = conf.ledger_path,
		.busy_timeout_ms = conf.busy_timeout_ms,
		.prefix = conf.prefix,
		.rules = api_rules(&conf, &drills) },
	    &e);
	if (rc == RC_OK && !o.test)
		rc = terms_begin(&conf, &conf, &drills, &e);
	if (rc == RC_OK && !o.test)
		rc = serve(&o, &conf, api, &stop, &e);
	if (rc != RC_OK)
		log_error("%s", e.msg);
	else if (o.test)
		printf("%s: configuration and ledger are fine\n", o.conf_path);
	api_free(api);
	return rc == RC_OK ? EXIT_SUCCESS : EXIT_SERVE;
}
