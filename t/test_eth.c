/*
 * The Ethereum room against vectors made with viem (t/vectors), the USDC
 * facts of x402, and itself. WN_SEED repeats a run's random cases.
 */
#define _GNU_SOURCE	/* setenv, mkdtemp */
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "eth/attest.h"
#include "eth/eip712.h"
#include "eth/hex.h"
#include "json/json.h"
#include "tap.h"

#define VECTORS_MAX	(1024 * 1024)	/* bytes of a vector file */
#define MESSAGE_MAX	4096		/* bytes of a hashed message */
#define ROUNDS		200		/* random cases of each kind */

#define SPOILED 0xa5	/* what outputs hold before a call that must fail */

/* The order of the group: one more than the greatest private key. */
#define ORDER_HEX "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd2" \
    "5e8cd0364141"

static uint64_t random_state;
static char dir[] = "/tmp/worknet-test-eth-XXXXXX";

/* xorshift64*: the same cases again for the same seed. */
static uint64_t
random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}

static void
random_bytes(uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = (uint8_t)(random_next() >> 32);
}

static void
random_seed(void)
{
	const char *text = getenv("WN_SEED");

	random_state = text != NULL ? strtoull(text, NULL, 10) :
	    (uint64_t)time(NULL);
	if (random_state == 0)
		random_state = 1;
	tap_diag("WN_SEED=%" PRIu64, random_state);
}

static void
die(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

/* ---- Vectors ---- */

static struct json *
vectors_read(const char *name)
{
	const char *srcdir = getenv("srcdir");
	struct err e = ERR_INIT;
	struct json *j = NULL;
	char path[4096];
	struct buf b;

	(void)snprintf(path, sizeof(path), "%s/t/vectors/%s",
	    srcdir != NULL ? srcdir : ".", name);
	buf_init(&b, VECTORS_MAX);
	if (buf_read_file(&b, path, &e) != RC_OK ||
	    json_read(&j, (struct slice){ b.p, b.len }, &e) != RC_OK)
		die(path, e.msg);
	buf_free(&b);
	return j;
}

static const char *
text_of(const struct json *j, const char *key)
{
	const char *text = json_text(json_get(j, key));

	if (text == NULL)
		die("vectors: no string", key);
	return text;
}

static void
hex_of(uint8_t *out, size_t len, const struct json *j, const char *key)
{
	struct err e = ERR_INIT;

	if (hex_decode(out, len, slice_of(text_of(j, key)), &e) != RC_OK)
		die(key, e.msg);
}

static void
address_of(struct address *out, const char *text)
{
	struct err e = ERR_INIT;

	if (address_parse(out, NULL, slice_of(text), &e) != RC_OK)
		die(text, e.msg);
}

static void
key_of(struct eth_key *key, const char *text)
{
	struct err e = ERR_INIT;

	if (hex_decode(key->b, sizeof(key->b), slice_of(text), &e) != RC_OK)
		die("key", e.msg);
}

static uint64_t
decimal_of(const struct json *j, const char *key)
{
	return strtoull(text_of(j, key), NULL, 10);
}

static bool
same_address(const struct address *a, const struct address *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static bool
is_zero(const void *p, size_t len)
{
	const uint8_t *b = p;
	size_t i;

	for (i = 0; i < len; i++)
		if (b[i] != 0)
			return false;
	return true;
}

/* ---- Keccak-256 ---- */

/* The hash of the message, given in pieces of step bytes. */
static void
hash_in_pieces(uint8_t out[static KECCAK256_LEN], const uint8_t *p,
    size_t len, size_t step)
{
	struct keccak k;
	size_t n;

	keccak_init(&k);
	for (; len > 0; p += n, len -= n) {
		n = len < step ? len : step;
		keccak_update(&k, p, n);
	}
	keccak_final(&k, out);
}

static void
test_keccak_vectors(void)
{
	struct json *all = vectors_read("keccak256.json");
	uint8_t message[MESSAGE_MAX], got[32], expected[32];
	const struct json *v;
	size_t i, len;

	for (i = 0; (v = json_at(all, i)) != NULL; i++) {
		len = (strlen(text_of(v, "message")) - 2) / 2;
		if (len > sizeof(message))
			die("keccak256.json", "a message is too long");
		hex_of(message, len, v, "message");
		hex_of(expected, sizeof(expected), v, "hash");
		keccak256(got, message, len);
		tap_ok(memcmp(got, expected, 32) == 0,
		    "the hash of %zu bytes is right", len);
	}
	tap_ok(i > 0, "there are vectors for keccak256");
	json_free(all);
}

/* All lengths around one and two blocks of 136 bytes, all piece sizes. */
static void
test_keccak_pieces(void)
{
	uint8_t message[300], whole[32], pieces[32];
	size_t len, step, bad = 0;

	random_bytes(message, sizeof(message));
	for (len = 0; len <= sizeof(message); len++) {
		keccak256(whole, message, len);
		for (step = 1; step <= 150; step++) {
			hash_in_pieces(pieces, message, len, step);
			bad += memcmp(whole, pieces, 32) != 0;
		}
	}
	tap_is_int((int64_t)bad, 0,
	    "a message hashed in pieces has the hash of the whole");
}

/* ---- Hex ---- */

static void
test_hex_accepted(void)
{
	static const uint8_t bytes[] = { 0x00, 0x1f, 0xa0, 0xff };
	char text[HEX_SIZE(sizeof(bytes))];
	uint8_t out[sizeof(bytes)];

	hex_encode(text, bytes, sizeof(bytes));
	tap_is_text(text, "0x001fa0ff", "bytes become lower-case hex");
	hex_encode(text, bytes, 0);
	tap_is_text(text, "0x", "no bytes become 0x alone");
	tap_ok(hex_decode(out, sizeof(out), slice_of("0x001fa0ff"),
	    NULL) == RC_OK && memcmp(out, bytes, sizeof(out)) == 0,
	    "lower-case hex is read");
	tap_ok(hex_decode(out, sizeof(out), slice_of("0x001Fa0FF"),
	    NULL) == RC_OK && memcmp(out, bytes, sizeof(out)) == 0,
	    "mixed-case hex is read");
	tap_ok(hex_decode(out, 0, slice_of("0x"), NULL) == RC_OK,
	    "0x alone holds no bytes");
}

static void
test_hex_refused(void)
{
	static const struct {
		const char *text;
		const char *name;
	} cases[] = {
		{ "", "empty text isn't hex" },
		{ "0", "a zero alone isn't hex" },
		{ "0x", "too few digits are refused: none" },
		{ "0x001fa0f", "an odd number of digits is refused" },
		{ "0x001fa0", "too few digits are refused" },
		{ "0x001fa0ff00", "too many digits are refused" },
		{ "0X001fa0ff", "0X isn't 0x" },
		{ "001fa0ff", "digits without 0x are refused" },
		{ "001fa0ff00", "digits in the place of 0x are refused" },
		{ "0x001fa0fg", "a letter behind f is refused" },
		{ "0x001fa0@f", "the character before A is refused" },
		{ "0x001fa0f`", "the character before a is refused" },
		{ "0x001fa0f:", "the character behind 9 is refused" },
		{ "0x001fa0f/", "the character before 0 is refused" },
		{ "0x 01fa0ff", "a space is refused" },
		{ "0x001fa0f\xb1", "a byte above 0x7f is refused" },
	};
	struct err e = ERR_INIT;
	uint8_t out[4];
	enum rc rc;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(out, SPOILED, sizeof(out));
		rc = hex_decode(out, sizeof(out), slice_of(cases[i].text),
		    &e);
		tap_ok(rc == RC_INVALID && is_zero(out, sizeof(out)), "%s",
		    cases[i].name);
	}
	rc = hex_decode(out, sizeof(out), (struct slice){ NULL, 0 }, NULL);
	tap_is_int(rc, RC_INVALID, "no text at all isn't hex");
	rc = hex_decode(out, sizeof(out),
	    (struct slice){ "0x001f\0\0ff", 10 }, NULL);
	tap_is_int(rc, RC_INVALID, "a NUL isn't a hex digit");
}

/* ---- Addresses ---- */

/* True when text is read as form and comes back letter for letter. */
static bool
comes_back(const char *text, enum address_form form)
{
	enum address_form got;
	char back[ADDRESS_LEN + 1];
	struct address a;

	if (address_parse(&a, &got, slice_of(text), NULL) != RC_OK)
		return false;
	address_format(back, &a, got);
	return got == form && strcmp(back, text) == 0;
}

static void
upper_case(char *text)
{
	for (text += 2; *text != '\0'; text++)
		if (*text >= 'a' && *text <= 'z')
			*text = (char)(*text - 'a' + 'A');
}

/* The number of single letters whose changed case is still accepted. */
static int
wrong_cases_accepted(const char *checksum)
{
	char text[ADDRESS_LEN + 1];
	struct address a;
	int accepted = 0;
	size_t i;

	for (i = 2; i < ADDRESS_LEN; i++) {
		memcpy(text, checksum, sizeof(text));
		if (text[i] < 'A')
			continue;
		text[i] ^= 0x20;
		if (address_parse(&a, NULL, slice_of(text), NULL) == RC_OK)
			accepted++;
	}
	return accepted;
}

static void
test_address_vectors(void)
{
	struct json *all = vectors_read("eip55.json");
	const char *lower, *checksum;
	char upper[ADDRESS_LEN + 1];
	const struct json *v;
	struct address a;
	char made[ADDRESS_LEN + 1];
	size_t i;

	for (i = 0; (v = json_at(all, i)) != NULL; i++) {
		lower = text_of(v, "lower");
		checksum = text_of(v, "checksum");
		(void)snprintf(upper, sizeof(upper), "%s", lower);
		upper_case(upper);
		address_of(&a, lower);
		address_format(made, &a, ADDRESS_CHECKSUM);
		tap_ok(strcmp(made, checksum) == 0 &&
		    comes_back(lower, ADDRESS_LOWER) &&
		    comes_back(upper, ADDRESS_UPPER) &&
		    comes_back(checksum, ADDRESS_CHECKSUM),
		    "%s has its checksum and comes back in three forms",
		    checksum);
		tap_ok(wrong_cases_accepted(checksum) == 0,
		    "%s with one letter in the other case is refused",
		    checksum);
	}
	tap_ok(i > 0, "there are vectors for EIP-55");
	json_free(all);
}

static void
test_address_refused(void)
{
	static const char *const texts[] = {
		"", "0x", "0x8cf70ab3ef6750d5cef60f50c1c9f5b8fde553a",
		"0x8cf70ab3ef6750d5cef60f50c1c9f5b8fde553aaa",
		"8cf70ab3ef6750d5cef60f50c1c9f5b8fde553aa",
		"0X8CF70AB3EF6750D5CEF60F50C1C9F5B8FDE553AA",
		"0x8cf70ab3ef6750d5cef60f50c1c9f5b8fde553ag",
		" 0x8cf70ab3ef6750d5cef60f50c1c9f5b8fde553a",
	};
	struct err e = ERR_INIT;
	struct address a;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(&a, SPOILED, sizeof(a));
		tap_ok(address_parse(&a, NULL, slice_of(texts[i]), &e) ==
		    RC_INVALID && is_zero(&a, sizeof(a)),
		    "\"%s\" is no address", texts[i]);
	}
	memset(&a, SPOILED, sizeof(a));
	tap_ok(address_parse(&a, NULL,
	    slice_of("0x8Cf70ab3Ef6750D5CEF60F50c1c9F5b8FDE553aA"), &e) ==
	    RC_INVALID && is_zero(&a, sizeof(a)),
	    "a mistyped checksum leaves no address behind");
	tap_ok(strstr(e.msg, "EIP-55") != NULL,
	    "the message for a wrong checksum names EIP-55");
	tap_ok(comes_back("0x0000000000000000000000000000000000000000",
	    ADDRESS_CHECKSUM), "an address without letters comes back");
}

/* ---- Signed results ---- */

static void
attestation_of(struct attestation *a, const struct json *v)
{
	struct err e = ERR_INIT;

	a->task_id = slice_of(text_of(v, "taskId"));
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
	rc = hex_decode(sig, sizeof(sig), slice_of(text_of(v, "signature")),
	    e);
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

	sig[31] = 1;	/* x of 1 is on the curve */
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
	sig[31] = 5;	/* x of 5 isn't on the curve */
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
	    is_zero(sig, sizeof(sig)), "%s doesn't sign", name);
	memset(&address, SPOILED, sizeof(address));
	tap_ok(eth_key_address(&address, key, &e) == RC_INVALID &&
	    is_zero(&address, sizeof(address)), "%s has no address", name);
	memset(sig, SPOILED, sizeof(sig));
	tap_ok(attest_sign(sig, &a, key, &e) == RC_INVALID &&
	    is_zero(sig, sizeof(sig)), "%s doesn't attest", name);
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
	key.b[0] &= 0x7f;	/* below the order */
	key.b[31] |= 1;		/* not zero */
	return eth_key_address(&own, &key, &e) == RC_OK &&
	    eth_sign(sig, digest, &key, &e) == RC_OK &&
	    (sig[64] == 27 || sig[64] == 28) && (sig[32] & 0x80) == 0 &&
	    eth_recover(&signer, digest, sig, &e) == RC_OK &&
	    same_address(&own, &signer);
}

/* A random attestation of a new key's; id holds the task id. */
static void
random_attestation(struct attestation *a, struct eth_key *key,
    char id[static TASK_ID_MAX])
{
	static const char chars[] = "ABCXYZabcxyz0123456789_.:-";
	struct err e = ERR_INIT;
	size_t i;

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
mutations_refused(const struct attestation *a,
    const uint8_t sig[static SIGNATURE_LEN])
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
		if (pthread_create(&threads[i], NULL, sign_in_thread,
		    &ok[i]) != 0)
			die("pthread_create", "failed");
	for (i = 0; i < 4; i++) {
		(void)pthread_join(threads[i], NULL);
		all = all && ok[i];
	}
	tap_ok(all, "four threads sign and recover at once");
}

/* ---- EIP-712 ---- */

static void
transfer_of(struct transfer_authorization *t, const struct json *message)
{
	address_of(&t->from, text_of(message, "from"));
	address_of(&t->to, text_of(message, "to"));
	t->value = decimal_of(message, "value");
	t->valid_after = decimal_of(message, "validAfter");
	t->valid_before = decimal_of(message, "validBefore");
	hex_of(t->nonce, sizeof(t->nonce), message, "nonce");
}

static void
domain_of(struct eip712_domain *d, const struct json *domain)
{
	int64_t chain_id;

	d->name = text_of(domain, "name");
	d->version = text_of(domain, "version");
	if (json_int(&chain_id, json_get(domain, "chainId")) != RC_OK)
		die("vectors", "chainId");
	d->chain_id = (uint64_t)chain_id;
	address_of(&d->verifying_contract,
	    text_of(domain, "verifyingContract"));
}

static void
test_transfer_vectors(void)
{
	struct json *all = vectors_read("transfer-with-authorization.json");
	uint8_t digest[32], expected[32], sig[SIGNATURE_LEN];
	uint8_t expected_sig[SIGNATURE_LEN];
	struct transfer_authorization t;
	struct eip712_domain d;
	const struct json *v;
	struct eth_key key;
	size_t i;

	for (i = 0; (v = json_at(all, i)) != NULL; i++) {
		key_of(&key, text_of(v, "privateKey"));
		domain_of(&d, json_get(v, "domain"));
		transfer_of(&t, json_get(v, "message"));
		hex_of(expected, sizeof(expected), v, "digest");
		hex_of(expected_sig, sizeof(expected_sig), v, "signature");
		eip712_transfer_digest(digest, &d, &t);
		tap_ok(memcmp(digest, expected, 32) == 0 &&
		    eth_sign(sig, digest, &key, NULL) == RC_OK &&
		    memcmp(sig, expected_sig, sizeof(sig)) == 0,
		    "transfer %zu of %" PRIu64 " on chain %" PRIu64 " has its "
		    "digest and signature", i, t.value, d.chain_id);
	}
	tap_ok(i > 0, "there are transfers");
	json_free(all);
}

/* x402.md, section 4: the facts about USDC, and viem's signatures. */
struct usdc {
	const char	*chain;
	const char	*name;
	uint64_t	 chain_id;
	const char	*token;
	const char	*separator;
	const char	*digest;
	const char	*signature;
};

static const struct usdc usdc_facts[] = {
	{ "Base", "USD Coin", 8453,
	    "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
	    "0x02fa7265e7c5d81118673727957699e4d68f74cd74b7db77da710fe8a2c78"
	    "34f",
	    "0xc244af1b76dc97653b2516463ae00785b7f4866939b66b20af84feab683b3"
	    "d49",
	    "0x8b3ea38020fe55009b5d97891357fdd009735dba3b7c70cc0e8b91e9e5a21"
	    "32d0ace012b5e77e20a57659c2ba284bb68834ff314330971ea749b079ff651"
	    "a2fb1b" },
	{ "Base Sepolia", "USDC", 84532,
	    "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
	    "0x71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9"
	    "818",
	    "0x2414c481d41f49c0e559d1dba935023a3c8a23836c935f9ff5c8191ca3403"
	    "5b1",
	    "0xff0183b601b73bccc3177825c627793d9a11f241eb8f040f558a15b9474e4"
	    "4bb4376fc4e9485a1531d93487386a5da98219bfc94e987c5cb1907c7502bb8"
	    "49521b" },
};

static void
test_usdc(const struct usdc *u)
{
	struct transfer_authorization t = {
		.value = 10000, .valid_before = 1740672154,
	};
	struct eip712_domain d = { u->name, "2", u->chain_id, { { 0 } } };
	char text[HEX_SIZE(SIGNATURE_LEN)], name[80];
	uint8_t digest[32], sig[SIGNATURE_LEN];
	struct eth_key key;
	struct address from;

	key_of(&key, "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d"
	    "01a3f362318");
	address_of(&t.from, "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23");
	address_of(&t.to, "0x209693Bc6afc0C5328bA36FaF03C514EF312287C");
	address_of(&d.verifying_contract, u->token);
	if (hex_decode(t.nonce, 32, slice_of("0xf3746613c2d920b5fdabc0856f2aeb"
	    "2d4f88ee6037b8cc5d04a71a4462f13480"), NULL) != RC_OK)
		die("nonce", "hex");
	tap_ok(eth_key_address(&from, &key, NULL) == RC_OK &&
	    same_address(&from, &t.from), "the known key has its address");
	eip712_domain_separator(digest, &d);
	hex_encode(text, digest, sizeof(digest));
	(void)snprintf(name, sizeof(name),
	    "USDC on %s has its DOMAIN_SEPARATOR", u->chain);
	tap_is_text(text, u->separator, name);
	eip712_transfer_digest(digest, &d, &t);
	hex_encode(text, digest, sizeof(digest));
	(void)snprintf(name, sizeof(name),
	    "a USDC transfer on %s has its digest", u->chain);
	tap_is_text(text, u->digest, name);
	if (eth_sign(sig, digest, &key, NULL) != RC_OK)
		die("eth_sign", "failed");
	hex_encode(text, sig, sizeof(sig));
	(void)snprintf(name, sizeof(name),
	    "a USDC transfer on %s has its signature", u->chain);
	tap_is_text(text, u->signature, name);
}

/* ---- Key files ---- */

static const char *
file_path(const char *name)
{
	static char path[sizeof(dir) + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static const char *
file_make(const char *name, const void *text, size_t len, mode_t mode)
{
	const char *path = file_path(name);
	FILE *f = fopen(path, "w");

	if (f == NULL || fwrite(text, 1, len, f) != len || fclose(f) != 0 ||
	    chmod(path, mode) != 0)
		die(path, strerror(errno));
	return path;
}

#define KEY_DIGITS "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d" \
    "01a3f362318"

static void
test_key_texts(void)
{
	static const struct {
		const char *text;
		enum rc rc;
		const char *name;
	} cases[] = {
		{ "0x" KEY_DIGITS, RC_OK, "a key with 0x is read" },
		{ KEY_DIGITS, RC_OK, "a key without 0x is read" },
		{ " \t\r\n0x" KEY_DIGITS "\r\n \n", RC_OK,
		    "white space around a key is passed over" },
		{ "", RC_INVALID, "an empty key file is refused" },
		{ " \n", RC_INVALID, "a key file of white space is refused" },
		{ "0x", RC_INVALID, "a key file of 0x alone is refused" },
		{ "0x" KEY_DIGITS "0", RC_INVALID,
		    "a key with a digit too many is refused" },
		{ "c0883a" KEY_DIGITS, RC_INVALID,
		    "a key of 70 digits is refused" },
		{ "0xZ" KEY_DIGITS, RC_INVALID, "garbage is refused" },
		{ KEY_DIGITS "\n" KEY_DIGITS "\n", RC_INVALID,
		    "a file of two keys is refused" },
		{ "0x0000000000000000000000000000000000000000000000000000000"
		    "000000000", RC_INVALID, "a file of the zero key is "
		    "refused" },
		{ ORDER_HEX, RC_INVALID, "a file of the group's order is "
		    "refused" },
	};
	struct eth_key key, expected;
	struct err e = ERR_INIT;
	const char *path;
	bool ok;
	size_t i;

	key_of(&expected, "0x" KEY_DIGITS);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		path = file_make("text", cases[i].text, strlen(cases[i].text),
		    0600);
		memset(&key, SPOILED, sizeof(key));
		e = (struct err)ERR_INIT;
		ok = eth_key_read(&key, path, &e) == cases[i].rc;
		if (cases[i].rc == RC_OK)
			ok = ok && memcmp(&key, &expected, sizeof(key)) == 0;
		else
			ok = ok && is_zero(&key, sizeof(key)) &&
			    strstr(e.msg, "0883a691") == NULL &&
			    strstr(e.msg, path) != NULL;
		tap_ok(ok, "%s", cases[i].name);
		(void)unlink(path);
	}
}

static void
test_key_files(void)
{
	static const mode_t open_modes[] = { 0644, 0640, 0604, 0620, 0602 };
	char spaces[5000];
	struct err e = ERR_INIT;
	struct eth_key key;
	char name[64];
	size_t i;

	for (i = 0; i < sizeof(open_modes) / sizeof(open_modes[0]); i++) {
		(void)snprintf(name, sizeof(name),
		    "a key file of mode %04o is refused",
		    (unsigned)open_modes[i]);
		tap_is_int(eth_key_read(&key, file_make("open", KEY_DIGITS,
		    64, open_modes[i]), &e), RC_INVALID, name);
		(void)unlink(file_path("open"));
	}
	tap_is_int(eth_key_read(&key, file_make("ro", KEY_DIGITS, 64, 0400),
	    &e), RC_OK, "a key file of mode 0400 is read");
	(void)unlink(file_path("ro"));
	tap_is_int(eth_key_read(&key, file_path("none"), &e), RC_NOT_FOUND,
	    "a key file that isn't there is not found");
	tap_is_int(eth_key_read(&key, dir, &e), RC_INVALID,
	    "a directory is no key file");
	if (mkfifo(file_path("fifo"), 0600) != 0)
		die("mkfifo", strerror(errno));
	tap_is_int(eth_key_read(&key, file_path("fifo"), &e), RC_INVALID,
	    "a FIFO is no key file, and nobody waits for it");
	(void)unlink(file_path("fifo"));
	memset(spaces, ' ', sizeof(spaces));
	tap_is_int(eth_key_read(&key, file_make("long", spaces,
	    sizeof(spaces), 0600), &e), RC_INVALID,
	    "a long file is refused");
	(void)unlink(file_path("long"));
	tap_is_int(eth_key_read(&key, file_make("nul", KEY_DIGITS "\0", 65,
	    0600), &e), RC_INVALID, "a NUL behind the key is refused");
	(void)unlink(file_path("nul"));
}

static void
test_key_write(void)
{
	struct eth_key key, other, back;
	struct err e = ERR_INIT;
	struct stat st;
	mode_t mask;

	if (eth_key_generate(&key, &e) != RC_OK ||
	    eth_key_generate(&other, &e) != RC_OK)
		die("eth_key_generate", e.msg);
	tap_ok(memcmp(&key, &other, sizeof(key)) != 0,
	    "two generated keys differ");
	mask = umask(0277);
	tap_is_int(eth_key_write(&key, file_path("new"), &e), RC_OK,
	    "a key is written");
	(void)umask(mask);
	tap_ok(stat(file_path("new"), &st) == 0 &&
	    (st.st_mode & 07777) == 0600,
	    "a written key file has mode 0600, whatever the umask");
	tap_ok(eth_key_read(&back, file_path("new"), &e) == RC_OK &&
	    memcmp(&key, &back, sizeof(key)) == 0,
	    "a written key is read back");
	tap_is_int(eth_key_write(&other, file_path("new"), &e), RC_CONFLICT,
	    "a key file that exists isn't written");
	tap_ok(eth_key_read(&back, file_path("new"), &e) == RC_OK &&
	    memcmp(&key, &back, sizeof(key)) == 0,
	    "a key file that exists keeps its key");
	(void)unlink(file_path("new"));
	if (symlink("nowhere", file_path("link")) != 0)
		die("symlink", strerror(errno));
	tap_is_int(eth_key_write(&key, file_path("link"), &e), RC_CONFLICT,
	    "a symbolic link in the file's place isn't followed");
	(void)unlink(file_path("link"));
	tap_is_int(eth_key_write(&key, file_path("no/where"), &e), RC_IO,
	    "a key isn't written where there is no directory");
}

int
main(void)
{
	size_t i;

	random_seed();
	if (mkdtemp(dir) == NULL)
		die(dir, strerror(errno));
	test_keccak_vectors();
	test_keccak_pieces();
	test_hex_accepted();
	test_hex_refused();
	test_address_vectors();
	test_address_refused();
	test_signed_results();
	test_odd_results();
	test_task_ids();
	test_signature_range();
	test_invalid_keys();
	test_random();
	test_threads();
	test_transfer_vectors();
	for (i = 0; i < sizeof(usdc_facts) / sizeof(usdc_facts[0]); i++)
		test_usdc(&usdc_facts[i]);
	test_key_texts();
	test_key_files();
	test_key_write();
	(void)rmdir(dir);
	return tap_done();
}
