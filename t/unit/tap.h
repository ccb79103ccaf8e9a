/*
 * TAP for the C tests: one line a case, each a sentence that says what
 * holds. One thread at a time.
 */
#ifndef WORKNET_T_TAP_H
#define WORKNET_T_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count;
static int tap_failures;

static inline bool
tap_ok(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline void
tap_diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline bool
tap_ok(bool ok, const char *fmt, ...)
{
	va_list ap;

	tap_count++;
	if (!ok)
		tap_failures++;
	printf("%sok %d - ", ok ? "" : "not ", tap_count);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	(void)fflush(stdout);
	return ok;
}

/* Says why a case failed, below it. */
static inline void
tap_diag(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	(void)fflush(stdout);
}

static inline bool
tap_is_int(int64_t got, int64_t expected, const char *name)
{
	if (tap_ok(got == expected, "%s", name))
		return true;
	tap_diag("got %" PRId64 ", expected %" PRId64, got, expected);
	return false;
}

static inline bool
tap_is_text(const char *got, const char *expected, const char *name)
{
	if (tap_ok(strcmp(got, expected) == 0, "%s", name))
		return true;
	tap_diag("got      \"%s\"", got);
	tap_diag("expected \"%s\"", expected);
	return false;
}

static inline void
tap_skip(const char *name, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++tap_count, name, why);
}

/* Prints the plan; the value is main's. */
static inline int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
