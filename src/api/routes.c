#include "api/room.h"

/* A row for each route, which a file route_*.c defines; in this order a path is
 * looked for. */
#define ROUTES(ROUTE)                 \
	ROUTE(route_tasks)            \
	ROUTE(route_results)          \
	ROUTE(route_canary)           \
	ROUTE(route_health)           \
	ROUTE(route_metrics)          \
	ROUTE(route_join_text)        \
	ROUTE(route_join)             \
	ROUTE(route_join_status)      \
	ROUTE(route_network)          \
	ROUTE(route_worker_status)    \
	ROUTE(route_worker_transfers) \
	ROUTE(route_page_home)        \
	ROUTE(route_page_worker)      \
	ROUTE(route_page_transfers)   \
	ROUTE(route_page_join)        \
	ROUTE(route_operator)         \
	ROUTE(route_style)            \
	ROUTE(route_join_script)      \
	ROUTE(route_again_script)     \
	ROUTE(route_home_script)      \
	ROUTE(route_task_script)      \
	ROUTE(route_uplot_script)     \
	ROUTE(route_uplot_style)      \
	ROUTE(route_icon)             \
	ROUTE(route_openapi)          \
	ROUTE(route_task_list)        \
	ROUTE(route_task_state)       \
	ROUTE(route_task_days)        \
	ROUTE(route_task_incidents)   \
	ROUTE(route_task_checks)      \
	ROUTE(route_task_report)      \
	ROUTE(route_task_responses)   \
	ROUTE(route_page_task)        \
	ROUTE(route_badge)            \
	ROUTE(route_badge_json)       \
	ROUTE(route_task_atom)        \
	ROUTE(route_task_feed)        \
	ROUTE(route_task_calendar)    \
	ROUTE(route_atom)             \
	ROUTE(route_feed)             \
	ROUTE(route_calendar)         \
	ROUTE(route_sp_status)        \
	ROUTE(route_sp_summary)       \
	ROUTE(route_sp_components)    \
	ROUTE(route_sp_incidents)     \
	ROUTE(route_sp_unresolved)    \
	ROUTE(route_sp_maintenance)   \
	ROUTE(route_sp_upcoming)      \
	ROUTE(route_sp_active)

#define DECLARATION(NAME) extern const struct route NAME;
#define ADDRESS(NAME)	  &NAME,

ROUTES(DECLARATION)

const struct route *const api_routes[] = { ROUTES(ADDRESS) NULL };

static_assert(sizeof(api_routes) / sizeof(api_routes[0]) <= COUNT_ROUTES,
    "answers of each route, and of none, are counted");
