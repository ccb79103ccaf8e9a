/*
 * The operator's command: a table of subcommands, and what they share. One
 * thread.
 */
#ifndef WORKNET_ADMIN_ADMIN_H
#define WORKNET_ADMIN_ADMIN_H

#include "admin/args.h"
#include "admin/out.h"
#include "base/conf.h"
#include "ledger/db.h"

/* Rows without --limit: of a list, of each table of one thing. */
#define LIST_LIMIT 100
#define SHOW_LIMIT 10

enum admin_exit {
	ADMIN_OK = 0,
	ADMIN_REFUSED = 1,  /* a finding, refused, not found, configuration */
	ADMIN_USAGE = 2,    /* the command line is wrong */
	ADMIN_UNUSABLE = 7, /* the ledger, or the system, can't be used */
	ADMIN_LATER = 4,    /* what it needs can't be reached now */
};

/* One run of the program. */
struct admin {
	const struct command *commands; /* borrowed */
	const struct command *command;
	struct args args;
	struct conf conf; /* by admin_configure */
	struct db *db;	  /* owned; by admin_open */
	struct out *out;  /* owned */
	bool stands;	  /* out, whatever the code */
};

struct command {
	const char *name;      /* one word, or two */
	const char *arguments; /* for the usage line */
	const char *summary;   /* one line */
	const char *help;      /* more lines, each with its newline */
	uint64_t options;
	int args_min;
	int args_max;
	enum admin_exit (*run)(struct admin *a);
};

/* The whole program; the value is main's. The last command's name is NULL. */
enum admin_exit
admin_main(int argc, char **argv, const struct command *commands);

/* The file that -c names, or the default. */
const char *admin_conf_path(const struct admin *a);
/* Reads the configuration; ADMIN_REFUSED, and says why, when it can't. */
MUST_CHECK enum admin_exit admin_configure(struct admin *a);
/* The same, then opens the ledger. */
MUST_CHECK enum admin_exit admin_open(struct admin *a, enum db_mode mode);
/* The same, to read one state of it; to write, until admin_commit. */
MUST_CHECK enum admin_exit admin_open_read(struct admin *a);
MUST_CHECK enum admin_exit admin_open_edit(struct admin *a);

/*
 * Says what went wrong, with --json as a line of JSON; the exit code for rc,
 * which isn't RC_OK.
 */
enum admin_exit admin_fail(enum rc rc, const struct err *e);
/* Says it, and how to get help; ADMIN_USAGE. */
enum admin_exit admin_usage(const struct admin *a, const struct err *e);

/* Says it, whatever its rc, as the reason for code, which it returns. */
enum admin_exit admin_say(enum admin_exit code, const struct err *e);

/*
 * Whether the person at the terminal says yes to the question; true without
 * one, and with --yes.
 */
bool
admin_confirm(const struct admin *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * On a terminal, a line of how far a long command is, which the next one
 * overwrites; total is 0 when it isn't known. admin_progress_end removes it,
 * before anything else is said.
 */
void admin_progress(const char *stage, int64_t done, int64_t total);
void admin_progress_end(void);

/* --limit's value, INT64_MAX with --all, or initial. RC_INVALID. */
MUST_CHECK enum rc admin_limit(
    const struct admin *a, int64_t initial, int64_t *limit, struct err *e);

/* Begins a list: admin_limit, admin_open_read. */
MUST_CHECK enum admin_exit
admin_open_list(struct admin *a, int64_t initial, int64_t *limit);

/* Says what was done to what has that name under that key; NULL: to all. */
void admin_done(
    struct admin *a, const char *key, const char *name, const char *done);

/* Commits when rc is RC_OK; else undoes what was done, and says why. */
MUST_CHECK enum admin_exit
admin_commit(struct admin *a, enum rc rc, struct err *e);

#endif
