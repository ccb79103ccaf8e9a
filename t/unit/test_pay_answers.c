/*
 * Answers of facilitators: the class of each reason that x402.md names, and
 * what becomes of everything else, be it hostile.
 */
#include "base/text.h"
#include "eth/hex.h"
#include "t/unit/tap.h"
#include "x402/answer.h"
#include "x402/reason.h"
#include "x402/x402.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define HASH                                                             \
	"0x8b3ea38020fe55009b5d97891357fdd009735dba3b7c70cc0e8b91e9e5a2" \
	"132d"

static struct network base;

static void
read_answer(struct x402_answer *a, int status, const char *body, bool repost)
{
	memset(a, 0xa5, sizeof(*a));
	x402_answer_read(a, &base, status, slice_of(body), repost);
}

static bool
is_class(enum answer_class expected, int status, const char *body)
{
	struct x402_answer a;

	read_answer(&a, status, body, false);
	if (a.class == expected)
		return true;
	tap_diag("got %s for HTTP %d %.200s", answer_class_name(a.class),
	    status, body);
	return false;
}

static enum answer_class
class_of(const char *reason, int status, const char *hash, bool repost)
{
	struct x402_answer a;
	char body[1024];

	(void)snprintf(body, sizeof(body),
	    "{\"success\":false,"
	    "\"errorReason\":\"%s\",\"transaction\":\"%s\","
	    "\"network\":\"eip155:8453\",\"payer\":\"0x857b\"}",
	    reason, hash);
	read_answer(&a, status, body, repost);
	return a.class;
}

/* ---- x402.md, section 2.2 ---- */

#define A ANSWER_AMBIGUOUS
#define D ANSWER_REFUSED
#define R ANSWER_RETRY
#define P ANSWER_PENDING

#define E   "invalid_exact_evm_"
#define EP  "invalid_exact_evm_payload_"
#define EPA "invalid_exact_evm_payload_authorization_"

/* The reasons with the class that the tables name for an empty hash. */
static const struct {
	const char *text;
	enum answer_class class;
} named[] = {
	/* npm x402 1.2.0 and the specifications */
	{ EP "signature", D },
	{ EP "recipient_mismatch", D },
	{ EPA "value", D },
	{ EPA "value_mismatch", D },
	{ EPA "valid_before", D },
	{ EPA "valid_after", R },
	{ "insufficient_funds", R },
	{ EP "undeployed_smart_wallet", D },
	{ "unsupported_scheme", D },
	{ "invalid_scheme", D },
	{ "invalid_network", D },
	{ "invalid_payload", D },
	{ "invalid_payment_requirements", D },
	{ "invalid_x402_version", D },
	{ "invalid_payment", D },
	{ "payment_expired", D },
	{ "unexpected_verify_error", D },
	{ "unexpected_settle_error", A },
	{ "duplicate_settlement", A },
	/* @x402/evm 2.27.0 */
	{ E "scheme", D },
	{ E "network_mismatch", D },
	{ E "missing_eip712_domain", D },
	{ E "recipient_mismatch", D },
	{ E "authorization_value", D },
	{ "asset_not_deployed_contract", D },
	{ E "failed_to_parse_signature", D },
	{ "eip6492_factory_not_allowed", D },
	{ "smart_wallet_deployment_failed", D },
	{ "unsupported_payload_type", D },
	{ E "signature", D },
	{ E "insufficient_balance", R },
	{ E "nonce_already_used", A },
	{ E "token_name_mismatch", D },
	{ E "token_version_mismatch", D },
	{ E "eip3009_not_supported", D },
	{ E "transaction_simulation_failed", R },
	{ E "transaction_failed", A },
	{ E "transfer_event_mismatch", A },
	/* Go */
	{ E "payload", D },
	{ EP "missing_signature", D },
	{ E "failed_to_get_network_config", D },
	{ E "required_amount", D },
	{ E "signature_format", D },
	{ E "failed_to_verify_signature", R },
	{ E "verification_failed", A },
	{ E "failed_to_check_deployment", R },
	{ E "failed_to_execute_transfer", A },
	{ E "failed_to_get_receipt", A },
	{ E "failed_to_check_nonce", R },
	{ E "failed_to_get_balance", R },
	{ E "unsupported_scheme", D },
	{ E "extra_field", D },
	{ E "insufficient_funds", R },
	{ "invalid_version", D },
	{ "invalid_v1_payload", D },
	{ "invalid_v2_payload", D },
	{ "no_facilitator_for_network", D },
	/* Python */
	{ "transaction_failed", A },
	{ "network_mismatch", D },
	{ "missing_eip712_domain", D },
	/* x402-rs */
	{ "invalid_format", D },
	{ "invalid_payment_amount", D },
	{ "invalid_payment_early", R },
	{ "invalid_payment_expired", D },
	{ "chain_id_mismatch", D },
	{ "recipient_mismatch", D },
	{ "asset_mismatch", D },
	{ "accepted_requirements_mismatch", D },
	{ "invalid_signature", D },
	{ "transaction_simulation", R },
	{ "permit2_allowance_required", D },
	{ "unsupported_chain", D },
	{ "unexpected_error", A },
	/* CDP */
	{ "settle_exact_evm_transaction_confirmation_timed_out", A },
	{ "settle_exact_node_failure", A },
	{ "unknown_error", A },
	{ "preflight_validation_failed", R },
	{ EPA "value_too_low", D },
	{ "amount_too_low", D },
	{ "invalid_amount", D },
	{ EPA "typed_data_message", D },
	{ EP "signature_address", D },
	{ EPA "from_address_kyt", D },
	{ EPA "to_address_kyt", D },
	{ "kyt_risk_detected", D },
	{ "request_blocked_by_location", D },
	{ "self_send_not_allowed", D },
	{ "permit2_disabled", D },
	{ "invalid_bazaar_extension", D },
	/* others */
	{ "invalid_json", D },
	{ "missing_parameters", D },
	{ "Payment must be verified before settlement", R },
};

/* What a hash beside the reason makes of it. */
static const struct {
	const char *text;
	enum answer_class first, again;
} with_hash[] = {
	{ "settlement_pending", P, P },
	{ E "failed_to_get_receipt", P, P },
	{ E "transaction_failed", R, A }, /* mined and reverted */
	{ "invalid_transaction_state", R, A },
	{ E "transaction_state", R, A },
	{ "settle_exact_failed_onchain", R, A },
	{ "transaction_failed", A, A },
	{ E "transfer_event_mismatch", A, A },
	{ E "nonce_already_used", A, A },
};

static void
test_reasons(void)
{
	const struct reason *table;
	size_t i, count, known = 0;

	for (i = 0; i < COUNT(named); i++)
		tap_ok(
		    class_of(named[i].text, 200, "", false) == named[i].class,
		    "%s is %s", named[i].text,
		    answer_class_name(named[i].class));
	for (i = 0; i < COUNT(with_hash); i++)
		tap_ok(class_of(with_hash[i].text, 200, HASH, false) ==
			    with_hash[i].first &&
			class_of(with_hash[i].text, 200, HASH, true) ==
			    with_hash[i].again,
		    "%s with a hash is %s, after another POST %s",
		    with_hash[i].text, answer_class_name(with_hash[i].first),
		    answer_class_name(with_hash[i].again));
	table = reason_table(&count);
	for (i = 0; i < count; i++)
		if (reason_find(table[i].text) == &table[i])
			known++;
	tap_ok(known == count && count >= COUNT(named),
	    "no reason stands twice in the table of %zu", count);
}

static bool
all_ambiguous(const char *const *reasons, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (class_of(reasons[i], 200, "", false) != A ||
		    class_of(reasons[i], 400, HASH, true) != A)
			return false;
	return true;
}

static void
test_special_reasons(void)
{
	static const char *const unknown[] = {
		"",
		"no",
		"invalid_exact_evm_signature ",
		"INVALID_NETWORK",
		"invalid_exact_evm_something_new",
		"settlement_pendin",
		"settlement_pending2",
		"insufficient_funds\\n",
		"\\u0000insufficient",
		"FiatTokenV2: authorization is used or canceled",
	};
	struct x402_answer a;

	tap_ok(all_ambiguous(unknown, COUNT(unknown)),
	    "a reason that is in no table is ambiguous");
	tap_ok(class_of("insufficient_funds", 200, "", true) == A &&
		class_of(E "transaction_simulation_failed", 200, "", true) ==
		    A &&
		class_of("transaction_simulation", 400, "", true) == A &&
		class_of(EPA "valid_after", 200, "", true) == R &&
		class_of(EP "signature", 200, "", true) == D,
	    "what a settled body is told, too, is ambiguous after a POST");
	tap_ok(class_of("settlement_pending", 500, HASH, false) == P &&
		class_of("settlement_pending", 202, HASH, false) == P,
	    "CDP reports pending with HTTP 500, Circle with 202");
	tap_ok(class_of("settlement_pending", 200, "", false) == A,
	    "pending without a hash can't be looked up");
	tap_ok(class_of("invalid_signature", 400, "", false) == D &&
		class_of("insufficient_funds", 412, "", false) == R,
	    "x402-rs refuses with 400 and 412");
	tap_ok(class_of("invalid_signature", 500, "", false) == A &&
		class_of("insufficient_funds", 503, "", false) == A &&
		class_of("invalid_signature", 302, "", false) == A,
	    "with 3xx and 5xx no reason is believed");
	tap_ok(class_of("invalid_signature", 200, HASH, false) == A,
	    "nor a refusal before the chain with a hash from the chain");
	read_answer(&a, 200,
	    "{\"success\":false,\"errorReason\":\"" E
	    "transaction_failed\",\"transaction\":\"" HASH "\","
	    "\"errorMessage\":\"settlement_pending, but failed to persist\"}",
	    false);
	tap_ok(a.class == A, "a pending one that wasn't noted is ambiguous");
	read_answer(&a, 200,
	    "{\"success\":false,\"errorReason\":\"" E
	    "signature\",\"transaction\":\"\"}",
	    false);
	tap_ok(a.class == D && a.maybe_transient,
	    "a refused signature may "
	    "come of the facilitator's own node");
	tap_ok(is_class(D, 500,
		   "{\"error\":\"No facilitator registered for "
		   "scheme: exact and network: eip155:1\"}"),
	    "a network that it doesn't know is refused, though with 500");
}

/* ---- Everything else ---- */

static void
test_success(void)
{
	static const char *const not [] = {
		("{\"success\":true,\"transaction\":\"\","
		 "\"network\":\"base\"}"),
		("{\"success\":true,\"network\":\"base\"}"),
		("{\"success\":true,\"transaction\":\"" HASH "\"}"),
		("{\"success\":true,\"transaction\":\"" HASH "\","
		 "\"network\":\"\"}"),
		("{\"success\":true,\"transaction\":\"" HASH "\","
		 "\"network\":\"base-sepolia\"}"),
		("{\"success\":true,\"transaction\":\"" HASH "0\","
		 "\"network\":\"base\"}"),
		("{\"success\":true,\"transaction\":[\"" HASH "\"],"
		 "\"network\":\"base\"}"),
		("{\"success\":\"true\",\"transaction\":\"" HASH "\","
		 "\"network\":\"base\"}"),
		("{\"success\":1,\"transaction\":\"" HASH "\","
		 "\"network\":\"base\"}"),
		("{\"success\":true,\"success\":true,\"transaction\":\"" HASH
		 "\",\"network\":\"base\"}"),
		("[{\"success\":true,\"transaction\":\"" HASH "\","
		 "\"network\":\"base\"}]"),
		("{\"success\":true,\"transaction\":\"" HASH "\","
		 "\"network\":\"base\""),
		("{\"success\":true,\"transaction\":\"" HASH "\","
		 "\"network\":\"base\"}}"),
	};
	static const char good[] =
	    "{\"success\":true,\"transaction\":\"" HASH
	    "\",\"network\":\"eip155:8453\",\"payer\":null,\"extra\":{}}";
	static const int statuses[] = { 100, 199, 300, 307, 400, 401, 404, 429,
		500, 599 };
	struct x402_answer a;
	uint8_t hash[32];
	size_t i, bad = 0;

	read_answer(&a, 200, good, false);
	tap_ok(hex_decode(hash, 32, slice_of(HASH), NULL) == RC_OK &&
		a.class == ANSWER_SUCCESS && a.success && a.has_hash &&
		memcmp(a.hash, hash, 32) == 0 &&
		strcmp(a.network, "eip155:8453") == 0 && a.reason[0] == '\0',
	    "success with 200, a hash and our network is success");
	tap_ok(is_class(ANSWER_SUCCESS, 201, good), "with any 2xx");
	for (i = 0; i < COUNT(not ); i++)
		tap_ok(is_class(A, 200, not [i]), "%s is ambiguous", not [i]);
	for (i = 0; i < COUNT(statuses); i++)
		bad += !is_class(A, statuses[i], good);
	tap_is_int((int64_t)bad, 0, "nor is it success with another status");
}

static void
test_status_alone(void)
{
	static const int retry[] = { 401, 403, 429 };
	static const int unclear[] = { 200, 204, 301, 400, 402, 404, 405, 408,
		409, 412, 413, 422, 499, 500, 502, 503, 504, 599 };
	size_t i;

	for (i = 0; i < COUNT(retry); i++)
		tap_ok(is_class(R, retry[i], "") &&
			is_class(R, retry[i], "<html>") &&
			is_class(R, retry[i],
			    "{\"errorType\":"
			    "\"unauthorized\",\"errorMessage\":\"x\","
			    "\"correlationId\":\"1\"}"),
		    "HTTP %d alone: to be tried again", retry[i]);
	for (i = 0; i < COUNT(unclear); i++)
		tap_ok(is_class(A, unclear[i], "") &&
			is_class(
			    A, unclear[i], "{\"error\":\"Invalid request\"}"),
		    "HTTP %d alone: ambiguous", unclear[i]);
}

static void
test_hostile(void)
{
	static const char *const bodies[] = {
		"",
		" ",
		"null",
		"true",
		"0",
		"\"success\"",
		"[]",
		"{}",
		"{",
		"}",
		"[[[[",
		"\xff\xfe",
		"{\"success\":null}",
		"{\"success\":false}",
		"{\"success\":false,\"errorReason\":null}",
		"{\"errorReason\":[\"invalid_scheme\"]}",
		"{\"errorReason\":{\"a\":\"invalid_scheme\"}}",
		"{\"errorReason\":7,\"transaction\":7,\"network\":7}",
		"{\"a\":{\"errorReason\":\"invalid_scheme\"}}",
		"{\"errorReason\":\"invalid_scheme\\u0000\"}",
		"{\"errorReason\":\"invalid\xff_scheme\"}",
		"{\"errorReason\":\"invalid_scheme\"} x",
		"{\"errorReason\":\"invalid_scheme\",}",
		"/*x*/{\"errorReason\":\"invalid_scheme\"}",
	};
	struct x402_answer a;
	struct buf b;
	size_t i;

	for (i = 0; i < COUNT(bodies); i++)
		tap_ok(is_class(A, 200, bodies[i]),
		    "hostile answer #%zu is ambiguous", i);
	buf_init(&b, 1 << 20);
	for (i = 0; i < 100000; i++)
		buf_add_text(&b, "{\"a\":");
	tap_ok(is_class(A, 200, b.p), "so is a deep one");
	buf_reset(&b);
	buf_add_text(&b, "{\"errorReason\":\"");
	for (i = 0; i < 60000; i++)
		buf_add_text(&b, i % 7 == 0 ? "\\u001b" : "x");
	buf_add_text(&b, "\",\"network\":\"");
	for (i = 0; i < 100; i++)
		buf_add_text(&b, "base");
	buf_add_text(&b, "\"}");
	read_answer(&a, 200, b.p, false);
	tap_ok(a.class == A && strlen(a.reason) == X402_REASON_MAX &&
		a.reason[0] == '?' && a.reason[1] == 'x' &&
		strlen(a.network) == NETWORK_NAME_MAX,
	    "a long one is cut, and cleaned for terminals");
	buf_free(&b);
}

static void
test_texts(void)
{
	struct x402_answer a;
	char out[8];

	read_answer(&a, 200,
	    "{\"success\":false,\"errorReason\":\"two\\n\\t"
	    "lines \\u00e9\",\"errorMessage\":\"more\"}",
	    false);
	tap_is_text(a.reason, "two lines ??", "a reason is one clean line");
	tap_is_text(a.message, "more", "its message is kept beside it");
	read_answer(&a, 502,
	    "{\"errorType\":\"bad_gateway\",\"errorMessage\":"
	    "\"x\"}",
	    false);
	tap_is_text(a.reason, "bad_gateway", "a gateway's error is a reason");
	text_clean(out, sizeof(out), slice_of("  a \r\n b\x7f\x1b[31m"));
	tap_is_text(out, "a b??[3", "text is cleaned and cut");
	text_clean(out, sizeof(out), slice_of("\n\n"));
	tap_is_text(out, "", "also down to nothing");
	text_clean(out, 1, slice_of("abc"));
	tap_is_text(out, "", "and into no room");
}

int
main(void)
{
	if (network_by_name(&base, "base", NULL) != RC_OK)
		return EXIT_FAILURE;
	test_reasons();
	test_special_reasons();
	test_success();
	test_status_alone();
	test_hostile();
	test_texts();
	return tap_done();
}
