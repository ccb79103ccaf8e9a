/* GET /v1/network: what the network does, in numbers. */
#include <stdlib.h>

#include "api/room.h"
#include "api/write.h"

#define NETWORK_CACHE_S 10

/* So long it is kept: it is counted of up to a million results. */
#define ACTIVITY_KEEP_MS 30000

enum rc
part_activity(
    struct api_exchange *x, struct db *db, struct activity *out, struct err *e)
{
	struct api *a = x->api;
	int64_t age_ms;
	enum rc rc = RC_OK;

	/* Whoever asks meanwhile waits: it would count the same. */
	pthread_mutex_lock(&a->activity_lock);
	age_ms = x->now_ms - a->activity.now_ms;
	if (age_ms < 0 || age_ms >= ACTIVITY_KEEP_MS)
		rc = activity_read(db, x->now_ms, &a->activity, e);
	if (rc == RC_OK)
		*out = a->activity;
	else
		a->activity.now_ms = 0;
	pthread_mutex_unlock(&a->activity_lock);
	return rc;
}

static void
network_write(struct json_writer *w, const struct activity *a)
{
	size_t i;

	json_open_object(w);
	write_number(w, "nowMs", a->now_ms);
	write_number(w, "workersLastHour", a->workers);
	write_number(w, "networksLastHour", a->networks);
	json_key(w, "regions");
	json_open_array(w);
	for (i = 0; i < a->regions_n; i++) {
		json_open_object(w);
		json_key(w, "region");
		json_string(w, a->regions[i].name);
		write_number(w, "workersLastHour", a->regions[i].workers);
		json_close_object(w);
	}
	json_close_array(w);
	write_number(w, "checksToday", a->checks_today);
	write_number(w, "tasksActive", a->tasks_active);
	write_number(w, "tasksPaused", a->tasks_paused);
	write_number_if(w, "logEntries", a->log_entries > 0, a->log_entries);
	write_number_if(w, "logSeenMs", a->log_entries > 0, a->log_ms);
	json_close_object(w);
}

static bool
network_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	struct activity *a = malloc(sizeof(*a));
	struct json_writer *w = NULL;
	struct err e = ERR_INIT;
	enum rc rc = a == NULL ? err_set(&e, RC_NO_MEMORY, "network: no memory")
			       : part_activity(x, db, a, &e);

	(void)rq;
	if (rc == RC_OK)
		rc = json_writer_new(&w, &x->body, false, &e);
	if (rc == RC_OK)
		network_write(w, a);
	else
		respond_unavailable(x, rs, &e);
	json_writer_free(w);
	free(a);
	return true;
}

const struct route route_network = {
	.path = "/v1/network",
	.method = "GET",
	.cache_s = NETWORK_CACHE_S,
	.handle = network_handle,
};
