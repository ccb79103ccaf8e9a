/* Incidents as an Atom feed (RFC 4287): one entry each, which moves as the
 * incident ends. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "page/frame.h"

static_assert(
    100 + PROFILE_NETWORKS_MAX * (ORIGIN_NAME_LEN + 1) < PAGE_SENTENCE_MAX,
    "a sentence has room for the networks that it names");

#define NAME_YEAR "2026" /* of tag URIs (RFC 4151): fixed, whatever the year */

/* The beginning of a tag URI: the host without its port, which has no place
 * there. */
static size_t
tag_begin(char out[static PAGE_ID_MAX], const struct page_site *site)
{
	const char *scheme = strstr(site->origin, "://"),
		   *host = scheme == NULL ? "worknet.invalid" : scheme + 3;

	return (size_t)snprintf(out, PAGE_ID_MAX, "tag:%.*s," NAME_YEAR ":",
	    (int)(strcspn(host, ":") < 200 ? strcspn(host, ":") : 200), host);
}

void
page_incident_id(char out[static PAGE_ID_MAX], const struct page_site *site,
    const struct profile_incident *i)
{
	size_t n = tag_begin(out, site);

	(void)snprintf(out + n, PAGE_ID_MAX - n, "incident/%s/%" PRId64,
	    i->task, i->from_ms);
}

void
page_incident_title(
    char out[static PAGE_SENTENCE_MAX], const struct profile_incident *i)
{
	(void)snprintf(out, PAGE_SENTENCE_MAX, "%s %s%s", i->task,
	    i->to_ms == INT64_MAX	       ? "is down"
		: i->ended == UPTIME_RECOVERED ? "was down"
					       : "was down, and then unknown",
	    i->names.planned ? " (announced)" : "");
}

void
page_incident_text(
    char out[static PAGE_SENTENCE_MAX], const struct profile_incident *i)
{
	size_t n = 0, k;

	if (i->to_ms == INT64_MAX)
		n = (size_t)snprintf(
		    out, PAGE_SENTENCE_MAX, "Since then it is down");
	else
		n = (size_t)snprintf(out, PAGE_SENTENCE_MAX,
		    "It lasted %" PRId64 " s", (i->to_ms - i->from_ms) / 1000);
	n += (size_t)snprintf(out + n, PAGE_SENTENCE_MAX - n,
	    ", confirmed by %zu networks:", i->networks_n);
	for (k = 0; k < i->names.n; k++)
		n += (size_t)snprintf(
		    out + n, PAGE_SENTENCE_MAX - n, " %s", i->names.names[k]);
}

static void
time_element(struct html *h, const char *name, int64_t ms)
{
	char text[HTML_TIME_MAX];

	html_time_text(text, ms);
	html_element(h, name, NULL, text);
}

static void
link_element(struct html *h, const char *rel, const char *href)
{
	html_open(h, "link", NULL);
	html_attribute(h, "rel", rel);
	html_attribute(h, "href", href);
	html_close(h);
}

/* When it was told last. */
static int64_t
changed_ms(const struct profile_incident *i)
{
	return i->to_ms == INT64_MAX ? i->from_ms : i->to_ms;
}

static void
entry(struct html *h, const struct page_site *site,
    const struct profile_incident *i)
{
	char id[PAGE_ID_MAX], text[PAGE_SENTENCE_MAX],
	    url[URL_MAX + TASK_ID_MAX + 8];

	html_open(h, "entry", NULL);
	page_incident_id(id, site, i);
	html_element(h, "id", NULL, id);
	page_incident_title(text, i);
	html_element(h, "title", NULL, text);
	time_element(h, "published", i->from_ms);
	time_element(h, "updated", changed_ms(i));
	(void)snprintf(url, sizeof(url), "%s/task/%s", site->origin, i->task);
	link_element(h, "alternate", url);
	page_incident_text(text, i);
	html_element(h, "summary", NULL, text);
	html_close(h);
}

void
page_feed(struct buf *out, const struct page_site *site, const char *task,
    const struct profile_incident *incidents, size_t n)
{
	char url[URL_MAX + TASK_ID_MAX + 32], title[TASK_ID_MAX + 32];
	char id[PAGE_ID_MAX];
	struct html h;
	int64_t newest_ms = 0;
	size_t i, begun = tag_begin(id, site);

	(void)snprintf(url, sizeof(url), "%s%s%s/feed.atom", site->origin,
	    task[0] != '\0' ? "/task/" : "", task);
	(void)snprintf(title, sizeof(title), "%s%sincidents", task,
	    task[0] != '\0' ? ": " : "");
	html_begin_xml(&h, out);
	html_open(&h, "feed", NULL);
	html_attribute(&h, "xmlns", "http://www.w3.org/2005/Atom");
	/* Without an origin the address is no name. */
	(void)snprintf(id + begun, PAGE_ID_MAX - begun, "incidents/%s", task);
	html_element(&h, "id", NULL, site->origin[0] == '\0' ? id : url);
	html_element(&h, "title", NULL, title);
	for (i = 0; i < n; i++)
		if (changed_ms(&incidents[i]) > newest_ms)
			newest_ms = changed_ms(&incidents[i]);
	time_element(&h, "updated", newest_ms);
	link_element(&h, "self", url);
	html_open(&h, "author", NULL);
	html_element(&h, "name", NULL, "worknet");
	html_close(&h);
	for (i = 0; i < n; i++)
		entry(&h, site, &incidents[i]);
	html_close(&h);
}
