/* worknet status: the state of the network on one page. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "admin/commands.h"
#include "admin/coverage.h"
#include "admin/finding.h"
#include "admin/network.h"
#include "admin/table.h"
#include "admin/value.h"
#include "base/clock.h"
#include "ledger/payout.h"
#include "ledger/payout_run.h"
#include "ledger/transfer.h"

#define WORST_TASKS  20
#define WORST_MAX    100000 /* bounds memory, not a need of people */
#define WARNINGS_MAX 16
#define WARNING_LEN  200
#define NETWORKS     5 /* are listed */

#define SILENCE_MS     600000LL		      /* no result for so long is odd */
#define OVERDUE_MS     (6 * HOUR_MS)	      /* payable, and not paid */
#define WAL_LARGE      (1024LL * 1024 * 1024) /* bytes: a reader hangs */
#define FREE_LEAST     (1024LL * 1024 * 1024) /* bytes of the disk */
#define COVERAGE_LEAST 990		      /* per mille of the cycles */

/* What a monitor is told, as Nagios numbers it. */
enum severity {
	SEVERITY_OK = 0,
	SEVERITY_WARNING = 1,  /* a look before long */
	SEVERITY_CRITICAL = 2, /* money or service stands still */
	SEVERITY_UNKNOWN = 3,
};
static const char *const severities[] = { "ok", "warning", "critical",
	"unknown" };

struct warning {
	enum severity severity;
	char text[WARNING_LEN];
};

struct status {
	int64_t now_ms;
	int64_t tasks_active, tasks_paused, tasks_removed;
	int64_t workers_active, workers_suspended;
	int64_t results_hour, results_day;
	int64_t rounds_day;	/* of those of the day, signed in rounds */
	int64_t last_result_ms; /* 0: none yet */
	int64_t owed_micros;
	int64_t payouts_open, payouts_open_micros;
	int64_t unresolved, oldest_unresolved_ms; /* of those; 0: none */
	int64_t due;			/* workers owed the threshold */
	int64_t overdue;		/* of them, for long */
	int64_t all_held, workers_held; /* payouts of everybody, or of some */
	struct payout_run run;		/* the newest; id 0: none */
	int64_t exceptions;
	int64_t ledger_bytes, wal_bytes;
	int64_t free_bytes;	  /* of its disk; -1 unknown */
	struct coverage coverage; /* owned */
	struct network_sums network;
	struct warning warnings[WARNINGS_MAX];
	size_t warnings_n;
};

static enum rc
read_counts(struct status *s, struct db *db, struct err *e)
{
	enum rc rc;

	rc = row_ints(db_query(db, Q_TASK_STATES),
	    (int64_t *[]){
		&s->tasks_active, &s->tasks_paused, &s->tasks_removed },
	    3, e);
	if (rc == RC_OK)
		rc = row_ints(db_query(db, Q_WORKER_STATES),
		    (int64_t *[]){ &s->workers_active, &s->workers_suspended },
		    2, e);
	if (rc == RC_OK)
		rc = row_ints(db_query(db, Q_OWED_TOTAL),
		    (int64_t *[]){ &s->owed_micros }, 1, e);
	if (rc == RC_OK)
		rc = row_ints(db_query(db, Q_PAYOUTS_OPEN),
		    (int64_t *[]){ &s->payouts_open, &s->payouts_open_micros },
		    2, e);
	return rc;
}

static enum rc
count_since(struct db *db, enum query_id counts, int64_t at_ms, int64_t *n,
    struct err *e)
{
	struct query *q;
	int64_t id;
	enum rc rc;

	rc = transfer_at(db, at_ms, &id, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, counts);
	query_int(q, 1, id);
	return query_one_int(q, n, e);
}

static enum rc
read_results(struct status *s, struct db *db, struct err *e)
{
	struct tail tail;
	struct query *q;
	int64_t id;
	enum rc rc;

	rc = count_since(
	    db, Q_RESULT_COUNT_FROM, s->now_ms - HOUR_MS, &s->results_hour, e);
	if (rc == RC_OK)
		rc = count_since(db, Q_RESULT_COUNT_FROM, s->now_ms - DAY_MS,
		    &s->results_day, e);
	if (rc == RC_OK)
		rc = count_since(db, Q_ROUND_COUNT_FROM, s->now_ms - DAY_MS,
		    &s->rounds_day, e);
	if (rc == RC_OK)
		rc = transfer_tail(db, &tail, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_TRANSFER_FROM);
	query_int(q, 1, tail.last_id);
	return row_ints(q, (int64_t *[]){ &id, &s->last_result_ms }, 2, e);
}

/* Who is owed the threshold for longer should have been paid. */
static int64_t
overdue_ms(const struct conf *c)
{
	return OVERDUE_MS + c->maturity_new_ms +
	    (strcmp(c->payout_threshold, "auto") == 0
		    ? c->payout_longest_wait_days * DAY_MS
		    : 0);
}

static enum rc
read_overdue(
    struct status *s, struct db *db, const struct conf *c, struct err *e)
{
	struct query *q;
	int64_t id;
	enum rc rc;

	rc = transfer_at(db, s->now_ms - overdue_ms(c), &id, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_OVERDUE_COUNT);
	query_int(q, 1, c->payout_threshold_micros);
	query_int(q, 2, id);
	return query_one_int(q, &s->overdue, e);
}

static enum rc
read_payouts(
    struct status *s, struct db *db, const struct conf *c, struct err *e)
{
	struct query *q;
	bool found;
	enum rc rc;

	rc = payout_unsettled(db, &s->unresolved, &s->oldest_unresolved_ms, e);
	if (rc == RC_OK)
		rc = payout_run_last(db, &s->run, &found, e);
	if (rc == RC_OK)
		rc = row_ints(db_query(db, Q_HOLD_COUNT),
		    (int64_t *[]){ &s->all_held, &s->workers_held }, 2, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_OWED_COUNT);
	query_int(q, 1, c->payout_threshold_micros);
	rc = query_one_int(q, &s->due, e);
	return rc == RC_OK ? read_overdue(s, db, c, e) : rc;
}

static enum rc
read_exceptions(struct status *s, struct db *db, struct err *e)
{
	struct query *q = db_query(db, Q_EXCEPTION_LIST);
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row)
		s->exceptions++;
	query_done(q);
	return rc;
}

static void
read_sizes(struct status *s, const char *path)
{
	char wal[PATH_LEN_MAX + 8];
	struct statvfs fs;
	struct stat st;

	(void)snprintf(wal, sizeof(wal), "%s-wal", path);
	s->ledger_bytes = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
	s->wal_bytes = stat(wal, &st) == 0 ? (int64_t)st.st_size : 0;
	s->free_bytes = statvfs(path, &fs) == 0
	    ? (int64_t)fs.f_bavail * (int64_t)fs.f_frsize
	    : -1;
}

static void add(struct status *s, enum severity severity, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void
add(struct status *s, enum severity severity, const char *fmt, ...)
{
	struct warning *w = &s->warnings[s->warnings_n];
	va_list ap;

	CHECK(s->warnings_n < WARNINGS_MAX);
	s->warnings_n++;
	w->severity = severity;
	va_start(ap, fmt);
	(void)vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
}

#define warn(s, ...)	 add(s, SEVERITY_WARNING, __VA_ARGS__)
#define critical(s, ...) add(s, SEVERITY_CRITICAL, __VA_ARGS__)

/* worknet-payout's exit code of a run that the next one goes on with. */
#define RUN_GOES_ON 4

/* What the last payout run left, and that there was one. */
static void
find_payout_warnings(struct status *s, const struct conf *c)
{
	const struct payout_run *r = &s->run;
	int64_t patience_ms = c->payout_validity_s * 1000;
	bool wanted =
	    c->payout_network[0] != '\0' && (s->due > 0 || s->unresolved > 0);

	if (wanted && r->id == 0)
		critical(s, "no payout run yet, and %lld workers are due",
		    (long long)s->due);
	else if (wanted && s->now_ms - r->began_ms > patience_ms)
		critical(s,
		    "no payout run for %lld minutes, and somebody is due",
		    (long long)((s->now_ms - r->began_ms) / 60000));
	if (r->id != 0 && r->exit_code > 0 && r->exit_code < 10)
		add(s,
		    r->exit_code == RUN_GOES_ON ? SEVERITY_WARNING
						: SEVERITY_CRITICAL,
		    "the last payout run ended with code %d%s%.120s",
		    (int)r->exit_code, r->words[0] == '\0' ? "" : ": ",
		    r->words);
	else if (r->id != 0 && r->exit_code < 0 &&
	    s->now_ms - r->began_ms > patience_ms)
		warn(s, "the last payout run has no end: was it killed?");
	if (s->unresolved > 0 &&
	    s->now_ms - s->oldest_unresolved_ms > patience_ms)
		critical(s, "a payout is unresolved for %lld minutes",
		    (long long)((s->now_ms - s->oldest_unresolved_ms) / 60000));
	if (c->payout_network[0] != '\0' && s->overdue > 0)
		critical(s,
		    "%lld workers are owed the threshold for more than %lld hours, and aren't paid",
		    (long long)s->overdue,
		    (long long)(overdue_ms(c) / HOUR_MS));
	if (s->all_held > 0)
		critical(s, "payouts are held: nobody is paid");
	if (s->workers_held > 0)
		warn(s, "%lld workers are held: see worknet payout holds",
		    (long long)s->workers_held);
}

static void
find_warnings(struct status *s)
{
	const struct coverage *c = &s->coverage;
	char reason[WARNING_LEN];

	if (s->exceptions > 0)
		critical(s,
		    "the ledger has exceptions: see worknet finding list and worknet audit");
	if (s->tasks_active == 0)
		warn(s, "no task is active");
	else if (s->last_result_ms == 0)
		warn(s, "no result yet");
	else if (s->now_ms - s->last_result_ms > SILENCE_MS)
		critical(s, "no result for %lld minutes",
		    (long long)((s->now_ms - s->last_result_ms) / 60000));
	if (s->last_result_ms > s->now_ms + CLOCK_SKEW_MS)
		critical(s,
		    "the newest transfer is from the future: is the clock right?");
	if (c->paid * 1000 < c->copies * COVERAGE_LEAST) {
		network_reason(&s->network, c, reason, sizeof(reason));
		warn(s, "%s", reason);
	}
	if (s->wal_bytes > WAL_LARGE)
		warn(s,
		    "the write-ahead log has %lld MiB: does some program keep a read transaction open?",
		    (long long)(s->wal_bytes / (1024 * 1024)));
	if (s->free_bytes >= 0 && s->free_bytes < FREE_LEAST)
		critical(s, "the ledger's disk has only %lld MiB left",
		    (long long)(s->free_bytes / (1024 * 1024)));
}

/* For people a few numbers share a line; programs get each by its name. */
static void
print_lines(struct admin *a, const struct status *s)
{
	out_line(a->out, "ledger file",
	    "%lld KiB, and %lld KiB of write-ahead log",
	    (long long)(s->ledger_bytes / 1024),
	    (long long)(s->wal_bytes / 1024));
	out_line(a->out, "tasks", "%lld active, %lld paused, %lld removed",
	    (long long)s->tasks_active, (long long)s->tasks_paused,
	    (long long)s->tasks_removed);
	out_line(a->out, "workers", "%lld active, %lld suspended",
	    (long long)s->workers_active, (long long)s->workers_suspended);
	/* In thousandths: no floating point. */
	out_line(a->out, "results",
	    "%lld in the last hour (%lld.%03d a second), %lld in the last day, of which %lld signed in rounds",
	    (long long)s->results_hour, (long long)(s->results_hour / 3600),
	    (int)(s->results_hour % 3600 * 1000 / 3600),
	    (long long)s->results_day, (long long)s->rounds_day);
}

static void
print_fields(struct admin *a, const struct status *s)
{
	out_fields(a->out,
	    (const struct out_field[]){
		{ "nowMs", "now (UTC)", OUT_TIME, out_int(s->now_ms) },
		{ "ledger", "ledger", OUT_TEXT, out_text(a->conf.ledger_path) },
		OUT_END });
	print_lines(a, s);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "ledgerBytes", NULL, OUT_COUNT, out_int(s->ledger_bytes) },
		{ "walBytes", NULL, OUT_COUNT, out_int(s->wal_bytes) },
		{ "tasksActive", NULL, OUT_COUNT, out_int(s->tasks_active) },
		{ "tasksPaused", NULL, OUT_COUNT, out_int(s->tasks_paused) },
		{ "tasksRemoved", NULL, OUT_COUNT, out_int(s->tasks_removed) },
		{ "workersActive", NULL, OUT_COUNT,
		    out_int(s->workers_active) },
		{ "workersSuspended", NULL, OUT_COUNT,
		    out_int(s->workers_suspended) },
		{ "resultsLastHour", NULL, OUT_COUNT,
		    out_int(s->results_hour) },
		{ "resultsLastDay", NULL, OUT_COUNT, out_int(s->results_day) },
		{ "roundSignedLastDay", NULL, OUT_COUNT,
		    out_int(s->rounds_day) },
		{ "lastTransferMs", "last transfer", OUT_TIME,
		    out_if(
			s->last_result_ms != 0, out_int(s->last_result_ms)) },
		{ "owedMicros", "owed in all", OUT_USDC,
		    out_int(s->owed_micros) },
		{ "payoutsOpen", "open payouts", OUT_COUNT,
		    out_int(s->payouts_open) },
		{ "payoutsOpenMicros", "their sum", OUT_USDC,
		    out_int(s->payouts_open_micros) },
		{ "exceptions", "exceptions", OUT_COUNT,
		    out_int(s->exceptions) },
		OUT_END });
}

/* "99.87 %", or "-" of nothing. */
static void
format_share(char *out, size_t size, int64_t part, int64_t whole)
{
	int64_t hundredths;

	if (whole == 0) {
		(void)snprintf(out, size, "-");
		return;
	}
	hundredths = part * 10000 / whole;
	(void)snprintf(out, size, "%lld.%02d %%", (long long)(hundredths / 100),
	    (int)(hundredths % 100));
}

static void
print_coverage(struct admin *a, const struct coverage *c)
{
	static const struct out_column columns[] = {
		{ "id", "TASK", OUT_TEXT },
		{ "opened", "CYCLES", OUT_COUNT },
		{ "checked", "CHECKED", OUT_COUNT },
		{ "copies", "COPIES", OUT_COUNT },
		{ "copiesPaid", "PAID", OUT_COUNT },
	};
	char share[32], heading[160];
	size_t i;

	out_fields(a->out,
	    (const struct out_field[]){
		{ "cyclesOpened", NULL, OUT_COUNT, out_int(c->opened) },
		{ "cyclesChecked", NULL, OUT_COUNT, out_int(c->checked) },
		{ "copiesOpened", NULL, OUT_COUNT, out_int(c->copies) },
		{ "copiesPaid", NULL, OUT_COUNT, out_int(c->paid) }, OUT_END });
	format_share(share, sizeof(share), c->checked, c->opened);
	(void)snprintf(heading, sizeof(heading),
	    "Coverage of the last hour: %lld of %lld cycles checked (%s), %lld of %lld copies; the worst of %lld tasks",
	    (long long)c->checked, (long long)c->opened, share,
	    (long long)c->paid, (long long)c->copies, (long long)c->tasks);
	out_table(a->out, "coverage", heading, columns, 5);
	for (i = 0; i < c->worst_n; i++)
		out_row(a->out,
		    (struct out_value[]){ out_text(c->worst[i].name),
			out_int(c->worst[i].opened),
			out_int(c->worst[i].checked),
			out_int(c->worst[i].copies),
			out_int(c->worst[i].paid) });
	out_table_end(a->out, "no cycle opened");
}

static void
print_warnings(struct admin *a, const struct status *s)
{
	static const struct out_column columns[] = {
		{ "severity", NULL, OUT_TEXT },
		{ "text", "WARNING", OUT_TEXT },
	};
	size_t i;

	out_note(a->out, "%s", "");
	out_table(a->out, "warnings", NULL, columns, 2);
	for (i = 0; i < s->warnings_n; i++)
		out_row(a->out,
		    (struct out_value[]){
			out_text(severities[s->warnings[i].severity]),
			out_text(s->warnings[i].text) });
	out_table_end(a->out, "no warnings");
}

static void
print_run(struct admin *a, const struct status *s)
{
	const struct payout_run *r = &s->run;
	char at[VALUE_TEXT_MAX], oldest[VALUE_TEXT_MAX];
	bool ran = r->id != 0, ended = r->ended_ms != 0;

	out_fields(a->out,
	    (const struct out_field[]){ { "lastRunMs", NULL, OUT_TIME,
					    out_if(ran, out_int(r->began_ms)) },
		{ "lastRunEndedMs", NULL, OUT_TIME,
		    out_if(ended, out_int(r->ended_ms)) },
		{ "lastRunExit", NULL, OUT_COUNT,
		    out_if(ended, out_int(r->exit_code)) },
		{ "lastRunPosts", NULL, OUT_COUNT,
		    out_if(ended, out_int(r->posts)) },
		{ "lastRunCalls", NULL, OUT_COUNT,
		    out_if(ended, out_int(r->calls)) },
		{ "unresolved", NULL, OUT_COUNT, out_int(s->unresolved) },
		{ "oldestUnresolvedMs", NULL, OUT_TIME,
		    out_if(
			s->unresolved > 0, out_int(s->oldest_unresolved_ms)) },
		OUT_END });
	value_format_time(at, r->began_ms);
	value_format_time(oldest, s->oldest_unresolved_ms);
	if (!ran)
		out_line(a->out, "last payout run", "none");
	else if (!ended)
		out_line(a->out, "last payout run", "%s, without an end", at);
	else
		out_line(a->out, "last payout run",
		    "%s, code %d; %lld requests to settle, %lld calls of nodes",
		    at, (int)r->exit_code, (long long)r->posts,
		    (long long)r->calls);
	if (s->unresolved > 0)
		out_line(a->out, "unresolved", "%lld payouts, since %s",
		    (long long)s->unresolved, oldest);
}

static enum rc
status_read(struct status *s, struct admin *a, size_t worst, struct err *e)
{
	enum rc rc;

	rc = db_begin_read(a->db, e);
	if (rc == RC_OK)
		rc = read_counts(s, a->db, e);
	if (rc == RC_OK)
		rc = read_results(s, a->db, e);
	if (rc == RC_OK)
		rc = read_payouts(s, a->db, &a->conf, e);
	if (rc == RC_OK)
		rc = read_exceptions(s, a->db, e);
	if (rc == RC_OK)
		rc = coverage_read(&s->coverage, a->db, worst, s->now_ms, e);
	if (rc == RC_OK)
		rc = network_read(&s->network, a->db, &a->conf, s->now_ms, e);
	db_rollback(a->db);
	return rc;
}

/* ---- For a monitor ---- */

static enum admin_exit
check_say(struct admin *a, enum severity severity, const char *text)
{
	out_fields(a->out,
	    (const struct out_field[]){
		{ "severity", NULL, OUT_TEXT, out_text(severities[severity]) },
		{ "text", NULL, OUT_TEXT, out_text(text) }, OUT_END });
	out_note(a->out, "worknet %s: %s", severities[severity], text);
	a->stands = true;
	/* A monitor knows these numbers, by another meaning than ours. */
	return (enum admin_exit)severity;
}

/* One line: the worst first; or that all is well, in numbers. */
static enum admin_exit
check_judge(struct admin *a, const struct status *s)
{
	char text[WARNINGS_MAX * (WARNING_LEN + 2)] = "";
	char owed[VALUE_TEXT_MAX];
	enum severity worst = SEVERITY_OK, severity;
	size_t i, len = 0;

	for (severity = SEVERITY_CRITICAL; severity > SEVERITY_OK; severity--)
		for (i = 0; i < s->warnings_n; i++) {
			if (s->warnings[i].severity != severity)
				continue;
			worst = severity > worst ? severity : worst;
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    "%s%s", len == 0 ? "" : "; ", s->warnings[i].text);
		}
	if (len == 0) {
		value_format_usdc(owed, s->owed_micros);
		(void)snprintf(text, sizeof(text),
		    "%lld tasks, %lld workers, %lld results in the last hour, %s USDC owed",
		    (long long)s->tasks_active, (long long)s->workers_active,
		    (long long)s->results_hour, owed);
	}
	return check_say(a, worst, text);
}

/* The ledger in words; what is wrong with it before that is unknown. */
static enum admin_exit
check_status(struct admin *a, struct status *s)
{
	struct err e = ERR_INIT;
	enum rc rc;

	rc = conf_read(&a->conf, admin_conf_path(a), &e);
	if (rc == RC_OK)
		rc = db_open(&a->db, a->conf.ledger_path, DB_READ,
		    a->conf.busy_timeout_ms, &e);
	if (rc == RC_OK)
		rc = status_read(s, a, 0, &e);
	if (rc != RC_OK)
		return check_say(a, SEVERITY_UNKNOWN, e.msg);
	read_sizes(s, a->conf.ledger_path);
	find_warnings(s);
	find_payout_warnings(s, &a->conf);
	return check_judge(a, s);
}

enum admin_exit
command_status(struct admin *a)
{
	static struct status s;
	struct err e = ERR_INIT;
	enum admin_exit code;
	int64_t worst;
	enum rc rc;

	if (admin_limit(a, WORST_TASKS, &worst, &e) != RC_OK)
		return admin_usage(a, &e);
	s.now_ms = clock_unix_ms();
	if (a->args.opt[OPT_CHECK] != NULL) {
		code = check_status(a, &s);
		coverage_free(&s.coverage);
		return code;
	}
	code = admin_open(a, DB_READ);
	if (code != ADMIN_OK)
		return code;
	rc = status_read(
	    &s, a, worst < WORST_MAX ? (size_t)worst : WORST_MAX, &e);
	if (rc == RC_OK) {
		read_sizes(&s, a->conf.ledger_path);
		find_warnings(&s);
		find_payout_warnings(&s, &a->conf);
		print_fields(a, &s);
		print_run(a, &s);
		network_print(a, &s.network);
		print_coverage(a, &s.coverage);
		rc = network_table(a, &s.network, NETWORKS, &e);
	}
	if (rc == RC_OK)
		rc = findings_print(a, "What stands", false, &e);
	if (rc == RC_OK)
		print_warnings(a, &s);
	else
		code = admin_fail(rc, &e);
	coverage_free(&s.coverage);
	return code;
}
