#include "admin/args.h"

#include <string.h>

#include "base/conf.h"
#include "base/text.h"

static const struct option_text {
	const char *name;
	const char *alias; /* or NULL */
	const char *value; /* what it takes; NULL for a flag */
	const char *help;
} options[OPT_COUNT] = {
	[OPT_CONFIG] = { "--config", "-c", "FILE",
	    "configuration (default " CONF_PATH_DEFAULT ")" },
	[OPT_JSON] = { "--json", NULL, NULL,
	    "one JSON document, for programs" },
	[OPT_HELP] = { "--help", "-h", NULL, "this text" },
	[OPT_TYPE] = { "--type", NULL, "TYPE", "http_check, the default" },
	[OPT_URL] = { "--url", NULL, "URL", "what is checked" },
	[OPT_EXPECT] = { "--expect", NULL, "N",
	    "the HTTP status that means up" },
	[OPT_TIMEOUT] = { "--timeout-ms", NULL, "N",
	    "how long a check may take, in ms" },
	[OPT_REWARD] = { "--reward", NULL, "MICROS",
	    "paid for a check, in micro-USDC" },
	[OPT_INTERVAL] = { "--interval", NULL, "DURATION",
	    "a cycle: how often it is checked" },
	[OPT_COPIES] = { "--copies", NULL, "N",
	    "checks in each cycle, by different workers" },
	[OPT_COOLDOWN] = { "--cooldown", NULL, "DURATION",
	    "a worker isn't given it again within" },
	[OPT_BUDGET] = { "--budget", NULL, "MICROS",
	    "what a cycle's copies cost at most; 0: any" },
	[OPT_REGION] = { "--region", NULL, "R",
	    "only for workers of this region; \"\" for any" },
	[OPT_ALL] = { "--all", NULL, NULL, "all of them, however many" },
	[OPT_LIMIT] = { "--limit", NULL, "N", "so many at most" },
	[OPT_UPDATE] = { "--update", NULL, NULL,
	    "change the tasks that exist already" },
	[OPT_MIGRATE] = { "--migrate", NULL, NULL,
	    "bring an older ledger up to this program" },
	[OPT_SIGNATURES] = { "--signatures", NULL, NULL,
	    "verify every signature again, on all cores" },
	[OPT_OPEN] = { "--open", NULL, NULL,
	    "only those that are neither final nor voided" },
	[OPT_WORKER] = { "--worker", NULL, "ADDRESS", "only this worker's" },
	[OPT_REASON] = { "--reason", NULL, "TEXT", "why, for who asks later" },
	[OPT_ADDRESS] = { "--address", NULL, "ADDRESS",
	    "the treasury, when neither key nor ledger tells" },
	[OPT_WEIGHT] = { "--weight", NULL, "N", "shares of the work (1)" },
	[OPT_FILE] = { "--file", NULL, "FILE", "- for standard input" },
	[OPT_SINCE] = { "--since", NULL, "TIME",
	    "\"2026-01-31 23:59:59\" (UTC), or Unix ms" },
	[OPT_WHY] = { "--why", NULL, "TEXT", "the reason, which stays" },
	[OPT_BY] = { "--by", NULL, "WHAT", "in the order of it" },
	[OPT_PAYOUT] = { "--payout", NULL, "FILE",
	    "the payer's (default " CONF_PATH_PAYOUT ")" },
	[OPT_SOCKET] = { "--socket", NULL, "PATH",
	    "the coordinator's (/run/worknet/fcgi.sock)" },
	[OPT_BACKUPS] = { "--backups", NULL, "DIR",
	    "where copies are (/var/backups/worknet)" },
	[OPT_POLICY] = { "--policy", NULL, "FILE",
	    "whose keys are trusted: the log's, and witnesses'" },
	[OPT_RESULT] = { "--result", NULL, "SLOT",
	    "show the line of that slot, too" },
	[OPT_SAME_LOG] = { "--same-log", NULL, "OTHER",
	    "an export, a checkpoint or a copy of the same log" },
	[OPT_ANCHOR] = { "--anchor", NULL, "SIZE",
	    "also what shows how the log of SIZE leaves began it" },
	[OPT_PRIVATE] = { "--private", NULL, NULL,
	    "only its workers are told name and URL" },
	[OPT_WIDE] = { "--wide", NULL, NULL,
	    "nothing shortened, however narrow the terminal" },
	[OPT_WITNESS] = { "--witness", NULL, NULL,
	    "others are judged by what it reports" },
	[OPT_DRY_RUN] = { "--dry-run", NULL, NULL,
	    "show what it would do, and do nothing" },
	[OPT_CHECK] = { "--check", NULL, NULL, "one line, for a monitor" },
	[OPT_QUIET] = { "--quiet", "-q", NULL,
	    "say nothing while all is well, for cron" },
	[OPT_BRING_BACK] = { "--bring-back", NULL, NULL,
	    "put what is archived back into the ledger" },
	[OPT_LOG] = { "--log", NULL, "DIR",
	    "compare with the log that lies there" },
	[OPT_KNOWN] = { "--known", NULL, "FILE",
	    "not those that the audit which left FILE verified" },
	[OPT_RUN] = { "--run", NULL, "NAME",
	    "how the run of that name has ended, instead" },
	[OPT_EXIT] = { "--exit", NULL, "CODE",
	    "with what, if systemd doesn't tell" },
	[OPT_ROOT] = { "--root", NULL, "DIR",
	    "where the system's files are, if not /" },
	[OPT_YES] = { "--yes", "-y", NULL, "don't ask" },
	[OPT_TASK] = { "--task", NULL, "ID", "of this task" },
	[OPT_FROM] = { "--from", NULL, "TIME", "its beginning, UTC" },
	[OPT_TO] = { "--to", NULL, "TIME", "its end, UTC" },
	[OPT_CSV] = { "--csv", NULL, NULL, "a line a day, for spreadsheets" },
	[OPT_TARGET] = { "--target", NULL, "PERCENT",
	    "what was promised, such as 99.9" },
};

static const struct option_text *
option_find(const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < OPT_COUNT; i++)
		if ((strncmp(options[i].name, word, len) == 0 &&
			options[i].name[len] == '\0') ||
		    (options[i].alias != NULL &&
			strcmp(options[i].alias, word) == 0))
			return &options[i];
	return NULL;
}

/* Names one that this may have been meant to be. */
static enum rc
option_unknown(const char *word, uint64_t accepted, struct err *e)
{
	const char *meant = NULL;
	char name[TEXT_WORD_MAX];
	size_t i;

	(void)snprintf(
	    name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	for (i = 0; i < OPT_COUNT && meant == NULL; i++)
		if ((accepted & 1ULL << i) != 0 &&
		    text_is_near(name, options[i].name))
			meant = options[i].name;
	return err_set(e, RC_INVALID, "unknown option %.80s%s%s%s", word,
	    meant == NULL ? "" : ": did you mean ", meant == NULL ? "" : meant,
	    meant == NULL ? "" : "?");
}

/* An option at argv[*i], whose value may be the word after it. */
static enum rc
option_parse(struct args *a, int *i, int argc, char **argv, uint64_t accepted,
    struct err *e)
{
	const char *word = argv[*i], *equals = strchr(word, '=');
	const struct option_text *o;
	size_t id;

	o = option_find(
	    word, equals == NULL ? strlen(word) : (size_t)(equals - word));
	if (o == NULL || (accepted & 1ULL << (o - options)) == 0)
		return option_unknown(word, accepted, e);
	id = (size_t)(o - options);
	if (a->opt[id] != NULL)
		return err_set(e, RC_INVALID, "%s is given twice", o->name);
	a->opt[id] = "";
	if (o->value == NULL && equals != NULL)
		return err_set(e, RC_INVALID, "%s takes no value", o->name);
	if (o->value == NULL)
		return RC_OK;
	if (equals != NULL)
		a->opt[id] = equals + 1;
	else if (*i + 1 < argc)
		a->opt[id] = argv[++*i];
	else
		return err_set(
		    e, RC_INVALID, "%s needs a value: %s", o->name, o->value);
	return RC_OK;
}

enum rc
args_parse(struct args *a, int *i, int argc, char **argv, uint64_t accepted,
    bool stop, struct err *e)
{
	bool options_over = false;
	enum rc rc;

	for (; *i < argc; ++*i) {
		if (!options_over && strcmp(argv[*i], "--") == 0) {
			options_over = true;
			continue;
		}
		/* "-" alone is a name: standard input. */
		if (!options_over && argv[*i][0] == '-' &&
		    argv[*i][1] != '\0') {
			rc = option_parse(a, i, argc, argv, accepted, e);
			if (rc != RC_OK)
				return rc;
			continue;
		}
		if (stop)
			return RC_OK;
		if (a->n == ARGS_MAX)
			return err_set(e, RC_INVALID,
			    "too many arguments: %.80s", argv[*i]);
		a->arg[a->n++] = argv[*i];
	}
	return RC_OK;
}

void
args_print_help(FILE *f, uint64_t accepted)
{
	char left[64];
	size_t i;

	for (i = 0; i < OPT_COUNT; i++) {
		if ((accepted & 1ULL << i) == 0)
			continue;
		(void)snprintf(left, sizeof(left), "%s%s%s%s%s",
		    options[i].alias == NULL ? "" : options[i].alias,
		    options[i].alias == NULL ? "" : ", ", options[i].name,
		    options[i].value == NULL ? "" : " ",
		    options[i].value == NULL ? "" : options[i].value);
		fprintf(f, "  %-24s  %s\n", left, options[i].help);
	}
}
