#include "publish/witnesses.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define ADD_CHECKPOINT	"/add-checkpoint"
#define TIMEOUT_MS	10000
#define ANSWER_MAX	NOTE_MAX
#define CLOCKS_DIFFER_S 86400 /* a cosignature's from ours, at most */

/* ---- The configuration ---- */

static enum rc
same_check(const struct witnesses *w, const struct witness *one, struct err *e)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (strcmp(w->all[i].key.name, one->key.name) == 0 ||
		    memcmp(w->all[i].key.public, one->key.public,
			ED25519_PUBLIC_LEN) == 0)
			return err_set(e, RC_INVALID,
			    "%s: a name or a key stands there twice",
			    one->key.name);
	return RC_OK;
}

static enum rc
url_take(struct witness *one, struct slice url, struct err *e)
{
	while (url.len > 0 && url.p[url.len - 1] == '/')
		url.len--;
	if (url.len + strlen(ADD_CHECKPOINT) > URL_MAX)
		return err_set(e, RC_INVALID, "a URL is too long");
	(void)snprintf(one->url, sizeof(one->url), "%.*s" ADD_CHECKPOINT,
	    (int)url.len, url.p);
	return http_url_check_private(one->url, e);
}

static enum rc
one_read(
    struct witnesses *w, struct slice vkey, struct slice url, struct err *e)
{
	struct witness *one = &w->all[w->n];
	enum rc rc;

	if (w->n == WITNESSES_MAX)
		return err_set(
		    e, RC_INVALID, "more than %d of them", WITNESSES_MAX);
	rc = note_key_parse(&one->key, vkey, e);
	if (rc == RC_OK && one->key.type != NOTE_COSIGNATURE)
		rc = err_set(e, RC_INVALID,
		    "%s: got a key of type %d, expected a witness's, %d",
		    one->key.name, one->key.type, NOTE_COSIGNATURE);
	if (rc == RC_OK && strlen(one->key.name) > POLICY_WORD_MAX)
		rc = err_set(e, RC_INVALID,
		    "%s: a name of more than %d bytes fits no policy",
		    one->key.name, POLICY_WORD_MAX);
	if (rc == RC_OK)
		rc = same_check(w, one, e);
	if (rc == RC_OK)
		rc = url_take(one, url, e);
	if (rc != RC_OK)
		return rc;
	buf_init(&one->line, NOTE_MAX);
	w->n++;
	return RC_OK;
}

enum rc
witnesses_read(struct witnesses *w, const char *list, struct err *e)
{
	const char *key, *url;
	size_t key_len, url_len;
	enum rc rc = RC_OK;

	memset(w, 0, sizeof(*w));
	while (rc == RC_OK && (key_len = http_urls_next(&list, &key)) > 0) {
		url_len = http_urls_next(&list, &url);
		rc = url_len == 0
		    ? err_set(e, RC_INVALID, "a key is without a URL")
		    : one_read(w, (struct slice){ key, key_len },
			  (struct slice){ url, url_len }, e);
	}
	if (rc == RC_OK)
		return RC_OK;
	witnesses_free(w);
	return err_prefix(e, "[log] witnesses, number %zu", w->n + 1);
}

void
witnesses_free(struct witnesses *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		buf_free(&w->all[i].line);
}

size_t
witnesses_needed(const struct witnesses *w)
{
	return w->n == 0 ? 0 : w->n / 2 + 1;
}

void
witnesses_know(
    struct witnesses *w, const struct note *published, const struct note *note)
{
	struct checkpoint c;
	struct witness *one;
	struct slice line;
	int64_t none;
	size_t i;

	if (checkpoint_parse(&c, published->text, NULL) != RC_OK)
		return;
	for (i = 0; i < w->n; i++) {
		one = &w->all[i];
		if (note_verify(published, &one->key, &none, NULL) != RC_OK)
			continue;
		/* What it has said itself by now is newer. */
		if (one->word == WITNESS_UNASKED && one->old == 0)
			one->old = c.size;
		if (published->text.len != note->text.len ||
		    memcmp(published->text.p, note->text.p, note->text.len) !=
			0)
			continue;
		line = note_line(published, &one->key);
		buf_reset(&one->line);
		buf_add(&one->line, line.p, line.len);
		buf_add_text(&one->line, "\n");
		one->word = WITNESS_SIGNED;
	}
}

/* ---- Questions ---- */

struct question {
	struct witnesses *w;
	struct faults *faults;
	int64_t now_s;
	bool before;  /* it is about what was cosigned, before more is */
	int64_t size; /* of the checkpoint that is asked about */
	struct slice text;
	size_t n;
	struct witness *of[WITNESSES_MAX]; /* who are asked */
	struct http_request request[WITNESSES_MAX];
	struct buf body[WITNESSES_MAX]; /* owned */
};

static const char *const headers[] = {
	"Content-Type: text/plain; charset=utf-8",
	NULL,
};

/* One that is wrong isn't asked again by this run. */
static void
is_wrong(struct question *q, struct witness *one, const char *text)
{
	one->word = WITNESS_WRONG;
	faults_note(q->faults, one->key.name, "wrong", text);
}

static void
take_signed(struct question *q, struct witness *one, struct slice answer)
{
	struct err e = ERR_INIT;
	int64_t at_s;
	enum rc rc;

	buf_reset(&one->line);
	rc = witness_take(&one->line, &at_s, q->text, answer, &one->key, &e);
	if (rc == RC_OK &&
	    (at_s < q->now_s - CLOCKS_DIFFER_S ||
		at_s > q->now_s + CLOCKS_DIFFER_S))
		rc = err_set(&e, RC_INVALID,
		    "its cosignature is of %" PRId64
		    ", and the clock shows %" PRId64,
		    at_s, q->now_s);
	if (rc != RC_OK) {
		is_wrong(q, one, e.msg);
		return;
	}
	one->word = WITNESS_SIGNED;
	one->old = q->size;
	/* What it has cosigned before says nothing of what is new. */
	if (!q->before)
		faults_over(q->faults, one->key.name);
}

static void
take_size(struct question *q, struct witness *one, struct slice answer)
{
	struct err e = ERR_INIT;
	int64_t size;

	if (witness_size(&size, answer, &e) != RC_OK) {
		is_wrong(q, one, e.msg);
	} else if (size > q->size) {
		one->word = WITNESS_AHEAD;
		(void)err_set(&e, RC_CORRUPT,
		    "it says that it has seen %" PRId64
		    " leaves of the log, which has %" PRId64,
		    size, q->size);
		faults_note(q->faults, one->key.name, "ahead", e.msg);
	} else if (size == one->old) {
		is_wrong(q, one,
		    "it has seen what it was told that it has, and answers 409");
	} else {
		one->word = WITNESS_BEHIND;
		one->old = size;
	}
}

/* An answer that says no, with the beginning of its own words. */
static void
take_refusal(
    struct question *q, struct witness *one, int status, struct slice answer)
{
	char said[160], text[400];
	const char *means = "";

	if (status == 404)
		means = ": it doesn't know the log, whose key it needs";
	else if (status == 403)
		means = ": it doesn't take the log's signature";
	else if (status == 422)
		means = ": to it this isn't the log that it has seen";
	text_clean(said, sizeof(said), answer);
	(void)snprintf(text, sizeof(text), "it answers %d%s%s%s%s", status,
	    means, said[0] == '\0' ? "" : " (", said,
	    said[0] == '\0' ? "" : ")");
	is_wrong(q, one, text);
}

static void
on_answer(void *ctx, size_t index, struct http_response *r)
{
	struct question *q = ctx;
	struct witness *one = q->of[index];
	const struct slice answer = { r->body.p == NULL ? "" : r->body.p,
		r->body.len };

	if (r->error != HTTP_ERROR_NONE || r->status >= 500 ||
	    r->status == 429) {
		one->word = WITNESS_AWAY;
		faults_note_away(q->faults, one->key.name, r);
	} else if (r->status == 200) {
		take_signed(q, one, answer);
	} else if (r->status == 409) {
		take_size(q, one, answer);
	} else {
		take_refusal(q, one, r->status, answer);
	}
}

static enum rc
question_add(struct question *q, struct witness *one,
    const struct tree_proof *proof, struct slice note, struct err *e)
{
	struct buf *body = &q->body[q->n];

	buf_init(body, WITNESS_ASK_MAX);
	witness_ask_format(body, one->old, proof, note);
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
		.body_max = ANSWER_MAX,
		.target = target_is_any, /* the operator's own choice */
		.proxy_from_env = true,
	};
	return buf_status(body, e);
}

/* All of them at once. */
static void
question_ask(struct question *q, struct http_client *http)
{
	if (q->n > 0)
		http_run(
		    http, q->request, q->n, WITNESSES_MAX, -1, on_answer, q);
}

static void
question_end(struct question *q)
{
	while (q->n > 0)
		buf_free(&q->body[--q->n]);
}

/* The text of a note of ours. */
static struct slice
text_of(struct slice note)
{
	struct note n;

	return note_parse(&n, note, NULL) == RC_OK ? n.text
						   : (struct slice){ "", 0 };
}

enum rc
witnesses_ask_before(struct witnesses *w, struct http_client *http,
    int64_t size, struct slice note, int64_t now_s, struct faults *f,
    struct err *e)
{
	static const struct tree_proof none;
	struct question q = { .w = w,
		.faults = f,
		.now_s = now_s,
		.before = true,
		.size = size,
		.text = text_of(note) };
	size_t i, ahead = 0, others = 0;
	enum rc rc = RC_OK;

	for (i = 0; i < w->n && rc == RC_OK; i++) {
		w->all[i].old = size;
		rc = question_add(&q, &w->all[i], &none, note, e);
	}
	if (rc == RC_OK)
		question_ask(&q, http);
	question_end(&q);
	for (i = 0; i < w->n; i++) {
		ahead += w->all[i].word == WITNESS_AHEAD;
		if (w->all[i].word != WITNESS_SIGNED &&
		    w->all[i].word != WITNESS_BEHIND)
			continue;
		others++;
		w->all[i].word = WITNESS_UNASKED;
	}
	if (rc != RC_OK || ahead == 0 || ahead < others)
		return rc;
	return err_set(e, RC_CORRUPT,
	    "%zu of %zu witnesses have seen more of the log than its %" PRId64
	    " leaves, and no more than %zu haven't: its directories are older copies, or another one signs with its key; nothing is signed. Put the newest ones there; if it is certain that they are, and the witnesses lie, take these out of [log] witnesses",
	    ahead, w->n, size, others);
}

/* Those of that word, once. */
static enum rc
ask_those(struct question *q, enum witness_word word, struct http_client *http,
    struct site *site, struct slice note, struct err *e)
{
	struct tree_proof proof;
	struct witness *one;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; i < q->w->n && rc == RC_OK; i++) {
		one = &q->w->all[i];
		if (one->word != word)
			continue;
		proof.n = 0;
		if (one->old > 0)
			rc = tree_prove_consistency(
			    &proof, one->old, q->size, site_node, site, e);
		if (rc == RC_OK)
			rc = question_add(q, one, &proof, note, e);
	}
	if (rc == RC_OK)
		question_ask(q, http);
	question_end(q);
	return rc;
}

enum rc
witnesses_ask(struct witnesses *w, struct http_client *http, struct site *site,
    struct slice note, int64_t now_s, struct faults *f, struct err *e)
{
	struct question q = { .w = w,
		.faults = f,
		.now_s = now_s,
		.size = site->size,
		.text = text_of(note) };
	size_t i;
	enum rc rc;

	rc = ask_those(&q, WITNESS_UNASKED, http, site, note, e);
	if (rc == RC_OK)
		rc = ask_those(&q, WITNESS_BEHIND, http, site, note, e);
	for (i = 0; i < w->n; i++)
		if (w->all[i].word == WITNESS_BEHIND)
			is_wrong(&q, &w->all[i],
			    "it answers with another size each time");
	return rc;
}

size_t
witnesses_lines(const struct witnesses *w, struct buf *out)
{
	const struct witness *one;
	size_t i, n = 0;

	for (i = 0; i < w->n; i++) {
		one = &w->all[i];
		if (one->word != WITNESS_SIGNED)
			continue;
		buf_add(out, one->line.p, one->line.len);
		n++;
	}
	return n;
}
