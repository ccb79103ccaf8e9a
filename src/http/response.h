/* What came of a request: its error in words. Private to src/http. */
#ifndef WORKNET_HTTP_RESPONSE_H
#define WORKNET_HTTP_RESPONSE_H

#include "http/http.h"

/* Sets r's error and its text: the error's name, and detail unless it's "". */
void response_fail(
    struct http_response *r, enum http_error error, const char *detail);

#endif
