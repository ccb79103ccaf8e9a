/* Plain CGI: one request, from the environment and standard input. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "serve/cgi.h"
#include "serve/room.h"

static size_t
read_stdin(void *ctx, char *p, size_t len)
{
	ssize_t n;

	(void)ctx;
	do
		n = read(STDIN_FILENO, p, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? 0 : (size_t)n;
}

static const char *
param_env(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

static enum rc
write_stdout(const struct buf *b, struct err *e)
{
	size_t done;
	ssize_t n;

	for (done = 0; done < b->len; done += (size_t)n) {
		n = write(STDOUT_FILENO, b->p + done, b->len - done);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return err_set(
			    e, RC_IO, "standard output: %s", strerror(errno));
	}
	return RC_OK;
}

static enum rc
answer(struct exchange *x, struct api *api, struct api_thread *t, struct err *e)
{
	const struct cgi_source src = { param_env, NULL, read_stdin, NULL };
	struct api_request request;
	struct api_response response;
	enum rc rc;

	cgi_read(&src, &request, &x->body);
	if (!api_handle(x->api, t, &request, clock_unix_ms(), &response)) {
		while (api_finished(api) == NULL)
			exchanges_wait(api);
		api_answer(x->api, &response);
	}
	cgi_write(&x->out, &response);
	rc = buf_status(response.body, e);
	if (rc == RC_OK)
		rc = buf_status(&x->out, e);
	return rc == RC_OK ? write_stdout(&x->out, e) : rc;
}

enum rc
serve_cgi(struct api *api, struct err *e)
{
	struct api_thread *t = NULL;
	struct exchange x;
	enum rc rc;

	rc = exchange_init(&x, NULL, api, e);
	if (rc == RC_OK)
		rc = api_thread_new(&t, api, e);
	if (rc == RC_OK)
		rc = answer(&x, api, t, e);
	api_thread_free(t);
	exchange_free(&x);
	return rc;
}
