#include "work/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json/json.h"

#define DEPTH_MAX 8 /* unknown members may be nested */

enum member {
	MEMBER_UNKNOWN,
	MEMBER_ACCEPTED,
	MEMBER_EARNED,
	MEMBER_ERRORS,
	MEMBER_ERROR,
	MEMBERS,
};

static const char *const member_names[MEMBERS] = {
	[MEMBER_UNKNOWN] = "",
	[MEMBER_ACCEPTED] = "accepted",
	[MEMBER_EARNED] = "earned",
	[MEMBER_ERRORS] = "errors",
	[MEMBER_ERROR] = "error",
};

struct reader {
	struct tally tally; /* of this answer alone */
	enum member member; /* that is being read */
	bool seen[MEMBERS];
	const char *problem; /* static */
	char error[REASON_MAX + 1];
};

/* Copies text, cut to fit; what isn't printable ASCII becomes '?'. */
static void
copy_text(char out[static REASON_MAX + 1], const char *p, size_t len)
{
	size_t i;

	if (len > REASON_MAX)
		len = REASON_MAX;
	for (i = 0; i < len; i++)
		out[i] = p[i] >= 0x20 && p[i] <= 0x7e ? p[i] : '?';
	out[len] = '\0';
}

static void
count_reason(struct tally *t, const char *reason)
{
	size_t i;

	for (i = 0; i < REASONS_MAX && t->reasons[i].count > 0; i++)
		if (strcmp(t->reasons[i].text, reason) == 0)
			break;
	if (i == REASONS_MAX) {
		t->other_reasons++;
		return;
	}
	(void)snprintf(
	    t->reasons[i].text, sizeof(t->reasons[i].text), "%s", reason);
	t->reasons[i].count++;
}

/* "TASKID: REASON": ids may hold colons, but no blank. */
static void
read_refusal(struct tally *t, struct slice text)
{
	char reason[REASON_MAX + 1], *detail;
	const char *p = text.p;
	size_t skip = 0, i;

	for (i = 0; i + 1 < text.len && skip == 0; i++)
		if (p[i] == ':' && p[i + 1] == ' ')
			skip = i + 2;
	copy_text(reason, p + skip, text.len - skip);
	/* "result too old (301s)": the same cause for any number. */
	detail = strstr(reason, " (");
	if (detail != NULL)
		*detail = '\0';
	if (strcmp(reason, ANSWER_RECORDED) == 0)
		t->recorded_before++;
	else
		count_reason(t, reason);
}

static void
on_member(struct reader *r, const struct json_event *ev)
{
	bool string = ev->type == JSON_STRING;

	switch (r->member) {
	case MEMBER_ACCEPTED:
		if (ev->type != JSON_NUMBER ||
		    json_integer(&r->tally.accepted, ev->text) != RC_OK)
			r->problem = "accepted: not an integer";
		break;
	case MEMBER_EARNED:
		if (!string ||
		    money_parse(&r->tally.earned_micros, ev->text) != RC_OK)
			r->problem = "earned: not USDC with six decimals";
		break;
	case MEMBER_ERRORS:
		if (ev->type != JSON_ARRAY)
			r->problem = "errors: not an array";
		break;
	case MEMBER_ERROR:
		if (string)
			copy_text(r->error, ev->text.p, ev->text.len);
		break;
	default:
		break;
	}
}

static void
on_key(struct reader *r, struct slice name)
{
	int i;

	r->member = MEMBER_UNKNOWN;
	for (i = MEMBER_UNKNOWN + 1; i < MEMBERS; i++)
		if (slice_is(name, member_names[i]))
			r->member = (enum member)i;
	if (r->member != MEMBER_UNKNOWN && r->seen[r->member])
		r->problem = "a member is given twice";
	r->seen[r->member] = true;
}

static void
on_refusal(struct reader *r, const struct json_event *ev)
{
	if (ev->type != JSON_STRING) {
		r->problem = "errors: not of strings";
		return;
	}
	read_refusal(&r->tally, ev->text);
}

static bool
on_event(void *ctx, const struct json_event *ev)
{
	struct reader *r = ctx;

	if (ev->type == JSON_OBJECT_END || ev->type == JSON_ARRAY_END)
		return true;
	if (ev->depth == 0 && ev->type != JSON_OBJECT)
		r->problem = "not an object";
	else if (ev->depth == 1 && ev->type == JSON_KEY)
		on_key(r, ev->text);
	else if (ev->depth == 1)
		on_member(r, ev);
	else if (ev->depth == 2 && r->member == MEMBER_ERRORS)
		on_refusal(r, ev);
	return r->problem == NULL;
}

static void
tally_add(struct tally *t, const struct tally *more)
{
	size_t i, k;

	t->accepted += more->accepted;
	t->earned_micros += more->earned_micros;
	t->recorded_before += more->recorded_before;
	t->other_reasons += more->other_reasons;
	for (i = 0; i < REASONS_MAX; i++)
		for (k = 0; k < more->reasons[i].count; k++)
			count_reason(t, more->reasons[i].text);
}

enum rc
answer_read(struct tally *t, struct slice body, size_t sent, struct err *e)
{
	struct reader r = { .problem = NULL };
	enum rc rc;

	rc = json_parse(body, DEPTH_MAX, on_event, &r, e);
	if (rc != RC_OK && rc != RC_CONFLICT)
		return rc;
	if (r.problem == NULL && !r.seen[MEMBER_ACCEPTED])
		r.problem = "accepted: missing";
	else if (r.problem == NULL && !r.seen[MEMBER_EARNED])
		r.problem = "earned: missing";
	else if (r.problem == NULL && (uint64_t)r.tally.accepted > sent)
		r.problem = "accepted: more than were sent";
	else if (r.problem == NULL &&
	    r.tally.earned_micros > r.tally.accepted * REWARD_MAX_MICROS)
		r.problem = "earned: more than any rewards";
	if (r.problem != NULL)
		return err_set(e, RC_INVALID, "answer: %s", r.problem);
	tally_add(t, &r.tally);
	return RC_OK;
}

void
answer_error(char out[static REASON_MAX + 1], struct slice body)
{
	struct reader r = { .problem = NULL };

	out[0] = '\0';
	if (json_parse(body, DEPTH_MAX, on_event, &r, NULL) == RC_OK)
		memcpy(out, r.error, sizeof(r.error));
}

enum rc
money_parse(int64_t *micros, struct slice text)
{
	int64_t n = 0;
	size_t i;

	*micros = 0;
	/* At most 9,999,999 USDC, and no leading zero but a single one. */
	if (text.len < 8 || text.len > 14 || text.p[text.len - 7] != '.' ||
	    (text.p[0] == '0' && text.len != 8))
		return RC_INVALID;
	for (i = 0; i < text.len; i++) {
		if (i == text.len - 7)
			continue;
		if (text.p[i] < '0' || text.p[i] > '9')
			return RC_INVALID;
		n = n * 10 + (text.p[i] - '0');
	}
	*micros = n;
	return RC_OK;
}

void
money_format(char out[static MONEY_SIZE], int64_t micros)
{
	CHECK(micros >= 0);
	(void)snprintf(out, MONEY_SIZE, "%" PRId64 ".%06" PRId64,
	    micros / 1000000, micros % 1000000);
}

void
tally_refusals(struct buf *out, const struct tally *t)
{
	const char *before = ", refused: ";
	size_t i;

	for (i = 0; i < REASONS_MAX && t->reasons[i].count > 0; i++) {
		buf_printf(out, "%s%zu %s", before, t->reasons[i].count,
		    t->reasons[i].text);
		before = ", ";
	}
	if (t->other_reasons > 0)
		buf_printf(
		    out, "%s%zu for other reasons", before, t->other_reasons);
}
