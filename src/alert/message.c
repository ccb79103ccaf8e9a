#include "alert/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/secret.h"
#include "eth/attest.h"
#include "eth/sha256.h"
#include "json/json.h"

#define BODY_BYTES_MAX 65536
#define TEXT_BYTES_MAX 4096
#define TIME_LEN       20 /* "2026-01-31T23:59:59Z" */
#define JSON_TYPE      "Content-Type: application/json"

/* ---- Words ---- */

static void
time_text(char out[static TIME_LEN + 1], int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	out[0] = '\0';
	if (gmtime_r(&s, &tm) != NULL)
		(void)strftime(out, TIME_LEN + 1, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* What happened, as a sentence. */
static void
sentence_add(struct buf *b, const struct alert_event *v)
{
	char from[TIME_LEN + 1], to[TIME_LEN + 1];

	time_text(from, v->from_ms);
	time_text(to, v->to_ms);
	switch (v->kind) {
	case ALERT_OPENED:
		buf_printf(b,
		    "%s is down since %s: %" PRId64 " networks say so%s",
		    v->task_name, from, v->networks,
		    v->planned ? ", in announced maintenance" : "");
		break;
	case ALERT_ENDED:
		buf_printf(b,
		    v->ended == UPTIME_RECOVERED
			? "%s is up again since %s: it was down for %" PRId64
			  " s"
			: "nobody knows any more how %s is: its incident ended with the last check, at %s, after %" PRId64
			  " s",
		    v->task_name, to, (v->to_ms - v->from_ms) / 1000);
		break;
	case ALERT_MAINTENANCE:
		buf_printf(b, "maintenance of %s has begun, until %s: %s",
		    v->task_name, to, v->why);
		break;
	case ALERT_TEST:
		buf_add_text(b, "worknet can tell you of incidents");
		break;
	}
}

/* The same in a few words. */
static const char *
title_of(const struct alert_event *v)
{
	switch (v->kind) {
	case ALERT_OPENED:
		return "down";
	case ALERT_ENDED:
		return v->ended == UPTIME_RECOVERED ? "up again" : "unknown";
	case ALERT_MAINTENANCE:
		return "maintenance";
	case ALERT_TEST:
		break;
	}
	return "test";
}

/* The page of the task; nothing of a name that the protocol doesn't allow. */
static bool
page_add(struct buf *b, const struct alert_event *v, const char *origin)
{
	if (origin[0] == '\0' || !task_id_is_valid(slice_of(v->task_name)))
		return false;
	buf_printf(b, "%s/task/%s", origin, v->task_name);
	return true;
}

/* The name of the incident, which its two events share. */
static struct slice
incident_of(const struct alert_event *v)
{
	const char *last = strrchr(v->name, '-');
	size_t len = strlen(v->name);

	if ((v->kind == ALERT_OPENED || v->kind == ALERT_ENDED) && last != NULL)
		len = (size_t)(last - v->name);
	return (struct slice){ v->name, len };
}

static void
json_buf(struct json_writer *w, const char *key, const struct buf *b)
{
	json_key(w, key);
	json_slice(w, (struct slice){ b->p, b->len });
}

static void
json_member(struct json_writer *w, const char *key, const char *text)
{
	json_key(w, key);
	json_string(w, text);
}

/* ---- Standard Webhooks ---- */

enum rc
message_sign(struct buf *out, const struct receiver *r, const char *id,
    int64_t timestamp_s, struct slice body, struct err *e)
{
	uint8_t key[SECRET_BYTES_MAX], mac[SHA256_LEN];
	struct buf text;
	enum rc rc = RC_OK;
	size_t i, len;

	buf_init(&text, BODY_BYTES_MAX + MESSAGE_LINE_MAX);
	buf_printf(&text, "%s.%" PRId64 ".", id, timestamp_s);
	buf_add(&text, body.p, body.len);
	rc = buf_status(&text, e);
	for (i = 0; rc == RC_OK && i < r->secrets_n; i++) {
		rc = receiver_secret_bytes(key, &len, r->secrets[i], e);
		if (rc != RC_OK)
			break;
		hmac_sha256(mac, key, len, text.p, text.len);
		buf_add_text(out, i == 0 ? "v1," : " v1,");
		base64_add(out, mac, sizeof(mac));
	}
	secret_wipe(key, sizeof(key));
	buf_free(&text);
	return rc == RC_OK ? buf_status(out, e) : rc;
}

static void
data_write(struct json_writer *w, const struct alert_event *v,
    const struct buf *text, const struct buf *page)
{
	json_open_object(w);
	if (v->kind != ALERT_TEST)
		json_member(w, "task", v->task_name);
	json_key(w, "incident");
	if (v->kind == ALERT_OPENED || v->kind == ALERT_ENDED)
		json_slice(w, incident_of(v));
	else
		json_null(w);
	json_key(w, "fromMs");
	json_number(w, v->from_ms);
	json_key(w, "toMs");
	if (v->to_ms == UPTIME_NO_TIME)
		json_null(w);
	else
		json_number(w, v->to_ms);
	if (v->kind == ALERT_ENDED)
		json_member(w, "ended",
		    v->ended == UPTIME_RECOVERED ? "recovered" : "evidence");
	json_key(w, "networks");
	json_number(w, v->networks);
	json_key(w, "planned");
	json_bool(w, v->planned);
	if (v->why[0] != '\0')
		json_member(w, "why", v->why);
	json_buf(w, "text", text);
	if (page->len > 0)
		json_buf(w, "url", page);
	json_close_object(w);
}

static void
webhook_write(struct json_writer *w, const struct alert_event *v,
    const struct buf *text, const struct buf *page)
{
	char at[TIME_LEN + 1];

	time_text(at, v->noted_ms);
	json_open_object(w);
	json_member(w, "type", alert_kind_name(v->kind));
	json_member(w, "timestamp", at);
	json_key(w, "data");
	data_write(w, v, text, page);
	json_close_object(w);
}

static enum rc
webhook_headers(struct message *m, const struct receiver *r,
    const struct alert_event *v, int64_t now_ms, struct err *e)
{
	struct buf signature;
	enum rc rc;

	buf_init(&signature, MESSAGE_LINE_MAX - 32);
	rc = message_sign(&signature, r, v->name, now_ms / 1000,
	    (struct slice){ m->body.p, m->body.len }, e);
	if (rc == RC_OK) {
		(void)snprintf(
		    m->lines[0], MESSAGE_LINE_MAX, "webhook-id: %s", v->name);
		(void)snprintf(m->lines[1], MESSAGE_LINE_MAX,
		    "webhook-timestamp: %" PRId64, now_ms / 1000);
		(void)snprintf(m->lines[2], MESSAGE_LINE_MAX,
		    "webhook-signature: %s", signature.p);
	}
	buf_free(&signature);
	return rc;
}

/* ---- PagerDuty: Events API v2 ---- */

static void
pagerduty_write(struct json_writer *w, const struct receiver *r,
    const struct alert_event *v, const struct buf *text, const struct buf *page)
{
	char at[TIME_LEN + 1];

	time_text(at, v->kind == ALERT_ENDED ? v->to_ms : v->from_ms);
	json_open_object(w);
	json_member(w, "routing_key", r->secrets[0]);
	json_member(
	    w, "event_action", v->kind == ALERT_ENDED ? "resolve" : "trigger");
	json_key(w, "dedup_key");
	json_slice(w, incident_of(v));
	json_key(w, "payload");
	json_open_object(w);
	json_buf(w, "summary", text);
	json_member(
	    w, "source", v->task_name[0] == '\0' ? "worknet" : v->task_name);
	json_member(w, "severity",
	    v->kind == ALERT_TEST ? "info"
		: v->planned	  ? "warning"
				  : "critical");
	json_member(w, "timestamp", at);
	json_close_object(w);
	if (page->len > 0) {
		json_key(w, "links");
		json_open_array(w);
		json_open_object(w);
		json_buf(w, "href", page);
		json_member(w, "text", "the task's page");
		json_close_object(w);
		json_close_array(w);
	}
	json_close_object(w);
}

/* ---- Slack, and who takes the same ---- */

static void
slack_write(
    struct json_writer *w, const struct buf *text, const struct buf *page)
{
	struct buf escaped;
	size_t i;

	/* What Slack reads as marks: a link, or everybody's name. */
	buf_init(&escaped, BODY_BYTES_MAX);
	for (i = 0; i < text->len; i++)
		switch (text->p[i]) {
		case '&':
			buf_add_text(&escaped, "&amp;");
			break;
		case '<':
			buf_add_text(&escaped, "&lt;");
			break;
		case '>':
			buf_add_text(&escaped, "&gt;");
			break;
		default:
			buf_add(&escaped, &text->p[i], 1);
		}
	if (page->len > 0)
		buf_printf(&escaped, "\n<%s>", page->p);
	json_open_object(w);
	json_buf(w, "text", &escaped);
	json_close_object(w);
	buf_free(&escaped);
}

/* ---- ntfy: words in the body, and fixed ones in the headers ---- */

static void
ntfy_make(struct message *m, const struct receiver *r,
    const struct alert_event *v, const struct buf *text, const struct buf *page)
{
	bool bad = v->kind == ALERT_OPENED && !v->planned;

	buf_add(&m->body, text->p, text->len);
	(void)snprintf(
	    m->lines[0], MESSAGE_LINE_MAX, "Title: worknet: %s", title_of(v));
	(void)snprintf(
	    m->lines[1], MESSAGE_LINE_MAX, "Priority: %s", bad ? "5" : "3");
	(void)snprintf(m->lines[2], MESSAGE_LINE_MAX, "Tags: %s",
	    bad				 ? "rotating_light"
		: v->kind == ALERT_ENDED ? "white_check_mark"
					 : "information_source");
	if (page->len > 0 && page->len < MESSAGE_LINE_MAX - 16)
		(void)snprintf(
		    m->lines[3], MESSAGE_LINE_MAX, "Click: %s", page->p);
	if (r->secrets_n > 0)
		(void)snprintf(m->lines[4], MESSAGE_LINE_MAX,
		    "Authorization: Bearer %s", r->secrets[0]);
}

/* ---- Mail ---- */

const char *
message_mail_address(const struct receiver *r)
{
	return r->where + sizeof("mailto:") - 1;
}

/*
 * Nothing of what strangers wrote stands in its header but a name that the
 * protocol allows; a body's lines can't end it: sendmail is told to look for no
 * dot.
 */
static void
mail_make(struct message *m, const struct receiver *r,
    const struct alert_event *v, const struct buf *text, const struct buf *page)
{
	bool named = task_id_is_valid(slice_of(v->task_name));

	buf_printf(&m->body,
	    "To: %s\n"
	    "Subject: worknet: %s%s%s\n"
	    "Message-ID: <%s@worknet>\n"
	    "Auto-Submitted: auto-generated\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: 8bit\n"
	    "\n",
	    message_mail_address(r), named ? v->task_name : "",
	    named ? ": " : "", title_of(v), v->name);
	buf_add(&m->body, text->p, text->len);
	buf_add_text(&m->body, "\n");
	if (page->len > 0)
		buf_printf(&m->body, "\n%s\n", page->p);
}

/* ---- All ---- */

static enum rc
json_make(struct message *m, const struct receiver *r,
    const struct alert_event *v, const struct buf *text, const struct buf *page,
    struct err *e)
{
	struct json_writer *w;
	enum rc rc = json_writer_new(&w, &m->body, false, e);

	if (rc != RC_OK)
		return rc;
	if (r->kind == RECEIVER_WEBHOOK)
		webhook_write(w, v, text, page);
	else if (r->kind == RECEIVER_PAGERDUTY)
		pagerduty_write(w, r, v, text, page);
	else
		slack_write(w, text, page);
	json_writer_free(w);
	(void)snprintf(
	    m->lines[MESSAGE_HEADERS_MAX - 1], MESSAGE_LINE_MAX, JSON_TYPE);
	return RC_OK;
}

static void
headers_point(struct message *m)
{
	size_t i, n = 0;

	for (i = 0; i < MESSAGE_HEADERS_MAX; i++)
		if (m->lines[i][0] != '\0')
			m->headers[n++] = m->lines[i];
	m->headers[n] = NULL;
}

enum rc
message_make(struct message *m, const struct receiver *r,
    const struct alert_event *event, const char *origin, int64_t now_ms,
    struct err *e)
{
	struct buf text, page;
	enum rc rc = RC_OK;

	*m = (struct message){ .nothing = r->kind == RECEIVER_PAGERDUTY &&
		    event->kind == ALERT_MAINTENANCE };
	buf_init(&m->body, BODY_BYTES_MAX);
	buf_init(&text, TEXT_BYTES_MAX);
	buf_init(&page, TEXT_BYTES_MAX);
	sentence_add(&text, event);
	(void)page_add(&page, event, origin);
	if (r->kind == RECEIVER_NTFY)
		ntfy_make(m, r, event, &text, &page);
	else if (r->kind == RECEIVER_MAIL)
		mail_make(m, r, event, &text, &page);
	else
		rc = json_make(m, r, event, &text, &page, e);
	if (rc == RC_OK)
		rc = buf_status(&text, e);
	if (rc == RC_OK)
		rc = buf_status(&m->body, e);
	if (rc == RC_OK && r->kind == RECEIVER_WEBHOOK)
		rc = webhook_headers(m, r, event, now_ms, e);
	headers_point(m);
	buf_free(&text);
	buf_free(&page);
	return rc;
}

void
message_free(struct message *m)
{
	if (m->body.p != NULL)
		secret_wipe(m->body.p, m->body.len);
	secret_wipe(m->lines, sizeof(m->lines));
	buf_free(&m->body);
}
