/*
 * What workers signed, for everybody who has to know: the coordinator that pays
 * a result, the payer and the audit. There are two schemes. A result is signed
 * alone (EIP-191: eth/attest.h), which covers its task's id, its time and
 * whether it was a success; or all of a submission at once (eth/round.h), which
 * covers everything that was asked and found. One place for both.
 */
#ifndef WORKNET_LEDGER_SIGNED_H
#define WORKNET_LEDGER_SIGNED_H

#include "eth/round.h"
#include "ledger/rule.h"

/* Limits of what a round can hold; doc/protocol. */
#define ROUND_ERROR_MAX 200 /* bytes, UTF-8 */
#define ROUND_TRACE_MAX 128 /* bytes, printable ASCII */

/* What is signed with a result and isn't in its row. */
struct signed_terms {
	const uint8_t *ledger_id; /* LEDGER_ID_LEN bytes */
	struct address worker;
	struct slice task_id;
	struct slice url;	    /* of its definition */
	struct slice region;	    /* its first name; "" for any */
	const uint8_t *anchor_root; /* 32 bytes, or NULL: none of that size */
	int64_t expected_status;
};

/*
 * The hash of a result as an entry of a round's tree. False when nobody can
 * have signed it: a value out of its range, a URL without its token, no anchor.
 */
bool signed_hash(uint8_t out[static KECCAK256_LEN],
    const struct signed_terms *t, const struct result_row *r);

/* A credit's results, of which a round is the whole. Any thread, one at a time.
 */
struct signed_credit {
	const struct rules *rules; /* told what is broken */
	const uint8_t *ledger_id;  /* borrowed */
	int64_t transfer;	   /* 0: none was begun */
	bool has_worker;
	struct address worker;
	bool has_round;
	int64_t count;
	struct round_tree_hash root;
	uint8_t signature[SIGNATURE_LEN];
	struct round_tree_hash others[ROUND_LEAVES_MAX];
	size_t others_n;
	bool others_fit; /* they are whole hashes, and not too many */
	struct round_tree_hash leaves[ROUND_LEAVES_MAX];
	bool kept[ROUND_LEAVES_MAX];
	bool spoiled; /* a leaf is missing: that was told */
};

/* Begins with a transfer's; worker is NULL when nobody knows who was paid. */
void signed_begin(struct signed_credit *c, int64_t transfer,
    const struct address *worker, const struct round_row *round);

/*
 * One of its results, well formed, of definition v, with the columns of ":row
 * signed" at col. One that was signed alone is verified at once.
 */
void signed_add(struct signed_credit *c, const struct result_row *r,
    const struct version_row *v, struct query *q, int col);

/* Verifies the round, if it is one. */
void signed_end(struct signed_credit *c);

#endif
