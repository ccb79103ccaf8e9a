#include "page/bars.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BAR_STEP   6 /* from one bar to the next, and how wide and high */
#define BAR_WIDTH  4
#define BAR_HEIGHT 32

static const struct kind {
	char letter;
	const char *cls;
	const char *word;
} kinds[] = {
	{ 'u', "bar-u", "up" },
	{ 'd', "bar-d", "with a confirmed outage" },
	{ 's', "bar-s", "down or disputed, unconfirmed" },
	{ 'm', "bar-m", "maintenance" },
	{ '?', "bar-q", "mostly unknown" },
	{ 'p', "bar-p", "paused or not there yet" },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* The path of a kind's bars, "" without any; n counts them. A day that is well
 * is told by its height, too: others are shorter or hollow. */
static void
path_of(struct buf *out, const struct uptime_report *r, char letter, size_t *n)
{
	int high = letter == 'u' || letter == 'd' ? BAR_HEIGHT
	    : letter == 's'			  ? BAR_HEIGHT * 3 / 4
						  : BAR_HEIGHT / 2;
	size_t i;

	*n = 0;
	for (i = 0; i < r->days_n; i++) {
		if (profile_day(&r->days[i]) != letter)
			continue;
		buf_printf(out, "M%zu %dh%dv%dh-%dz", BAR_STEP * i,
		    BAR_HEIGHT - high, BAR_WIDTH, high, BAR_WIDTH);
		++*n;
	}
}

/* "90 days: 87 up, 2 with a confirmed outage, ..." */
static void
words_of(char *out, size_t size, const struct uptime_report *r)
{
	size_t i, k, n, len, counted = 0;

	len = (size_t)snprintf(out, size, "%zu days:", r->days_n);
	for (k = 0; k < KINDS; k++) {
		for (n = 0, i = 0; i < r->days_n; i++)
			n += profile_day(&r->days[i]) == kinds[k].letter;
		if (n == 0 || len >= size)
			continue;
		len += (size_t)snprintf(out + len, size - len, "%s %zu %s",
		    counted++ > 0 ? "," : "", n, kinds[k].word);
	}
	if (counted == 0 && len < size)
		(void)snprintf(
		    out + len, size - len, " nothing is counted yet");
}

void
bars_write(struct html *h, const struct uptime_report *r)
{
	char words[300], box[64];
	struct buf path;
	size_t k, n;

	words_of(words, sizeof(words), r);
	(void)snprintf(box, sizeof(box), "0 0 %zu %d",
	    BAR_STEP * r->days_n - (BAR_STEP - BAR_WIDTH), BAR_HEIGHT);
	html_open(h, "svg", "bars");
	html_attribute(h, "xmlns", "http://www.w3.org/2000/svg");
	html_attribute(h, "viewBox", box);
	html_attribute(h, "preserveAspectRatio", "none");
	html_attribute(h, "role", "img");
	html_attribute(h, "aria-label", words);
	for (k = 0; k < KINDS; k++) {
		buf_init(&path, 40 * r->days_n + 1);
		path_of(&path, r, kinds[k].letter, &n);
		if (n > 0) {
			html_open(h, "path", kinds[k].cls);
			html_attribute(h, "d", path.p);
			html_close(h);
		}
		buf_free(&path);
	}
	html_close(h);
}

void
bars_legend(struct html *h)
{
	size_t k;

	html_open(h, "p", "legend note");
	html_text(h, "A bar is a day (UTC), the newest on the right: ");
	for (k = 0; k < KINDS; k++) {
		html_open(h, "span", "key");
		html_element(h, "span", kinds[k].cls, "");
		html_text(h, kinds[k].word);
		html_close(h);
	}
	html_close(h);
}
