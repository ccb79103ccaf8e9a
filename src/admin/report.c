/* worknet report, rollup: what the results say of a task. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/figures.h"
#include "admin/find.h"
#include "admin/maintenance.h"
#include "admin/report_csv.h"
#include "admin/table.h"
#include "admin/value.h"
#include "ledger/profile.h"

#define DAYS_BEFORE	30 /* that a report has by default */
#define FIGURE_DECIMALS 4  /* of a percentage: parts per million */

/* "99.9" as parts per million; no more decimals than these have. */
static enum rc
target_parse(int64_t *ppm, const char *text, struct err *e)
{
	size_t whole = strspn(text, "0123456789"), n = 0;
	const char *rest = text + whole;
	int64_t value = 0;
	size_t i;

	if (rest[0] == '.') {
		n = strspn(rest + 1, "0123456789");
		rest += 1 + n;
	}
	if (whole == 0 || whole > 3 || n > FIGURE_DECIMALS || *rest != '\0')
		value = -1;
	for (i = 0; value >= 0 && i < whole; i++)
		value = 10 * value + (text[i] - '0');
	for (i = 0; value >= 0 && i < FIGURE_DECIMALS; i++)
		value = 10 * value + (i < n ? text[whole + 1 + i] - '0' : 0);
	if (value < 0 || value > UPTIME_PPM)
		return err_set(e, RC_INVALID,
		    "--target: got \"%.20s\", expected 0 to 100, with at most %d decimals",
		    text, FIGURE_DECIMALS);
	*ppm = value;
	return RC_OK;
}

/* ---- Figures ---- */

static struct out_value
figure(int64_t ppm)
{
	return out_if(ppm != UPTIME_NO_FIGURE, out_int(ppm));
}

static void
figures_print(struct admin *a, const struct report_time *r)
{
	struct uptime_figures f, without;
	char strict[UPTIME_TEXT_MAX];
	struct uptime_time t;

	uptime_figures(&f, &r->time);
	report_unhide(&t, r);
	uptime_figures(&without, &t);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "availabilityPpm", NULL, OUT_COUNT, figure(f.availability) },
		{ "strictPpm", NULL, OUT_COUNT, figure(f.strict) },
		{ "atLeastPpm", NULL, OUT_COUNT, figure(f.at_least) },
		{ "atMostPpm", NULL, OUT_COUNT, figure(f.at_most) },
		{ "coveragePpm", NULL, OUT_COUNT, figure(f.coverage) },
		{ "availabilityWithMaintenancePpm", NULL, OUT_COUNT,
		    figure(without.availability) },
		{ "atLeastWithMaintenancePpm", NULL, OUT_COUNT,
		    figure(without.at_least) },
		{ "atMostWithMaintenancePpm", NULL, OUT_COUNT,
		    figure(without.at_most) },
		OUT_END });
	figures_say(a->out, "availability", &f);
	uptime_format(strict, f.strict);
	if (f.strict != UPTIME_NO_FIGURE)
		out_line(a->out, "strict",
		    "%s, with what one network alone saw as down", strict);
	if (r->time.maintenance > 0)
		figures_say(a->out, "with maintenance", &without);
}

/* "1 d 02:03:04.005" for people, ms for programs. */
static void
span_print(struct admin *a, const char *key, const char *title, int64_t ms)
{
	out_field(a->out, key, NULL, OUT_SPAN, out_int(ms));
	out_line(a->out, title, "%" PRId64 " d %02d:%02d:%02d.%03d",
	    (int64_t)(ms / DAY_MS), (int)(ms % DAY_MS / HOUR_MS),
	    (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
}

/* How much of what each result says its worker signed. */
static void
schemes_print(struct admin *a, const struct report_time *r)
{
	char share[UPTIME_TEXT_MAX];

	if (r->votes == 0)
		return;
	uptime_format(share, r->in_rounds * UPTIME_PPM / r->votes);
	out_line(a->out, "signed in rounds",
	    "%s of them (eip712-round), the others alone (eip191)", share);
}

static void
time_print(struct admin *a, const struct report_time *r)
{
	const struct uptime_time *t = &r->time;
	char share[UPTIME_TEXT_MAX];
	int64_t results = r->votes + r->drills;

	span_print(a, "upMs", "up", t->up);
	span_print(a, "downMs", "down", t->down);
	span_print(a, "unconfirmedMs", "down, unconfirmed", t->unconfirmed);
	span_print(a, "unknownMs", "unknown", t->unknown);
	span_print(a, "disputedMs", "disputed", t->disputed);
	span_print(a, "pausedMs", "paused", t->paused);
	span_print(a, "maintenanceMs", "maintenance", t->maintenance);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "copies", NULL, OUT_COUNT, out_int(r->copies) },
		{ "votes", NULL, OUT_COUNT, out_int(r->votes) },
		{ "disagreements", NULL, OUT_COUNT, out_int(r->dissents) },
		{ "drills", NULL, OUT_COUNT, out_int(r->drills) },
		{ "inRounds", NULL, OUT_COUNT, out_int(r->in_rounds) },
		OUT_END });
	uptime_format(
	    share, results == 0 ? 0 : r->drills * UPTIME_PPM / results);
	out_line(a->out, "results",
	    "%" PRId64 " of %" PRId64 " counted, %" PRId64
	    " of them contradicted by the others",
	    r->votes, r->copies, r->dissents);
	schemes_print(a, r);
	out_line(a->out, "drills",
	    "%" PRId64 " left out, which is %s of the results", r->drills,
	    share);
}

/* ---- Lists ---- */

static enum rc
incident_print(struct admin *a, int64_t task, const struct uptime_incident *i,
    int64_t counted_ms, struct err *e)
{
	char text[PROFILE_NETWORKS_MAX * (ORIGIN_NAME_LEN + 1) + 1] = "";
	int64_t end_ms = i->to_ms == INT64_MAX ? counted_ms : i->to_ms;
	struct profile_names names;
	enum rc rc = profile_names_read(&names, a->db, task, i, e);
	size_t n = 0, k;

	if (rc != RC_OK)
		return rc;
	for (k = 0; k < names.n; k++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
		    k > 0 ? " " : "", names.names[k]);
	out_row(a->out,
	    (struct out_value[]){ out_int(i->from_ms),
		out_if(i->to_ms != INT64_MAX, out_int(i->to_ms)),
		out_int(end_ms > i->from_ms ? end_ms - i->from_ms : 0),
		out_text(incident_ended(i->ended)), out_int(names.planned),
		out_int((int64_t)i->networks_n), out_text(text) });
	return RC_OK;
}

static enum rc
incidents_print(
    struct admin *a, int64_t task, const struct uptime_report *r, struct err *e)
{
	static const struct out_column columns[] = {
		{ "fromMs", "FROM", OUT_TIME },
		{ "toMs", "TO", OUT_TIME },
		{ "lastedMs", "LASTED", OUT_SPAN },
		{ "ended", "ENDED", OUT_TEXT },
		{ "planned", "PLANNED", OUT_BOOL },
		{ "networks", "NETWORKS", OUT_COUNT },
		{ "confirmedBy", "CONFIRMED BY", OUT_TEXT },
	};
	enum rc rc = RC_OK;
	size_t i;

	out_table(a->out, "incidents", "Incidents", columns, 7);
	for (i = 0; rc == RC_OK && i < r->incidents_n; i++)
		rc =
		    incident_print(a, task, &r->incidents[i], r->counted_ms, e);
	out_table_end(a->out, "no incident");
	return rc;
}

static enum rc
dissent_print(struct admin *a, const struct report_dissent *d, struct err *e)
{
	struct query *q = db_query(a->db, Q_WORKER_ADDRESS);
	char name[ORIGIN_NAME_LEN + 1];
	enum rc rc;
	bool row;

	rc = origin_read(a->db, d->network, d->day, name, e);
	if (rc != RC_OK)
		return rc;
	query_int(q, 1, d->worker);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		out_row(a->out,
		    (struct out_value[]){ out_int(d->day * DAY_MS),
			out_slice(query_get_text(q, 0)), out_text(name),
			out_int(d->votes) });
	query_done(q);
	return rc;
}

static enum rc
dissents_print(struct admin *a, const struct uptime_report *r, struct err *e)
{
	static const struct out_column columns[] = {
		{ "dayMs", "DAY", OUT_TIME },
		{ "worker", "WORKER", OUT_TEXT },
		{ "network", "NETWORK", OUT_TEXT },
		{ "results", "RESULTS", OUT_COUNT },
	};
	enum rc rc = RC_OK;
	size_t i;

	out_table(
	    a->out, "contradicted", "Contradicted by the others", columns, 4);
	for (i = 0; rc == RC_OK && i < r->dissents_n; i++)
		rc = dissent_print(a, &r->dissents[i], e);
	out_table_end(a->out, "nobody was");
	return rc;
}

static void
days_print(struct admin *a, const struct uptime_report *r)
{
	static const struct out_column columns[] = {
		{ "dayMs", NULL, OUT_TIME },
		{ "availabilityPpm", NULL, OUT_COUNT },
		{ "atLeastPpm", NULL, OUT_COUNT },
		{ "atMostPpm", NULL, OUT_COUNT },
		{ "coveragePpm", NULL, OUT_COUNT },
		{ "upMs", NULL, OUT_SPAN },
		{ "downMs", NULL, OUT_SPAN },
		{ "unconfirmedMs", NULL, OUT_SPAN },
		{ "unknownMs", NULL, OUT_SPAN },
		{ "disputedMs", NULL, OUT_SPAN },
		{ "pausedMs", NULL, OUT_SPAN },
		{ "maintenanceMs", NULL, OUT_SPAN },
	};
	const struct uptime_time *t;
	struct uptime_figures f;
	size_t i;

	out_table(a->out, "days", NULL, columns, 12);
	for (i = 0; i < r->days_n; i++) {
		t = &r->days[i].time;
		uptime_figures(&f, t);
		out_row(a->out,
		    (struct out_value[]){
			out_int((r->from_ms / DAY_MS + (int64_t)i) * DAY_MS),
			figure(f.availability), figure(f.at_least),
			figure(f.at_most), figure(f.coverage), out_int(t->up),
			out_int(t->down), out_int(t->unconfirmed),
			out_int(t->unknown), out_int(t->disputed),
			out_int(t->paused), out_int(t->maintenance) });
	}
	out_table_end(a->out, "");
}

/* Response times by the hour, for --json. */
static enum rc
responses_print(
    struct admin *a, int64_t task, const struct uptime_report *r, struct err *e)
{
	static const struct out_column columns[] = {
		{ "hourMs", NULL, OUT_TIME },
		{ "region", NULL, OUT_TEXT },
		{ "results", NULL, OUT_COUNT },
		{ "p50Ms", NULL, OUT_COUNT },
		{ "p95Ms", NULL, OUT_COUNT },
		{ "maxMs", NULL, OUT_COUNT },
	};
	const struct response_hour *hour;
	struct responses all;
	size_t i;
	enum rc rc =
	    responses_read(&all, a->db, task, r, r->from_ms, SIZE_MAX, e);

	out_table(a->out, "responses", NULL, columns, 6);
	for (i = 0; rc == RC_OK && i < all.n; i++) {
		hour = &all.hours[i];
		out_row(a->out,
		    (struct out_value[]){ out_int(hour->hour_ms),
			out_if(hour->region[0] != '\0', out_text(hour->region)),
			out_int(hour->times.results),
			out_int(hour->times.p50_ms),
			out_int(hour->times.p95_ms),
			out_int(hour->times.max_ms) });
	}
	out_table_end(a->out, "");
	responses_free(&all);
	return rc;
}

/* ---- The report ---- */

struct asked {
	const char *task;
	int64_t from_ms;
	int64_t to_ms;
	int64_t target_ppm; /* UPTIME_NO_FIGURE: none */
};

static enum rc
asked_read(
    struct asked *k, const struct admin *a, int64_t now_ms, struct err *e)
{
	const char *from = a->args.opt[OPT_FROM], *to = a->args.opt[OPT_TO],
		   *target = a->args.opt[OPT_TARGET];
	enum rc rc = RC_OK;

	k->task = a->args.opt[OPT_TASK];
	k->target_ppm = UPTIME_NO_FIGURE;
	if (k->task == NULL)
		return err_set(e, RC_INVALID, "--task ID is missing");
	if (a->args.opt[OPT_CSV] != NULL && a->args.opt[OPT_JSON] != NULL)
		return err_set(e, RC_INVALID, "--csv or --json, not both");
	k->to_ms = hour_of(now_ms) + HOUR_MS;
	if (to != NULL)
		rc = value_parse_time(&k->to_ms, "--to", to, e);
	k->from_ms = k->to_ms - DAYS_BEFORE * DAY_MS;
	if (rc == RC_OK && from != NULL)
		rc = value_parse_time(&k->from_ms, "--from", from, e);
	if (rc == RC_OK && target != NULL)
		rc = target_parse(&k->target_ppm, target, e);
	return rc;
}

/* *met: the target wasn't missed. */
static void
verdict_print(struct admin *a, const struct asked *k,
    const struct uptime_report *r, bool *met)
{
	char target[UPTIME_TEXT_MAX];
	struct uptime_figures f;
	enum uptime_verdict v;

	*met = true;
	if (k->target_ppm == UPTIME_NO_FIGURE)
		return;
	uptime_figures(&f, &r->all.time);
	v = uptime_verdict(&f, k->target_ppm);
	*met = v != UPTIME_MISSED && v != UPTIME_MISSED_AS_SEEN;
	uptime_format(target, k->target_ppm);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "targetPpm", NULL, OUT_COUNT, out_int(k->target_ppm) },
		{ "verdict", NULL, OUT_TEXT, out_text(uptime_verdict_text(v)) },
		OUT_END });
	out_line(a->out, "target", "%s: %s", target, uptime_verdict_text(v));
}

static enum rc
report_print(struct admin *a, const struct asked *k, int64_t task,
    const struct uptime_report *r, bool *met, struct err *e)
{
	enum rc rc;

	out_fields(a->out,
	    (const struct out_field[]){
		{ "task", "task", OUT_TEXT, out_text(k->task) },
		{ "method", "method", OUT_TEXT, out_text(UPTIME_METHOD) },
		{ "fromMs", "from", OUT_TIME, out_int(r->from_ms) },
		{ "toMs", "to", OUT_TIME, out_int(r->to_ms) },
		{ "countedToMs", "counted to", OUT_TIME,
		    out_int(r->counted_ms) },
		OUT_END });
	figures_print(a, &r->all);
	verdict_print(a, k, r, met);
	time_print(a, &r->all);
	days_print(a, r);
	rc = responses_print(a, task, r, e);
	if (rc == RC_OK)
		rc = incidents_print(a, task, r, e);
	if (rc == RC_OK)
		rc = maintenance_print(a, task, r->from_ms, r->to_ms, e);
	return rc == RC_OK ? dissents_print(a, r, e) : rc;
}

enum admin_exit
command_report(struct admin *a)
{
	int64_t now_ms = clock_unix_ms();
	struct uptime_report r = { .days = NULL };
	struct err e = ERR_INIT;
	struct task_row t;
	enum admin_exit code;
	struct asked k;
	bool met = true;
	enum rc rc;

	if (asked_read(&k, a, now_ms, &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open_read(a);
	if (code != ADMIN_OK)
		return code;
	rc = find_task(a->db, k.task, &t, &e);
	if (rc == RC_OK)
		k.task = t.name;
	admin_progress("counting", 0, 0);
	if (rc == RC_OK)
		rc = uptime_report_read(&r, a->db,
		    &(struct uptime_report_of){ .task = t.id,
			.from_ms = k.from_ms,
			.to_ms = k.to_ms,
			.now_ms = now_ms },
		    &e);
	admin_progress_end();
	if (rc == RC_OK && a->args.opt[OPT_CSV] != NULL)
		report_csv(stdout, k.task, &r);
	else if (rc == RC_OK)
		rc = report_print(a, &k, t.id, &r, &met, &e);
	uptime_report_free(&r);
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	a->stands = true;
	return met ? ADMIN_OK : ADMIN_REFUSED;
}

/* ---- Rollup ---- */

static enum rc
since_forget(struct admin *a, struct err *e)
{
	const char *since = a->args.opt[OPT_SINCE];
	int64_t since_ms = 0;
	enum rc rc;

	if (since == NULL)
		return RC_OK;
	rc = value_parse_time(&since_ms, "--since", since, e);
	if (rc == RC_OK)
		rc = db_begin(a->db, e);
	if (rc == RC_OK)
		rc = rollup_forget(a->db, since_ms, e);
	if (rc == RC_OK)
		rc = db_commit(a->db, e);
	db_rollback(a->db);
	return rc;
}

enum admin_exit
command_rollup(struct admin *a)
{
	struct err e = ERR_INIT;
	struct db *read = NULL;
	enum admin_exit code;
	int64_t rows = 0;
	enum rc rc;

	code = admin_open(a, DB_WRITE);
	if (code != ADMIN_OK)
		return code;
	rc = since_forget(a, &e);
	if (rc == RC_OK)
		rc = db_open(&read, a->conf.ledger_path, DB_READ,
		    a->conf.busy_timeout_ms, &e);
	admin_progress("counting hours", 0, 0);
	if (rc == RC_OK)
		rc = rollup_run(read, a->db, clock_unix_ms(), &rows, &e);
	admin_progress_end();
	db_close(read);
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "hours", "hours counted", OUT_COUNT, out_int(rows) },
		OUT_END });
	return ADMIN_OK;
}
