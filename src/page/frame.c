#include "page/frame.h"

#include <stdio.h>

const char page_icon[] =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\">"
    "<path fill=\"#116329\" d=\"M1 3h3v10H1zM5 3h3v10H5zM13 3h3v10h-3z\"/>"
    "<path fill=\"#a40e26\" d=\"M9 3h3v10H9z\"/></svg>\n";

static void
head(struct html *h, const char *title, const struct frame_other *o)
{
	html_open(h, "head", NULL);
	html_open(h, "meta", NULL);
	html_attribute(h, "charset", "utf-8");
	html_close(h);
	html_open(h, "meta", NULL);
	html_attribute(h, "name", "viewport");
	html_attribute(h, "content", "width=device-width, initial-scale=1");
	html_close(h);
	html_open(h, "meta", NULL);
	html_attribute(h, "name", "color-scheme");
	html_attribute(h, "content", "light dark");
	html_close(h);
	html_element(h, "title", NULL, title);
	html_open(h, "link", NULL);
	html_attribute(h, "rel", "stylesheet");
	html_attribute(h, "href", "/style.css");
	html_close(h);
	html_open(h, "link", NULL);
	html_attribute(h, "rel", "icon");
	html_attribute(h, "href", "/icon.svg");
	html_close(h);
	for (; o->type != NULL; o++) {
		html_open(h, "link", NULL);
		html_attribute(h, "rel", "alternate");
		html_attribute(h, "type", o->type);
		html_attribute(h, "href", o->href);
		if (o->title != NULL)
			html_attribute(h, "title", o->title);
		html_close(h);
	}
	html_close(h);
}

void
frame_begin(
    struct html *h, struct buf *out, const char *title, const char *json)
{
	const struct frame_other others[] = {
		{ json[0] == '\0' ? NULL : "application/json", json, NULL },
		{ NULL, NULL, NULL },
	};

	frame_begin_with(h, out, title, others);
}

void
frame_begin_with(struct html *h, struct buf *out, const char *title,
    const struct frame_other *others)
{
	html_begin(h, out);
	html_open(h, "html", NULL);
	html_attribute(h, "lang", "en");
	head(h, title, others);
	html_open(h, "body", NULL);
	html_open(h, "header", NULL);
	html_open(h, "nav", NULL);
	html_attribute(h, "aria-label", "Pages");
	html_link(h, "/", "worknet");
	html_text(h, " ");
	html_link(h, "/join", "Join as a worker");
	html_text(h, " ");
	html_link(h, "/openapi.json", "API");
	html_close(h);
	html_close(h);
	html_open(h, "main", NULL);
	html_element(h, "h1", NULL, title);
}

void
frame_end(struct html *h, int64_t now_ms)
{
	html_close(h);
	html_open(h, "footer", NULL);
	html_attribute(h, "data-part", "end");
	html_open(h, "p", NULL);
	if (now_ms > 0) {
		html_text(h, "As of ");
		html_time(h, now_ms);
		html_text(h, ". ");
	}
	html_text(h,
	    "No cookies, and nothing from elsewhere. Nothing is written through the web but who asks to join.");
	html_close(h);
	while (h->depth > 0)
		html_close(h);
}

void
frame_part(struct html *h, const char *name)
{
	html_open(h, "div", NULL);
	html_attribute(h, "data-part", name);
}

void
frame_script(struct html *h, const char *src)
{
	html_open(h, "script", NULL);
	html_attribute(h, "src", src);
	html_attribute(h, "defer", "");
	html_close(h);
}

void
frame_table(struct html *h, const char *caption, const char *const *titles)
{
	html_open(h, "div", "wide");
	html_attribute(h, "role", "region");
	html_attribute(h, "aria-label", caption);
	html_attribute(h, "tabindex", "0");
	html_open(h, "table", NULL);
	html_element(h, "caption", NULL, caption);
	html_open(h, "thead", NULL);
	html_open(h, "tr", NULL);
	for (; *titles != NULL; titles++) {
		html_open(h, "th", **titles == '#' ? "number" : NULL);
		html_attribute(h, "scope", "col");
		html_text(h, *titles + (**titles == '#'));
		html_close(h);
	}
	html_close(h);
	html_close(h);
	html_open(h, "tbody", NULL);
}

void
frame_table_end(struct html *h)
{
	html_close(h);
	html_close(h);
	html_close(h);
}

void
frame_cell(struct html *h, const char *text)
{
	html_element(h, "td", NULL, text);
}

const char *
frame_origin(const struct page_site *site)
{
	return site->origin[0] == '\0' ? "https://THIS-HOST" : site->origin;
}

void
frame_cell_number(struct html *h, int64_t n)
{
	html_open(h, "td", "number");
	html_number(h, n);
	html_close(h);
}

void
frame_cell_time(struct html *h, int64_t ms)
{
	html_open(h, "td", NULL);
	html_time(h, ms);
	html_close(h);
}

void
frame_fact(struct html *h, const char *what)
{
	html_open(h, "div", NULL);
	html_element(h, "dt", NULL, what);
	html_open(h, "dd", NULL);
}

void
frame_fact_end(struct html *h)
{
	html_close(h);
	html_close(h);
}

void
frame_state(struct html *h, const char *element, enum profile_state s)
{
	static const struct {
		const char *cls;
		const char *text;
	} words[] = {
		[PROFILE_UP] = { "up", "\u2713 up" },
		[PROFILE_DOWN] = { "down", "\u2717 down" },
		[PROFILE_UNCONFIRMED] = { "down", "\u2717 down, unconfirmed" },
		[PROFILE_DISPUTED] = { "unknown", "? disputed" },
		[PROFILE_UNKNOWN] = { "unknown", "? unknown" },
		[PROFILE_MAINTENANCE] = { "paused", "\u2016 maintenance" },
		[PROFILE_PAUSED] = { "paused", "\u2016 paused" },
	};

	html_element(h, element, words[s].cls, words[s].text);
}

void
frame_figure(struct html *h, int64_t ppm)
{
	char text[UPTIME_TEXT_MAX];

	uptime_format(text, ppm);
	html_element(h, "td", "number", ppm == UPTIME_NO_FIGURE ? "-" : text);
}

void
frame_headline(struct html *h, const struct uptime_figures *f)
{
	char text[UPTIME_HEADLINE_MAX];

	uptime_headline(text, f);
	html_element(h, "td",
	    text[0] >= '0' && text[0] <= '9' ? "number" : "number words", text);
}

void
page_missing(struct buf *out, const struct page_site *site, const char *what)
{
	struct html h;

	(void)site;
	frame_begin(&h, out, "Not found", "");
	html_element(&h, "p", NULL, what);
	frame_end(&h, 0);
}

void
page_transaction_link(char out[static URL_MAX + TX_LEN + 1],
    const struct page_site *site, const struct statement_payout *p)
{
	size_t i;

	out[0] = '\0';
	for (i = 0; i < PAGE_EXPLORERS && p->tx[0] != '\0'; i++)
		if (site->explorers[i].chain_id == p->chain_id &&
		    site->explorers[i].url[0] != '\0')
			(void)snprintf(out, URL_MAX + TX_LEN + 1, "%s%s",
			    site->explorers[i].url, p->tx);
}
