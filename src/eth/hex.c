#include "eth/hex.h"

#include <string.h>

/* A digit's value plus one; 0 for what isn't a hex digit. */
static const uint8_t digit_values[256] = {
	['0'] = 1,
	['1'] = 2,
	['2'] = 3,
	['3'] = 4,
	['4'] = 5,
	['5'] = 6,
	['6'] = 7,
	['7'] = 8,
	['8'] = 9,
	['9'] = 10,
	['a'] = 11,
	['b'] = 12,
	['c'] = 13,
	['d'] = 14,
	['e'] = 15,
	['f'] = 16,
	['A'] = 11,
	['B'] = 12,
	['C'] = 13,
	['D'] = 14,
	['E'] = 15,
	['F'] = 16,
};

void
hex_encode(char *out, const uint8_t *p, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	*out++ = '0';
	*out++ = 'x';
	for (i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 0x0f];
	}
	*out = '\0';
}

/* The messages hold no digit of the text: it may be a private key. */
enum rc
hex_decode(uint8_t *out, size_t len, struct slice text, struct err *e)
{
	uint8_t high, low;
	size_t i;

	memset(out, 0, len);
	if (text.len < 2 || text.p[0] != '0' || text.p[1] != 'x')
		return err_set(e, RC_INVALID,
		    "hex: expected 0x and %zu digits, got no 0x", 2 * len);
	if (text.len != 2 + 2 * len)
		return err_set(e, RC_INVALID,
		    "hex: expected 0x and %zu digits, got %zu", 2 * len,
		    text.len - 2);
	for (i = 0; i < len; i++) {
		high = digit_values[(uint8_t)text.p[2 + 2 * i]];
		low = digit_values[(uint8_t)text.p[3 + 2 * i]];
		if (high == 0 || low == 0) {
			memset(out, 0, len);
			return err_set(e, RC_INVALID,
			    "hex: expected 0x and %zu digits, got another character at %zu",
			    2 * len, 2 + 2 * i + (high != 0));
		}
		out[i] = (uint8_t)((high - 1) << 4 | (low - 1));
	}
	return RC_OK;
}

bool
hex_is_lower(struct slice text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.p[i] >= 'A' && text.p[i] <= 'F')
			return false;
	return true;
}
