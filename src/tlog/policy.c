#include "tlog/policy.h"

#include <string.h>

#include "base/base64.h"

#define WORDS_MAX (POLICY_WITNESSES + POLICY_GROUPS + 3)

/* The words of a line; what follows WORDS_MAX of them is left out. */
static size_t
words_of(struct slice line, struct slice word[static WORDS_MAX])
{
	size_t i = 0, from, n = 0;

	while (i < line.len && n < WORDS_MAX) {
		while (i < line.len && (line.p[i] == ' ' || line.p[i] == '\t'))
			i++;
		from = i;
		while (i < line.len && line.p[i] != ' ' && line.p[i] != '\t')
			i++;
		if (i > from)
			word[n++] = (struct slice){ line.p + from, i - from };
	}
	return n;
}

/* The witness or group of that name; -1. */
static int
member_find(const struct policy *p, struct slice name)
{
	size_t i;

	for (i = 0; i < p->witnesses; i++)
		if (slice_is(name, p->witness[i].name))
			return (int)i;
	for (i = 0; i < p->groups; i++)
		if (slice_is(name, p->group[i].name))
			return (int)(POLICY_WITNESSES + i);
	return -1;
}

static bool
key_is_known(const struct policy *p, const struct note_key *key)
{
	size_t i;

	for (i = 0; i < p->logs; i++)
		if (memcmp(p->log[i].public, key->public,
			sizeof(key->public)) == 0)
			return true;
	for (i = 0; i < p->witnesses; i++)
		if (memcmp(p->witness[i].key.public, key->public,
			sizeof(key->public)) == 0)
			return true;
	return false;
}

static enum rc
key_add(struct policy *p, struct note_key *out, struct slice vkey,
    enum note_type type, struct err *e)
{
	struct note_key key;
	enum rc rc;

	rc = note_key_parse(&key, vkey, e);
	if (rc != RC_OK)
		return rc;
	if (key.type != type)
		return err_set(e, RC_INVALID,
		    "%s: got a key of type %d, expected %d", key.name, key.type,
		    type);
	if (key_is_known(p, &key))
		return err_set(e, RC_INVALID,
		    "%s: the same key has two names, and would count twice",
		    key.name);
	*out = key;
	return RC_OK;
}

static enum rc
name_take(const struct policy *p, char out[static POLICY_WORD_MAX + 1],
    struct slice name, struct err *e)
{
	if (name.len > POLICY_WORD_MAX || slice_is(name, "none") ||
	    member_find(p, name) >= 0)
		return err_set(e, RC_INVALID,
		    "a name is too long, is \"none\", or is there already");
	slice_copy(out, POLICY_WORD_MAX + 1, name);
	return RC_OK;
}

static enum rc
log_add(struct policy *p, const struct slice *word, size_t n, struct err *e)
{
	if (n < 2 || n > 3 || p->logs == POLICY_LOGS)
		return err_set(e, RC_INVALID, "expected log VKEY [URL]");
	if (key_add(p, &p->log[p->logs], word[1], NOTE_ED25519, e) != RC_OK)
		return RC_INVALID;
	p->logs++;
	return RC_OK;
}

static enum rc
witness_add(struct policy *p, const struct slice *word, size_t n, struct err *e)
{
	struct policy_witness *w = &p->witness[p->witnesses];

	if (n < 3 || n > 4 || p->witnesses == POLICY_WITNESSES)
		return err_set(
		    e, RC_INVALID, "expected witness NAME VKEY [URL]");
	if (name_take(p, w->name, word[1], e) != RC_OK ||
	    key_add(p, &w->key, word[2], NOTE_COSIGNATURE, e) != RC_OK)
		return RC_INVALID;
	p->witnesses++;
	return RC_OK;
}

static enum rc
needs_parse(struct policy_group *g, struct slice word, struct err *e)
{
	int64_t k;

	if (slice_is(word, "all"))
		g->needs = g->n;
	else if (slice_is(word, "any"))
		g->needs = 1;
	else if (tlog_integer(&k, word, "how many", e) != RC_OK)
		return RC_INVALID;
	else
		g->needs = (size_t)k;
	return g->needs >= 1 && g->needs <= g->n
	    ? RC_OK
	    : err_set(e, RC_INVALID, "a group needs 1 to all of its members");
}

static enum rc
group_add(struct policy *p, const struct slice *word, size_t n, struct err *e)
{
	struct policy_group *g = &p->group[p->groups];
	size_t i, j;
	int m;

	if (n < 4 || n >= WORDS_MAX || p->groups == POLICY_GROUPS)
		return err_set(
		    e, RC_INVALID, "expected group NAME all|any|K NAME...");
	if (name_take(p, g->name, word[1], e) != RC_OK)
		return RC_INVALID;
	for (i = 3; i < n; i++) {
		m = member_find(p, word[i]);
		for (j = 0; j < g->n; j++)
			if (g->member[j] == m)
				m = -1;
		if (m < 0)
			return err_set(e, RC_INVALID,
			    "a group has a member twice, or one that isn't above it");
		g->member[g->n++] = (uint8_t)m;
	}
	if (needs_parse(g, word[2], e) != RC_OK)
		return RC_INVALID;
	p->groups++;
	return RC_OK;
}

static enum rc
quorum_set(struct policy *p, const struct slice *word, size_t n, struct err *e)
{
	if (n != 2)
		return err_set(e, RC_INVALID, "expected quorum NAME|none");
	if (slice_is(word[1], "none"))
		return RC_OK;
	p->quorum = member_find(p, word[1]);
	return p->quorum >= 0
	    ? RC_OK
	    : err_set(e, RC_INVALID, "the quorum isn't above it");
}

bool
policy_authority_is_name(struct slice name)
{
	static const char with[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789-.";
	size_t i;

	if (name.len == 0 || name.len > POLICY_WORD_MAX || name.p[0] == '.')
		return false;
	for (i = 0; i < name.len; i++)
		if (memchr(with, name.p[i], sizeof(with) - 1) == NULL)
			return false;
	return true;
}

static enum rc
authority_add(
    struct policy *p, const struct slice *word, size_t n, struct err *e)
{
	struct policy_authority *a = &p->authority[p->authorities];
	size_t i;

	if (n != 3 || p->authorities == POLICY_AUTHORITIES ||
	    !policy_authority_is_name(word[1]))
		return err_set(
		    e, RC_INVALID, "expected authority NAME CERTIFICATE");
	for (i = 0; i < p->authorities; i++)
		if (slice_is(word[1], p->authority[i].name))
			return err_set(
			    e, RC_INVALID, "an authority stands there twice");
	if (base64_decode(a->certificate, sizeof(a->certificate), &a->len,
		word[2], e) != RC_OK)
		return err_prefix(e, "the authority's certificate");
	for (i = 0; i < p->authorities; i++)
		if (p->authority[i].len == a->len &&
		    memcmp(p->authority[i].certificate, a->certificate,
			a->len) == 0)
			return err_set(e, RC_INVALID,
			    "the same certificate has two names, and would count twice");
	slice_copy(a->name, sizeof(a->name), word[1]);
	p->authorities++;
	return RC_OK;
}

static enum rc
line_parse(struct policy *p, struct slice line, bool *quorum, struct err *e)
{
	struct slice word[WORDS_MAX];
	size_t n = words_of(line, word);

	if (n == 0 || word[0].p[0] == '#')
		return RC_OK;
	if (slice_is(word[0], "log"))
		return log_add(p, word, n, e);
	if (slice_is(word[0], "witness"))
		return witness_add(p, word, n, e);
	if (slice_is(word[0], "group"))
		return group_add(p, word, n, e);
	if (slice_is(word[0], "authority"))
		return authority_add(p, word, n, e);
	if (slice_is(word[0], "quorum") && !*quorum) {
		*quorum = true;
		return quorum_set(p, word, n, e);
	}
	return err_set(e, RC_INVALID,
	    "expected a log, a witness, a group, an authority or one quorum");
}

enum rc
policy_parse(struct policy *out, struct slice text, struct err *e)
{
	const char *p = text.p, *end = text.p + text.len, *at;
	bool quorum = false;
	int line = 0;

	memset(out, 0, sizeof(*out));
	out->quorum = -1;
	while (p < end) {
		at = memchr(p, '\n', (size_t)(end - p));
		if (at == NULL)
			at = end;
		line++;
		if (line_parse(out, (struct slice){ p, (size_t)(at - p) },
			&quorum, e) != RC_OK)
			return err_prefix(e, "policy, line %d", line);
		p = at + 1;
	}
	if (out->logs > 0 && quorum)
		return RC_OK;
	return err_set(
	    e, RC_INVALID, "the policy needs a log and a quorum (or none)");
}

/* ---- What a note shows ---- */

static bool
is_met(const struct policy *p, const bool seen[static POLICY_WITNESSES],
    size_t member)
{
	const struct policy_group *g;
	size_t i, n = 0;

	if (member < POLICY_WITNESSES)
		return seen[member];
	g = &p->group[member - POLICY_WITNESSES];
	for (i = 0; i < g->n; i++)
		if (is_met(p, seen, g->member[i]))
			n++;
	return n >= g->needs;
}

enum rc
policy_add_log(struct policy *p, const struct note_key *key, struct err *e)
{
	size_t i;

	for (i = 0; i < p->logs; i++)
		if (strcmp(p->log[i].name, key->name) == 0 &&
		    memcmp(p->log[i].public, key->public,
			sizeof(key->public)) == 0)
			return RC_OK;
	if (key->type != NOTE_ED25519 || key_is_known(p, key))
		return err_set(e, RC_INVALID,
		    "%s: the key that takes over is no log's, or another name's",
		    key->name);
	if (p->logs == POLICY_LOGS)
		return err_set(
		    e, RC_INVALID, "more than %d keys of logs", POLICY_LOGS);
	p->log[p->logs++] = *key;
	return RC_OK;
}

/*
 * The log whose checkpoint it is, and whose signature it must have: by one of
 * its keys, if it has several, and none that says so and isn't.
 */
static enum rc
log_check(struct policy_word *out, const struct policy *p,
    const struct note *note, struct err *e)
{
	struct err cause = ERR_INIT;
	int64_t none;
	size_t i;
	enum rc rc;

	for (i = 0; i < p->logs; i++) {
		if (strcmp(p->log[i].name, out->checkpoint.origin) != 0)
			continue;
		rc = note_verify(note, &p->log[i], &none, &cause);
		if (rc == RC_OK)
			out->log = &p->log[i];
		else if (rc != RC_NOT_FOUND)
			return err_set(
			    e, RC_INVALID, "the checkpoint: %s", cause.msg);
	}
	if (out->log != NULL)
		return RC_OK;
	if (cause.msg[0] != '\0')
		return err_set(e, RC_INVALID, "the checkpoint: %s", cause.msg);
	return err_set(e, RC_INVALID,
	    "the checkpoint is of %s, which the policy doesn't have as a log",
	    out->checkpoint.origin);
}

static enum rc
witnesses_check(struct policy_word *out, const struct policy *p,
    const struct note *note, struct err *e)
{
	bool seen[POLICY_WITNESSES] = { false };
	int64_t at_s;
	size_t i;
	enum rc rc;

	for (i = 0; i < p->witnesses; i++) {
		rc = note_verify(note, &p->witness[i].key, &at_s, e);
		if (rc == RC_NOT_FOUND)
			continue;
		if (rc != RC_OK)
			return err_prefix(e, "witness %s", p->witness[i].name);
		seen[i] = true;
		if (out->witnesses++ == 0 || at_s < out->first_s)
			out->first_s = at_s;
		if (at_s > out->last_s)
			out->last_s = at_s;
	}
	if (p->quorum < 0 || is_met(p, seen, (size_t)p->quorum))
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "the checkpoint has cosignatures of %zu witnesses of the policy, which isn't its quorum",
	    out->witnesses);
}

enum rc
policy_check(struct policy_word *out, const struct policy *p,
    struct slice bytes, struct err *e)
{
	struct note note;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	rc = note_parse(&note, bytes, e);
	if (rc == RC_OK)
		rc = checkpoint_parse(&out->checkpoint, note.text, e);
	if (rc == RC_OK)
		rc = log_check(out, p, &note, e);
	return rc == RC_OK ? witnesses_check(out, p, &note, e) : rc;
}
