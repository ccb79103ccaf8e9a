/* worknet status: the state of the network on one page. */
#include <stdio.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/finding.h"
#include "admin/network.h"
#include "admin/status.h"
#include "admin/table.h"
#include "admin/value.h"
#include "store/upload.h"

#define WORST_TASKS 20
#define WORST_MAX   100000 /* bounds memory, not a need of people */
#define NETWORKS    5	   /* are listed */

enum rc
status_read(struct status *s, struct db *db, const struct conf *c, size_t worst,
    struct err *e)
{
	struct err untold = ERR_INIT; /* worknet doctor tells it */
	enum rc rc;

	rc = status_read_ledger(s, db, c, worst, clock_unix_ms(), e);
	if (c->upload_kind[0] != '\0' &&
	    upload_oldest(&s->upload_oldest_ms, c, &untold) != RC_OK)
		s->upload_oldest_ms = 1;
	return rc;
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
	char usdc[VALUE_TEXT_MAX];

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
		{ "inFlightMicros", "in flight", OUT_USDC,
		    out_int(s->in_flight_micros) },
		{ "payoutsOpen", NULL, OUT_COUNT, out_int(s->payouts_open) },
		{ "payoutsOpenMicros", NULL, OUT_USDC,
		    out_int(s->payouts_open_micros) },
		OUT_END });
	value_format_usdc(usdc, s->payouts_open_micros);
	out_line(a->out, "open payouts",
	    s->payouts_open == 0
		? "%lld"
		: "%lld, of %s USDC in all: paid ones, too, until they are final",
	    (long long)s->payouts_open, usdc);
	out_fields(a->out,
	    (const struct out_field[]){ { "exceptions", "exceptions", OUT_COUNT,
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
print_warnings(struct admin *a, const struct warnings *ws)
{
	static const struct out_column columns[] = {
		{ "severity", NULL, OUT_TEXT },
		{ "text", "WARNING", OUT_BAD },
	};
	size_t i;

	out_note(a->out, "%s", "");
	out_table(a->out, "warnings", NULL, columns, 2);
	for (i = 0; i < ws->n; i++)
		out_row(a->out,
		    (struct out_value[]){
			out_text(severity_name(ws->all[i].severity)),
			out_text(ws->all[i].text) });
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

/* ---- For a monitor ---- */

static enum admin_exit
check_say(struct admin *a, enum severity severity, const char *text)
{
	out_fields(a->out,
	    (const struct out_field[]){ { "severity", NULL, OUT_TEXT,
					    out_text(severity_name(severity)) },
		{ "text", NULL, OUT_TEXT, out_text(text) }, OUT_END });
	out_note(a->out, "worknet %s: %s", severity_name(severity), text);
	a->stands = true;
	/* A monitor knows these numbers, by another meaning than ours. */
	return (enum admin_exit)severity;
}

/* One line: the worst first; or that all is well, in numbers. */
static enum admin_exit
check_judge(struct admin *a, const struct status *s, const struct warnings *ws)
{
	char text[WARNINGS_MAX * (WARNING_LEN + 2)] = "";
	char owed[VALUE_TEXT_MAX];
	enum severity worst = SEVERITY_OK, severity;
	size_t i, len = 0;

	for (severity = SEVERITY_CRITICAL; severity > SEVERITY_OK; severity--)
		for (i = 0; i < ws->n; i++) {
			if (ws->all[i].severity != severity)
				continue;
			worst = severity > worst ? severity : worst;
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    "%s%s", len == 0 ? "" : "; ", ws->all[i].text);
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
check_status(struct admin *a, struct status *s, struct warnings *ws)
{
	struct err e = ERR_INIT;
	enum rc rc;

	rc = conf_read(&a->conf, admin_conf_path(a), &e);
	if (rc == RC_OK)
		rc = db_open(&a->db, a->conf.ledger_path, DB_READ,
		    a->conf.busy_timeout_ms, &e);
	if (rc == RC_OK)
		rc = status_read(s, a->db, &a->conf, 0, &e);
	if (rc != RC_OK)
		return check_say(a, SEVERITY_UNKNOWN, e.msg);
	warnings_find(ws, s, &a->conf);
	return check_judge(a, s, ws);
}

enum admin_exit
command_status(struct admin *a)
{
	static struct status s;
	static struct warnings ws;
	struct err e = ERR_INIT;
	enum admin_exit code;
	int64_t worst;
	enum rc rc;

	if (admin_limit(a, WORST_TASKS, &worst, &e) != RC_OK)
		return admin_usage(a, &e);
	if (a->args.opt[OPT_CHECK] != NULL) {
		code = check_status(a, &s, &ws);
		status_free(&s);
		return code;
	}
	code = admin_open(a, DB_READ);
	if (code != ADMIN_OK)
		return code;
	rc = status_read(&s, a->db, &a->conf,
	    worst < WORST_MAX ? (size_t)worst : WORST_MAX, &e);
	if (rc == RC_OK) {
		warnings_find(&ws, &s, &a->conf);
		print_fields(a, &s);
		print_run(a, &s);
		network_print(a, &s.network);
		print_coverage(a, &s.coverage);
		rc = network_table(a, &s.network, NETWORKS, &e);
	}
	if (rc == RC_OK)
		rc = findings_print(a, "What stands", false, &e);
	if (rc == RC_OK)
		print_warnings(a, &ws);
	else
		code = admin_fail(rc, &e);
	status_free(&s);
	return code;
}
