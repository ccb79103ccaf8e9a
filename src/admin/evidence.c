#include "admin/evidence.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/http.h"
#include "ledger/status.h"
#include "proof/leaf.h"
#include "proof/stamp.h"
#include "store/upload.h"
#include "tlog/site.h"

#define LEAVES_MAX  10000 /* that are looked at: an hour of so many tasks */
#define MISSING_MAX 4096  /* bytes of names */

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

/* The end of the newest hour that the log in directory has; 0: none yet. */
static enum rc
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

/* The names of who hasn't given its word, each after a space. */
static enum rc
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

/* Who hasn't given its word on the newest checkpoint. */
static void
check_others(const struct conf *c, struct outcome *o)
{
	struct err e = ERR_INIT;
	struct buf missing;

	buf_init(&missing, MISSING_MAX);
	if (evidence_missing(&missing, c, &e) != RC_OK)
		probe_say(o, true, "%s", e.msg);
	else if (missing.len > 0)
		probe_say(o, true,
		    "the newest checkpoint lacks the word of%s: journalctl -u worknet-log.service says why",
		    missing.p);
	buf_free(&missing);
}

/* How far the transparency log is behind. */
void
probe_evidence(struct admin *a, struct outcome *o)
{
	struct err e = ERR_INIT;
	int64_t to_ms, behind_ms;
	enum rc rc;

	if (a->conf.log_origin[0] == '\0') {
		probe_say(o, false, "not set up: nobody can verify anything");
		return;
	}
	rc = evidence_newest(&to_ms, a->conf.log_directory, &e);
	if (rc == RC_NOT_FOUND)
		probe_say(o, true,
		    "%s has no checkpoint: systemctl enable --now worknet-log.timer",
		    a->conf.log_directory);
	else if (rc != RC_OK)
		probe_say(o, true, "%s", e.msg);
	if (rc != RC_OK)
		return;
	check_others(&a->conf, o);
	if (to_ms == 0) {
		probe_say(o, false, "no hour is logged yet");
		return;
	}
	behind_ms = clock_unix_ms() - to_ms;
	probe_say(o, behind_ms > ANCHOR_OLD_MS,
	    "the newest hour of the log ended %lld minutes ago%s",
	    (long long)(behind_ms / 60000),
	    behind_ms > ANCHOR_OLD_MS ? ": systemctl status worknet-log.service"
				      : "");
}

/* How far the object store is behind that. */
void
probe_upload(struct admin *a, struct outcome *o)
{
	struct err e = ERR_INIT;
	int64_t end_ms, old_ms;

	if (a->conf.upload_kind[0] == '\0') {
		probe_say(o, false, "not set up");
		return;
	}
	if (upload_oldest(&end_ms, &a->conf, &e) != RC_OK) {
		probe_say(o, true, "%s", e.msg);
		return;
	}
	old_ms = clock_unix_ms() - end_ms;
	if (end_ms == 0) {
		probe_say(o, false, "the object store has the whole log");
		return;
	}
	probe_say(o, old_ms > UPLOAD_OLD_MS,
	    "the oldest hour that the object store hasn't ended %lld minutes ago%s",
	    (long long)(old_ms / 60000),
	    old_ms > UPLOAD_OLD_MS
		? ": journalctl -u worknet-upload; systemctl status worknet-upload.timer"
		: "");
}
