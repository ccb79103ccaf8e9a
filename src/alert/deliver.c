#include "alert/deliver.h"

#include <stdlib.h>
#include <string.h>

#include "alert/mail.h"
#include "alert/message.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/http.h"

#define REQUEST_TIMEOUT_MS 10000
#define MAIL_TIMEOUT_MS	   30000
#define RUN_MS		   45000 /* after that nothing more is begun */
#define WAIT_MS		   1000
#define WAIT_MAIL_MS	   100 /* between two looks at children */

#define USER_AGENT "worknet-alert/" PACKAGE_VERSION

static_assert(RECEIVERS_MAX <= HTTP_AT_ONCE_MAX,
    "each receiver has a request of its own");

/* A receiver, and the event that is on its way to it. */
struct line {
	const struct receiver *receiver;
	struct alert_due due;
	struct message message;
	struct http_request request;
	pid_t pid;	 /* of its sendmail; 0: none */
	int64_t kill_ms; /* monotonic */
	bool busy;
	bool closed; /* it gets nothing more in this run */
	/* What came of it, to be noted. */
	bool told;
	enum alert_outcome outcome;
	char detail[ALERT_DETAIL_MAX + 1];
	int64_t retry_ms;
};

struct deliverer {
	struct db *db;
	const struct conf *conf;
	struct http_client *http; /* owned */
	struct line *lines;	  /* owned: one for each receiver */
	size_t n;
	int64_t end_ms; /* monotonic: nothing is begun after it */
	struct deliver_result *result;
};

static void
tell(struct line *l, enum alert_outcome outcome, const char *detail)
{
	l->told = true;
	l->outcome = outcome;
	slice_copy(l->detail, sizeof(l->detail), slice_of(detail));
}

/* ---- What came of it ---- */

static void
response_judge(struct line *l, const struct http_response *r)
{
	char text[HTTP_ERROR_TEXT_MAX + 64];

	l->retry_ms = r->retry_after_s > 0
	    ? clock_unix_ms() + r->retry_after_s * 1000
	    : 0;
	if (r->status == 0) {
		(void)snprintf(text, sizeof(text), "%s%s%s",
		    http_error_name(r->error),
		    r->error_text[0] != '\0' ? ": " : "", r->error_text);
		tell(l, ALERT_FAILED, text);
		return;
	}
	(void)snprintf(text, sizeof(text), "answered %d%s", r->status,
	    r->status / 100 == 3 ? ", and no redirect is followed" : "");
	tell(l,
	    r->status / 100 == 2   ? ALERT_DELIVERED
		: r->status == 410 ? ALERT_GONE
				   : ALERT_FAILED,
	    text);
}

static void
on_response(void *ctx, size_t index, struct http_response *r)
{
	struct deliverer *d = ctx;

	response_judge(&d->lines[index], r);
}

static void
mails_look(struct deliverer *d)
{
	struct err e = ERR_INIT;
	struct line *l;
	enum rc rc;

	for (l = d->lines; l < d->lines + d->n; l++) {
		if (l->pid == 0)
			continue;
		if (mail_has_ended(l->pid, &rc, &e))
			tell(l, rc == RC_OK ? ALERT_DELIVERED : ALERT_FAILED,
			    rc == RC_OK ? "sendmail took it" : e.msg);
		else if (clock_monotonic_ms() >= l->kill_ms) {
			mail_kill(l->pid);
			tell(l, ALERT_FAILED, "sendmail took too long");
		} else
			continue;
		l->pid = 0;
	}
}

static enum rc
line_note(struct deliverer *d, struct line *l, struct err *e)
{
	enum rc rc = alert_tried(d->db, l->receiver->name, &l->due, l->outcome,
	    l->detail, l->retry_ms, clock_unix_ms(), e);

	if (rc != RC_OK)
		return rc;
	if (l->outcome == ALERT_DELIVERED) {
		d->result->delivered++;
		log_info(
		    "%s was told of %s", l->receiver->name, l->due.what.name);
	} else {
		d->result->failed++;
		log_warning("%s wasn't told of %s: %s", l->receiver->name,
		    l->due.what.name, l->detail);
	}
	l->closed = l->outcome != ALERT_DELIVERED;
	l->busy = l->told = false;
	message_free(&l->message);
	return RC_OK;
}

/* Notes what came of all that was answered, in one transaction. */
static enum rc
told_note(struct deliverer *d, struct err *e)
{
	enum rc rc = RC_OK;
	bool any = false;
	size_t i;

	for (i = 0; i < d->n; i++)
		any |= d->lines[i].told;
	if (!any)
		return RC_OK;
	rc = db_begin(d->db, e);
	for (i = 0; rc == RC_OK && i < d->n; i++)
		if (d->lines[i].told)
			rc = line_note(d, &d->lines[i], e);
	if (rc == RC_OK)
		rc = db_commit(d->db, e);
	if (rc != RC_OK)
		db_rollback(d->db);
	return rc;
}

/* ---- Sending ---- */

static enum rc
request_start(struct deliverer *d, struct line *l, struct err *e)
{
	l->request = (struct http_request){ .method = HTTP_POST,
		.url = l->receiver->where,
		.user_agent = USER_AGENT,
		.headers = l->message.headers,
		.body = { l->message.body.p, l->message.body.len },
		.timeout_ms = REQUEST_TIMEOUT_MS,
		.body_mode = HTTP_BODY_IGNORE,
		.target = d->conf->alert_allow_private ? target_is_any : NULL,
		.fresh = true };
	return http_start(d->http, &l->request, (size_t)(l - d->lines), e);
}

/* What can't even begin has failed. */
static void
line_start(struct deliverer *d, struct line *l)
{
	struct err e = ERR_INIT;
	enum rc rc;

	l->retry_ms = 0;
	rc = message_make(&l->message, l->receiver, &l->due.what,
	    d->conf->pages_origin, clock_unix_ms(), &e);
	if (rc == RC_OK && l->message.nothing)
		tell(l, ALERT_DELIVERED, "of that it isn't told");
	else if (rc == RC_OK && l->receiver->kind == RECEIVER_MAIL) {
		l->kill_ms = clock_monotonic_ms() + MAIL_TIMEOUT_MS;
		rc = mail_start(&l->pid, d->conf->alert_sendmail,
		    message_mail_address(l->receiver),
		    (struct slice){ l->message.body.p, l->message.body.len },
		    &e);
	} else if (rc == RC_OK)
		rc = request_start(d, l, &e);
	if (rc != RC_OK)
		tell(l, ALERT_FAILED, e.msg);
}

static enum rc
line_take(struct deliverer *d, struct line *l, struct err *e)
{
	bool off, any = false;
	enum rc rc = alert_is_off(d->db, l->receiver->name, &off, e);

	if (rc == RC_OK && !off)
		rc = alert_take(d->db, l->receiver->name, clock_unix_ms(),
		    &l->due, &any, e);
	l->busy = rc == RC_OK && any;
	l->closed |= !any;
	return rc;
}

/* What is due next for each receiver that is free: noted, then sent. */
static enum rc
due_send(struct deliverer *d, struct err *e)
{
	bool idle[RECEIVERS_MAX] = { false }, any = false;
	enum rc rc;
	size_t i;

	for (i = 0; i < d->n; i++) {
		idle[i] = !d->lines[i].busy && !d->lines[i].closed &&
		    clock_monotonic_ms() < d->end_ms;
		any |= idle[i];
	}
	if (!any)
		return RC_OK;
	rc = db_begin(d->db, e);
	for (i = 0; rc == RC_OK && i < d->n; i++)
		if (idle[i])
			rc = line_take(d, &d->lines[i], e);
	if (rc == RC_OK)
		rc = db_commit(d->db, e);
	if (rc != RC_OK) {
		db_rollback(d->db);
		return rc;
	}
	for (i = 0; i < d->n; i++)
		if (idle[i] && d->lines[i].busy)
			line_start(d, &d->lines[i]);
	return RC_OK;
}

static bool
is_busy(const struct deliverer *d, bool *mails)
{
	bool busy = false;
	size_t i;

	*mails = false;
	for (i = 0; i < d->n; i++) {
		busy |= d->lines[i].busy;
		*mails |= d->lines[i].pid != 0;
	}
	return busy;
}

static enum rc
lines_run(struct deliverer *d, struct err *e)
{
	enum rc rc = due_send(d, e);
	bool mails;

	while (rc == RC_OK && is_busy(d, &mails)) {
		(void)http_wait(d->http, mails ? WAIT_MAIL_MS : WAIT_MS, -1,
		    on_response, d);
		mails_look(d);
		rc = told_note(d, e);
		if (rc == RC_OK)
			rc = due_send(d, e);
	}
	return rc;
}

enum rc
deliver_run(struct db *db, const struct receivers *r, const struct conf *c,
    struct deliver_result *out, struct err *e)
{
	struct deliverer d = { .db = db,
		.conf = c,
		.n = r->n,
		.end_ms = clock_monotonic_ms() + RUN_MS,
		.result = out };
	enum rc rc;
	size_t i;

	*out = (struct deliver_result){ .delivered = 0 };
	if (r->n == 0)
		return RC_OK;
	d.lines = calloc(r->n, sizeof(d.lines[0]));
	if (d.lines == NULL)
		return err_set(e, RC_NO_MEMORY, "alerts: no memory");
	for (i = 0; i < r->n; i++)
		d.lines[i].receiver = &r->all[i];
	rc = http_client_new(&d.http, e);
	if (rc == RC_OK)
		rc = lines_run(&d, e);
	http_client_free(d.http);
	for (i = 0; i < r->n; i++) {
		if (d.lines[i].pid != 0)
			mail_kill(d.lines[i].pid);
		if (d.lines[i].busy)
			message_free(&d.lines[i].message);
	}
	free(d.lines);
	return rc;
}
