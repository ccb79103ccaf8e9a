/*
 * GET /operator: what worknet status shows, and what waits for a person. Only
 * where [pages] operator is on, and only for whom the web server calls local:
 * it has asked for a password before. Nothing of it is kept by caches, and one
 * is made at a time: it reads more than the pages of anybody.
 */
#include <stdlib.h>

#include "api/room.h"

static void
overview_show(struct api_exchange *x, struct db *db, struct api_response *rs)
{
	const struct page_process process = { x->api->began_ms,
		x->api->config.landlock, x->api->config.calls };
	struct overview *o = calloc(1, sizeof(*o));
	struct err e = ERR_INIT;
	enum rc rc = o == NULL
	    ? err_set(&e, RC_NO_MEMORY, "operator: no memory")
	    : overview_read(o, db, &x->rules->conf, x->now_ms, &e);

	if (rc == RC_OK) {
		respond_page(rs, 200);
		page_operator(&x->body, o, &process);
	} else {
		respond_unavailable(x, rs, &e);
	}
	if (o != NULL)
		overview_free(o);
	free(o);
}

static bool
operator_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	if (!rq->local || !x->rules->conf.pages_operator) {
		respond_error(x, rs, 404, "not found");
	} else if (atomic_exchange(&x->api->overlooking, true)) {
		rs->retry_after_s = 1;
		respond_error(x, rs, 503, "busy, try again later");
	} else {
		overview_show(x, db, rs);
		atomic_store(&x->api->overlooking, false);
	}
	return true;
}

const struct route route_operator = {
	.path = "/operator",
	.method = "GET",
	.page = true,
	.handle = operator_handle,
};
