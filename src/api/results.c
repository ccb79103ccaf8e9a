#include "api/results.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "eth/attest.h"
#include "eth/hex.h"
#include "json/json.h"

/* Results need two; unknown fields are as deep as a body has bytes for. */
#define DEPTH_MAX BODY_MAX

struct parser {
	struct result_batch *b;
	struct claim *c; /* present one; NULL past 50th */
	struct result_text *t;
	const struct field *field; /* of the key just read */
	unsigned seen;		   /* fields of the present result */
	size_t count;		   /* elements, also past the 50th */
	bool is_array;
};

/* One field of a result: which value it takes, and how it is read. */
struct field {
	struct slice name;
	enum json_type type; /* JSON_TRUE stands for a boolean */
	bool required;
	void (*set)(struct parser *, struct slice);
};

static void
malformed(struct parser *p, const char *what, const char *name)
{
	/* The first cause is the one that is told. */
	if (p->c == NULL || p->c->outcome == CLAIM_MALFORMED)
		return;
	p->c->outcome = CLAIM_MALFORMED;
	(void)snprintf(p->c->reason, sizeof(p->c->reason), "%s%s%s", what,
	    name[0] == '\0' ? "" : " ", name);
}

static void
set_task_id(struct parser *p, struct slice text)
{
	if (!task_id_is_valid(text)) {
		malformed(p, "invalid", "taskId");
		return;
	}
	memcpy(p->t->task_id, text.p, text.len);
	p->c->task_id = (struct slice){ p->t->task_id, text.len };
}

/* The result before this one, whose address is most often the same. */
static bool
is_address_before(const struct parser *p, struct slice text)
{
	return p->b->n > 1 && p->c[-1].worker_text != NULL &&
	    text.len == ADDRESS_LEN &&
	    memcmp(p->c[-1].worker_text, text.p, ADDRESS_LEN) == 0;
}

static void
set_address(struct parser *p, struct slice text)
{
	if (is_address_before(p, text)) {
		p->c->worker = p->c[-1].worker;
		p->c->row.form = p->c[-1].row.form;
	} else if (address_parse(&p->c->worker, &p->c->row.form, text, NULL) !=
	    RC_OK) {
		malformed(p, "invalid", "workerAddress");
		return;
	}
	memcpy(p->t->worker, text.p, ADDRESS_LEN);
	p->c->worker_text = p->t->worker;
}

static void
set_timestamp(struct parser *p, struct slice number)
{
	if (json_integer(&p->c->row.timestamp_ms, number) != RC_OK)
		malformed(p, "invalid", "timestamp");
}

static void
set_success(struct parser *p, struct slice text)
{
	p->c->row.success = slice_is(text, "true");
}

static void
set_response_ms(struct parser *p, struct slice number)
{
	if (json_integer(&p->c->row.response_ms, number) != RC_OK)
		malformed(p, "invalid", "responseTimeMs");
}

static void
set_status(struct parser *p, struct slice number)
{
	if (json_integer(&p->c->row.status, number) != RC_OK ||
	    p->c->row.status < STATUS_TOLD_MIN ||
	    p->c->row.status > STATUS_TOLD_MAX)
		malformed(p, "invalid", "statusCode");
}

static void
set_error(struct parser *p, struct slice text)
{
	if (text.len > sizeof(p->t->error)) {
		malformed(p, "too long:", "error");
		return;
	}
	if (!utf8_is_text(text.p, text.len)) {
		malformed(p, "invalid", "error");
		return;
	}
	memcpy(p->t->error, text.p, text.len);
	p->c->row.has_error = true;
	p->c->row.error = (struct slice){ p->t->error, text.len };
}

static void
set_signature(struct parser *p, struct slice text)
{
	/* Of another length or not hex: a signature by nobody. */
	if (hex_decode(p->c->row.signature, SIGNATURE_LEN, text, NULL) != RC_OK)
		malformed(p, "invalid", "signature");
}

static const struct field fields[] = {
	{ SLICE_OF("taskId"), JSON_STRING, true, set_task_id },
	{ SLICE_OF("workerAddress"), JSON_STRING, true, set_address },
	{ SLICE_OF("timestamp"), JSON_NUMBER, true, set_timestamp },
	{ SLICE_OF("success"), JSON_TRUE, true, set_success },
	{ SLICE_OF("signature"), JSON_STRING, true, set_signature },
	{ SLICE_OF("responseTimeMs"), JSON_NUMBER, false, set_response_ms },
	{ SLICE_OF("statusCode"), JSON_NUMBER, false, set_status },
	{ SLICE_OF("error"), JSON_STRING, false, set_error },
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static void
result_begin(struct parser *p)
{
	p->seen = 0;
	p->field = NULL;
	p->c = NULL;
	if (p->count++ >= RESULTS_PER_POST_MAX)
		return;
	p->c = &p->b->claims[p->b->n];
	p->t = &p->b->texts[p->b->n];
	p->b->n++;
	*p->c = (struct claim){ .outcome = CLAIM_OPEN,
		.task_id = { "", 0 },
		.row = { .status = ABSENT, .response_ms = ABSENT } };
}

static void
result_end(struct parser *p)
{
	size_t i;

	for (i = 0; i < FIELDS; i++)
		if (fields[i].required && (p->seen & 1U << i) == 0)
			malformed(p, "missing", fields[i].name.p);
}

static void
on_key(struct parser *p, struct slice name)
{
	size_t i;

	p->field = NULL;
	for (i = 0; i < FIELDS; i++) {
		if (name.len != fields[i].name.len ||
		    memcmp(name.p, fields[i].name.p, name.len) != 0)
			continue;
		if ((p->seen & 1U << i) != 0)
			malformed(p, "duplicate key", fields[i].name.p);
		else
			p->field = &fields[i];
		p->seen |= 1U << i;
	}
}

static void
on_value(struct parser *p, const struct json_event *ev)
{
	enum json_type type = ev->type;

	if (p->field == NULL || p->c == NULL)
		return; /* an unknown key: workers may add fields */
	if (type == JSON_FALSE)
		type = JSON_TRUE;
	if (type != p->field->type)
		malformed(p, "wrong type:", p->field->name.p);
	else if (type == JSON_TRUE)
		p->field->set(
		    p, slice_of(ev->type == JSON_TRUE ? "true" : "false"));
	else
		p->field->set(p, ev->text);
	p->field = NULL;
}

/* Events at depth 0 frame the array, at 1 its elements, at 2 their fields. */
static bool
on_event(void *ctx, const struct json_event *ev)
{
	struct parser *p = ctx;

	if (ev->depth == 0) {
		if (ev->type == JSON_ARRAY)
			p->is_array = true;
	} else if (ev->depth == 1 && p->is_array) {
		if (ev->type == JSON_OBJECT_END) {
			result_end(p);
		} else if (ev->type != JSON_ARRAY_END) {
			result_begin(p);
			if (ev->type != JSON_OBJECT)
				malformed(p, "not an object", "");
		}
	} else if (ev->depth == 2 && p->is_array) {
		if (ev->type == JSON_KEY)
			on_key(p, ev->text);
		else
			on_value(p, ev);
	}
	return true;
}

enum rc
results_parse(struct result_batch *b, struct slice body, struct err *e)
{
	struct parser p = { .b = b };
	enum rc rc;

	b->n = 0;
	rc = json_parse(body, DEPTH_MAX, on_event, &p, NULL);
	if (rc == RC_NO_MEMORY)
		return err_set(e, rc, "no memory");
	if (rc != RC_OK)
		return err_set(e, RC_INVALID, "invalid JSON");
	if (!p.is_array || p.count == 0)
		return err_set(
		    e, RC_INVALID, "results must be non-empty array");
	if (p.count > RESULTS_PER_POST_MAX)
		return err_set(e, RC_INVALID, "max %d results per batch",
		    RESULTS_PER_POST_MAX);
	return RC_OK;
}

bool
claim_has_task_id(const struct claim *c)
{
	return c->task_id.len > 0;
}
