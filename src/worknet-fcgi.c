/* The coordinator: hands out tasks, verifies and records results. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/anchors.h"
#include "api/rules.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/options.h"
#include "base/processors.h"
#include "base/secret.h"
#include "evm/network.h"
#include "serve/sandbox.h"
#include "serve/serve.h"

#define BACKLOG 1024 /* connections that wait to be accepted */

enum exit_code {
	EXIT_CONF = 1,
	EXIT_USAGE = 2, /* as in every program */
	EXIT_SERVE = 7, /* the ledger or the socket can't be used */
};

struct options {
	const char *conf_path;
	const char *socket_path; /* NULL: inherited, or CGI */
	unsigned socket_mode;
	bool test;
	int log_level; /* of -v; 0: the configuration's */
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
    "  -v         log every request (once) and every detail (twice), whatever\n"
    "             [coordinator] log_level says\n"
    "  -h         this text; --version prints the version\n"
    "\n"
    "SIGTERM and SIGINT stop it; what has arrived is answered first. SIGHUP\n"
    "has it read its configuration again: rules, limits and log_level of\n"
    "[coordinator], [admission], [honesty] and [pages] count from then on; of\n"
    "other keys that have changed the log says that they need a restart. It\n"
    "reads databases of addresses again, too.\n"
    "Exit codes: 0 stopped or test passed, 1 the configuration is wrong,\n"
    "2 the command line is, 7 the ledger or the socket can't be used.\n";

static int
options_parse(struct options *o, int argc, char **argv)
{
	char *end;
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct options){ .conf_path = CONF_PATH_DEFAULT,
		.socket_mode = 0660 };
	while ((c = options_next(argc, argv, ":c:s:m:tvh", longs)) != -1)
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
				return options_wrong(
				    "-m: got \"%.80s\", expected an octal mode such as 0660",
				    optarg);
			}
			break;
		case 't':
			o->test = true;
			break;
		case 'v':
			o->log_level = o->log_level == 0 ? LOG_LEVEL_INFO
							 : LOG_LEVEL_DEBUG;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case 'V':
			printf("worknet-fcgi %s\n", PACKAGE_VERSION);
			exit(EXIT_SUCCESS);
		default:
			return -1;
		}
	log_set_level(LOG_LEVEL_NOTICE);
	return options_end(argc, argv, NULL);
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

static void
shut_tell(const struct serve_shut *on)
{
	if (on->landlock == 0)
		log_warning("no Landlock here: this process can open files");
	if (on->calls == 0)
		log_warning(
		    "no seccomp here: this process can connect to others and execute programs");
	if (on->landlock > 0 && on->calls > 0)
		log_notice(
		    "shut in: files by Landlock (version %d), all system calls but %d by seccomp",
		    on->landlock, on->calls);
}

/*
 * Opens what only a process that isn't shut in can open, and shuts it in, which
 * is before there are threads. Plain CGI has no socket.
 */
static enum rc
prepare(struct serve_socket *s, struct reopen *file, struct anchors *anchors,
    const struct options *o, const struct conf *conf, struct serve_shut *on,
    struct err *e)
{
	enum rc rc;

	rc = o->socket_path == NULL
	    ? serve_inherited(s, e)
	    : serve_listen(s, o->socket_path, o->socket_mode, BACKLOG, e);
	if (rc == RC_NOT_FOUND && getenv("GATEWAY_INTERFACE") != NULL)
		rc = RC_OK;
	if (rc == RC_OK && s->fd >= 0)
		rc = reopen_begin(file, o->conf_path, REOPEN_FILE, e);
	if (rc == RC_OK)
		rc = anchors_begin(anchors, conf, e);
	if (rc == RC_OK)
		rc = serve_shut_in(on, conf->ledger_path, s->path, e);
	if (rc == RC_OK)
		shut_tell(on);
	return rc;
}

/* The chain that is paid on, and those whose transactions have a page. */
static void
chains_set(struct page_site *site, const struct conf *conf)
{
	struct network n;
	size_t i;

	if (network_from_conf(&n, conf, NULL) == RC_OK ||
	    network_known(&n, 0, conf))
		site->chain_id = (int64_t)n.chain_id;
	for (i = 0; i < PAGE_EXPLORERS && network_known(&n, i, conf); i++) {
		site->explorers[i].chain_id = (int64_t)n.chain_id;
		memcpy(site->explorers[i].url, n.explorer_url,
		    sizeof(n.explorer_url));
	}
}

static enum rc
serve(struct reload *r, struct anchors *anchors, struct serve_socket *s,
    const sigset_t *stop, struct err *e)
{
	const struct conf *conf = r->begun;
	const struct serve_config config = {
		.exchanges = (size_t)conf->exchanges,
		.threads = conf->threads > 0 ? (size_t)conf->threads
					     : threads_default(),
		.reload = rules_reload,
		.ctx = r,
		.look = anchors_look,
		.look_ctx = anchors,
	};

	anchors_look(anchors);
	if (s->fd < 0) {
		/* Nobody waits for them, and nothing is half done. */
		(void)pthread_sigmask(SIG_UNBLOCK, stop, NULL);
		return serve_cgi(r->api, e);
	}
	log_notice("version %s, ledger %s, socket %s", PACKAGE_VERSION,
	    conf->ledger_path, s->path == NULL ? "inherited" : s->path);
	return serve_run(r->api, s, &config, stop, e);
}

static enum rc
run(const struct options *o, const struct conf *conf,
    const struct api_rules *rules, struct locator *locator, struct err *e)
{
	struct serve_socket s = { .fd = -1 };
	struct reopen file = { .fd = -1 };
	struct anchors anchors = { .file = { .fd = -1 } };
	struct serve_shut on = { .calls = 0 };
	struct reload r = { .path = o->conf_path,
		.file = &file,
		.locator = locator,
		.begun = conf,
		.with = rules,
		.now = *conf,
		.log_level = o->log_level };
	enum rc rc = RC_OK;
	sigset_t stop;

	signals_block(&stop);
	if (!o->test)
		rc = prepare(&s, &file, &anchors, o, conf, &on, e);
	if (rc == RC_OK)
		rc = api_new(&r.api,
		    &(struct api_config){ .ledger_path = conf->ledger_path,
			.busy_timeout_ms = conf->busy_timeout_ms,
			.prefix = conf->prefix,
			.rules = *rules,
			.locator = locator,
			.landlock = on.landlock,
			.calls = on.calls },
		    e);
	if (rc == RC_OK && !o->test)
		rc = rules_begin(conf, conf, rules, e);
	if (rc == RC_OK && !o->test)
		rc = serve(&r, &anchors, &s, &stop, e);
	api_free(r.api);
	serve_unlink(&s);
	if (s.fd >= 0)
		(void)close(s.fd);
	anchors_end(&anchors);
	reopen_end(&file);
	return rc;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct options o;
	struct conf conf;
	struct api_rules rules;
	struct locator locator;
	int code = EXIT_SUCCESS;

	descriptors_open_standard();
	if (options_parse(&o, argc, argv) != 0)
		return EXIT_USAGE;
	if (conf_read(&conf, o.conf_path, &e) != RC_OK ||
	    rules_read(&rules, &conf, &e) != RC_OK) {
		log_error("%s", e.msg);
		return EXIT_CONF;
	}
	rules_set_log(&conf, o.log_level);
	chains_set(&rules.pages, &conf);
	if (locator_begin(&locator, &conf, &e) != RC_OK) {
		log_error("%s", e.msg);
		code = EXIT_CONF;
	} else if (run(&o, &conf, &rules, &locator, &e) != RC_OK) {
		log_error("%s", e.msg);
		code = EXIT_SERVE;
	} else if (o.test) {
		printf("%s: configuration and ledger are fine\n", o.conf_path);
	}
	locator_end(&locator);
	secret_wipe(&rules, sizeof(rules));
	return code;
}
