/*
 * The Ethereum room: Keccak-256, hex, addresses and EIP-712, against vectors
 * made with viem (t/vectors) and the USDC facts of x402. WN_SEED repeats a
 * run's random cases.
 */
#include "eth/eip712.h"
#include "t/unit/random.h"
#include "t/unit/vectors.h"

#define MESSAGE_MAX 4096 /* bytes of a hashed message */

/* ---- Keccak-256 ---- */

/* The hash of the message, given in pieces of step bytes. */
static void
hash_in_pieces(uint8_t out[static KECCAK256_LEN], const uint8_t *p, size_t len,
    size_t step)
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
	tap_ok(hex_decode(out, sizeof(out), slice_of("0x001fa0ff"), NULL) ==
		    RC_OK &&
		memcmp(out, bytes, sizeof(out)) == 0,
	    "lower-case hex is read");
	tap_ok(hex_decode(out, sizeof(out), slice_of("0x001Fa0FF"), NULL) ==
		    RC_OK &&
		memcmp(out, bytes, sizeof(out)) == 0,
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
		rc = hex_decode(out, sizeof(out), slice_of(cases[i].text), &e);
		tap_ok(rc == RC_INVALID && is_zero(out, sizeof(out)), "%s",
		    cases[i].name);
	}
	rc = hex_decode(out, sizeof(out), (struct slice){ NULL, 0 }, NULL);
	tap_is_int(rc, RC_INVALID, "no text at all isn't hex");
	rc = hex_decode(
	    out, sizeof(out), (struct slice){ "0x001f\0\0ff", 10 }, NULL);
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
		"",
		"0x",
		"0x8cf70ab3ef6750d5cef60f50c1c9f5b8fde553a",
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
			    RC_INVALID &&
			is_zero(&a, sizeof(a)),
		    "\"%s\" is no address", texts[i]);
	}
	memset(&a, SPOILED, sizeof(a));
	tap_ok(address_parse(&a, NULL,
		   slice_of("0x8Cf70ab3Ef6750D5CEF60F50c1c9F5b8FDE553aA"),
		   &e) == RC_INVALID &&
		is_zero(&a, sizeof(a)),
	    "a mistyped checksum leaves no address behind");
	tap_ok(strstr(e.msg, "EIP-55") != NULL,
	    "the message for a wrong checksum names EIP-55");
	tap_ok(comes_back("0x0000000000000000000000000000000000000000",
		   ADDRESS_CHECKSUM),
	    "an address without letters comes back");
}

/* ---- EIP-712 ---- */

static uint64_t
decimal_of(const struct json *j, const char *key)
{
	return strtoull(text_of(j, key), NULL, 10);
}

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
	address_of(
	    &d->verifying_contract, text_of(domain, "verifyingContract"));
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
		    "digest and signature",
		    i, t.value, d.chain_id);
	}
	tap_ok(i > 0, "there are transfers");
	json_free(all);
}

/* x402.md, section 4: the facts about USDC, and viem's signatures. */
struct usdc {
	const char *chain;
	const char *name;
	uint64_t chain_id;
	const char *token;
	const char *separator;
	const char *digest;
	const char *signature;
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
		.value = 10000,
		.valid_before = 1740672154,
	};
	struct eip712_domain d = { u->name, "2", u->chain_id, { { 0 } } };
	char text[HEX_SIZE(SIGNATURE_LEN)], name[80];
	uint8_t digest[32], sig[SIGNATURE_LEN];
	struct eth_key key;
	struct address from;

	key_of(&key,
	    "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d"
	    "01a3f362318");
	address_of(&t.from, "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23");
	address_of(&t.to, "0x209693Bc6afc0C5328bA36FaF03C514EF312287C");
	address_of(&d.verifying_contract, u->token);
	if (hex_decode(t.nonce, 32,
		slice_of("0xf3746613c2d920b5fdabc0856f2aeb"
			 "2d4f88ee6037b8cc5d04a71a4462f13480"),
		NULL) != RC_OK)
		die("nonce", "hex");
	tap_ok(eth_key_address(&from, &key, NULL) == RC_OK &&
		same_address(&from, &t.from),
	    "the known key has its address");
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

int
main(void)
{
	size_t i;

	random_seed();
	test_keccak_vectors();
	test_keccak_pieces();
	test_hex_accepted();
	test_hex_refused();
	test_address_vectors();
	test_address_refused();
	test_transfer_vectors();
	for (i = 0; i < sizeof(usdc_facts) / sizeof(usdc_facts[0]); i++)
		test_usdc(&usdc_facts[i]);
	return tap_done();
}
