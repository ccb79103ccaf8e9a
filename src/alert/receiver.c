#include "alert/receiver.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/secret.h"
#include "http/http.h"

#define FILE_MAX      (512 * 1024) /* bytes of the file */
#define FILE_MODE     0600
#define WORDS_MAX     (4 + RECEIVER_SECRETS)
#define SECRET_PREFIX "whsec_"
#define SECRET_NEW    32 /* bytes of a new one */
#define MAILTO	      "mailto:"
#define MAIL_MAX      254 /* bytes of an address: RFC 5321 */

/* How many secrets one takes. */
static const struct {
	const char *name;
	size_t least, most;
} kinds[] = {
	[RECEIVER_WEBHOOK] = { "webhook", 1, 2 },
	[RECEIVER_PAGERDUTY] = { "pagerduty", 1, 1 },
	[RECEIVER_SLACK] = { "slack", 0, 0 },
	[RECEIVER_NTFY] = { "ntfy", 0, 1 },
	[RECEIVER_MAIL] = { "mail", 0, 0 },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char name_chars[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

const char *
receiver_kind_name(enum receiver_kind k)
{
	return kinds[k].name;
}

enum rc
receiver_kind_parse(enum receiver_kind *out, const char *text, struct err *e)
{
	size_t i;

	for (i = 0; i < KINDS; i++)
		if (strcmp(text, kinds[i].name) == 0) {
			*out = (enum receiver_kind)i;
			return RC_OK;
		}
	return err_set(e, RC_INVALID,
	    "a receiver's kind: expected webhook, pagerduty, slack, ntfy or mail");
}

/* ---- One ---- */

/* Visible ASCII alone: it becomes part of a line, or of a header. */
static bool
is_word(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	for (; *p != '\0'; p++)
		if (*p <= 0x20 || *p >= 0x7f)
			return false;
	return p != (const unsigned char *)text;
}

static enum rc
mail_check(const char *where, struct err *e)
{
	const char *address = where + sizeof(MAILTO) - 1, *at;

	if (strncmp(where, MAILTO, sizeof(MAILTO) - 1) != 0)
		return err_set(e, RC_INVALID,
		    "where a mail goes: expected mailto:NAME@HOST");
	at = strchr(address, '@');
	/* None that sendmail, or a header, could take for something else. */
	if (at == NULL || at == address || at[1] == '\0' ||
	    strchr(at + 1, '@') != NULL || address[0] == '-' ||
	    strlen(address) > MAIL_MAX ||
	    strpbrk(address, "<>()[],;:\\\"|!%&'`$") != NULL)
		return err_set(
		    e, RC_INVALID, "where a mail goes: that is no address");
	return RC_OK;
}

enum rc
receiver_secret_bytes(uint8_t out[static SECRET_BYTES_MAX], size_t *len,
    const char *secret, struct err *e)
{
	const size_t prefix = sizeof(SECRET_PREFIX) - 1;

	if (strncmp(secret, SECRET_PREFIX, prefix) == 0 &&
	    base64_decode(out, SECRET_BYTES_MAX, len, slice_of(secret + prefix),
		NULL) == RC_OK &&
	    *len >= SECRET_BYTES_MIN)
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "a webhook's secret: expected " SECRET_PREFIX
	    " and base64 of %d to %d bytes",
	    SECRET_BYTES_MIN, SECRET_BYTES_MAX);
}

static enum rc
secrets_check(const struct receiver *r, struct err *e)
{
	uint8_t bytes[SECRET_BYTES_MAX];
	enum rc rc = RC_OK;
	size_t i, len;

	if (r->secrets_n < kinds[r->kind].least ||
	    r->secrets_n > kinds[r->kind].most)
		return err_set(e, RC_INVALID,
		    "%s: got %zu secrets, expected %zu to %zu",
		    kinds[r->kind].name, r->secrets_n, kinds[r->kind].least,
		    kinds[r->kind].most);
	for (i = 0; rc == RC_OK && i < r->secrets_n; i++)
		if (!is_word(r->secrets[i]))
			rc = err_set(e, RC_INVALID,
			    "a secret: expected visible ASCII without blanks");
		else if (r->kind == RECEIVER_WEBHOOK)
			rc = receiver_secret_bytes(
			    bytes, &len, r->secrets[i], e);
	secret_wipe(bytes, sizeof(bytes));
	return rc;
}

enum rc
receiver_check(const struct receiver *r, struct err *e)
{
	enum rc rc;

	if (r->name[0] == '\0' || r->name[strspn(r->name, name_chars)] != '\0')
		return err_set(e, RC_INVALID,
		    "a receiver's name: expected 1 to %d of A-Z a-z 0-9 _ . -",
		    RECEIVER_MAX);
	if (!is_word(r->where) || (r->task[0] != '\0' && !is_word(r->task)))
		return err_set(e, RC_INVALID,
		    "a receiver: expected visible ASCII without blanks");
	rc = r->kind == RECEIVER_MAIL ? mail_check(r->where, e)
				      : http_url_check(r->where, e);
	return rc == RC_OK ? secrets_check(r, e) : rc;
}

enum rc
receiver_secret_new(struct receiver *r, struct err *e)
{
	uint8_t bytes[SECRET_NEW];
	struct buf text;
	enum rc rc;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_set(e, RC_IO, "getrandom: %m");
	buf_init(&text, RECEIVER_SECRET_MAX);
	buf_add_text(&text, SECRET_PREFIX);
	base64_add(&text, bytes, sizeof(bytes));
	secret_wipe(bytes, sizeof(bytes));
	rc = buf_status(&text, e);
	if (rc == RC_OK) {
		memcpy(r->secrets[1], r->secrets[0], sizeof(r->secrets[1]));
		slice_copy(r->secrets[0], sizeof(r->secrets[0]),
		    (struct slice){ text.p, text.len });
		r->secrets_n = r->secrets_n == 0 ? 1 : RECEIVER_SECRETS;
	}
	if (text.p != NULL)
		secret_wipe(text.p, text.len);
	buf_free(&text);
	return rc;
}

/* ---- The file ---- */

static enum rc
word_take(
    char *out, size_t size, const char *what, struct slice word, struct err *e)
{
	if (word.len >= size)
		return err_set(e, RC_INVALID,
		    "%s: got %zu bytes, expected %zu at most", what, word.len,
		    size - 1);
	slice_copy(out, size, word);
	return RC_OK;
}

static enum rc
words_take(
    struct receiver *r, const struct slice *words, size_t n, struct err *e)
{
	char kind[16];
	enum rc rc;
	size_t i;

	*r = (struct receiver){ .secrets_n = n - 4 };
	rc = word_take(r->name, sizeof(r->name), "name", words[0], e);
	slice_copy(kind, sizeof(kind), words[1]);
	if (rc == RC_OK)
		rc = receiver_kind_parse(&r->kind, kind, e);
	if (rc == RC_OK && !slice_is(words[2], "*"))
		rc = word_take(r->task, sizeof(r->task), "task", words[2], e);
	if (rc == RC_OK)
		rc =
		    word_take(r->where, sizeof(r->where), "where", words[3], e);
	for (i = 0; rc == RC_OK && i < r->secrets_n; i++)
		rc = word_take(r->secrets[i], sizeof(r->secrets[i]), "secret",
		    words[4 + i], e);
	return rc;
}

/* The words of a line, up to a comment; more than max count, too. */
static size_t
words_find(struct slice *words, size_t max, struct slice line)
{
	size_t n = 0, i = 0, from;

	for (;;) {
		while (i < line.len && strchr(" \t\r", line.p[i]) != NULL)
			i++;
		if (i == line.len || line.p[i] == '#')
			return n;
		from = i;
		while (i < line.len && strchr(" \t\r", line.p[i]) == NULL)
			i++;
		if (n < max)
			words[n] = (struct slice){ line.p + from, i - from };
		n++;
	}
}

static enum rc
line_take(struct receivers *out, struct slice line, struct err *e)
{
	struct slice words[WORDS_MAX];
	size_t n = words_find(words, WORDS_MAX, line);
	struct receiver r;
	enum rc rc;

	if (n == 0)
		return RC_OK;
	if (n < 4 || n > WORDS_MAX)
		return err_set(e, RC_INVALID,
		    "got %zu words, expected NAME KIND TASK WHERE [SECRET [SECRET]]",
		    n);
	rc = words_take(&r, words, n, e);
	if (rc == RC_OK)
		rc = receivers_add(out, &r, e);
	secret_wipe(&r, sizeof(r));
	return rc;
}

static enum rc
text_take(
    struct receivers *out, struct slice text, const char *path, struct err *e)
{
	size_t number = 1, from = 0, i;
	enum rc rc = RC_OK;

	if (memchr(text.p, '\0', text.len) != NULL)
		return err_set(e, RC_INVALID, "%s: it has a NUL", path);
	for (i = 0; rc == RC_OK && i <= text.len; i++) {
		if (i < text.len && text.p[i] != '\n')
			continue;
		rc = line_take(
		    out, (struct slice){ text.p + from, i - from }, e);
		if (rc != RC_OK)
			return err_prefix(e, "%s:%zu", path, number);
		from = i + 1;
		number++;
	}
	return rc;
}

enum rc
receivers_read(struct receivers *out, const char *path, struct err *e)
{
	size_t len = 0;
	enum rc rc;
	char *text;

	*out = (struct receivers){ .n = 0 };
	text = malloc(FILE_MAX);
	if (text == NULL)
		return err_set(e, RC_NO_MEMORY, "receivers: no memory");
	rc = secret_file_read(text, FILE_MAX, &len, path, e);
	if (rc == RC_OK)
		rc = text_take(out, (struct slice){ text, len }, path, e);
	secret_wipe(text, FILE_MAX);
	free(text);
	return rc;
}

void
receivers_free(struct receivers *r)
{
	if (r->all != NULL)
		secret_wipe(r->all, RECEIVERS_MAX * sizeof(r->all[0]));
	free(r->all);
	*r = (struct receivers){ .n = 0 };
}

struct receiver *
receivers_find(const struct receivers *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (strcmp(r->all[i].name, name) == 0)
			return &r->all[i];
	return NULL;
}

enum rc
receivers_add(struct receivers *r, const struct receiver *one, struct err *e)
{
	enum rc rc = receiver_check(one, e);

	if (rc != RC_OK)
		return rc;
	if (receivers_find(r, one->name) != NULL)
		return err_set(e, RC_CONFLICT,
		    "there is a receiver \"%s\" already", one->name);
	if (r->n == RECEIVERS_MAX)
		return err_set(e, RC_INVALID,
		    "there are %d receivers, which is the most", RECEIVERS_MAX);
	if (r->all == NULL)
		r->all = calloc(RECEIVERS_MAX, sizeof(r->all[0]));
	if (r->all == NULL)
		return err_set(e, RC_NO_MEMORY, "receivers: no memory");
	r->all[r->n++] = *one;
	return RC_OK;
}

void
receivers_remove(struct receivers *r, struct receiver *one)
{
	size_t i = (size_t)(one - r->all);

	memmove(one, one + 1, (r->n - i - 1) * sizeof(*one));
	r->n--;
	secret_wipe(&r->all[r->n], sizeof(*one));
}

enum rc
receivers_write(const struct receivers *r, const char *path, struct err *e)
{
	const struct receiver *one;
	struct buf text;
	enum rc rc;
	size_t i, k;

	buf_init(&text, FILE_MAX);
	buf_add_text(&text,
	    "# NAME KIND TASK WHERE [SECRET [SECRET]]: see worknet-alert(8)\n");
	for (i = 0; i < r->n; i++) {
		one = &r->all[i];
		buf_printf(&text, "%s %s %s %s", one->name,
		    kinds[one->kind].name,
		    one->task[0] == '\0' ? "*" : one->task, one->where);
		for (k = 0; k < one->secrets_n; k++)
			buf_printf(&text, " %s", one->secrets[k]);
		buf_add_text(&text, "\n");
	}
	rc = buf_status(&text, e);
	if (rc == RC_OK)
		rc = file_put(path, FILE_MODE, text.p, text.len, e);
	if (text.p != NULL)
		secret_wipe(text.p, text.len);
	buf_free(&text);
	return rc;
}
