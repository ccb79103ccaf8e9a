/* The query string of GET /v1/worker/tasks. */
#include "t/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "api/poll_query.h"
#include "base/utf8.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size == 0 ? 1 : size);
	struct poll_query query;
	struct err e = ERR_INIT;

	CHECK(copy != NULL);
	memcpy(copy, data, size);
	if (poll_query_parse(&query, (struct slice){ copy, size }, &e) ==
	    RC_OK) {
		CHECK(strlen(query.region) <= REGION_MAX);
		CHECK(utf8_is_text(query.region, strlen(query.region)));
	} else {
		CHECK(e.rc == RC_INVALID && e.msg[0] != '\0');
	}
	free(copy);
	return 0;
}
