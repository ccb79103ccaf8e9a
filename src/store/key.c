#include "store/key.h"

#include <stdbool.h>
#include <string.h>

#include "base/secret.h"

#define FILE_MAX (2 * STORE_KEY_MAX + 16)

/* Takes a line off the text: 1 to STORE_KEY_MAX bytes, printable, no blank. */
static bool
line_take(char out[static STORE_KEY_MAX + 1], struct slice *text)
{
	const char *end = memchr(text->p, '\n', text->len);
	const size_t len = end == NULL ? text->len : (size_t)(end - text->p);
	const struct slice line = secret_trim((struct slice){ text->p, len });
	size_t i;

	text->p += end == NULL ? len : len + 1;
	text->len -= end == NULL ? len : len + 1;
	if (line.len < 1 || line.len > STORE_KEY_MAX)
		return false;
	for (i = 0; i < line.len; i++)
		if (line.p[i] <= ' ' || line.p[i] > '~')
			return false;
	slice_copy(out, STORE_KEY_MAX + 1, line);
	return true;
}

enum rc
store_key_read(struct store_key *out, const char *path, struct err *e)
{
	char bytes[FILE_MAX];
	struct slice text;
	size_t len;
	bool ok;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	rc = secret_file_read(bytes, sizeof(bytes), &len, path, e);
	if (rc != RC_OK)
		return rc;
	text = secret_trim((struct slice){ bytes, len });
	ok = line_take(out->id, &text) && line_take(out->secret, &text) &&
	    text.len == 0;
	secret_wipe(bytes, sizeof(bytes));
	if (ok)
		return RC_OK;
	secret_wipe(out, sizeof(*out));
	return err_set(e, RC_INVALID,
	    "%s: expected two lines, a key's id and its secret", path);
}
