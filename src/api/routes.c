#include "api/room.h"

const struct route *const api_routes[] = {
	&route_tasks,
	&route_results,
	&route_canary,
	&route_health,
	&route_metrics,
	&route_network,
	&route_worker_status,
	&route_page_home,
	&route_page_worker,
	&route_page_join,
	&route_page_style,
	&route_page_openapi,
	NULL,
};
