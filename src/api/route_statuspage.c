/*
 * What Statuspage answers under /api/v2, which dashboards and aggregators read:
 * status, summary, components, incidents (and those unresolved), scheduled
 * maintenances. A component is a task; its id is its name.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/room.h"
#include "api/write.h"
#include "page/html.h"

#define STATUSPAGE_CACHE_S 10

/* All that any of them tells. */
struct overall {
	struct profile_list tasks;
	size_t incidents_n, announced_n;
	struct profile_incident incidents[PROFILE_INCIDENTS_MAX];
	struct profile_announced announced[PROFILE_ANNOUNCED_MAX];
};

static enum rc
overall_read(struct overall *s, struct db *db, int64_t now_ms, struct err *e)
{
	enum rc rc = db_begin_read(db, e);

	if (rc != RC_OK)
		return rc;
	rc = profile_list_read(&s->tasks, db, slice_of(""), 1, now_ms, e);
	if (rc == RC_OK)
		rc = profile_incidents_read(
		    s->incidents, &s->incidents_n, db, &s->tasks, e);
	if (rc == RC_OK)
		rc = profile_announced_read(
		    s->announced, &s->announced_n, db, 0, now_ms, e);
	db_rollback(db);
	return rc;
}

static void
time_write(struct json_writer *w, const char *key, bool known, int64_t ms)
{
	char text[HTML_TIME_MAX] = "";

	if (known)
		html_time_text(text, ms);
	write_text_if(w, key, text);
}

static void
page_write(struct json_writer *w, const struct page_site *site, int64_t now_ms)
{
	json_key(w, "page");
	json_open_object(w);
	write_text(w, "id", "worknet");
	write_text(w, "name", "worknet");
	write_text(w, "url", site->origin);
	write_text(w, "time_zone", "Etc/UTC");
	time_write(w, "updated_at", true, now_ms);
	json_close_object(w);
}

/* A task of those that are listed, or NULL. */
static const struct profile *
task_of(const struct overall *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->tasks.n; i++)
		if (strcmp(s->tasks.tasks[i].name, name) == 0)
			return &s->tasks.tasks[i];
	return NULL;
}

static void
status_write(struct json_writer *w, const struct overall *s)
{
	size_t i, down = 0, known = 0;

	for (i = 0; i < s->tasks.n; i++) {
		down += s->tasks.tasks[i].state == PROFILE_DOWN;
		known += s->tasks.tasks[i].state == PROFILE_UP ||
		    s->tasks.tasks[i].state == PROFILE_DOWN;
	}
	/* Of the tasks behind these their open incidents are known. */
	for (i = 0; i < s->incidents_n; i++)
		if (s->incidents[i].to_ms == INT64_MAX &&
		    task_of(s, s->incidents[i].task) == NULL) {
			down++;
			known++;
		}
	json_key(w, "status");
	json_open_object(w);
	write_text(w, "indicator",
	    down == 0				  ? "none"
		: down == known && !s->tasks.more ? "critical"
		: 2 * down > known		  ? "major"
						  : "minor");
	write_text(w, "description",
	    down > 0	     ? "Some tasks are down"
		: known == 0 ? "Nothing is known"
		: s->tasks.more
		? "No outage is confirmed of the tasks listed here"
		: "No outage is confirmed");
	json_close_object(w);
}

static const char *
component_status(enum profile_state s)
{
	switch (s) {
	case PROFILE_DOWN:
		return "major_outage";
	case PROFILE_UNCONFIRMED:
	case PROFILE_DISPUTED:
	case PROFILE_UNKNOWN: /* nobody is told that it works */
		return "degraded_performance";
	case PROFILE_MAINTENANCE:
	case PROFILE_PAUSED:
		return "under_maintenance";
	case PROFILE_UP:
		break;
	}
	return "operational";
}

static void
component_write(struct json_writer *w, const struct profile *p, size_t position)
{
	json_open_object(w);
	write_text(w, "id", p->name);
	write_text(w, "name", p->name);
	write_text(w, "status", component_status(p->state));
	write_text(w, "description", profile_state_name(p->state));
	write_number(w, "position", (int64_t)position);
	write_text(w, "page_id", "worknet");
	write_text_if(w, "group_id", "");
	write_bool(w, "group", false);
	write_bool(w, "showcase", true);
	write_bool(w, "only_show_if_degraded", false);
	write_text_if(w, "start_date", "");
	time_write(w, "created_at", true, p->report.created_ms);
	time_write(w, "updated_at", true,
	    p->report.counted_ms > p->report.created_ms ? p->report.counted_ms
							: p->report.created_ms);
	json_close_object(w);
}

static void
components_write(struct json_writer *w, const struct overall *s)
{
	size_t i;

	write_array(w, "components");
	for (i = 0; i < s->tasks.n; i++)
		component_write(w, &s->tasks.tasks[i], i + 1);
	json_close_array(w);
}

/* The task that an incident or a maintenance is of, if it is listed. */
static void
affected_write(struct json_writer *w, const struct overall *s, const char *task)
{
	const struct profile *p = task_of(s, task);

	write_array(w, "components");
	if (p != NULL)
		component_write(w, p, (size_t)(p - s->tasks.tasks) + 1);
	json_close_array(w);
}

/* What readers show of an incident: a word, a sentence and a time; and what
 * that makes of its task. */
static void
update_write(struct json_writer *w, const char *incident, const char *status,
    const char *body, const char *task, int64_t at_ms)
{
	static const char up[] = "operational";
	bool down = strcmp(status, "identified") == 0,
	     over = strcmp(status, "resolved") == 0,
	     begun = strcmp(status, "in_progress") == 0;
	char id[PAGE_ID_MAX + 16];

	json_open_object(w);
	(void)snprintf(id, sizeof(id), "%s/%s", incident, status);
	write_text(w, "id", id);
	write_text(w, "incident_id", incident);
	write_text(w, "status", status);
	write_text(w, "body", body);
	time_write(w, "created_at", true, at_ms);
	time_write(w, "updated_at", true, at_ms);
	time_write(w, "display_at", true, at_ms);
	write_array(w, "affected_components");
	json_open_object(w);
	write_text(w, "code", task);
	write_text(w, "name", task);
	write_text(w, "old_status", over ? "major_outage" : up);
	write_text(w, "new_status",
	    down	? "major_outage"
		: begun ? "under_maintenance"
			: up);
	json_close_object(w);
	json_close_array(w);
	write_bool(w, "deliver_notifications", false);
	write_text_if(w, "custom_tweet", "");
	write_text_if(w, "tweet_id", "");
	json_close_object(w);
}

/* The newest first: that it is over, if it is, and that it began. */
static void
updates_write(
    struct json_writer *w, const char *id, const struct profile_incident *in)
{
	char text[PAGE_SENTENCE_MAX];

	write_array(w, "incident_updates");
	if (in->to_ms != INT64_MAX) {
		page_incident_text(text, in);
		update_write(w, id, "resolved", text, in->task, in->to_ms);
	}
	(void)snprintf(text, sizeof(text),
	    "Workers of %zu different networks confirm that it is down.",
	    in->networks_n);
	update_write(w, id, "identified", text, in->task, in->from_ms);
	json_close_array(w);
}

static void
shortlink_write(
    struct json_writer *w, const struct page_site *site, const char *task)
{
	char link[URL_MAX + TASK_ID_MAX + 8] = "";

	if (site->origin[0] != '\0')
		(void)snprintf(
		    link, sizeof(link), "%s/task/%s", site->origin, task);
	write_text_if(w, "shortlink", link);
}

static void
incident_write(struct json_writer *w, const struct page_site *site,
    const struct overall *s, const struct profile_incident *in)
{
	char id[PAGE_ID_MAX], title[PAGE_SENTENCE_MAX];
	bool open = in->to_ms == INT64_MAX;

	json_open_object(w);
	page_incident_id(id, site, in);
	write_text(w, "id", id);
	page_incident_title(title, in);
	write_text(w, "name", title);
	write_text(w, "status", open ? "identified" : "resolved");
	time_write(w, "created_at", true, in->from_ms);
	time_write(w, "started_at", true, in->from_ms);
	time_write(w, "updated_at", true, open ? in->from_ms : in->to_ms);
	time_write(w, "monitoring_at", false, 0);
	time_write(w, "resolved_at", !open, in->to_ms);
	write_text(w, "page_id", "worknet");
	write_text(w, "impact", "major");
	shortlink_write(w, site, in->task);
	updates_write(w, id, in);
	affected_write(w, s, in->task);
	json_close_object(w);
}

static void
incidents_write(struct json_writer *w, const struct page_site *site,
    const struct overall *s, bool unresolved)
{
	size_t i;

	write_array(w, "incidents");
	for (i = 0; i < s->incidents_n; i++)
		if (!unresolved || s->incidents[i].to_ms == INT64_MAX)
			incident_write(w, site, s, &s->incidents[i]);
	json_close_array(w);
}

static void
maintenance_write(struct json_writer *w, const struct page_site *site,
    const struct overall *s, const struct profile_announced *a, int64_t now_ms)
{
	const char *status = a->from_ms > now_ms ? "scheduled" : "in_progress";
	char id[32];

	json_open_object(w);
	(void)snprintf(id, sizeof(id), "%" PRId64, a->id);
	write_text(w, "id", id);
	write_text(w, "name", a->why);
	write_text(w, "status", status);
	time_write(w, "created_at", true, a->noted_ms);
	time_write(w, "started_at", true, a->from_ms);
	time_write(w, "updated_at", true, a->noted_ms);
	time_write(w, "monitoring_at", false, 0);
	time_write(w, "resolved_at", false, 0);
	time_write(w, "scheduled_for", true, a->from_ms);
	time_write(w, "scheduled_until", true, a->to_ms);
	write_text(w, "page_id", "worknet");
	write_text(w, "impact", "maintenance");
	shortlink_write(w, site, a->task);
	write_array(w, "incident_updates");
	update_write(w, id, status, a->why, a->task,
	    a->from_ms > now_ms ? a->noted_ms : a->from_ms);
	json_close_array(w);
	affected_write(w, s, a->task);
	json_close_object(w);
}

/* Which of them: those to come, and those that have begun. */
static void
announced_write(struct json_writer *w, const struct page_site *site,
    const struct overall *s, bool upcoming, bool active, int64_t now_ms)
{
	size_t i;

	write_array(w, "scheduled_maintenances");
	for (i = 0; i < s->announced_n; i++)
		if (s->announced[i].from_ms > now_ms ? upcoming : active)
			maintenance_write(w, site, s, &s->announced[i], now_ms);
	json_close_array(w);
}

/* Which parts a document has. */
enum part {
	PART_STATUS = 1,
	PART_COMPONENTS = 2,
	PART_INCIDENTS = 4,
	PART_UNRESOLVED = 8,
	PART_UPCOMING = 16, /* maintenance */
	PART_ACTIVE = 32,
};

static void
document_write(struct json_writer *w, const struct page_site *site,
    const struct overall *s, unsigned parts, int64_t now_ms)
{
	json_open_object(w);
	page_write(w, site, now_ms);
	if (parts & PART_STATUS)
		status_write(w, s);
	if (parts & PART_COMPONENTS)
		components_write(w, s);
	if (parts & (PART_INCIDENTS | PART_UNRESOLVED))
		incidents_write(w, site, s, (parts & PART_UNRESOLVED) != 0);
	if (parts & (PART_UPCOMING | PART_ACTIVE))
		announced_write(w, site, s, (parts & PART_UPCOMING) != 0,
		    (parts & PART_ACTIVE) != 0, now_ms);
	json_close_object(w);
}

static bool
answer(struct api_exchange *x, struct db *db, struct api_response *rs,
    unsigned parts)
{
	struct overall *s = calloc(1, sizeof(*s));
	struct json_writer *w = NULL;
	struct err e = ERR_INIT;
	enum rc rc = RC_OK;

	if (s == NULL)
		rc = err_set(&e, RC_NO_MEMORY, "status: no memory");
	if (rc == RC_OK)
		rc = overall_read(s, db, x->now_ms, &e);
	if (rc == RC_OK)
		rc = json_writer_new(&w, &x->body, false, &e);
	if (rc == RC_OK)
		document_write(w, &x->rules->pages, s, parts, x->now_ms);
	else
		respond_unavailable(x, rs, &e);
	json_writer_free(w);
	if (s != NULL)
		profile_list_free(&s->tasks);
	free(s);
	return true;
}

#define ROUTE(NAME, PATH, PARTS)                                         \
	static bool NAME##_handle(struct api_exchange *x, struct db *db, \
	    const struct api_request *rq, struct api_response *rs)       \
	{                                                                \
		(void)rq;                                                \
		return answer(x, db, rs, PARTS);                         \
	}                                                                \
	const struct route NAME = {                                      \
		.path = PATH,                                            \
		.method = "GET",                                         \
		.cache_s = STATUSPAGE_CACHE_S,                           \
		.handle = NAME##_handle,                                 \
	}

ROUTE(route_sp_status, "/v2/status.json", PART_STATUS);
ROUTE(route_sp_summary, "/v2/summary.json",
    PART_STATUS | PART_COMPONENTS | PART_UNRESOLVED | PART_UPCOMING |
	PART_ACTIVE);
ROUTE(route_sp_components, "/v2/components.json", PART_COMPONENTS);
ROUTE(route_sp_incidents, "/v2/incidents.json", PART_INCIDENTS);
ROUTE(route_sp_unresolved, "/v2/incidents/unresolved.json", PART_UNRESOLVED);
ROUTE(route_sp_maintenance, "/v2/scheduled-maintenances.json",
    PART_UPCOMING | PART_ACTIVE);
ROUTE(route_sp_upcoming, "/v2/scheduled-maintenances/upcoming.json",
    PART_UPCOMING);
ROUTE(route_sp_active, "/v2/scheduled-maintenances/active.json", PART_ACTIVE);
