/*
 * What changes with the program alone: the pages' stylesheets, scripts and
 * sign, and the description of the API. Any thread.
 */
#include "api/room.h"

#define FILE_CACHE_S 300

#define FILE_ROUTE(NAME, PATH, TYPE, TEXT)                               \
	static bool NAME##_handle(struct api_exchange *x, struct db *db, \
	    const struct api_request *rq, struct api_response *rs)       \
	{                                                                \
		(void)db;                                                \
		(void)rq;                                                \
		rs->type = TYPE;                                         \
		buf_add_text(&x->body, TEXT);                            \
		return true;                                             \
	}                                                                \
	const struct route NAME = {                                      \
		.path = PATH,                                            \
		.method = "GET",                                         \
		.page = true,                                            \
		.cache_s = FILE_CACHE_S,                                 \
		.handle = NAME##_handle,                                 \
	}

#define CSS    "text/css; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"

FILE_ROUTE(route_style, "/style.css", CSS, page_style);
FILE_ROUTE(route_join_script, "/join.js", SCRIPT, page_join_script);
FILE_ROUTE(route_again_script, "/again.js", SCRIPT, page_again_script);
FILE_ROUTE(route_home_script, "/home.js", SCRIPT, page_home_script);
FILE_ROUTE(route_task_script, "/task.js", SCRIPT, page_task_script);
FILE_ROUTE(route_uplot_script, "/uplot.js", SCRIPT, page_uplot_script);
FILE_ROUTE(route_uplot_style, "/uplot.css", CSS, page_uplot_style);
FILE_ROUTE(route_icon, "/icon.svg", "image/svg+xml", page_icon);
FILE_ROUTE(route_openapi, "/openapi.json", "application/json", page_openapi);
