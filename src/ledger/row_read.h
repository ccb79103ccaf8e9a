/*
 * Rows that are money or evidence as they are read back: whatever a row holds,
 * reading it is safe. col is the first of its columns in the statement. What a
 * row borrows is valid until the next step; a hash of another length comes as
 * zeros.
 */
#ifndef WORKNET_LEDGER_ROW_READ_H
#define WORKNET_LEDGER_ROW_READ_H

#include "ledger/db.h"
#include "ledger/row.h"

/* id, first_slot, first_transfer, at_ms, result_window_ms, keep_ms,
 * clock_skew_ms, phase, hash, format */
void row_read_terms(struct query *q, int col, struct terms_row *t,
    uint8_t hash[static KECCAK256_LEN]);

/* id, task, type, url, expected_status, timeout_ms, reward_micros, interval_ms,
 * copies, cooldown_ms, budget_micros, its region's first name, created_ms,
 * hash, format */
void row_read_version(struct query *q, int col, struct version_row *v,
    uint8_t hash[static KECCAK256_LEN]);

/* id, at_ms, kind, debit, credit, amount_micros, hash, format */
void row_read_transfer(struct query *q, int col, struct transfer_row *t,
    uint8_t hash[static KECCAK256_LEN]);

/* id, payout, at_ms, kind, transfer, tx, block, detail, hash, format; 0 and ""
 * for NULL */
void row_read_event(struct query *q, int col, struct event_row *ev,
    uint8_t hash[static KECCAK256_LEN]);

/*
 * transfer, slot, version, cycle_ms, copy, assigned_ms, timestamp_ms, success,
 * status, response_ms, error, address_form, signature; then of its definition
 * task, reward_micros, interval_ms, copies, cooldown_ms: all 0 when there is no
 * such one; then anchor, place, trace, token. False when a column holds what no
 * program writes; it then comes as 0.
 */
MUST_CHECK bool row_read_result(struct query *q, int col, struct result_row *r,
    struct version_row *v, int64_t *transfer);

/* count, root, signature, others of a round, if there is one; zeros when its
 * columns are of other lengths. */
void row_read_round(struct query *q, int col, struct round_row *r);

/* The hash of a row; false, and zeros, when it is none. */
bool row_read_hash(struct query *q, int col, uint8_t out[static KECCAK256_LEN]);

/* True for what a row may hold as a time: 0 to 2^53-1. */
bool row_is_time(int64_t ms);

#endif
