#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
text_clean(char *out, size_t size, struct slice text)
{
	size_t i, len = 0;
	char c;

	CHECK(size > 0);
	for (i = 0; i < text.len && len + 1 < size; i++) {
		c = text.p[i];
		if (c == ' ' || (c >= '\t' && c <= '\r')) {
			if (len > 0 && out[len - 1] != ' ')
				out[len++] = ' ';
		} else {
			out[len++] = c > ' ' && c <= '~' ? c : '?';
		}
	}
	if (len > 0 && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
}

static int
least(int a, int b)
{
	return a < b ? a : b;
}

/*
 * How many letters were put in, left out, changed, or taken for their
 * neighbour, to make b of a.
 */
static int
distance(const char *a, const char *b)
{
	int d[TEXT_WORD_MAX + 1][TEXT_WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b), i, k;

	if (n > TEXT_WORD_MAX || m > TEXT_WORD_MAX)
		return TEXT_WORD_MAX;
	for (i = 0; i <= n; i++)
		d[i][0] = (int)i;
	for (k = 0; k <= m; k++)
		d[0][k] = (int)k;
	for (i = 1; i <= n; i++)
		for (k = 1; k <= m; k++) {
			d[i][k] = least(d[i - 1][k], d[i][k - 1]) + 1;
			d[i][k] = least(
			    d[i][k], d[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] &&
			    a[i - 2] == b[k - 1])
				d[i][k] = least(d[i][k], d[i - 2][k - 2] + 1);
		}
	return d[n][m];
}

bool
text_is_near(const char *typed, const char *meant)
{
	int d = distance(typed, meant);

	return d <= 2 && d * 3 <= (int)strlen(meant);
}

const struct text_unit text_units[TEXT_UNITS] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

void
text_age(char out[static TEXT_AGE_MAX], int64_t ms)
{
	size_t i = 0, seconds = TEXT_UNITS - 2;
	int64_t rest;

	if (ms < 0)
		ms = 0;
	while (i < seconds && ms < text_units[i].ms)
		i++;
	rest = ms % text_units[i].ms;
	if (i == seconds || rest < text_units[i + 1].ms)
		(void)snprintf(out, TEXT_AGE_MAX, "%" PRId64 "%s",
		    ms / text_units[i].ms, text_units[i].name);
	else
		(void)snprintf(out, TEXT_AGE_MAX, "%" PRId64 "%s %" PRId64 "%s",
		    ms / text_units[i].ms, text_units[i].name,
		    rest / text_units[i + 1].ms, text_units[i + 1].name);
}
