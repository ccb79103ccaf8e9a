/*
 * The log as it is kept: the key that signs it, the directory that is served,
 * and a copy elsewhere of the newest checkpoint that was ever signed. Each
 * checkpoint goes through these steps, each on disk before the next:
 *
 *	bundles and tiles, which nobody sees before they are signed;
 *	the checkpoint, signed, as the file "signed" of the state's directory;
 *	the cosignatures of witnesses, who are asked for them;
 *	the timestamps of what has these, as files;
 *	the proof files of its segments;
 *	the checkpoint as the file "checkpoint" of the directory.
 *
 * Witnesses and authorities are asked at the end of a run, and may all be away:
 * then the same checkpoint is shown without their word, and the next run, which
 * asks again, shows it with that.
 *
 * What "signed" says was signed and may have been seen: a program that begins
 * goes on from it. Tiles that don't lead to it, a checkpoint that is newer than
 * it, or none, mean that one of the two directories is an older copy; then
 * nothing is signed, for ever two logs of one name would prove a fraud. That
 * both are only witnesses can tell, who are asked before the first signature of
 * a run.
 */
#ifndef WORKNET_PUBLISH_BOOK_H
#define WORKNET_PUBLISH_BOOK_H

#include "base/conf.h"
#include "publish/stamps.h"
#include "publish/witnesses.h"

struct book {
	int lock_fd;
	char state[PATH_LEN_MAX + 1];
	struct note_key key;
	uint8_t seed[ED25519_SEED_LEN];
	bool has_next; /* another key signs, too, and is about to succeed */
	struct note_key next;
	uint8_t next_seed[ED25519_SEED_LEN];
	struct site site;   /* of what is signed; its size counts */
	struct site hidden; /* files of private tasks, which nobody is served */
	struct buf note;    /* owned: the newest checkpoint, signed */
	struct buf seen;    /* owned: what is published, with cosignatures */
	int64_t seen_size;
	int64_t now_s;
	/* Others. http is NULL when there are none: no network is needed. */
	struct witnesses witnesses;
	struct stamps stamps;
	struct faults faults;
	struct http_client *http; /* owned */
	bool asked_before;	  /* this run has asked before it signed */
};

/*
 * Makes a key for the origin and writes it to the file; RC_CONFLICT when it
 * exists. vkey is its public half. RC_INVALID, RC_IO.
 */
MUST_CHECK enum rc book_key_new(const char *path, const char *origin,
    char vkey[static NOTE_VKEY_MAX + 1], struct err *e);

/*
 * Opens the log of [log], alone (else RC_BUSY); now_ms is Unix time. Freed with
 * book_close. RC_CORRUPT: one of the directories is an older copy. RC_INVALID,
 * RC_NOT_FOUND, RC_IO.
 */
MUST_CHECK enum rc
book_open(struct book *b, const struct conf *c, int64_t now_ms, struct err *e);
void book_close(struct book *b);

/*
 * The key that succeeds: made beside the key's file, with ".next", unless it is
 * there already. From then on both sign. RC_INVALID, RC_IO.
 */
MUST_CHECK enum rc
book_key_next(struct book *b, const struct conf *c, struct err *e);

/* The key that succeeds takes the key's place: the old one is gone. RC_IO. */
MUST_CHECK enum rc book_key_succeed(const struct conf *c, struct err *e);

/*
 * Appends entries and signs. Nothing is done for none of them. RC_CORRUPT, also
 * when witnesses have seen more than is signed; RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
book_append(struct book *b, const struct slice *entry, size_t n, struct err *e);

/* Below the state's directory: where files of private tasks are. */
#define BOOK_PRIVATE "private"

/*
 * Writes the file of a task's lines, where everybody is served it, or of a
 * private task where nobody is: its leaf alone is public. RC_IO.
 */
MUST_CHECK enum rc book_put(struct book *b, const char *task, const char *name,
    struct slice bytes, struct err *e);

/*
 * Publishes what is signed, also by an earlier run, with the cosignatures and
 * timestamps that witnesses and authorities give; *quorum (NULL is fine) says
 * whether more than half of the witnesses did. RC_IO, RC_CORRUPT, RC_NO_MEMORY,
 * none of which is the fault of these.
 */
MUST_CHECK enum rc book_show(struct book *b, bool *quorum, struct err *e);

#endif
