#include "work/task.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"
#include "eth/attest.h"
#include "eth/hex.h"
#include "json/json.h"

#define DEPTH_MAX    16 /* unknown members may be nested */
#define SKIPS_LOGGED 5	/* of one poll */

enum field_kind {
	FIELD_TEXT, /* char[max + 1], valid UTF-8 of min to max bytes */
	FIELD_INT,  /* int64_t in [min, max] */
	FIELD_TYPE, /* the name of a type: base/task_type.h */
};

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset; /* in struct task */
	int64_t min;
	int64_t max;
};

#define AT(member) offsetof(struct task, member)

/* All of them are required. */
static const struct field fields[] = {
	{ "id", FIELD_TEXT, AT(id), 1, TASK_ID_MAX },
	{ "type", FIELD_TYPE, 0, 0, 0 },
	{ "url", FIELD_TEXT, AT(url), 1, URL_MAX },
	{ "expectedStatus", FIELD_INT, AT(expected_status), 100, STATUS_MAX },
	{ "timeoutMs", FIELD_INT, AT(timeout_ms), TIMEOUT_MIN_MS,
	    TIMEOUT_MAX_MS },
	{ "rewardMicros", FIELD_INT, AT(reward_micros), 0, REWARD_MAX_MICROS },
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

struct reader {
	struct task_list *list;
	bool not_array;
	size_t index; /* of the element */
	/* The element that is being read. */
	struct task task;
	const struct field *key; /* NULL: unknown, ignored */
	bool seen[FIELDS];
	struct err problem; /* the first */
	/* What it offers. */
	const char *inside; /* "": of none that is known */
	const struct offer_field *offer_key;
	unsigned offered; /* of offer_fields, by their bits */
};

/* A member of what is offered: a hash, a number, or a text. */
struct offer_field {
	const char *name;
	const char *inside; /* of which member; "": of the task itself */
	bool (*set)(struct task *, const struct json_event *);
};

/* ---- What is offered ---- */

static bool
offer_hash(uint8_t out[static KECCAK256_LEN], const struct json_event *ev)
{
	return ev->type == JSON_STRING &&
	    hex_decode(out, KECCAK256_LEN, ev->text, NULL) == RC_OK;
}

static bool
offer_int(int64_t *out, const struct json_event *ev)
{
	return ev->type == JSON_NUMBER && json_integer(out, ev->text) == RC_OK;
}

static bool
set_assignment(struct task *t, const struct json_event *ev)
{
	return offer_hash(t->round.assignment, ev);
}

static bool
set_scheme(struct task *t, const struct json_event *ev)
{
	(void)t;
	return ev->type == JSON_STRING && slice_is(ev->text, ROUND_SCHEME);
}

static bool
set_ledger(struct task *t, const struct json_event *ev)
{
	return offer_hash(t->round.ledger_id, ev);
}

static bool
set_slot(struct task *t, const struct json_event *ev)
{
	return offer_int(&t->round.slot, ev) && t->round.slot > 0;
}

static bool
set_anchor_size(struct task *t, const struct json_event *ev)
{
	return offer_int(&t->round.anchor_size, ev);
}

static bool
set_anchor_root(struct task *t, const struct json_event *ev)
{
	return offer_hash(t->round.anchor_root, ev);
}

static bool
set_region(struct task *t, const struct json_event *ev)
{
	if (ev->type != JSON_STRING || ev->text.len > REGION_MAX ||
	    !utf8_is_text(ev->text.p, ev->text.len))
		return false;
	slice_copy(t->round.region, sizeof(t->round.region), ev->text);
	return true;
}

static bool
set_label(struct task *t, const struct json_event *ev)
{
	if (ev->type != JSON_STRING || !private_is_label(ev->text))
		return false;
	slice_copy(t->hidden.label, sizeof(t->hidden.label), ev->text);
	return true;
}

static bool
set_key(struct task *t, const struct json_event *ev)
{
	return offer_hash(t->hidden.key, ev);
}

static const struct offer_field offer_fields[] = {
	{ "assignment", "", set_assignment },
	{ "scheme", "round", set_scheme },
	{ "ledger", "round", set_ledger },
	{ "slot", "round", set_slot },
	{ "anchorSize", "round", set_anchor_size },
	{ "anchorRoot", "round", set_anchor_root },
	{ "region", "round", set_region },
	{ "label", "private", set_label },
	{ "key", "private", set_key },
};

#define OFFER_FIELDS (sizeof(offer_fields) / sizeof(offer_fields[0]))
/* Each of the two is whole, or none: their bits. */
#define OFFER_PRIVATE (3U << (OFFER_FIELDS - 2))
#define OFFER_ROUND   ((1U << (OFFER_FIELDS - 2)) - 1)

static void
offer_on_key(struct reader *r, struct slice name, const char *inside)
{
	size_t i;

	r->offer_key = NULL;
	for (i = 0; i < OFFER_FIELDS; i++)
		if (strcmp(offer_fields[i].inside, inside) == 0 &&
		    slice_is(name, offer_fields[i].name))
			r->offer_key = &offer_fields[i];
}

static void
offer_on_value(struct reader *r, const struct json_event *ev)
{
	const struct offer_field *f = r->offer_key;

	r->offer_key = NULL;
	if (f != NULL && f->set(&r->task, ev))
		r->offered |= 1U << (f - offer_fields);
}

/* ---- What is asked ---- */

static const struct field *
field_find(struct slice name)
{
	size_t i;

	for (i = 0; i < FIELDS; i++)
		if (slice_is(name, fields[i].name))
			return &fields[i];
	return NULL;
}

static enum rc
text_set(char *out, const struct field *f, const struct json_event *ev,
    struct err *e)
{
	if (ev->type != JSON_STRING)
		return err_set(e, RC_INVALID, "%s: not a string", f->name);
	if (ev->text.len < (size_t)f->min || ev->text.len > (size_t)f->max)
		return err_set(e, RC_INVALID,
		    "%s: got %zu bytes, expected %" PRId64 " to %" PRId64,
		    f->name, ev->text.len, f->min, f->max);
	if (!utf8_is_text(ev->text.p, ev->text.len))
		return err_set(e, RC_INVALID, "%s: not UTF-8", f->name);
	memcpy(out, ev->text.p, ev->text.len);
	out[ev->text.len] = '\0';
	return RC_OK;
}

static enum rc
int_set(int64_t *out, const struct field *f, const struct json_event *ev,
    struct err *e)
{
	int64_t n;

	if (ev->type != JSON_NUMBER || json_integer(&n, ev->text) != RC_OK)
		return err_set(e, RC_INVALID, "%s: not an integer", f->name);
	if (n < f->min || n > f->max)
		return err_set(e, RC_INVALID,
		    "%s: got %" PRId64 ", expected %" PRId64 " to %" PRId64,
		    f->name, n, f->min, f->max);
	*out = n;
	return RC_OK;
}

static enum rc
field_set(struct task *t, const struct field *f, const struct json_event *ev,
    struct err *e)
{
	void *at = (char *)t + f->offset;
	char names[TASK_TYPE_NAMES_MAX];

	switch (f->kind) {
	case FIELD_TEXT:
		return text_set(at, f, ev, e);
	case FIELD_INT:
		return int_set(at, f, ev, e);
	case FIELD_TYPE:
		break;
	}
	if (ev->type == JSON_STRING)
		t->type = task_type_find(ev->text);
	if (t->type != NULL)
		return RC_OK;
	task_type_names(names);
	return err_set(e, RC_INVALID, "%s: expected %s", f->name, names);
}

/* A member's value, or the start of one that is a container. */
static void
on_value(struct reader *r, const struct json_event *ev)
{
	const struct field *f = r->key;

	if (f == NULL || r->problem.rc != RC_OK)
		return;
	if (r->seen[f - fields])
		(void)err_set(
		    &r->problem, RC_INVALID, "%s: given twice", f->name);
	else if (field_set(&r->task, f, ev, &r->problem) == RC_OK)
		r->seen[f - fields] = true;
}

static bool
id_is_known(const struct task_list *l, const char *id)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (strcmp(l->tasks[i].id, id) == 0)
			return true;
	return false;
}

/* What can be said only when the whole task is there. */
static void
task_judge(struct reader *r)
{
	size_t i;

	for (i = 0; i < FIELDS && r->problem.rc == RC_OK; i++)
		if (!r->seen[i])
			(void)err_set(&r->problem, RC_INVALID, "%s: missing",
			    fields[i].name);
	if (r->problem.rc != RC_OK)
		return;
	if (!task_id_is_valid(slice_of(r->task.id)))
		(void)err_set(
		    &r->problem, RC_INVALID, "id: not of [A-Za-z0-9_.:-]");
	else if (id_is_known(r->list, r->task.id))
		(void)err_set(&r->problem, RC_INVALID, "id: given twice");
}

/* The element is complete. */
static void
element_end(struct reader *r)
{
	struct task_list *l = r->list;

	task_judge(r);
	r->task.round.offered = (r->offered & OFFER_ROUND) == OFFER_ROUND;
	if ((r->offered & OFFER_PRIVATE) != OFFER_PRIVATE)
		r->task.hidden.label[0] = '\0';
	if (r->problem.rc != RC_OK) {
		if (l->skipped++ < SKIPS_LOGGED)
			log_warning(
			    "task #%zu skipped: %s", r->index, r->problem.msg);
	} else if (l->count == TASKS_PER_POLL_MAX)
		l->surplus++;
	else
		l->tasks[l->count++] = r->task;
	r->index++;
}

static void
element_start(struct reader *r, enum json_type type)
{
	memset(&r->task, 0, sizeof(r->task));
	memset(r->seen, 0, sizeof(r->seen));
	r->problem = (struct err)ERR_INIT;
	r->key = NULL;
	r->inside = "";
	r->offer_key = NULL;
	r->offered = 0;
	if (type == JSON_OBJECT)
		return;
	(void)err_set(&r->problem, RC_INVALID, "not an object");
	if (type != JSON_ARRAY)
		element_end(r);
}

static bool
on_event(void *ctx, const struct json_event *ev)
{
	struct reader *r = ctx;
	bool end = ev->type == JSON_OBJECT_END || ev->type == JSON_ARRAY_END;

	if (ev->depth == 0) {
		r->not_array =
		    ev->type != JSON_ARRAY && ev->type != JSON_ARRAY_END;
		return !r->not_array;
	}
	if (ev->depth == 1 && end)
		element_end(r);
	else if (ev->depth == 1)
		element_start(r, ev->type);
	else if (ev->depth == 2 && ev->type == JSON_KEY) {
		r->key = field_find(ev->text);
		r->inside = slice_is(ev->text, "round") ? "round"
		    : slice_is(ev->text, "private")	? "private"
							: "";
		offer_on_key(r, ev->text, "");
	} else if (ev->depth == 2 && !end) {
		on_value(r, ev);
		offer_on_value(r, ev);
	} else if (ev->depth == 3 && r->inside[0] != '\0' &&
	    ev->type == JSON_KEY)
		offer_on_key(r, ev->text, r->inside);
	else if (ev->depth == 3 && r->inside[0] != '\0' && !end)
		offer_on_value(r, ev);
	return true;
}

enum rc
tasks_parse(struct task_list *out, struct slice body, struct err *e)
{
	struct reader r = { .list = out };
	enum rc rc;

	memset(out, 0, sizeof(*out));
	rc = json_parse(body, DEPTH_MAX, on_event, &r, e);
	if (rc == RC_CONFLICT && r.not_array)
		rc = err_set(e, RC_INVALID, "tasks: not an array");
	if (rc != RC_OK)
		memset(out, 0, sizeof(*out));
	return rc;
}
