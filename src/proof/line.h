/*
 * The lines of a segment: what became of each slot of a task in an hour, as
 * JSON. A line has one form: these fields in this order, those left out that
 * there are none of; whatever else is refused. Pure functions; any thread.
 *
 * outcome	result		a worker's signed result, which was credited
 *		missed		somebody was given the slot, and nobody was paid
 *		refused:WORD	the same, and an answer of the line's worker was
 *				refused, says the operator: base/refused.h
 *		unassigned	nobody is known to have been given it
 */
#ifndef WORKNET_PROOF_LINE_H
#define WORKNET_PROOF_LINE_H

#include "base/refused.h"
#include "eth/address.h"

#define LINE_MAX_BYTES 16384	/* a check's error escaped, and all else */
#define LINE_ALONE     "eip191" /* a scheme: one signature, one result */
#define LINE_NONE      (-1)	/* there is no such number */

struct line {
	int64_t slot;
	int64_t cycle;
	int64_t copy;
	int64_t version;      /* of the task's definition */
	struct slice worker;  /* lower case; p NULL where there is none */
	struct slice network; /* equal where the network is, within a day */
	int64_t assigned;
	int64_t anchor; /* size of the checkpoint that the worker was told */
	struct slice outcome;
	struct slice scheme; /* LINE_ALONE or ROUND_SCHEME */
	struct slice ledger; /* in a round: whose assignment it was */
	struct slice form;   /* alone: of the address, in what was signed */
	int64_t timestamp;
	int64_t success; /* 0 or 1 */
	int64_t status;
	int64_t ms;
	struct slice error;
	struct slice trace;
	struct slice region; /* as the worker was told it */
	/* In a round. */
	struct slice token; /* in its URL, where the definition's has {token} */
	int64_t place;
	int64_t count;
	struct slice path; /* hashes from its leaf to the root, in hex */
	struct slice signature;
};

/* All numbers LINE_NONE, no text. */
void line_init(struct line *l);

/* Appends the line with its newline. */
MUST_CHECK enum rc
line_write(struct buf *out, const struct line *l, struct err *e);

/* A line that was read, and what it borrows from. */
struct line_read {
	struct line line;
	struct json *tree; /* owned: line_free */
};

/*
 * Reads a line without its newline. RC_INVALID, also when line_write would
 * write it otherwise; nothing is to be freed then.
 */
MUST_CHECK enum rc
line_parse(struct line_read *out, struct slice text, struct err *e);
void line_free(struct line_read *l);

#define LINE_OUTCOME_SIZE 40

/* The outcome of a slot that was given, and has no result. */
void line_outcome(char out[static LINE_OUTCOME_SIZE], enum refused why);

/* Whether the outcome is of that form; *why: REFUSED_NOT of an unknown word. */
bool line_is_refused(const struct line *l, enum refused *why);

/* "checksum", "lower", "upper"; and back, false for another word. */
const char *line_form_name(enum address_form form);
bool line_form_parse(struct slice name, enum address_form *out);

#endif
