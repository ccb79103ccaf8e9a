#include "api/anchors.h"

#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "tlog/checkpoint.h"

#define CHECKPOINT_MAX 65536 /* bytes: with the signatures of many witnesses */

enum rc
anchors_begin(struct anchors *a, const struct conf *conf, struct err *e)
{
	*a = (struct anchors){ .conf = conf, .file = { .fd = -1 } };
	if (conf->checkpoint_file[0] == '\0')
		return RC_OK;
	return reopen_begin(&a->file, conf->checkpoint_file, REOPEN_FILE, e);
}

void
anchors_end(struct anchors *a)
{
	reopen_end(&a->file);
}

/* Of a note its text alone: who has signed it is for those who trust nobody. */
static enum rc
anchor_of(struct anchor *out, const struct conf *conf, struct slice note,
    struct err *e)
{
	const char *end = memmem(note.p, note.len, "\n\n", 2);
	struct checkpoint c;
	enum rc rc;

	if (end != NULL)
		note.len = (size_t)(end - note.p) + 1;
	rc = checkpoint_parse(&c, note, e);
	if (rc != RC_OK)
		return rc;
	if (conf->log_origin[0] != '\0' &&
	    strcmp(c.origin, conf->log_origin) != 0)
		return err_set(e, RC_INVALID,
		    "it is of the log %.100s, [log] origin is %.100s", c.origin,
		    conf->log_origin);
	out->size = c.size;
	memcpy(out->root, c.root.b, sizeof(out->root));
	return RC_OK;
}

static enum rc
checkpoint_read(const struct anchors *a, struct anchor *out, struct err *e)
{
	const char *path = a->conf->checkpoint_file;
	struct buf text;
	enum rc rc;
	int fd;

	rc = reopen_file(&a->file, &fd, path, e);
	if (rc != RC_OK)
		return rc;
	buf_init(&text, CHECKPOINT_MAX);
	rc = buf_read_fd(&text, fd, path, e);
	(void)close(fd);
	if (rc == RC_OK)
		rc = anchor_of(out, a->conf,
		    (struct slice){ text.p == NULL ? "" : text.p, text.len },
		    e);
	buf_free(&text);
	return rc == RC_INVALID ? err_prefix(e, "%s", path) : rc;
}

/* An hour is logged each hour: that is told once, while nothing is new. */
static void
age_look(struct anchors *a)
{
	const int64_t age_ms = clock_unix_ms() - a->since_ms;
	const bool is_old = a->since_ms > 0 && age_ms > ANCHOR_OLD_MS;

	if (is_old && !a->is_old)
		log_warning(
		    "assignments name a checkpoint of %lld minutes ago, of %lld entries: nothing newer comes from the log",
		    (long long)(age_ms / 60000), (long long)a->seen.size);
	a->is_old = is_old;
}

static enum rc
take_up(struct anchors *a, const struct anchor *new, struct err *e)
{
	struct db *db;
	bool news = false;
	int64_t size;
	enum rc rc;

	rc = db_open(
	    &db, a->conf->ledger_path, DB_WRITE, a->conf->busy_timeout_ms, e);
	if (rc == RC_OK)
		rc = anchor_add(db, new, clock_unix_ms(), &news, e);
	if (rc == RC_OK)
		rc = anchor_last(db, &size, &a->since_ms, e);
	db_close(db);
	if (rc != RC_OK)
		return err_prefix(e, "%s", a->conf->checkpoint_file);
	a->seen = *new;
	if (news)
		log_notice(
		    "assignments name the log's %lld entries from now on",
		    (long long)new->size);
	return RC_OK;
}

void
anchors_look(void *ctx)
{
	struct anchors *a = ctx;
	struct anchor new = { .size = 0 };
	struct err e = ERR_INIT;
	enum rc rc;

	if (a->file.fd < 0)
		return;
	rc = checkpoint_read(a, &new, &e);
	if (rc == RC_OK &&
	    (new.size != a->seen.size ||
		memcmp(new.root, a->seen.root, sizeof(new.root)) != 0))
		rc = take_up(a, &new, &e);
	if (rc == RC_NOT_FOUND) /* there is no log yet */
		rc = RC_OK;
	if (rc != RC_OK && !a->failed)
		log_error("%s; assignments name the checkpoint before", e.msg);
	a->failed = rc != RC_OK;
	age_look(a);
}
