#include "eth/round.h"

#include <string.h>

#include "eth/typed.h"

static_assert(ROUND_LEAVES_MAX >= RESULTS_PER_POST_MAX,
    "a tree holds the results of a submission");

/* keccak256 of each type; t/unit/test_round.c compares them with the texts. */
static const uint8_t type_check_result[KECCAK256_LEN] = { 0x57, 0x47, 0xf3,
	0x98, 0x35, 0x50, 0xcf, 0x3a, 0x81, 0x8a, 0x1c, 0xdf, 0x44, 0x83, 0x37,
	0xc7, 0x13, 0x6d, 0x25, 0x47, 0x11, 0xfa, 0x17, 0x0f, 0x58, 0x03, 0x9b,
	0x9d, 0x43, 0x50, 0x32, 0xc5 };
static const uint8_t type_assignment[KECCAK256_LEN] = { 0x3a, 0x21, 0x86, 0xf5,
	0x67, 0x26, 0x19, 0xc8, 0x97, 0x87, 0x5d, 0xb6, 0xe3, 0x16, 0xfd, 0xea,
	0x79, 0x13, 0xa3, 0x72, 0x71, 0xa8, 0xfa, 0x42, 0x2b, 0x26, 0x2c, 0x2a,
	0xdc, 0xb4, 0x10, 0xc9 };

static const uint8_t type_check_round[KECCAK256_LEN] = { 0xf3, 0x78, 0x1d, 0x97,
	0x12, 0xe6, 0xad, 0xb4, 0xeb, 0x9e, 0x42, 0x24, 0x81, 0x89, 0x6f, 0x8a,
	0x98, 0xc7, 0x24, 0xb5, 0x35, 0x3c, 0xf4, 0x15, 0xad, 0x61, 0x59, 0xd8,
	0x70, 0xf7, 0xa7, 0x97 };

/* The domain's words before the salt: its type, "worknet", "1". */
static const uint8_t domain_words[3 * KECCAK256_LEN] = { 0x59, 0x9a, 0x80, 0xfc,
	0xaa, 0x47, 0xb9, 0x5e, 0x23, 0x23, 0xab, 0x4d, 0x34, 0xd3, 0x4e, 0x0c,
	0xc9, 0xfe, 0xda, 0x4b, 0x84, 0x3e, 0xda, 0xfc, 0xc3, 0x0c, 0x7b, 0xdf,
	0x60, 0xea, 0x15, 0xbf, 0x6d, 0x96, 0x3d, 0xb3, 0x9c, 0x8c, 0xe4, 0x64,
	0x96, 0x24, 0xb8, 0x4e, 0xfb, 0x44, 0x8c, 0x86, 0x77, 0xde, 0x44, 0x7e,
	0x75, 0x7b, 0x4d, 0x46, 0x37, 0x4e, 0x19, 0x14, 0x90, 0x82, 0xbe, 0x1e,
	0xc8, 0x9e, 0xfd, 0xaa, 0x54, 0xc0, 0xf2, 0x0c, 0x7a, 0xdf, 0x61, 0x28,
	0x82, 0xdf, 0x09, 0x50, 0xf5, 0xa9, 0x51, 0x63, 0x7e, 0x03, 0x07, 0xcd,
	0xcb, 0x4c, 0x67, 0x2f, 0x29, 0x8b, 0x8b, 0xc6 };

void
round_assignment_hash(
    uint8_t out[static KECCAK256_LEN], const struct round_assignment *a)
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, type_assignment, sizeof(type_assignment));
	keccak_update(&k, a->ledger_id, LEDGER_ID_LEN);
	typed_add_number(&k, a->slot);
	typed_add_address(&k, &a->worker);
	typed_add_number(&k, a->anchor_size);
	keccak_update(&k, a->anchor_root, 32);
	keccak_final(&k, out);
}

void
round_result_hash(
    uint8_t out[static KECCAK256_LEN], const struct round_result *r)
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, type_check_result, sizeof(type_check_result));
	keccak_update(&k, r->assignment, sizeof(r->assignment));
	typed_add_text(&k, r->task_id);
	typed_add_text(&k, r->url);
	typed_add_number(&k, r->expected_status);
	typed_add_number(&k, r->timestamp_ms);
	typed_add_number(&k, r->success);
	typed_add_number(&k, r->status);
	typed_add_number(&k, r->response_ms);
	typed_add_text(&k, r->error);
	typed_add_text(&k, r->trace);
	typed_add_text(&k, r->region);
	keccak_final(&k, out);
}

static void
domain_separator(uint8_t out[static KECCAK256_LEN], const uint8_t *ledger_id)
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, domain_words, sizeof(domain_words));
	keccak_update(&k, ledger_id, LEDGER_ID_LEN);
	keccak_final(&k, out);
}

void
round_digest(uint8_t out[static KECCAK256_LEN], const struct round *r)
{
	uint8_t domain[KECCAK256_LEN], message[KECCAK256_LEN];
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, type_check_round, sizeof(type_check_round));
	typed_add_address(&k, &r->worker);
	typed_add_number(&k, r->count);
	keccak_update(&k, r->root.b, sizeof(r->root.b));
	keccak_final(&k, message);
	domain_separator(domain, r->ledger_id);
	typed_digest(out, domain, message);
}

enum rc
round_check(const struct round *r, const uint8_t sig[static SIGNATURE_LEN],
    struct err *e)
{
	char got[ADDRESS_LEN + 1], expected[ADDRESS_LEN + 1];
	uint8_t digest[KECCAK256_LEN];
	struct address signer;
	enum rc rc;

	round_digest(digest, r);
	rc = eth_recover(&signer, digest, sig, e);
	if (rc != RC_OK || memcmp(signer.b, r->worker.b, sizeof(signer.b)) == 0)
		return rc;
	address_format(got, &signer, ADDRESS_CHECKSUM);
	address_format(expected, &r->worker, ADDRESS_CHECKSUM);
	return err_set(e, RC_INVALID,
	    "signature of the round: got signer %s, expected %s", got,
	    expected);
}

enum rc
round_sign(uint8_t sig[static SIGNATURE_LEN], const struct round *r,
    const struct eth_key *key, struct err *e)
{
	uint8_t digest[KECCAK256_LEN];

	round_digest(digest, r);
	return eth_sign(sig, digest, key, e);
}
