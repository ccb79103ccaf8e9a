/*
 * What a key of the configuration takes: its type, its bounds, and its value
 * from text. Private to conf.c. Any thread.
 */
#ifndef WORKNET_BASE_CONF_VALUE_H
#define WORKNET_BASE_CONF_VALUE_H

#include <stddef.h>

#include "base/conf.h"

enum conf_type {
	CONF_TEXT,     /* char[max + 1] */
	CONF_PATH,     /* char[max + 1], made absolute */
	CONF_DATABASE, /* the same, of a file that is only read */
	CONF_PREFIX,   /* char[max + 1], of paths: "" or "/api" */
	CONF_INT,      /* int64_t in [min, max] */
	CONF_CAP,      /* the same; no default: init writes initial */
	CONF_BOOL,     /* yes or no */
	CONF_LIST,     /* char[max + 1], the lines' values joined by blanks */
	CONF_ASNS,     /* the same, of autonomous systems */
	CONF_REGIONS,  /* the same, of regions' countries */
	CONF_NETWORK,  /* char[max + 1], one of networks */
	CONF_FINALITY, /* char[max + 1], one of finalities */
	CONF_SINGLE_NODE, /* char[max + 1], refuse or accept */
	CONF_THRESHOLD,	  /* char[max + 1], one of thresholds */
	CONF_SETTLE,	  /* char[max + 1], one of ways */
	CONF_ADMISSION,	  /* char[max + 1], one of admissions */
	CONF_STORE,	  /* char[max + 1], one of stores */
	CONF_LOG_LEVEL,	  /* char[max + 1], a log level's name */
	CONF_GWEI,	  /* int64_t in [min, max] wei, written in gwei */
};

struct conf_key {
	const char *section;
	const char *name;
	enum conf_type type;
	size_t offset; /* in struct conf */
	int64_t min;
	int64_t max; /* of text: its length */
	const char *initial;
	const char *help;
	enum conf_when when;
};

/* Whether it may stand on several lines. */
bool conf_is_list(const struct conf_key *k);

/*
 * Sets the key's field of *c by text; a relative path is one of the directory
 * that file is in (NULL: it stays as it is). RC_INVALID with got and expected.
 */
MUST_CHECK enum rc conf_value_set(struct conf *c, const struct conf_key *k,
    const char *file, const char *value, struct err *e);

#endif
