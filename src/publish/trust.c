#include "publish/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "tlog/policy.h"

#define MADE "# made by worknet-log of its configuration, [log]\n"
#define HALF "more-than-half"

static struct slice
slice_all(const struct buf *b)
{
	return (struct slice){ b->p == NULL ? "" : b->p, b->len };
}

static bool
is_made(const struct buf *text)
{
	return text->len >= strlen(MADE) &&
	    memcmp(text->p, MADE, strlen(MADE)) == 0;
}

static void
others_write(struct buf *out, const struct witnesses *w, const struct stamps *s)
{
	char vkey[NOTE_VKEY_MAX + 1];
	size_t i;

	for (i = 0; i < w->n; i++) {
		note_key_format(vkey, &w->all[i].key);
		buf_printf(out, "witness %s %s\n", w->all[i].key.name, vkey);
	}
	for (i = 0; i < s->n; i++) {
		buf_printf(out, "authority %s ", s->all[i].name);
		base64_add(
		    out, s->all[i].certificate.p, s->all[i].certificate.len);
		buf_add_text(out, "\n");
	}
	if (w->n > 0)
		buf_printf(out, "group " HALF " %zu", witnesses_needed(w));
	for (i = 0; i < w->n; i++)
		buf_printf(out, " %s", w->all[i].key.name);
	buf_printf(out, "%squorum %s\n", w->n > 0 ? "\n" : "",
	    w->n > 0 ? HALF : "none");
}

/* The lines of old but those of the log's keys. */
static void
rest_write(struct buf *out, const struct buf *old, const char *name)
{
	char of_log[NOTE_NAME_MAX + 8];
	const char *p = old->p, *end = old->p + old->len, *at;
	size_t len;

	(void)snprintf(of_log, sizeof(of_log), "log %s+", name);
	for (; p < end; p += len + 1) {
		at = memchr(p, '\n', (size_t)(end - p));
		len = at == NULL ? (size_t)(end - p) : (size_t)(at - p);
		if (len < strlen(of_log) ||
		    memcmp(p, of_log, strlen(of_log)) != 0)
			buf_printf(out, "%.*s\n", (int)len, p);
	}
}

static enum rc
policy_make(struct buf *out, const struct buf *old, const struct note_key *key,
    const struct witnesses *w, const struct stamps *s, struct err *e)
{
	const bool others = w->n + s->n > 0;
	struct policy *p;
	char vkey[NOTE_VKEY_MAX + 1];
	enum rc rc;

	note_key_format(vkey, key);
	buf_printf(out, "%slog %s\n", others ? MADE : "", vkey);
	if (others || old->len == 0 || is_made(old))
		others_write(out, w, s);
	else
		rest_write(out, old, key->name);
	rc = buf_status(out, e);
	if (rc != RC_OK || !others)
		return rc;
	p = calloc(1, sizeof(*p));
	rc = p == NULL ? err_set(e, RC_NO_MEMORY, "out of memory")
		       : policy_parse(p, slice_all(out), e);
	free(p);
	return rc == RC_INVALID ? err_prefix(e, "[log] makes no policy") : rc;
}

enum rc
trust_show(struct site *site, const struct note_key *key,
    const struct witnesses *w, const struct stamps *s, struct err *e)
{
	char vkey[NOTE_VKEY_MAX + 1], path[FILE_PATH_SIZE];
	struct buf old, text;
	enum rc rc;

	note_key_format(vkey, key);
	buf_init(&old, POLICY_MAX);
	buf_init(&text, POLICY_MAX);
	(void)snprintf(path, sizeof(path), "%s/policy", site->path);
	rc = buf_read_file(&old, path, e);
	if (rc == RC_NOT_FOUND)
		rc = RC_OK;
	if (rc == RC_OK)
		rc = policy_make(&text, &old, key, w, s, e);
	/* The operator's may say more, in any order. */
	if (rc == RC_OK &&
	    (w->n + s->n > 0 || is_made(&old) || old.len == 0 ||
		memmem(old.p, old.len, vkey, strlen(vkey)) == NULL) &&
	    (old.len != text.len || memcmp(old.p, text.p, text.len) != 0))
		rc = site_put(site, "policy", slice_all(&text), e);
	buf_free(&old);
	buf_free(&text);
	return rc;
}

/* By the keys that the directory itself names: it is the operator's. */
enum rc
trust_open(struct site *site, struct checkpoint *c, const char *directory,
    struct err *e)
{
	struct policy *policy = malloc(sizeof(*policy));
	struct policy_word word;
	struct buf text, note;
	enum rc rc = RC_OK;

	site_open(site, directory, 0);
	if (policy == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	buf_init(&text, POLICY_MAX);
	buf_init(&note, NOTE_MAX);
	rc = site_get(site, "policy", &text, e);
	if (rc == RC_OK)
		rc =
		    policy_parse(policy, (struct slice){ text.p, text.len }, e);
	if (rc == RC_OK)
		rc = site_get(site, "checkpoint", &note, e);
	if (rc == RC_OK)
		rc = policy_check(
		    &word, policy, (struct slice){ note.p, note.len }, e);
	buf_free(&text);
	buf_free(&note);
	free(policy);
	if (rc != RC_OK)
		return err_prefix(e, "%s", directory);
	*c = word.checkpoint;
	site->size = word.checkpoint.size;
	return RC_OK;
}
