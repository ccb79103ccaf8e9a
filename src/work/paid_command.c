#include "work/paid_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "work/log_copy.h"
#include "work/paid.h"

static bool
is_url(const char *text)
{
	return strstr(text, "://") != NULL;
}

static void
say(void *ctx, const char *text)
{
	(void)ctx;
	printf("%s\n", text);
}

static void
print_report(const struct paid_report *r, bool trusted)
{
	if (r->origin[0] == '\0')
		return; /* nothing of it was looked at */
	printf("log: %s, %" PRId64 " leaves, by the keys of %s\n", r->origin,
	    r->size,
	    trusted ? "the policy that you gave"
		    : "its own policy, which nobody vouches for");
	printf("%" PRId64 " results: %" PRId64 " in the log as they were sent, "
	       "%" PRId64 " different, %" PRId64 " missing, %" PRId64
	       " to come, %" PRId64 " unclear\n",
	    r->results, r->there, r->different, r->missing, r->waiting,
	    r->unclear);
	if (r->sealed > 0)
		printf(
		    "%" PRId64
		    " of those in the log are of private tasks: their lines nobody is shown, but each one's seal, which commits the log to what was sent\n",
		    r->sealed);
	if (r->hidden > 0)
		printf(
		    "%" PRId64
		    " of tasks that the log doesn't name, nor did the coordinator say that they are private: nothing is proven of them\n",
		    r->hidden);
	if (r->anchors > 0)
		printf("it was held to %" PRId64
		       " checkpoints that this worker was told of\n",
		    r->anchors);
	if (r->others > 0)
		printf("it has %" PRId64
		       " results of this worker that aren't in the record\n",
		    r->others);
	if (r->refused > 0)
		printf("it has %" PRId64 " answers of this worker as refused\n",
		    r->refused);
	printf("%s\n",
	    r->findings == 0 ? "all that was due is in the log"
			     : "the log isn't what this worker was paid for");
}

/* Of a log that a server shows, what is needed is copied. */
static enum rc
check(const struct paid_command *c, struct paid_wanted *w,
    struct paid_report *r, struct err *e)
{
	struct log_copy copy;
	enum rc rc;

	if (!is_url(c->log)) {
		w->directory = c->log;
		return paid_check(w, r, e);
	}
	if (c->copy == NULL)
		return err_set(e, RC_INVALID,
		    "a URL needs --copy DIRECTORY: where the log's files are kept");
	rc = log_copy_open(&copy, c->log, c->copy, e);
	if (rc != RC_OK)
		return rc;
	w->directory = c->copy;
	w->fetch = log_copy_fetch;
	w->fetch_ctx = &copy;
	rc = log_copy_renew(&copy, w->policy.p == NULL, e);
	if (rc == RC_OK)
		rc = paid_check(w, r, e);
	log_copy_close(&copy);
	return rc;
}

enum rc
paid_command(const struct paid_command *c, bool *holds, struct err *e)
{
	struct record record = { .n = 0 };
	struct paid_wanted w = { .record = &record,
		.now_ms = clock_unix_ms(),
		.found = say,
		.refused = say };
	struct paid_report r;
	struct buf policy;
	enum rc rc;

	*holds = false;
	buf_init(&policy, POLICY_MAX);
	rc = record_read(&record, c->record, e);
	if (rc == RC_OK && c->policy != NULL)
		rc = buf_read_file(&policy, c->policy, e);
	if (rc == RC_OK && c->policy != NULL)
		w.policy = (struct slice){ policy.p == NULL ? "" : policy.p,
			policy.len };
	if (rc == RC_OK && record.unreadable > 0)
		printf("%" PRId64 " lines of the record can't be read\n",
		    record.unreadable);
	if (rc == RC_OK)
		rc = check(c, &w, &r, e);
	if (rc == RC_OK) {
		print_report(&r, w.policy.p != NULL);
		*holds = r.findings == 0;
	}
	if (fflush(stdout) != 0 && rc == RC_OK)
		rc = err_set(e, RC_IO, "standard output: %m");
	buf_free(&policy);
	record_free(&record);
	return rc;
}
