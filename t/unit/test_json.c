/*
 * The JSON room, reading: events, and what is refused. WN_SEED repeats a
 * run's random cases.
 */
#include "base/utf8.h"
#include "t/unit/random.h"
#include "json/json.h"

#define RECORD_MAX    (64 * 1024) /* bytes of recorded events */
#define DEEP	      10000	  /* levels that nobody needs */
#define RANDOM_ROUNDS 20000

static void
die(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(EXIT_FAILURE);
}

/* ---- Events ---- */

struct record {
	struct buf out;
	size_t events;
	size_t stop_after; /* events; 0: never */
};

/* One event as "depth:type" and the text. */
static bool
record_event(void *ctx, const struct json_event *ev)
{
	static const char *const types[] = {
		[JSON_OBJECT] = "{",
		[JSON_OBJECT_END] = "}",
		[JSON_ARRAY] = "[",
		[JSON_ARRAY_END] = "]",
		[JSON_KEY] = "key ",
		[JSON_STRING] = "string ",
		[JSON_NUMBER] = "number ",
		[JSON_TRUE] = "true",
		[JSON_FALSE] = "false",
		[JSON_NULL] = "null",
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
	events_are("[ \"a\" , \"b\" ]\n", "0:[ 1:string a 1:string b 0:]",
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
	events_are("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "0:string \"\\/\b\f\n\r\t",
	    "all short escapes are decoded");
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
		{ "\"\\ud83d\\u0041\"",
		    "\xed\xa0\xbd"
		    "A",
		    4, "a high surrogate before a letter's escape" },
		{ "\"\\ud83d\\ud83d\\ude00\"", "\xed\xa0\xbd\xf0\x9f\x98\x80",
		    7, "a high surrogate before a pair" },
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
		tap_ok(json_parse(slice_of(cases[i].text), 8, last_string, &out,
			   &e) == RC_OK &&
			out.len == cases[i].len &&
			memcmp(out.p, cases[i].expected, out.len) == 0 &&
			!utf8_is_text(out.p, out.len),
		    "%s reaches the reader as no valid text", cases[i].name);
		buf_free(&out);
		tap_ok(
		    json_read(&j, slice_of(cases[i].text), &e) == RC_INVALID &&
			j == NULL,
		    "%s is refused in a tree", cases[i].name);
	}
}

static void
test_refused(void)
{
	static const char *const texts[] = { "", " ", "\n\t", "[", "]", "{",
		"}", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{\"a\"}",
		"{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\" 1}",
		"{\"a\":1 \"b\":2}", "[1}", "{\"a\":1]", "1 2", "{} {}", "[][]",
		"{}x", "{},", "{} \"abc", "{} tru", "[] 1", "{}\"", "1 \"a",
		"\"a\"\"b", "tru", "truex", "nul", "True", "NaN", "Infinity",
		"-", "+1", "01", "-01", "1.", ".5", "1.e3", "1e", "1e+", "0x10",
		"1a", "'a'", "\"a", "\"\\", "\"\\x41\"", "\"\\u12\"",
		"\"\\u12g4\"", "\"\\'\"", "\"\\ud83d\\u\"", "\"a\nb\"",
		"\"a\tb\"", "\"\x01\"", "\"\x1f\"", "\v1", "1\f", "[1,\v2]",
		"/* c */ 1", "1 // c", "\xef\xbb\xbf[]", "\xff", "{}\xc2\xa0" };
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
	tap_ok(
	    strstr(e.msg, "byte 6") != NULL || strstr(e.msg, "byte 5") != NULL,
	    "the message tells the position: %s", e.msg);
}

/* Every beginning of a document but the whole is refused. */
static void
test_truncated(void)
{
	static const char sample[] =
	    "[{\"taskId\":\"task_br_health\","
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
		accepted +=
		    parse((struct slice){ exact, len }, 8, &e) != RC_INVALID;
		free(exact);
	}
	tap_is_int(
	    (int64_t)accepted, 0, "a document cut off at any byte is refused");
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
	tap_is_int(json_read(&j, (struct slice){ deep.p, deep.len }, &e), RC_OK,
	    "64 levels are read into a tree");
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
		bad +=
		    json_parse(text, 8, record_event, &r, &e) != RC_CONFLICT ||
		    r.events != i;
	}
	tap_is_int((int64_t)bad, 0,
	    "a reader that stops gets no further event, and RC_CONFLICT");
	buf_free(&r.out);
}

/* ---- Random bytes ---- */

static size_t
random_text(char *out, size_t max)
{
	static const char chars[] =
	    "{{}}[[]],,::\"\"\"\\\\ud83dDE00nbft "
	    "\n01239-+.eEtruefalsenull\x01\x1f\x7f\xc3\xa4\xff/*";
	size_t i, len = (random_next() >> 16) % max;
	uint64_t r;

	for (i = 0; i < len; i++) {
		r = random_next() >> 16;
		out[i] = r % 16 == 0 ? (char)(r >> 8 & 0xff)
				     : chars[r % (sizeof(chars) - 1)];
	}
	return len;
}

static void
test_random(void)
{
	struct err e = ERR_INIT;
	size_t accepted = 0, odd = 0, len;
	char text[64], *exact;
	struct json *j;
	enum rc rc;
	int i;

	random_seed();
	for (i = 0; i < RANDOM_ROUNDS; i++) {
		len = random_text(text, i % 2 == 0 ? 8 : sizeof(text));
		exact = malloc(len + (len == 0));
		if (exact == NULL)
			die("no memory");
		memcpy(exact, text, len);
		rc = json_read(&j, (struct slice){ exact, len }, &e);
		accepted += rc == RC_OK;
		odd += rc != RC_OK && rc != RC_INVALID;
		odd += rc == RC_OK &&
		    parse((struct slice){ exact, len }, 64, &e) != RC_OK;
		json_free(j);
		free(exact);
	}
	tap_is_int((int64_t)odd, 0,
	    "random bytes are read or refused, and nothing else");
	tap_diag("%zu of %d random texts were JSON", accepted, RANDOM_ROUNDS);
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
	test_random();
	return tap_done();
}
