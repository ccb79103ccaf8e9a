#include "eth/transaction.h"

#include <assert.h>
#include <string.h>

#include "eth/rlp.h"

#define TYPE 0x02 /* EIP-1559, in front of the list (EIP-2718) */
#define WORD 32	  /* bytes: the ABI's unit */

/* Selector, nine words. */
#define TRANSFER_LEN (4 + 9 * WORD)
/* In a list, bytes are padded to words. */
#define PADDED(len) (((len) + WORD - 1) / WORD * WORD)
/* Of a call in aggregate3: address, allowFailure, offset; length, bytes. */
#define CALL_LEN (4 * WORD + PADDED(TRANSFER_LEN))

static_assert(TRANSFERS_MAX * GAS_PER_TRANSFER + GAS_ONCE <= GAS_MAX,
    "the largest transaction is one that the chain takes");
static_assert(
    4 + 2 * WORD + TRANSFERS_MAX * (WORD + CALL_LEN) <= TRANSACTION_DATA_MAX,
    "the longest data fits");

const struct address multicall3 = { { 0xca, 0x11, 0xbd, 0xe0, 0x59, 0x77, 0xb3,
    0x63, 0x11, 0x67, 0x02, 0x88, 0x62, 0xbe, 0x2a, 0x17, 0x39, 0x76, 0xca,
    0x11 } };

static const uint8_t selector_transfer[4] = { 0xe3, 0xee, 0x16, 0x0e };
static const uint8_t selector_aggregate[4] = { 0x82, 0xad, 0x56, 0xcb };

/* ---- Data ---- */

static void
word_number(struct buf *b, uint64_t n)
{
	uint8_t word[WORD] = { 0 };
	size_t i;

	for (i = WORD; n > 0; n >>= 8)
		word[--i] = (uint8_t)n;
	buf_add(b, word, WORD);
}

static void
word_address(struct buf *b, const struct address *a)
{
	uint8_t word[WORD] = { 0 };

	memcpy(word + WORD - sizeof(a->b), a->b, sizeof(a->b));
	buf_add(b, word, WORD);
}

void
transfer_data(struct buf *b, const struct signed_transfer *t)
{
	const struct transfer_authorization *a = &t->authorization;

	buf_add(b, selector_transfer, sizeof(selector_transfer));
	word_address(b, &a->from);
	word_address(b, &a->to);
	word_number(b, a->value);
	word_number(b, a->valid_after);
	word_number(b, a->valid_before);
	buf_add(b, a->nonce, WORD);
	word_number(b, t->signature[64]); /* v */
	buf_add(b, t->signature, WORD);	  /* r */
	buf_add(b, t->signature + WORD, WORD);
}

/* Call3: (address target, bool allowFailure, bytes callData). */
static void
call_data(
    struct buf *b, const struct address *token, const struct signed_transfer *t)
{
	static const uint8_t padding[PADDED(TRANSFER_LEN) - TRANSFER_LEN];

	word_address(b, token);
	word_number(b, 1);
	word_number(b, 3 * WORD);
	word_number(b, TRANSFER_LEN);
	transfer_data(b, t);
	buf_add(b, padding, sizeof(padding));
}

void
transfers_data(struct buf *b, const struct address *token,
    const struct signed_transfer *all, size_t n)
{
	size_t i;

	CHECK(n > 0 && n <= TRANSFERS_MAX);
	buf_add(b, selector_aggregate, sizeof(selector_aggregate));
	word_number(b, WORD); /* where the list is */
	word_number(b, n);
	for (i = 0; i < n; i++) /* where each of its elements is */
		word_number(b, n * WORD + i * CALL_LEN);
	for (i = 0; i < n; i++)
		call_data(b, token, &all[i]);
}

uint64_t
transfers_gas(size_t n)
{
	return (uint64_t)n * GAS_PER_TRANSFER + GAS_ONCE;
}

/* ---- Transactions ---- */

/* The list's items, with those of the signature unless that is NULL. */
static void
items(struct buf *b, const struct transaction *t, const uint8_t *sig)
{
	rlp_number(b, t->chain_id);
	rlp_number(b, t->nonce);
	rlp_number(b, t->tip_wei);
	rlp_number(b, t->max_fee_wei);
	rlp_number(b, t->gas_limit);
	rlp_bytes(b, t->to.b, sizeof(t->to.b));
	rlp_number(b, 0); /* ether */
	rlp_bytes(b, t->data.p, t->data.len);
	rlp_list_head(b, 0); /* access list */
	if (sig == NULL)
		return;
	rlp_number(b, (uint64_t)sig[64] - 27);
	rlp_big(b, sig, WORD);
	rlp_big(b, sig + WORD, WORD);
}

static enum rc
encode(struct buf *out, const struct transaction *t, const uint8_t *sig,
    struct err *e)
{
	static const uint8_t type = TYPE;
	struct buf list;

	buf_init(&list, TRANSACTION_MAX);
	items(&list, t, sig);
	out->failed |= list.failed;
	buf_add(out, &type, 1);
	rlp_list_head(out, list.len);
	buf_add(out, list.p, list.len);
	buf_free(&list);
	return buf_status(out, e);
}

enum rc
transaction_digest(uint8_t out[static KECCAK256_LEN],
    const struct transaction *t, struct err *e)
{
	struct buf b;
	enum rc rc;

	memset(out, 0, KECCAK256_LEN);
	buf_init(&b, TRANSACTION_MAX);
	rc = encode(&b, t, NULL, e);
	if (rc == RC_OK)
		keccak256(out, b.p, b.len);
	buf_free(&b);
	return rc;
}

enum rc
transaction_write(struct buf *out, uint8_t hash[static KECCAK256_LEN],
    const struct transaction *t, const uint8_t sig[static SIGNATURE_LEN],
    struct err *e)
{
	size_t start = out->len;
	enum rc rc;

	CHECK(sig[64] == 27 || sig[64] == 28);
	memset(hash, 0, KECCAK256_LEN);
	rc = encode(out, t, sig, e);
	if (rc == RC_OK)
		keccak256(hash, out->p + start, out->len - start);
	return rc;
}
