#include "evm/token.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "eth/hex.h"

#define WORDS_MAX 9   /* transferWithAuthorization's arguments */
#define TEXT_MAX  512 /* bytes of an ABI-encoded string */

/* A call's data: selector and arguments, in hex. */
struct calldata {
	char text[2 + 8 + 64 * WORDS_MAX + 1];
	size_t len;
};

static_assert(sizeof(((struct calldata *)0)->text) + 100 < RPC_PARAMS_MAX,
    "the longest call and its address and block fit");

const uint8_t topic_authorization_used[32] = { 0x98, 0xde, 0x50, 0x35, 0x28,
	0xee, 0x59, 0xb5, 0x75, 0xef, 0x0c, 0x0a, 0x25, 0x76, 0xa8, 0x24, 0x97,
	0xbf, 0xc0, 0x29, 0xa5, 0x68, 0x5b, 0x20, 0x9e, 0x9e, 0xc3, 0x33, 0x47,
	0x9b, 0x10, 0xa5 };
const uint8_t topic_authorization_canceled[32] = { 0x1c, 0xdd, 0x46, 0xff, 0x24,
	0x27, 0x16, 0xcd, 0xaa, 0x72, 0xd1, 0x59, 0xd3, 0x39, 0xa4, 0x85, 0xb3,
	0x43, 0x83, 0x98, 0x34, 0x8d, 0x68, 0xf0, 0x9d, 0x7c, 0x8c, 0x0a, 0x59,
	0x35, 0x3d, 0x81 };
const uint8_t topic_transfer[32] = { 0xdd, 0xf2, 0x52, 0xad, 0x1b, 0xe2, 0xc8,
	0x9b, 0x69, 0xc2, 0xb0, 0x68, 0xfc, 0x37, 0x8d, 0xaa, 0x95, 0x2b, 0xa7,
	0xf1, 0x63, 0xc4, 0xa1, 0x16, 0x28, 0xf5, 0x5a, 0x4d, 0xf5, 0x23, 0xb3,
	0xef };

/* The first four bytes of the keccak256 of the functions' signatures. */
static const struct {
	const char *selector;
	bool has_address;
} questions[] = {
	[TOKEN_SEPARATOR] = { "0x3644e515", false },
	[TOKEN_NAME] = { "0x06fdde03", false },
	[TOKEN_PAUSED] = { "0x5c975abb", false },
	[TOKEN_BALANCE] = { "0x70a08231", true },
	[TOKEN_BLACKLISTED] = { "0xfe575a87", true },
};

#define SELECTOR_STATE	  "0xe94a0102"
#define SELECTOR_TRANSFER "0xa9059cbb"	     /* transfer(address,uint256) */
#define SELECTOR_ERROR	  "\x08\xc3\x79\xa0" /* Error(string) */

/* ---- Asking ---- */

static void
data_start(struct calldata *d, const char *selector)
{
	d->len = (size_t)snprintf(d->text, sizeof(d->text), "%s", selector);
}

static void
data_word(struct calldata *d, const uint8_t word[static 32])
{
	char hex[HEX_SIZE(32)];

	hex_encode(hex, word, 32);
	CHECK(d->len + 64 < sizeof(d->text));
	memcpy(d->text + d->len, hex + 2, 64 + 1);
	d->len += 64;
}

static void
data_address(struct calldata *d, const struct address *a)
{
	uint8_t word[32] = { 0 };

	memcpy(word + 12, a->b, sizeof(a->b));
	data_word(d, word);
}

static void
set_call(struct rpc_call *c, size_t node, const struct network *n,
    const struct calldata *d, const char *block)
{
	char token[ADDRESS_LEN + 1];

	address_format(token, &n->token, ADDRESS_LOWER);
	rpc_call_set(c, node, "eth_call",
	    "[{\"to\":\"%s\",\"data\":\"%s\"},\"%s\"]", token, d->text, block);
}

void
token_ask(struct rpc_call *c, size_t node, const struct network *n,
    enum token_question question, const struct address *address,
    const char *block)
{
	struct calldata d;

	data_start(&d, questions[question].selector);
	if (questions[question].has_address)
		data_address(&d, address);
	set_call(c, node, n, &d, block);
}

static void
data_state(struct calldata *d, const struct transfer_authorization *a)
{
	data_start(d, SELECTOR_STATE);
	data_address(d, &a->from);
	data_word(d, a->nonce);
}

void
token_ask_state(struct rpc_call *c, size_t node, const struct network *n,
    const struct transfer_authorization *a, const char *block)
{
	struct calldata d;

	data_state(&d, a);
	set_call(c, node, n, &d, block);
}

void
token_ask_state_in(struct rpc_call *c, size_t node, const struct network *n,
    const struct transfer_authorization *a,
    const uint8_t block_hash[static RPC_HASH_LEN])
{
	char token[ADDRESS_LEN + 1], hash[HEX_SIZE(RPC_HASH_LEN)];
	struct calldata d;

	data_state(&d, a);
	address_format(token, &n->token, ADDRESS_LOWER);
	hex_encode(hash, block_hash, RPC_HASH_LEN);
	rpc_call_set(c, node, "eth_call",
	    "[{\"to\":\"%s\",\"data\":\"%s\"},{\"blockHash\":\"%s\"}]", token,
	    d.text, hash);
}

void
token_ask_payment(struct rpc_call *c, size_t node, const struct network *n,
    const struct address *from, const struct address *to, uint64_t value)
{
	char payer[ADDRESS_LEN + 1], token[ADDRESS_LEN + 1];
	uint8_t word[32] = { 0 };
	struct calldata d;
	size_t i;

	data_start(&d, SELECTOR_TRANSFER);
	data_address(&d, to);
	for (i = 0; i < 8; i++)
		word[31 - i] = (uint8_t)(value >> 8 * i);
	data_word(&d, word);
	address_format(payer, from, ADDRESS_LOWER);
	address_format(token, &n->token, ADDRESS_LOWER);
	rpc_call_set(c, node, "eth_call",
	    "[{\"from\":\"%s\",\"to\":\"%s\",\"data\":\"%s\"},\"latest\"]",
	    payer, token, d.text);
}

void
token_ask_transfer(struct rpc_call *c, size_t node, const struct network *n,
    const struct signed_transfer *t)
{
	struct calldata d;
	struct buf b;

	buf_init(&b, sizeof(d.text) / 2);
	transfer_data(&b, t);
	CHECK(HEX_SIZE(b.len) <= sizeof(d.text));
	hex_encode(d.text, (const uint8_t *)b.p, b.len);
	buf_free(&b);
	set_call(c, node, n, &d, "latest");
}

/* ---- Reading ---- */

bool
token_read_word(uint8_t out[static 32], const struct rpc_call *c)
{
	memset(out, 0, 32);
	return c->outcome == RPC_RESULT && rpc_data(out, 32, c->result);
}

bool
token_number_of_word(uint64_t *out, const uint8_t word[static 32])
{
	uint64_t n = 0;
	size_t i;

	*out = 0;
	for (i = 0; i < 24; i++)
		if (word[i] != 0)
			return false;
	for (; i < 32; i++)
		n = n << 8 | word[i];
	*out = n;
	return true;
}

bool
token_read_number(uint64_t *out, const struct rpc_call *c)
{
	uint8_t word[32];

	*out = 0;
	return token_read_word(word, c) && token_number_of_word(out, word);
}

bool
token_read_bool(bool *out, const struct rpc_call *c)
{
	uint64_t n;

	*out = false;
	if (!token_read_number(&n, c) || n > 1)
		return false;
	*out = n == 1;
	return true;
}

/* ABI: the offset of the string (32), its length, its bytes, padding. */
static bool
read_abi_text(char *out, size_t size, const uint8_t *p, size_t len)
{
	uint64_t offset, n;

	if (len < 64 || !token_number_of_word(&offset, p) || offset != 32 ||
	    !token_number_of_word(&n, p + 32) || n > len - 64)
		return false;
	text_clean(
	    out, size, (struct slice){ (const char *)p + 64, (size_t)n });
	return true;
}

bool
token_read_text(char *out, size_t size, const struct rpc_call *c)
{
	uint8_t data[TEXT_MAX];
	size_t len;

	out[0] = '\0';
	return c->outcome == RPC_RESULT &&
	    rpc_data_some(data, sizeof(data), &len, c->result) &&
	    read_abi_text(out, size, data, len);
}

/* Code 3 (geth and others), or what some nodes say with another code. */
static bool
is_revert(const struct rpc_call *c)
{
	return c->outcome == RPC_ERROR &&
	    (c->error_code == 3 ||
		strncmp(c->error, "execution reverted", 18) == 0 ||
		strstr(c->error, "VM Exception") != NULL);
}

bool
token_read_revert(char *out, size_t size, const struct rpc_call *c)
{
	static const char head[] = "execution reverted: ";
	const char *text = c->error;
	uint8_t data[4 + TEXT_MAX];
	size_t len;

	out[0] = '\0';
	if (!is_revert(c))
		return false;
	if (rpc_data_some(data, sizeof(data), &len, c->error_data) &&
	    len >= 4 && memcmp(data, SELECTOR_ERROR, 4) == 0 &&
	    read_abi_text(out, size, data + 4, len - 4))
		return true;
	if (strncmp(text, head, sizeof(head) - 1) == 0)
		text += sizeof(head) - 1;
	text_clean(out, size, slice_of(text));
	return true;
}
