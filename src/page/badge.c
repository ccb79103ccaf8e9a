/* A badge: an uptime figure as a small image, for somebody else's page. */
#include <stdio.h>

#include "page/frame.h"

#define BADGE_HEIGHT 20
#define BADGE_CHAR   7 /* px that a character takes at most, about */
#define BADGE_PAD    10

void
page_badge_of(struct page_badge *b, const struct profile *p, int64_t days)
{
	struct uptime_figures f;

	(void)snprintf(b->label, sizeof(b->label), "uptime %d d", (int)days);
	uptime_figures(&f, &p->report.all.time);
	uptime_headline(b->message, &f);
	b->is_known = f.availability != UPTIME_NO_FIGURE;
	/* Unknown is grey, and so is what was hardly looked at. */
	if (!b->is_known || f.coverage < UPTIME_PPM / 2)
		b->color = "lightgrey";
	else if (p->state == PROFILE_DOWN || f.availability < 950000)
		b->color = "red";
	else if (f.availability < 995000)
		b->color = "orange";
	else
		b->color = "brightgreen";
}

/* White on them is read at 4.5:1 or better. */
static const char *
fill_of(const char *color)
{
	switch (color[0]) {
	case 'b':
		return "#116329";
	case 'o':
		return "#8a4600";
	case 'r':
		return "#a40e26";
	default:
		return "#57606a";
	}
}

static void
number_attribute(struct html *h, const char *name, size_t n)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%zu", n);
	html_attribute(h, name, text);
}

static void
half(struct html *h, size_t x, size_t width, const char *fill, const char *text)
{
	html_open(h, "rect", NULL);
	number_attribute(h, "x", x);
	number_attribute(h, "width", width);
	number_attribute(h, "height", BADGE_HEIGHT);
	html_attribute(h, "fill", fill);
	html_close(h);
	html_open(h, "text", NULL);
	number_attribute(h, "x", x + width / 2);
	number_attribute(h, "y", 14);
	html_attribute(h, "fill", "#fff");
	html_attribute(h, "text-anchor", "middle");
	html_text(h, text);
	html_close(h);
}

void
page_badge(struct buf *out, const struct page_badge *b)
{
	size_t left = BADGE_CHAR * slice_of(b->label).len + BADGE_PAD,
	       right = BADGE_CHAR * slice_of(b->message).len + BADGE_PAD;
	char title[sizeof(b->label) + sizeof(b->message) + 2];
	struct html h;

	(void)snprintf(title, sizeof(title), "%s: %s", b->label, b->message);
	html_begin_xml(&h, out);
	html_open(&h, "svg", NULL);
	html_attribute(&h, "xmlns", "http://www.w3.org/2000/svg");
	number_attribute(&h, "width", left + right);
	number_attribute(&h, "height", BADGE_HEIGHT);
	html_attribute(&h, "role", "img");
	html_attribute(&h, "aria-label", title);
	html_attribute(&h, "font-family", "Verdana, DejaVu Sans, sans-serif");
	html_attribute(&h, "font-size", "11");
	html_element(&h, "title", NULL, title);
	half(&h, 0, left, "#24292f", b->label);
	half(&h, left, right, fill_of(b->color), b->message);
	html_close(&h);
}
