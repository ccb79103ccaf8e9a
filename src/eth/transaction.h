/*
 * Transactions of Ethereum of type 2 (EIP-1559), and what ours do: carry out
 * transfers that the token's owner has signed (EIP-3009), one or several.
 * They move no ether but for their gas, and have no access list. Any thread.
 *
 * Sources: EIP-1559, EIP-2718; the ABI of Solidity; FiatTokenV2_2; Multicall3
 * (mds1/multicall).
 */
#ifndef WORKNET_ETH_TRANSACTION_H
#define WORKNET_ETH_TRANSACTION_H

#include "base/buf.h"
#include "eth/eip712.h"
#include "eth/sign.h"

#define TRANSFERS_MAX 64 /* carried out by one transaction */

/*
 * Gas that a transaction may use: this for each transfer, and this once. It
 * is a rule and no estimate. What a node estimates for several transfers is
 * what the outer call needs: the inner ones run out of gas, and the
 * transaction succeeds without paying anybody. Measured of FiatTokenV2_2
 * behind its proxy: 103,000 for a payee that had nothing before.
 */
#define GAS_PER_TRANSFER 140000
#define GAS_ONCE	 200000
#define GAS_MAX		 16777216 /* of a transaction: EIP-7825 */

/* Bytes of 64 transfers' data, and room for the rest of a transaction. */
#define TRANSACTION_DATA_MAX (TRANSFERS_MAX * 480 + 256)
#define TRANSACTION_MAX	     (TRANSACTION_DATA_MAX + 256)

struct transaction {
	uint64_t chain_id;
	uint64_t nonce;	      /* of the account that sends it */
	uint64_t tip_wei;     /* for each gas, at most */
	uint64_t max_fee_wei; /* for each gas, the tip included */
	uint64_t gas_limit;
	struct address to;
	struct slice data; /* borrowed */
};

struct signed_transfer {
	struct transfer_authorization authorization;
	uint8_t signature[SIGNATURE_LEN];
};

/* Multicall3, at the same address on nearly every chain. */
extern const struct address multicall3;

/* ---- Data ---- */

/* Appends the token's transferWithAuthorization(..., v, r, s). */
void transfer_data(struct buf *b, const struct signed_transfer *t);

/*
 * Appends Multicall3's aggregate3 of n transfers, 1 to TRANSFERS_MAX: one that
 * the token refuses leaves the others alone (allowFailure).
 */
void transfers_data(struct buf *b, const struct address *token,
    const struct signed_transfer *all, size_t n);

uint64_t transfers_gas(size_t n);

/* ---- Transactions ---- */

/* What is signed. RC_NO_MEMORY. */
MUST_CHECK enum rc transaction_digest(uint8_t out[static KECCAK256_LEN],
    const struct transaction *t, struct err *e);

/*
 * Appends what is sent, of a signature of the digest (v 27 or 28); its hash,
 * which is the transaction's, goes to hash. RC_NO_MEMORY.
 */
MUST_CHECK enum rc transaction_write(struct buf *out,
    uint8_t hash[static KECCAK256_LEN], const struct transaction *t,
    const uint8_t sig[static SIGNATURE_LEN], struct err *e);

#endif
