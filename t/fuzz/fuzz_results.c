/* The body of POST /v1/worker/results. */
#include "t/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "api/results.h"
#include "base/utf8.h"
#include "eth/attest.h"

static struct result_batch batch;

/* What the api relies on. */
static void
check_claim(const struct claim *c)
{
	const struct attestation a = { c->task_id, c->worker, c->row.form,
		c->row.timestamp_ms, c->row.success, c->worker_text };
	uint8_t digest[KECCAK256_LEN];

	CHECK(c->outcome == CLAIM_OPEN || c->outcome == CLAIM_MALFORMED);
	if (c->outcome == CLAIM_MALFORMED) {
		CHECK(c->reason[0] != '\0');
		return;
	}
	CHECK(task_id_is_valid(c->task_id));
	CHECK(c->row.timestamp_ms >= 0 && c->row.timestamp_ms <= JSON_INT_MAX);
	CHECK(!c->row.has_error ||
	    utf8_is_text(c->row.error.p, c->row.error.len));
	attest_digest(digest, &a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own size: reading past the end shows. */
	char *copy = malloc(size == 0 ? 1 : size);
	struct err e = ERR_INIT;
	size_t i;

	CHECK(copy != NULL);
	memcpy(copy, data, size);
	if (results_parse(&batch, (struct slice){ copy, size }, &e) == RC_OK) {
		CHECK(batch.n >= 1 && batch.n <= RESULTS_PER_POST_MAX);
		for (i = 0; i < batch.n; i++)
			check_claim(&batch.claims[i]);
	} else {
		CHECK(e.msg[0] != '\0');
	}
	free(copy);
	return 0;
}
