#include "publish/book.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "publish/trust.h"
#include "store/logged.h"

#define SECRET_MAX 512 /* bytes of a key file */

static struct slice
slice_all(const struct buf *b)
{
	return (struct slice){ b->p == NULL ? "" : b->p, b->len };
}

static void
state_path(
    char out[static FILE_PATH_SIZE], const struct book *b, const char *name)
{
	(void)snprintf(out, FILE_PATH_SIZE, "%s/%s", b->state, name);
}

/* ---- The key ---- */

enum rc
book_key_new(const char *path, const char *origin,
    char vkey[static NOTE_VKEY_MAX + 1], struct err *e)
{
	uint8_t seed[ED25519_SEED_LEN], public[ED25519_PUBLIC_LEN];
	struct note_key key;
	struct buf text;
	int fd = -1;
	enum rc rc;

	buf_init(&text, SECRET_MAX);
	rc = ed25519_seed(seed, e);
	if (rc == RC_OK)
		rc = ed25519_public(public, seed, e);
	if (rc == RC_OK)
		rc = note_key_make(
		    &key, slice_of(origin), NOTE_ED25519, public, e);
	if (rc == RC_OK)
		rc = file_make(path, &fd, e);
	if (rc == RC_OK) {
		note_key_format(vkey, &key);
		note_secret_format(&text, &key, seed);
		buf_add_text(&text, "\n");
		rc = buf_status(&text, e);
	}
	if (rc == RC_OK)
		rc = file_write(fd, text.p, text.len, path, e);
	if (fd >= 0) {
		if (fsync(fd) != 0 && rc == RC_OK)
			rc = err_set(e, RC_IO, "%s: %s", path, strerror(errno));
		(void)close(fd);
	}
	if (rc == RC_OK)
		rc = file_sync_name(path, e);
	secret_wipe(seed, sizeof(seed));
	if (text.p != NULL)
		secret_wipe(text.p, text.len);
	buf_free(&text);
	return rc;
}

static enum rc
key_file_read(struct note_key *key, uint8_t seed[static ED25519_SEED_LEN],
    const char *path, const char *origin, struct err *e)
{
	char text[SECRET_MAX];
	size_t len;
	enum rc rc;

	rc = secret_file_read(text, sizeof(text), &len, path, e);
	if (rc != RC_OK)
		return rc;
	rc = note_secret_parse(
	    key, seed, secret_trim((struct slice){ text, len }), e);
	secret_wipe(text, sizeof(text));
	if (rc != RC_OK)
		return err_prefix(e, "%s", path);
	if (key->type != NOTE_ED25519 || strcmp(key->name, origin) != 0)
		return err_set(e, RC_INVALID,
		    "%s: the key is of %s, expected [log] origin, %s", path,
		    key->name, origin);
	return RC_OK;
}

static enum rc
key_read(struct book *b, const struct conf *c, struct err *e)
{
	if (c->log_origin[0] == '\0' || c->log_key_file[0] == '\0')
		return err_set(e, RC_INVALID,
		    "[log] origin and key_file: without both there is no log");
	return key_file_read(
	    &b->key, b->seed, c->log_key_file, c->log_origin, e);
}

static void
next_path(char out[static FILE_PATH_SIZE], const struct conf *c)
{
	(void)snprintf(out, FILE_PATH_SIZE, "%s.next", c->log_key_file);
}

enum rc
book_key_next(struct book *b, const struct conf *c, struct err *e)
{
	char path[FILE_PATH_SIZE], vkey[NOTE_VKEY_MAX + 1];
	enum rc rc = RC_OK;

	next_path(path, c);
	if (access(path, F_OK) != 0)
		rc = book_key_new(path, c->log_origin, vkey, e);
	if (rc == RC_OK)
		rc = key_file_read(
		    &b->next, b->next_seed, path, c->log_origin, e);
	b->has_next = rc == RC_OK;
	return rc;
}

enum rc
book_key_succeed(const struct conf *c, struct err *e)
{
	char path[FILE_PATH_SIZE];

	next_path(path, c);
	if (rename(path, c->log_key_file) != 0)
		return err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	return file_sync_name(c->log_key_file, e);
}

/* ---- Signed checkpoints ---- */

/* A checkpoint in a file, signed by our key; *found is false without one. */
static enum rc
note_read(const struct book *b, const char *path, struct buf *text,
    struct checkpoint *out, bool *found, struct err *e)
{
	struct note n;
	int64_t none;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	buf_reset(text);
	rc = buf_read_file(text, path, e);
	*found = rc == RC_OK;
	if (rc == RC_NOT_FOUND)
		return RC_OK;
	if (rc == RC_OK)
		rc = note_parse(&n, (struct slice){ text->p, text->len }, e);
	if (rc == RC_OK)
		rc = note_verify(&n, &b->key, &none, e);
	if (rc == RC_OK)
		rc = checkpoint_parse(out, n.text, e);
	if (rc == RC_OK && strcmp(out->origin, b->key.name) != 0)
		rc = err_set(e, RC_INVALID, "it is of %s", out->origin);
	if (rc == RC_OK)
		return RC_OK;
	(void)err_prefix(e, "%s", path);
	return rc == RC_IO || rc == RC_NO_MEMORY ? rc : RC_CORRUPT;
}

/* That the directory's tiles lead to the checkpoint. */
static enum rc
tiles_check(
    struct book *b, const struct checkpoint *c, const char *what, struct err *e)
{
	struct err cause = ERR_INIT;
	struct tree_hash root;
	enum rc rc;

	if (c->size == 0)
		return RC_OK;
	rc = tree_root(&root, c->size, site_node, &b->site, &cause);
	if (rc == RC_OK && tree_hash_is(&root, &c->root))
		return RC_OK;
	return err_set(e, RC_CORRUPT,
	    "%s: the tiles don't lead to %s, of %" PRId64
	    " leaves: the directory is an older copy, or was changed; put the newest one there (%s)",
	    b->site.path, what, c->size,
	    rc == RC_OK ? "the root is another one" : cause.msg);
}

/* The name of the entry's own proof file; "" when it has none. */
static enum rc
proof_name(char out[static SEGMENT_NAME_MAX + 16], int64_t i,
    struct slice entry, struct err *e)
{
	struct logged_file f;
	bool is_file;
	enum rc rc;

	out[0] = '\0';
	if (leaf_kind(entry) == KIND_KEY)
		(void)snprintf(out, SEGMENT_NAME_MAX + 16,
		    "key/%" PRId64 ".tlog-proof", i);
	rc = logged_file_of(&f, &is_file, i, entry, e);
	if (rc == RC_OK && is_file)
		(void)snprintf(
		    out, SEGMENT_NAME_MAX + 16, "%s.tlog-proof", f.name);
	return rc;
}

/* Proof files of the files, and keys, among the leaves from there on. */
static enum rc
proofs_write(struct book *b, struct slice note, int64_t from, struct err *e)
{
	char name[SEGMENT_NAME_MAX + 16];
	struct slice entry;
	struct buf file;
	int64_t i;
	enum rc rc = RC_OK;

	buf_init(&file, PROOF_FILE_MAX);
	for (i = from; i < b->site.size && rc == RC_OK; i++) {
		rc = site_entry(&b->site, i, &entry, e);
		if (rc != RC_OK)
			break;
		rc = proof_name(name, i, entry, e);
		if (rc != RC_OK || name[0] == '\0')
			continue;
		buf_reset(&file);
		rc = site_proof(&b->site, i, note, &file, e);
		if (rc == RC_OK)
			rc = site_put(&b->site, name,
			    (struct slice){ file.p, file.len }, e);
	}
	buf_free(&file);
	return rc;
}

/* Compares what is signed, what is seen, and the tiles. */
static enum rc
take_up(struct book *b, const char *directory, struct err *e)
{
	char signed_path[FILE_PATH_SIZE], seen_path[FILE_PATH_SIZE];
	struct checkpoint made, seen;
	bool is_made, is_seen;
	enum rc rc;

	state_path(signed_path, b, "signed");
	(void)snprintf(
	    seen_path, sizeof(seen_path), "%s/checkpoint", directory);
	rc = note_read(b, signed_path, &b->note, &made, &is_made, e);
	if (rc == RC_OK)
		rc = note_read(b, seen_path, &b->seen, &seen, &is_seen, e);
	if (rc != RC_OK)
		return rc;
	site_open(&b->site, directory, made.size);
	if (seen.size > made.size || (is_seen && !is_made))
		return err_set(e, RC_CORRUPT,
		    "%s: says %" PRId64 " leaves, and %s says %" PRId64
		    ": the state's directory is an older copy; more may have been signed since. Put the newest one there; if it is certain that %s is the newest that anybody has seen, copy it to %s",
		    seen_path, seen.size, signed_path, made.size, seen_path,
		    signed_path);
	if (seen.size == made.size && !tree_hash_is(&seen.root, &made.root))
		return err_set(e, RC_CORRUPT,
		    "%s and %s are of the same size, with two roots: keep both, they prove a forked log",
		    seen_path, signed_path);
	rc = tiles_check(b, &made, signed_path, e);
	if (rc == RC_OK)
		rc = tiles_check(b, &seen, seen_path, e);
	b->seen_size = seen.size;
	return rc;
}

/* ---- Opening ---- */

static enum rc
lock(struct book *b, struct err *e)
{
	char path[FILE_PATH_SIZE];

	state_path(path, b, "lock");
	return file_lock(&b->lock_fd, path, "worknet-log", e);
}

/* Witnesses and authorities, if there are any. */
static enum rc
others_read(struct book *b, const struct conf *c, struct err *e)
{
	enum rc rc;

	rc = witnesses_read(&b->witnesses, c->log_witnesses, e);
	if (rc == RC_OK)
		rc = stamps_read(&b->stamps, c->log_authorities, e);
	if (rc == RC_OK)
		rc = faults_read(&b->faults, b->state, e);
	if (rc == RC_OK && b->witnesses.n + b->stamps.n > 0)
		rc = http_client_new(&b->http, e);
	return rc;
}

enum rc
book_open(struct book *b, const struct conf *c, int64_t now_ms, struct err *e)
{
	char hidden[FILE_PATH_SIZE];
	enum rc rc;

	memset(b, 0, sizeof(*b));
	b->lock_fd = -1;
	b->now_s = now_ms / 1000;
	buf_init(&b->note, NOTE_MAX);
	buf_init(&b->seen, NOTE_MAX);
	site_open(&b->site, c->log_directory, 0);
	(void)snprintf(
	    b->state, sizeof(b->state), "%s", c->log_state_directory);
	state_path(hidden, b, BOOK_PRIVATE);
	site_open(&b->hidden, hidden, 0);
	rc = key_read(b, c, e);
	if (rc == RC_OK)
		rc = lock(b, e);
	if (rc == RC_OK)
		rc = take_up(b, c->log_directory, e);
	if (rc == RC_OK)
		rc = others_read(b, c, e);
	if (rc == RC_OK)
		rc =
		    trust_show(&b->site, &b->key, &b->witnesses, &b->stamps, e);
	if (rc != RC_OK)
		book_close(b);
	return rc;
}

void
book_close(struct book *b)
{
	secret_wipe(b->seed, sizeof(b->seed));
	secret_wipe(b->next_seed, sizeof(b->next_seed));
	site_close(&b->site);
	site_close(&b->hidden);
	buf_free(&b->note);
	buf_free(&b->seen);
	witnesses_free(&b->witnesses);
	stamps_free(&b->stamps);
	faults_free(&b->faults);
	http_client_free(b->http);
	b->http = NULL;
	if (b->lock_fd >= 0)
		(void)close(b->lock_fd);
	b->lock_fd = -1;
}

/* Appends the signature of the key that succeeds. */
static enum rc
sign_next(struct book *b, struct buf *out, struct slice text, struct err *e)
{
	struct buf note;
	enum rc rc;

	if (!b->has_next)
		return RC_OK;
	buf_init(&note, NOTE_MAX);
	rc = note_sign(&note, text, &b->next, b->next_seed, e);
	if (rc == RC_OK) {
		buf_add(out, note.p + text.len + 1, note.len - text.len - 1);
		rc = buf_status(out, e);
	}
	buf_free(&note);
	return rc;
}

/* Appends the note of the site as it is. */
static enum rc
note_make(struct book *b, struct buf *out, struct err *e)
{
	struct checkpoint c = { .size = b->site.size };
	struct buf text;
	enum rc rc;

	buf_init(&text, NOTE_MAX);
	(void)snprintf(c.origin, sizeof(c.origin), "%s", b->key.name);
	rc = tree_root(&c.root, c.size, site_node, &b->site, e);
	checkpoint_format(&text, &c);
	if (rc == RC_OK)
		rc = note_sign(out, (struct slice){ text.p, text.len }, &b->key,
		    b->seed, e);
	if (rc == RC_OK)
		rc = sign_next(b, out, (struct slice){ text.p, text.len }, e);
	buf_free(&text);
	return rc;
}

/* Signs the site as it is, and keeps that apart from it. */
static enum rc
sign(struct book *b, struct err *e)
{
	char path[FILE_PATH_SIZE];
	enum rc rc;

	buf_reset(&b->note);
	rc = note_make(b, &b->note, e);
	state_path(path, b, "signed");
	return rc == RC_OK ? file_put(path, 0600, b->note.p, b->note.len, e)
			   : rc;
}

/* Of a log that has signed nothing yet they are asked about the empty one. */
static enum rc
ask_before(struct book *b, struct err *e)
{
	struct buf empty;
	enum rc rc = RC_OK;

	if (b->asked_before || b->witnesses.n == 0)
		return RC_OK;
	b->asked_before = true;
	buf_init(&empty, NOTE_MAX);
	if (b->note.len == 0)
		rc = note_make(b, &empty, e);
	if (rc == RC_OK)
		rc = witnesses_ask_before(&b->witnesses, b->http, b->site.size,
		    slice_all(b->note.len == 0 ? &empty : &b->note), b->now_s,
		    &b->faults, e);
	buf_free(&empty);
	return rc;
}

enum rc
book_append(struct book *b, const struct slice *entry, size_t n, struct err *e)
{
	enum rc rc;

	if (n == 0)
		return RC_OK;
	rc = ask_before(b, e);
	if (rc == RC_OK)
		rc = site_append(&b->site, entry, n, e);
	return rc == RC_OK ? sign(b, e) : rc;
}

enum rc
book_put(struct book *b, const char *task, const char *name, struct slice bytes,
    struct err *e)
{
	return site_put(
	    leaf_is_private(task) ? &b->hidden : &b->site, name, bytes, e);
}

/* ---- Publishing ---- */

/* Takes the cosignatures that are published, and asks for those that aren't. */
static enum rc
cosign(struct book *b, struct buf *out, bool *quorum, struct err *e)
{
	struct note note, seen;
	enum rc rc;

	rc = note_parse(&note, slice_all(&b->note), e);
	if (rc == RC_OK && b->seen.len > 0) {
		rc = note_parse(&seen, slice_all(&b->seen), e);
		if (rc == RC_OK)
			witnesses_know(&b->witnesses, &seen, &note);
	}
	if (rc == RC_OK)
		rc = witnesses_ask(&b->witnesses, b->http, &b->site,
		    slice_all(&b->note), b->now_s, &b->faults, e);
	buf_add(out, b->note.p, b->note.len);
	*quorum = witnesses_lines(&b->witnesses, out) >=
	    witnesses_needed(&b->witnesses);
	return rc == RC_OK ? buf_status(out, e) : rc;
}

/* What is signed becomes what is seen. */
static enum rc
show(struct book *b, const struct buf *note, struct err *e)
{
	enum rc rc = RC_OK;

	if (b->stamps.n > 0)
		rc = stamps_ask(&b->stamps, b->http, &b->site, slice_all(note),
		    b->now_s, &b->faults, e);
	if (rc != RC_OK ||
	    (note->len == b->seen.len &&
		memcmp(note->p, b->seen.p, note->len) == 0))
		return rc;
	rc = proofs_write(b, slice_all(note), b->seen_size, e);
	if (rc == RC_OK)
		rc = site_put(&b->site, "checkpoint", slice_all(note), e);
	if (rc != RC_OK)
		return rc;
	b->seen_size = b->site.size;
	buf_reset(&b->seen);
	buf_add(&b->seen, note->p, note->len);
	return buf_status(&b->seen, e);
}

enum rc
book_show(struct book *b, bool *quorum, struct err *e)
{
	struct buf note;
	bool met = true;
	enum rc rc;

	buf_init(&note, NOTE_MAX);
	rc = b->note.len == 0 ? RC_OK : cosign(b, &note, &met, e);
	if (rc == RC_OK && note.len > 0)
		rc = show(b, &note, e);
	buf_free(&note);
	if (quorum != NULL)
		*quorum = met;
	return rc == RC_OK ? faults_keep(&b->faults, e) : rc;
}
