/*
 * The rows that are money or evidence, as C structs, and the hash that
 * chains them. A row's hash covers the hash of the row before it in the same
 * table, so that a row changed, removed or added around the guards shows.
 * Integers are hashed as 8 bytes, big-endian; text and bytes after their
 * length. Pure functions; any thread.
 *
 * Each row says of which format its hash is, so that rows with more columns
 * can follow without a change to what is written: a later format has a number
 * of its own, and its rows are hashed as row.c then says for that number.
 */
#ifndef WORKNET_LEDGER_ROW_H
#define WORKNET_LEDGER_ROW_H

#include "eth/address.h"
#include "eth/keccak.h"
#include "eth/sign.h"

/* Of the rows of each table, the formats that this program writes; older ones
 * have lower numbers, from 1. */
#define TERMS_FORMAT	2 /* with fit, maturity, record */
#define VERSION_FORMAT	2 /* with the type and the budget */
#define TRANSFER_FORMAT 2 /* with rounds and anchors, results by a digest */
#define EVENT_FORMAT	1

#define ABSENT	 (-1) /* status, response_ms: the worker sent none */
#define COPY_MAX 255  /* of a result: COPIES_MAX, and drills behind them */

enum ledger_account {
	ACCOUNT_REWARDS = 1,
	ACCOUNT_IN_FLIGHT = 2,
	ACCOUNT_TREASURY = 3,
};

struct terms_row {
	int64_t format; /* 1 to TERMS_FORMAT */
	int64_t id;
	int64_t first_slot;
	int64_t first_transfer;
	int64_t at_ms;
	int64_t result_window_ms;
	int64_t keep_ms;
	int64_t clock_skew_ms;
	int64_t phase; /* see cycle.h */
	/* In format 1 all 0. */
	int64_t fit; /* see fit.h */
	int64_t maturity_new_ms;
	int64_t maturity_ms;
	int64_t established_results;
	int64_t established_days;
};

struct transfer_row {
	int64_t format; /* 1 to TRANSFER_FORMAT */
	int64_t id;
	int64_t at_ms;
	struct slice kind; /* see sql/schema.sql */
	int64_t debit;
	int64_t credit;
	int64_t amount_micros;
};

struct result_row {
	int64_t slot;
	int64_t version;
	int64_t cycle_ms;
	int64_t copy;
	int64_t assigned_ms;
	int64_t timestamp_ms;
	bool success;
	int64_t status;	     /* or ABSENT */
	int64_t response_ms; /* or ABSENT */
	bool has_error;
	struct slice error; /* UTF-8 */
	enum address_form form;
	uint8_t signature[SIGNATURE_LEN];
	bool is_extra; /* as the ledger says; not hashed */
	/* In format 1 all 0, false and "". */
	int64_t anchor;	    /* entries of the log that its assignment names */
	bool in_round;	    /* which is signed; else it is, alone */
	int64_t place;	    /* in its round */
	struct slice trace; /* "": none */
	struct slice token; /* in its URL; "": none */
};

/* What of a round is kept with the transfer that paid its results. */
struct round_row {
	bool is_there;
	int64_t count; /* of results, also those that weren't paid */
	uint8_t root[KECCAK256_LEN];
	uint8_t signature[SIGNATURE_LEN];
	struct slice others; /* hashes: see round_tree_prune */
};

struct version_row {
	int64_t format; /* 1 to VERSION_FORMAT */
	int64_t id;
	int64_t task;
	struct slice type; /* in format 1 always "http_check" */
	struct slice url;
	int64_t expected_status;
	int64_t timeout_ms;
	int64_t reward_micros;
	int64_t interval_ms;
	int64_t copies;
	int64_t cooldown_ms;
	int64_t budget_micros; /* in format 1 always 0 */
	struct slice region;   /* its first name */
	int64_t created_ms;
};

struct event_row {
	int64_t format; /* 1 to EVENT_FORMAT */
	int64_t id;
	int64_t payout;
	int64_t at_ms;
	struct slice kind;
	int64_t transfer; /* 0: moved no money */
	struct slice tx;  /* "": speaks of no transaction */
	int64_t block;	  /* 0: of no block */
	struct slice detail;
};

/* The first row of a table follows a hash of 32 zero bytes. */
struct tail {
	int64_t last_id; /* 0: no row yet */
	uint8_t hash[KECCAK256_LEN];
};

/*
 * A transfer with its round (NULL: it has none) and its results: begin, each
 * result in ascending order of its slot, then end, which writes the hash. Of a
 * format that knows none, a round isn't hashed. From format 2 on the hash
 * covers the results by a digest of them alone, which link_transfer_archived
 * gives in their place; so they can be dropped: archived.h.
 */
struct transfer_link {
	int64_t format;
	struct keccak hash;
	struct keccak results;
	int64_t results_n;	       /* so far */
	bool archived;		       /* they aren't there */
	uint8_t digest[KECCAK256_LEN]; /* after the end, if there are any */
};

void link_transfer_begin(struct transfer_link *l, const struct tail *before,
    const struct transfer_row *t, const struct round_row *round);
void link_transfer_result(struct transfer_link *l, const struct result_row *r);
void link_transfer_archived(
    struct transfer_link *l, const uint8_t digest[static KECCAK256_LEN]);
void
link_transfer_end(struct transfer_link *l, uint8_t hash[static KECCAK256_LEN]);
/* The digest of results that were added to a link which is zero at first. */
void
link_results_end(struct transfer_link *l, uint8_t digest[static KECCAK256_LEN]);

void link_terms(uint8_t hash[static KECCAK256_LEN], const struct tail *before,
    const struct terms_row *t);

void link_version(uint8_t hash[static KECCAK256_LEN], const struct tail *before,
    const struct version_row *v);

void link_event(uint8_t hash[static KECCAK256_LEN], const struct tail *before,
    const struct event_row *ev);

#endif
