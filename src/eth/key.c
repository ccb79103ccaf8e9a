/* Key files: what sign.h says about eth_key_read and eth_key_write. */
#include "eth/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"
#include "eth/hex.h"

#define KEY_TEXT_SIZE HEX_SIZE(sizeof(struct eth_key))
#define KEY_FILE_MAX  256 /* bytes: the key, and room for white space */

/* The messages hold nothing of the text: it may be a key with a typo. */
static enum rc
parse_key(
    struct eth_key *key, struct slice text, const char *path, struct err *e)
{
	char full[KEY_TEXT_SIZE] = "0x";
	struct address unused;
	enum rc rc;

	text = secret_trim(text);
	if (text.len == 2 * sizeof(key->b)) {
		memcpy(full + 2, text.p, text.len);
		text = (struct slice){ full, KEY_TEXT_SIZE - 1 };
	}
	rc = hex_decode(key->b, sizeof(key->b), text, NULL);
	if (rc != RC_OK)
		rc = err_set(
		    e, rc, "%s: expected a private key of 64 hex digits", path);
	else if ((rc = eth_key_address(&unused, key, e)) != RC_OK)
		rc = err_prefix(e, "%s", path);
	secret_wipe(full, sizeof(full));
	return rc;
}

enum rc
eth_key_read(struct eth_key *key, const char *path, struct err *e)
{
	char text[KEY_FILE_MAX];
	size_t len = 0;
	enum rc rc;

	memset(key, 0, sizeof(*key));
	rc = secret_file_read(text, sizeof(text), &len, path, e);
	if (rc == RC_OK)
		rc = parse_key(key, (struct slice){ text, len }, path, e);
	if (rc != RC_OK)
		secret_wipe(key, sizeof(*key));
	secret_wipe(text, sizeof(text));
	return rc;
}

enum rc
eth_key_write(const struct eth_key *key, const char *path, struct err *e)
{
	char text[KEY_TEXT_SIZE];
	enum rc rc = RC_OK;
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno == EEXIST ? RC_CONFLICT : RC_IO,
		    "%s: %s", path, strerror(errno));
	hex_encode(text, key->b, sizeof(key->b));
	text[KEY_TEXT_SIZE - 1] = '\n';
	/* fchmod: the umask may have taken the owner's rights away. */
	if (fchmod(fd, 0600) != 0)
		rc = err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	if (rc == RC_OK)
		rc = file_write(fd, text, sizeof(text), path, e);
	if (rc == RC_OK && fsync(fd) != 0)
		rc = err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	if (rc == RC_OK)
		rc = file_sync_name(path, e);
	secret_wipe(text, sizeof(text));
	if (close(fd) != 0 && rc == RC_OK)
		rc = err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	if (rc != RC_OK)
		(void)unlink(path);
	return rc;
}
