#include "publish/faults.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define FAULTS_MAX 65536 /* bytes: some hundred */

enum rc
faults_read(struct faults *f, const char *state, struct err *e)
{
	enum rc rc;

	memset(f, 0, sizeof(*f));
	buf_init(&f->told, FAULTS_MAX);
	(void)snprintf(f->path, sizeof(f->path), "%s/faults", state);
	rc = buf_read_file(&f->told, f->path, e);
	if (rc == RC_NOT_FOUND)
		buf_reset(&f->told);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

void
faults_free(struct faults *f)
{
	buf_free(&f->told);
}

/* The end of the line at p; or of the text, if it lacks its newline. */
static char *
line_end(const struct buf *b, char *p)
{
	char *at = memchr(p, '\n', b->len - (size_t)(p - b->p));

	return at == NULL ? b->p + b->len : at + 1;
}

static bool
is_told(struct buf *told, const char *line)
{
	char *p = told->p, *end;

	for (; p != NULL && p < told->p + told->len; p = end) {
		end = line_end(told, p);
		if ((size_t)(end - p) == strlen(line) &&
		    memcmp(p, line, strlen(line)) == 0)
			return true;
	}
	return false;
}

void
faults_note(
    struct faults *f, const char *who, const char *kind, const char *text)
{
	char line[400];

	(void)snprintf(line, sizeof(line), "%.30s %.350s\n", kind, who);
	if (is_told(&f->told, line))
		return;
	log_error("%s: %s", who, text);
	buf_add_text(&f->told, line);
	f->changed = true;
	f->new_ones++;
}

void
faults_note_away(
    struct faults *f, const char *who, const struct http_response *r)
{
	char text[HTTP_ERROR_TEXT_MAX + 40];

	if (r->error != HTTP_ERROR_NONE)
		(void)snprintf(
		    text, sizeof(text), "no answer: %s", http_response_why(r));
	else
		(void)snprintf(text, sizeof(text), "it answers %d", r->status);
	faults_note(f, who, "away", text);
}

void
faults_over(struct faults *f, const char *who)
{
	char *p = f->told.p, *end, *name;
	bool was = false;

	while (p != NULL && p < f->told.p + f->told.len) {
		end = line_end(&f->told, p);
		name = memchr(p, ' ', (size_t)(end - p));
		if (name == NULL || (size_t)(end - name) != strlen(who) + 2 ||
		    memcmp(name + 1, who, strlen(who)) != 0) {
			p = end;
			continue;
		}
		memmove(p, end, f->told.len - (size_t)(end - f->told.p));
		f->told.len -= (size_t)(end - p);
		was = true;
	}
	if (was)
		log_warning("%s: is as it should be again", who);
	f->changed |= was;
}

enum rc
faults_keep(struct faults *f, struct err *e)
{
	enum rc rc;

	if (!f->changed)
		return RC_OK;
	rc = buf_status(&f->told, e);
	if (rc == RC_OK)
		rc = file_put(f->path, 0600, f->told.p, f->told.len, e);
	f->changed = rc != RC_OK;
	return rc;
}
