/*
 * GET /v1/status?t=TOKEN: what a visit of one of the operator's own tasks is
 * shown: the status that follows from the token alone, without the ledger.
 */
#include "api/room.h"
#include "ledger/canary.h"

static bool
canary_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	const struct drill_rules *r = &x->rules->drills;
	struct slice token = rq->query;
	int64_t status;

	(void)db;
	if (token.len >= 2 && token.p[0] == 't' && token.p[1] == '=')
		token = (struct slice){ token.p + 2, token.len - 2 };
	if (!r->on || canary_read(token, r->master, &status) == CANARY_NONE) {
		respond_error(x, rs, 404, "not found");
		return true;
	}
	rs->status = (int)status;
	buf_add_text(&x->body,
	    status == CANARY_UP ? "{\"status\":\"ok\"}"
				: "{\"status\":\"down\"}");
	return true;
}

const struct route route_canary = {
	.path = "/v1/status",
	.method = "GET",
	.handle = canary_handle,
};
