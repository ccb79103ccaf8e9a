/* worknet-worker: carries out checks for a coordinator and earns for it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/options.h"
#include "base/secret.h"
#include "eth/sign.h"
#include "work/owner.h"
#include "work/paid_command.h"
#include "work/worker.h"

#define EXIT_USAGE 2
#define EXIT_ROUND 4
#define EXIT_LOG   6

enum action {
	ACTION_RUN,
	ACTION_ONCE,
	ACTION_TEST,
	ACTION_ADDRESS,
	ACTION_NEW_KEY,
	ACTION_JOIN,
	ACTION_STATUS,
	ACTION_VERIFY,
};

/* The command line; NULL and false: not given. */
struct options {
	enum action action;
	const char *conf_path;
	const char *new_key_path;
	const char *key_path;
	const char *coordinator;
	const char *region;
	const char *interval;
	const char *log;
	const char *record;
	const char *policy;
	const char *copy;
	bool allow_private;
	bool verbose;
};

enum long_option {
	OPT_INTERVAL = 256,
	OPT_ALLOW_PRIVATE,
	OPT_ONCE,
	OPT_NEW_KEY,
	OPT_ADDRESS,
	OPT_VERSION,
	OPT_RECORD,
	OPT_POLICY,
	OPT_COPY,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "test", no_argument, NULL, 't' },
	{ "key", required_argument, NULL, 'k' },
	{ "coordinator", required_argument, NULL, 'u' },
	{ "region", required_argument, NULL, 'r' },
	{ "interval", required_argument, NULL, OPT_INTERVAL },
	{ "allow-private", no_argument, NULL, OPT_ALLOW_PRIVATE },
	{ "once", no_argument, NULL, OPT_ONCE },
	{ "new-key", required_argument, NULL, OPT_NEW_KEY },
	{ "address", no_argument, NULL, OPT_ADDRESS },
	{ "record", required_argument, NULL, OPT_RECORD },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "copy", required_argument, NULL, OPT_COPY },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char usage_text[] =
    "usage: worknet-worker [-tv] [-c FILE] [-k FILE] [-u URL] [-r REGION]\n"
    "           [--interval MS] [--allow-private] [--once]\n"
    "       worknet-worker [-c FILE] [-k FILE] [-u URL] [-r REGION] join|status\n"
    "       worknet-worker --new-key FILE\n"
    "       worknet-worker --address [-c FILE] [-k FILE]\n"
    "       worknet-worker verify [-c FILE] [--record FILE] [--policy FILE]\n"
    "           [--copy DIRECTORY] LOG\n"
    "\n"
    "Polls the coordinator for HTTP checks, carries them out, signs what they\n"
    "found and submits it. What goes wrong on its own side, such as no route or\n"
    "no name server, is logged and not submitted. SIGTERM and SIGINT end it within\n"
    "10 s, after it has submitted what it had signed; SIGHUP is ignored.\n"
    "join signs that its address wants to work there, in that region, and asks to be\n"
    "admitted where that is needed. status shows what its page there shows.\n"
    "\n"
    "verify tells whether all that it was credited for is in the coordinator's\n"
    "log, as it was sent: LOG is a directory or a URL, such as\n"
    "https://HOST/evidence.\n"
    "\n"
    "  -c, --config FILE      configuration (" CONF_PATH_DEFAULT ",\n"
    "                         which need not exist)\n"
    "  -t, --test             test the configuration and the key, and exit\n"
    "  -k, --key FILE         the worker's private key, mode 0600\n"
    "  -u, --coordinator URL  the API's base URL, such as https://HOST/api\n"
    "  -r, --region REGION    the region to declare\n"
    "      --interval MS      from the start of one round to the next\n"
    "      --allow-private    check private and loopback addresses too, and those\n"
    "                         of this host and of its own network\n"
    "      --once             one round, at once\n"
    "      --new-key FILE     make a new key in FILE, which must not exist, and\n"
    "                         print its address\n"
    "      --address          print the key's address\n"
    "      --record FILE      what it was credited for, instead of the\n"
    "                         configuration's record_file\n"
    "      --policy FILE      whose signature of the log counts, instead of the\n"
    "                         policy that the log itself shows\n"
    "      --copy DIRECTORY   where the files of a log at a URL are kept\n"
    "  -v, --verbose          log each check\n"
    "      --version          print the version\n"
    "  -h, --help             print this\n"
    "\n"
    "Exit status:\n"
    "  0  done; with --once: the coordinator took part in the whole round\n"
    "  1  the configuration or the key is wrong, or the system failed\n"
    "  2  wrong usage\n"
    "  4  --once: the poll, a submission, or this host's part in a check failed\n"
    "  6  verify: something is missing in the log, or different, or the log isn't\n"
    "     signed by whom the policy trusts\n";

/* Takes one option. -1: go on; else the program's exit status. */
static int
take_option(struct options *o, int c)
{
	switch (c) {
	case 'c':
		o->conf_path = optarg;
		return -1;
	case 'k':
		o->key_path = optarg;
		return -1;
	case 'u':
		o->coordinator = optarg;
		return -1;
	case 'r':
		o->region = optarg;
		return -1;
	case 't':
		o->action = ACTION_TEST;
		return -1;
	case 'v':
		o->verbose = true;
		return -1;
	case OPT_INTERVAL:
		o->interval = optarg;
		return -1;
	case OPT_ALLOW_PRIVATE:
		o->allow_private = true;
		return -1;
	case OPT_ONCE:
		o->action = ACTION_ONCE;
		return -1;
	case OPT_ADDRESS:
		o->action = ACTION_ADDRESS;
		return -1;
	case OPT_NEW_KEY:
		o->action = ACTION_NEW_KEY;
		o->new_key_path = optarg;
		return -1;
	case OPT_RECORD:
		o->record = optarg;
		return -1;
	case OPT_POLICY:
		o->policy = optarg;
		return -1;
	case OPT_COPY:
		o->copy = optarg;
		return -1;
	case OPT_VERSION:
		printf("worknet-worker %s\n", PACKAGE_VERSION);
		return EXIT_SUCCESS;
	case 'h':
		(void)fputs(usage_text, stdout);
		return EXIT_SUCCESS;
	default:
		return EXIT_USAGE;
	}
}

static int
options_read(struct options *o, int argc, char **argv)
{
	static const char *const words[] = { "join", "status", "verify", NULL };
	int c, status;

	memset(o, 0, sizeof(*o));
	while ((c = options_next(argc, argv, ":c:tk:u:r:vh", long_options)) !=
	    -1) {
		status = take_option(o, c);
		if (status >= 0)
			return status;
	}
	if (optind + 2 == argc && strcmp(argv[optind], "verify") == 0) {
		o->action = ACTION_VERIFY;
		o->log = argv[optind + 1];
		return -1;
	}
	if (optind == argc - 1 && strcmp(argv[optind], "join") == 0)
		o->action = ACTION_JOIN;
	else if (optind == argc - 1 && strcmp(argv[optind], "status") == 0)
		o->action = ACTION_STATUS;
	else if (optind < argc && strcmp(argv[optind], "verify") == 0) {
		(void)options_wrong("verify takes one LOG");
		return EXIT_USAGE;
	} else if (options_end(argc, argv, words) != 0)
		return EXIT_USAGE;
	return -1;
}

/* The file's values, and over them those of the command line. */
static enum rc
conf_gather(struct conf *c, const struct options *o, struct err *e)
{
	const struct {
		const char *name;
		const char *value;
	} given[] = {
		{ "key_file", o->key_path },
		{ "coordinator", o->coordinator },
		{ "region", o->region },
		{ "poll_interval_ms", o->interval },
		{ "allow_private", o->allow_private ? "yes" : NULL },
	};
	enum rc rc;
	size_t i;

	if (o->conf_path != NULL)
		rc = conf_read(c, o->conf_path, e);
	else if ((rc = conf_read(c, CONF_PATH_DEFAULT, e)) == RC_NOT_FOUND) {
		conf_defaults(c);
		rc = RC_OK;
	}
	for (i = 0; i < sizeof(given) / sizeof(given[0]) && rc == RC_OK; i++)
		if (given[i].value != NULL)
			rc = conf_set(
			    c, "worker", given[i].name, given[i].value, e);
	return rc;
}

/*
 * SIGTERM and SIGINT make the descriptor readable instead of killing. A
 * terminal that closes ends nothing.
 */
static enum rc
signals_init(int *stop_fd, struct err *e)
{
	sigset_t stop;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTERM);
	(void)sigaddset(&stop, SIGINT);
	if (sigprocmask(SIG_BLOCK, &stop, NULL) != 0 ||
	    (*stop_fd = signalfd(-1, &stop, SFD_CLOEXEC)) < 0)
		return err_set(e, RC_IO, "signals: %m");
	return RC_OK;
}

/* Standard output is where an address goes; it may be a full disk. */
static enum rc
print_address(const struct address *a, struct err *e)
{
	char text[ADDRESS_LEN + 1];

	address_format(text, a, ADDRESS_CHECKSUM);
	if (printf("%s\n", text) < 0 || fflush(stdout) != 0)
		return err_set(e, RC_IO, "standard output: %m");
	return RC_OK;
}

static enum rc
new_key(const char *path, struct err *e)
{
	struct address a;
	struct eth_key key;
	enum rc rc;

	rc = eth_key_generate(&key, e);
	if (rc == RC_OK)
		rc = eth_key_address(&a, &key, e);
	if (rc == RC_OK)
		rc = eth_key_write(&key, path, e);
	if (rc == RC_OK)
		rc = print_address(&a, e);
	secret_wipe(&key, sizeof(key));
	return rc;
}

static enum rc
show_address(const struct conf *c, struct err *e)
{
	struct address a;
	struct eth_key key;
	enum rc rc;

	rc = eth_key_read(&key, c->worker_key_file, e);
	if (rc == RC_OK)
		rc = eth_key_address(&a, &key, e);
	secret_wipe(&key, sizeof(key));
	return rc == RC_OK ? print_address(&a, e) : rc;
}

/* What its owner asks the coordinator, on standard output. */
static enum rc
ask(const struct conf *c, enum action action, struct err *e)
{
	struct buf out;
	enum rc rc;

	buf_init(&out, RESPONSE_MAX);
	rc = action == ACTION_JOIN ? owner_join(&out, c, e)
				   : owner_status(&out, c, e);
	if (rc == RC_OK)
		rc = buf_status(&out, e);
	if (rc == RC_OK && (fputs(out.p, stdout) < 0 || fflush(stdout) != 0))
		rc = err_set(e, RC_IO, "standard output: %m");
	buf_free(&out);
	return rc;
}

/* The actions which need a worker. *worked: what --once is to tell. */
static enum rc
work(bool *worked, const struct conf *c, enum action action, struct err *e)
{
	struct worker *w = NULL;
	int stop_fd = -1;
	enum rc rc;

	rc = signals_init(&stop_fd, e);
	if (rc == RC_OK)
		rc = worker_new(&w, c, e);
	if (rc != RC_OK)
		goto out;
	if (action == ACTION_TEST) {
		log_notice(
		    "the configuration is fine; worker %s", worker_address(w));
		goto out;
	}
	log_notice("version %s, worker %s, region \"%s\", coordinator %s",
	    PACKAGE_VERSION, worker_address(w), c->worker_region,
	    c->worker_coordinator);
	if (action == ACTION_ONCE)
		*worked = worker_round(w, stop_fd);
	else
		worker_run(w, stop_fd);
	log_notice("stopped: %s",
	    action == ACTION_ONCE ? "its round is over" : "a signal said so");
out:
	worker_free(w);
	if (stop_fd >= 0)
		(void)close(stop_fd);
	return rc;
}

/* *worked: nothing was found. What isn't signed as it must be is found, too. */
static enum rc
verify(
    bool *worked, const struct conf *c, const struct options *o, struct err *e)
{
	const struct paid_command p = { .log = o->log,
		.record = o->record != NULL ? o->record : c->worker_record_file,
		.policy = o->policy,
		.copy = o->copy };

	if (p.record[0] == '\0')
		return err_set(e, RC_INVALID,
		    "[worker] record_file isn't set, and there is no --record: the worker has kept nothing that could be compared");
	return paid_command(&p, worked, e);
}

static enum rc
act(bool *worked, const struct conf *c, const struct options *o, struct err *e)
{
	switch (o->action) {
	case ACTION_ADDRESS:
		return show_address(c, e);
	case ACTION_VERIFY:
		return verify(worked, c, o, e);
	case ACTION_JOIN:
	case ACTION_STATUS:
		return ask(c, o->action, e);
	default:
		return work(worked, c, o->action, e);
	}
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct options o;
	struct conf c;
	bool worked = true;
	enum rc rc;
	int status;

	descriptors_open_standard();
	status = options_read(&o, argc, argv);
	if (status >= 0)
		return status;
	if (o.verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	if (o.action == ACTION_NEW_KEY)
		rc = new_key(o.new_key_path, &e);
	else if ((rc = conf_gather(&c, &o, &e)) == RC_OK)
		rc = act(&worked, &c, &o, &e);
	if (rc != RC_OK) {
		log_error("%s", e.msg);
		return EXIT_FAILURE;
	}
	if (worked)
		return EXIT_SUCCESS;
	return o.action == ACTION_VERIFY ? EXIT_LOG : EXIT_ROUND;
}
