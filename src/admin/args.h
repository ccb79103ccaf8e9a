/*
 * The command line: options and arguments of one command. An option is
 * --name VALUE, --name=VALUE or a flag, before or after the arguments; "--"
 * ends them. One thread.
 */
#ifndef WORKNET_ADMIN_ARGS_H
#define WORKNET_ADMIN_ARGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum option_id {
	OPT_CONFIG,
	OPT_JSON,
	OPT_WIDE,
	OPT_HELP,
	OPT_TYPE,
	OPT_URL,
	OPT_EXPECT,
	OPT_TIMEOUT,
	OPT_REWARD,
	OPT_INTERVAL,
	OPT_COPIES,
	OPT_COOLDOWN,
	OPT_BUDGET,
	OPT_REGION,
	OPT_ALL,
	OPT_LIMIT,
	OPT_UPDATE,
	OPT_MIGRATE,
	OPT_SIGNATURES,
	OPT_OPEN,
	OPT_WORKER,
	OPT_REASON,
	OPT_ADDRESS,
	OPT_WEIGHT,
	OPT_FILE,
	OPT_SINCE,
	OPT_WHY,
	OPT_BY,
	OPT_CHECK,
	OPT_PAYOUT,
	OPT_SOCKET,
	OPT_BACKUPS,
	OPT_TASK,
	OPT_FROM,
	OPT_TO,
	OPT_CSV,
	OPT_TARGET,
	OPT_POLICY,
	OPT_RESULT,
	OPT_SAME_LOG,
	OPT_ANCHOR,
	OPT_PRIVATE,
	OPT_WITNESS,
	OPT_QUIET,
	OPT_ROOT,
	OPT_YES,
	OPT_DRY_RUN,
	OPT_LOG,
	OPT_KNOWN,
	OPT_BRING_BACK,
	OPT_RUN,
	OPT_EXIT,
	OPT_COUNT
};

#define OPT(id) (1ULL << OPT_##id)
/* Those that every command has. */
#define OPTS_COMMON (OPT(CONFIG) | OPT(JSON) | OPT(WIDE) | OPT(HELP))

#define ARGS_MAX 2 /* arguments of one command */

struct args {
	const char *opt[OPT_COUNT]; /* NULL: absent; "" a flag */
	const char *arg[ARGS_MAX];
	int n; /* of arg */
};

/*
 * Reads argv from *i on. Options that are not in `accepted` are refused. With
 * stop it ends before the first argument. RC_INVALID.
 */
MUST_CHECK enum rc args_parse(struct args *a, int *i, int argc, char **argv,
    uint64_t accepted, bool stop, struct err *e);

/* A line for each of the options. */
void args_print_help(FILE *f, uint64_t accepted);

#endif
