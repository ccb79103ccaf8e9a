/*
 * Signed notes (C2SP signed-note v1.0.0): a text, an empty line, and a line for
 * each signature. And cosignatures of witnesses (tlog-cosignature v1.0.1),
 * which are such lines that carry a time. Pure functions; any thread.
 */
#ifndef WORKNET_TLOG_NOTE_H
#define WORKNET_TLOG_NOTE_H

#include "base/buf.h"
#include "keys/ed25519.h"

#define NOTE_MAX      65536 /* bytes of a note: a checkpoint has 300 */
#define NOTE_NAME_MAX 200   /* of a key: a URL without its scheme */
#define NOTE_SIGS_MAX 64    /* the specification asks for 16 */
#define NOTE_ID_LEN   4
#define NOTE_VKEY_MAX (NOTE_NAME_MAX + 64)

enum note_type {
	NOTE_ED25519 = 0x01,	 /* signs the text */
	NOTE_COSIGNATURE = 0x04, /* signs a time and the text */
};

/* Who signs: a name and a public key. */
struct note_key {
	char name[NOTE_NAME_MAX + 1];
	enum note_type type;
	uint8_t id[NOTE_ID_LEN]; /* follows from the rest */
	uint8_t public[ED25519_PUBLIC_LEN];
};

struct note_signature {
	struct slice line; /* the whole of it, without its newline */
	struct slice name;
	uint8_t id[NOTE_ID_LEN];
	struct slice base64;
};

/* Borrows from what was parsed. */
struct note {
	struct slice text; /* with its last newline */
	size_t n;
	struct note_signature signature[NOTE_SIGS_MAX];
};

/* A name has no blank, no + and no control character. RC_INVALID. */
MUST_CHECK enum rc
note_key_make(struct note_key *out, struct slice name, enum note_type type,
    const uint8_t public[static ED25519_PUBLIC_LEN], struct err *e);

/* "NAME+ID+BASE64". RC_INVALID, also when the id isn't the key's. */
MUST_CHECK enum rc
note_key_parse(struct note_key *out, struct slice vkey, struct err *e);
void
note_key_format(char out[static NOTE_VKEY_MAX + 1], const struct note_key *key);

/* The secret in Go's form, "PRIVATE+KEY+NAME+ID+BASE64". RC_INVALID. */
MUST_CHECK enum rc note_secret_parse(struct note_key *out,
    uint8_t seed[static ED25519_SEED_LEN], struct slice secret, struct err *e);
/* The caller wipes it. */
void note_secret_format(struct buf *out, const struct note_key *key,
    const uint8_t seed[static ED25519_SEED_LEN]);

/* RC_INVALID says what is wrong. */
MUST_CHECK enum rc
note_parse(struct note *out, struct slice bytes, struct err *e);

/*
 * Appends text, the empty line and the signature of key, of type NOTE_ED25519,
 * whose secret the seed is. RC_IO.
 */
MUST_CHECK enum rc
note_sign(struct buf *out, struct slice text, const struct note_key *key,
    const uint8_t seed[static ED25519_SEED_LEN], struct err *e);

/*
 * RC_NOT_FOUND when none of the signatures is by that key; RC_INVALID when one
 * says so and isn't. *time_s is a cosignature's, else 0.
 */
MUST_CHECK enum rc note_verify(const struct note *n, const struct note_key *key,
    int64_t *time_s, struct err *e);

/* The first line that says it is by that key; p NULL: none does. */
struct slice note_line(const struct note *n, const struct note_key *key);

#endif
