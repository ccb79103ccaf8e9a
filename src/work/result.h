/*
 * What one check found, and its signed text for the coordinator. Any thread.
 */
#ifndef WORKNET_WORK_RESULT_H
#define WORKNET_WORK_RESULT_H

#include "base/buf.h"
#include "eth/attest.h"
#include "eth/hex.h"
#include "http/http.h"
#include "work/task.h"

#define CHECK_ERROR_MAX 160 /* bytes; far below RESULT_ERROR_MAX */

/*
 * The longest text of one result: id, address, signature, error (ASCII, of
 * which at most quotes and backslashes are escaped) and what is around them.
 */
#define RESULT_LEN_MAX                                         \
	(TASK_ID_MAX + ADDRESS_LEN + HEX_SIZE(SIGNATURE_LEN) + \
	    2 * CHECK_ERROR_MAX + 256)

/* Who signs. */
struct identity {
	struct eth_key key; /* wipe it with identity_wipe */
	struct address address;
	char text[ADDRESS_LEN + 1]; /* EIP-55 */
};

/* Reads the key file. As eth_key_read; *out is all zero on failure. */
MUST_CHECK enum rc
identity_read(struct identity *out, const char *path, struct err *e);
void identity_wipe(struct identity *id);

struct finding {
	const struct task *task;  /* borrowed */
	int64_t timestamp_ms;	  /* Unix, at the end of the check */
	bool success;		  /* the final status is the expected one */
	int64_t response_time_ms; /* to the final answer's header */
	int status;		  /* 0: no answer came */
	char error[CHECK_ERROR_MAX + 1]; /* ASCII; "": none */
};

/* What r, the response to t's request, means. */
void finding_make(struct finding *out, const struct task *t,
    const struct http_response *r, int64_t now_ms);

/*
 * The hash of f in a round of its worker's. False unless its task offers
 * rounds, with an assignment that is the hash of what it says and of this
 * worker.
 */
bool finding_hash(uint8_t out[static KECCAK256_LEN], const struct finding *f,
    const struct identity *id);

/* What the log will have of f, whose task is private. RC_NO_MEMORY. */
MUST_CHECK enum rc finding_seal(uint8_t out[static SHA256_LEN],
    const struct finding *f, const struct identity *id, struct err *e);

/*
 * Appends the JSON object of f as one of a round, at most RESULT_LEN_MAX bytes,
 * with its hash. RC_NO_MEMORY.
 */
MUST_CHECK enum rc
finding_write_hashed(struct buf *out, const struct finding *f,
    const uint8_t hash[static KECCAK256_LEN], struct err *e);

/*
 * Signs f by itself and appends its JSON object, at most RESULT_LEN_MAX bytes,
 * to out.
 * RC_INVALID when the key can't sign, RC_NO_MEMORY.
 */
MUST_CHECK enum rc finding_write(struct buf *out, const struct finding *f,
    const struct identity *id, struct err *e);

#endif
