#include "admin/value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/task_type.h"
#include "base/text.h"
#include "http/http.h"

#define MICROS 1000000 /* in one USDC */

/* Digits up to *end; -1 when there are none or too many. */
static int64_t
digits_read(const char *text, const char **end)
{
	int64_t n = 0;

	for (*end = text; **end >= '0' && **end <= '9'; ++*end) {
		if (n > (JSON_INT_MAX - 9) / 10)
			return -1;
		n = n * 10 + (**end - '0');
	}
	return *end == text ? -1 : n;
}

enum rc
value_parse_int(int64_t *out, const char *what, const char *text, struct err *e)
{
	const char *end;

	*out = digits_read(text, &end);
	if (*out >= 0 && *end == '\0')
		return RC_OK;
	*out = 0;
	return err_set(e, RC_INVALID,
	    "%s: got \"%.80s\", expected a whole number", what, text);
}

/* Whether a date is one, at most at the end of its month. */
static bool
date_take(const char *text, struct tm *tm, int *end)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	*end = 0;
	if (strspn(text, "0123456789") != 4 ||
	    sscanf(text, "%4d-%2d-%2d%n", &tm->tm_year, &tm->tm_mon,
		&tm->tm_mday, end) != 3 ||
	    *end != 10 || tm->tm_year < 1970 || tm->tm_mon < 1 ||
	    tm->tm_mon > 12 || tm->tm_mday < 1 ||
	    tm->tm_mday > days[tm->tm_mon - 1])
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	return true;
}

static bool
clock_take(const char *text, struct tm *tm, int *end)
{
	*end = 0;
	return (text[0] == ' ' || text[0] == 'T') &&
	    isdigit((unsigned char)text[1]) &&
	    sscanf(text + 1, "%2d:%2d:%2d%n", &tm->tm_hour, &tm->tm_min,
		&tm->tm_sec, end) == 3 &&
	    *end == 8 && tm->tm_hour >= 0 && tm->tm_hour < 24 &&
	    tm->tm_min >= 0 && tm->tm_min < 60 && tm->tm_sec >= 0 &&
	    tm->tm_sec < 60;
}

enum rc
value_parse_time(
    int64_t *out_ms, const char *what, const char *text, struct err *e)
{
	struct tm tm = { .tm_mday = 0 };
	const char *rest = text;
	int end;

	if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0')
		return value_parse_int(out_ms, what, text, e);
	if (date_take(text, &tm, &end)) {
		rest += end;
		if (*rest != '\0' && clock_take(rest, &tm, &end))
			rest += 1 + end;
		if (strcmp(rest, "") == 0 || strcmp(rest, "Z") == 0) {
			*out_ms = 1000 * (int64_t)timegm(&tm);
			return RC_OK;
		}
	}
	return err_set(e, RC_INVALID,
	    "%s: got \"%.40s\", expected a time such as \"2026-01-31 23:59:59\" (UTC), or Unix ms",
	    what, text);
}

enum rc
value_parse_address(struct address *out, const char *text, struct err *e)
{
	enum rc rc = address_parse(out, NULL, slice_of(text), e);

	return rc == RC_OK ? rc : err_prefix(e, "%.60s", text);
}

enum rc
value_parse_span(
    int64_t *out_ms, const char *what, const char *text, struct err *e)
{
	const char *end;
	int64_t n;
	size_t i;

	*out_ms = 0;
	n = digits_read(text, &end);
	for (i = 0; n >= 0 && i < TEXT_UNITS; i++) {
		if (strcmp(end, text_units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(n, text_units[i].ms, out_ms) ||
		    *out_ms > JSON_INT_MAX)
			break;
		return RC_OK;
	}
	*out_ms = 0;
	return err_set(e, RC_INVALID,
	    "%s: got \"%.80s\", expected a whole number with its unit (ms, s, m, h or d), such as 30s",
	    what, text);
}

static bool
is_ascii(const char *text)
{
	while (*text != '\0' && (unsigned char)*text < 0x80)
		text++;
	return *text == '\0';
}

enum rc
value_take_url(char url[static URL_MAX + 1], bool allow_private, struct err *e)
{
	char ascii[HTTP_URL_MAX + 1], filled[URL_MAX + 1];
	enum rc rc;

	if (!task_url_fill(filled, url, task_token_sample))
		return err_set(e, RC_INVALID,
		    "URL: with a token it is longer than %d bytes", URL_MAX);
	rc = http_url_ascii(
	    ascii, filled, allow_private ? target_is_any : target_is_public, e);
	if (rc != RC_OK || is_ascii(url))
		return rc;
	if (strstr(url, TASK_TOKEN_MARK) != NULL)
		return err_set(e, RC_INVALID,
		    "URL: one with " TASK_TOKEN_MARK " must be in ASCII");
	if (strlen(ascii) > URL_MAX)
		return err_set(e, RC_INVALID,
		    "URL in ASCII: got %zu bytes, expected %d at most",
		    strlen(ascii), URL_MAX);
	(void)snprintf(url, URL_MAX + 1, "%s", ascii);
	return RC_OK;
}

void
value_format_span(char out[static VALUE_TEXT_MAX], int64_t ms)
{
	size_t i;

	for (i = 0; i < TEXT_UNITS - 1; i++)
		if (ms != 0 && ms % text_units[i].ms == 0)
			break;
	if (ms == 0)
		i = TEXT_UNITS - 2; /* 0s */
	(void)snprintf(out, VALUE_TEXT_MAX, "%" PRId64 "%s",
	    ms / text_units[i].ms, text_units[i].name);
}

void
value_format_usdc(char out[static VALUE_TEXT_MAX], int64_t micros)
{
	/* Unsigned, so that INT64_MIN has an opposite. */
	uint64_t n = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;

	(void)snprintf(out, VALUE_TEXT_MAX, "%s%" PRIu64 ".%06" PRIu64,
	    micros < 0 ? "-" : "", n / MICROS, n % MICROS);
}

void
value_format_time(char out[static VALUE_TEXT_MAX], int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (ms < 0 || gmtime_r(&seconds, &tm) == NULL ||
	    strftime(out, VALUE_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void)snprintf(out, VALUE_TEXT_MAX, "-");
}
