/*
 * What a worker signs of a round: EIP-712 typed data, one signature for all
 * results of a submission (scheme "eip712-round"; doc/protocol has the bytes).
 * The domain's name is worknet, its version 1, its salt the ledger's id.
 *
 *	CheckRound(address worker,uint16 count,bytes32 root)
 *	CheckResult(bytes32 assignment,string taskId,string url,
 *	    uint16 expectedStatus,uint64 timestamp,bool success,
 *	    uint16 statusCode,uint32 responseTimeMs,string error,string trace,
 *	    string region)
 *	Assignment(bytes32 ledger,uint64 slot,address worker,uint64 anchorSize,
 *	    bytes32 anchorRoot)
 *
 * root is that of a tree (eth/round_tree.h) whose entries are the results'
 * hashes, in the order of the submission; a result's assignment is the hash of
 * one. Pure functions; any thread.
 */
#ifndef WORKNET_ETH_ROUND_H
#define WORKNET_ETH_ROUND_H

#include "eth/nonce.h"
#include "eth/round_tree.h"
#include "eth/sign.h"

#define ROUND_SCHEME "eip712-round"

struct round_assignment {
	const uint8_t *ledger_id; /* LEDGER_ID_LEN bytes */
	uint64_t slot;
	struct address worker;
	uint64_t anchor_size;	    /* of the newest checkpoint then, */
	const uint8_t *anchor_root; /* 32 bytes */
};

struct round_result {
	uint8_t assignment[KECCAK256_LEN];
	struct slice task_id;
	struct slice url; /* as the worker was told it */
	uint16_t expected_status;
	uint64_t timestamp_ms;
	bool success;
	uint16_t status; /* 0: no answer came */
	uint32_t response_ms;
	struct slice error;  /* "" when none happened */
	struct slice trace;  /* of the answer, "name:value"; "" */
	struct slice region; /* the task's; "" for any */
};

struct round {
	const uint8_t *ledger_id;
	struct address worker;
	uint16_t count;
	struct round_tree_hash root;
};

/* EIP-712's hashStruct of each. */
void round_assignment_hash(
    uint8_t out[static KECCAK256_LEN], const struct round_assignment *a);
void round_result_hash(
    uint8_t out[static KECCAK256_LEN], const struct round_result *r);

/* What is signed of r. */
void round_digest(uint8_t out[static KECCAK256_LEN], const struct round *r);

/* RC_OK when r->worker signed r; RC_INVALID says why not. */
MUST_CHECK enum rc round_check(const struct round *r,
    const uint8_t sig[static SIGNATURE_LEN], struct err *e);

/* Signs r with key, as eth_sign. */
MUST_CHECK enum rc round_sign(uint8_t sig[static SIGNATURE_LEN],
    const struct round *r, const struct eth_key *key, struct err *e);

#endif
