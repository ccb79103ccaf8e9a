/*
 * What anybody may read of tasks, as JSON: GET /v1/tasks (?after=TASK for those
 * behind it), /v1/task/TASK, and of it days, incidents, checks, responses and
 * report. The figures have the names that worknet report --json gives them, and
 * are its own: /report those of the last 30 days, as it has without --from and
 * --to.
 */
#include <stdlib.h>
#include <string.h>

#include "api/room.h"
#include "api/write.h"

#define TASK_CACHE_S 10
#define REPORT_DAYS  30

/* ---- Figures ---- */

static void
figure_write(struct json_writer *w, const char *key, int64_t ppm)
{
	write_number_if(w, key, ppm != UPTIME_NO_FIGURE, ppm);
}

static void
figures_write(struct json_writer *w, const struct report_time *r)
{
	struct uptime_figures f;

	uptime_figures(&f, &r->time);
	figure_write(w, "availabilityPpm", f.availability);
	figure_write(w, "strictPpm", f.strict);
	figure_write(w, "atLeastPpm", f.at_least);
	figure_write(w, "atMostPpm", f.at_most);
	figure_write(w, "coveragePpm", f.coverage);
}

static void
hidden_write(struct json_writer *w, const struct report_time *r)
{
	struct uptime_figures f;
	struct uptime_time t;

	report_unhide(&t, r);
	uptime_figures(&f, &t);
	figure_write(w, "availabilityWithMaintenancePpm", f.availability);
	figure_write(w, "atLeastWithMaintenancePpm", f.at_least);
	figure_write(w, "atMostWithMaintenancePpm", f.at_most);
}

static void
buckets_write(struct json_writer *w, const struct uptime_time *t)
{
	write_number(w, "upMs", t->up);
	write_number(w, "downMs", t->down);
	write_number(w, "unconfirmedMs", t->unconfirmed);
	write_number(w, "unknownMs", t->unknown);
	write_number(w, "disputedMs", t->disputed);
	write_number(w, "pausedMs", t->paused);
	write_number(w, "maintenanceMs", t->maintenance);
}

/* Drills aren't told: their number says how often a worker is tested. */
static void
results_write(struct json_writer *w, const struct report_time *r)
{
	write_number(w, "copies", r->copies);
	write_number(w, "votes", r->votes);
	write_number(w, "disagreements", r->dissents);
	write_number(w, "inRounds", r->in_rounds);
}

static void
period_write(struct json_writer *w, const struct uptime_report *r)
{
	write_number(w, "fromMs", r->from_ms);
	write_number(w, "toMs", r->to_ms);
	write_number(w, "countedToMs", r->counted_ms);
}

static void
days_write(struct json_writer *w, const struct uptime_report *r)
{
	size_t i;

	write_array(w, "days");
	for (i = 0; i < r->days_n; i++) {
		json_open_object(w);
		write_number(
		    w, "dayMs", (r->from_ms / DAY_MS + (int64_t)i) * DAY_MS);
		figures_write(w, &r->days[i]);
		buckets_write(w, &r->days[i].time);
		json_close_object(w);
	}
	json_close_array(w);
}

static void
task_write(struct json_writer *w, const struct profile *p)
{
	write_text(w, "task", p->name);
	write_text(w, "state", profile_state_name(p->state));
	write_text_if(w, "region", p->region);
	write_number(w, "intervalMs", p->interval_ms);
	write_number(w, "copies", p->copies);
}

/* ---- Incidents ---- */

static void
incident_write(
    struct json_writer *w, const struct profile_incident *i, int64_t counted_ms)
{
	bool open = i->to_ms == INT64_MAX;
	int64_t lasted = (open ? counted_ms : i->to_ms) - i->from_ms;
	size_t k;

	json_open_object(w);
	write_number(w, "fromMs", i->from_ms);
	write_number_if(w, "toMs", !open, i->to_ms);
	write_number(w, "lastedMs", lasted > 0 ? lasted : 0);
	write_text(w, "ended", incident_ended(i->ended));
	write_bool(w, "planned", i->names.planned);
	write_number(w, "networks", (int64_t)i->networks_n);
	write_array(w, "confirmedBy");
	for (k = 0; k < i->names.n; k++)
		json_string(w, i->names.names[k]);
	json_close_array(w);
	json_close_object(w);
}

static enum rc
incidents_write(struct json_writer *w, struct db *db, const struct profile *p,
    struct err *e)
{
	struct profile_incident *all =
	    calloc(PROFILE_INCIDENTS_MAX, sizeof(*all));
	size_t n = 0, i;
	enum rc rc = all == NULL
	    ? err_set(e, RC_NO_MEMORY, "incidents: no memory")
	    : profile_incidents_of(all, &n, db, p, e);

	write_array(w, "incidents");
	for (i = 0; rc == RC_OK && i < n; i++)
		incident_write(w, &all[i], p->report.counted_ms);
	json_close_array(w);
	free(all);
	return rc;
}

/* ---- The documents of a task ---- */

static enum rc
state_write(struct json_writer *w, struct db *db, const struct profile *p,
    struct err *e)
{
	const struct uptime_report *r = &p->report;
	size_t i;

	(void)db;
	(void)e;
	write_text(w, "method", UPTIME_METHOD);
	write_array(w, "periods");
	for (i = 0; i <= REPORT_RECENTS; i++) {
		json_open_object(w);
		write_number(w, "days",
		    i < REPORT_RECENTS ? report_recent_days(i) : PROFILE_DAYS);
		figures_write(w, i < REPORT_RECENTS ? &r->recent[i] : &r->all);
		json_close_object(w);
	}
	json_close_array(w);
	return RC_OK;
}

static enum rc
all_days_write(struct json_writer *w, struct db *db, const struct profile *p,
    struct err *e)
{
	(void)db;
	(void)e;
	days_write(w, &p->report);
	return RC_OK;
}

static enum rc
checks_write(struct json_writer *w, struct db *db, const struct profile *p,
    struct err *e)
{
	struct profile_check all[PROFILE_CHECKS_MAX];
	size_t n, i;
	enum rc rc = profile_checks_read(all, &n, db, p, e);

	write_array(w, "checks");
	for (i = 0; rc == RC_OK && i < n; i++) {
		json_open_object(w);
		write_number(w, "timestampMs", all[i].at_ms);
		write_bool(w, "success", all[i].up);
		write_number_if(
		    w, "statusCode", all[i].status >= 0, all[i].status);
		write_number_if(w, "responseMs", all[i].response_ms >= 0,
		    all[i].response_ms);
		write_text(w, "workerAddress", all[i].worker);
		write_text(w, "signature", all[i].signature);
		json_close_object(w);
	}
	json_close_array(w);
	return rc;
}

/* Bytes of an hour: its keys, its numbers, and a region of which each character
 * is escaped. No other answer is as long as that of all hours. */
#define HOUR_BYTES_MAX (62 + 13 + 6 + 3 * 5 + 2 * REGION_MAX)

static_assert(PROFILE_RESPONSES_MAX * HOUR_BYTES_MAX + 4096 <= RESPONSE_MAX,
    "all that a task's answers took must fit into one answer");

static enum rc
responses_write(struct json_writer *w, struct db *db, const struct profile *p,
    struct err *e)
{
	struct responses r;
	size_t i;
	enum rc rc = profile_responses_read(&r, db, p, p->report.from_ms, e);

	write_text(w, "method", UPTIME_METHOD);
	write_array(w, "hours");
	for (i = 0; rc == RC_OK && i < r.n; i++) {
		json_open_object(w);
		write_number(w, "hourMs", r.hours[i].hour_ms);
		write_text_if(w, "region", r.hours[i].region);
		write_number(w, "results", r.hours[i].times.results);
		write_number(w, "p50Ms", r.hours[i].times.p50_ms);
		write_number(w, "p95Ms", r.hours[i].times.p95_ms);
		write_number(w, "maxMs", r.hours[i].times.max_ms);
		json_close_object(w);
	}
	json_close_array(w);
	responses_free(&r);
	return rc;
}

static enum rc
announced_write(struct json_writer *w, struct db *db, const struct profile *p,
    struct err *e)
{
	struct profile_announced all[PROFILE_ANNOUNCED_MAX];
	size_t n, i;
	enum rc rc =
	    profile_announced_read(all, &n, db, p->id, p->report.from_ms, e);

	write_array(w, "maintenance");
	for (i = 0; rc == RC_OK && i < n; i++) {
		json_open_object(w);
		write_number(w, "id", all[i].id);
		write_number(w, "fromMs", all[i].from_ms);
		write_number(w, "toMs", all[i].to_ms);
		write_number(w, "notedMs", all[i].noted_ms);
		write_bool(w, "counts", all[i].counts);
		write_text(w, "why", all[i].why);
		json_close_object(w);
	}
	json_close_array(w);
	return rc;
}

static enum rc
report_write(struct json_writer *w, struct db *db, const struct profile *p,
    struct err *e)
{
	const struct uptime_report *r = &p->report;
	enum rc rc;

	write_text(w, "method", UPTIME_METHOD);
	figures_write(w, &r->all);
	hidden_write(w, &r->all);
	buckets_write(w, &r->all.time);
	results_write(w, &r->all);
	days_write(w, r);
	rc = incidents_write(w, db, p, e);
	return rc == RC_OK ? announced_write(w, db, p, e) : rc;
}

/* ---- Requests ---- */

typedef enum rc part_write_fn(struct json_writer *w, struct db *db,
    const struct profile *p, struct err *e);

enum rc
part_task(struct api_exchange *x, struct db *db, struct profile *p,
    int64_t days, struct err *e)
{
	return profile_read(p, db, x->part, days, x->now_ms, e);
}

static bool
answer(struct api_exchange *x, struct db *db, struct api_response *rs,
    int64_t days, part_write_fn *fn)
{
	struct json_writer *w = NULL;
	struct err e = ERR_INIT;
	struct profile p = { .id = 0 };
	enum rc rc;

	rc = db_begin_read(db, &e);
	if (rc == RC_OK)
		rc = part_task(x, db, &p, days, &e);
	if (rc == RC_OK)
		rc = json_writer_new(&w, &x->body, false, &e);
	if (rc == RC_OK) {
		json_open_object(w);
		write_number(w, "nowMs", x->now_ms);
		task_write(w, &p);
		period_write(w, &p.report);
		rc = fn(w, db, &p, &e);
		json_close_object(w);
	}
	json_writer_free(w);
	profile_free(&p);
	db_rollback(db);
	if (rc == RC_NOT_FOUND)
		respond_error(x, rs, 404, "unknown task");
	else if (rc != RC_OK)
		respond_unavailable(x, rs, &e);
	return true;
}

static bool
state_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	(void)rq;
	return answer(x, db, rs, PROFILE_DAYS, state_write);
}

static bool
days_handle(struct api_exchange *x, struct db *db, const struct api_request *rq,
    struct api_response *rs)
{
	(void)rq;
	return answer(x, db, rs, PROFILE_DAYS, all_days_write);
}

static bool
incidents_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	(void)rq;
	return answer(x, db, rs, PROFILE_DAYS, incidents_write);
}

static bool
checks_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	(void)rq;
	return answer(x, db, rs, 1, checks_write);
}

static bool
responses_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	return answer(x, db, rs, query_days(rq->query), responses_write);
}

static bool
report_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	(void)rq;
	return answer(x, db, rs, REPORT_DAYS, report_write);
}

static void
list_write(struct json_writer *w, const struct profile_list *l)
{
	const struct profile *p;
	size_t i;

	json_open_object(w);
	write_number(w, "nowMs", l->now_ms);
	write_array(w, "tasks");
	for (i = 0; i < l->n; i++) {
		p = &l->tasks[i];
		json_open_object(w);
		task_write(w, p);
		period_write(w, &p->report);
		figures_write(w, &p->report.all);
		write_text(w, "days", p->days);
		json_close_object(w);
	}
	json_close_array(w);
	write_text_if(w, "after", l->more ? l->tasks[l->n - 1].name : "");
	json_close_object(w);
}

static bool
list_handle(struct api_exchange *x, struct db *db, const struct api_request *rq,
    struct api_response *rs)
{
	struct json_writer *w = NULL;
	struct err e = ERR_INIT;
	struct profile_list l = { .n = 0 };
	enum rc rc = db_begin_read(db, &e);

	if (rc == RC_OK)
		rc = profile_list_read(&l, db, query_value(rq->query, "after"),
		    PROFILE_DAYS, x->now_ms, &e);
	db_rollback(db);
	if (rc == RC_OK)
		rc = json_writer_new(&w, &x->body, false, &e);
	if (rc == RC_OK)
		list_write(w, &l);
	else
		respond_unavailable(x, rs, &e);
	json_writer_free(w);
	profile_list_free(&l);
	return true;
}

#define ROUTE(NAME, PATH, HANDLE)        \
	const struct route NAME = {      \
		.path = PATH,            \
		.method = "GET",         \
		.cache_s = TASK_CACHE_S, \
		.handle = HANDLE,        \
	}

ROUTE(route_task_list, "/v1/tasks", list_handle);
ROUTE(route_task_state, "/v1/task/*", state_handle);
ROUTE(route_task_days, "/v1/task/*/days", days_handle);
ROUTE(route_task_incidents, "/v1/task/*/incidents", incidents_handle);
ROUTE(route_task_checks, "/v1/task/*/checks", checks_handle);
ROUTE(route_task_responses, "/v1/task/*/responses", responses_handle);
ROUTE(route_task_report, "/v1/task/*/report", report_handle);
