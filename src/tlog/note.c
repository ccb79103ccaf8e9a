#include "tlog/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/secret.h"
#include "base/utf8.h"
#include "eth/sha256.h"

#define DASH	    "\xe2\x80\x94 " /* U+2014 and a blank */
#define DASH_LEN    4
#define TIME_LEN    8
#define RAW_MAX	    (NOTE_ID_LEN + TIME_LEN + ED25519_SIG_LEN)
#define SECRET_HEAD "PRIVATE+KEY+"

/* ---- Keys ---- */

/* The rest of Unicode's spaces, which could be taken for nothing. */
static bool
has_space(struct slice name)
{
	static const char *const spaces[] = { "\xc2\x85", "\xc2\xa0",
		"\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
		"\xe2\x81\x9f", "\xe3\x80\x80" };
	size_t i, k;

	for (i = 0; i + 1 < name.len; i++) {
		for (k = 0; k < sizeof(spaces) / sizeof(spaces[0]); k++)
			if (name.len - i >= strlen(spaces[k]) &&
			    memcmp(name.p + i, spaces[k], strlen(spaces[k])) ==
				0)
				return true;
		if (name.len - i >= 3 &&
		    memcmp(name.p + i, "\xe2\x80", 2) == 0 &&
		    (uint8_t)name.p[i + 2] <= 0x8a)
			return true; /* U+2000 to U+200A */
	}
	return false;
}

static bool
name_is_valid(struct slice name)
{
	size_t i;

	if (name.len == 0 || name.len > NOTE_NAME_MAX ||
	    !utf8_is_text(name.p, name.len) || has_space(name))
		return false;
	for (i = 0; i < name.len; i++)
		if ((uint8_t)name.p[i] <= ' ' || name.p[i] == '+' ||
		    name.p[i] == 0x7f)
			return false;
	return true;
}

/* SHA-256(name, newline, type, key), of which the first bytes count. */
static void
key_id(struct note_key *key)
{
	const uint8_t between[2] = { '\n', (uint8_t)key->type };
	uint8_t hash[SHA256_LEN];
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, key->name, strlen(key->name));
	sha256_update(&s, between, sizeof(between));
	sha256_update(&s, key->public, sizeof(key->public));
	sha256_final(&s, hash);
	memcpy(key->id, hash, sizeof(key->id));
}

enum rc
note_key_make(struct note_key *out, struct slice name, enum note_type type,
    const uint8_t public[static ED25519_PUBLIC_LEN], struct err *e)
{
	memset(out, 0, sizeof(*out));
	if (!name_is_valid(name))
		return err_set(e, RC_INVALID,
		    "the name of a key has no blank, no + and at most %d bytes",
		    NOTE_NAME_MAX);
	slice_copy(out->name, sizeof(out->name), name);
	out->type = type;
	memcpy(out->public, public, sizeof(out->public));
	key_id(out);
	return RC_OK;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Eight digits. */
static bool
id_parse(uint8_t id[static NOTE_ID_LEN], struct slice text)
{
	size_t i;
	int hi, lo;

	if (text.len != 2 * NOTE_ID_LEN)
		return false;
	for (i = 0; i < NOTE_ID_LEN; i++) {
		hi = hex_digit(text.p[2 * i]);
		lo = hex_digit(text.p[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		id[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

/* Splits at the first c; false when there is none. */
static bool
cut(struct slice s, char c, struct slice *before, struct slice *after)
{
	const char *at = s.len == 0 ? NULL : memchr(s.p, c, s.len);

	if (at == NULL)
		return false;
	*before = (struct slice){ s.p, (size_t)(at - s.p) };
	*after = (struct slice){ at + 1, s.len - before->len - 1 };
	return true;
}

/* NAME+ID+BASE64(type, 32 bytes): what keys and secrets have in common. */
static enum rc
parts_parse(struct slice text, struct slice *name,
    uint8_t id[static NOTE_ID_LEN], uint8_t raw[static 33], struct err *e)
{
	struct slice rest, hex, base64;

	if (!cut(text, '+', name, &rest) || !cut(rest, '+', &hex, &base64) ||
	    !id_parse(id, hex) ||
	    base64_decode_exactly(raw, 33, base64, NULL) != RC_OK)
		return err_set(e, RC_INVALID,
		    "a key is NAME+ID+BASE64, with 8 hex digits and 33 bytes");
	if (raw[0] != NOTE_ED25519 && raw[0] != NOTE_COSIGNATURE)
		return err_set(e, RC_INVALID,
		    "the key is of type %d, and this program knows 1 and 4",
		    raw[0]);
	return RC_OK;
}

static enum rc
id_check(const struct note_key *key, const uint8_t id[static NOTE_ID_LEN],
    struct err *e)
{
	if (memcmp(id, key->id, NOTE_ID_LEN) == 0)
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "the key's id isn't that of this key with the name %s", key->name);
}

enum rc
note_key_parse(struct note_key *out, struct slice vkey, struct err *e)
{
	uint8_t id[NOTE_ID_LEN], raw[1 + ED25519_PUBLIC_LEN];
	struct slice name;
	enum rc rc;

	rc = parts_parse(vkey, &name, id, raw, e);
	if (rc == RC_OK)
		rc = note_key_make(
		    out, name, (enum note_type)raw[0], raw + 1, e);
	return rc == RC_OK ? id_check(out, id, e) : rc;
}

/* Appends NAME+ID+BASE64(type, 32 bytes). */
static void
parts_format(
    struct buf *out, const struct note_key *key, const uint8_t bytes[static 32])
{
	uint8_t raw[1 + 32];

	raw[0] = (uint8_t)key->type;
	memcpy(raw + 1, bytes, 32);
	buf_printf(out, "%s+%02x%02x%02x%02x+", key->name, key->id[0],
	    key->id[1], key->id[2], key->id[3]);
	base64_add(out, raw, sizeof(raw));
	secret_wipe(raw, sizeof(raw));
}

void
note_key_format(char out[static NOTE_VKEY_MAX + 1], const struct note_key *key)
{
	struct buf b;

	buf_init(&b, NOTE_VKEY_MAX);
	parts_format(&b, key, key->public);
	(void)snprintf(out, NOTE_VKEY_MAX + 1, "%s", b.failed ? "" : b.p);
	buf_free(&b);
}

enum rc
note_secret_parse(struct note_key *out, uint8_t seed[static ED25519_SEED_LEN],
    struct slice secret, struct err *e)
{
	uint8_t id[NOTE_ID_LEN], raw[1 + ED25519_SEED_LEN] = { 0 };
	uint8_t public[ED25519_PUBLIC_LEN];
	const size_t head = strlen(SECRET_HEAD);
	struct slice name;
	enum rc rc = RC_OK;

	if (secret.len < head || memcmp(secret.p, SECRET_HEAD, head) != 0)
		rc = err_set(e, RC_INVALID,
		    "a secret key is PRIVATE+KEY+NAME+ID+BASE64");
	if (rc == RC_OK)
		rc = parts_parse(
		    (struct slice){ secret.p + head, secret.len - head }, &name,
		    id, raw, e);
	if (rc == RC_OK)
		rc = ed25519_public(public, raw + 1, e);
	if (rc == RC_OK)
		rc =
		    note_key_make(out, name, (enum note_type)raw[0], public, e);
	if (rc == RC_OK)
		rc = id_check(out, id, e);
	memcpy(seed, raw + 1, ED25519_SEED_LEN);
	secret_wipe(raw, sizeof(raw));
	if (rc != RC_OK)
		secret_wipe(seed, ED25519_SEED_LEN);
	return rc;
}

void
note_secret_format(struct buf *out, const struct note_key *key,
    const uint8_t seed[static ED25519_SEED_LEN])
{
	buf_add_text(out, SECRET_HEAD);
	parts_format(out, key, seed);
}

/* ---- Notes ---- */

/* UTF-8 without control characters, besides the newlines. */
static bool
text_is_valid(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (((uint8_t)s.p[i] < ' ' && s.p[i] != '\n') || s.p[i] == 0x7f)
			return false;
	return utf8_is_text(s.p, s.len);
}

/* Where the signatures begin: behind the last empty line; 0: nowhere. */
static size_t
split(struct slice s)
{
	size_t i;

	for (i = s.len; i >= 2; i--)
		if (s.p[i - 1] == '\n' && s.p[i - 2] == '\n')
			return i;
	return 0;
}

static enum rc
signature_parse(struct note_signature *out, struct slice line, struct err *e)
{
	uint8_t raw[4096];
	struct slice rest;
	size_t len;

	if (line.len < DASH_LEN || memcmp(line.p, DASH, DASH_LEN) != 0)
		return err_set(e, RC_INVALID,
		    "the note: behind its last empty line is a line that is no signature");
	rest = (struct slice){ line.p + DASH_LEN, line.len - DASH_LEN };
	if (!cut(rest, ' ', &out->name, &out->base64) ||
	    !name_is_valid(out->name) ||
	    base64_decode(raw, sizeof(raw), &len, out->base64, NULL) != RC_OK ||
	    len <= NOTE_ID_LEN)
		return err_set(e, RC_INVALID,
		    "the note: a signature isn't a name and base64");
	out->line = line;
	memcpy(out->id, raw, NOTE_ID_LEN);
	return RC_OK;
}

enum rc
note_parse(struct note *out, struct slice bytes, struct err *e)
{
	const size_t at = split(bytes);
	struct slice rest, line;
	enum rc rc = RC_OK;

	out->n = 0;
	if (bytes.len > NOTE_MAX || !text_is_valid(bytes))
		return err_set(e, RC_INVALID,
		    "the note isn't UTF-8 of at most %d bytes without control characters",
		    NOTE_MAX);
	if (at < 3 || bytes.p[bytes.len - 1] != '\n')
		return err_set(e, RC_INVALID,
		    "the note isn't a text, an empty line and signatures");
	out->text = (struct slice){ bytes.p, at - 1 };
	rest = (struct slice){ bytes.p + at, bytes.len - at };
	while (rc == RC_OK && cut(rest, '\n', &line, &rest)) {
		if (out->n == NOTE_SIGS_MAX)
			return err_set(e, RC_INVALID,
			    "the note has more than %d signatures",
			    NOTE_SIGS_MAX);
		rc = signature_parse(&out->signature[out->n++], line, e);
	}
	if (rc == RC_OK && out->n == 0)
		rc = err_set(e, RC_INVALID, "the note has no signature");
	return rc;
}

enum rc
note_sign(struct buf *out, struct slice text, const struct note_key *key,
    const uint8_t seed[static ED25519_SEED_LEN], struct err *e)
{
	uint8_t body[NOTE_ID_LEN + ED25519_SIG_LEN];
	enum rc rc;

	memcpy(body, key->id, NOTE_ID_LEN);
	rc = ed25519_sign(body + NOTE_ID_LEN, seed, text.p, text.len, e);
	if (rc != RC_OK)
		return rc;
	buf_add(out, text.p, text.len);
	buf_printf(out, "\n" DASH "%s ", key->name);
	base64_add(out, body, sizeof(body));
	buf_add_text(out, "\n");
	return buf_status(out, e);
}

/* Whether it is the key's; *time_s is a cosignature's. */
static bool
signature_is_good(const struct note *n, const struct note_signature *s,
    const struct note_key *key, int64_t *time_s)
{
	const bool timed = key->type == NOTE_COSIGNATURE;
	const size_t before = NOTE_ID_LEN + (timed ? TIME_LEN : 0);
	uint8_t body[RAW_MAX];
	uint64_t time = 0;
	struct buf signed_text;
	size_t len, i;
	bool ok;

	*time_s = 0;
	if (base64_decode(body, sizeof(body), &len, s->base64, NULL) != RC_OK ||
	    len != before + ED25519_SIG_LEN)
		return false;
	if (!timed)
		return ed25519_verify(
		    body + before, key->public, n->text.p, n->text.len);
	for (i = 0; i < TIME_LEN; i++)
		time = time << 8 | body[NOTE_ID_LEN + i];
	/* In ms it is an integer of JavaScript. */
	if (time > JSON_INT_MAX / 1000)
		return false;
	buf_init(&signed_text, NOTE_MAX + 64);
	buf_printf(&signed_text, "cosignature/v1\ntime %" PRIu64 "\n", time);
	buf_add(&signed_text, n->text.p, n->text.len);
	ok = !signed_text.failed &&
	    ed25519_verify(
		body + before, key->public, signed_text.p, signed_text.len);
	buf_free(&signed_text);
	*time_s = (int64_t)time;
	return ok;
}

static bool
is_named(const struct note_signature *s, const struct note_key *key)
{
	return slice_is(s->name, key->name) &&
	    memcmp(s->id, key->id, NOTE_ID_LEN) == 0;
}

enum rc
note_verify(const struct note *n, const struct note_key *key, int64_t *time_s,
    struct err *e)
{
	const struct note_signature *s;
	bool found = false;
	size_t i;

	*time_s = 0;
	for (i = 0; i < n->n; i++) {
		s = &n->signature[i];
		if (!is_named(s, key))
			continue;
		if (!signature_is_good(n, s, key, time_s))
			return err_set(e, RC_INVALID,
			    "the signature of %s isn't by its key, or isn't of this text",
			    key->name);
		found = true;
	}
	return found ? RC_OK
		     : err_set(e, RC_NOT_FOUND,
			   "there is no signature by the key of %s", key->name);
}

struct slice
note_line(const struct note *n, const struct note_key *key)
{
	size_t i;

	for (i = 0; i < n->n; i++)
		if (is_named(&n->signature[i], key))
			return n->signature[i].line;
	return (struct slice){ NULL, 0 };
}
