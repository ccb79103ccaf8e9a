/* Maintenance as a calendar (RFC 5545). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "page/frame.h"

#define LINE_BYTES_MAX 75 /* of a line; a longer one is folded */

static void
stamp_add(struct buf *out, const char *name, int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	char text[32];
	struct tm tm;

	if (gmtime_r(&s, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &tm) == 0)
		(void)snprintf(text, sizeof(text), "19700101T000000Z");
	buf_printf(out, "%s:%s\r\n", name, text);
}

/*
 * A property of text: escaped, and folded between characters. What can't be
 * seen, an end of a line above all, becomes a blank.
 */
static void
text_add(struct buf *out, const char *name, const char *text)
{
	size_t column = strlen(name) + 1, len = strlen(text), i, n;
	bool utf8 = utf8_is_text(text, len);
	unsigned char c;

	buf_printf(out, "%s:", name);
	for (i = 0; i < len; i += n) {
		c = (unsigned char)text[i];
		for (n = 1; utf8 && i + n < len &&
		     ((unsigned char)text[i + n] & 0xc0) == 0x80;)
			n++;
		if (column + n + 1 > LINE_BYTES_MAX) {
			buf_add_text(out, "\r\n ");
			column = 1;
		}
		if (c < 0x20 || c == 0x7f || (!utf8 && c >= 0x80)) {
			buf_add_text(out, " ");
		} else {
			if (strchr("\\;,", (char)c) != NULL) {
				buf_add_text(out, "\\");
				column++;
			}
			buf_add(out, text + i, n);
		}
		column += n;
	}
	buf_add_text(out, "\r\n");
}

static void
event_add(struct buf *out, const struct page_site *site,
    const struct profile_announced *a)
{
	const char *host = strstr(site->origin, "://");
	char text[PROFILE_WHY_MAX + TASK_ID_MAX + 24];

	buf_add_text(out, "BEGIN:VEVENT\r\n");
	(void)snprintf(text, sizeof(text), "maintenance-%" PRId64 "@%.100s",
	    a->id, host == NULL ? "worknet.invalid" : host + 3);
	text_add(out, "UID", text);
	stamp_add(out, "DTSTAMP", a->noted_ms);
	stamp_add(out, "DTSTART", a->from_ms);
	stamp_add(out, "DTEND", a->to_ms);
	(void)snprintf(text, sizeof(text), "%s: maintenance", a->task);
	text_add(out, "SUMMARY", text);
	text_add(out, "DESCRIPTION", a->why);
	buf_add_text(out, "END:VEVENT\r\n");
}

void
page_calendar(struct buf *out, const struct page_site *site,
    const struct profile_announced *all, size_t n)
{
	size_t i;

	buf_add_text(out,
	    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
	    "PRODID:-//worknet//maintenance//EN\r\n");
	for (i = 0; i < n; i++)
		event_add(out, site, &all[i]);
	buf_add_text(out, "END:VCALENDAR\r\n");
}
