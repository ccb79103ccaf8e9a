/*
 * The Ethereum room: signatures and signed results, against vectors made
 * with viem (t/vectors) and against itself. WN_SEED repeats a run's random
 * cases.
 */
#include <pthread.h>

#include "t/unit/random.h"
#include "t/unit/vectors.h"

#define ROUNDS 200 /* random cases of each kind */

/* ---- Signed results ---- */

static void
attestation_of(struct attestation *a, const struct json *v)
{
	struct err e = ERR_INIT;

	*a = (struct attestation){ .task_id = slice_of(text_of(v, "taskId")) };
	if (address_parse(&a->worker, &a->form,
		slice_of(text_of(v, "workerAddress")), &e) != RC_OK)
		die("workerAddress", e.msg);
	if (json_int(&a->timestamp_ms, json_get(v, "timestamp")) != RC_OK)
		die("vectors", "timestamp");
	a->success = json_is_true(json_get(v, "success"));
}

static void
test_signed_results(void)
{
	struct json *all = vectors_read("signed-results.json");
	uint8_t digest[32], expected[32], sig[SIGNATURE_LEN];
	struct address signer, recovered;
	char text[ADDRESS_LEN + 1];
	struct err e = ERR_INIT;
	struct attestation a;
	const struct json *v;
	size_t i;

	for (i = 0; (v = json_at(all, i)) != NULL; i++) {
		attestation_of(&a, v);
		hex_of(sig, sizeof(sig), v, "signature");
		hex_of(expected, sizeof(expected), v, "digest");
		address_of(&signer, text_of(v, "signer"));
		attest_digest(digest, &a);
		address_format(text, &a.worker, a.form);
		tap_ok(memcmp(digest, expected, 32) == 0 &&
			eth_recover(&recovered, digest, sig, &e) == RC_OK &&
			same_address(&recovered, &signer) &&
			attest_check(&a, sig, &e) == RC_OK &&
			strcmp(text, text_of(v, "workerAddress")) == 0,
		    "signed result %zu of %s has its digest and signer", i,
		    text);
	}
	tap_ok(i > 0, "there are signed results");
	json_free(all);
}

/* What the coordinator answers: the text of the signature first. */
static enum rc
check_odd(const struct json *v, struct err *e)
{
	uint8_t sig[SIGNATURE_LEN];
	struct attestation a;
	enum rc rc;

	attestation_of(&a, v);
	rc = hex_decode(sig, sizeof(sig), slice_of(text_of(v, "signature")), e);
	return rc != RC_OK ? rc : attest_check(&a, sig, e);
}

static void
test_odd_results(void)
{
	struct json *all = vectors_read("signed-results-odd.json");
	struct err e = ERR_INIT;
	const struct json *v;
	bool valid;
	size_t i;

	for (i = 0; (v = json_at(all, i)) != NULL; i++) {
		/* "malleable" is a string, so not true. */
		valid = json_is_true(json_get(v, "valid"));
		e = (struct err)ERR_INIT;
		tap_ok(check_odd(v, &e) == (valid ? RC_OK : RC_INVALID),
		    "%s (%zu) is %s", text_of(v, "case"), i,
		    valid ? "accepted" : "refused");
		if (!valid)
			tap_ok(e.rc == RC_INVALID && e.msg[0] != '\0',
			    "the message says why: %s", e.msg);
	}
	tap_ok(i > 0, "there are odd results");
	json_free(all);
}

static void
test_task_ids(void)
{
	char longest[TASK_ID_MAX + 2];

	memset(longest, 'x', sizeof(longest));
	longest[TASK_ID_MAX + 1] = '\0';
	tap_ok(task_id_is_valid(slice_of("AZaz09_.:-")),
	    "a task id of every kind of character is valid");
	tap_ok(task_id_is_valid((struct slice){ longest, TASK_ID_MAX }),
	    "a task id of 64 characters is valid");
	tap_ok(!task_id_is_valid((struct slice){ longest, TASK_ID_MAX + 1 }),
	    "a task id of 65 characters isn't valid");
	tap_ok(!task_id_is_valid(slice_of("")), "an empty task id isn't valid");
	tap_ok(!task_id_is_valid((struct slice){ "a\0b", 3 }),
	    "a task id with a NUL isn't valid");
	tap_ok(!task_id_is_valid(slice_of("a\"b")) &&
		!task_id_is_valid(slice_of("a\\b")) &&
		!task_id_is_valid(slice_of("a b")) &&
		!task_id_is_valid(slice_of("a/b")) &&
		!task_id_is_valid(slice_of("\xc3\xa4")),
	    "a task id that JSON would escape, or of other letters, isn't "
	    "valid");
}

/* ---- Signatures ---- */

static void
test_signature_range(void)
{
	/* s = n/2 and n/2 + 1, big-endian. */
	static const char *const half[] = {
		"0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46"
		"681b20a0",
		"0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46"
		"681b20a1",
	};
	uint8_t sig[SIGNATURE_LEN] = { 0 }, digest[32] = { 1 };
	struct err e = ERR_INIT;
	struct address a;
	unsigned v, ok = 0;

	sig[31] = 1; /* x of 1 is on the curve */
	if (hex_decode(sig + 32, 32, slice_of(half[0]), &e) != RC_OK)
		die("half", e.msg);
	for (v = 0; v < 256; v++) {
		sig[64] = (uint8_t)v;
		ok += eth_recover(&a, digest, sig, &e) == RC_OK;
	}
	tap_is_int(ok, 4, "of all 256 values of v only four are accepted");
	sig[64] = 27;
	tap_ok(eth_recover(&a, digest, sig, &e) == RC_OK,
	    "s of half the order is accepted");
	if (hex_decode(sig + 32, 32, slice_of(half[1]), &e) != RC_OK)
		die("half", e.msg);
	memset(&a, SPOILED, sizeof(a));
	tap_ok(eth_recover(&a, digest, sig, &e) == RC_INVALID &&
		is_zero(&a, sizeof(a)),
	    "s of half the order and one is refused, and no address left");
	memset(sig + 32, 0, 32);
	sig[63] = 1;
	sig[31] = 5; /* x of 5 isn't on the curve */
	tap_ok(eth_recover(&a, digest, sig, &e) == RC_INVALID,
	    "r that is no point's x is refused");
	if (hex_decode(sig, 32, slice_of(ORDER_HEX), &e) != RC_OK)
		die("order", e.msg);
	tap_ok(eth_recover(&a, digest, sig, &e) == RC_INVALID,
	    "r of the order is refused");
}

/* Signing and addressing with a value that isn't a key. */
static void
refuse_key(const struct eth_key *key, const char *name)
{
	uint8_t digest[32] = { 1 }, sig[SIGNATURE_LEN];
	struct attestation a = { .task_id = { "a", 1 } };
	struct err e = ERR_INIT;
	struct address address;

	memset(sig, SPOILED, sizeof(sig));
	tap_ok(eth_sign(sig, digest, key, &e) == RC_INVALID &&
		is_zero(sig, sizeof(sig)),
	    "%s doesn't sign", name);
	memset(&address, SPOILED, sizeof(address));
	tap_ok(eth_key_address(&address, key, &e) == RC_INVALID &&
		is_zero(&address, sizeof(address)),
	    "%s has no address", name);
	memset(sig, SPOILED, sizeof(sig));
	tap_ok(attest_sign(sig, &a, key, &e) == RC_INVALID &&
		is_zero(sig, sizeof(sig)),
	    "%s doesn't attest", name);
}

static void
test_invalid_keys(void)
{
	struct eth_key key = { { 0 } };
	struct err e = ERR_INIT;
	struct address a;

	refuse_key(&key, "the zero key");
	key_of(&key, ORDER_HEX);
	refuse_key(&key, "the order of the group");
	memset(&key, 0xff, sizeof(key));
	refuse_key(&key, "a key of all ones");
	key_of(&key, ORDER_HEX);
	key.b[31]--;
	tap_ok(eth_key_address(&a, &key, &e) == RC_OK,
	    "the greatest key has an address");
}

static bool
round_trip(void)
{
	uint8_t digest[32], sig[SIGNATURE_LEN];
	struct address own, signer;
	struct err e = ERR_INIT;
	struct eth_key key;

	random_bytes(digest, sizeof(digest));
	random_bytes(key.b, sizeof(key.b));
	key.b[0] &= 0x7f; /* below the order */
	key.b[31] |= 1;	  /* not zero */
	return eth_key_address(&own, &key, &e) == RC_OK &&
	    eth_sign(sig, digest, &key, &e) == RC_OK &&
	    (sig[64] == 27 || sig[64] == 28) && (sig[32] & 0x80) == 0 &&
	    eth_recover(&signer, digest, sig, &e) == RC_OK &&
	    same_address(&own, &signer);
}

/* A random attestation of a new key's; id holds the task id. */
static void
random_attestation(
    struct attestation *a, struct eth_key *key, char id[static TASK_ID_MAX])
{
	static const char chars[] = "ABCXYZabcxyz0123456789_.:-";
	struct err e = ERR_INIT;
	size_t i;

	*a = (struct attestation){ .success = false };
	if (eth_key_generate(key, &e) != RC_OK ||
	    eth_key_address(&a->worker, key, &e) != RC_OK)
		die("key", e.msg);
	a->task_id = (struct slice){ id, 1 + random_next() % TASK_ID_MAX };
	for (i = 0; i < a->task_id.len; i++)
		id[i] = chars[random_next() % (sizeof(chars) - 1)];
	a->form = (enum address_form)(random_next() % 3);
	a->timestamp_ms = (int64_t)(random_next() % (JSON_INT_MAX + 1ULL));
	a->success = random_next() % 2 == 0;
}

/* True when nothing but the signature itself is accepted for a. */
static bool
mutations_refused(
    const struct attestation *a, const uint8_t sig[static SIGNATURE_LEN])
{
	uint8_t changed[SIGNATURE_LEN];
	struct attestation b = *a;
	size_t bit;

	memcpy(changed, sig, sizeof(changed));
	bit = random_next() % (8 * (SIGNATURE_LEN - 1));
	changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	if (attest_check(a, changed, NULL) != RC_INVALID)
		return false;
	memcpy(changed, sig, sizeof(changed));
	changed[64] ^= 27 ^ 28;
	if (attest_check(a, changed, NULL) != RC_INVALID)
		return false;
	b.success = !b.success;
	if (attest_check(&b, sig, NULL) != RC_INVALID)
		return false;
	b = *a;
	b.timestamp_ms ^= 1;
	return attest_check(&b, sig, NULL) == RC_INVALID;
}

static void
test_random(void)
{
	int i, trips = 0, attested = 0, refused = 0, foreign = 0;
	uint8_t sig[SIGNATURE_LEN];
	char id[TASK_ID_MAX];
	struct attestation a;
	struct eth_key key;

	for (i = 0; i < ROUNDS; i++) {
		trips += round_trip();
		random_attestation(&a, &key, id);
		attested += attest_sign(sig, &a, &key, NULL) == RC_OK &&
		    attest_check(&a, sig, NULL) == RC_OK;
		refused += mutations_refused(&a, sig);
		a.worker.b[0] ^= 1;
		foreign += attest_sign(sig, &a, &key, NULL) == RC_INVALID &&
		    is_zero(sig, sizeof(sig));
	}
	tap_is_int(trips, ROUNDS, "what a key signs is recovered to it");
	tap_is_int(attested, ROUNDS, "what a worker attests is accepted");
	tap_is_int(refused, ROUNDS,
	    "a changed signature or a changed result is refused");
	tap_is_int(foreign, ROUNDS,
	    "a key doesn't attest for another worker's address");
}

static void *
sign_in_thread(void *ctx)
{
	uint8_t digest[32] = { 7 }, sig[SIGNATURE_LEN];
	struct eth_key key = { { 1, 2, 3 } };
	struct address own, signer;
	bool *ok = ctx;
	int i;

	*ok = true;
	for (i = 0; i < 50; i++)
		*ok = *ok && eth_sign(sig, digest, &key, NULL) == RC_OK &&
		    eth_key_address(&own, &key, NULL) == RC_OK &&
		    eth_recover(&signer, digest, sig, NULL) == RC_OK &&
		    same_address(&own, &signer);
	return NULL;
}

static void
test_threads(void)
{
	pthread_t threads[4];
	bool ok[4], all = true;
	size_t i;

	for (i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, sign_in_thread, &ok[i]) !=
		    0)
			die("pthread_create", "failed");
	for (i = 0; i < 4; i++) {
		(void)pthread_join(threads[i], NULL);
		all = all && ok[i];
	}
	tap_ok(all, "four threads sign and recover at once");
}

int
main(void)
{
	random_seed();
	test_signed_results();
	test_odd_results();
	test_task_ids();
	test_signature_range();
	test_invalid_keys();
	test_random();
	test_threads();
	return tap_done();
}
