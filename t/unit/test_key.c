/*
 * The Ethereum room: key files, which texts and which modes are read, and
 * how a new one is written.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/unit/vectors.h"

#define KEY_DIGITS                                              \
	"4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d" \
	"01a3f362318"

static char dir[] = "/tmp/worknet-test-key-XXXXXX";

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
		  "000000000",
		    RC_INVALID,
		    "a file of the zero key is "
		    "refused" },
		{ ORDER_HEX, RC_INVALID,
		    "a file of the group's order is "
		    "refused" },
	};
	struct eth_key key, expected;
	struct err e = ERR_INIT;
	const char *path;
	bool ok;
	size_t i;

	key_of(&expected, "0x" KEY_DIGITS);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		path = file_make(
		    "text", cases[i].text, strlen(cases[i].text), 0600);
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
		tap_is_int(
		    eth_key_read(&key,
			file_make("open", KEY_DIGITS, 64, open_modes[i]), &e),
		    RC_INVALID, name);
		(void)unlink(file_path("open"));
	}
	tap_is_int(
	    eth_key_read(&key, file_make("ro", KEY_DIGITS, 64, 0400), &e),
	    RC_OK, "a key file of mode 0400 is read");
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
	tap_is_int(eth_key_read(&key,
		       file_make("long", spaces, sizeof(spaces), 0600), &e),
	    RC_INVALID, "a long file is refused");
	(void)unlink(file_path("long"));
	tap_is_int(
	    eth_key_read(&key, file_make("nul", KEY_DIGITS "\0", 65, 0600), &e),
	    RC_INVALID, "a NUL behind the key is refused");
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
	tap_ok(stat(file_path("new"), &st) == 0 && (st.st_mode & 07777) == 0600,
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
	if (mkdtemp(dir) == NULL)
		die(dir, strerror(errno));
	test_key_texts();
	test_key_files();
	test_key_write();
	(void)rmdir(dir);
	return tap_done();
}
