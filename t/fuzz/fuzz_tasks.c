/* What a coordinator answers to a worker's poll. */
#include "t/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "eth/attest.h"
#include "work/task.h"

static struct task_list list;

/* What the worker relies on. */
static void
check_task(const struct task *t)
{
	CHECK(task_id_is_valid(slice_of(t->id)));
	CHECK(t->url[0] != '\0' && utf8_is_text(t->url, strlen(t->url)));
	CHECK(t->expected_status >= 100 && t->expected_status <= STATUS_MAX);
	CHECK(
	    t->timeout_ms >= TIMEOUT_MIN_MS && t->timeout_ms <= TIMEOUT_MAX_MS);
	CHECK(t->reward_micros >= 0 && t->reward_micros <= REWARD_MAX_MICROS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own size: reading past the end shows. */
	char *copy = malloc(size == 0 ? 1 : size);
	struct err e = ERR_INIT;
	size_t i, j;

	CHECK(copy != NULL);
	memcpy(copy, data, size);
	if (tasks_parse(&list, (struct slice){ copy, size }, &e) != RC_OK) {
		CHECK(e.msg[0] != '\0');
		CHECK(list.count == 0);
	}
	CHECK(list.count <= TASKS_PER_POLL_MAX);
	for (i = 0; i < list.count; i++) {
		check_task(&list.tasks[i]);
		for (j = 0; j < i; j++)
			CHECK(strcmp(list.tasks[i].id, list.tasks[j].id) != 0);
	}
	free(copy);
	return 0;
}
