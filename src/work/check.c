#include "work/check.h"

/* The two clocks may differ by so much over a check: NTP slews. */
#define CLOCK_DRIFT_MAX_MS 1000

/* What an error says of a target that has given no answer. */
enum blame {
	BLAME_NOBODY,  /* an answer, or a URL that nobody may request */
	BLAME_EITHER,  /* this host, its network, or the target */
	BLAME_OURSELF, /* this host */
};

static enum blame
blame_of(enum http_error error)
{
	switch (error) {
	case HTTP_ERROR_NONE:
	case HTTP_ERROR_URL:
	case HTTP_ERROR_SCHEME:
	case HTTP_ERROR_USER:
	case HTTP_ERROR_PORT:
	case HTTP_ERROR_URL_LENGTH:
	case HTTP_ERROR_ADDRESS:
	case HTTP_ERROR_REDIRECTS:
	case HTTP_ERROR_TOO_LARGE:
		return BLAME_NOBODY;
	case HTTP_ERROR_DNS:
	case HTTP_ERROR_CONNECT:
	case HTTP_ERROR_TLS:
	case HTTP_ERROR_TIMEOUT:
	case HTTP_ERROR_CLOSED:
	case HTTP_ERROR_OTHER:
		return BLAME_EITHER;
	case HTTP_ERROR_INSIDE: /* others may reach what is there */
	case HTTP_ERROR_STOPPED:
	case HTTP_ERROR_LOCAL:
		break;
	}
	return BLAME_OURSELF;
}

/* The monotonic clock stands still while a host sleeps; nobody sets it. */
static bool
time_is_torn(const struct check *c, int64_t now_ms, int64_t now_unix_ms)
{
	int64_t drift =
	    (now_unix_ms - c->began_unix_ms) - (now_ms - c->began_ms);

	return drift > CLOCK_DRIFT_MAX_MS || drift < -CLOCK_DRIFT_MAX_MS;
}

enum check_word
check_judge(struct check *c, struct evidence *ev, const struct http_response *r,
    int64_t now_ms, int64_t now_unix_ms, const char **why)
{
	enum blame blame = blame_of(r->error);

	if (r->resolved)
		ev->named_ms = now_ms;
	if (r->error == HTTP_ERROR_NONE && r->elsewhere)
		ev->answered_ms = now_ms;
	c->unlocated = r->unlocated;
	c->elsewhere = r->elsewhere;
	*why = r->error_text;
	if (blame == BLAME_EITHER && time_is_torn(c, now_ms, now_unix_ms)) {
		*why = "the clock was set, or this host slept";
		return CHECK_NOTHING;
	}
	return blame == BLAME_NOBODY ? CHECK_ATTEST
	    : blame == BLAME_EITHER  ? CHECK_DOUBT
				     : CHECK_NOTHING;
}

bool
check_is_vouched_for(const struct check *c, const struct evidence *ev,
    const struct http_response *probe)
{
	if (probe->error != HTTP_ERROR_NONE)
		return false;
	if (c->unlocated)
		return probe->resolved || ev->named_ms >= c->began_ms;
	return probe->elsewhere || !c->elsewhere ||
	    ev->answered_ms >= c->began_ms;
}
