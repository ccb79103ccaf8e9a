#include "x402/answer.h"

#include <string.h>

#include "base/text.h"
#include "eth/hex.h"
#include "json/json.h"

static bool
is_ok(int status)
{
	return status >= 200 && status <= 299;
}

/* The first member of these names that is a text, not empty; or NULL. */
static const char *
first_text(const struct json *root, const char *const *names)
{
	const char *text;

	for (; *names != NULL; names++) {
		text = json_text(json_get(root, *names));
		if (text != NULL && text[0] != '\0')
			return text;
	}
	return NULL;
}

/*
 * errorReason is x402's; the others are how servers and gateways report what
 * never got as far as that.
 */
static const char *const reason_names[] = {
	"errorReason",
	"invalidReason",
	"error",
	"errorType",
	NULL,
};
static const char *const message_names[] = {
	"errorMessage",
	"invalidMessage",
	"invalidReasonDetails",
	"detail",
	NULL,
};

static void
copy_text(char *out, size_t size, const char *text)
{
	if (text != NULL)
		text_clean(out, size, slice_of(text));
}

/* The texts as they came: what is cut or cleaned must match nothing. */
struct raw {
	const char *reason; /* or NULL */
	const char *message;
	const char *network;
};

static void
read_members(struct x402_answer *out, struct raw *raw, const struct json *root)
{
	const char *hash = json_text(json_get(root, "transaction"));

	out->success = json_is_true(json_get(root, "success"));
	out->has_hash = hash != NULL &&
	    hex_decode(out->hash, sizeof(out->hash), slice_of(hash), NULL) ==
		RC_OK;
	raw->reason = first_text(root, reason_names);
	raw->message = first_text(root, message_names);
	raw->network = json_text(json_get(root, "network"));
	copy_text(out->reason, sizeof(out->reason), raw->reason);
	copy_text(out->message, sizeof(out->message), raw->message);
	copy_text(out->network, sizeof(out->network), raw->network);
}

/* What the status alone says when nothing else is known. */
static enum answer_class
class_of_status(int status)
{
	/* Turned away at the door: the facilitator never saw the body. */
	if (status == 401 || status == 403 || status == 429)
		return ANSWER_RETRY;
	return ANSWER_AMBIGUOUS;
}

/*
 * A reason is taken at its word with 2xx and 4xx: x402-rs and CDP put their
 * refusals there. With 5xx something broke, and the rest of the text is no
 * better than that; only these two are known to come so.
 */
static bool
status_allows(int status, enum answer_class class, const struct reason *r)
{
	return status < 500 || class == ANSWER_PENDING || r->is_prefix;
}

static enum answer_class
class_of_reason(struct x402_answer *out, const struct raw *raw,
    const struct reason *r, int status, bool repost)
{
	enum answer_class class = out->has_hash ? r->with_hash : r->class;

	/* 2.27.0: "settlement_pending, but failed to persist ..." */
	if (class == ANSWER_RETRY && out->has_hash && raw->message != NULL &&
	    strstr(raw->message, "settlement_pending") != NULL)
		return ANSWER_AMBIGUOUS;
	if (repost && class == ANSWER_RETRY)
		class = r->repost;
	if (!status_allows(status, class, r))
		return ANSWER_AMBIGUOUS;
	out->maybe_transient = class == ANSWER_REFUSED && r->maybe_transient;
	return class;
}

static enum answer_class
classify(struct x402_answer *out, const struct raw *raw,
    const struct network *n, int status, bool repost)
{
	const struct reason *r;

	if (out->success)
		return is_ok(status) && out->has_hash && raw->network != NULL &&
			network_is_named(n, raw->network)
		    ? ANSWER_SUCCESS
		    : ANSWER_AMBIGUOUS;
	if (status >= 300 && status <= 399)
		return ANSWER_AMBIGUOUS;
	r = raw->reason == NULL ? NULL : reason_find(raw->reason);
	if (r == NULL)
		return class_of_status(status);
	return class_of_reason(out, raw, r, status, repost);
}

void
x402_answer_read(struct x402_answer *out, const struct network *n, int status,
    struct slice body, bool repost)
{
	struct json *root = NULL;
	struct raw raw;

	memset(out, 0, sizeof(*out));
	if (json_read(&root, body, NULL) != RC_OK) {
		out->class = class_of_status(status);
		return;
	}
	read_members(out, &raw, root);
	out->class = classify(out, &raw, n, status, repost);
	json_free(root);
}

const char *answer_class_name(enum answer_class class)
{
	static const char *const names[] = {
		[ANSWER_AMBIGUOUS] = "ambiguous",
		[ANSWER_SUCCESS] = "success",
		[ANSWER_REFUSED] = "refused",
		[ANSWER_RETRY] = "retry",
		[ANSWER_PENDING] = "pending",
	};

	return names[class];
}
