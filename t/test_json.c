/*
 * The JSON room: events, the tree and the writer. WN_SEED repeats a run's
 * random cases.
 */
#include <time.h>

#include "base/limits.h"
#include "json/json.h"
#include "tap.h"

#define RECORD_MAX	(64 * 1024)	/* bytes of recorded events */
#define DEEP		10000		/* levels that nobody needs */
#define RANDOM_ROUNDS	20000

static void
die(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(EXIT_FAILURE);
}

/* ---- Memory that runs out, where the test can arrange it ---- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(thread_sanitizer)
#define HAVE_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAVE_SANITIZER 1
#endif
#if defined(__GLIBC__) && !defined(HAVE_SANITIZER)
#define CAN_FAIL_MEMORY 1
#else
#define CAN_FAIL_MEMORY 0
#endif

#if CAN_FAIL_MEMORY
/* Allocations that still succeed; negative: all of them. */
static long memory_left = -1;

static bool
memory_fails(void)
{
	if (memory_left < 0)
		return false;
	if (memory_left == 0)
		return true;
	memory_left--;
	return false;
}

/* glibc's own, under the names that a program's allocator replaces. */
void	*__libc_malloc(size_t size);
void	*__libc_calloc(size_t n, size_t size);
void	*__libc_realloc(void *p, size_t size);

void *
malloc(size_t size)
{
	return memory_fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	return memory_fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	return memory_fails() ? NULL : __libc_realloc(p, size);
}
#endif

/* ---- Events ---- */

struct record {
	struct buf	out;
	size_t		events;
	size_t		stop_after;	/* events; 0: never */
};

/* One event as "depth:type" and the text. */
static bool
record_event(void *ctx, const struct json_event *ev)
{
	static const char *const types[] = {
		[JSON_OBJECT] = "{", [JSON_OBJECT_END] = "}",
		[JSON_ARRAY] = "[", [JSON_ARRAY_END] = "]",
		[JSON_KEY] = "key ", [JSON_STRING] = "string ",
		[JSON_NUMBER] = "number ", [JSON_TRUE] = "true",
		[JSON_FALSE] = "false", [JSON_NULL] = "null",
	};
	struct record *r = ctx;

	buf_printf(&r->out, "%s%u:%s", r->out.len > 0 ? " " : "", ev->depth,
	    types[ev->type]);
	if (ev->type == JSON_KEY || ev->type == JSON_STRING ||
	    ev->type == JSON_NUMBER)
		buf_add(&r->out, ev->text.p, ev->text.len);
	r->events++;
	return r->events != r->stop_after;
}

static enum rc
parse(struct slice text, unsigned max_depth, struct err *e)
{
	struct record r = { .events = 0 };
	enum rc rc;

	buf_init(&r.out, RECORD_MAX);
	rc = json_parse(text, max_depth, record_event, &r, e);
	buf_free(&r.out);
	return rc;
}

static void
events_are(const char *text, const char *expected, const char *name)
{
	struct record r = { .events = 0 };
	struct err e = ERR_INIT;

	buf_init(&r.out, RECORD_MAX);
	if (json_parse(slice_of(text), 8, record_event, &r, &e) != RC_OK)
		tap_is_text(e.msg, "", name);
	else
		tap_is_text(r.out.p, expected, name);
	buf_free(&r.out);
}

static void
test_events(void)
{
	events_are("{\"a\":[1,-2.5e+3,true],\"b\":{\"c\":null},\"d\":false}",
	    "0:{ 1:key a 1:[ 2:number 1 2:number -2.5e+3 2:true 1:] 1:key b "
	    "1:{ 2:key c 2:null 1:} 1:key d 1:false 0:}",
	    "an object gives its events in order, with their depth");
	events_are("[]", "0:[ 0:]", "an empty array gives its two ends");
	events_are("{}", "0:{ 0:}", "an empty object gives its two ends");
	events_are("\"x\"", "0:string x", "a string may be the document");
	events_are("12", "0:number 12", "a number may be the document");
	events_are(" \t\r\n12 \n", "0:number 12",
	    "white space may stand around a number");
	events_are("null", "0:null", "null may be the document");
	events_are("[ \"a\" , \"b\" ]\n",
	    "0:[ 1:string a 1:string b 0:]",
	    "white space may stand around the tokens");
	events_are("[\"\",\"\"]", "0:[ 1:string  1:string  0:]",
	    "an empty string has an empty text");
	events_are("[123456789012345678901234567890]",
	    "0:[ 1:number 123456789012345678901234567890 0:]",
	    "a number of any length comes as it was written");
	events_are("{\"a\":1,\"a\":2}",
	    "0:{ 1:key a 1:number 1 1:key a 1:number 2 0:}",
	    "a duplicate key is left to the reader");
}

static void
test_strings(void)
{
	events_are("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
	    "0:string \"\\/\b\f\n\r\t", "all short escapes are decoded");
	events_are("[\"a\\u0041\",\"\\u00e4\\u20AC\"]",
	    "0:[ 1:string aA 1:string \xc3\xa4\xe2\x82\xac 0:]",
	    "escapes become UTF-8 of one, two and three bytes");
	events_are("\"\\ud83d\\ude00\\uD83D\\uDE00\"",
	    "0:string \xf0\x9f\x98\x80\xf0\x9f\x98\x80",
	    "a surrogate pair becomes one character");
	events_are("\"\\ud800\\udc00\\udbff\\udfff\"",
	    "0:string \xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
	    "the first and the last surrogate pair are decoded");
	events_are("{\"\\u006b\\n\":\"\\u0076\"}",
	    "0:{ 1:key k\n 1:string v 0:}", "escapes in a key are decoded");
	events_are("[\"\\\\\",\"\\\"\",\"a\\\"\"]",
	    "0:[ 1:string \\ 1:string \" 1:string a\" 0:]",
	    "a string may end in an escaped quote or backslash");
	events_are("{\"a\\\"b\" : \"c\\\\\" , \"d\" : [ \"\\u0065\" ]}",
	    "0:{ 1:key a\"b 1:string c\\ 1:key d 1:[ 2:string e 1:] 0:}",
	    "escapes are found behind white space, colon and comma");
	events_are("\"\x7f\xc3\xa4/\"", "0:string \x7f\xc3\xa4/",
	    "DEL, UTF-8 and a solidus need no escape");
}

/* Remembers the last string. */
static bool
last_string(void *ctx, const struct json_event *ev)
{
	struct buf *out = ctx;

	if (ev->type == JSON_STRING || ev->type == JSON_KEY) {
		buf_reset(out);
		buf_add(out, ev->text.p, ev->text.len);
	}
	return true;
}

static void
test_strings_for_the_reader_to_refuse(void)
{
	static const struct {
		const char *text;
		const char *expected;
		size_t len;
		const char *name;
	} cases[] = {
		{ "\"a\\u0000b\"", "a\0b", 3, "an escaped NUL" },
		{ "\"\\ud83dx\"", "\xed\xa0\xbdx", 4,
		    "a lone high surrogate, and the character behind it" },
		{ "\"\\ude00\"", "\xed\xb8\x80", 3, "a lone low surrogate" },
		{ "\"\\ud83d\"", "\xed\xa0\xbd", 3,
		    "a high surrogate at the end" },
		{ "\"\\ud83d\\n\"", "\xed\xa0\xbd\n", 4,
		    "a high surrogate before another escape" },
		{ "\"\\ud83d\\u0041\"", "\xed\xa0\xbd" "A", 4,
		    "a high surrogate before a letter's escape" },
		{ "\"\\ud83d\\ud83d\\ude00\"",
		    "\xed\xa0\xbd\xf0\x9f\x98\x80", 7,
		    "a high surrogate before a pair" },
		{ "{\"\\ude00\":1}", "\xed\xb8\x80", 3,
		    "a key with a lone surrogate" },
		{ "\"\xff\"", "\xff", 1, "a byte that is no UTF-8" },
		{ "\"\xc0\xaf\\n\"", "\xc0\xaf\n", 3, "an overlong form" },
	};
	struct err e = ERR_INIT;
	struct json *j;
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_init(&out, RECORD_MAX);
		tap_ok(json_parse(slice_of(cases[i].text), 8, last_string,
		    &out, &e) == RC_OK && out.len == cases[i].len &&
		    memcmp(out.p, cases[i].expected, out.len) == 0 &&
		    !utf8_is_text(out.p, out.len),
		    "%s reaches the reader as no valid text", cases[i].name);
		buf_free(&out);
		tap_ok(json_read(&j, slice_of(cases[i].text), &e) ==
		    RC_INVALID && j == NULL, "%s is refused in a tree",
		    cases[i].name);
	}
}

static void
test_refused(void)
{
	static const char *const texts[] = {
		"", " ", "\n\t", "[", "]", "{", "}", "[1", "[1,", "[1,]",
		"[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
		"{a:1}", "{1:1}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "[1}",
		"{\"a\":1]", "1 2", "{} {}", "[][]", "{}x", "{},", "{} \"abc",
		"{} tru", "[] 1", "{}\"", "1 \"a", "\"a\"\"b", "tru", "truex",
		"nul", "True", "NaN", "Infinity", "-", "+1", "01", "-01",
		"1.", ".5", "1.e3", "1e", "1e+", "0x10", "1a", "'a'", "\"a",
		"\"\\", "\"\\x41\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\'\"",
		"\"\\ud83d\\u\"", "\"a\nb\"", "\"a\tb\"", "\"\x01\"",
		"\"\x1f\"", "\v1", "1\f", "[1,\v2]", "/* c */ 1", "1 // c",
		"\xef\xbb\xbf[]", "\xff", "{}\xc2\xa0",
	};
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		e = (struct err)ERR_INIT;
		tap_ok(parse(slice_of(texts[i]), 8, &e) == RC_INVALID &&
		    strncmp(e.msg, "JSON: ", 6) == 0,
		    "text %zu is no document: %s", i, e.msg);
	}
	tap_is_int(parse((struct slice){ "1\0", 2 }, 8, &e), RC_INVALID,
	    "a NUL behind the document is refused");
	tap_is_int(parse((struct slice){ "\"a\0b\"", 5 }, 8, &e), RC_INVALID,
	    "a raw NUL in a string is refused");
	tap_is_int(parse((struct slice){ "\0", 1 }, 8, &e), RC_INVALID,
	    "a NUL alone is refused");
	tap_is_int(parse((struct slice){ NULL, 0 }, 8, &e), RC_INVALID,
	    "no text at all is refused");
	(void)!parse(slice_of("[1,\n x]"), 8, &e);
	tap_ok(strstr(e.msg, "byte 6") != NULL || strstr(e.msg, "byte 5") !=
	    NULL, "the message tells the position: %s", e.msg);
}

/* Every beginning of a document but the whole is refused. */
static void
test_truncated(void)
{
	static const char sample[] = "[{\"taskId\":\"task_br_health\","
	    "\"workerAddress\":\"0xAbC\",\"timestamp\":1767225600123,"
	    "\"success\":true,\"responseTimeMs\":-4.5e+1,\"error\":"
	    "\"\\u00e4\\ud83d\\ude00 \\\"x\\\" \xc3\xa4\",\"none\":null,"
	    "\"list\":[1,[],{}],\"no\":false}]";
	size_t len, accepted = 0;
	struct err e = ERR_INIT;
	char *exact;

	for (len = 0; len < sizeof(sample) - 1; len++) {
		/* Memory of just that size, so that a sanitizer sees more. */
		exact = malloc(len + (len == 0));
		if (exact == NULL)
			die("no memory");
		memcpy(exact, sample, len);
		accepted += parse((struct slice){ exact, len }, 8, &e) !=
		    RC_INVALID;
		free(exact);
	}
	tap_is_int((int64_t)accepted, 0,
	    "a document cut off at any byte is refused");
	tap_is_int(parse(slice_of(sample), 8, &e), RC_OK,
	    "the same document as a whole is accepted");
}

static void
test_depth(void)
{
	struct err e = ERR_INIT;
	struct json *j;
	struct buf deep;
	size_t i;

	tap_is_int(parse(slice_of("1"), 0, &e), RC_OK,
	    "a depth of 0 allows a value that holds nothing");
	tap_is_int(parse(slice_of("[]"), 0, &e), RC_INVALID,
	    "a depth of 0 allows no array");
	tap_is_int(parse(slice_of("[{\"a\":[]}]"), 3, &e), RC_OK,
	    "three levels are within a depth of 3");
	tap_is_int(parse(slice_of("[{\"a\":[[]]}]"), 3, &e), RC_INVALID,
	    "four levels are beyond a depth of 3");
	tap_is_int(parse(slice_of("[[[],[]],[[],{}]]"), 3, &e), RC_OK,
	    "the depth is that of what is open, not of what there was");
	buf_init(&deep, 8 * DEEP);
	for (i = 0; i < DEEP; i++)
		buf_add_text(&deep, "[");
	tap_is_int(parse((struct slice){ deep.p, deep.len }, 64, &e),
	    RC_INVALID, "10,000 open arrays are refused");
	tap_ok(strstr(e.msg, "deeper than 64") != NULL,
	    "the message names the limit: %s", e.msg);
	tap_is_int(json_read(&j, (struct slice){ deep.p, deep.len }, &e),
	    RC_INVALID, "10,000 open arrays are refused in a tree");
	buf_reset(&deep);
	for (i = 0; i < DEEP; i++)
		buf_add_text(&deep, "{\"a\":");
	tap_is_int(json_read(&j, (struct slice){ deep.p, deep.len }, &e),
	    RC_INVALID, "10,000 open objects are refused in a tree");
	buf_reset(&deep);
	for (i = 0; i < 64; i++)
		buf_add_text(&deep, "[");
	for (i = 0; i < 64; i++)
		buf_add_text(&deep, "]");
	tap_is_int(json_read(&j, (struct slice){ deep.p, deep.len }, &e),
	    RC_OK, "64 levels are read into a tree");
	json_free(j);
	buf_free(&deep);
}

static void
test_stop(void)
{
	struct slice text = slice_of("{\"a\":[1,\"b\",{}],\"c\":true}");
	struct record r = { .events = 0 };
	struct err e = ERR_INIT;
	size_t i, total, bad = 0;

	buf_init(&r.out, RECORD_MAX);
	if (json_parse(text, 8, record_event, &r, &e) != RC_OK)
		die(e.msg);
	total = r.events;
	for (i = 1; i <= total; i++) {
		r.events = 0;
		r.stop_after = i;
		bad += json_parse(text, 8, record_event, &r, &e) !=
		    RC_CONFLICT || r.events != i;
	}
	tap_is_int((int64_t)bad, 0,
	    "a reader that stops gets no further event, and RC_CONFLICT");
	buf_free(&r.out);
}

/* ---- Numbers ---- */

static void
test_integers(void)
{
	static const struct {
		const char *text;
		int64_t value;	/* -1: refused */
	} cases[] = {
		{ "0", 0 }, { "1", 1 }, { "9", 9 }, { "10", 10 },
		{ "1767225600123", 1767225600123 },
		{ "9007199254740990", 9007199254740990 },
		{ "9007199254740991", JSON_INT_MAX },
		{ "9007199254740992", -1 }, { "9999999999999999", -1 },
		{ "10000000000000000", -1 }, { "18446744073709551616", -1 },
		{ "18446744073709551617", -1 }, { "-1", -1 }, { "-0", -1 },
		{ "+1", -1 }, { "1.0", -1 }, { "1e3", -1 }, { "1E3", -1 },
		{ "01", -1 }, { "00", -1 }, { "", -1 }, { " 1", -1 },
		{ "1 ", -1 }, { "0x1", -1 }, { "a", -1 }, { "/", -1 },
		{ ":", -1 },
	};
	int64_t n;
	enum rc rc;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = 77;
		rc = json_integer(&n, slice_of(cases[i].text));
		if (cases[i].value < 0)
			tap_ok(rc == RC_INVALID && n == 0,
			    "\"%s\" is refused as an integer",
			    cases[i].text);
		else
			tap_ok(rc == RC_OK && n == cases[i].value,
			    "%s is an integer", cases[i].text);
	}
}

/* ---- The tree ---- */

static void
test_tree(void)
{
	struct err e = ERR_INIT;
	const struct json *list;
	struct json *j;
	int64_t n = -1;

	if (json_read(&j, slice_of("{\"s\":\"\\u00e4\",\"n\":42,\"t\":true,"
	    "\"f\":false,\"z\":null,\"list\":[1,\"two\",[3],{},5,6],"
	    "\"o\":{\"k\":1.5},\"\":0}"), &e) != RC_OK)
		die(e.msg);
	list = json_get(j, "list");
	tap_ok(json_is_object(j) && !json_is_array(j) && json_count(j) == 8,
	    "an object has its members");
	tap_is_text(json_text(json_get(j, "s")), "\xc3\xa4",
	    "a string has its decoded text");
	tap_ok(json_int(&n, json_get(j, "n")) == RC_OK && n == 42,
	    "an integer has its value");
	tap_ok(json_is_true(json_get(j, "t")) &&
	    !json_is_false(json_get(j, "t")) &&
	    json_is_false(json_get(j, "f")) && json_is_null(json_get(j, "z")),
	    "true, false and null are told apart");
	tap_ok(json_is_array(list) && json_count(list) == 6 &&
	    json_int(&n, json_at(list, 4)) == RC_OK && n == 5 &&
	    json_is_object(json_at(list, 3)) &&
	    json_count(json_at(list, 2)) == 1, "an array has its elements");
	tap_ok(json_at(list, 6) == NULL && json_at(j, 0) == NULL &&
	    json_get(list, "0") == NULL && json_get(j, "none") == NULL,
	    "what isn't there is NULL");
	tap_is_text(json_key_at(j, 5), "list", "members keep their order");
	tap_ok(json_key_at(j, 8) == NULL && json_key_at(list, 0) == NULL,
	    "there are no names beyond the last member or in an array");
	tap_ok(json_get(j, "") != NULL, "a key may be empty");
	tap_ok(json_int(&n, json_get(json_get(j, "o"), "k")) == RC_INVALID &&
	    n == 0 && json_int(&n, json_get(j, "s")) == RC_INVALID,
	    "a fraction or a string is no integer");
	tap_ok(json_text(json_get(j, "n")) == NULL, "a number is no string");
	json_free(j);
}

static void
test_tree_of_nothing(void)
{
	int64_t n = -1;

	json_free(NULL);
	tap_ok(json_get(NULL, "a") == NULL && json_at(NULL, 0) == NULL &&
	    json_count(NULL) == 0 && json_key_at(NULL, 0) == NULL &&
	    json_text(NULL) == NULL && json_int(&n, NULL) == RC_INVALID &&
	    n == 0 && !json_is_true(NULL) && !json_is_false(NULL) &&
	    !json_is_null(NULL) && !json_is_array(NULL) &&
	    !json_is_object(NULL), "nothing has no value of any type");
}

static void
test_duplicate_keys(void)
{
	static const char *const refused[] = {
		"{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2,\"a\":3}",
		"[{\"x\":{\"k\":[],\"\\u006b\":{}}}]", "{\"\":1,\"\":2}",
		"{\"a\":{\"a\":1},\"a\":1}",
	};
	struct err e = ERR_INIT;
	struct json *j;
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		tap_ok(json_read(&j, slice_of(refused[i]), &e) ==
		    RC_INVALID && j == NULL &&
		    strstr(e.msg, "twice") != NULL,
		    "%s has a duplicate key and isn't read", refused[i]);
	tap_is_int(json_read(&j, slice_of("[{\"a\":{\"a\":1}},{\"a\":2,"
	    "\"A\":3}]"), &e), RC_OK,
	    "the same key in different objects is no duplicate");
	json_free(j);
}

/* Objects made to be slow: a check of each with each would take minutes. */
static void
test_many_keys(void)
{
	struct err e = ERR_INIT;
	struct json *j;
	struct buf b;
	int i;

	buf_init(&b, 4 * 1024 * 1024);
	for (i = 0; i < 200000; i++)
		buf_printf(&b, "%s\"%d\":1", i == 0 ? "{" : ",", i);
	buf_add_text(&b, "}");
	tap_ok(json_read(&j, (struct slice){ b.p, b.len }, &e) == RC_OK &&
	    json_count(j) == 200000, "200,000 keys are read");
	json_free(j);
	buf_free(&b);
}

/* ---- The writer ---- */

static void
test_writer_strings(void)
{
	/* What Node.js prints for JSON.stringify of the same string. */
	static const struct {
		const char *text;
		size_t len;
		const char *expected;
	} cases[] = {
		{ "", 0, "\"\"" },
		{ "plain", 5, "\"plain\"" },
		{ "\"\\/", 3, "\"\\\"\\\\/\"" },
		{ "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"" },
		{ "\0\1\2\3\4\5\6\7", 8, "\"\\u0000\\u0001\\u0002\\u0003"
		    "\\u0004\\u0005\\u0006\\u0007\"" },
		{ "\x0b\x0e\x0f", 3, "\"\\u000b\\u000e\\u000f\"" },
		{ "\x10\x19\x1a\x1b\x1c\x1d\x1e\x1f", 8,
		    "\"\\u0010\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e"
		    "\\u001f\"" },
		{ "\\u001F", 6, "\"\\\\u001F\"" },
		{ "u001F", 5, "\"u001F\"" },
		{ "\\u00", 4, "\"\\\\u00\"" },
		{ "\x1f" "ABCDEF", 7, "\"\\u001fABCDEF\"" },
		{ "\x7f", 1, "\"\x7f\"" },
		{ "<>&'", 4, "\"<>&'\"" },
		{ "\xc3\xa4\xe2\x82\xac", 5, "\"\xc3\xa4\xe2\x82\xac\"" },
		{ "\xf0\x9f\x98\x80", 4, "\"\xf0\x9f\x98\x80\"" },
		{ "\xe2\x80\xa8\xe2\x80\xa9", 6,
		    "\"\xe2\x80\xa8\xe2\x80\xa9\"" },
		{ "a\nb]", 4, "\"a\\nb]\"" },
	};
	struct err e = ERR_INIT;
	struct json_writer *w;
	struct buf out;
	char name[64];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_init(&out, RECORD_MAX);
		if (json_writer_new(&w, &out, false, &e) != RC_OK)
			die(e.msg);
		json_slice(w, (struct slice){ cases[i].text, cases[i].len });
		json_writer_free(w);
		(void)snprintf(name, sizeof(name),
		    "string %zu is written as JavaScript does", i);
		tap_is_text(out.p, cases[i].expected, name);
		buf_free(&out);
	}
}

static void
write_sample(struct json_writer *w)
{
	json_open_object(w);
	json_key(w, "list");
	json_open_array(w);
	json_number(w, 0);
	json_number(w, INT64_MAX);
	json_number(w, INT64_MIN);
	json_string(w, "]");
	json_close_array(w);
	json_key(w, "k\x1f");
	json_open_object(w);
	json_key(w, "t");
	json_bool(w, true);
	json_key(w, "f");
	json_bool(w, false);
	json_key(w, "n");
	json_null(w);
	json_close_object(w);
	json_key(w, "ea");
	json_open_array(w);
	json_close_array(w);
	json_key(w, "eo");
	json_open_object(w);
	json_close_object(w);
	json_close_object(w);
}

static void
written_is(bool indented, const char *expected, const char *name)
{
	struct err e = ERR_INIT;
	struct json_writer *w;
	struct buf out;

	buf_init(&out, RECORD_MAX);
	if (json_writer_new(&w, &out, indented, &e) != RC_OK)
		die(e.msg);
	write_sample(w);
	json_writer_free(w);
	tap_is_int(buf_status(&out, &e), RC_OK, "the buffer took all");
	tap_is_text(out.p, expected, name);
	tap_is_int(parse((struct slice){ out.p, out.len }, 8, &e), RC_OK,
	    "what is written can be parsed");
	buf_free(&out);
}

static void
test_writer(void)
{
	struct err e = ERR_INIT;
	struct json_writer *w;
	struct buf out;

	written_is(false, "{\"list\":[0,9223372036854775807,"
	    "-9223372036854775808,\"]\"],\"k\\u001f\":{\"t\":true,"
	    "\"f\":false,\"n\":null},\"ea\":[],\"eo\":{}}",
	    "a document is written without white space");
	written_is(true, "{\n  \"list\": [\n    0,\n"
	    "    9223372036854775807,\n    -9223372036854775808,\n"
	    "    \"]\"\n  ],\n  \"k\\u001f\": {\n    \"t\": true,\n"
	    "    \"f\": false,\n    \"n\": null\n  },\n  \"ea\": [],\n"
	    "  \"eo\": {}\n}\n", "an indented document is fit for people");
	buf_init(&out, 20);
	if (json_writer_new(&w, &out, false, &e) != RC_OK)
		die(e.msg);
	write_sample(w);
	json_writer_free(w);
	tap_is_int(buf_status(&out, &e), RC_NO_MEMORY,
	    "a full buffer shows in its status");
	buf_free(&out);
	json_writer_free(NULL);
}

/* ---- No memory ---- */

#if CAN_FAIL_MEMORY
/* False under a tool, such as valgrind, that has an allocator of its own. */
static bool
memory_can_fail(void)
{
	void *volatile p;

	memory_left = 0;
	p = malloc(1);
	memory_left = -1;
	free(p);
	return p == NULL;
}

static enum rc
read_without_memory(long allocations, struct slice text)
{
	struct err e = ERR_INIT;
	struct json *j;
	enum rc rc;

	memory_left = allocations;
	rc = json_read(&j, text, &e);
	memory_left = -1;
	json_free(j);
	return rc;
}

static enum rc
write_without_memory(long allocations)
{
	struct err e = ERR_INIT;
	struct json_writer *w;
	struct buf out;
	enum rc rc;

	buf_init(&out, RECORD_MAX);
	memory_left = allocations;
	rc = json_writer_new(&w, &out, false, &e);
	if (rc == RC_OK) {
		write_sample(w);
		rc = buf_status(&out, &e);
	}
	memory_left = -1;
	json_writer_free(w);
	buf_free(&out);
	return rc;
}

static void
test_memory(void)
{
	struct err e = ERR_INIT;
	struct buf text;
	long n, bad = 0;
	enum rc rc;

	/* Long escapes, so that yajl's own buffer grows too. */
	buf_init(&text, RECORD_MAX);
	buf_add_text(&text, "{\"a\":[1,2,3,4,5,{\"b\\n\":\"");
	for (n = 0; n < 3000; n++)
		buf_add_text(&text, "\\n");
	buf_add_text(&text, "\",\"c\":null}],\"d\":");
	if (buf_status(&text, &e) != RC_OK)
		die(e.msg);
	buf_add_text(&text, "12}");
	for (n = 0; (rc = read_without_memory(n, (struct slice){ text.p,
	    text.len })) != RC_OK; n++)
		bad += rc != RC_NO_MEMORY;
	tap_ok(bad == 0 && n > 20, "wherever memory runs out in %ld "
	    "allocations, reading says so", n);
	bad = 0;
	for (n = 0; (rc = write_without_memory(n)) != RC_OK; n++)
		bad += rc != RC_NO_MEMORY;
	tap_ok(bad == 0 && n > 2, "wherever memory runs out in %ld "
	    "allocations, writing says so", n);
	buf_free(&text);
}
#else
static bool
memory_can_fail(void)
{
	return false;
}

static void
test_memory(void)
{
}
#endif

static void
test_no_memory(void)
{
	if (memory_can_fail()) {
		test_memory();
		return;
	}
	tap_skip("wherever memory runs out, reading says so",
	    "the allocator can't be replaced here");
	tap_skip("wherever memory runs out, writing says so",
	    "the allocator can't be replaced here");
}

/* ---- Random bytes ---- */

static uint64_t random_state;

/* xorshift64*: the same cases again for the same seed. */
static uint64_t
random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717) >> 16;
}

static size_t
random_text(char *out, size_t max)
{
	static const char chars[] = "{{}}[[]],,::\"\"\"\\\\ud83dDE00nbft "
	    "\n01239-+.eEtruefalsenull\x01\x1f\x7f\xc3\xa4\xff/*";
	size_t i, len = random_next() % max;
	uint64_t r;

	for (i = 0; i < len; i++) {
		r = random_next();
		out[i] = r % 16 == 0 ? (char)(r >> 8 & 0xff) :
		    chars[r % (sizeof(chars) - 1)];
	}
	return len;
}

static void
test_random(void)
{
	const char *seed = getenv("WN_SEED");
	struct err e = ERR_INIT;
	size_t accepted = 0, odd = 0, len;
	char text[64], *exact;
	struct json *j;
	enum rc rc;
	int i;

	random_state = seed != NULL ? strtoull(seed, NULL, 10) :
	    (uint64_t)time(NULL);
	if (random_state == 0)
		random_state = 1;
	tap_diag("WN_SEED=%" PRIu64, random_state);
	for (i = 0; i < RANDOM_ROUNDS; i++) {
		len = random_text(text, i % 2 == 0 ? 8 : sizeof(text));
		exact = malloc(len + (len == 0));
		if (exact == NULL)
			die("no memory");
		memcpy(exact, text, len);
		rc = json_read(&j, (struct slice){ exact, len }, &e);
		accepted += rc == RC_OK;
		odd += rc != RC_OK && rc != RC_INVALID;
		odd += rc == RC_OK && parse((struct slice){ exact, len }, 64,
		    &e) != RC_OK;
		json_free(j);
		free(exact);
	}
	tap_is_int((int64_t)odd, 0,
	    "random bytes are read or refused, and nothing else");
	tap_diag("%zu of %d random texts were JSON", accepted,
	    RANDOM_ROUNDS);
}

int
main(void)
{
	test_events();
	test_strings();
	test_strings_for_the_reader_to_refuse();
	test_refused();
	test_truncated();
	test_depth();
	test_stop();
	test_integers();
	test_tree();
	test_tree_of_nothing();
	test_duplicate_keys();
	test_many_keys();
	test_writer_strings();
	test_writer();
	test_no_memory();
	test_random();
	return tap_done();
}
