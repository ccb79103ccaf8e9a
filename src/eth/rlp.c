#include "eth/rlp.h"

#define SHORT_MAX  55	/* longer ones have their length in bytes of its own */
#define STRING	   0x80 /* first byte of a string, plus its length */
#define LIST	   0xc0 /* of a list */
#define SINGLE_MAX 0x7f /* a byte up to this is its own encoding */

/* The bytes of n, big-endian, without leading zeros; how many. */
static size_t
number_bytes(uint8_t out[static 8], uint64_t n)
{
	size_t i, len = 0;
	uint64_t rest;

	for (rest = n; rest > 0; rest >>= 8)
		len++;
	for (i = len; i > 0; n >>= 8)
		out[--i] = (uint8_t)n;
	return len;
}

static void
head(struct buf *b, uint8_t kind, size_t len)
{
	uint8_t bytes[1 + 8];
	size_t n = 0;

	if (len <= SHORT_MAX) {
		bytes[0] = (uint8_t)(kind + len);
	} else {
		n = number_bytes(bytes + 1, len);
		bytes[0] = (uint8_t)(kind + SHORT_MAX + n);
	}
	buf_add(b, bytes, 1 + n);
}

void
rlp_bytes(struct buf *b, const void *p, size_t len)
{
	if (len != 1 || *(const uint8_t *)p > SINGLE_MAX)
		head(b, STRING, len);
	buf_add(b, p, len);
}

void
rlp_number(struct buf *b, uint64_t n)
{
	uint8_t bytes[8] = { 0 };

	rlp_bytes(b, bytes, number_bytes(bytes, n));
}

void
rlp_big(struct buf *b, const uint8_t *p, size_t len)
{
	for (; len > 0 && *p == 0; len--)
		p++;
	rlp_bytes(b, p, len);
}

void
rlp_list_head(struct buf *b, size_t len)
{
	head(b, LIST, len);
}
