#include "page/chart.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define HOUR_WIDTH 4
#define HEIGHT	   1000 /* in units of the image, which is stretched */
#define TEXT_MAX   (REGION_MAX + 200)

/* What is drawn of an hour. */
struct line {
	const char *cls;
	const char *word;
	size_t offset;
};

static const struct line lines[] = {
	{ "line-p95", "95 of 100 answers took no longer",
	    offsetof(struct response_times, p95_ms) },
	{ "line-p50", "half of the answers took no longer",
	    offsetof(struct response_times, p50_ms) },
};

#define LINES (sizeof(lines) / sizeof(lines[0]))

static int64_t
value_of(const struct line *l, const struct response_hour *hour)
{
	int64_t ms;

	memcpy(&ms, (const char *)&hour->times + l->offset, sizeof(ms));
	return ms;
}

/* The next of 10, 20, 50, 100, ... ms. */
static int64_t
top_of(int64_t ms)
{
	static const int64_t steps[] = { 10, 20, 50 };
	int64_t ten = 1;
	size_t i;

	for (;; ten *= 10)
		for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			if (ms <= steps[i] * ten || ten >= JSON_INT_MAX / 1000)
				return steps[i] * ten;
}

/* A region's hours: the least and the greatest of each line, and of all. */
struct range {
	int64_t least[LINES], most[LINES], max, results;
};

static void
range_of(struct range *g, const struct responses *r, const char *region)
{
	const struct response_hour *hour;
	int64_t ms;
	size_t i, k;

	*g = (struct range){ .results = 0 };
	for (k = 0; k < LINES; k++)
		g->least[k] = INT64_MAX;
	for (i = 0; i < r->n; i++) {
		hour = &r->hours[i];
		if (strcmp(hour->region, region) != 0)
			continue;
		g->results += hour->times.results;
		if (hour->times.max_ms > g->max)
			g->max = hour->times.max_ms;
		for (k = 0; k < LINES; k++) {
			ms = value_of(&lines[k], hour);
			if (ms < g->least[k])
				g->least[k] = ms;
			if (ms > g->most[k])
				g->most[k] = ms;
		}
	}
}

/* Each hour is level; hours that aren't there are gaps. */
static void
path_of(struct buf *out, const struct line *l, const struct responses *r,
    const char *region, int64_t from_ms, int64_t top)
{
	const struct response_hour *hour;
	int64_t at = -1, x, y;
	size_t i;

	for (i = 0; i < r->n; i++) {
		hour = &r->hours[i];
		if (strcmp(hour->region, region) != 0)
			continue;
		x = HOUR_WIDTH * ((hour->hour_ms - from_ms) / HOUR_MS);
		y = HEIGHT - value_of(l, hour) * HEIGHT / top;
		if (x == at)
			buf_printf(out, "V%" PRId64 "h%d", y, HOUR_WIDTH);
		else
			buf_printf(out, "M%" PRId64 " %" PRId64 "h%d", x, y,
			    HOUR_WIDTH);
		at = x + HOUR_WIDTH;
	}
}

static void
image(struct html *h, const struct responses *r, const char *region,
    int64_t from_ms)
{
	char text[TEXT_MAX];
	struct range g;
	struct buf path;
	int64_t top;
	size_t k;

	range_of(&g, r, region);
	top = top_of(g.most[0]);
	html_open(h, "p", NULL);
	(void)snprintf(text, sizeof(text),
	    "By the hour, half of the answers came within %" PRId64
	    " to %" PRId64 " ms, 95 of 100 within %" PRId64 " to %" PRId64
	    " ms; the longest took %" PRId64 " ms. These are %" PRId64
	    " answers of %d days, from %s.",
	    g.least[1], g.most[1], g.least[0], g.most[0], g.max, g.results,
	    PAGE_RESPONSES_DAYS, region[0] == '\0' ? "any region" : region);
	html_text(h, text);
	html_close(h);
	html_open(h, "svg", "chart");
	html_attribute(h, "xmlns", "http://www.w3.org/2000/svg");
	(void)snprintf(text, sizeof(text), "0 0 %d %d",
	    HOUR_WIDTH * PAGE_RESPONSES_DAYS * 24, HEIGHT);
	html_attribute(h, "viewBox", text);
	html_attribute(h, "preserveAspectRatio", "none");
	html_attribute(h, "role", "img");
	html_attribute(
	    h, "aria-label", "Response times, as the text above says");
	for (k = 0; k < LINES; k++) {
		buf_init(&path, 40 * r->n + 1);
		path_of(&path, &lines[k], r, region, from_ms, top);
		html_open(h, "path", lines[k].cls);
		html_attribute(h, "d", path.p == NULL ? "" : path.p);
		html_close(h);
		buf_free(&path);
	}
	html_close(h);
	(void)snprintf(
	    text, sizeof(text), "The image is of 0 to %" PRId64 " ms.", top);
	html_element(h, "p", "scale note", text);
}

/* An image for each region, where it comes first. */
static void
images(struct html *h, const struct responses *r, int64_t from_ms)
{
	size_t i, k;

	for (i = 0; i < r->n; i++) {
		for (k = 0; k < i; k++)
			if (strcmp(r->hours[k].region, r->hours[i].region) == 0)
				break;
		if (k == i)
			image(h, r, r->hours[i].region, from_ms);
	}
}

static void
legend(struct html *h)
{
	size_t k;

	html_open(h, "p", "legend note");
	for (k = LINES; k-- > 0;) {
		html_open(h, "span", "key");
		html_element(h, "span", lines[k].cls, "");
		html_text(h, lines[k].word);
		html_close(h);
	}
	html_close(h);
}

static void
cell_ms(struct html *h, int64_t ms)
{
	html_open(h, "td", "number");
	html_number(h, ms);
	html_text(h, " ms");
	html_close(h);
}

/* The newest first. */
static void
table(struct html *h, const struct responses *r, int64_t since_ms)
{
	static const char *const titles[] = { "Hour", "From", "#Results",
		"#Half within", "#95 of 100 within", "#Longest", NULL };
	const struct response_hour *hour;
	size_t i;

	html_open(h, "details", NULL);
	html_element(h, "summary", NULL, "The last 24 hours as a table");
	frame_table(h, "Response times by the hour (UTC)", titles);
	for (i = r->n; i-- > 0;) {
		hour = &r->hours[i];
		if (hour->hour_ms < since_ms)
			break;
		html_open(h, "tr", NULL);
		frame_cell_time(h, hour->hour_ms);
		frame_cell(
		    h, hour->region[0] == '\0' ? "any region" : hour->region);
		frame_cell_number(h, hour->times.results);
		cell_ms(h, hour->times.p50_ms);
		cell_ms(h, hour->times.p95_ms);
		cell_ms(h, hour->times.max_ms);
		html_close(h);
	}
	frame_table_end(h);
	html_close(h);
}

void
chart_write(struct html *h, const struct page_site *site,
    const struct profile *p, const struct responses *r)
{
	int64_t to_ms = p->report.to_ms;
	char url[PREFIX_MAX + TASK_ID_MAX + 32];

	html_element(h, "h2", NULL, "Response time");
	if (r->n == 0) {
		html_element(h, "p", NULL, "None is known of the last 7 days.");
		return;
	}
	(void)snprintf(
	    url, sizeof(url), "%s/v1/task/%s/responses", site->api, p->name);
	html_open(h, "div", NULL);
	html_attribute(h, "id", "responses");
	html_attribute(h, "data-from", url);
	frame_part(h, "images");
	images(h, r, to_ms - PAGE_RESPONSES_DAYS * DAY_MS);
	html_close(h);
	html_close(h);
	legend(h);
	frame_part(h, "hours");
	table(h, r, to_ms - DAY_MS);
	html_close(h);
	html_element(h, "p", "note",
	    "Of the results that counted and say up, of the cycles that began in each hour (UTC). An hour's percentiles can't be made into a day's.");
	/* What draws the same: its style, too, is of no use before. */
	html_open(h, "link", NULL);
	html_attribute(h, "rel", "stylesheet");
	html_attribute(h, "href", "/uplot.css");
	html_close(h);
	frame_script(h, "/uplot.js");
}
