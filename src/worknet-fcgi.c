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
#include "ledger/terms.h"
#include "serve/serve.h"

#define BACKLOG 1024 /* connections that wait to be accepted */

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
    "  -h         this text\n"
    "\n"
    "SIGTERM and SIGINT stop it; what has arrived is answered first.\n"
    "Exit codes: 0 stopped or test passed, 1 configuration or usage,\n"
    "2 the ledger or the socket can't be used.\n";

static int
options_parse(struct options *o, int argc, char **argv)
{
	enum log_level level = LOG_LEVEL_NOTICE;
	char *end;
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
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

/* Blocked before any thread starts: serve_run waits for them. */
static void
signals_block(sigset_t *stop)
{
	(void)sigemptyset(stop);
	(void)sigaddset(stop, SIGTERM);
	(void)sigaddset(stop, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, stop, NULL);
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
 * From now on the ledger's terms are the configuration's, and a key of
 * tomorrow's drills is committed to.
 */
static enum rc
terms_begin(
    const struct conf *conf, const struct drill_rules *drills, struct err *e)
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

	rc =
	    db_open(&db, conf->ledger_path, DB_WRITE, conf->busy_timeout_ms, e);
	if (rc == RC_OK)
		rc = terms_set(db, &wanted, clock_unix_ms(), e);
	if (rc == RC_OK)
		rc = drill_keys_keep(db, drills, clock_unix_ms(), e);
	db_close(db);
	return rc;
}

static enum rc
serve(const struct options *o, const struct conf *conf, struct api *api,
    const sigset_t *stop, struct err *e)
{
	const struct serve_config config = {
		.exchanges = (size_t)conf->exchanges,
		.threads = conf->threads > 0 ? (size_t)conf->threads
					     : threads_default(),
	};
	struct serve_socket s;
	enum rc rc;

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
	rc = serve_run(api, &s, &config, stop, e);
	serve_unlink(&s);
	(void)close(s.fd);
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
		.schedule = schedule_rules(&conf),
		.ipv4_prefix = (int)conf.ipv4_prefix,
		.ipv6_prefix = (int)conf.ipv6_prefix,
		.drills = drills,
		.prefix = conf.prefix },
	    &e);
	if (rc == RC_OK && !o.test)
		rc = terms_begin(&conf, &drills, &e);
	if (rc == RC_OK && !o.test)
		rc = serve(&o, &conf, api, &stop, &e);
	if (rc != RC_OK)
		log_error("%s", e.msg);
	else if (o.test)
		printf("%s: configuration and ledger are fine\n", o.conf_path);
	api_free(api);
	return rc == RC_OK ? EXIT_SUCCESS : EXIT_SERVE;
}
