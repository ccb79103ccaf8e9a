/*
 * worknet metrics: what the ledger tells, or how a run has ended, as Prometheus
 * reads it (text format 0.0.4), on standard output or in a file for
 * node_exporter's textfile collector. What the coordinator counts is on its own
 * /metrics.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/status.h"
#include "base/clock.h"
#include "base/file.h"

#define TEXT_MAX_BYTES 32768

enum unit {
	UNIT_NUMBER,
	UNIT_USDC, /* of micro-USDC */
	UNIT_TIME, /* of Unix ms; 0: never */
};

/* A number of the status. The same name as in the row before: another label. */
struct metric {
	const char *name;
	const char *label;
	enum unit unit;
	size_t offset; /* in struct status, an int64_t */
	const char *help;
};

#define FIELD(f) offsetof(struct status, f)

static const struct metric metrics[] = {
	{ "worknet_read_timestamp_seconds", "", UNIT_TIME, FIELD(now_ms),
	    "When these numbers were read." },
	{ "worknet_tasks", "{state=\"active\"}", UNIT_NUMBER,
	    FIELD(tasks_active), "Tasks by state." },
	{ "worknet_tasks", "{state=\"paused\"}", UNIT_NUMBER,
	    FIELD(tasks_paused), "" },
	{ "worknet_tasks", "{state=\"removed\"}", UNIT_NUMBER,
	    FIELD(tasks_removed), "" },
	{ "worknet_workers", "{state=\"active\"}", UNIT_NUMBER,
	    FIELD(workers_active), "Workers by state." },
	{ "worknet_workers", "{state=\"suspended\"}", UNIT_NUMBER,
	    FIELD(workers_suspended), "" },
	{ "worknet_results_last_hour", "", UNIT_NUMBER, FIELD(results_hour),
	    "Results paid in the last hour." },
	{ "worknet_last_result_timestamp_seconds", "", UNIT_TIME,
	    FIELD(last_result_ms),
	    "When something was last credited; 0: never." },
	{ "worknet_cycles_last_hour", "{state=\"opened\"}", UNIT_NUMBER,
	    FIELD(coverage.opened), "Cycles of tasks in the last hour." },
	{ "worknet_cycles_last_hour", "{state=\"checked\"}", UNIT_NUMBER,
	    FIELD(coverage.checked), "" },
	{ "worknet_copies_last_hour", "{state=\"opened\"}", UNIT_NUMBER,
	    FIELD(coverage.copies), "Copies that these cycles had." },
	{ "worknet_copies_last_hour", "{state=\"paid\"}", UNIT_NUMBER,
	    FIELD(coverage.paid), "" },
	{ "worknet_copies_last_hour", "{state=\"missed\"}", UNIT_NUMBER,
	    FIELD(coverage.missed), "" },
	{ "worknet_task_oldest_due_timestamp_seconds", "", UNIT_TIME,
	    FIELD(oldest_due_ms),
	    "Since when the task that has waited longest has a slot to give; 0: none has." },
	{ "worknet_tasks_overdue", "", UNIT_NUMBER, FIELD(coverage.incomplete),
	    "Tasks with a cycle of the last hour that nobody checked." },
	{ "worknet_slots", "{outcome=\"given\"}", UNIT_NUMBER,
	    FIELD(network.given),
	    "Slots given one to two result windows ago, and what came of them." },
	{ "worknet_slots", "{outcome=\"paid\"}", UNIT_NUMBER,
	    FIELD(network.paid), "" },
	{ "worknet_slots", "{outcome=\"late\"}", UNIT_NUMBER,
	    FIELD(network.late), "" },
	{ "worknet_slots", "{outcome=\"silent\"}", UNIT_NUMBER,
	    FIELD(network.silent), "" },
	{ "worknet_newcomer_slots", "{outcome=\"given\"}", UNIT_NUMBER,
	    FIELD(network.new_given),
	    "Of these slots those of addresses without standing." },
	{ "worknet_newcomer_slots", "{outcome=\"paid\"}", UNIT_NUMBER,
	    FIELD(network.new_paid), "" },
	{ "worknet_owed_usdc", "", UNIT_USDC, FIELD(owed_micros),
	    "What workers are owed." },
	{ "worknet_reserved_usdc", "", UNIT_USDC, FIELD(payouts_open_micros),
	    "In payouts that are neither final nor voided." },
	{ "worknet_payouts_open", "", UNIT_NUMBER, FIELD(payouts_open),
	    "Payouts that are neither final nor voided." },
	{ "worknet_payouts_unresolved", "", UNIT_NUMBER, FIELD(unresolved),
	    "Of these, those whose end the chain hasn't shown." },
	{ "worknet_payout_oldest_unresolved_timestamp_seconds", "", UNIT_TIME,
	    FIELD(oldest_unresolved_ms),
	    "Since when the oldest of these is; 0: there is none." },
	{ "worknet_payout_due_workers", "", UNIT_NUMBER, FIELD(due),
	    "Workers that are owed the threshold." },
	{ "worknet_payout_overdue_workers", "", UNIT_NUMBER, FIELD(overdue),
	    "Of these, those that should have been paid hours ago." },
	{ "worknet_payout_held", "{who=\"all\"}", UNIT_NUMBER, FIELD(all_held),
	    "Holds of payouts: of everybody, or of some workers." },
	{ "worknet_payout_held", "{who=\"some\"}", UNIT_NUMBER,
	    FIELD(workers_held), "" },
	{ "worknet_payout_last_run_timestamp_seconds", "", UNIT_TIME,
	    FIELD(run.began_ms), "When the last payout run began; 0: never." },
	{ "worknet_payout_last_run_end_timestamp_seconds", "", UNIT_TIME,
	    FIELD(run.ended_ms), "When it ended; 0: it hasn't." },
	{ "worknet_payout_last_run_exit_code", "", UNIT_NUMBER,
	    FIELD(run.exit_code), "And with what; -1: it hasn't ended." },
	{ "worknet_payout_last_run_payouts", "{state=\"reserved\"}",
	    UNIT_NUMBER, FIELD(run.reserved),
	    "Payouts of that run: new, paid, voided, and not settled after it." },
	{ "worknet_payout_last_run_payouts", "{state=\"paid\"}", UNIT_NUMBER,
	    FIELD(run.posted), "" },
	{ "worknet_payout_last_run_payouts", "{state=\"voided\"}", UNIT_NUMBER,
	    FIELD(run.voided), "" },
	{ "worknet_payout_last_run_payouts", "{state=\"unresolved\"}",
	    UNIT_NUMBER, FIELD(run.unresolved), "" },
	{ "worknet_exceptions", "", UNIT_NUMBER, FIELD(exceptions),
	    "What the ledger lists as wrong, and findings that are open." },
	{ "worknet_upload_oldest_timestamp_seconds", "", UNIT_TIME,
	    FIELD(upload_oldest_ms),
	    "The end of the oldest hour that the object store hasn't; 0: none." },
	{ "worknet_ledger_bytes", "", UNIT_NUMBER, FIELD(ledger_bytes),
	    "Size of the ledger's file." },
	{ "worknet_ledger_log_bytes", "", UNIT_NUMBER, FIELD(wal_bytes),
	    "Size of its write-ahead log." },
	{ "worknet_ledger_disk_free_bytes", "", UNIT_NUMBER, FIELD(free_bytes),
	    "What its disk has free." },
};

static void
metric_print(struct buf *b, const struct metric *m, const struct status *s)
{
	int64_t n;

	memcpy(&n, (const char *)s + m->offset, sizeof(n));
	if (m->help[0] != '\0')
		buf_printf(b, "# HELP %s %s\n# TYPE %s gauge\n", m->name,
		    m->help, m->name);
	buf_printf(b, "%s%s ", m->name, m->label);
	switch (m->unit) {
	case UNIT_NUMBER:
		buf_printf(b, "%lld\n", (long long)n);
		return;
	case UNIT_USDC:
		buf_printf(b, "%s%lld.%06lld\n", n < 0 ? "-" : "",
		    (long long)(n / 1000000 < 0 ? -(n / 1000000) : n / 1000000),
		    (long long)(n % 1000000 < 0 ? -(n % 1000000)
						: n % 1000000));
		return;
	case UNIT_TIME:
		buf_printf(
		    b, "%lld.%03d\n", (long long)(n / 1000), (int)(n % 1000));
		return;
	}
}

/* ---- Of the ledger ---- */

static enum rc
ledger_print(struct buf *b, struct admin *a, struct err *e)
{
	static struct status s;
	enum rc rc;
	size_t i;

	rc = status_read(&s, a->db, &a->conf, 0, e);
	for (i = 0; rc == RC_OK && i < sizeof(metrics) / sizeof(metrics[0]);
	     i++)
		metric_print(b, &metrics[i], &s);
	status_free(&s);
	return rc;
}

/* ---- Of a run ---- */

static const char run_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

/*
 * systemd tells ExecStopPost= how a service has ended: SERVICE_RESULT,
 * EXIT_STATUS (systemd.exec(5)); a signal's name is no code.
 */
static enum rc
run_print(struct buf *b, const char *name, const char *exit, struct err *e)
{
	const char *result = getenv("SERVICE_RESULT");
	int64_t now_ms = clock_unix_ms();
	long code;
	char *end;

	if (name[0] == '\0' || name[strspn(name, run_letters)] != '\0')
		return err_set(e, RC_INVALID,
		    "--run: got \"%s\", expected a name such as payout", name);
	if (exit != NULL)
		result = NULL;
	else
		exit = getenv("EXIT_STATUS");
	if (exit == NULL)
		return err_set(e, RC_INVALID,
		    "--run needs --exit, how it ended, unless systemd tells");
	code = strtol(exit, &end, 10);
	if (exit[0] == '\0' || *end != '\0' || code < 0 || code > 255)
		code = -1;
	buf_printf(b,
	    "# HELP worknet_run_end_timestamp_seconds When the newest run of that name ended.\n"
	    "# TYPE worknet_run_end_timestamp_seconds gauge\n"
	    "worknet_run_end_timestamp_seconds{run=\"%s\"} %lld.%03d\n"
	    "# HELP worknet_run_exit_code And with what; -1: a signal ended it.\n"
	    "# TYPE worknet_run_exit_code gauge\n"
	    "worknet_run_exit_code{run=\"%s\"} %ld\n"
	    "# HELP worknet_run_success Whether that is as it should be.\n"
	    "# TYPE worknet_run_success gauge\n"
	    "worknet_run_success{run=\"%s\"} %d\n",
	    name, (long long)(now_ms / 1000), (int)(now_ms % 1000), name, code,
	    name, result == NULL ? code == 0 : strcmp(result, "success") == 0);
	return RC_OK;
}

/* For whoever reads the file: node_exporter is another user. */
#define METRICS_MODE 0644

enum admin_exit
command_metrics(struct admin *a)
{
	const char *path = a->args.opt[OPT_FILE];
	const char *run = a->args.opt[OPT_RUN];
	struct err e = ERR_INIT;
	enum admin_exit code;
	struct buf b;
	enum rc rc;

	buf_init(&b, TEXT_MAX_BYTES);
	rc = a->args.opt[OPT_JSON] == NULL
	    ? RC_OK
	    : err_set(&e, RC_INVALID, "metrics have their own format");
	if (rc == RC_OK && run != NULL)
		rc = run_print(&b, run, a->args.opt[OPT_EXIT], &e);
	if (rc != RC_OK)
		return admin_usage(a, &e);
	code = run != NULL ? ADMIN_OK : admin_open(a, DB_READ);
	if (code != ADMIN_OK)
		return code;
	if (run == NULL)
		rc = ledger_print(&b, a, &e);
	if (rc == RC_OK)
		rc = buf_status(&b, &e);
	if (rc == RC_OK && path != NULL)
		rc = file_put(path, METRICS_MODE, b.p, b.len, &e);
	else if (rc == RC_OK)
		(void)fwrite(b.p, 1, b.len, stdout);
	buf_free(&b);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}
