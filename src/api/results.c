#include "api/results.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "eth/attest.h"
#include "eth/hex.h"
#include "json/json.h"

/* Results need two; unknown fields are as deep as a body has bytes for. */
#define DEPTH_MAX BODY_MAX

/* How results are signed: by which of these a field is known, and needed. */
#define ALONE 1U
#define ROUND 2U
#define BOTH  (ALONE | ROUND)

/* Parts of an object, by their bits. */
enum part {
	PART_NONE = 0,
	PART_ROUND = 1,
	PART_RESULTS = 2,
};

struct parser {
	struct result_batch *b;
	unsigned scheme; /* ALONE for an array, ROUND for an object */
	enum part part;	 /* of an object, in which the next value is */
	unsigned parts;	 /* of an object that were there */
	const struct round_field *round_field; /* of the key just read */
	unsigned round_seen;
	const char *problem; /* with the object or the round; NULL: none */
	struct claim *c;     /* present one; NULL past 50th */
	struct result_text *t;
	const struct field *field; /* of the key just read */
	unsigned seen;		   /* fields of the present result */
	size_t count;		   /* elements, also past the 50th */
	bool is_array;
	bool unhashed; /* a result of a round has no hash */
};

/* A member of a round, which is a string. */
struct round_field {
	struct slice name;
	bool (*set)(struct round_claim *, struct slice);
};

/* One field of a result: which value it takes, and how it is read. */
struct field {
	struct slice name;
	enum json_type type; /* JSON_TRUE stands for a boolean */
	unsigned known;	     /* by these schemes, */
	unsigned required;   /* and these need it */
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
	if (json_integer(&p->c->row.response_ms, number) != RC_OK ||
	    (p->scheme == ROUND && p->c->row.response_ms > UINT32_MAX))
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
	if (text.len > sizeof(p->t->error) ||
	    (p->scheme == ROUND && text.len > ROUND_ERROR_MAX)) {
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

static void
set_slot(struct parser *p, struct slice number)
{
	if (json_integer(&p->c->slot, number) != RC_OK || p->c->slot == 0)
		malformed(p, "invalid", "slot");
}

static void
set_trace(struct parser *p, struct slice text)
{
	size_t i;

	if (text.len > sizeof(p->t->trace)) {
		malformed(p, "too long:", "trace");
		return;
	}
	for (i = 0; i < text.len; i++)
		if (text.p[i] < ' ' || text.p[i] > '~') {
			malformed(p, "invalid", "trace");
			return;
		}
	memcpy(p->t->trace, text.p, text.len);
	p->c->row.trace = (struct slice){ p->t->trace, text.len };
}

/* Whatever else is wrong with it: the others' proof needs it. */
static void
set_hash(struct parser *p, struct slice text)
{
	if (hex_decode(p->c->hash, sizeof(p->c->hash), text, NULL) != RC_OK)
		p->unhashed = true;
}

static const struct field fields[] = {
	{ SLICE_OF("taskId"), JSON_STRING, BOTH, BOTH, set_task_id },
	{ SLICE_OF("workerAddress"), JSON_STRING, ALONE, ALONE, set_address },
	{ SLICE_OF("slot"), JSON_NUMBER, ROUND, ROUND, set_slot },
	{ SLICE_OF("timestamp"), JSON_NUMBER, BOTH, BOTH, set_timestamp },
	{ SLICE_OF("success"), JSON_TRUE, BOTH, BOTH, set_success },
	{ SLICE_OF("signature"), JSON_STRING, ALONE, ALONE, set_signature },
	{ SLICE_OF("responseTimeMs"), JSON_NUMBER, BOTH, ROUND,
	    set_response_ms },
	{ SLICE_OF("statusCode"), JSON_NUMBER, BOTH, 0, set_status },
	{ SLICE_OF("error"), JSON_STRING, BOTH, 0, set_error },
	{ SLICE_OF("trace"), JSON_STRING, ROUND, 0, set_trace },
	{ SLICE_OF("hash"), JSON_STRING, ROUND, ROUND, set_hash },
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
		.row = { .status = ABSENT,
		    .response_ms = ABSENT,
		    .in_round = p->scheme == ROUND,
		    .place = (int64_t)p->b->n - 1 } };
}

static void
result_end(struct parser *p)
{
	size_t i;

	for (i = 0; i < FIELDS; i++)
		if ((fields[i].required & p->scheme) != 0 &&
		    (p->seen & 1U << i) == 0) {
			malformed(p, "missing", fields[i].name.p);
			p->unhashed |= fields[i].set == set_hash;
		}
}

static void
on_key(struct parser *p, struct slice name)
{
	size_t i;

	p->field = NULL;
	for (i = 0; i < FIELDS; i++) {
		if ((fields[i].known & p->scheme) == 0 ||
		    name.len != fields[i].name.len ||
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
	if (type != p->field->type) {
		malformed(p, "wrong type:", p->field->name.p);
		p->unhashed |= p->field->set == set_hash;
	} else if (type == JSON_TRUE)
		p->field->set(
		    p, slice_of(ev->type == JSON_TRUE ? "true" : "false"));
	else
		p->field->set(p, ev->text);
	p->field = NULL;
}

/* ---- The round ---- */

static bool
set_scheme(struct round_claim *r, struct slice text)
{
	(void)r;
	return slice_is(text, ROUND_SCHEME);
}

static bool
set_worker(struct round_claim *r, struct slice text)
{
	return address_parse(&r->worker, NULL, text, NULL) == RC_OK;
}

static bool
set_round_signature(struct round_claim *r, struct slice text)
{
	return hex_decode(r->signature, SIGNATURE_LEN, text, NULL) == RC_OK;
}

static const struct round_field round_fields[] = {
	{ SLICE_OF("scheme"), set_scheme },
	{ SLICE_OF("worker"), set_worker },
	{ SLICE_OF("signature"), set_round_signature },
};

#define ROUND_FIELDS (sizeof(round_fields) / sizeof(round_fields[0]))

static void
round_key(struct parser *p, struct slice name)
{
	size_t i;

	p->round_field = NULL;
	for (i = 0; i < ROUND_FIELDS; i++) {
		if (!slice_is(name, round_fields[i].name.p))
			continue;
		if ((p->round_seen & 1U << i) != 0)
			p->problem = "round: duplicate key";
		p->round_seen |= 1U << i;
		p->round_field = &round_fields[i];
	}
}

static void
round_value(struct parser *p, const struct json_event *ev)
{
	const struct round_field *f = p->round_field;

	p->round_field = NULL;
	if (f == NULL)
		return;
	if (ev->type == JSON_STRING && f->set(&p->b->round, ev->text))
		return;
	p->problem = f->set == set_scheme ? "round: unknown scheme"
	    : f->set == set_worker	  ? "round: invalid worker"
					  : "round: invalid signature";
}

static void
on_round(struct parser *p, const struct json_event *ev)
{
	if (ev->type == JSON_KEY)
		round_key(p, ev->text);
	else if (ev->type != JSON_OBJECT_END && ev->type != JSON_ARRAY_END)
		round_value(p, ev);
}

/* ---- The whole ---- */

/* A member of the object that holds a round, or the end of its value. */
static void
on_member(struct parser *p, const struct json_event *ev)
{
	if (ev->type == JSON_OBJECT_END || ev->type == JSON_ARRAY_END) {
		p->part = PART_NONE;
		return;
	}
	if (ev->type == JSON_KEY) {
		p->part = slice_is(ev->text, "round") ? PART_ROUND
		    : slice_is(ev->text, "results")   ? PART_RESULTS
						      : PART_NONE;
		if ((p->parts & p->part) != 0)
			p->problem = "duplicate key";
		p->parts |= p->part;
		return;
	}
	if (p->part == PART_RESULTS && ev->type == JSON_ARRAY)
		p->is_array = true;
	else if (p->part == PART_ROUND && ev->type != JSON_OBJECT)
		p->problem = "round: not an object";
	else if (p->part == PART_RESULTS)
		p->part = PART_NONE;
}

/* Elements of the array of results, and, one deeper, their fields. */
static void
on_element(struct parser *p, const struct json_event *ev, unsigned depth)
{
	if (depth == 1 && ev->type == JSON_OBJECT_END) {
		result_end(p);
	} else if (depth == 1 && ev->type != JSON_ARRAY_END) {
		result_begin(p);
		if (ev->type != JSON_OBJECT) {
			malformed(p, "not an object", "");
			p->unhashed = p->scheme == ROUND;
		}
	} else if (depth == 2 && ev->type == JSON_KEY) {
		on_key(p, ev->text);
	} else if (depth == 2) {
		on_value(p, ev);
	}
}

/*
 * Events at depth 0 frame the whole: an array of results, or an object, in
 * which the same array is one deeper, beside a round.
 */
static bool
on_event(void *ctx, const struct json_event *ev)
{
	struct parser *p = ctx;

	if (ev->depth == 0) {
		if (ev->type == JSON_ARRAY)
			p->is_array = true;
		else if (ev->type == JSON_OBJECT)
			p->scheme = ROUND;
	} else if (p->scheme == ALONE && p->is_array) {
		on_element(p, ev, ev->depth);
	} else if (p->scheme == ROUND && ev->depth == 1) {
		on_member(p, ev);
	} else if (p->part == PART_ROUND && ev->depth == 2) {
		on_round(p, ev);
	} else if (p->part == PART_RESULTS && ev->depth > 1) {
		on_element(p, ev, ev->depth - 1);
	}
	return true;
}

/* What is wrong with a body that is JSON; NULL: nothing. */
static const char *
problem_of(struct parser *p)
{
	if (p->scheme == ROUND && p->problem == NULL &&
	    (p->parts & PART_ROUND) != 0 &&
	    p->round_seen != (1U << ROUND_FIELDS) - 1)
		p->problem = "round: expected scheme, worker and signature";
	if (p->problem != NULL)
		return p->problem;
	if (!p->is_array || p->count == 0 ||
	    (p->scheme == ROUND && (p->parts & PART_ROUND) == 0))
		return "results must be non-empty array";
	return p->unhashed ? "round: each result needs its hash" : NULL;
}

/* All results of a round are its worker's. */
static void
round_finish(struct result_batch *b)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		b->claims[i].worker = b->round.worker;
		b->claims[i].row.form = ADDRESS_CHECKSUM;
	}
}

enum rc
results_parse(struct result_batch *b, struct slice body, struct err *e)
{
	struct parser p = { .b = b, .scheme = ALONE };
	const char *problem;
	enum rc rc;

	b->n = 0;
	rc = json_parse(body, DEPTH_MAX, on_event, &p, NULL);
	if (rc == RC_NO_MEMORY)
		return err_set(e, rc, "no memory");
	if (rc != RC_OK)
		return err_set(e, RC_INVALID, "invalid JSON");
	problem = problem_of(&p);
	if (problem != NULL)
		return err_set(e, RC_INVALID, "%s", problem);
	if (p.count > RESULTS_PER_POST_MAX)
		return err_set(e, RC_INVALID, "max %d results per batch",
		    RESULTS_PER_POST_MAX);
	b->is_round = p.scheme == ROUND;
	if (b->is_round)
		round_finish(b);
	return RC_OK;
}

bool
claim_has_task_id(const struct claim *c)
{
	return c->task_id.len > 0;
}
