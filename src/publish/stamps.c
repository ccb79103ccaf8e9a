#include "publish/stamps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keys/timestamp.h"
#include "proof/stamp.h"

#define TIMEOUT_MS	10000
#define CLOCKS_DIFFER_S 86400 /* a stamp's from ours, at most */

/* ---- The configuration ---- */

static enum rc
one_read(struct stamps *s, struct slice name, struct slice url,
    struct slice path, struct err *e)
{
	struct authority *one = &s->all[s->n];
	char file[PATH_LEN_MAX + 1];
	enum rc rc;
	size_t i;

	if (s->n == POLICY_AUTHORITIES)
		return err_set(
		    e, RC_INVALID, "more than %d of them", POLICY_AUTHORITIES);
	if (!policy_authority_is_name(name))
		return err_set(e, RC_INVALID,
		    "a name is of at most %d letters, digits, - and .",
		    POLICY_WORD_MAX);
	slice_copy(one->name, sizeof(one->name), name);
	for (i = 0; i < s->n; i++)
		if (strcmp(s->all[i].name, one->name) == 0)
			return err_set(
			    e, RC_INVALID, "%s stands there twice", one->name);
	if (url.len > URL_MAX || path.len > PATH_LEN_MAX || path.len == 0 ||
	    path.p[0] != '/')
		return err_set(e, RC_INVALID,
		    "%s: expected a URL, and the path of a file from / on with its certificate",
		    one->name);
	slice_copy(one->url, sizeof(one->url), url);
	slice_copy(file, sizeof(file), path);
	rc = http_url_check(one->url, e);
	buf_init(&one->certificate, POLICY_CERTIFICATE_MAX);
	if (rc == RC_OK)
		rc = timestamp_certificate(&one->certificate, file, e);
	s->n++;
	return rc;
}

enum rc
stamps_read(struct stamps *s, const char *list, struct err *e)
{
	const char *name, *url, *path;
	size_t name_len, url_len, path_len;
	enum rc rc = RC_OK;

	memset(s, 0, sizeof(*s));
	while (rc == RC_OK && (name_len = http_urls_next(&list, &name)) > 0) {
		url_len = http_urls_next(&list, &url);
		path_len = http_urls_next(&list, &path);
		rc = one_read(s, (struct slice){ name, name_len },
		    (struct slice){ url, url_len },
		    (struct slice){ path, path_len }, e);
	}
	if (rc == RC_OK)
		return RC_OK;
	stamps_free(s);
	return err_prefix(e, "[log] timestamp_authorities");
}

void
stamps_free(struct stamps *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		buf_free(&s->all[i].certificate);
}

/* ---- Questions ---- */

struct question {
	struct faults *faults;
	struct site *site;
	int64_t now_s;
	struct slice note;
	uint8_t hash[SHA256_LEN];
	size_t n;
	struct authority *of[POLICY_AUTHORITIES];
	uint8_t nonce[POLICY_AUTHORITIES][TIMESTAMP_NONCE_LEN];
	struct buf body[POLICY_AUTHORITIES]; /* owned */
	struct http_request request[POLICY_AUTHORITIES];
	struct err *e; /* of our own disk */
	enum rc rc;
};

static const char *const headers[] = {
	"Content-Type: application/timestamp-query",
	"Accept: application/timestamp-reply",
	NULL,
};

static void
take_stamp(struct question *q, size_t i, struct slice answer)
{
	const struct authority *one = q->of[i];
	char name[STAMP_NAME_MAX + 1];
	struct err e = ERR_INIT;
	int64_t at_s;
	enum rc rc;

	rc = timestamp_check(&at_s, answer, q->hash, q->nonce[i],
	    (struct slice){ one->certificate.p, one->certificate.len }, &e);
	if (rc == RC_OK &&
	    (at_s < q->now_s - CLOCKS_DIFFER_S ||
		at_s > q->now_s + CLOCKS_DIFFER_S))
		rc = err_set(&e, RC_INVALID,
		    "its stamp is of %" PRId64 ", and the clock shows %" PRId64,
		    at_s, q->now_s);
	if (rc != RC_OK) {
		faults_note(q->faults, one->name, "wrong", e.msg);
		return;
	}
	faults_over(q->faults, one->name);
	stamp_name(name, q->note, one->name);
	if (q->rc == RC_OK)
		q->rc = site_put(q->site, name, answer, q->e);
}

static void
on_answer(void *ctx, size_t index, struct http_response *r)
{
	struct question *q = ctx;

	if (r->error == HTTP_ERROR_NONE && r->status == 200)
		take_stamp(q, index,
		    (struct slice){
			r->body.p == NULL ? "" : r->body.p, r->body.len });
	else
		faults_note_away(q->faults, q->of[index]->name, r);
}

static bool
is_there(const struct question *q, const struct authority *one)
{
	char name[STAMP_NAME_MAX + 1], path[FILE_PATH_SIZE + STAMP_NAME_MAX];

	stamp_name(name, q->note, one->name);
	(void)snprintf(path, sizeof(path), "%s/%s", q->site->path, name);
	return access(path, F_OK) == 0;
}

static enum rc
question_add(struct question *q, struct authority *one, struct err *e)
{
	struct buf *body = &q->body[q->n];
	enum rc rc;

	buf_init(body, TIMESTAMP_QUERY_MAX);
	rc = timestamp_query(body, q->nonce[q->n], q->hash, e);
	q->of[q->n] = one;
	q->request[q->n++] = (struct http_request){
		.method = HTTP_POST,
		.url = one->url,
		.user_agent = "worknet-log",
		.headers = headers,
		.body = { body->p, body->len },
		.timeout_ms = TIMEOUT_MS,
		.connect_timeout_ms = TIMEOUT_MS,
		.body_mode = HTTP_BODY_KEEP,
		.body_max = TIMESTAMP_MAX,
		.target = target_is_any, /* the operator's own choice */
		.proxy_from_env = true,
	};
	return rc;
}

enum rc
stamps_ask(struct stamps *s, struct http_client *http, struct site *site,
    struct slice note, int64_t now_s, struct faults *f, struct err *e)
{
	struct question q = {
		.faults = f, .site = site, .now_s = now_s, .note = note, .e = e
	};
	enum rc rc = RC_OK;
	size_t i;

	sha256(q.hash, note.p, note.len);
	for (i = 0; i < s->n && rc == RC_OK; i++)
		if (!is_there(&q, &s->all[i]))
			rc = question_add(&q, &s->all[i], e);
	if (rc == RC_OK && q.n > 0)
		http_run(http, q.request, q.n, POLICY_AUTHORITIES, -1,
		    on_answer, &q);
	while (q.n > 0)
		buf_free(&q.body[--q.n]);
	return rc == RC_OK ? q.rc : rc;
}
