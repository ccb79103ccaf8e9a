/*
 * Transactions and their data, byte for byte as viem makes them
 * (t/payout/parts/make-transactions.mjs), and RLP's own examples.
 */
#include "eth/rlp.h"
#include "eth/transaction.h"
#include "t/unit/vectors.h"

#define LISTS_MAX (1024 * 1024)

static uint64_t
number_of(const struct json *v, const char *key)
{
	return strtoull(text_of(v, key), NULL, 10);
}

/* The bytes of a hex text, appended to b. */
static void
bytes_of(struct buf *b, const struct json *v, const char *key)
{
	const char *text = text_of(v, key);
	size_t len = (strlen(text) - 2) / 2;
	uint8_t *p = malloc(len + 1);

	hex_of(p, len, v, key);
	buf_init(b, LISTS_MAX);
	buf_add(b, p, len);
	free(p);
}

static bool
same_bytes(const struct buf *a, const struct buf *b)
{
	return !a->failed && !b->failed && a->len == b->len &&
	    memcmp(a->p, b->p, a->len) == 0;
}

/* ---- RLP ---- */

static void
rlp_is(const struct buf *b, const char *expected, const char *name)
{
	char text[600];

	hex_encode(text, (const uint8_t *)b->p, b->len);
	tap_is_text(text, expected, name);
}

/* The Yellow Paper's and the Ethereum wiki's. */
static void
test_rlp(void)
{
	static const uint8_t zeros[3] = { 0, 0, 4 };
	struct buf b, list;

	buf_init(&b, 256);
	buf_init(&list, 256);
	rlp_bytes(&b, "dog", 3);
	rlp_is(&b, "0x83646f67", "a short string follows its length");
	buf_reset(&b);
	rlp_bytes(&b, "", 0);
	rlp_is(&b, "0x80", "the empty string is one byte");
	buf_reset(&b);
	rlp_bytes(&b, "\0", 1);
	rlp_is(&b, "0x00", "a zero byte stands for itself");
	buf_reset(&b);
	rlp_number(&b, 0);
	rlp_is(&b, "0x80", "the number 0 is the empty string");
	buf_reset(&b);
	rlp_number(&b, 1024);
	rlp_is(&b, "0x820400", "a number is big-endian, without zeros");
	buf_reset(&b);
	rlp_big(&b, zeros, 3);
	rlp_is(&b, "0x04", "and so is one that is given as bytes");
	buf_reset(&b);
	rlp_big(&b, zeros, 2);
	rlp_is(&b, "0x80", "of which zero is empty, too");
	buf_reset(&b);
	rlp_bytes(&list, "cat", 3);
	rlp_bytes(&list, "dog", 3);
	rlp_list_head(&b, list.len);
	buf_add(&b, list.p, list.len);
	rlp_is(&b, "0xc88363617483646f67", "a list follows its items' length");
	buf_reset(&b);
	rlp_bytes(
	    &b, "Lorem ipsum dolor sit amet, consectetur adipisicing elit", 56);
	tap_ok(b.len == 58 && memcmp(b.p, "\xb8\x38", 2) == 0,
	    "a string of 56 bytes has its length in a byte of its own");
	buf_free(&b);
	buf_free(&list);
}

/* ---- Transactions ---- */

static void
transaction_of(struct transaction *t, const struct json *v, struct buf *data)
{
	bytes_of(data, v, "data");
	*t = (struct transaction){
		.chain_id = number_of(v, "chainId"),
		.nonce = number_of(v, "nonce"),
		.tip_wei = number_of(v, "tipWei"),
		.max_fee_wei = number_of(v, "maxFeeWei"),
		.gas_limit = number_of(v, "gasLimit"),
		.data = { data->p, data->len },
	};
	address_of(&t->to, text_of(v, "to"));
}

static void
test_transaction(const struct json *v)
{
	uint8_t digest[32], expected[32], hash[32], sig[SIGNATURE_LEN];
	struct buf data, raw, made;
	struct err e = ERR_INIT;
	struct transaction t;
	struct eth_key key;
	bool ok;

	transaction_of(&t, v, &data);
	key_of(&key, text_of(v, "privateKey"));
	bytes_of(&raw, v, "raw");
	buf_init(&made, TRANSACTION_MAX);
	hex_of(expected, sizeof(expected), v, "digest");
	ok = transaction_digest(digest, &t, &e) == RC_OK;
	tap_ok(ok && memcmp(digest, expected, 32) == 0, "%s has its digest",
	    text_of(v, "name"));
	ok = eth_sign(sig, digest, &key, &e) == RC_OK &&
	    transaction_write(&made, hash, &t, sig, &e) == RC_OK;
	tap_ok(ok && same_bytes(&made, &raw), "%s is written as viem does",
	    text_of(v, "name"));
	hex_of(expected, sizeof(expected), v, "hash");
	tap_ok(memcmp(hash, expected, 32) == 0, "%s has its hash",
	    text_of(v, "name"));
	buf_free(&data);
	buf_free(&raw);
	buf_free(&made);
}

static void
test_transactions(const struct json *all)
{
	const struct json *v;
	size_t i;

	for (i = 0; (v = json_at(all, i)) != NULL; i++)
		test_transaction(v);
	tap_ok(i > 0, "there are transactions");
}

/* What doesn't fit fails, and says nothing of a hash. */
static void
test_too_long(void)
{
	static char data[TRANSACTION_MAX];
	struct transaction t = { .data = { data, sizeof(data) } };
	uint8_t digest[32], hash[32], sig[SIGNATURE_LEN] = { [64] = 27 };
	struct err e = ERR_INIT;
	struct buf b;

	tap_ok(transaction_digest(digest, &t, &e) == RC_NO_MEMORY &&
		is_zero(digest, sizeof(digest)),
	    "a transaction with more data than there may be has no digest");
	buf_init(&b, TRANSACTION_MAX);
	tap_ok(transaction_write(&b, hash, &t, sig, &e) == RC_NO_MEMORY &&
		is_zero(hash, sizeof(hash)),
	    "and isn't written");
	buf_free(&b);
}

/* ---- Data ---- */

static size_t
transfers_of(struct signed_transfer *out, const struct json *all)
{
	const struct json *v;
	size_t i;

	for (i = 0; (v = json_at(all, i)) != NULL; i++) {
		out[i] = (struct signed_transfer){
			.authorization = { .value = number_of(v, "value"),
			    .valid_after = number_of(v, "validAfter"),
			    .valid_before = number_of(v, "validBefore") }
		};
		address_of(&out[i].authorization.from, text_of(v, "from"));
		address_of(&out[i].authorization.to, text_of(v, "to"));
		hex_of(out[i].authorization.nonce, 32, v, "nonce");
		hex_of(out[i].signature, SIGNATURE_LEN, v, "signature");
	}
	return i;
}

static void
single_is(
    const struct signed_transfer *t, const struct json *v, const char *key)
{
	struct buf made, expected;

	bytes_of(&expected, v, key);
	buf_init(&made, TRANSACTION_DATA_MAX);
	transfer_data(&made, t);
	tap_ok(same_bytes(&made, &expected),
	    "the %s transfer's data is as viem writes it", key);
	buf_free(&made);
	buf_free(&expected);
}

static void
test_data(const struct json *v)
{
	struct signed_transfer all[TRANSFERS_MAX];
	size_t n = transfers_of(all, json_get(v, "transfers"));
	uint8_t hash[32], expected[32];
	struct address token, to;
	struct buf made;

	single_is(&all[0], v, "first");
	single_is(&all[n - 1], v, "last");
	address_of(&token, text_of(v, "token"));
	address_of(&to, text_of(v, "to"));
	hex_of(expected, sizeof(expected), v, "dataHash");
	buf_init(&made, TRANSACTION_DATA_MAX);
	transfers_data(&made, &token, all, n);
	keccak256(hash, made.p, made.len);
	tap_ok(!made.failed && memcmp(hash, expected, 32) == 0,
	    "the data of %zu transfers is as viem writes it", n);
	tap_ok(
	    same_address(&to, &multicall3), "it is for Multicall3's address");
	buf_free(&made);
}

static void
test_all_data(const struct json *all)
{
	const struct json *v;
	size_t i;

	for (i = 0; (v = json_at(all, i)) != NULL; i++)
		test_data(v);
	tap_ok(i > 0, "there is data");
	tap_ok(transfers_gas(1) == 340000 && transfers_gas(64) == 9160000 &&
		transfers_gas(TRANSFERS_MAX) < GAS_MAX,
	    "gas is by the rule, and below what a transaction may have");
}

int
main(void)
{
	struct json *all = vectors_read("transaction-1559.json");

	test_rlp();
	test_transactions(json_get(all, "transactions"));
	test_too_long();
	test_all_data(json_get(all, "data"));
	json_free(all);
	return tap_done();
}
