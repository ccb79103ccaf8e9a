/*
 * The treasury's key: plain, and in keystores, good and spoilt ones. Keys of
 * CDP are in parts.t.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "eth/hex.h"
#include "keys/keystore.h"
#include "keys/scrypt.h"
#include "t/unit/tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char dir[] = "/tmp/worknet-test-pay-XXXXXX";

static void
die(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static void
hex_of(uint8_t *out, size_t len, const char *text)
{
	if (hex_decode(out, len, slice_of(text), NULL) != RC_OK)
		die("not hex", text);
}

static void
write_file(char path[64], const char *name, const char *text, mode_t mode)
{
	FILE *f;

	(void)snprintf(path, 64, "%s/%s", dir, name);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0 ||
	    chmod(path, mode) != 0)
		die(path, "can't write");
}

/* ---- scrypt ---- */

/* RFC 7914, section 12. */
static void
test_scrypt(void)
{
	static const struct {
		const char *pass, *salt;
		struct scrypt_params params;
		const char *expected;
	} vectors[] = {
		{ "", "", { 16, 1, 1 },
		    "0x77d6576238657b203b19ca42c18a0497f16"
		    "b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc"
		    "81f17e8d3e0fb2e0d3628cf35e20c38d18906" },
		{ "password", "NaCl", { 1024, 8, 16 },
		    "0xfdbabe1c9d3472007856"
		    "e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22"
		    "a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640" },
		{ "pleaseletmein", "SodiumChloride", { 16384, 8, 1 },
		    "0x7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543"
		    "f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e"
		    "40dfcf017b45575887" },
	};
	uint8_t got[64], expected[64];
	size_t i;

	for (i = 0; i < COUNT(vectors); i++) {
		hex_of(expected, sizeof(expected), vectors[i].expected);
		tap_ok(
		    scrypt_derive(got, sizeof(got), slice_of(vectors[i].pass),
			(const uint8_t *)vectors[i].salt,
			strlen(vectors[i].salt), &vectors[i].params,
			NULL) == RC_OK &&
			memcmp(got, expected, sizeof(got)) == 0,
		    "scrypt: vector %zu of RFC 7914", i + 1);
	}
}

/* ---- Keystores ---- */

/* The test vectors of the Web3 Secret Storage definition. */
#define VECTOR_KEY \
	"0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"

#define PBKDF2_PARAMS                                                             \
	"{\"c\":262144,\"dklen\":32,\"prf\":\"hmac-sha256\","                     \
	"\"salt\":\"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624c" \
	"e0bd\"}"
#define SCRYPT_PARAMS                                          \
	"{\"dklen\":32,\"n\":262144,\"p\":8,\"r\":1,\"salt\":" \
	"\"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19\"}"

#define STORE(iv, ciphertext, kdf, params, mac)                                  \
	"{\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":\"" iv \
	"\"},\"ciphertext\":\"" ciphertext "\",\"kdf\":\"" kdf                   \
	"\",\"kdfparams\":" params ",\"mac\":\"" mac                             \
	"\"},\"id\":\"3198bc9c-6672-5ab3-d995-4942343ae5b6\",\"version\":3}"

#define PBKDF2_STORE                                                            \
	STORE("6087dab2f9fdbbfaddc31a909735c1e6",                               \
	    "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46", \
	    "pbkdf2", PBKDF2_PARAMS,                                            \
	    "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2")
#define SCRYPT_STORE_OF(params)                                                 \
	STORE("83dbcc02d8ccb40e466191a123791e0e",                               \
	    "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c", \
	    "scrypt", params,                                                   \
	    "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097")

static bool
opens(const char *store, const char *passphrase)
{
	struct err e = ERR_INIT;
	struct eth_key key, expected;

	hex_of(expected.b, sizeof(expected.b), VECTOR_KEY);
	return keystore_open(&key, slice_of(store), slice_of(passphrase), &e) ==
	    RC_OK &&
	    memcmp(key.b, expected.b, sizeof(key.b)) == 0;
}

static bool
store_refused(const char *store, const char *why)
{
	static const struct eth_key zero;
	struct err e = ERR_INIT;
	struct eth_key key;

	memset(&key, 0xa5, sizeof(key));
	if (keystore_open(&key, slice_of(store), slice_of("testpassword"),
		&e) == RC_INVALID &&
	    memcmp(key.b, zero.b, sizeof(key.b)) == 0 &&
	    strstr(e.msg, why) != NULL)
		return true;
	tap_diag("%s", e.msg);
	return false;
}

static void
test_keystores(void)
{
	static const char *const absurd[] = {
		"{\"dklen\":32,\"n\":16777216,\"r\":8,\"p\":1,\"salt\":\"ab\"}",
		"{\"dklen\":32,\"n\":1048576,\"r\":8,\"p\":1,\"salt\":\"ab\"}",
		"{\"dklen\":32,\"n\":2,\"r\":1024,\"p\":1000000,"
		"\"salt\":\"ab\"}",
		"{\"dklen\":32,\"n\":262144,\"r\":8,\"p\":1000,"
		"\"salt\":\"ab\"}",
		"{\"dklen\":32,\"n\":262145,\"r\":8,\"p\":1,\"salt\":\"ab\"}",
		"{\"dklen\":32,\"n\":1,\"r\":8,\"p\":1,\"salt\":\"ab\"}",
		"{\"dklen\":32,\"n\":0,\"r\":0,\"p\":0,\"salt\":\"ab\"}",
		"{\"dklen\":32,\"n\":9007199254740991,\"r\":9007199254740991,"
		"\"p\":9007199254740991,\"salt\":\"ab\"}",
	};
	size_t i;

	tap_ok(opens(PBKDF2_STORE, "testpassword"), "the pbkdf2 vector opens");
	tap_ok(opens(SCRYPT_STORE_OF(SCRYPT_PARAMS), "testpassword"),
	    "the scrypt vector opens");
	tap_ok(
	    !opens(PBKDF2_STORE, "testpassword\n") && !opens(PBKDF2_STORE, ""),
	    "with no other passphrase");
	for (i = 0; i < COUNT(absurd); i++) {
		char store[1024];

		(void)snprintf(
		    store, sizeof(store), SCRYPT_STORE_OF("%s"), absurd[i]);
		tap_ok(store_refused(store, "scrypt with"),
		    "absurd scrypt parameters are refused (%zu)", i);
	}
}

static void
test_spoilt_keystores(void)
{
	static const struct {
		const char *old, *new, *why;
	} changes[] = {
		{ "\"version\":3", "\"version\":1", "version 3" },
		{ "aes-128-ctr", "aes-256-ctr", "aes-128-ctr" },
		{ "pbkdf2", "argon2", "kdf" },
		{ "hmac-sha256", "hmac-sha1", "hmac-sha256" },
		{ "\"dklen\":32", "\"dklen\":16", "dklen" },
		{ "\"c\":262144", "\"c\":0", "c from 1" },
		{ "\"c\":262144", "\"c\":99999999999", "c from 1" },
		{ "517ead92", "517ead93", "wrong passphrase" },
		{ "517ead92", "517ead9", "mac" },
		{ "5318b4d5", "5318b4d6", "wrong passphrase" },
		{ "6087dab2f9", "6087dab2", "iv" },
		{ "\"id\":",
		    "\"address\":\"2c7536e3605d9c16a7a3d7b1898e529396"
		    "a65c23\",\"id\":",
		    "isn't that of the address" },
		{ "\"version\":3}", "\"version\":3", "keystore" },
		{ "\"crypto\"", "\"cryptx\"", "crypto object" },
	};
	char text[sizeof(PBKDF2_STORE) + 100];
	const char *at;
	size_t i;

	for (i = 0; i < COUNT(changes); i++) {
		at = strstr(PBKDF2_STORE, changes[i].old);
		(void)snprintf(text, sizeof(text), "%.*s%s%s",
		    (int)(at - PBKDF2_STORE), PBKDF2_STORE, changes[i].new,
		    at + strlen(changes[i].old));
		tap_ok(store_refused(text, changes[i].why),
		    "a keystore with %s is refused", changes[i].new);
	}
	tap_ok(store_refused("", "keystore") &&
		store_refused("[]", "version") &&
		store_refused("{\"version\":3,\"crypto\":7}", "cipher") &&
		store_refused("{\"version\":\"3\"}", "version"),
	    "and what is none at all");
}

static void
test_key_files(void)
{
	struct err e = ERR_INIT;
	struct eth_key key, expected;
	char path[64], pass[64];
	struct address a;

	hex_of(expected.b, sizeof(expected.b), VECTOR_KEY);
	write_file(path, "store", VECTOR_KEY "\n", 0600);
	tap_ok(treasury_key_read(&key, path, NULL, &e) == RC_OK &&
		memcmp(key.b, expected.b, sizeof(key.b)) == 0,
	    "a plain key file is read");
	write_file(path, "store", "\n" PBKDF2_STORE "\n", 0600);
	write_file(pass, "pass", "testpassword\n", 0600);
	tap_ok(treasury_key_read(&key, path, pass, &e) == RC_OK &&
		memcmp(key.b, expected.b, sizeof(key.b)) == 0,
	    "a keystore is, its passphrase without the line's end");
	tap_ok(treasury_key_read(&key, path, "", &e) == RC_INVALID &&
		strstr(e.msg, "needs a passphrase") != NULL,
	    "but not without a passphrase file");
	write_file(pass, "pass", "testpassword\n", 0644);
	tap_ok(treasury_key_read(&key, path, pass, &e) == RC_INVALID &&
		strstr(e.msg, "0600") != NULL && strstr(e.msg, pass) != NULL,
	    "nor with one that others can read");
	write_file(pass, "pass", "testpasswor\n", 0600);
	tap_ok(treasury_key_read(&key, path, pass, &e) == RC_INVALID &&
		strstr(e.msg, "testpasswor") == NULL,
	    "nor with a wrong one, which no message repeats");
	write_file(path, "store", PBKDF2_STORE, 0640);
	tap_ok(treasury_key_read(&key, path, pass, &e) == RC_INVALID &&
		strstr(e.msg, "0600") != NULL,
	    "nor may others read the keystore");
	tap_ok(treasury_key_read(&key, dir, pass, &e) == RC_INVALID,
	    "a directory is no key");
	write_file(path, "store",
	    "{\"version\":3,"
	    "\"address\":\"008aeeda4d805471df9b2a5b0f38a0c3bcba786b\"}",
	    0600);
	tap_ok(treasury_address_read(&a, path, "", &e) == RC_OK &&
		a.b[1] == 0x8a && a.b[19] == 0x6b,
	    "whose a keystore is it says without its passphrase");
	write_file(path, "store", VECTOR_KEY "\n", 0600);
	tap_ok(treasury_address_read(&a, path, "", &e) == RC_OK &&
		a.b[1] == 0x8a && a.b[19] == 0x6b,
	    "a plain key's is computed");
	(void)unlink(path);
	tap_ok(treasury_address_read(&a, path, pass, &e) == RC_NOT_FOUND,
	    "nobody's is that of no file");
	tap_ok(treasury_key_read(&key, path, pass, &e) == RC_NOT_FOUND,
	    "a missing file is not found");
	(void)unlink(pass);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		die(dir, "can't make it");
	test_scrypt();
	test_keystores();
	test_spoilt_keystores();
	test_key_files();
	(void)rmdir(dir);
	return tap_done();
}
