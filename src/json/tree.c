#include "json/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define DEPTH_MAX 64 /* json_free goes down by recursion */

struct json {
	enum json_type type; /* never an end or a key */
	char *key;	     /* owned; NULL but for a member */
	char *text;	     /* owned; of a string or number */
	struct json **items; /* owned: elements or members */
	size_t count;
	size_t cap;
};

struct builder {
	struct json *root;	      /* owned */
	struct json *open[DEPTH_MAX]; /* borrowed from root */
	char *key;		      /* owned: waits for its value */
	struct err e;		      /* why it stopped */
};

void
json_free(struct json *root)
{
	size_t i;

	if (root == NULL)
		return;
	for (i = 0; i < root->count; i++)
		json_free(root->items[i]);
	free(root->items);
	free(root->key);
	free(root->text);
	free(root);
}

static bool
builder_no_memory(struct builder *b)
{
	(void)err_set(&b->e, RC_NO_MEMORY, "JSON: no memory");
	return false;
}

static bool
builder_copy(struct builder *b, char **out, struct slice text)
{
	if (!utf8_is_text(text.p, text.len)) {
		(void)err_set(&b->e, RC_INVALID,
		    "JSON: a string holds NUL or invalid UTF-8");
		return false;
	}
	*out = malloc(text.len + 1);
	if (*out == NULL)
		return builder_no_memory(b);
	memcpy(*out, text.p, text.len);
	(*out)[text.len] = '\0';
	return true;
}

/* parent owns item from here on, if this succeeds. */
static bool
json_append(struct json *parent, struct json *item)
{
	size_t cap = parent->cap == 0 ? 4 : 2 * parent->cap;
	struct json **items;

	if (parent->count == parent->cap) {
		items = realloc(parent->items, cap * sizeof(*items));
		if (items == NULL)
			return false;
		parent->items = items;
		parent->cap = cap;
	}
	parent->items[parent->count++] = item;
	return true;
}

/* Adds a value where the document stands. */
static bool
builder_add(struct builder *b, const struct json_event *ev)
{
	struct json *j;

	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return builder_no_memory(b);
	j->type = ev->type;
	j->key = b->key;
	b->key = NULL;
	if (ev->depth == 0) {
		b->root = j;
	} else if (!json_append(b->open[ev->depth - 1], j)) {
		json_free(j);
		return builder_no_memory(b);
	}
	if (j->type == JSON_OBJECT || j->type == JSON_ARRAY)
		b->open[ev->depth] = j;
	if (j->type == JSON_STRING || j->type == JSON_NUMBER)
		return builder_copy(b, &j->text, ev->text);
	return true;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct json *const *ja = a, *const *jb = b;

	return strcmp((*ja)->key, (*jb)->key);
}

/* Sorts a copy: comparing each with each would be slow on purpose-made text. */
static bool
builder_check_keys(struct builder *b, const struct json *object)
{
	struct json **sorted;
	bool ok = true;
	size_t i;

	if (object->count < 2)
		return true;
	sorted = malloc(object->count * sizeof(*sorted));
	if (sorted == NULL)
		return builder_no_memory(b);
	memcpy(sorted, object->items, object->count * sizeof(*sorted));
	qsort(sorted, object->count, sizeof(*sorted), compare_keys);
	for (i = 1; i < object->count && ok; i++)
		ok = strcmp(sorted[i - 1]->key, sorted[i]->key) != 0;
	if (!ok)
		(void)err_set(&b->e, RC_INVALID,
		    "JSON: the key \"%.64s\" stands twice in an object",
		    sorted[i - 1]->key);
	free(sorted);
	return ok;
}

static bool
builder_event(void *ctx, const struct json_event *ev)
{
	struct builder *b = ctx;

	switch (ev->type) {
	case JSON_KEY:
		return builder_copy(b, &b->key, ev->text);
	case JSON_OBJECT_END:
		return builder_check_keys(b, b->open[ev->depth]);
	case JSON_ARRAY_END:
		return true;
	default:
		return builder_add(b, ev);
	}
}

enum rc
json_read(struct json **out, struct slice text, struct err *e)
{
	struct builder b = { .e = ERR_INIT };
	enum rc rc;

	*out = NULL;
	rc = json_parse(text, DEPTH_MAX, builder_event, &b, e);
	if (rc == RC_CONFLICT)
		rc = err_set(e, b.e.rc, "%s", b.e.msg);
	free(b.key);
	if (rc != RC_OK) {
		json_free(b.root);
		return rc;
	}
	*out = b.root;
	return RC_OK;
}

static bool
json_is(const struct json *j, enum json_type type)
{
	return j != NULL && j->type == type;
}

const struct json *
json_get(const struct json *j, const char *key)
{
	size_t i;

	if (!json_is(j, JSON_OBJECT))
		return NULL;
	for (i = 0; i < j->count; i++)
		if (strcmp(j->items[i]->key, key) == 0)
			return j->items[i];
	return NULL;
}

const struct json *
json_at(const struct json *j, size_t i)
{
	return json_is(j, JSON_ARRAY) && i < j->count ? j->items[i] : NULL;
}

size_t
json_count(const struct json *j)
{
	return j == NULL ? 0 : j->count;
}

const char *
json_key_at(const struct json *j, size_t i)
{
	return json_is(j, JSON_OBJECT) && i < j->count ? j->items[i]->key
						       : NULL;
}

const char *
json_text(const struct json *j)
{
	return json_is(j, JSON_STRING) ? j->text : NULL;
}

enum rc
json_int(int64_t *out, const struct json *j)
{
	*out = 0;
	if (!json_is(j, JSON_NUMBER))
		return RC_INVALID;
	return json_integer(out, slice_of(j->text));
}

enum rc
json_signed(int64_t *out, const struct json *j)
{
	bool negative = json_is(j, JSON_NUMBER) && j->text[0] == '-';
	enum rc rc;

	if (!negative)
		return json_int(out, j);
	rc = json_integer(out, slice_of(j->text + 1));
	*out = -*out;
	return rc;
}

bool
json_is_true(const struct json *j)
{
	return json_is(j, JSON_TRUE);
}

bool
json_is_false(const struct json *j)
{
	return json_is(j, JSON_FALSE);
}

bool
json_is_null(const struct json *j)
{
	return json_is(j, JSON_NULL);
}

bool
json_is_array(const struct json *j)
{
	return json_is(j, JSON_ARRAY);
}

bool
json_is_object(const struct json *j)
{
	return json_is(j, JSON_OBJECT);
}
