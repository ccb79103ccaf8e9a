/* worknet check: a table of checks, each with what it found. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "admin/bounds.h"
#include "admin/commands.h"
#include "admin/probe.h"
#include "admin/table.h"
#include "admin/value.h"
#include "base/clock.h"
#include "base/file.h"
#include "evm/nodes.h"
#include "ledger/transfer.h"
#include "x402/facilitators.h"

#define CLOCK_LEAST_MS 1767225600000LL /* 2026-01-01: this is older code */

static void
check_configuration(struct admin *a, struct outcome *o)
{
	const char *path = admin_conf_path(a);
	struct err e = ERR_INIT;

	if (conf_read(&a->conf, path, &e) == RC_OK) {
		probe_say(o, false, "%s", path);
		return;
	}
	o->end = ADMIN_REFUSED;
	probe_say(o, true, "%s", e.msg);
}

/* What can be told without asking anybody, and without reading a key. */
static enum rc
payout_test(const struct conf *c, struct err *e)
{
	struct nodes *nodes = NULL;
	struct network n;
	enum rc rc;

	rc = network_from_conf(&n, c, e);
	if (rc == RC_OK)
		rc = http_urls_check_private(
		    c->payout_rpc_urls, "[payout] rpc_urls", e);
	if (rc == RC_OK)
		rc = nodes_new(
		    &nodes, c->payout_rpc_urls, &n, c->payout_finality, e);
	if (rc == RC_OK)
		rc = nodes_check_hosts(
		    nodes, strcmp(c->payout_single_node, "accept") == 0, e);
	nodes_free(nodes);
	if (rc == RC_OK && conf_settles(c, "facilitator"))
		rc = facilitators_check(c, e);
	if (rc == RC_OK && conf_settles(c, "direct") &&
	    c->payout_gas_key_file[0] == '\0')
		rc = err_set(e, RC_INVALID, "[payout] gas_key_file: not set");
	return rc;
}

/* The rest needs keys, which only the payout program may read. */
static void
check_payout(struct admin *a, struct outcome *o)
{
	const struct conf *c = &a->conf;
	struct err e = ERR_INIT;

	if (c->payout_network[0] == '\0' && c->payout_facilitators[0] == '\0' &&
	    c->payout_gas_key_file[0] == '\0' &&
	    c->payout_rpc_urls[0] == '\0' &&
	    c->payout_treasury_key_file[0] == '\0')
		probe_say(o, false, "not set up: nobody can be paid");
	else if (payout_test(c, &e) != RC_OK)
		probe_say(o, true, "%s", e.msg);
	else
		probe_say(o, false,
		    "on %s; worknet-payout -t tests the keys, too",
		    c->payout_network);
}

static void
check_ledger(struct admin *a, struct outcome *o)
{
	const char *path = a->conf.ledger_path;
	struct err e = ERR_INIT;
	struct query *q;
	enum rc rc;
	bool row;

	rc = db_open(&a->db, path, DB_READ, a->conf.busy_timeout_ms, &e);
	if (rc != RC_OK) {
		o->end = ADMIN_UNUSABLE;
		probe_say(o, true, "%s", e.msg);
		return;
	}
	q = db_query(a->db, Q_LEDGER_GET);
	rc = query_step(q, &row, &e);
	if (rc != RC_OK)
		probe_say(o, true, "%s", e.msg);
	else if (!row)
		probe_say(o, true,
		    "%s has no id: its making was interrupted; remove it and run init again",
		    path);
	else
		probe_say(o, false, "%s, id %.*s", path,
		    (int)query_get_text(q, 0).len, query_get_text(q, 0).p);
	query_done(q);
}

/* Half as much again as an honest day. */
static int64_t
with_room(int64_t micros)
{
	return micros / 2 * 3 + 1;
}

/* A cap below the least payout lets nobody be paid. */
static void
check_least(const struct conf *c, struct outcome *o)
{
	const struct {
		const char *key;
		int64_t micros;
	} caps[] = {
		{ "max_per_payout_micros", c->payout_max_per_payout_micros },
		{ "max_per_run_micros", c->payout_max_per_run_micros },
		{ "max_per_worker_day_micros",
		    c->payout_max_per_worker_day_micros },
		{ "max_per_day_micros", c->payout_max_per_day_micros },
	};
	size_t i;

	for (i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		if (caps[i].micros < c->payout_threshold_micros)
			probe_say(o, true,
			    "%s is below threshold_micros: nobody is ever paid",
			    caps[i].key);
}

void
check_caps(struct admin *a, struct outcome *o)
{
	const struct conf *c = &a->conf;
	struct err e = ERR_INIT;
	int64_t worker, all;

	if (c->payout_treasury_key_file[0] == '\0') {
		probe_say(o, false, "not set up: nobody can be paid");
		return;
	}
	if (query_ints(db_query(a->db, Q_TASK_DAY),
		(int64_t *[]){ &worker, &all }, 2, &e) != RC_OK) {
		probe_say(o, true, "%s", e.msg);
		return;
	}
	if (c->payout_max_per_payout_micros == 0 ||
	    c->payout_max_per_run_micros == 0 ||
	    c->payout_max_per_worker_day_micros == 0 ||
	    c->payout_max_per_day_micros == 0)
		probe_say(o, true,
		    "without all four caps nobody is paid; by the tasks: max_per_payout_micros = %" PRId64
		    ", max_per_worker_day_micros = %" PRId64
		    ", max_per_run_micros = %" PRId64
		    ", max_per_day_micros = %" PRId64,
		    with_room(worker), with_room(worker), with_room(all),
		    with_room(all));
	check_least(c, o);
	probe_say(o, false,
	    "at most %" PRId64 " micro-USDC a day to a worker, %" PRId64
	    " to all; the tasks can pay %" PRId64 " and %" PRId64 "%s",
	    c->payout_max_per_worker_day_micros, c->payout_max_per_day_micros,
	    worker, all,
	    c->payout_max_per_day_micros / 3 > all
		? "; the caps are far above that"
		: c->payout_max_per_day_micros < all ||
		    c->payout_max_per_worker_day_micros < worker
		? "; the caps are below that"
		: "");
}

static void
on_finding(void *ctx, const char *text)
{
	probe_say(ctx, true, "%s", text);
}

static void
check_file(struct admin *a, struct outcome *o)
{
	struct err e = ERR_INIT;

	if (db_check_file(a->db, true, on_finding, o, &e) != RC_OK)
		probe_say(o, true, "%s", e.msg);
	probe_say(o, false, "no page is damaged");
}

static void
check_schema(struct admin *a, struct outcome *o)
{
	struct err e = ERR_INIT;
	int64_t objects;

	if (db_check_schema(a->db, &objects, on_finding, o, &e) != RC_OK)
		probe_say(o, true, "%s", e.msg);
	probe_say(o, false,
	    "%" PRId64
	    " tables, indexes, views and guards are as they were made",
	    objects);
}

static void
check_exceptions(struct admin *a, struct outcome *o)
{
	struct query *q = db_query(a->db, Q_EXCEPTION_LIST);
	struct err e = ERR_INIT;
	enum rc rc;
	bool row;

	rc = query_step(q, &row, &e);
	if (rc != RC_OK)
		probe_say(o, true, "%s", e.msg);
	else if (row)
		probe_say(o, true, "%.*s: %.*s", (int)query_get_text(q, 0).len,
		    query_get_text(q, 0).p, (int)query_get_text(q, 2).len,
		    query_get_text(q, 2).p);
	query_done(q);
	probe_say(o, false, "none");
}

/* What stands in the configuration against what the tasks can pay. */
static void
check_bounds(struct admin *a, struct outcome *o)
{
	char text[PROBE_DETAIL_MAX];
	struct err e = ERR_INIT;
	struct bounds b;
	bool bad;

	if (bounds_read(a->db, &a->conf, &b, &e) != RC_OK) {
		probe_say(o, true, "%s", e.msg);
		return;
	}
	bad = bounds_say(&b, &a->conf, text, sizeof(text));
	probe_say(o, bad, "%s", text);
}

/* Who may change a file or directory, and whether this user can. */
static void
check_mode(const char *path, bool is_directory, struct outcome *o)
{
	struct stat st;

	if (stat(path, &st) != 0)
		probe_say(o, true, "%s: %s", path, strerror(errno));
	else if (is_directory ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
		probe_say(o, true, "%s: not a %s", path,
		    is_directory ? "directory" : "regular file");
	else if ((st.st_mode & S_IWOTH) != 0)
		probe_say(o, true, "%s: everybody can write to it (mode %04o)",
		    path, (unsigned)st.st_mode & 07777);
	else if (access(path, W_OK) != 0)
		probe_say(o, true, "%s: this user can't write to it", path);
}

static void
check_permissions(struct admin *a, struct outcome *o)
{
	char dir[PATH_LEN_MAX + 1];

	check_mode(a->conf.ledger_path, false, o);
	/* A configured path isn't too long. */
	if (file_directory(dir, a->conf.ledger_path, NULL) == RC_OK)
		check_mode(dir, true, o);
	probe_say(o, false,
	    "ledger and directory: not everybody's, and this user can write");
}

/* The time of the newest transfer, 0 without one. */
static int64_t
newest_ms(struct admin *a, struct outcome *o)
{
	struct err e = ERR_INIT;
	struct tail tail;
	int64_t id, ms;
	struct query *q;

	if (transfer_tail(a->db, &tail, &e) != RC_OK) {
		probe_say(o, true, "%s", e.msg);
		return 0;
	}
	q = db_query(a->db, Q_TRANSFER_FROM);
	query_int(q, 1, tail.last_id);
	if (query_ints(q, (int64_t *[]){ &id, &ms }, 2, &e) != RC_OK)
		probe_say(o, true, "%s", e.msg);
	return ms;
}

/* What a clock that was ahead has left in the schedule. */
static void
check_future(struct admin *a, int64_t now_ms, struct outcome *o)
{
	struct query *q = db_query(a->db, Q_SCHEDULE_FUTURE);
	struct err e = ERR_INIT;
	int64_t slot, given_ms, tasks;

	query_int(q, 1, now_ms);
	query_int(q, 2, POLL_PERIOD_MS);
	if (query_one_int(q, &tasks, &e) != RC_OK ||
	    query_ints(db_query(a->db, Q_SLOT_LAST_GIVEN),
		(int64_t *[]){ &slot, &given_ms }, 2, &e) != RC_OK) {
		probe_say(o, true, "%s", e.msg);
		return;
	}
	if (given_ms > now_ms + POLL_PERIOD_MS)
		probe_say(o, true,
		    "a slot was given %" PRId64
		    " s from now: the clock was ahead; the next poll puts the schedule right",
		    (given_ms - now_ms) / 1000);
	else if (tasks > 0)
		probe_say(o, true,
		    "%" PRId64
		    " tasks wait for more than two intervals: the clock was ahead",
		    tasks);
}

static void
check_clock(struct admin *a, struct outcome *o)
{
	int64_t newest = newest_ms(a, o), now_ms = clock_unix_ms();
	struct timex t = { .modes = 0 };
	char text[VALUE_TEXT_MAX], other[VALUE_TEXT_MAX];

	value_format_time(text, now_ms);
	value_format_time(other, newest);
	if (now_ms < CLOCK_LEAST_MS)
		probe_say(o, true, "it is %s UTC: the clock isn't set", text);
	if (newest > now_ms + CLOCK_SKEW_MS)
		probe_say(o, true,
		    "it is %s UTC, but the newest transfer is of %s", text,
		    other);
	check_future(a, now_ms, o);
	probe_say(o, false, "it is %s UTC%s", text,
	    adjtimex(&t) == TIME_ERROR
		? "; the kernel says that nothing keeps it in step"
		: "");
}

const struct probe check_first[] = {
	{ "configuration", check_configuration },
	{ .name = NULL },
};

const struct probe check_rest[] = {
	{ "payout", check_payout },
	{ "ledger", check_ledger },
	{ "schema", check_schema },
	{ "caps", check_caps },
	{ "file", check_file },
	{ "permissions", check_permissions },
	{ "exceptions", check_exceptions },
	{ "bounds", check_bounds },
	{ "clock", check_clock },
	{ .name = NULL },
};

enum admin_exit
command_check(struct admin *a)
{
	return probes_run(
	    a, (const struct probe *[]){ check_first, check_rest, NULL });
}
