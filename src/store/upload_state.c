#include "store/upload_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "tlog/checkpoint.h"

#define FIRST	 "worknet-upload/1"
#define FILE_MAX (STORE_LABEL_MAX + 32 * UPLOAD_LEFT_MAX + 128)
#define MODE	 0644 /* worknet metrics reads it, too */

static void
state_path(char out[static FILE_PATH_SIZE], const struct conf *c)
{
	(void)snprintf(
	    out, FILE_PATH_SIZE, "%s/uploaded", c->upload_state_directory);
}

/* Takes the next line off the text, which begins with name; false: it isn't. */
static bool
line_take(struct slice *text, const char *name, struct slice *value)
{
	const size_t len = strlen(name);

	if (!slice_line(text, value) || value->len < len ||
	    memcmp(value->p, name, len) != 0)
		return false;
	value->p += len;
	value->len -= len;
	return true;
}

static bool
number_take(struct slice *text, const char *name, int64_t *n)
{
	struct slice value;

	return line_take(text, name, &value) &&
	    tlog_integer(n, value, name, NULL) == RC_OK;
}

/* False: the text isn't one that upload_state_write writes. */
static bool
state_parse(struct upload_state *s, struct slice text)
{
	struct slice value;
	int64_t left;

	if (text.len == 0 || !line_take(&text, FIRST, &value) ||
	    value.len != 0 || !line_take(&text, "store ", &value) ||
	    value.len > STORE_LABEL_MAX)
		return false;
	slice_copy(s->label, sizeof(s->label), value);
	if (!number_take(&text, "next ", &s->next))
		return false;
	while (text.len > 0) {
		if (s->left_n == UPLOAD_LEFT_MAX ||
		    !number_take(&text, "left ", &left) || left >= s->next ||
		    (s->left_n > 0 && left <= s->left[s->left_n - 1]))
			return false;
		s->left[s->left_n++] = left;
	}
	return true;
}

static void
state_begin(struct upload_state *s, const char *label)
{
	memset(s, 0, sizeof(*s));
	(void)snprintf(s->label, sizeof(s->label), "%s", label);
}

enum rc
upload_state_read(struct upload_state *s, const struct conf *c, struct err *e)
{
	char label[STORE_LABEL_MAX + 1];
	char path[FILE_PATH_SIZE];
	struct buf text;
	enum rc rc;

	store_label(label, c);
	state_begin(s, label);
	state_path(path, c);
	buf_init(&text, FILE_MAX);
	rc = buf_read_file(&text, path, e);
	if (rc == RC_OK) {
		if (!state_parse(s, (struct slice){ text.p, text.len }))
			log_warning(
			    "%s isn't whole: the store is asked about all of the log",
			    path);
		else if (strcmp(s->label, label) == 0)
			goto out;
		else
			log_warning(
			    "%s is of another store, %s: %s gets all of the log",
			    path, s->label, label);
		state_begin(s, label);
	}
out:
	buf_free(&text);
	return rc == RC_IO ? rc : RC_OK;
}

enum rc
upload_state_write(
    const struct upload_state *s, const struct conf *c, struct err *e)
{
	char path[FILE_PATH_SIZE];
	struct buf text;
	enum rc rc;
	size_t i;

	state_path(path, c);
	buf_init(&text, FILE_MAX);
	buf_printf(
	    &text, FIRST "\nstore %s\nnext %" PRId64 "\n", s->label, s->next);
	for (i = 0; i < s->left_n; i++)
		buf_printf(&text, "left %" PRId64 "\n", s->left[i]);
	rc = buf_status(&text, e);
	if (rc == RC_OK)
		rc = file_put(path, MODE, text.p, text.len, e);
	buf_free(&text);
	return rc;
}
