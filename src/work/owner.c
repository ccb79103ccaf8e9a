#include "work/owner.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/text.h"
#include "eth/hex.h"
#include "eth/opt_in.h"
#include "work/coordinator.h"
#include "work/result.h"

#define WORD_MAX 200 /* bytes of one text that a coordinator sends */

struct owner {
	struct identity id;
	struct coordinator coordinator; /* owned, as is */
	struct http_client *http;
};

static void
owner_end(struct owner *o)
{
	identity_wipe(&o->id);
	http_client_free(o->http);
	coordinator_free(&o->coordinator);
}

/* owner_end in any case. */
static enum rc
owner_begin(struct owner *o, const struct conf *c, struct err *e)
{
	enum rc rc;

	memset(o, 0, sizeof(*o));
	rc = identity_read(&o->id, c->worker_key_file, e);
	if (rc == RC_OK)
		rc = coordinator_init(&o->coordinator, c->worker_coordinator,
		    o->id.text, c->worker_region, e);
	return rc == RC_OK ? http_client_new(&o->http, e) : rc;
}

/* ---- What the coordinator says ---- */

/* A member as it may be shown; "" when it is no text. */
static void
word(char out[static WORD_MAX], const struct json *j, const char *key)
{
	const char *text = json_text(json_get(j, key));

	text_clean(out, WORD_MAX, slice_of(text == NULL ? "" : text));
}

static int64_t
number(const struct json *j, const char *key)
{
	int64_t n;

	return json_int(&n, json_get(j, key)) == RC_OK ? n : 0;
}

static void
usdc_add(struct buf *out, int64_t micros)
{
	char text[MONEY_SIZE];

	money_format(text, micros);
	buf_printf(out, "%s USDC", text);
}

/* A time, or its day alone. */
static void
time_add(struct buf *out, int64_t ms, bool day)
{
	time_t s = (time_t)(ms / 1000);
	char text[40];
	struct tm tm;

	if (ms <= 0 || gmtime_r(&s, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		buf_add_text(out, "-");
	else if (day)
		buf_printf(out, "%.10s", text);
	else
		buf_add_text(out, text);
}

/* ---- join ---- */

/* What there is to sign, of this address, this host, and this region. */
static enum rc
text_make(struct opt_in *t, const struct owner *o, const struct conf *c,
    const struct json *answer, const char *origin, struct err *e)
{
	const char *named = json_text(json_get(answer, "origin")),
		   *nonce = json_text(json_get(answer, "nonce"));
	char shown[WORD_MAX];

	word(shown, answer, "origin");
	if (named == NULL || strcasecmp(named, origin) != 0 ||
	    !opt_in_origin_is_valid(named))
		return err_set(e, RC_INVALID,
		    "the coordinator at %s calls itself \"%s\": a text for another host isn't signed",
		    origin, shown);
	if (nonce == NULL || !opt_in_nonce_is_valid(slice_of(nonce)) ||
	    json_int(&t->chain_id, json_get(answer, "chainId")) != RC_OK ||
	    json_int(&t->issued_ms, json_get(answer, "issuedAtMs")) != RC_OK)
		return err_set(
		    e, RC_IO, "the coordinator's answer isn't as expected");
	t->origin = named;
	t->nonce = nonce;
	t->region = c->worker_region;
	t->account = o->id.address;
	return RC_OK;
}

static void
joined_show(struct buf *out, const struct owner *o, const struct json *is,
    const char *origin)
{
	static const char *const states[][2] = {
		{ "open", "everybody may work there" },
		{ "waiting",
		    "it has asked to be admitted, and waits for the operator" },
		{ "admitted", "the operator has admitted it" },
		{ "suspended", "the operator has suspended it" },
		{ "unknown",
		    "it was never given work, and hasn't asked to be admitted" },
	};
	char state[WORD_MAX];
	size_t i;

	word(state, is, "state");
	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i][0], state) == 0)
			(void)snprintf(
			    state, sizeof(state), "%s", states[i][1]);
	buf_printf(out, "%s: %s\n", o->id.text, state);
	if (number(is, "askedMs") > 0) {
		buf_add_text(out, "asked at ");
		time_add(out, number(is, "askedMs"), false);
		buf_add_text(out, "\n");
	}
	buf_printf(out,
	    "what it earns at first is payable %" PRId64 " s after each credit",
	    number(is, "payableAfterMs") / 1000);
	if (number(is, "thresholdMicros") > 0) {
		buf_add_text(out, ", and sent from ");
		usdc_add(out, number(is, "thresholdMicros"));
		buf_add_text(out, " on");
	}
	buf_printf(out, "\nits page: %s/worker/%s\n", origin, o->id.text);
}

/* Signs what answer is of, and posts it. */
static enum rc
text_post(struct owner *o, const struct conf *c, const struct json *answer,
    const char *origin, struct json **is, struct err *e)
{
	char body[2 * URL_MAX], sig_text[HEX_SIZE(SIGNATURE_LEN)];
	uint8_t sig[SIGNATURE_LEN];
	struct opt_in t = { 0 };
	enum rc rc = text_make(&t, o, c, answer, origin, e);
	int n;

	if (rc == RC_OK)
		rc = opt_in_sign(sig, &t, &o->id.key, e);
	if (rc != RC_OK)
		return rc;
	hex_encode(sig_text, sig, sizeof(sig));
	/* None of these needs an escape. */
	n = snprintf(body, sizeof(body),
	    "{\"address\":\"%s\",\"region\":\"%s\",\"nonce\":\"%s\",\"issuedAtMs\":%" PRId64
	    ",\"signature\":\"%s\"}",
	    o->id.text, t.region, t.nonce, t.issued_ms, sig_text);
	CHECK(n > 0 && (size_t)n < sizeof(body));
	return coordinator_ask(&o->coordinator, o->http, "/v1/join",
	    (struct slice){ body, (size_t)n }, is, e);
}

enum rc
owner_join(struct buf *out, const struct conf *c, struct err *e)
{
	char path[ADDRESS_LEN + REGION_MAX + 64], origin[URL_MAX + 1];
	struct json *answer = NULL, *is = NULL;
	struct owner o;
	enum rc rc;

	rc = owner_begin(&o, c, e);
	if (rc == RC_OK && !opt_in_region_is_valid(slice_of(c->worker_region)))
		rc = err_set(e, RC_INVALID,
		    "region: to be signed it has to be of A-Z a-z 0-9 . _ -");
	if (rc != RC_OK)
		goto out;
	http_url_origin(origin, sizeof(origin), c->worker_coordinator);
	(void)snprintf(path, sizeof(path), "/v1/join/text?address=%s&region=%s",
	    o.id.text, c->worker_region);
	rc = coordinator_ask(
	    &o.coordinator, o.http, path, slice_of(""), &answer, e);
	if (rc == RC_OK)
		rc = text_post(&o, c, answer, origin, &is, e);
	if (rc == RC_OK)
		joined_show(out, &o, is, origin);
out:
	json_free(answer);
	json_free(is);
	owner_end(&o);
	return rc;
}

/* ---- status ---- */

enum kind { WORD, USDC, TIME, DAY, COUNT, SECONDS };

static const struct {
	const char *key;
	const char *name;
	enum kind kind;
} facts[] = {
	{ "address", "address", WORD },
	{ "state", "state", WORD },
	{ "record", "record", WORD },
	{ "tier", "tier", WORD },
	{ "rewardPermille", "reward (1000: the task's)", COUNT },
	{ "firstSeenMs", "first seen", TIME },
	{ "results", "results credited", COUNT },
	{ "waitingMicros", "waiting", USDC },
	{ "payableMicros", "payable", USDC },
	{ "inFlightMicros", "in flight", USDC },
	{ "paidMicros", "paid", USDC },
	{ "forfeitedMicros", "forfeited", USDC },
	{ "earnedMicros", "earned, the sum of these", USDC },
	{ "payableAfterMs", "credit waits", SECONDS },
	{ "nextPayableMs", "next of it payable at", TIME },
	{ "allPayableMs", "all of it payable at", TIME },
	{ "thresholdMicros", "paid from", USDC },
	{ "missingMicros", "of which are missing", USDC },
	{ "held", "payouts held", WORD },
	{ "lastRunMs", "last payout run", TIME },
	{ "runEveryMs", "usually one every", SECONDS },
	{ "nextRunMs", "so the next one about", TIME },
	{ "refused", "results refused, 30 days", COUNT },
};

static void
value_add(
    struct buf *out, const struct json *j, const char *key, enum kind kind)
{
	char text[WORD_MAX];

	switch (kind) {
	case WORD:
		word(text, j, key);
		buf_add_text(out, text);
		break;
	case USDC:
		usdc_add(out, number(j, key));
		break;
	case TIME:
		time_add(out, number(j, key), false);
		break;
	case DAY:
		time_add(out, number(j, key), true);
		break;
	case COUNT:
		buf_printf(out, "%" PRId64, number(j, key));
		break;
	case SECONDS:
		buf_printf(out, "%" PRId64 " s", number(j, key) / 1000);
		break;
	}
}

/* Lines of a list: its first members, with blanks between them. */
static void
list_add(struct buf *out, const struct json *j, const char *key,
    const char *const *keys, const enum kind *kinds, size_t n)
{
	const struct json *list = json_get(j, key);
	size_t i, k;

	if (json_count(list) > 0)
		buf_printf(out, "\n%s\n", key);
	for (i = 0; i < json_count(list); i++) {
		for (k = 0; k < n; k++) {
			buf_add_text(out, "  ");
			value_add(out, json_at(list, i), keys[k], kinds[k]);
		}
		buf_add_text(out, "\n");
	}
}

static void
status_show(struct buf *out, const struct json *j)
{
	static const char *const payouts[] = { "reservedMs", "state",
		"amountMicros", "link" };
	static const enum kind payout_kinds[] = { TIME, WORD, USDC, WORD };
	static const char *const forfeits[] = { "atMs", "micros", "by", "why" };
	static const enum kind forfeit_kinds[] = { TIME, USDC, WORD, WORD };
	static const char *const credits[] = { "atMs", "micros", "results" };
	static const enum kind credit_kinds[] = { TIME, USDC, COUNT };
	static const char *const refusals[] = { "dayMs", "results", "reason" };
	static const enum kind refusal_kinds[] = { DAY, COUNT, WORD };
	size_t i;

	for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		if (json_get(j, facts[i].key) == NULL ||
		    json_is_null(json_get(j, facts[i].key)))
			continue;
		buf_printf(out, "%-26s", facts[i].name);
		value_add(out, j, facts[i].key, facts[i].kind);
		buf_add_text(out, "\n");
	}
	list_add(out, j, "payouts", payouts, payout_kinds, 4);
	list_add(out, j, "forfeits", forfeits, forfeit_kinds, 4);
	list_add(out, j, "credits", credits, credit_kinds, 3);
	list_add(out, j, "refusals", refusals, refusal_kinds, 3);
}

enum rc
owner_status(struct buf *out, const struct conf *c, struct err *e)
{
	char path[ADDRESS_LEN + 64], origin[URL_MAX + 1];
	struct err cause = ERR_INIT;
	struct json *j = NULL;
	struct owner o;
	enum rc rc;

	rc = owner_begin(&o, c, e);
	if (rc != RC_OK)
		goto out;
	(void)snprintf(path, sizeof(path), "/v1/worker/%s/status", o.id.text);
	rc = coordinator_ask(
	    &o.coordinator, o.http, path, slice_of(""), &j, &cause);
	if (rc == RC_OK) {
		status_show(out, j);
	} else if (rc == RC_NOT_FOUND) {
		http_url_origin(origin, sizeof(origin), c->worker_coordinator);
		(void)snprintf(path, sizeof(path), "/v1/join/%s", o.id.text);
		rc = coordinator_ask(
		    &o.coordinator, o.http, path, slice_of(""), &j, e);
		if (rc == RC_OK)
			joined_show(out, &o, j, origin);
	} else {
		(void)err_set(e, rc, "%s", cause.msg);
	}
out:
	json_free(j);
	owner_end(&o);
	return rc;
}
