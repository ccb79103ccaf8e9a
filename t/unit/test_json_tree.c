/*
 * The JSON room, reading: integers, and the values and keys of the tree.
 */
#include "base/limits.h"
#include "t/unit/tap.h"
#include "json/json.h"

static void
die(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(EXIT_FAILURE);
}

/* ---- Numbers ---- */

static void
test_integers(void)
{
	static const struct {
		const char *text;
		int64_t value; /* -1: refused */
	} cases[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "9", 9 },
		{ "10", 10 },
		{ "1767225600123", 1767225600123 },
		{ "9007199254740990", 9007199254740990 },
		{ "9007199254740991", JSON_INT_MAX },
		{ "9007199254740992", -1 },
		{ "9999999999999999", -1 },
		{ "10000000000000000", -1 },
		{ "18446744073709551616", -1 },
		{ "18446744073709551617", -1 },
		{ "-1", -1 },
		{ "-0", -1 },
		{ "+1", -1 },
		{ "1.0", -1 },
		{ "1e3", -1 },
		{ "1E3", -1 },
		{ "01", -1 },
		{ "00", -1 },
		{ "", -1 },
		{ " 1", -1 },
		{ "1 ", -1 },
		{ "0x1", -1 },
		{ "a", -1 },
		{ "/", -1 },
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
			    "\"%s\" is refused as an integer", cases[i].text);
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

	if (json_read(&j,
		slice_of(
		    "{\"s\":\"\\u00e4\",\"n\":42,\"t\":true,"
		    "\"f\":false,\"z\":null,\"list\":[1,\"two\",[3],{},5,6],"
		    "\"o\":{\"k\":1.5},\"\":0}"),
		&e) != RC_OK)
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
		json_is_false(json_get(j, "f")) &&
		json_is_null(json_get(j, "z")),
	    "true, false and null are told apart");
	tap_ok(json_is_array(list) && json_count(list) == 6 &&
		json_int(&n, json_at(list, 4)) == RC_OK && n == 5 &&
		json_is_object(json_at(list, 3)) &&
		json_count(json_at(list, 2)) == 1,
	    "an array has its elements");
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
		!json_is_object(NULL),
	    "nothing has no value of any type");
}

static void
test_duplicate_keys(void)
{
	static const char *const refused[] = { "{\"a\":1,\"a\":1}",
		"{\"a\":1,\"b\":2,\"a\":3}",
		"[{\"x\":{\"k\":[],\"\\u006b\":{}}}]", "{\"\":1,\"\":2}",
		"{\"a\":{\"a\":1},\"a\":1}" };
	struct err e = ERR_INIT;
	struct json *j;
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		tap_ok(json_read(&j, slice_of(refused[i]), &e) == RC_INVALID &&
			j == NULL && strstr(e.msg, "twice") != NULL,
		    "%s has a duplicate key and isn't read", refused[i]);
	tap_is_int(json_read(&j,
		       slice_of("[{\"a\":{\"a\":1}},{\"a\":2,"
				"\"A\":3}]"),
		       &e),
	    RC_OK, "the same key in different objects is no duplicate");
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
		json_count(j) == 200000,
	    "200,000 keys are read");
	json_free(j);
	buf_free(&b);
}

int
main(void)
{
	test_integers();
	test_tree();
	test_tree_of_nothing();
	test_duplicate_keys();
	test_many_keys();
	return tap_done();
}
