#include "work/result.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "proof/seal.h"
#include "json/json.h"

static_assert(CHECK_ERROR_MAX <= RESULT_ERROR_MAX,
    "the coordinator must take our errors");
static_assert(RESULTS_PER_POST_MAX * (RESULT_LEN_MAX + 1) + 512 <= BODY_MAX,
    "a POST must hold the results of a round");

enum rc
identity_read(struct identity *out, const char *path, struct err *e)
{
	enum rc rc;

	memset(out, 0, sizeof(*out));
	rc = eth_key_read(&out->key, path, e);
	if (rc == RC_OK)
		rc = eth_key_address(&out->address, &out->key, e);
	if (rc == RC_OK)
		address_format(out->text, &out->address, ADDRESS_CHECKSUM);
	else
		identity_wipe(out);
	return rc;
}

void
identity_wipe(struct identity *id)
{
	secret_wipe(id, sizeof(*id));
}

/*
 * The error's name, which tells the coordinator nothing about this host.
 * Only with TLS do the details say something about the target that its
 * owner will want to know, such as an expired certificate.
 */
static const char *
error_of(const struct http_response *r)
{
	return r->error == HTTP_ERROR_TLS ? r->error_text
					  : http_error_name(r->error);
}

void
finding_make(struct finding *out, const struct task *t,
    const struct http_response *r, int64_t now_ms)
{
	*out = (struct finding){
		.task = t,
		.timestamp_ms = now_ms,
		.response_time_ms = r->elapsed_ms < 0 ? 0 : r->elapsed_ms,
	};
	if (r->error != HTTP_ERROR_NONE) {
		(void)snprintf(out->error, sizeof(out->error), "%.*s",
		    CHECK_ERROR_MAX, error_of(r));
		return;
	}
	out->status = r->status;
	out->success = t->type->is_success(r->status, t->expected_status);
}

/* What both schemes have. */
static void
write_found(struct json_writer *w, const struct finding *f)
{
	json_key(w, "timestamp");
	json_number(w, f->timestamp_ms);
	json_key(w, "success");
	json_bool(w, f->success);
	json_key(w, "responseTimeMs");
	json_number(w, f->response_time_ms);
	if (f->status != 0) {
		json_key(w, "statusCode");
		json_number(w, f->status);
	}
	if (f->error[0] != '\0') {
		json_key(w, "error");
		json_string(w, f->error);
	}
}

static void
write_members(struct json_writer *w, const struct finding *f,
    const struct identity *id, const char *signature)
{
	json_open_object(w);
	json_key(w, "taskId");
	json_string(w, f->task->id);
	json_key(w, "workerAddress");
	json_string(w, id->text);
	write_found(w, f);
	json_key(w, "signature");
	json_string(w, signature);
	json_close_object(w);
}

bool
finding_hash(uint8_t out[static KECCAK256_LEN], const struct finding *f,
    const struct identity *id)
{
	const struct task_round *t = &f->task->round;
	const struct round_assignment a = { .ledger_id = t->ledger_id,
		.slot = (uint64_t)t->slot,
		.worker = id->address,
		.anchor_size = (uint64_t)t->anchor_size,
		.anchor_root = t->anchor_root };
	struct round_result r = { .task_id = slice_of(f->task->id),
		.url = slice_of(f->task->url),
		.expected_status = (uint16_t)f->task->expected_status,
		.timestamp_ms = (uint64_t)f->timestamp_ms,
		.success = f->success,
		.status = (uint16_t)f->status,
		.response_ms = (uint32_t)f->response_time_ms,
		.error = slice_of(f->error),
		.trace = slice_of(""),
		.region = slice_of(t->region) };

	if (!t->offered || f->response_time_ms > UINT32_MAX)
		return false;
	round_assignment_hash(r.assignment, &a);
	round_result_hash(out, &r);
	return memcmp(r.assignment, t->assignment, sizeof(r.assignment)) == 0;
}

enum rc
finding_seal(uint8_t out[static SHA256_LEN], const struct finding *f,
    const struct identity *id, struct err *e)
{
	char worker[ADDRESS_LEN + 1];
	struct line l;

	address_format(worker, &id->address, ADDRESS_LOWER);
	line_init(&l);
	l.worker = slice_of(worker);
	l.outcome = slice_of("result");
	l.timestamp = f->timestamp_ms;
	l.success = f->success;
	l.status = f->status == 0 ? LINE_NONE : f->status;
	l.ms = f->response_time_ms;
	if (f->error[0] != '\0')
		l.error = slice_of(f->error);
	return seal_make(out, f->task->hidden.key, &l, e);
}

enum rc
finding_write_hashed(struct buf *out, const struct finding *f,
    const uint8_t hash[static KECCAK256_LEN], struct err *e)
{
	char text[HEX_SIZE(KECCAK256_LEN)];
	struct json_writer *w = NULL;
	enum rc rc;

	rc = json_writer_new(&w, out, false, e);
	if (rc != RC_OK)
		return rc;
	hex_encode(text, hash, KECCAK256_LEN);
	json_open_object(w);
	json_key(w, "taskId");
	json_string(w, f->task->id);
	json_key(w, "slot");
	json_number(w, f->task->round.slot);
	write_found(w, f);
	json_key(w, "hash");
	json_string(w, text);
	json_close_object(w);
	json_writer_free(w);
	return buf_status(out, e);
}

enum rc
finding_write(struct buf *out, const struct finding *f,
    const struct identity *id, struct err *e)
{
	struct attestation a = {
		.task_id = slice_of(f->task->id),
		.worker = id->address,
		.form = ADDRESS_CHECKSUM,
		.timestamp_ms = f->timestamp_ms,
		.success = f->success,
	};
	char signature[HEX_SIZE(SIGNATURE_LEN)];
	uint8_t sig[SIGNATURE_LEN];
	struct json_writer *w = NULL;
	enum rc rc;

	rc = attest_sign(sig, &a, &id->key, e);
	if (rc != RC_OK)
		return rc;
	hex_encode(signature, sig, sizeof(sig));
	rc = json_writer_new(&w, out, false, e);
	if (rc != RC_OK)
		return rc;
	write_members(w, f, id, signature);
	json_writer_free(w);
	return buf_status(out, e);
}
