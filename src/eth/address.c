#include "eth/address.h"

#include <string.h>

#include "eth/hex.h"
#include "eth/keccak.h"

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/*
 * EIP-55: a letter is upper-case where the same nibble of the hash of the 40
 * lower-case digits is 8 or more.
 */
static void
apply_checksum(char text[static ADDRESS_LEN + 1])
{
	uint8_t hash[KECCAK256_LEN];
	char *digits = text + 2;
	size_t i, nibble;

	keccak256(hash, digits, ADDRESS_LEN - 2);
	for (i = 0; i < ADDRESS_LEN - 2; i++) {
		nibble = i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 0x0f;
		if (nibble >= 8 && is_lower(digits[i]))
			digits[i] = (char)(digits[i] - 'a' + 'A');
	}
}

static void
apply_upper(char text[static ADDRESS_LEN + 1])
{
	size_t i;

	for (i = 2; i < ADDRESS_LEN; i++)
		if (is_lower(text[i]))
			text[i] = (char)(text[i] - 'a' + 'A');
}

void
address_format(char out[static ADDRESS_LEN + 1], const struct address *a,
    enum address_form form)
{
	static_assert(HEX_SIZE(sizeof(a->b)) == ADDRESS_LEN + 1,
	    "an address and its NUL fill the caller's buffer");

	hex_encode(out, a->b, sizeof(a->b));
	if (form == ADDRESS_CHECKSUM)
		apply_checksum(out);
	else if (form == ADDRESS_UPPER)
		apply_upper(out);
}

/* The form that the letters of text suggest; a mixed one isn't checked. */
static enum address_form
form_of(struct slice text)
{
	bool lower = false, upper = false;
	size_t i;

	for (i = 2; i < text.len; i++) {
		lower = lower || is_lower(text.p[i]);
		upper = upper || is_upper(text.p[i]);
	}
	if (lower == upper)
		return ADDRESS_CHECKSUM;
	return lower ? ADDRESS_LOWER : ADDRESS_UPPER;
}

enum rc
address_parse(struct address *out, enum address_form *form, struct slice text,
    struct err *e)
{
	char expected[ADDRESS_LEN + 1];
	enum address_form found;

	if (form != NULL)
		*form = ADDRESS_CHECKSUM;
	if (hex_decode(out->b, sizeof(out->b), text, NULL) != RC_OK)
		return err_set(
		    e, RC_INVALID, "address must be 0x and 40 hex digits");
	found = form_of(text);
	if (found == ADDRESS_CHECKSUM) {
		/* EIP-55: a typo would send somebody's money nowhere. */
		address_format(expected, out, found);
		if (memcmp(text.p, expected, ADDRESS_LEN) != 0) {
			*out = (struct address){ { 0 } };
			return err_set(e, RC_INVALID,
			    "address has a wrong EIP-55 checksum");
		}
	}
	if (form != NULL)
		*form = found;
	return RC_OK;
}
