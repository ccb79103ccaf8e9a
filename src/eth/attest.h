/*
 * What a worker attests: the text that it signs with EIP-191 personal_sign,
 *	{"taskId":"…","workerAddress":"…","timestamp":…,"success":…}
 * exactly as JavaScript's JSON.stringify writes it, the address in the very
 * letter case in which it was sent. Pure functions; any thread.
 */
#ifndef WORKNET_ETH_ATTEST_H
#define WORKNET_ETH_ATTEST_H

#include "eth/sign.h"

struct attestation {
	struct slice task_id; /* [A-Za-z0-9_.:-]{1,64} */
	struct address worker;
	enum address_form form; /* as sent */
	int64_t timestamp_ms;	/* 0 to 2^53-1 */
	bool success;
	/* The worker in that form, ADDRESS_LEN characters, if the caller has
	 * it; NULL: made here, which costs a hash for a checksum. */
	const char *worker_text;
};

/* True for [A-Za-z0-9_.:-]{1,64}: such an id needs no escape in JSON. */
bool task_id_is_valid(struct slice id);

/* The EIP-191 digest of a's text. a->task_id must be valid. */
void
attest_digest(uint8_t out[static KECCAK256_LEN], const struct attestation *a);

/* RC_OK when a->worker signed a; RC_INVALID says why not. */
MUST_CHECK enum rc attest_check(const struct attestation *a,
    const uint8_t sig[static SIGNATURE_LEN], struct err *e);

/* Signs a with key, whose address must be a->worker (else RC_INVALID). */
MUST_CHECK enum rc attest_sign(uint8_t sig[static SIGNATURE_LEN],
    const struct attestation *a, const struct eth_key *key, struct err *e);

#endif
