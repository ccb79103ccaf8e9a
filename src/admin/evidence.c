#include "admin/evidence.h"

#include <stdio.h>
#include <unistd.h>

#include "http/http.h"
#include "proof/leaf.h"
#include "proof/stamp.h"
#include "tlog/site.h"

#define LEAVES_MAX 10000 /* that are looked at: an hour of so many tasks */

/* The published checkpoint, into text, of which the note borrows. */
static enum rc
published_read(
    struct buf *text, struct note *note, const char *directory, struct err *e)
{
	char path[FILE_PATH_SIZE];
	enum rc rc;

	(void)snprintf(path, sizeof(path), "%s/checkpoint", directory);
	rc = buf_read_file(text, path, e);
	return rc == RC_OK
	    ? note_parse(note, (struct slice){ text->p, text->len }, e)
	    : rc;
}

enum rc
evidence_newest(int64_t *to_ms, const char *directory, struct err *e)
{
	struct segment_leaf leaf;
	struct site site;
	struct slice entry;
	int64_t i;
	enum rc rc;

	*to_ms = 0;
	rc = site_open_seen(&site, directory, e);
	for (i = site.size - 1;
	     rc == RC_OK && *to_ms == 0 && i >= 0 && i > site.size - LEAVES_MAX;
	     i--) {
		rc = site_entry(&site, i, &entry, e);
		if (rc != RC_OK || leaf_kind(entry) != KIND_SEGMENT)
			continue;
		rc = leaf_parse(&leaf, KIND_SEGMENT, entry, e);
		if (rc == RC_OK)
			*to_ms = leaf.to;
	}
	site_close(&site);
	return rc;
}

/* The list has a key and a URL of each. */
static enum rc
witnesses_missing(
    struct buf *out, const struct note *note, const char *list, struct err *e)
{
	const char *vkey, *url;
	struct note_key key;
	int64_t at_s;
	size_t len;
	enum rc rc = RC_OK;

	while (rc == RC_OK && (len = http_urls_next(&list, &vkey)) > 0) {
		(void)http_urls_next(&list, &url);
		rc = note_key_parse(&key, (struct slice){ vkey, len }, e);
		if (rc == RC_OK &&
		    note_verify(note, &key, &at_s, NULL) != RC_OK)
			buf_printf(out, " %s", key.name);
	}
	return rc;
}

/* The list has a name, a URL and a file of each. */
static void
stamps_missing(struct buf *out, struct slice note, const struct conf *c)
{
	char word[POLICY_WORD_MAX + 1], name[STAMP_NAME_MAX + 1];
	char path[FILE_PATH_SIZE + STAMP_NAME_MAX];
	const char *list = c->log_authorities, *authority, *other;
	size_t len;

	while ((len = http_urls_next(&list, &authority)) > 0) {
		(void)http_urls_next(&list, &other);
		(void)http_urls_next(&list, &other);
		slice_copy(
		    word, sizeof(word), (struct slice){ authority, len });
		stamp_name(name, note, word);
		(void)snprintf(
		    path, sizeof(path), "%s/%s", c->log_directory, name);
		if (access(path, F_OK) != 0)
			buf_printf(out, " %s", word);
	}
}

enum rc
evidence_missing(struct buf *out, const struct conf *c, struct err *e)
{
	struct note note;
	struct buf text;
	enum rc rc;

	buf_init(&text, NOTE_MAX);
	rc = published_read(&text, &note, c->log_directory, e);
	if (rc == RC_OK)
		rc = witnesses_missing(out, &note, c->log_witnesses, e);
	if (rc == RC_OK)
		stamps_missing(out, (struct slice){ text.p, text.len }, c);
	buf_free(&text);
	return rc == RC_OK ? buf_status(out, e) : rc;
}
