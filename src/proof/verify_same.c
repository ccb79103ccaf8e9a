/*
 * Two checkpoints, whether they are of one log: the larger one continues the
 * smaller one, or the two are evidence against the log.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "proof/verify_room.h"
#include "tlog/site.h"

/* What somebody was shown of a log. */
struct shown {
	const char *path;
	char file[FILE_PATH_SIZE]; /* that has its checkpoint */
	bool is_directory; /* which may have proofs of what was before */
	struct checkpoint checkpoint;
};

static enum rc
shown_find(struct shown *s, const char *path, struct err *e)
{
	struct stat st;

	s->path = path;
	if (stat(path, &st) != 0)
		return err_set(
		    e, RC_NOT_FOUND, "%s: %s", path, strerror(errno));
	s->is_directory = S_ISDIR(st.st_mode);
	(void)snprintf(s->file, sizeof(s->file), "%s%s", path,
	    s->is_directory ? "/checkpoint" : "");
	return RC_OK;
}

/*
 * The other one, by the keys of the same policy and those that came after them.
 * Whoever signs two logs did so, whether or not witnesses saw it.
 */
static enum rc
other_read(struct verification *v, struct shown *s, struct err *e)
{
	struct policy_word word;
	struct buf note;
	enum rc rc;

	rc = shown_find(s, v->w->same_log, e);
	if (rc == RC_OK && s->is_directory)
		rc = verify_successors(&v->policy, s->path, e);
	if (rc != RC_OK)
		return rc;
	v->policy.quorum = -1;
	buf_init(&note, NOTE_MAX);
	rc = buf_read_file(&note, s->file, e);
	if (rc == RC_OK) {
		rc = policy_check(&word, &v->policy,
		    (struct slice){ note.p == NULL ? "" : note.p, note.len },
		    e);
		if (rc != RC_OK)
			(void)err_prefix(e, "%s", s->file);
	}
	if (rc == RC_OK)
		s->checkpoint = word.checkpoint;
	buf_free(&note);
	return rc;
}

/* ---- How a log began ---- */

static enum rc
anchor_take(struct anchor_proof *a, const char *path, struct err *e)
{
	char file[FILE_PATH_SIZE], size[24];
	struct buf text;
	enum rc rc;

	(void)snprintf(size, sizeof(size), "%" PRId64, a->size);
	(void)snprintf(file, sizeof(file), "%s/anchor/%s", path, size);
	buf_init(&text, ANCHOR_FILE_MAX);
	rc = buf_read_file(&text, file, e);
	if (rc == RC_OK) {
		rc = anchor_proof_parse(
		    a, size, (struct slice){ text.p, text.len }, e);
		if (rc != RC_OK)
			(void)err_prefix(e, "%s", file);
	}
	buf_free(&text);
	return rc;
}

/* The same of a copy of the log's files. */
static enum rc
tiles_take(struct anchor_proof *a, const struct shown *of, struct err *e)
{
	struct site site;
	enum rc rc;

	site_open(&site, of->path, of->checkpoint.size);
	rc = tree_root(&a->root, a->size, site_node, &site, e);
	if (rc == RC_OK)
		rc = tree_prove_consistency(
		    &a->proof, a->size, site.size, site_node, &site, e);
	site_close(&site);
	return rc;
}

/* The root that the log had when it was of so many leaves, and the proof. */
static enum rc
beginning_find(
    struct anchor_proof *a, const struct shown *of, int64_t size, struct err *e)
{
	const struct checkpoint *c = &of->checkpoint;
	struct err cause = ERR_INIT;
	enum rc rc = RC_NOT_FOUND;

	*a = (struct anchor_proof){ .size = size };
	if (size == c->size) {
		a->root = c->root;
		return RC_OK;
	}
	if (size == 0) {
		sha256(a->root.b, "", 0);
		return RC_OK;
	}
	if (of->is_directory)
		rc = anchor_take(a, of->path, &cause);
	if (of->is_directory && rc == RC_NOT_FOUND)
		rc = tiles_take(a, of, &cause);
	if (rc == RC_NOT_FOUND)
		return err_set(e, RC_INVALID,
		    "%s doesn't show how its log of %" PRId64
		    " leaves began: it needs anchor/%" PRId64
		    ", which worknet export --anchor %" PRId64
		    " makes, or the log's tiles",
		    of->path, c->size, size, size);
	if (rc != RC_OK)
		return err_set(e, rc, "%s", cause.msg);
	rc = tree_check_consistency(
	    &a->proof, size, &a->root, c->size, &c->root, e);
	return rc == RC_OK ? RC_OK : err_prefix(e, "%s", of->path);
}

enum rc
verify_same(struct verification *v, struct err *e)
{
	struct shown own = { .checkpoint = v->word.checkpoint }, other;
	const struct shown *small = &other, *large = &own;
	struct verify_report *out = v->out;
	struct anchor_proof a;
	enum rc rc;

	if (v->w->same_log == NULL)
		return RC_OK;
	rc = shown_find(&own, v->w->path, e);
	if (rc == RC_OK)
		rc = other_read(v, &other, e);
	if (rc != RC_OK)
		return rc;
	if (strcmp(own.checkpoint.origin, other.checkpoint.origin) != 0)
		return err_set(e, RC_INVALID, "%s is of the log %s, not of %s",
		    other.file, other.checkpoint.origin, own.checkpoint.origin);
	if (other.checkpoint.size > own.checkpoint.size) {
		small = &own;
		large = &other;
	}
	rc = beginning_find(&a, large, small->checkpoint.size, e);
	if (rc != RC_OK)
		return rc;
	out->other_size = other.checkpoint.size;
	if (tree_hash_is(&a.root, &small->checkpoint.root))
		return RC_OK;
	memcpy(out->forked[0], own.file, sizeof(own.file));
	memcpy(out->forked[1], other.file, sizeof(other.file));
	return err_set(e, RC_CONFLICT,
	    "the log is forked: it signed %s, of %" PRId64
	    " leaves, and %s, of %" PRId64
	    ", and neither continues the other; both are evidence",
	    own.file, own.checkpoint.size, other.file, other.checkpoint.size);
}
