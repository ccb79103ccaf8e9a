/* The payout run: turns credit into USDC. For cron or a systemd timer. */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/options.h"
#include "eth/address.h"
#include "http/http.h"
#include "pay/run.h"

static const char usage[] =
    "usage: worknet-payout [-c FILE] [--dry-run [--json] | --reconcile]\n"
    "                      [--max N] [--worker ADDRESS] [-tvh]\n"
    "       worknet-payout [-c FILE] --journal new\n"
    "\n"
    "Pays every worker whose credit has reached the threshold, once, and\n"
    "settles what earlier runs left open. Quiet when all is well.\n"
    "\n"
    "  -c FILE           configuration (default " CONF_PATH_PAYOUT ")\n"
    "  --dry-run         print whom it would pay; change nothing\n"
    "  --json            print that as JSON\n"
    "  --reconcile       only look at the chain and book what it says\n"
    "  --max N           make at most N new payouts\n"
    "  --worker ADDRESS  make new payouts for this worker only\n"
    "  --journal new     begin a new journal of what was signed, after the\n"
    "                    old one was lost\n"
    "  -t                test the configuration, tell the treasury, then exit\n"
    "  -v                say more; twice: every detail\n"
    "  -h, --help        this text\n"
    "  --version         the version\n"
    "\n"
    "Exit codes: 0 nothing to do, 10 paid and all settled, 4 some payouts\n"
    "are unresolved or wait (the next run goes on), 5 the treasury can't pay all\n"
    "that is due, 6 a person must look (worknet status), 3 another run\n"
    "holds the lock, 7 the ledger or the chain can't be reached, 1 the\n"
    "configuration, the key or the token is wrong, 2 the command line is.\n";

struct options {
	const char *conf_path;
	bool test;
	bool journal_new;
	bool json;
	struct address worker;
	struct run_options run;
};

static int
worker_parse(struct options *o, const char *text)
{
	struct err e = ERR_INIT;

	if (address_parse(&o->worker, NULL, slice_of(text), &e) != RC_OK)
		return options_wrong("--worker: %s", e.msg);
	o->run.only = &o->worker;
	return 0;
}

static int
max_parse(struct options *o, const char *text)
{
	char *end;

	o->run.max_payouts = strtoll(text, &end, 10);
	if (*text != '\0' && *end == '\0' && o->run.max_payouts > 0)
		return 0;
	return options_wrong(
	    "--max: got \"%.80s\", expected a number from 1", text);
}

static int
journal_parse(struct options *o, const char *text)
{
	o->journal_new = strcmp(text, "new") == 0;
	if (o->journal_new)
		return 0;
	return options_wrong(
	    "--journal: got \"%.80s\", expected \"new\"", text);
}

static int
options_parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "dry-run", no_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'J' },
		{ "reconcile", no_argument, NULL, 'r' },
		{ "max", required_argument, NULL, 'm' },
		{ "worker", required_argument, NULL, 'w' },
		{ "journal", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c, verbose = 0, bad = 0;

	*o = (struct options){ .conf_path = CONF_PATH_PAYOUT,
		.run.progress = isatty(STDERR_FILENO) };
	while ((c = options_next(argc, argv, ":c:tvh", longs)) != -1)
		switch (c) {
		case 'c':
			o->conf_path = optarg;
			break;
		case 'd':
			o->run.dry_run = true;
			break;
		case 'J':
			o->json = true;
			break;
		case 'r':
			o->run.reconcile_only = true;
			break;
		case 'm':
			bad |= max_parse(o, optarg);
			break;
		case 'w':
			bad |= worker_parse(o, optarg);
			break;
		case 'j':
			bad |= journal_parse(o, optarg);
			break;
		case 't':
			o->test = true;
			break;
		case 'v':
			verbose++;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case 'V':
			printf("worknet-payout %s\n", PACKAGE_VERSION);
			exit(EXIT_SUCCESS);
		default:
			return -1;
		}
	log_set_level(verbose == 0 ? LOG_LEVEL_WARNING
		: verbose == 1	   ? LOG_LEVEL_INFO
				   : LOG_LEVEL_DEBUG);
	if (bad != 0)
		return -1;
	if (o->json && !o->run.dry_run)
		return options_wrong("--json goes with --dry-run");
	return options_end(argc, argv, NULL);
}

/* SIGTERM and SIGINT end it within seconds; a terminal that closes doesn't. */
static int
stop_fd_make(void)
{
	sigset_t stop;

	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTERM);
	(void)sigaddset(&stop, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &stop, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	return signalfd(-1, &stop, SFD_CLOEXEC);
}

static void
report(const struct run_result *r)
{
	log_info("%" PRId64 " reserved, %" PRId64 " paid, %" PRId64
		 " final, %" PRId64 " voided, %" PRId64 " held, %" PRId64
		 " open",
	    r->reserved, r->posted, r->finalized, r->voided, r->held, r->open);
	if (r->insolvent)
		log_error("the treasury can't pay all that is due");
	if (r->open > 0)
		log_warning("%" PRId64
			    " payouts are unresolved; the next run goes on",
		    r->open);
	else if (r->waiting)
		log_warning(
		    "payouts are due, and nobody takes them at present");
}

/* What a person has to know who has just begun a new journal. */
static void
journal_report(const struct conf *c)
{
	printf(
	    "A new journal was begun; the old one, if there was one, lies beside it.\n"
	    "What was signed in the last 24 hours is forgotten, so that in the next 24\n"
	    "hours %" PRId64 ".%06" PRId64
	    " USDC (max_per_day_micros) may be paid once more than the\n"
	    "caps allow. No payment is made twice: the chain knows them.\n",
	    c->payout_max_per_day_micros / 1000000,
	    c->payout_max_per_day_micros % 1000000);
}

/* Whose money it would be, for who funds it; of nodes no path, or key in it. */
static void
test_report(const struct conf *c, const struct vault *vault)
{
	char treasury[ADDRESS_LEN + 1], url[URL_MAX + 1], origin[URL_MAX + 1];
	const char *list = c->payout_rpc_urls, *at;
	size_t len;

	address_format(treasury, vault_treasury(vault), ADDRESS_CHECKSUM);
	printf("the configuration is right: treasury %s on %s, nodes", treasury,
	    c->payout_network);
	while ((len = http_urls_next(&list, &at)) > 0) {
		slice_copy(url, sizeof(url), (struct slice){ at, len });
		http_url_origin(origin, sizeof(origin), url);
		printf(" %s", origin);
	}
	printf("\n");
}

/* What the kernel here doesn't give the vault's process. */
static void
vault_tell(const struct vault *v)
{
	int i;

	for (i = 0; i < SANDBOX_BITS; i++)
		if ((vault_protection(v) & 1U << i) == 0)
			log_info("the vault, not here: %s", sandbox_text(i));
}

/* The vault, and the ledger. */
static enum rc
payer_open(const struct options *o, const struct conf *c, struct vault **vault,
    struct db **db, struct err *e)
{
	enum rc rc;

	/* The key's process first: it never has anything but the key. */
	rc = run_vault_start(
	    vault, c, !o->test && !o->run.dry_run, o->journal_new, e);
	if (rc != RC_OK)
		return rc;
	vault_tell(*vault);
	rc = db_open(db, c->ledger_path, DB_WRITE, c->busy_timeout_ms, e);
	/* Another version of the schema. */
	return rc == RC_CONFLICT ? RC_INVALID : rc;
}

/* The end of a run of which only is printed what it would do. */
static enum rc
print_end(struct preview *p, enum rc rc, const struct run_result *result,
    struct err *e)
{
	struct err late = ERR_INIT;

	if (preview_end(p, (int)run_exit_code(rc, result),
		rc == RC_OK ? NULL : e->msg, &late) != RC_OK &&
	    rc == RC_OK)
		rc = err_set(e, late.rc, "%s", late.msg);
	return rc;
}

/*
 * Does what -t does, in a process of its own, before the vault puts the journal
 * away: without a ledger that can be opened that would be for nothing. Its exit
 * code.
 */
static int
try_first(const struct options *o, const struct conf *c)
{
	struct options test = *o;
	struct run_result none = { 0 };
	struct vault *vault = NULL;
	struct err e = ERR_INIT;
	struct db *db = NULL;
	int status;
	pid_t pid;
	enum rc rc;

	test.test = true;
	test.journal_new = false;
	pid = fork();
	if (pid == 0) {
		rc = payer_open(&test, c, &vault, &db, &e);
		if (rc == RC_OK)
			rc = run_test(vault, c, &e);
		db_close(db);
		if (rc != RC_OK)
			log_error("%s", e.msg);
		vault_free(vault);
		_exit((int)run_exit_code(rc, &none));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return RUN_SYSTEM;
	return WEXITSTATUS(status);
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct run_result result = { 0 };
	struct vault *vault = NULL;
	struct preview preview;
	struct db *db = NULL;
	enum rc rc = RC_OK;
	struct options o;
	struct conf conf;
	int tried;

	descriptors_open_standard();
	if (options_parse(&o, argc, argv) != 0)
		return RUN_USAGE;
	if (conf_read(&conf, o.conf_path, &e) != RC_OK) {
		log_error("%s", e.msg);
		return RUN_CONF;
	}
	o.run.stop_fd = stop_fd_make();
	if (o.journal_new) {
		tried = try_first(&o, &conf);
		if (tried != 0)
			return tried;
	}
	if (o.run.dry_run) {
		o.run.preview = &preview;
		rc = preview_begin(&preview, o.json, &e);
	}
	if (rc == RC_OK)
		rc = payer_open(&o, &conf, &vault, &db, &e);
	if (rc == RC_OK && o.test)
		rc = run_test(vault, &conf, &e);
	else if (rc == RC_OK && o.journal_new)
		rc = run_journal_new(db, vault, &conf, &e);
	else if (rc == RC_OK)
		rc = run_payouts(db, vault, &conf, &o.run, &result, &e);
	db_close(db);
	if (o.run.dry_run)
		rc = print_end(&preview, rc, &result, &e);
	if (rc != RC_OK)
		log_error("%s", e.msg);
	else if (o.journal_new)
		journal_report(&conf);
	else if (o.test)
		test_report(&conf, vault);
	else if (!o.test)
		report(&result);
	vault_free(vault);
	return (int)run_exit_code(rc, &result);
}
