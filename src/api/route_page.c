/*
 * The pages: GET / (?after=TASK for those behind it), /worker/ADDRESS,
 * /worker/ADDRESS/transfers (?before=ID for older ones), /join.
 * Any thread.
 */
#include <stdlib.h>

#include "api/room.h"

#define PAGE_CACHE_S 10 /* what is counted in it changes all the time */

static bool
home_handle(struct api_exchange *x, struct db *db, const struct api_request *rq,
    struct api_response *rs)
{
	struct profile_list l = { .n = 0 };
	struct err e = ERR_INIT;
	struct activity a;
	enum rc rc = part_activity(x, db, &a, &e);

	if (rc == RC_OK)
		rc = db_begin_read(db, &e);
	if (rc == RC_OK)
		rc = profile_list_read(&l, db, query_value(rq->query, "after"),
		    PROFILE_DAYS, x->now_ms, &e);
	db_rollback(db);
	if (rc == RC_OK) {
		respond_page(rs, 200);
		rs->policy = PAGE_SCRIPT_POLICY;
		page_home(&x->body, &x->rules->pages, &a, &l);
	} else {
		respond_unavailable(x, rs, &e);
	}
	profile_list_free(&l);
	return true;
}

/* The page of what is no worker: of an address that may become one, or not. */
static void
newcomer_respond(struct api_exchange *x, struct db *db, struct api_response *rs)
{
	const struct page_site *site = &x->rules->pages;
	struct err e = ERR_INIT;
	struct address a;
	struct joining is;

	if (address_parse(&a, NULL, x->part, &e) != RC_OK) {
		respond_page(rs, 404);
		page_missing(&x->body, site, "This is no worker's address.");
	} else if (joining_read(db, &a, x->now_ms, &is, &e) == RC_OK) {
		respond_page(rs, is.waits || is.admitted ? 200 : 404);
		rs->policy = PAGE_SCRIPT_POLICY;
		page_newcomer(&x->body, &a, &is);
	} else {
		respond_unavailable(x, rs, &e);
	}
}

static bool
worker_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	struct statement *s = malloc(sizeof(*s));
	struct err e = ERR_INIT;
	enum rc rc = s == NULL ? err_set(&e, RC_NO_MEMORY, "page: no memory")
			       : part_statement(x, db, s, &e);

	(void)rq;
	if (rc == RC_OK) {
		respond_page(rs, 200);
		rs->policy = PAGE_SCRIPT_POLICY;
		page_worker(&x->body, &x->rules->pages, s);
	} else if (rc == RC_NOT_FOUND) {
		newcomer_respond(x, db, rs);
	} else {
		respond_unavailable(x, rs, &e);
	}
	free(s);
	return true;
}

static bool
transfers_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	struct statement_page *p = malloc(sizeof(*p));
	struct err e = ERR_INIT;
	enum rc rc = p == NULL ? err_set(&e, RC_NO_MEMORY, "page: no memory")
			       : part_transfers(x, db, rq->query, p, &e);

	if (rc == RC_OK) {
		respond_page(rs, 200);
		page_transfers(&x->body, &x->rules->pages, p);
	} else if (rc == RC_NOT_FOUND) {
		respond_page(rs, 404);
		page_missing(
		    &x->body, &x->rules->pages, "This is no worker's address.");
	} else {
		respond_unavailable(x, rs, &e);
	}
	free(p);
	return true;
}

static bool
join_handle(struct api_exchange *x, struct db *db, const struct api_request *rq,
    struct api_response *rs)
{
	(void)db;
	(void)rq;
	respond_page(rs, 200);
	rs->policy = PAGE_SCRIPT_POLICY;
	page_join(&x->body, &x->rules->pages);
	return true;
}

const struct route route_page_home = {
	.path = "/",
	.method = "GET",
	.page = true,
	.cache_s = PAGE_CACHE_S,
	.handle = home_handle,
};

const struct route route_page_worker = {
	.path = "/worker/*",
	.method = "GET",
	.page = true,
	.cache_s = PAGE_CACHE_S,
	.handle = worker_handle,
};

const struct route route_page_transfers = {
	.path = "/worker/*/transfers",
	.method = "GET",
	.page = true,
	.cache_s = PAGE_CACHE_S,
	.handle = transfers_handle,
};

const struct route route_page_join = {
	.path = "/join",
	.method = "GET",
	.page = true,
	.cache_s = PAGE_CACHE_S,
	.handle = join_handle,
};
