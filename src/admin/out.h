/*
 * What a command says, written once for both readers: people get lines and
 * aligned tables, with amounts in USDC and times as UTC text; programs get
 * one JSON object, with amounts in micro-USDC and times in ms. Tables are
 * written as they grow, however long. An address is written one way, with its
 * checksum. One thread.
 */
#ifndef WORKNET_ADMIN_OUT_H
#define WORKNET_ADMIN_OUT_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

#define OUT_COLUMNS_MAX 13

enum out_type {
	OUT_TEXT,
	OUT_ADDRESS, /* a text; with its checksum, however it is stored */
	OUT_COUNT,
	OUT_USDC, /* micro-USDC */
	OUT_TIME, /* Unix ms */
	OUT_SPAN, /* ms */
	OUT_BOOL, /* yes or no */
	OUT_GOOD, /* the same; no is what must be seen */
	OUT_BAD,  /* a text that must be seen */
};

/* Whether its values are text; else numbers. */
static inline bool
out_is_text(enum out_type type)
{
	return type == OUT_TEXT || type == OUT_BAD || type == OUT_ADDRESS;
}

struct out_column {
	const char *key;   /* for programs */
	const char *title; /* for people; NULL: not for them */
	enum out_type type;
};

struct out_value {
	bool absent;
	int64_t n;
	struct slice text; /* of OUT_TEXT, OUT_BAD, OUT_ADDRESS; borrowed */
};

static inline struct out_value
out_int(int64_t n)
{
	return (struct out_value){ .n = n };
}

static inline struct out_value
out_slice(struct slice text)
{
	return (struct out_value){ .text = text };
}

static inline struct out_value
out_absent(void)
{
	return (struct out_value){ .absent = true };
}

/* NULL is absent. */
static inline struct out_value
out_text(const char *text)
{
	return text == NULL ? out_absent() : out_slice(slice_of(text));
}

static inline struct out_value
out_if(bool known, struct out_value value)
{
	return known ? value : out_absent();
}

/* A value by itself, as a column and its cell. */
struct out_field {
	const char *key;
	const char *title; /* NULL: not for people */
	enum out_type type;
	struct out_value value;
};

#define OUT_END             \
	{                   \
		.key = NULL \
	}

struct out;

/* *o is freed with out_free. RC_NO_MEMORY. */
MUST_CHECK enum rc out_new(struct out **o, FILE *f, bool json, struct err *e);
/* NULL is fine. What was not written by out_end is dropped. */
void out_free(struct out *o);

/*
 * Lines for people are to be no longer than that many characters, 0 for any
 * length: addresses and hashes in tables are shortened ("0x24c4..4680"), then
 * the widest cells; the last column and sentences go on in the next line.
 */
void out_fit(struct out *o, size_t width);

/* Titles for people are bold, what must be seen is red. */
void out_colour(struct out *o, bool colour);

/* One value: "title: value", or a member of the object. */
void out_field(struct out *o, const char *key, const char *title,
    enum out_type type, struct out_value value);
/* Several; OUT_END is behind the last. */
void out_fields(struct out *o, const struct out_field *fields);

/*
 * A table, or an array of objects. heading may be NULL, none is the line for
 * people when there was no row. Columns are borrowed until the end.
 */
void out_table(struct out *o, const char *key, const char *heading,
    const struct out_column *columns, size_t n);
void out_row(struct out *o, const struct out_value *values);
void out_table_end(struct out *o, const char *none);

/* For people only: a line of "title: text", or a line of text. */
void out_line(struct out *o, const char *title, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void out_note(struct out *o, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Writes what is left. RC_NO_MEMORY, RC_IO (standard output is gone). */
MUST_CHECK enum rc out_end(struct out *o, struct err *e);

#endif
