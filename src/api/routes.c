#include "api/room.h"

const struct route *const api_routes[] = {
	&route_tasks,
	&route_results,
	&route_canary,
	&route_health,
	&route_metrics,
	NULL,
};
