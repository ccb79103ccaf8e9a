/*
 * The JSON room: the writer, and memory that runs out while it writes or
 * the tree is read.
 */
#include "t/unit/tap.h"
#include "json/json.h"

#define OUT_MAX (64 * 1024) /* bytes of a text */

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
static volatile long memory_left = -1;

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
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

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
		{ "\0\1\2\3\4\5\6\7", 8,
		    "\"\\u0000\\u0001\\u0002\\u0003"
		    "\\u0004\\u0005\\u0006\\u0007\"" },
		{ "\x0b\x0e\x0f", 3, "\"\\u000b\\u000e\\u000f\"" },
		{ "\x10\x19\x1a\x1b\x1c\x1d\x1e\x1f", 8,
		    "\"\\u0010\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e"
		    "\\u001f\"" },
		{ "\\u001F", 6, "\"\\\\u001F\"" },
		{ "u001F", 5, "\"u001F\"" },
		{ "\\u00", 4, "\"\\\\u00\"" },
		{ "\x1f"
		  "ABCDEF",
		    7, "\"\\u001fABCDEF\"" },
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
		buf_init(&out, OUT_MAX);
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

static bool
any_event(void *ctx, const struct json_event *ev)
{
	(void)ctx;
	(void)ev;
	return true;
}

static void
written_is(bool indented, const char *expected, const char *name)
{
	struct err e = ERR_INIT;
	struct json_writer *w;
	struct buf out;

	buf_init(&out, OUT_MAX);
	if (json_writer_new(&w, &out, indented, &e) != RC_OK)
		die(e.msg);
	write_sample(w);
	json_writer_free(w);
	tap_is_int(buf_status(&out, &e), RC_OK, "the buffer took all");
	tap_is_text(out.p, expected, name);
	tap_is_int(json_parse((struct slice){ out.p, out.len }, 8, any_event,
		       NULL, &e),
	    RC_OK, "what is written can be parsed");
	buf_free(&out);
}

static void
test_writer(void)
{
	struct err e = ERR_INIT;
	struct json_writer *w;
	struct buf out;

	written_is(false,
	    "{\"list\":[0,9223372036854775807,"
	    "-9223372036854775808,\"]\"],\"k\\u001f\":{\"t\":true,"
	    "\"f\":false,\"n\":null},\"ea\":[],\"eo\":{}}",
	    "a document is written without white space");
	written_is(true,
	    "{\n  \"list\": [\n    0,\n"
	    "    9223372036854775807,\n    -9223372036854775808,\n"
	    "    \"]\"\n  ],\n  \"k\\u001f\": {\n    \"t\": true,\n"
	    "    \"f\": false,\n    \"n\": null\n  },\n  \"ea\": [],\n"
	    "  \"eo\": {}\n}\n",
	    "an indented document is fit for people");
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

	buf_init(&out, OUT_MAX);
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
	buf_init(&text, OUT_MAX);
	buf_add_text(&text, "{\"a\":[1,2,3,4,5,{\"b\\n\":\"");
	for (n = 0; n < 3000; n++)
		buf_add_text(&text, "\\n");
	buf_add_text(&text, "\",\"c\":null}],\"d\":");
	if (buf_status(&text, &e) != RC_OK)
		die(e.msg);
	buf_add_text(&text, "12}");
	for (n = 0; (rc = read_without_memory(
			 n, (struct slice){ text.p, text.len })) != RC_OK;
	     n++)
		bad += rc != RC_NO_MEMORY;
	tap_ok(bad == 0 && n > 20,
	    "wherever memory runs out in %ld "
	    "allocations, reading says so",
	    n);
	bad = 0;
	for (n = 0; (rc = write_without_memory(n)) != RC_OK; n++)
		bad += rc != RC_NO_MEMORY;
	tap_ok(bad == 0 && n > 2,
	    "wherever memory runs out in %ld "
	    "allocations, writing says so",
	    n);
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

int
main(void)
{
	test_writer_strings();
	test_writer();
	test_no_memory();
	return tap_done();
}
