/*
 * A task's page, GET /task/TASK; its badge (?days=1, 7, 30 or 90) as an image
 * and for shields.io; incidents as Atom and as JSON Feed, and maintenance as a
 * calendar, of a task or of all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/room.h"
#include "api/write.h"
#include "page/html.h"

#define PAGE_CACHE_S  10
#define BADGE_CACHE_S 60 /* other people's pages show them */
#define FEED_CACHE_S  60

/* Maintenance that was over so long before isn't told. */
#define ANNOUNCED_MS (30 * DAY_MS)

/* ---- The page ---- */

static enum rc
page_read(struct page_task *t, struct db *db, struct err *e)
{
	const struct profile *p = t->profile;
	enum rc rc =
	    profile_incidents_of(t->incidents, &t->incidents_n, db, p, e);

	if (rc == RC_OK)
		rc = profile_checks_read(t->checks, &t->checks_n, db, p, e);
	if (rc == RC_OK)
		rc = profile_responses_read(&t->responses, db, p,
		    p->report.to_ms - PAGE_RESPONSES_DAYS * DAY_MS, e);
	if (rc == RC_OK)
		rc = profile_announced_read(t->announced, &t->announced_n, db,
		    p->id, t->now_ms - ANNOUNCED_MS, e);
	return rc;
}

static bool
page_handle(struct api_exchange *x, struct db *db, const struct api_request *rq,
    struct api_response *rs)
{
	struct page_task *t = calloc(1, sizeof(*t));
	struct profile p = { .id = 0 };
	struct err e = ERR_INIT;
	enum rc rc = t == NULL ? err_set(&e, RC_NO_MEMORY, "page: no memory")
			       : db_begin_read(db, &e);

	(void)rq;
	if (rc == RC_OK)
		rc = part_task(x, db, &p, PROFILE_DAYS, &e);
	if (rc == RC_OK) {
		t->now_ms = x->now_ms;
		t->profile = &p;
		rc = page_read(t, db, &e);
	}
	if (t != NULL)
		db_rollback(db);
	if (rc == RC_OK) {
		respond_page(rs, 200);
		rs->policy = PAGE_SCRIPT_POLICY;
		page_task(&x->body, &x->rules->pages, t);
	} else if (rc == RC_NOT_FOUND) {
		respond_page(rs, 404);
		page_missing(&x->body, &x->rules->pages,
		    "There is no task of this name.");
	} else {
		respond_unavailable(x, rs, &e);
	}
	profile_free(&p);
	if (t != NULL)
		responses_free(&t->responses);
	free(t);
	return true;
}

/* ---- Badges ---- */

/* The badge of the request's task; false: the response says why not. */
static bool
badge_read(struct api_exchange *x, struct db *db, const struct api_request *rq,
    struct api_response *rs, struct page_badge *b)
{
	int64_t days = query_days(rq->query);
	struct profile p = { .id = 0 };
	struct err e = ERR_INIT;
	enum rc rc = db_begin_read(db, &e);

	if (rc == RC_OK)
		rc = part_task(x, db, &p, days, &e);
	db_rollback(db);
	if (rc == RC_OK)
		page_badge_of(b, &p, days);
	else if (rc == RC_NOT_FOUND)
		respond_error(x, rs, 404, "unknown task");
	else
		respond_unavailable(x, rs, &e);
	profile_free(&p);
	return rc == RC_OK;
}

static bool
image_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	struct page_badge b;

	if (!badge_read(x, db, rq, rs, &b))
		return true;
	rs->type = "image/svg+xml";
	rs->policy = PAGE_POLICY;
	page_badge(&x->body, &b);
	return true;
}

static bool
shields_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	struct json_writer *w = NULL;
	struct err e = ERR_INIT;
	struct page_badge b;

	if (!badge_read(x, db, rq, rs, &b))
		return true;
	if (json_writer_new(&w, &x->body, false, &e) != RC_OK) {
		respond_unavailable(x, rs, &e);
		return true;
	}
	json_open_object(w);
	write_number(w, "schemaVersion", 1);
	write_text(w, "label", b.label);
	write_text(w, "message", b.message);
	write_text(w, "color", b.color);
	write_number(w, "cacheSeconds", 300); /* the least that shields takes */
	json_close_object(w);
	json_writer_free(w);
	return true;
}

/* ---- Feeds ---- */

struct feed {
	char task[TASK_ID_MAX + 1]; /* "": of all */
	size_t n;
	struct profile_incident incidents[PROFILE_INCIDENTS_MAX];
};

/* Of the request's task, or of all. */
static enum rc
feed_read(struct api_exchange *x, struct db *db, struct feed *f, struct err *e)
{
	struct profile_list l = { .n = 0 };
	struct profile p = { .id = 0 };
	enum rc rc = db_begin_read(db, e);

	if (rc == RC_OK && x->part.len == 0) {
		rc = profile_list_read(&l, db, slice_of(""), 1, x->now_ms, e);
		if (rc == RC_OK)
			rc = profile_incidents_read(
			    f->incidents, &f->n, db, &l, e);
	} else if (rc == RC_OK) {
		rc = part_task(x, db, &p, PROFILE_DAYS, e);
		if (rc == RC_OK)
			rc = profile_incidents_of(
			    f->incidents, &f->n, db, &p, e);
		memcpy(f->task, p.name, sizeof(f->task));
	}
	db_rollback(db);
	profile_list_free(&l);
	profile_free(&p);
	return rc;
}

static void
item_write(struct json_writer *w, const struct page_site *site,
    const struct profile_incident *i)
{
	char id[PAGE_ID_MAX], text[PAGE_SENTENCE_MAX], at[HTML_TIME_MAX],
	    url[URL_MAX + TASK_ID_MAX + 8];

	json_open_object(w);
	page_incident_id(id, site, i);
	write_text(w, "id", id);
	(void)snprintf(url, sizeof(url), "%s/task/%s", site->origin, i->task);
	write_text(w, "url", url);
	page_incident_title(text, i);
	write_text(w, "title", text);
	page_incident_text(text, i);
	write_text(w, "content_text", text);
	html_time_text(at, i->from_ms);
	write_text(w, "date_published", at);
	if (i->to_ms != INT64_MAX)
		html_time_text(at, i->to_ms);
	write_text(w, "date_modified", at);
	json_close_object(w);
}

static void
feed_write(
    struct json_writer *w, const struct page_site *site, const struct feed *f)
{
	char url[URL_MAX + TASK_ID_MAX + 32];
	const char *of = f->task[0] == '\0' ? "" : "/task/";
	size_t i;

	json_open_object(w);
	write_text(w, "version", "https://jsonfeed.org/version/1.1");
	write_text(w, "title", f->task[0] == '\0' ? "incidents" : f->task);
	(void)snprintf(url, sizeof(url), "%s%s%s", site->origin, of, f->task);
	if (site->origin[0] != '\0')
		write_text(w, "home_page_url", url);
	(void)snprintf(
	    url, sizeof(url), "%s%s%s/feed.json", site->origin, of, f->task);
	if (site->origin[0] != '\0')
		write_text(w, "feed_url", url);
	write_array(w, "items");
	for (i = 0; i < f->n; i++)
		item_write(w, site, &f->incidents[i]);
	json_close_array(w);
	json_close_object(w);
}

/* Has read a feed; else the response says why not. */
static struct feed *
feed_of(struct api_exchange *x, struct db *db, struct api_response *rs)
{
	struct feed *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;
	enum rc rc = f == NULL ? err_set(&e, RC_NO_MEMORY, "feed: no memory")
			       : feed_read(x, db, f, &e);

	if (rc == RC_OK)
		return f;
	if (rc == RC_NOT_FOUND)
		respond_error(x, rs, 404, "unknown task");
	else
		respond_unavailable(x, rs, &e);
	free(f);
	return NULL;
}

static bool
atom_handle(struct api_exchange *x, struct db *db, const struct api_request *rq,
    struct api_response *rs)
{
	struct feed *f = feed_of(x, db, rs);

	(void)rq;
	if (f == NULL)
		return true;
	rs->type = "application/atom+xml; charset=utf-8";
	page_feed(&x->body, &x->rules->pages, f->task, f->incidents, f->n);
	free(f);
	return true;
}

static bool
json_handle(struct api_exchange *x, struct db *db, const struct api_request *rq,
    struct api_response *rs)
{
	struct feed *f = feed_of(x, db, rs);
	struct json_writer *w = NULL;
	struct err e = ERR_INIT;

	(void)rq;
	if (f == NULL)
		return true;
	rs->type = "application/feed+json";
	if (json_writer_new(&w, &x->body, false, &e) == RC_OK)
		feed_write(w, &x->rules->pages, f);
	else
		respond_unavailable(x, rs, &e);
	json_writer_free(w);
	free(f);
	return true;
}

static enum rc
calendar_read(struct api_exchange *x, struct db *db,
    struct profile_announced *all, size_t *n, struct err *e)
{
	struct profile p = { .id = 0 };
	enum rc rc = db_begin_read(db, e);

	if (rc == RC_OK && x->part.len > 0)
		rc = part_task(x, db, &p, 1, e);
	if (rc == RC_OK)
		rc = profile_announced_read(
		    all, n, db, p.id, x->now_ms - ANNOUNCED_MS, e);
	db_rollback(db);
	profile_free(&p);
	return rc;
}

static bool
calendar_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	struct profile_announced all[PROFILE_ANNOUNCED_MAX];
	struct err e = ERR_INIT;
	size_t n = 0;
	enum rc rc = calendar_read(x, db, all, &n, &e);

	(void)rq;
	if (rc == RC_OK) {
		rs->type = "text/calendar; charset=utf-8";
		page_calendar(&x->body, &x->rules->pages, all, n);
	} else if (rc == RC_NOT_FOUND) {
		respond_error(x, rs, 404, "unknown task");
	} else {
		respond_unavailable(x, rs, &e);
	}
	return true;
}

#define ROUTE(NAME, PATH, CACHE_S, HANDLE) \
	const struct route NAME = {        \
		.path = PATH,              \
		.method = "GET",           \
		.page = true,              \
		.cache_s = CACHE_S,        \
		.handle = HANDLE,          \
	}

ROUTE(route_page_task, "/task/*", PAGE_CACHE_S, page_handle);
ROUTE(route_badge, "/task/*/badge.svg", BADGE_CACHE_S, image_handle);
ROUTE(route_badge_json, "/task/*/badge.json", BADGE_CACHE_S, shields_handle);
ROUTE(route_task_atom, "/task/*/feed.atom", FEED_CACHE_S, atom_handle);
ROUTE(route_task_feed, "/task/*/feed.json", FEED_CACHE_S, json_handle);
ROUTE(route_task_calendar, "/task/*/maintenance.ics", FEED_CACHE_S,
    calendar_handle);
ROUTE(route_atom, "/feed.atom", FEED_CACHE_S, atom_handle);
ROUTE(route_feed, "/feed.json", FEED_CACHE_S, json_handle);
ROUTE(route_calendar, "/maintenance.ics", FEED_CACHE_S, calendar_handle);
