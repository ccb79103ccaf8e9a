/* What a facilitator answers to POST /settle. */
#include "t/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "x402/answer.h"

static void
check_text(const char *text, size_t max)
{
	CHECK(strlen(text) <= max);
	for (; *text != '\0'; text++)
		CHECK(*text >= 0x20 && *text < 0x7f);
}

/* What a run relies on, whatever the facilitator is. */
static void
check_answer(const struct x402_answer *a, int status)
{
	check_text(a->reason, X402_REASON_MAX);
	check_text(a->message, X402_REASON_MAX);
	check_text(a->network, NETWORK_NAME_MAX);
	switch (a->class) {
	case ANSWER_SUCCESS:
		CHECK(status >= 200 && status <= 299);
		CHECK(a->success && a->has_hash);
		return;
	case ANSWER_PENDING:
		CHECK(a->has_hash && !a->success);
		return;
	case ANSWER_REFUSED:
		CHECK(!a->success);
		return;
	case ANSWER_RETRY:
	case ANSWER_AMBIGUOUS:
		return;
	}
	CHECK(a->class == ANSWER_AMBIGUOUS); /* there is no other */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 100, 200, 204, 302, 400, 401, 402, 404,
		429, 500, 503, 599 };
	static struct network base;
	/* A copy of its own size: reading past the end shows. */
	char *copy = malloc(size == 0 ? 1 : size);
	struct x402_answer a;
	size_t i;

	CHECK(copy != NULL);
	memcpy(copy, data, size);
	CHECK(network_by_name(&base, "base", NULL) == RC_OK);
	for (i = 0; i < 2 * sizeof(statuses) / sizeof(statuses[0]); i++) {
		memset(&a, 0xa5, sizeof(a));
		x402_answer_read(&a, &base, statuses[i / 2],
		    (struct slice){ copy, size }, i % 2 != 0);
		check_answer(&a, statuses[i / 2]);
	}
	free(copy);
	return 0;
}
