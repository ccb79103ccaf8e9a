/*
 * The worker's parts. With --verify it reads a POST of results from standard
 * input instead and exits 0 when each of them carries its worker's signature:
 * worker.t asks it.
 */
#include <unistd.h>

#include "base/log.h"
#include "eth/hex.h"
#include "t/unit/tap.h"
#include "work/answer.h"
#include "work/coordinator.h"
#include "work/pace.h"
#include "work/queue.h"
#include "work/result.h"
#include "work/task.h"
#include "json/json.h"

#define GOOD_REST                                        \
	"\"type\":\"http_check\",\"url\":\"http://h/\"," \
	"\"expectedStatus\":200,\"timeoutMs\":10000,\"rewardMicros\":100"
#define GOOD(id) "{\"id\":\"" id "\"," GOOD_REST "}"

/* ---- Tasks ---- */

static struct task_list list;

static bool
parse_tasks(const char *text)
{
	return tasks_parse(&list, slice_of(text), NULL) == RC_OK;
}

static void
test_good_tasks(void)
{
	tap_ok(parse_tasks("[]") && list.count == 0 && list.skipped == 0,
	    "an empty list has no tasks");
	tap_ok(parse_tasks("[" GOOD("task_br_health") "]") && list.count == 1 &&
		list.skipped == 0,
	    "a task is read");
	tap_is_text(list.tasks[0].id, "task_br_health", "its id");
	tap_is_text(list.tasks[0].url, "http://h/", "its URL");
	tap_is_int(list.tasks[0].expected_status, 200, "its status");
	tap_is_int(list.tasks[0].timeout_ms, 10000, "its timeout");
	tap_is_int(list.tasks[0].reward_micros, 100, "its reward");
	tap_ok(parse_tasks(" [ {\"x\":{\"id\":[1,{\"id\":\"b\"}]},\"y\":[[]],"
			   "\"region\":\"eu\",\"x\":1,\"id\":\"a\"," GOOD_REST
			   "} ] ") &&
		list.count == 1 && strcmp(list.tasks[0].id, "a") == 0,
	    "unknown members are ignored, whatever they hold");
	tap_ok(parse_tasks("[{\"\\u0069d\":\"\\u0061\"," GOOD_REST "}]") &&
		list.count == 1 && strcmp(list.tasks[0].id, "a") == 0,
	    "escapes mean what they stand for");
}

static void
test_bad_tasks(void)
{
	static const char *const bad[] = {
		"1",
		"null",
		"\"x\"",
		"true",
		"[]",
		"{}",
		"[" GOOD("b") "]",
		"{" GOOD_REST "}",
		GOOD(""),
		GOOD("a b"),
		GOOD("\xc3\xa4"),
		GOOD("a\\u0000"),
		GOOD("a/b"),
		"{\"id\":1," GOOD_REST "}",
		"{\"id\":[\"b\"]," GOOD_REST "}",
		"{\"id\":null," GOOD_REST "}",
		"{\"id\":\"b\",\"id\":\"c\"," GOOD_REST "}",
		"{\"id\":\"b\",\"url\":\"http://x/\"," GOOD_REST "}",
		"{\"id\":\"b\",\"timeoutMs\":200," GOOD_REST "}",
		GOOD("good"), /* its id was there before */
		GOOD("12345678901234567890123456789012"
		     "345678901234567890123456789012345"),
		"{\"id\":\"b\",\"type\":\"dns_check\",\"url\":\"http://h/\","
		"\"expectedStatus\":200,\"timeoutMs\":1000,"
		"\"rewardMicros\":1}",
	};
	static const char *const numbers[] = {
		"99",
		"600",
		"-1",
		"2e2",
		"200.0",
		"\"200\"",
		"null",
		"[200]",
		"{}",
		"true",
		"9007199254740992",
		"99999999999999999999999999",
	};
	char text[1024];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "[%s,%s,%s]", GOOD("good"),
		    bad[i], GOOD("last"));
		tap_ok(
		    parse_tasks(text) && list.count == 2 && list.skipped == 1,
		    "bad task #%zu is skipped alone", i);
	}
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		(void)snprintf(text, sizeof(text),
		    "[{\"id\":\"a\","
		    "\"type\":\"http_check\",\"url\":\"http://h/\","
		    "\"expectedStatus\":%s,\"timeoutMs\":1000,"
		    "\"rewardMicros\":1}]",
		    numbers[i]);
		tap_ok(
		    parse_tasks(text) && list.count == 0 && list.skipped == 1,
		    "%s is no status", numbers[i]);
	}
}

static void
test_hostile_lists(void)
{
	static const char *const whole[] = {
		"",
		"{}",
		"null",
		"{\"tasks\":[]}",
		"[",
		"[] []",
		"[,]",
		"x",
		"[" GOOD("a"),
		"<html></html>",
		"\xff",
	};
	struct buf text;
	size_t i;

	for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		tap_ok(tasks_parse(&list, slice_of(whole[i]), NULL) ==
			    RC_INVALID &&
			list.count == 0,
		    "bad list #%zu is refused as a whole", i);
	buf_init(&text, 1 << 20);
	for (i = 0; i < 100000; i++)
		buf_add_text(&text, "[");
	tap_ok(!parse_tasks(text.p) && list.count == 0,
	    "a hundred thousand brackets are refused");
	buf_reset(&text);
	for (i = 0; i < 100000; i++)
		buf_add_text(&text, i == 0 ? "[0" : ",0");
	buf_add_text(&text, "]");
	tap_ok(parse_tasks(text.p) && list.skipped == 100000,
	    "a hundred thousand numbers are skipped");
	buf_reset(&text);
	for (i = 0; i < TASKS_PER_POLL_MAX + 10; i++)
		buf_printf(&text, "%s{\"id\":\"t%zu\",%s}", i == 0 ? "[" : ",",
		    i, GOOD_REST);
	buf_add_text(&text, "]");
	tap_ok(parse_tasks(text.p) && list.count == TASKS_PER_POLL_MAX &&
		list.surplus == 10 && list.skipped == 0,
	    "of more tasks than a POST can hold the first are taken");
	buf_free(&text);
}

/* ---- Results ---- */

static struct identity me;

/* Reads one result as the coordinator would. */
static bool
result_is_signed(const struct json *j)
{
	const char *id = json_text(json_get(j, "taskId"));
	const char *worker = json_text(json_get(j, "workerAddress"));
	const char *signature = json_text(json_get(j, "signature"));
	const struct json *success = json_get(j, "success");
	uint8_t sig[SIGNATURE_LEN];
	struct attestation a = { .success = false };

	if (id == NULL || worker == NULL || signature == NULL ||
	    json_int(&a.timestamp_ms, json_get(j, "timestamp")) != RC_OK ||
	    !(json_is_true(success) || json_is_false(success)))
		return false;
	a.task_id = slice_of(id);
	a.success = json_is_true(success);
	return task_id_is_valid(a.task_id) &&
	    address_parse(&a.worker, &a.form, slice_of(worker), NULL) ==
	    RC_OK &&
	    a.form == ADDRESS_CHECKSUM &&
	    hex_decode(sig, sizeof(sig), slice_of(signature), NULL) == RC_OK &&
	    attest_check(&a, sig, NULL) == RC_OK;
}

static int
verify(void)
{
	struct json *j = NULL;
	struct buf text;
	char chunk[4096];
	ssize_t n;
	size_t i;
	bool ok;

	buf_init(&text, BODY_MAX);
	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0)
		buf_add(&text, chunk, (size_t)n);
	ok = n == 0 && !text.failed &&
	    json_read(&j, (struct slice){ text.p, text.len }, NULL) == RC_OK &&
	    json_is_array(j) && json_count(j) > 0 &&
	    json_count(j) <= RESULTS_PER_POST_MAX;
	for (i = 0; ok && i < json_count(j); i++)
		ok = result_is_signed(json_at(j, i));
	json_free(j);
	buf_free(&text);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
make_identity(void)
{
	size_t i;

	/* A key that everybody knows: 0x0101...01. */
	for (i = 0; i < sizeof(me.key.b); i++)
		me.key.b[i] = 1;
	if (eth_key_address(&me.address, &me.key, NULL) != RC_OK)
		abort();
	address_format(me.text, &me.address, ADDRESS_CHECKSUM);
}

static bool
text_is_signed(const struct buf *text)
{
	struct json *j = NULL;
	bool ok;

	ok = json_read(&j, (struct slice){ text->p, text->len }, NULL) ==
		RC_OK &&
	    result_is_signed(j);
	json_free(j);
	return ok;
}

static void
test_findings(void)
{
	static const struct {
		enum http_error error;
		int status;
		bool success;
		int found;
		const char *text;
		const char *what;
	} cases[] = {
		{ HTTP_ERROR_NONE, 200, true, 200, "",
		    "the expected status is success" },
		{ HTTP_ERROR_NONE, 503, false, 503, "",
		    "another status is none, and no error" },
		{ HTTP_ERROR_TIMEOUT, 0, false, 0, "timeout",
		    "a timeout is an error without a status" },
		{ HTTP_ERROR_ADDRESS, 0, false, 0,
		    "refused: not a public address",
		    "a private address is refused by name" },
		{ HTTP_ERROR_CONNECT, 0, false, 0, "connection failed",
		    "of an error only the kind is told" },
		{ HTTP_ERROR_TLS, 0, false, 0, "detail",
		    "but of TLS the details are" },
		{ HTTP_ERROR_TOO_LARGE, 200, false, 0, "answer too large",
		    "with an error a status doesn't count" },
	};
	struct http_response r = { .error_text = "detail" };
	struct task t = { .id = "a",
		.type = task_type_find(slice_of("http_check")),
		.expected_status = 200 };
	struct finding f;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r.error = cases[i].error;
		r.status = cases[i].status;
		r.elapsed_ms = 45;
		finding_make(&f, &t, &r, 1767225600123);
		tap_ok(f.success == cases[i].success &&
			f.status == cases[i].found &&
			strcmp(f.error, cases[i].text) == 0 &&
			f.response_time_ms == 45 &&
			f.timestamp_ms == 1767225600123,
		    "%s", cases[i].what);
	}
}

static void
test_result_texts(void)
{
	struct task t = { .id = "task_br_health" };
	struct finding f = { .task = &t,
		.timestamp_ms = 1767225600123,
		.success = true,
		.response_time_ms = 45,
		.status = 200 };
	char expected[512];
	struct buf text;

	(void)snprintf(expected, sizeof(expected),
	    "{\"taskId\":\"task_br_health\",\"workerAddress\":\"%s\","
	    "\"timestamp\":1767225600123,\"success\":true,"
	    "\"responseTimeMs\":45,\"statusCode\":200,\"signature\":\"0x",
	    me.text);
	buf_init(&text, RESULT_LEN_MAX);
	tap_ok(finding_write(&text, &f, &me, NULL) == RC_OK &&
		strncmp(text.p, expected, strlen(expected)) == 0 &&
		text_is_signed(&text),
	    "a result is written and signed");
	buf_reset(&text);
	f.success = false;
	f.status = 0;
	(void)snprintf(f.error, sizeof(f.error), "timeout");
	tap_ok(finding_write(&text, &f, &me, NULL) == RC_OK &&
		strstr(text.p, "statusCode") == NULL &&
		strstr(text.p, "\"error\":\"timeout\"") != NULL &&
		text_is_signed(&text),
	    "one without an answer has an error and no status");
	buf_reset(&text);
	memset(t.id, 'i', TASK_ID_MAX);
	memset(f.error, '"', CHECK_ERROR_MAX);
	f.timestamp_ms = f.response_time_ms = JSON_INT_MAX;
	f.status = STATUS_MAX;
	tap_ok(finding_write(&text, &f, &me, NULL) == RC_OK &&
		text_is_signed(&text),
	    "the longest result fits");
	buf_free(&text);
}

/* ---- Answers ---- */

static void
test_answers(void)
{
	struct tally t = { .checks = 3 };
	struct buf text;

	tap_ok(answer_read(&t,
		   slice_of("{\"accepted\":3,\"earned\":"
			    "\"0.000300\"}"),
		   3, NULL) == RC_OK &&
		t.accepted == 3 && t.earned_micros == 300 && t.checks == 3,
	    "an answer is counted");
	tap_ok(
	    answer_read(&t,
		slice_of("{\"new\":{\"accepted\":[9]},"
			 "\"earned\":\"1.000000\",\"accepted\":1,\"errors\":["
			 "\"a: unknown task\",\"a:b: result too old (301s)\","
			 "\"c: result too old (999s)\",\"d: already recorded\","
			 "\"strange\"]}"),
		6, NULL) == RC_OK &&
		t.accepted == 4 && t.earned_micros == 1000300,
	    "a second one is added");
	tap_is_int((int64_t)t.recorded_before, 1,
	    "what is already recorded counts for itself");
	buf_init(&text, 1000);
	tally_refusals(&text, &t);
	tap_is_text(text.p,
	    ", refused: 1 unknown task, 2 result too old, "
	    "1 strange",
	    "refusals are counted by their reason");
	buf_free(&text);
}

static void
test_many_reasons(void)
{
	struct tally t = { .checks = 0 };
	struct buf body, text;
	int i;

	buf_init(&body, 1 << 16);
	buf_add_text(&body,
	    "{\"accepted\":0,\"earned\":\"0.000000\","
	    "\"errors\":[");
	for (i = 0; i < 50; i++)
		buf_printf(&body, "%s\"t%d: reason %d %0100d\\u001b\"",
		    i == 0 ? "" : ",", i, i % 12, 0);
	buf_add_text(&body, "]}");
	tap_ok(answer_read(&t, (struct slice){ body.p, body.len }, 50, NULL) ==
		    RC_OK &&
		t.other_reasons > 0,
	    "many reasons are summed up");
	buf_init(&text, 2000);
	tally_refusals(&text, &t);
	tap_ok(buf_status(&text, NULL) == RC_OK && strchr(text.p, 0x1b) == NULL,
	    "and told within bounds, without control characters");
	buf_free(&text);
	buf_free(&body);
}

static void
test_bad_answers(void)
{
	static const char *const bad[] = {
		"",
		"[]",
		"null",
		"{}",
		"{\"accepted\":1}",
		"<html>",
		"{\"earned\":\"0.000100\"}",
		"{\"accepted\":4,\"earned\":\"0.000400\"}",
		"{\"accepted\":-1,\"earned\":\"0.000100\"}",
		"{\"accepted\":1.0,\"earned\":\"0.000100\"}",
		"{\"accepted\":\"1\",\"earned\":\"0.000100\"}",
		"{\"accepted\":1,\"earned\":0.0001}",
		"{\"accepted\":1,\"earned\":\"0.0001\"}",
		"{\"accepted\":0,\"earned\":\"0.000001\"}",
		"{\"accepted\":1,\"earned\":\"1000.000001\"}",
		"{\"accepted\":1,\"accepted\":1,\"earned\":\"0.000100\"}",
		"{\"accepted\":1,\"earned\":\"0.000100\",\"errors\":{}}",
		"{\"accepted\":1,\"earned\":\"0.000100\",\"errors\":[1]}",
		"{\"accepted\":1,\"earned\":\"0.000100\"",
	};
	static const struct tally nothing;
	struct tally t = nothing;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		tap_ok(
		    answer_read(&t, slice_of(bad[i]), 3, NULL) == RC_INVALID &&
			memcmp(&t, &nothing, sizeof(t)) == 0,
		    "bad answer #%zu counts for nothing", i);
}

static void
test_error_bodies(void)
{
	char text[REASON_MAX + 1];

	answer_error(text, slice_of("{\"error\":\"address required\"}"));
	tap_is_text(text, "address required", "an error's text is read");
	answer_error(text, slice_of("{\"error\":\"a\\u001b[2J\\nb\"}"));
	tap_is_text(text, "a?[2J?b", "it can't write to the terminal");
	answer_error(text, slice_of("<html>"));
	tap_is_text(text, "", "another body has none");
	answer_error(text, (struct slice){ NULL, 0 });
	tap_is_text(text, "", "nor has an empty one");
}

static void
test_money(void)
{
	static const char *const bad[] = {
		"",
		"0",
		"0.0",
		"0.00030",
		"0.0003000",
		".000300",
		"-0.000300",
		"+0.000300",
		" 0.000300",
		"0.000300 ",
		"00.000300",
		"0,000300",
		"0.00030x",
		"1e3.000000",
		"0x1.000000",
		"12345678.000000",
		"0.00.0300",
		"nan",
		"0.000300\n",
	};
	static const struct {
		const char *text;
		int64_t micros;
	} good[] = {
		{ "0.000300", 300 },
		{ "0.000000", 0 },
		{ "1.000001", 1000001 },
		{ "50000.000000", 50000000000 },
		{ "9999999.999999", 9999999999999 },
	};
	char text[MONEY_SIZE];
	int64_t n;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		tap_ok(money_parse(&n, slice_of(good[i].text)) == RC_OK &&
			n == good[i].micros,
		    "%s is read", good[i].text);
		money_format(text, good[i].micros);
		tap_is_text(text, good[i].text, "and written again");
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		tap_ok(
		    money_parse(&n, slice_of(bad[i])) == RC_INVALID && n == 0,
		    "bad amount #%zu is refused", i);
	money_format(text, INT64_MAX);
	tap_is_text(text, "9223372036854.775807", "the largest is written");
}

/* ---- The queue and the schedule ---- */

static void
add(struct queue *q, const char *text, int64_t timestamp_ms)
{
	if (queue_add(q, slice_of(text), timestamp_ms, NULL, NULL, NULL) !=
	    RC_OK)
		abort();
}

static void
test_queue(void)
{
	const int64_t now = 1767225600000;
	struct queue q, other;
	struct buf out;
	size_t i;

	if (queue_init(&q, NULL) != RC_OK || queue_init(&other, NULL) != RC_OK)
		abort();
	buf_init(&out, BODY_MAX);
	add(&q, "{\"a\":1}", now - RESULT_WINDOW_MS - 1);
	add(&q, "{\"b\":2}", now - RESULT_WINDOW_MS);
	add(&q, "{\"c\":3}", now + RESULT_WINDOW_MS + 1);
	add(&q, "{\"d\":4}", now);
	tap_is_int((int64_t)queue_expire(&q, now), 2,
	    "results of the wrong time expire");
	tap_is_int((int64_t)queue_write(&out, &q, RESULTS_PER_POST_MAX), 2,
	    "the others stay");
	tap_is_text(out.p, "[{\"b\":2},{\"d\":4}]",
	    "and are written byte for byte, oldest first");
	add(&other, "{\"e\":5}", now);
	queue_move(&q, &other);
	queue_drop(&q, 1);
	buf_reset(&out);
	(void)queue_write(&out, &q, RESULTS_PER_POST_MAX);
	tap_ok(other.count == 0 && strcmp(out.p, "[{\"d\":4},{\"e\":5}]") == 0,
	    "what is moved comes last, what is dropped is gone");
	for (i = 0; i < QUEUE_MAX; i++)
		add(&q, "{}", now);
	buf_reset(&out);
	tap_is_int((int64_t)queue_write(&out, &q, RESULTS_PER_POST_MAX),
	    RESULTS_PER_POST_MAX, "no more than one POST holds are written");
	tap_ok(q.count == QUEUE_MAX && strncmp(out.p, "[{},", 4) == 0,
	    "a full queue drops its oldest");
	buf_free(&out);
	queue_free(&q);
	queue_free(&other);
}

static void
test_schedule(void)
{
	uint64_t i;
	bool within = true;
	int64_t phase;

	tap_is_int(pace_next_ms(1000, 30000, 1001), 31000,
	    "the next round is one interval after the last was due");
	tap_is_int(pace_next_ms(1000, 30000, 30999), 31000,
	    "however long the last took, within the interval");
	tap_is_int(pace_next_ms(1000, 30000, 31000), 61000,
	    "one that took a whole interval costs the next");
	tap_is_int(pace_next_ms(1000, 30000, 100000), 121000,
	    "missed ones aren't made up for, and the phase stays");
	for (i = 0; i < 100000; i++) {
		phase = pace_phase_ms(30000, i * 0x9e3779b97f4a7c15ULL);
		within = within && phase >= 0 && phase < 30000;
	}
	tap_ok(within, "the first round begins within an interval");
	tap_is_int(
	    pace_phase_ms(4999, UINT64_MAX), 0, "with a short one at once");
	tap_is_int(
	    pace_quiet_until_ms(7, 1000), 8000, "Retry-After is in seconds");
	tap_is_int(pace_quiet_until_ms(0, 1000), 1000,
	    "without one nothing is waited for");
	tap_is_int(pace_quiet_until_ms(INT64_MAX, 1000),
	    1000 + RETRY_AFTER_MAX_MS, "an absurd one is cut");
}

/* ---- The coordinator's URLs ---- */

static void
test_coordinator_urls(void)
{
	static const char *const bad[] = {
		"",
		"example.com",
		"ftp://example.com",
		"http://h/?x",
		"http://h/#x",
		"http://u:p@h/",
		"file:///x",
	};
	struct coordinator c;
	struct err e = ERR_INIT;
	size_t i;

	if (!tap_ok(coordinator_init(&c, "https://h/api//", me.text,
			"eu west&\xc3\xa4", &e) == RC_OK,
		"a coordinator"))
		tap_diag("%s", e.msg);
	tap_is_text(c.results_url.p, "https://h/api/v1/worker/results",
	    "its prefix is kept, its slashes aren't doubled");
	tap_ok(strncmp(c.tasks_url.p,
		   "https://h/api/v1/worker/tasks?"
		   "address=0x",
		   40) == 0 &&
		strstr(c.tasks_url.p, me.text) != NULL &&
		strstr(c.tasks_url.p, "&region=eu%20west%26%C3%A4") != NULL,
	    "a poll tells address and region, encoded");
	coordinator_free(&c);
	tap_ok(coordinator_init(&c, "http://h", me.text, "", NULL) == RC_OK &&
		strstr(c.tasks_url.p, "region") == NULL,
	    "without a region it tells none");
	coordinator_free(&c);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tap_ok(coordinator_init(&c, bad[i], me.text, "", NULL) ==
			RC_INVALID,
		    "\"%s\" is no coordinator", bad[i]);
		coordinator_free(&c);
	}
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--verify") == 0)
		return verify();
	log_set_level(LOG_LEVEL_ERROR);
	make_identity();
	test_good_tasks();
	test_bad_tasks();
	test_hostile_lists();
	test_findings();
	test_result_texts();
	test_answers();
	test_many_reasons();
	test_bad_answers();
	test_error_bodies();
	test_money();
	test_queue();
	test_schedule();
	test_coordinator_urls();
	return tap_done();
}
