/*
 * GET /health: whether the coordinator can do its work, which is to write. So
 * it writes: a row that the same transaction removes again. What is answered is
 * what became of that commit, which it shares with others.
 */
#include "api/room.h"

static enum rc
health_run(struct db *db, void *ctx, struct err *e)
{
	enum rc rc;

	(void)ctx;
	rc = query_run(db_query(db, Q_HEALTH_PUT), e);
	if (rc == RC_OK)
		rc = query_run(db_query(db, Q_HEALTH_DROP), e);
	return rc;
}

static void
health_answer(struct api_exchange *x, struct api_response *rs, enum rc rc,
    const struct err *e)
{
	if (rc != RC_OK) {
		respond_unavailable(x, rs, e);
		return;
	}
	buf_add_text(&x->body, "{\"status\":\"ok\"}");
}

static bool
health_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	struct err e = ERR_INIT;
	int64_t n;
	enum rc rc;

	(void)rq;
	rc = query_one_int(db_query(db, Q_HEALTH), &n, &e);
	if (rc == RC_OK)
		return api_submit(x, health_run);
	health_answer(x, rs, rc, &e);
	return true;
}

const struct route route_health = {
	.path = "/health",
	.method = "GET",
	.handle = health_handle,
	.answer = health_answer,
};
