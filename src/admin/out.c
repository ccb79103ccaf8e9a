#include "admin/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "admin/value.h"
#include "base/terminal.h"
#include "eth/address.h"
#include "json/json.h"

#define TEXT_MAX    (64UL * 1024 * 1024) /* bytes not yet written */
#define FLUSH_AT    (64UL * 1024)
#define CELL_MAX    70	/* characters, but for the last column */
#define BATCH_ROWS  200 /* that are aligned with each other */
#define LABEL_WIDTH 18
#define LINE_LEN    3000 /* bytes; two paths fit */

struct out {
	FILE *f; /* borrowed */
	bool json;
	bool colour;
	struct json_writer *w; /* owned; JSON only */
	struct buf text;       /* not yet written */

	/* The open table. */
	const struct out_column *columns;
	size_t columns_n;
	size_t widths[OUT_COLUMNS_MAX];
	struct buf cells; /* NUL after each; people */
	size_t shown;	  /* columns from the left; others have no room */
	size_t rows;	  /* in cells */
	size_t fit;	  /* characters in a line; 0: any number */
	int64_t rows_total;
	bool any; /* something was written */
};

enum rc
out_new(struct out **o, FILE *f, bool json, struct err *e)
{
	enum rc rc = RC_OK;

	*o = calloc(1, sizeof(**o));
	if (*o == NULL)
		return err_set(e, RC_NO_MEMORY, "output: no memory");
	(*o)->f = f;
	(*o)->json = json;
	buf_init(&(*o)->text, TEXT_MAX);
	buf_init(&(*o)->cells, TEXT_MAX);
	if (json)
		rc = json_writer_new(&(*o)->w, &(*o)->text, true, e);
	if (rc != RC_OK) {
		out_free(*o);
		*o = NULL;
		return rc;
	}
	if (json)
		json_open_object((*o)->w);
	return RC_OK;
}

void
out_free(struct out *o)
{
	if (o == NULL)
		return;
	json_writer_free(o->w);
	buf_free(&o->text);
	buf_free(&o->cells);
	free(o);
}

/* Writes out what has gathered; a failure shows at the end. */
static void
flush_if_long(struct out *o)
{
	if (o->text.len < FLUSH_AT || o->text.failed)
		return;
	(void)fwrite(o->text.p, 1, o->text.len, o->f);
	buf_reset(&o->text);
}

/* Characters of UTF-8 text, as a terminal counts most of them. */
static size_t
text_width(const char *p, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += ((unsigned char)p[i] & 0xc0) != 0x80;
	return n;
}

/*
 * Text of others, fit for a terminal: what could steer it is a '?'. That is
 * ASCII's controls, and U+0080 to U+009F, which begin with 0xc2 in UTF-8.
 */
static void
add_printable(struct buf *b, struct slice s, size_t width_max)
{
	size_t i, width = 0;
	unsigned char c;

	for (i = 0; i < s.len; i++) {
		c = (unsigned char)s.p[i];
		width += (c & 0xc0) != 0x80;
		if (width > width_max) {
			buf_add_text(b, "...");
			return;
		}
		if (c == 0xc2 && i + 1 < s.len &&
		    (unsigned char)s.p[i + 1] < 0xa0) {
			buf_add_text(b, "?");
			i++;
		} else
			buf_add(b, c < 0x20 || c == 0x7f ? "?" : &s.p[i], 1);
	}
}

/*
 * An address as people compare it, made in out; a text that isn't one, such as
 * "everybody", is itself.
 */
static struct slice
address_text(char out[static ADDRESS_LEN + 1], struct slice text)
{
	struct address address;

	if (address_parse(&address, NULL, text, NULL) != RC_OK)
		return text;
	address_format(out, &address, ADDRESS_CHECKSUM);
	return slice_of(out);
}

static void
add_value(struct buf *b, enum out_type type, const struct out_value *v,
    size_t width_max)
{
	char text[VALUE_TEXT_MAX], address[ADDRESS_LEN + 1];

	if (v->absent || (out_is_text(type) && v->text.len == 0)) {
		buf_add_text(b, "-");
		return;
	}
	switch (type) {
	case OUT_TEXT:
	case OUT_BAD:
		add_printable(b, v->text, width_max);
		return;
	case OUT_ADDRESS:
		add_printable(b, address_text(address, v->text), width_max);
		return;
	case OUT_COUNT:
		buf_printf(b, "%lld", (long long)v->n);
		return;
	case OUT_BOOL:
	case OUT_GOOD:
		buf_add_text(b, v->n != 0 ? "yes" : "no");
		return;
	case OUT_USDC:
		value_format_usdc(text, v->n);
		break;
	case OUT_TIME:
		value_format_time(text, v->n);
		break;
	case OUT_SPAN:
		value_format_span(text, v->n);
		break;
	}
	buf_add_text(b, text);
}

static void
add_member(struct out *o, const char *key, enum out_type type,
    const struct out_value *v)
{
	char address[ADDRESS_LEN + 1];

	json_key(o->w, key);
	if (v->absent)
		json_null(o->w);
	else if (type == OUT_ADDRESS)
		json_slice(o->w, address_text(address, v->text));
	else if (out_is_text(type))
		json_slice(o->w, v->text);
	else if (type == OUT_BOOL || type == OUT_GOOD)
		json_bool(o->w, v->n != 0);
	else
		json_number(o->w, v->n);
}

/* "title:" and spaces up to where the values stand. */
static void
add_title(struct out *o, const char *title)
{
	int pad = LABEL_WIDTH - (int)text_width(title, strlen(title));

	buf_printf(&o->text, "%s:%*s", title, pad < 1 ? 1 : pad, "");
}

/* ---- A terminal's width ---- */

#define CELL_LEAST 12 /* characters that are left of a cell, with its ".." */
#define LAST_LEAST 24 /* of a last column that goes on in the next line */
#define SHORT_HEAD 6  /* of "0x24c4..4680" */
#define SHORT_TAIL 4
#define SHORT_LEN  (SHORT_HEAD + 2 + SHORT_TAIL)
#define HEX_LEAST  40 /* digits of what is shortened so */

void
out_fit(struct out *o, size_t width)
{
	o->fit = width;
}

void
out_colour(struct out *o, bool colour)
{
	o->colour = colour && !o->json;
}

/* What is written from now on, if colours are; it ends with the line. */
static void
begin_colour(struct out *o, const char *colour)
{
	if (o->colour)
		buf_add_text(&o->text, colour);
}

/* The line that was just written, and its end. */
static void
end_colour(struct out *o)
{
	bool line = o->text.len > 0 && o->text.p[o->text.len - 1] == '\n';

	if (!o->colour || o->text.failed)
		return;
	o->text.len -= line;
	buf_add_text(&o->text, line ? TERMINAL_PLAIN "\n" : TERMINAL_PLAIN);
}

/* NULL: as all others. */
static const char *
cell_colour(enum out_type type, const char *cell)
{
	if (type == OUT_BAD)
		return TERMINAL_RED;
	if (type != OUT_GOOD)
		return NULL;
	return strcmp(cell, "yes") == 0 ? TERMINAL_GREEN : TERMINAL_RED;
}

/* "0x" and so many digits that nobody reads all of them. */
static bool
is_hex(const char *cell)
{
	size_t digits;

	if (cell[0] != '0' || cell[1] != 'x')
		return false;
	digits = strspn(cell + 2, "0123456789abcdefABCDEF");
	return digits >= HEX_LEAST && cell[2 + digits] == '\0';
}

/* The bytes of the first n characters. */
static size_t
prefix_len(const char *p, size_t n)
{
	size_t i = 0;

	for (; p[i] != '\0'; i++)
		if (((unsigned char)p[i] & 0xc0) != 0x80 && n-- == 0)
			break;
	return i;
}

static size_t
line_width(const struct out *o)
{
	size_t i, total = 0;

	for (i = 0; i < o->shown; i++)
		if (o->columns[i].title != NULL)
			total += o->widths[i] + 2;
	return total - 2;
}

/* The widest column that can still be narrowed; columns_n: none. */
static size_t
widest_column(const struct out *o)
{
	size_t i, last = o->columns_n - 1, widest = o->columns_n;

	for (i = 0; i < o->columns_n; i++)
		if (o->columns[i].title != NULL &&
		    out_is_text(o->columns[i].type) &&
		    o->widths[i] > (i == last ? LAST_LEAST : CELL_LEAST) &&
		    (widest == o->columns_n ||
			o->widths[i] > o->widths[widest]))
			widest = i;
	return widest;
}

/* Where each cell that is that wide is an address or a hash. */
static void
hex_narrow(struct out *o)
{
	size_t widths[OUT_COLUMNS_MAX] = { 0 }, i, row, width;
	const char *cell = o->cells.p;

	for (row = 0; row < o->rows; row++)
		for (i = 0; i < o->columns_n; i++) {
			if (o->columns[i].title == NULL)
				continue;
			width = is_hex(cell) ? SHORT_LEN
					     : text_width(cell, strlen(cell));
			if (width > widths[i])
				widths[i] = width;
			cell += strlen(cell) + 1;
		}
	for (i = 0; i < o->columns_n; i++) {
		if (o->columns[i].title == NULL)
			continue;
		width = text_width(
		    o->columns[i].title, strlen(o->columns[i].title));
		o->widths[i] = widths[i] > width ? widths[i] : width;
	}
}

static void
table_fit(struct out *o)
{
	size_t i;

	if (o->fit == 0 || line_width(o) <= o->fit)
		return;
	hex_narrow(o);
	while (line_width(o) > o->fit && (i = widest_column(o)) < o->columns_n)
		o->widths[i]--;
	while (o->shown > 1 &&
	    (line_width(o) > o->fit || o->columns[o->shown - 1].title == NULL))
		o->shown--;
}

/* Text that goes on, `indent` characters in, where a line is full. */
static void
add_folded(struct out *o, const char *text, size_t used, size_t indent)
{
	size_t room, n, cut;

	for (;;) {
		room = o->fit > used ? o->fit - used : 1;
		n = prefix_len(text, room);
		if (o->fit == 0 || text[n] == '\0')
			break;
		for (cut = n; cut > 0 && text[cut] != ' '; cut--)
			;
		if (cut == 0)
			cut = n;
		buf_add(&o->text, text, cut);
		text += cut + strspn(text + cut, " ");
		buf_printf(&o->text, "\n%*s", (int)indent, "");
		used = indent;
	}
	buf_add_text(&o->text, text);
	buf_add_text(&o->text, "\n");
}

/* Behind its title; where it has no room there, whole, on a line of its own. */
static void
add_field_value(struct out *o, const char *value)
{
	size_t width = text_width(value, strlen(value));

	if (o->fit == 0 || LABEL_WIDTH + 1 + width <= o->fit)
		buf_printf(&o->text, "%s\n", value);
	else if (strchr(value, ' ') != NULL)
		add_folded(o, value, LABEL_WIDTH + 1, LABEL_WIDTH + 1);
	else {
		while (!o->text.failed && o->text.p[o->text.len - 1] == ' ')
			o->text.len--;
		buf_printf(&o->text, "\n  %s\n", value);
	}
}

void
out_field(struct out *o, const char *key, const char *title, enum out_type type,
    struct out_value value)
{
	o->any = true;
	if (o->json) {
		add_member(o, key, type, &value);
		return;
	}
	if (title == NULL)
		return;
	add_title(o, title);
	/* No table is open. */
	buf_reset(&o->cells);
	add_value(&o->cells, type, &value, SIZE_MAX);
	if (type == OUT_USDC && !value.absent)
		buf_add_text(&o->cells, " USDC");
	if (!o->cells.failed)
		add_field_value(o, o->cells.p);
	buf_reset(&o->cells);
}

void
out_fields(struct out *o, const struct out_field *f)
{
	for (; f->key != NULL; f++)
		out_field(o, f->key, f->title, f->type, f->value);
}

/* The columns that had no room. */
static void
add_hidden(struct out *o)
{
	char names[LINE_LEN] = "no room for";
	size_t i, len = strlen(names);

	for (i = o->shown; i < o->columns_n && len < sizeof(names); i++)
		if (o->columns[i].title != NULL)
			len += (size_t)snprintf(names + len,
			    sizeof(names) - len, " %s,", o->columns[i].title);
	if (o->shown == o->columns_n)
		return;
	buf_add_text(&o->text, "\n");
	if (len + 40 < sizeof(names))
		(void)snprintf(names + len - 1, sizeof(names) - len + 1,
		    ": --wide shows all columns");
	add_folded(o, names, 0, 2);
}

/* The cell as wide as its column has room for. */
static void
add_cut(struct out *o, const char *cell, size_t width)
{
	if (text_width(cell, strlen(cell)) <= width)
		buf_add_text(&o->text, cell);
	else if (is_hex(cell) && width >= SHORT_LEN)
		buf_printf(&o->text, "%.*s..%s", SHORT_HEAD, cell,
		    cell + strlen(cell) - SHORT_TAIL);
	else
		buf_printf(
		    &o->text, "%.*s..", (int)prefix_len(cell, width - 2), cell);
}

void
out_table(struct out *o, const char *key, const char *heading,
    const struct out_column *columns, size_t n)
{
	size_t i;

	CHECK(n <= OUT_COLUMNS_MAX);
	o->columns = columns;
	o->columns_n = n;
	o->shown = n;
	o->rows = 0;
	o->rows_total = 0;
	buf_reset(&o->cells);
	if (o->json) {
		json_key(o->w, key);
		json_open_array(o->w);
		return;
	}
	for (i = 0; i < n; i++)
		o->widths[i] = columns[i].title == NULL
		    ? 0
		    : text_width(columns[i].title, strlen(columns[i].title));
	if (heading != NULL) {
		buf_add_text(&o->text, o->any ? "\n" : "");
		begin_colour(o, TERMINAL_BOLD);
		add_folded(o, heading, 0, 2);
		end_colour(o);
	}
	o->any = true;
}

static bool
is_right_aligned(enum out_type type)
{
	return type == OUT_COUNT || type == OUT_USDC || type == OUT_SPAN;
}

/* A cell in its column; the last one isn't padded. */
static void
add_cell(struct out *o, size_t column, const char *cell)
{
	size_t width = text_width(cell, strlen(cell)), i, indent = 0;
	bool right = is_right_aligned(o->columns[column].type);
	int pad;

	if (column + 1 == o->columns_n && o->shown == o->columns_n && !right) {
		for (i = 0; i < column; i++)
			if (o->columns[i].title != NULL)
				indent += o->widths[i] + 2;
		if (is_hex(cell) && width > o->widths[column])
			add_cut(o, cell, o->widths[column]);
		else {
			add_folded(o, cell, indent, indent);
			return;
		}
		buf_add_text(&o->text, "\n");
		return;
	}
	if (is_hex(cell) && width > o->widths[column])
		width = SHORT_LEN;
	pad = width < o->widths[column] ? (int)(o->widths[column] - width) : 0;
	if (right)
		buf_printf(&o->text, "%*s", pad, "");
	add_cut(o, cell, o->widths[column]);
	if (column + 1 == o->shown) {
		buf_add_text(&o->text, "\n");
		return;
	}
	if (!right)
		buf_printf(&o->text, "%*s", pad, "");
	buf_add_text(&o->text, "  ");
}

static void
add_coloured(struct out *o, size_t column, const char *cell)
{
	const char *colour = cell_colour(o->columns[column].type, cell);

	if (colour != NULL)
		begin_colour(o, colour);
	add_cell(o, column, cell);
	if (colour != NULL)
		end_colour(o);
}

/* Writes the rows that were gathered; the first time after the titles. */
static void
table_write(struct out *o)
{
	const char *cell = o->cells.p;
	size_t i, row;

	if (o->rows == 0 || o->cells.failed)
		return;
	table_fit(o);
	if (o->rows_total == (int64_t)o->rows) {
		begin_colour(o, TERMINAL_BOLD);
		for (i = 0; i < o->shown; i++)
			if (o->columns[i].title != NULL)
				add_cell(o, i, o->columns[i].title);
		end_colour(o);
	}
	for (row = 0; row < o->rows; row++)
		for (i = 0; i < o->columns_n; i++) {
			if (o->columns[i].title == NULL)
				continue;
			if (i < o->shown)
				add_coloured(o, i, cell);
			cell += strlen(cell) + 1;
		}
	o->rows = 0;
	buf_reset(&o->cells);
	flush_if_long(o);
}

static void
row_gather(struct out *o, const struct out_value *values)
{
	size_t i, start, width;

	for (i = 0; i < o->columns_n; i++) {
		if (o->columns[i].title == NULL)
			continue;
		start = o->cells.len;
		add_value(&o->cells, o->columns[i].type, &values[i],
		    i + 1 == o->columns_n ? SIZE_MAX : CELL_MAX);
		buf_add(&o->cells, "", 1);
		if (o->cells.failed)
			return;
		width =
		    text_width(o->cells.p + start, o->cells.len - start - 1);
		if (width > o->widths[i])
			o->widths[i] = width;
	}
	o->rows++;
	if (o->rows == BATCH_ROWS)
		table_write(o);
}

void
out_row(struct out *o, const struct out_value *values)
{
	size_t i;

	o->rows_total++;
	if (!o->json) {
		row_gather(o, values);
		return;
	}
	json_open_object(o->w);
	for (i = 0; i < o->columns_n; i++)
		add_member(
		    o, o->columns[i].key, o->columns[i].type, &values[i]);
	json_close_object(o->w);
	flush_if_long(o);
}

/* What amounts are in, unless a title says so. */
static void
add_unit(struct out *o)
{
	bool amounts = false;
	size_t i;

	for (i = 0; i < o->shown; i++)
		if (o->columns[i].type == OUT_USDC &&
		    o->columns[i].title != NULL) {
			if (strstr(o->columns[i].title, "USDC") != NULL)
				return;
			amounts = true;
		}
	if (amounts)
		buf_add_text(&o->text, "(amounts in USDC)\n");
}

void
out_table_end(struct out *o, const char *none)
{
	if (o->json) {
		json_close_array(o->w);
		return;
	}
	table_write(o);
	if (o->rows_total == 0)
		buf_printf(&o->text, "%s\n", none);
	else {
		add_unit(o);
		add_hidden(o);
	}
}

void
out_line(struct out *o, const char *title, const char *fmt, ...)
{
	char text[LINE_LEN];
	va_list ap;

	if (o->json)
		return;
	o->any = true;
	add_title(o, title);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_field_value(o, text);
}

void
out_note(struct out *o, const char *fmt, ...)
{
	char text[LINE_LEN];
	va_list ap;

	if (o->json)
		return;
	o->any = true;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_folded(o, text, 0, 2);
}

enum rc
out_end(struct out *o, struct err *e)
{
	enum rc rc;

	if (o->json) {
		json_close_object(o->w);
		/* Indented, yajl ends the document with a newline itself. */
		if (o->text.len == 0 || o->text.p[o->text.len - 1] != '\n')
			buf_add_text(&o->text, "\n");
	}
	rc = buf_status(&o->text, e);
	if (rc == RC_OK)
		rc = buf_status(&o->cells, e);
	if (rc != RC_OK)
		return rc;
	if (o->text.len > 0)
		(void)fwrite(o->text.p, 1, o->text.len, o->f);
	if (fflush(o->f) != 0 || ferror(o->f))
		return err_set(
		    e, RC_IO, "standard output: %s", strerror(errno));
	return RC_OK;
}
