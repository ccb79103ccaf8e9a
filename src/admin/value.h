/*
 * Values as people write and read them: durations, amounts, times. Pure
 * functions; any thread.
 */
#ifndef WORKNET_ADMIN_VALUE_H
#define WORKNET_ADMIN_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
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

/*
 * A time as Unix ms: "2026-01-31", "2026-01-31 23:59:59" (UTC; a T for the
 * blank, a Z behind it), or Unix ms themselves. RC_INVALID names `what`.
 */
MUST_CHECK enum rc value_parse_time(
    int64_t *out_ms, const char *what, const char *text, struct err *e);

/* An address. RC_INVALID begins with text. */
MUST_CHECK enum rc
value_parse_address(struct address *out, const char *text, struct err *e);

/*
 * RC_OK when url can be a task's: when a worker would request it, by the
 * worker's own rule, and not refuse it for ever. One beyond ASCII is replaced
 * by what is requested then. An address that isn't public, and localhost, need
 * allow_private. RC_INVALID says why not; RC_NO_MEMORY.
 */
MUST_CHECK enum rc
value_take_url(char url[static URL_MAX + 1], bool allow_private, struct err *e);

/* The same duration with the largest unit that gives a whole number. */
void value_format_span(char out[static VALUE_TEXT_MAX], int64_t ms);
/* USDC with six decimals, of micro-USDC. */
void value_format_usdc(char out[static VALUE_TEXT_MAX], int64_t micros);
/* "2026-01-31 23:59:59", UTC, of Unix ms; "-" for what is no time. */
void value_format_time(char out[static VALUE_TEXT_MAX], int64_t ms);

#endif
