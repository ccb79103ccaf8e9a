/*
 * Values as people write and read them: durations, amounts, times. Pure
 * functions; any thread.
 */
#ifndef WORKNET_ADMIN_VALUE_H
#define WORKNET_ADMIN_VALUE_H

#include <stdint.h>

#include "base/err.h"
#include "eth/address.h"

#define VALUE_TEXT_MAX 40 /* bytes that a format writes, with the NUL */

/* Digits alone, 0 to 2^53-1. RC_INVALID names `what`. */
MUST_CHECK enum rc value_parse_int(
    int64_t *out, const char *what, const char *text, struct err *e);

/*
 * A number and its unit: ms, s, m, h or d. RC_INVALID, also without a unit:
 * "30" is 30 seconds to one and 30 ms to the other.
 */
MUST_CHECK enum rc value_parse_span(
    int64_t *out_ms, const char *what, const char *text, struct err *e);

/* An address. RC_INVALID begins with text. */
MUST_CHECK enum rc
value_parse_address(struct address *out, const char *text, struct err *e);

/* The same duration with the largest unit that gives a whole number. */
void value_format_span(char out[static VALUE_TEXT_MAX], int64_t ms);
/* USDC with six decimals, of micro-USDC. */
void value_format_usdc(char out[static VALUE_TEXT_MAX], int64_t micros);
/* "2026-01-31 23:59:59", UTC, of Unix ms; "-" for what is no time. */
void value_format_time(char out[static VALUE_TEXT_MAX], int64_t ms);

#endif
