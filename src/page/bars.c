#include "page/bars.h"

#include <stdio.h>
#include <string.h>

#define BAR_STEP   6 /* from one bar to the next, and how wide and high */
#define BAR_WIDTH  4
#define BAR_HEIGHT 32

static const struct kind {
	char letter;
	const char *cls;
	const char *word;
	int high;
} kinds[] = {
	{ 'u', "bar-u", "up", BAR_HEIGHT },
	{ 'd', "bar-d", "with a confirmed outage", BAR_HEIGHT },
	{ 's', "bar-s", "down or disputed, unconfirmed", BAR_HEIGHT * 3 / 4 },
	{ 'm', "bar-m", "maintenance", BAR_HEIGHT / 2 },
	{ '?', "bar-q", "mostly unknown", BAR_HEIGHT / 2 },
	{ 'p', "bar-p", "paused or not there yet", BAR_HEIGHT / 2 },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/*
 * The path of a kind's bars: a line for each run of days, which the stylesheet
 * makes as wide as bars are high, and dashes, so that many days take few bytes.
 * A day that is well is told by its height, too: others are shorter.
 */
static void
path_of(struct buf *out, const char *days, const struct kind *kind)
{
	size_t i, from;

	for (i = 0; days[i] != '\0'; i++) {
		if (days[i] != kind->letter)
			continue;
		for (from = i; days[i + 1] == kind->letter; i++)
			continue;
		buf_printf(out, "M%zu %dh%zu", BAR_STEP * from,
		    BAR_HEIGHT - kind->high / 2,
		    BAR_STEP * (i - from) + BAR_WIDTH);
	}
}

/* "90 days: 87 up, 2 with a confirmed outage, ..." */
static void
words_of(char *out, size_t size, const char *days)
{
	size_t i, k, n, len, counted = 0;

	len = (size_t)snprintf(out, size, "%zu days:", strlen(days));
	for (k = 0; k < KINDS; k++) {
		for (n = 0, i = 0; days[i] != '\0'; i++)
			n += days[i] == kinds[k].letter;
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
bars_write(struct html *h, const char *days)
{
	const size_t n = strlen(days);
	char words[300], box[64];
	struct buf path;
	size_t k;

	words_of(words, sizeof(words), days);
	(void)snprintf(box, sizeof(box), "0 0 %zu %d",
	    BAR_STEP * n - (BAR_STEP - BAR_WIDTH), BAR_HEIGHT);
	html_open(h, "svg", "bars");
	html_attribute(h, "xmlns", "http://www.w3.org/2000/svg");
	html_attribute(h, "viewBox", box);
	html_attribute(h, "preserveAspectRatio", "none");
	html_attribute(h, "role", "img");
	html_attribute(h, "aria-label", words);
	for (k = 0; k < KINDS; k++) {
		if (strchr(days, kinds[k].letter) == NULL)
			continue;
		buf_init(&path, 40 * n + 1);
		path_of(&path, days, &kinds[k]);
		html_open(h, "path", kinds[k].cls);
		html_attribute(h, "d", path.p == NULL ? "" : path.p);
		html_close(h);
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
