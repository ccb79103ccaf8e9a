#include "admin/admin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/value.h"
#include "base/terminal.h"
#include "base/text.h"
#include "json/json.h"

#define ERROR_JSON_MAX 16384 /* bytes: more than any message, escaped */

static const char exit_help[] =
    "\n"
    "Exit codes: 0 done, 1 refused, not found, or something is wrong, such as\n"
    "the configuration, 2 the command line is wrong, 7 the ledger or the\n"
    "system can't be used. Of archive also 4, the object store can't be\n"
    "reached now. status --check has those of Nagios.\n";

/* Whether --json was given, as long as this process lives. */
static bool errors_are_json;

/* A terminal is spared control characters. */
static void
print_text(const char *text)
{
	fputs("worknet: ", stderr);
	for (; *text != '\0'; text++)
		(void)putc(
		    (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text,
		    stderr);
	fputs("\n", stderr);
}

static enum rc
print_json(enum admin_exit code, const char *text, struct err *e)
{
	struct json_writer *w = NULL;
	struct buf b;
	enum rc rc;

	buf_init(&b, ERROR_JSON_MAX);
	rc = json_writer_new(&w, &b, false, e);
	if (rc == RC_OK) {
		json_open_object(w);
		json_key(w, "error");
		json_slice(w, slice_of(text));
		json_key(w, "exitCode");
		json_number(w, code);
		json_close_object(w);
		rc = buf_status(&b, e);
	}
	if (rc == RC_OK)
		fprintf(stderr, "%.*s\n", (int)b.len, b.p);
	json_writer_free(w);
	buf_free(&b);
	return rc;
}

/* One line on standard error, for people or for programs; code is returned. */
static enum admin_exit
complain(enum admin_exit code, const char *text)
{
	if (!errors_are_json || print_json(code, text, NULL) != RC_OK)
		print_text(text);
	return code;
}

enum admin_exit
admin_fail(enum rc rc, const struct err *e)
{
	switch (rc) {
	case RC_INVALID:
	case RC_NOT_FOUND:
	case RC_CONFLICT:
		return complain(ADMIN_REFUSED, e->msg);
	case RC_OK:
	case RC_BUSY:
	case RC_IO:
	case RC_NO_MEMORY:
	case RC_CORRUPT:
		break;
	}
	return complain(ADMIN_UNUSABLE, e->msg);
}

enum admin_exit
admin_usage(const struct admin *a, const struct err *e)
{
	(void)complain(ADMIN_USAGE, e->msg);
	if (!errors_are_json)
		fprintf(stderr, "try: worknet %s%s--help\n",
		    a->command == NULL ? "" : a->command->name,
		    a->command == NULL ? "" : " ");
	return ADMIN_USAGE;
}

enum admin_exit
admin_say(enum admin_exit code, const struct err *e)
{
	return complain(code, e->msg);
}

const char *
admin_conf_path(const struct admin *a)
{
	const char *path = a->args.opt[OPT_CONFIG];

	return path == NULL ? CONF_PATH_DEFAULT : path;
}

enum admin_exit
admin_configure(struct admin *a)
{
	struct err e = ERR_INIT;

	if (conf_read(&a->conf, admin_conf_path(a), &e) == RC_OK)
		return ADMIN_OK;
	return admin_say(ADMIN_REFUSED, &e);
}

enum admin_exit
admin_open(struct admin *a, enum db_mode mode)
{
	struct err e = ERR_INIT;
	enum admin_exit code;

	code = admin_configure(a);
	if (code != ADMIN_OK)
		return code;
	if (db_open(&a->db, a->conf.ledger_path, mode, a->conf.busy_timeout_ms,
		&e) == RC_OK)
		return ADMIN_OK;
	return admin_say(ADMIN_UNUSABLE, &e);
}

enum admin_exit
admin_open_read(struct admin *a)
{
	enum admin_exit code = admin_open(a, DB_READ);
	struct err e = ERR_INIT;
	enum rc rc;

	if (code != ADMIN_OK)
		return code;
	rc = db_begin_read(a->db, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

enum admin_exit
admin_open_edit(struct admin *a)
{
	enum admin_exit code = admin_open(a, DB_WRITE);
	struct err e = ERR_INIT;
	enum rc rc;

	if (code != ADMIN_OK)
		return code;
	rc = db_begin(a->db, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

enum rc
admin_limit(
    const struct admin *a, int64_t initial, int64_t *limit, struct err *e)
{
	const char *text = a->args.opt[OPT_LIMIT];
	enum rc rc;

	*limit = initial;
	if (text != NULL && a->args.opt[OPT_ALL] != NULL)
		return err_set(e, RC_INVALID, "--limit or --all, not both");
	if (a->args.opt[OPT_ALL] != NULL)
		*limit = INT64_MAX;
	if (text == NULL)
		return RC_OK;
	rc = value_parse_int(limit, "--limit", text, e);
	if (rc == RC_OK && *limit == 0)
		rc = err_set(e, RC_INVALID, "--limit: at least 1");
	return rc;
}

enum admin_exit
admin_open_list(struct admin *a, int64_t initial, int64_t *limit)
{
	struct err e = ERR_INIT;

	if (admin_limit(a, initial, limit, &e) != RC_OK)
		return admin_usage(a, &e);
	return admin_open_read(a);
}

void
admin_done(struct admin *a, const char *key, const char *name, const char *done)
{
	out_fields(a->out,
	    (const struct out_field[]){ { key, NULL, OUT_TEXT, out_text(name) },
		{ "done", NULL, OUT_TEXT, out_text(done) }, OUT_END });
}

enum admin_exit
admin_commit(struct admin *a, enum rc rc, struct err *e)
{
	if (rc == RC_OK)
		rc = db_commit(a->db, e);
	if (rc == RC_OK)
		return ADMIN_OK;
	db_rollback(a->db);
	return admin_fail(rc, e);
}

void
admin_progress(const char *stage, int64_t done, int64_t total)
{
	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%s", stage);
	if (total > 0)
		fprintf(stderr, " %" PRId64 " of %" PRId64 " (%d %%)", done,
		    total, (int)(done * 100 / total));
	else if (done > 0)
		fprintf(stderr, " %" PRId64, done);
	fputs("\033[K", stderr);
}

void
admin_progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

bool
admin_confirm(const struct admin *a, const char *fmt, ...)
{
	char answer[16];
	va_list ap;

	if (a->args.opt[OPT_YES] != NULL || !isatty(STDIN_FILENO))
		return true;
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(" [y/N] ", stderr);
	return fgets(answer, sizeof(answer), stdin) != NULL &&
	    (answer[0] == 'y' || answer[0] == 'Y');
}

static void
print_program_help(FILE *f, const struct command *c)
{
	fputs(
	    "usage: worknet [-c FILE] COMMAND [ARGUMENT]... [OPTION]...\n\n"
	    "Sets up and runs a network of workers that check HTTP endpoints:\n"
	    "tasks, workers, the ledger of what they earned and were paid.\n\n",
	    f);
	for (; c->name != NULL; c++)
		fprintf(f, "  %-14s  %s\n", c->name, c->summary);
	fputs(
	    "\nOptions of every command (worknet COMMAND --help has its own):\n",
	    f);
	args_print_help(f, OPTS_COMMON);
	fputs("  --version                 print the version\n", f);
	fputs(exit_help, f);
}

static void
print_command_help(FILE *f, const struct command *c)
{
	const char *space = c->arguments[0] == '\0' ? "" : " ";

	fprintf(f, "usage: worknet [-c FILE] %s%s%s\n\n", c->name, space,
	    c->arguments);
	/* The summary as a sentence. */
	fprintf(f, "%c%s.\n%s\n", c->summary[0] - 'a' + 'A', c->summary + 1,
	    c->help);
	args_print_help(f, c->options | OPTS_COMMON);
	fputs(exit_help, f);
}

/* The first word of a two-word command, with its commands; false if none. */
static bool
print_group_help(FILE *f, const struct command *c, const char *word)
{
	size_t len = strlen(word);
	bool any = false;

	for (; c->name != NULL; c++) {
		if (strncmp(c->name, word, len) != 0 || c->name[len] != ' ')
			continue;
		if (!any)
			fprintf(f,
			    "usage: worknet [-c FILE] %s COMMAND ...\n"
			    "\n",
			    word);
		any = true;
		fprintf(f, "  %-14s  %s\n", c->name, c->summary);
	}
	if (any)
		fprintf(f, "\nworknet %s COMMAND --help says more.\n", word);
	return any;
}

/* The command that argv[*i] and, where it has two words, the next name. */
static const struct command *
command_find(const struct command *c, int *i, int argc, char **argv)
{
	const char *word = argv[*i], *next;
	size_t len = strlen(word);

	next = *i + 1 < argc ? argv[*i + 1] : "";
	for (; c->name != NULL; c++) {
		if (strcmp(c->name, word) == 0) {
			*i += 1;
			return c;
		}
		if (strncmp(c->name, word, len) == 0 && c->name[len] == ' ' &&
		    strcmp(c->name + len + 1, next) == 0) {
			*i += 2;
			return c;
		}
	}
	return NULL;
}

/* The command that is nearest to what was typed; NULL: none is near. */
static const char *
command_near(const struct command *c, const char *word, const char *typed)
{
	for (; c->name != NULL; c++)
		if (text_is_near(typed, c->name) || text_is_near(word, c->name))
			return c->name;
	return NULL;
}

/* No such command: help for what was asked, or a complaint. */
static enum admin_exit
command_missing(const struct admin *a, const char *word, const char *next)
{
	struct err e = ERR_INIT;
	const char *meant;
	char typed[96];

	if (strcmp(next, "--help") == 0 || strcmp(next, "-h") == 0)
		if (print_group_help(stdout, a->commands, word))
			return ADMIN_OK;
	if (next[0] == '\0' && print_group_help(stderr, a->commands, word))
		return ADMIN_USAGE;
	(void)snprintf(typed, sizeof(typed), "%.40s%s%.40s", word,
	    next[0] == '\0' || next[0] == '-' ? "" : " ",
	    next[0] == '-' ? "" : next);
	meant = command_near(a->commands, word, typed);
	(void)err_set(&e, RC_INVALID, "unknown command %s%s%s%s", typed,
	    meant == NULL ? "" : ": did you mean ", meant == NULL ? "" : meant,
	    meant == NULL ? "" : "?");
	return admin_usage(a, &e);
}

/* Of a command that was quiet, and had reason not to be. */
static void
print_held_back(FILE *f)
{
	int c;

	rewind(f);
	while ((c = getc(f)) != EOF)
		(void)putchar(c);
}

/* Runs it, and shows what it says unless it is to be quiet and all is well. */
static enum admin_exit
command_do(struct admin *a, FILE *f)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	rc = out_new(&a->out, f, a->args.opt[OPT_JSON] != NULL, &e);
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	if (a->args.opt[OPT_WIDE] == NULL)
		out_fit(a->out, terminal_width(STDOUT_FILENO));
	out_colour(a->out, terminal_has_colour(STDOUT_FILENO));
	code = a->command->run(a);
	/* What a command that failed had begun to say isn't said. */
	if (code == ADMIN_OK || a->stands) {
		rc = out_end(a->out, &e);
		if (rc != RC_OK)
			code = admin_fail(rc, &e);
		else if (f != stdout && code != ADMIN_OK)
			print_held_back(f);
	}
	db_close(a->db);
	out_free(a->out);
	return code;
}

static enum admin_exit
command_run(struct admin *a)
{
	const struct command *c = a->command;
	struct err e = ERR_INIT;
	enum admin_exit code;
	FILE *f = stdout;

	if (a->args.opt[OPT_HELP] != NULL) {
		print_command_help(stdout, c);
		return ADMIN_OK;
	}
	if (a->args.n < c->args_min || a->args.n > c->args_max) {
		(void)err_set(&e, RC_INVALID,
		    "%s: got %d arguments, expected %d", c->name, a->args.n,
		    c->args_min);
		return admin_usage(a, &e);
	}
	if (a->args.opt[OPT_QUIET] != NULL && (f = tmpfile()) == NULL) {
		(void)err_set(
		    &e, RC_IO, "a temporary file: %s", strerror(errno));
		return admin_say(ADMIN_UNUSABLE, &e);
	}
	code = command_do(a, f);
	if (f != stdout)
		(void)fclose(f);
	return code;
}

/* Before "--", behind which it is an argument. */
static bool
has_word(int argc, char **argv, const char *word)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], word) == 0)
			return true;
	return false;
}

enum admin_exit
admin_main(int argc, char **argv, const struct command *commands)
{
	struct err e = ERR_INIT;
	struct admin a = { .commands = commands };
	int i = 1;

	errors_are_json = has_word(argc, argv, "--json");
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("worknet %s\n", PACKAGE_VERSION);
		return ADMIN_OK;
	}
	if (args_parse(&a.args, &i, argc, argv, OPTS_COMMON, true, &e) != RC_OK)
		return admin_usage(&a, &e);
	if (i == argc) {
		print_program_help(
		    a.args.opt[OPT_HELP] != NULL ? stdout : stderr, commands);
		return a.args.opt[OPT_HELP] != NULL ? ADMIN_OK : ADMIN_USAGE;
	}
	a.command = command_find(commands, &i, argc, argv);
	if (a.command == NULL)
		return command_missing(
		    &a, argv[i], i + 1 < argc ? argv[i + 1] : "");
	if (args_parse(&a.args, &i, argc, argv,
		a.command->options | OPTS_COMMON, false, &e) != RC_OK)
		return admin_usage(&a, &e);
	return command_run(&a);
}
