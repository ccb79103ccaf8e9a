/*
 * What a payout asks of the token, as JSON-RPC calls: FiatTokenV2_2 (USDC),
 * EIP-20 and EIP-3009 in the ABI of Solidity. Prepares calls and reads their
 * answers; no network here. Private to src/evm, but for the hash
 * of a transaction.
 *
 * An answer that isn't exactly of the expected form is none: a node that
 * doesn't know the contract (yet) says "0x", and that is neither zero nor
 * false.
 */
#ifndef WORKNET_EVM_TOKEN_H
#define WORKNET_EVM_TOKEN_H

#include "eth/transaction.h"
#include "evm/network.h"
#include "evm/rpc.h"

#define TX_HASH_LEN 32

/* keccak256 of the events' signatures: a log's first topic. */
extern const uint8_t topic_authorization_used[32];
extern const uint8_t topic_authorization_canceled[32];
extern const uint8_t topic_transfer[32];

enum token_question {
	TOKEN_SEPARATOR,   /* DOMAIN_SEPARATOR() */
	TOKEN_NAME,	   /* name() */
	TOKEN_PAUSED,	   /* paused() */
	TOKEN_BALANCE,	   /* balanceOf(address) */
	TOKEN_BLACKLISTED, /* isBlacklisted(address) */
};

/*
 * Prepares the question to a node; address may be NULL where none is asked
 * about. block is a tag or a quantity: the state at the end of it.
 */
void token_ask(struct rpc_call *c, size_t node, const struct network *n,
    enum token_question question, const struct address *address,
    const char *block);

/* authorizationState(from, nonce): true when used or canceled. */
void token_ask_state(struct rpc_call *c, size_t node, const struct network *n,
    const struct transfer_authorization *a, const char *block);

/*
 * The same at the end of the block with this hash (EIP-1898), which no node
 * can take for another block; not all know this form.
 */
void token_ask_state_in(struct rpc_call *c, size_t node,
    const struct network *n, const struct transfer_authorization *a,
    const uint8_t block_hash[static RPC_HASH_LEN]);

/*
 * Calls transfer(to, value) as from, without sending it: a node asks nobody for
 * a signature then.
 */
void token_ask_payment(struct rpc_call *c, size_t node, const struct network *n,
    const struct address *from, const struct address *to, uint64_t value);

/* Calls transferWithAuthorization(..., v, r, s) without sending it. */
void token_ask_transfer(struct rpc_call *c, size_t node,
    const struct network *n, const struct signed_transfer *t);

/* Answers: false when there is none of this form; *out is then zero. */
bool token_read_word(uint8_t out[static 32], const struct rpc_call *c);
bool token_read_number(uint64_t *out, const struct rpc_call *c);
bool token_read_bool(bool *out, const struct rpc_call *c);
/* A string, as text_clean leaves it. */
bool token_read_text(char *out, size_t size, const struct rpc_call *c);

/* A word as a number below 2^64; false when it is greater. */
bool token_number_of_word(uint64_t *out, const uint8_t word[static 32]);

/*
 * Why the call reverted: Error(string) where the node passes it on, else its
 * message. False when c's outcome isn't a revert but some other trouble.
 */
bool token_read_revert(char *out, size_t size, const struct rpc_call *c);

#endif
