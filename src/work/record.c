#include "work/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "eth/attest.h"
#include "proof/seal.h"
#include "work/answer.h"
#include "json/json.h"

/* ---- What an answer says ---- */

enum said { SAID_REFUSED, SAID_UNCLEAR, SAID_CREDITED };

static const char *const said_names[] = {
	[SAID_UNCLEAR] = "unclear",
	[SAID_CREDITED] = "credited",
};

struct answer {
	struct json *root; /* owned */
	const struct json *errors;
	bool adds_up; /* each result was credited or refused */
};

/* What is there of a refusal behind the task's name and ": "; NULL. */
static const char *
reason_of(const char *refusal, const char *task)
{
	const size_t n = strlen(task);

	return refusal != NULL && strncmp(refusal, task, n) == 0 &&
		strncmp(refusal + n, ": ", 2) == 0
	    ? refusal + n + 2
	    : NULL;
}

static enum rc
answer_parse(struct answer *a, struct slice text, size_t n, struct err *e)
{
	int64_t accepted;
	enum rc rc;

	rc = json_read(&a->root, text, e);
	if (rc != RC_OK)
		return rc;
	a->errors = json_get(a->root, "errors");
	rc = json_int(&accepted, json_get(a->root, "accepted"));
	a->adds_up = rc == RC_OK &&
	    (uint64_t)accepted + json_count(a->errors) == (uint64_t)n;
	return RC_OK;
}

/* What it says of a task's results, of which so many were sent. */
static enum said
answer_says(const struct answer *a, const char *task, size_t sent)
{
	size_t i, refused = 0;
	const char *reason;

	for (i = 0; i < json_count(a->errors); i++) {
		reason = reason_of(json_text(json_at(a->errors, i)), task);
		if (reason != NULL && strcmp(reason, ANSWER_RECORDED) != 0)
			refused++;
	}
	if (refused >= sent)
		return SAID_REFUSED;
	return refused == 0 && a->adds_up ? SAID_CREDITED : SAID_UNCLEAR;
}

/* ---- Writing ---- */

/* The task of a result that was sent, borrowed from *tree; NULL: none. */
static const char *
task_of(const struct queued *q, struct json **tree)
{
	*tree = NULL;
	return json_read(tree, (struct slice){ q->text, q->len }, NULL) == RC_OK
	    ? json_text(json_get(*tree, "taskId"))
	    : NULL;
}

static size_t
sent_of(const struct queue *q, size_t n, const char *task)
{
	struct json *tree;
	const char *other;
	size_t i, sent = 0;

	for (i = 0; i < n; i++) {
		other = task_of(&q->items[i], &tree);
		sent += other != NULL && strcmp(other, task) == 0;
		json_free(tree);
	}
	return sent;
}

static void
line_add(
    struct buf *out, const char *worker, const struct queued *q, enum said said)
{
	char ledger[HEX_SIZE(LEDGER_ID_LEN)], root[HEX_SIZE(KECCAK256_LEN)];
	char seal[HEX_SIZE(SHA256_LEN)];

	buf_printf(out, "{\"worker\":\"%s\",\"said\":\"%s\",", worker,
	    said_names[said]);
	if (q->in_round) {
		hex_encode(ledger, q->round.ledger_id, LEDGER_ID_LEN);
		hex_encode(root, q->round.anchor_root, KECCAK256_LEN);
		buf_printf(out,
		    "\"ledger\":\"%s\",\"anchor\":%" PRId64 ",\"root\":\"%s\",",
		    ledger, q->round.anchor_size, root);
	}
	if (q->seal.label[0] != '\0') {
		hex_encode(seal, q->seal.seal, SHA256_LEN);
		buf_printf(out, "\"label\":\"%s\",\"seal\":\"%s\",",
		    q->seal.label, seal);
	}
	buf_add_text(out, "\"result\":");
	buf_add(out, q->text, q->len);
	buf_add_text(out, "}\n");
}

/* Behind what is there; a line that was cut before is ended first. */
static enum rc
append(const char *path, const struct buf *lines, struct err *e)
{
	const int fd =
	    open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	char last = '\n';
	off_t end;
	enum rc rc;

	if (fd < 0)
		return err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	end = lseek(fd, 0, SEEK_END);
	if (end > 0 && pread(fd, &last, 1, end - 1) != 1)
		last = '\n'; /* what can't be sought, such as a pipe */
	rc = last == '\n' ? RC_OK : file_write(fd, "\n", 1, path, e);
	if (rc == RC_OK)
		rc = file_write(fd, lines->p, lines->len, path, e);
	if (close(fd) != 0 && rc == RC_OK)
		rc = err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	return rc;
}

enum rc
record_add(const char *path, const char *worker, const struct queue *q,
    size_t n, struct slice answer, struct err *e)
{
	struct answer a = { .root = NULL };
	struct json *tree;
	struct buf lines;
	const char *task;
	enum said said;
	size_t i;
	enum rc rc;

	buf_init(&lines, RECORD_BYTES);
	rc = answer_parse(&a, answer, n, e);
	for (i = 0; i < n && rc == RC_OK; i++) {
		task = task_of(&q->items[i], &tree);
		said = task == NULL
		    ? SAID_REFUSED
		    : answer_says(&a, task, sent_of(q, n, task));
		if (said != SAID_REFUSED)
			line_add(&lines, worker, &q->items[i], said);
		json_free(tree);
	}
	if (rc == RC_OK)
		rc = buf_status(&lines, e);
	if (rc == RC_OK && lines.len > 0)
		rc = append(path, &lines, e);
	json_free(a.root);
	buf_free(&lines);
	return rc;
}

/* ---- Reading ---- */

static bool
hex_read(uint8_t *out, size_t len, const struct json *j)
{
	const char *text = json_text(j);

	return text != NULL &&
	    hex_decode(out, len, slice_of(text), NULL) == RC_OK;
}

static bool
round_take(struct record_result *r, const struct json *line)
{
	return json_int(&r->slot, json_get(json_get(line, "result"), "slot")) ==
	    RC_OK &&
	    json_int(&r->anchor_size, json_get(line, "anchor")) == RC_OK &&
	    hex_read(
		r->anchor_root, sizeof(r->anchor_root), json_get(line, "root"));
}

static bool
signing_take(struct record_result *r, const struct json *line)
{
	const struct json *sig =
	    json_get(json_get(line, "result"), "signature");
	uint8_t bytes[SIGNATURE_LEN];

	r->slot = RECORD_NONE;
	if (json_get(line, "ledger") != NULL)
		return round_take(r, line);
	if (!hex_read(bytes, sizeof(bytes), sig))
		return false;
	hex_encode(r->signature, bytes, sizeof(bytes));
	return true;
}

/* Of a result of a private task; else there is neither. */
static bool
seal_take(struct record_result *r, const struct json *line)
{
	const char *label = json_text(json_get(line, "label"));

	if (json_get(line, "label") == NULL && json_get(line, "seal") == NULL)
		return true;
	if (label == NULL || !private_is_label(slice_of(label)))
		return false;
	slice_copy(r->label, sizeof(r->label), slice_of(label));
	return hex_read(r->seal, sizeof(r->seal), json_get(line, "seal"));
}

/* False for what record_add doesn't write. r->error is owned in any case. */
static bool
line_take(struct record_result *r, const struct json *line)
{
	const struct json *sent = json_get(line, "result");
	const char *worker = json_text(json_get(line, "worker"));
	const char *said = json_text(json_get(line, "said"));
	const char *task = json_text(json_get(sent, "taskId"));
	const char *error = json_text(json_get(sent, "error"));

	if (worker == NULL || said == NULL || task == NULL ||
	    !task_id_is_valid(slice_of(task)) ||
	    address_parse(&r->worker, NULL, slice_of(worker), NULL) != RC_OK)
		return false;
	slice_copy(r->task, sizeof(r->task), slice_of(task));
	r->is_credited = strcmp(said, said_names[SAID_CREDITED]) == 0;
	r->success = json_is_true(json_get(sent, "success"));
	r->status = RECORD_NONE;
	r->error = strdup(error == NULL ? "" : error);
	if (json_get(sent, "statusCode") != NULL &&
	    json_int(&r->status, json_get(sent, "statusCode")) != RC_OK)
		return false;
	return r->error != NULL && signing_take(r, line) &&
	    seal_take(r, line) &&
	    json_int(&r->timestamp_ms, json_get(sent, "timestamp")) == RC_OK &&
	    json_int(&r->response_ms, json_get(sent, "responseTimeMs")) ==
	    RC_OK;
}

static enum rc
line_read(struct record *out, struct slice text, struct err *e)
{
	struct record_result *all, *r;
	struct json *line = NULL;

	if (out->n == out->room) {
		out->room = out->room == 0 ? 256 : 2 * out->room;
		all = realloc(out->all, out->room * sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "out of memory");
		out->all = all;
	}
	r = &out->all[out->n];
	memset(r, 0, sizeof(*r));
	if (json_read(&line, text, NULL) == RC_OK && line_take(r, line))
		out->n++;
	else {
		free(r->error);
		out->unreadable++;
	}
	json_free(line);
	return RC_OK;
}

enum rc
record_read(struct record *out, const char *path, struct err *e)
{
	const char *p, *at;
	struct buf file;
	size_t left;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	buf_init(&file, RECORD_BYTES);
	rc = buf_read_file(&file, path, e);
	p = file.p;
	left = file.len;
	for (; rc == RC_OK && left > 0; p = at + 1) {
		at = memchr(p, '\n', left);
		if (at == NULL)
			at = p + left - 1; /* cut: no line of ours */
		rc = line_read(out, (struct slice){ p, (size_t)(at - p) }, e);
		left -= (size_t)(at + 1 - p);
	}
	buf_free(&file);
	if (rc != RC_OK)
		record_free(out);
	return rc;
}

void
record_free(struct record *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		free(r->all[i].error);
	free(r->all);
	memset(r, 0, sizeof(*r));
}
