#include "base/task_type.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const char task_token_sample[TASK_TOKEN_LEN + 1] =
    "000000000000000000000000000000000000000000000000";

bool
task_url_fill(char out[static URL_MAX + 1], const char *url, const char *token)
{
	const char *mark = strstr(url, TASK_TOKEN_MARK);
	int n;

	if (mark == NULL)
		n = snprintf(out, URL_MAX + 1, "%s", url);
	else
		n = snprintf(out, URL_MAX + 1, "%.*s%s%s", (int)(mark - url),
		    url, token, mark + strlen(TASK_TOKEN_MARK));
	return n >= 0 && n <= URL_MAX;
}

/* ---- http_check: a GET, whose final status is the expected one ---- */

/* RFC 3986: what a URL may hold without being encoded. */
static bool
is_url_text(const char *url)
{
	for (; *url != '\0'; url++)
		if (*url <= 0x20 || *url >= 0x7f ||
		    strchr("\"<>\\^`{|}", *url) != NULL)
			return false;
	return true;
}

static enum rc
http_check_url(const char *url, struct err *e)
{
	char filled[URL_MAX + 1];
	const char *host;

	if (!task_url_fill(filled, url, task_token_sample))
		return err_set(e, RC_INVALID,
		    "url: with a token it is longer than %d bytes", URL_MAX);
	if (strncasecmp(url, "http://", 7) == 0)
		host = url + 7;
	else if (strncasecmp(url, "https://", 8) == 0)
		host = url + 8;
	else
		return err_set(e, RC_INVALID,
		    "url: got \"%.60s\", expected http://... or https://...",
		    url);
	if (host[0] == '\0' || strchr("/?#:@", host[0]) != NULL)
		return err_set(
		    e, RC_INVALID, "url: \"%.60s\" has no host", url);
	if (!is_url_text(filled))
		return err_set(e, RC_INVALID,
		    "url: \"%.60s\" has a character that must be percent-encoded",
		    url);
	return RC_OK;
}

static bool
http_is_success(int64_t status, int64_t expected)
{
	return status == expected;
}

/* ---- All of them ---- */

const struct task_type task_types[] = {
	{ "http_check", http_check_url, http_is_success },
	{ NULL, NULL, NULL },
};

const struct task_type *
task_type_find(struct slice name)
{
	const struct task_type *t;

	for (t = task_types; t->name != NULL; t++)
		if (slice_is(name, t->name))
			return t;
	return NULL;
}

void
task_type_names(char out[static TASK_TYPE_NAMES_MAX])
{
	const struct task_type *t;
	size_t n = 0;

	out[0] = '\0';
	for (t = task_types; t->name != NULL && n < TASK_TYPE_NAMES_MAX; t++)
		n += (size_t)snprintf(out + n, TASK_TYPE_NAMES_MAX - n, "%s%s",
		    n == 0 ? "" : ", ", t->name);
}
