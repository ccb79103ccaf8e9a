/*
 * Requests and responses as CGI has them (RFC 3875), which FastCGI shares.
 * Any thread.
 */
#ifndef WORKNET_SERVE_CGI_H
#define WORKNET_SERVE_CGI_H

#include "api/api.h"

#define CGI_HEADER_MAX 1024 /* bytes of a response's header */

/* Where a request comes from. */
struct cgi_source {
	/* The value of a meta-variable, NULL when it isn't set. */
	const char *(*param)(void *ctx, const char *name);
	void *param_ctx;
	/* Up to len bytes of the body; 0 at its end. */
	size_t (*read)(void *ctx, char *p, size_t len);
	void *read_ctx;
};

/*
 * Reads the request; its slices borrow from src and body, whose limit is the
 * largest body. A body over it isn't read, and marked too large; one that ends
 * early is marked as cut.
 */
void cgi_read(
    const struct cgi_source *src, struct api_request *rq, struct buf *body);

/* Appends header and body. */
void cgi_write(struct buf *out, const struct api_response *rs);

#endif
