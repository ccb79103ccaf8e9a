/*
 * Whom a verifier trusts (C2SP tlog-policy): logs, witnesses, and how many of
 * these must have seen a checkpoint. Lines of a text:
 *	log VKEY [URL]
 *	witness NAME VKEY [URL]
 *	group NAME all|any|K NAME...
 *	quorum NAME|none
 * and, which the specification doesn't have, whose timestamps (RFC 3161) of a
 * checkpoint count, with a certificate that theirs lead to, base64 of its DER:
 *	authority NAME CERTIFICATE
 * Pure functions; any thread.
 */
#ifndef WORKNET_TLOG_POLICY_H
#define WORKNET_TLOG_POLICY_H

#include "tlog/checkpoint.h"

#define POLICY_MAX	 65536 /* bytes */
#define POLICY_LOGS	 16
#define POLICY_WITNESSES 64
#define POLICY_GROUPS	 32
#define POLICY_WORD_MAX	 128 /* of a name; Sigsum's witnesses have 86 */

#define POLICY_AUTHORITIES     8
#define POLICY_CERTIFICATE_MAX 4096 /* bytes */

struct policy_witness {
	char name[POLICY_WORD_MAX + 1];
	struct note_key key; /* a cosignature's */
};

struct policy_group {
	char name[POLICY_WORD_MAX + 1];
	size_t needs; /* so many of its members */
	size_t n;
	/* Below POLICY_WITNESSES a witness, else a group that came before. */
	uint8_t member[POLICY_WITNESSES + POLICY_GROUPS];
};

/* Of timestamps. */
struct policy_authority {
	char name[POLICY_WORD_MAX + 1];
	size_t len;
	uint8_t certificate[POLICY_CERTIFICATE_MAX];
};

struct policy {
	size_t logs, witnesses, groups, authorities;
	struct note_key log[POLICY_LOGS];
	struct policy_witness witness[POLICY_WITNESSES];
	struct policy_group group[POLICY_GROUPS];
	struct policy_authority authority[POLICY_AUTHORITIES];
	int quorum; /* a member, as of a group; -1: none is needed */
};

/*
 * RC_INVALID names the line. One public key under two names is refused: it
 * would count twice.
 */
MUST_CHECK enum rc
policy_parse(struct policy *out, struct slice text, struct err *e);

/*
 * Trusts another key of a log, besides those that it has; a key that it has
 * already changes nothing. RC_INVALID: there are too many.
 */
MUST_CHECK enum rc
policy_add_log(struct policy *p, const struct note_key *key, struct err *e);

/* Letters, digits, - and ., the first of them no point: a name for files. */
bool policy_authority_is_name(struct slice name);

/* What a note shows of a checkpoint. */
struct policy_word {
	struct checkpoint checkpoint;
	const struct note_key *log; /* borrowed from the policy */
	size_t witnesses;	    /* of the policy that cosigned it */
	int64_t first_s, last_s;    /* when, the first and the last; 0: none */
};

/*
 * Whether the note is a checkpoint that a log of the policy signed and its
 * quorum saw. RC_INVALID says what is missing.
 */
MUST_CHECK enum rc policy_check(struct policy_word *out, const struct policy *p,
    struct slice note, struct err *e);

#endif
