/*
 * What a check's response lets a worker attest. It signs what it knows of a
 * target, and never its own trouble: no route, no name server, no port, a
 * sleep in the middle. Pure but for the log; any thread.
 */
#ifndef WORKNET_WORK_CHECK_H
#define WORKNET_WORK_CHECK_H

#include "http/http.h"
#include "work/result.h"

enum check_state {
	CHECK_WAITING,
	CHECK_RUNNING,
	CHECK_DOUBTED, /* it failed, and it may be this host that did */
	CHECK_OVER,
};

struct check {
	enum check_state state;
	struct http_request request;
	int64_t began_ms; /* monotonic */
	int64_t began_unix_ms;
	/* Of one that is doubted. */
	struct finding finding;
	bool unlocated; /* it never got as far as an address */
	bool elsewhere; /* its last address was another host's */
	bool asked;	/* the probe under way began after it failed */
};

/* What checks have shown of this host's own network; monotonic times. */
struct evidence {
	int64_t named_ms;    /* DNS knew a name */
	int64_t answered_ms; /* another host answered */
};

enum check_word {
	CHECK_ATTEST,
	CHECK_DOUBT, /* attest it only if check_is_vouched_for */
	CHECK_NOTHING,
};

/*
 * Judges r, c's response, which ended at both times given, and keeps in c and
 * ev what is needed later. With CHECK_NOTHING *why says what came in between.
 */
enum check_word
check_judge(struct check *c, struct evidence *ev, const struct http_response *r,
    int64_t now_ms, int64_t now_unix_ms, const char **why);

/*
 * True when this host was online after c failed: probe, of the coordinator's
 * name and address, worked. When that had no name to resolve, or is this host
 * itself, it proves nothing, so since c began another check must have found a
 * name, or had an answer from elsewhere.
 */
bool check_is_vouched_for(const struct check *c, const struct evidence *ev,
    const struct http_response *probe);

#endif
