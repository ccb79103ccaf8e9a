#include "ledger/canary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "eth/hex.h"

#define TAG_LEN	 12 /* bytes: none is guessed */
#define DAY_HEX	 8
#define SLOT_HEX 16

#define LOT_BLOCKS 4 /* of lots, a slot's */

static_assert(DAY_HEX + SLOT_HEX + 2 * TAG_LEN == CANARY_TOKEN_LEN,
    "a token is a day, a hidden slot and what proves it");

/* Besides 200; none that a client follows or tries again. */
static const int64_t others[] = { 403, 404, 410, 429, 500, 502, 503, 504 };

#define OTHERS (sizeof(others) / sizeof(others[0]))

static void
derive(uint8_t out[static SHA256_LEN], const uint8_t key[static CANARY_KEY_LEN],
    const char *what, int64_t n)
{
	size_t len = strlen(what);
	uint8_t text[16];
	int i;

	CHECK(len <= sizeof(text) - 8);
	memcpy(text, what, len);
	for (i = 0; i < 8; i++)
		text[len + (size_t)i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
	hmac_sha256(out, key, CANARY_KEY_LEN, text, len + 8);
}

void
canary_day_key(uint8_t key[static CANARY_KEY_LEN],
    const uint8_t master[static CANARY_KEY_LEN], int64_t day)
{
	derive(key, master, "day", day);
}

bool
canary_may_be_drill(const uint8_t key[static CANARY_KEY_LEN], int64_t slot)
{
	uint8_t h[SHA256_LEN];

	derive(h, key, "drill", slot);
	return (((int64_t)h[0] << 24 | (int64_t)h[1] << 16 |
		    (int64_t)h[2] << 8 | h[3]) %
		   1000) < DRILL_SHARE_MAX;
}

void
canary_lots(bool is_drill[static TASKS_PER_POLL_MAX],
    const uint8_t key[static CANARY_KEY_LEN], int64_t slot,
    int64_t share_permille, size_t n)
{
	uint8_t h[SHA256_LEN];
	size_t i, at;

	static_assert(TASKS_PER_POLL_MAX <= LOT_BLOCKS * SHA256_LEN / 2,
	    "an answer's places have lots of their own");
	for (i = 0; i < n; i++) {
		at = i % (SHA256_LEN / 2);
		if (at == 0)
			derive(h, key, "lot",
			    slot * LOT_BLOCKS +
				(int64_t)(i / (SHA256_LEN / 2)));
		is_drill[i] = ((h[2 * at] << 8 | h[2 * at + 1]) * 1000 >> 16) <
		    share_permille;
	}
}

int64_t
canary_wanted(const uint8_t key[static CANARY_KEY_LEN], int64_t slot)
{
	uint8_t h[SHA256_LEN];

	derive(h, key, "status", slot);
	return (h[0] & 1) != 0 ? CANARY_UP : others[h[1] % OTHERS];
}

static void
tag_make(uint8_t out[static TAG_LEN], const uint8_t key[static CANARY_KEY_LEN],
    int64_t slot, enum canary_kind kind)
{
	uint8_t h[SHA256_LEN];

	derive(h, key, kind == CANARY_DRILL ? "is one" : "is not", slot);
	memcpy(out, h, TAG_LEN);
}

/* The slot, hidden; and again itself. */
static uint64_t
slot_hide(const uint8_t key[static CANARY_KEY_LEN],
    const uint8_t tag[static TAG_LEN], uint64_t slot)
{
	static const char what[] = "hides";
	uint8_t h[SHA256_LEN], text[sizeof(what) - 1 + TAG_LEN];
	uint64_t mask = 0;
	int i;

	memcpy(text, what, sizeof(what) - 1);
	memcpy(text + sizeof(what) - 1, tag, TAG_LEN);
	hmac_sha256(h, key, CANARY_KEY_LEN, text, sizeof(text));
	for (i = 0; i < 8; i++)
		mask = mask << 8 | h[i];
	return slot ^ mask;
}

size_t
canary_place(const uint8_t key[static CANARY_KEY_LEN], int64_t slot, size_t n)
{
	uint8_t h[SHA256_LEN];

	derive(h, key, "place", slot);
	return ((size_t)h[0] << 24 | (size_t)h[1] << 16 | (size_t)h[2] << 8 |
		   h[3]) %
	    n;
}

void
canary_token(char out[static CANARY_TOKEN_LEN + 1],
    const uint8_t key[static CANARY_KEY_LEN], int64_t day, int64_t slot,
    enum canary_kind kind)
{
	char hex[HEX_SIZE(TAG_LEN)];
	uint8_t tag[TAG_LEN];

	tag_make(tag, key, slot, kind);
	hex_encode(hex, tag, TAG_LEN);
	(void)snprintf(out, CANARY_TOKEN_LEN + 1,
	    "%08" PRIx32 "%016" PRIx64 "%s", (uint32_t)day,
	    slot_hide(key, tag, (uint64_t)slot), hex + 2);
}

/* n digits, all of them. */
static bool
hex_take(const char *p, size_t digits, uint64_t *out)
{
	size_t i;
	int d;

	*out = 0;
	for (i = 0; i < digits; i++) {
		d = p[i] >= '0' && p[i] <= '9'	 ? p[i] - '0'
		    : p[i] >= 'a' && p[i] <= 'f' ? p[i] - 'a' + 10
						 : -1;
		if (d < 0)
			return false;
		*out = *out << 4 | (uint64_t)d;
	}
	return true;
}

static bool
tag_take(uint8_t tag[static TAG_LEN], const char *p)
{
	uint64_t byte;
	size_t i;

	for (i = 0; i < TAG_LEN; i++) {
		if (!hex_take(p + 2 * i, 2, &byte))
			return false;
		tag[i] = (uint8_t)byte;
	}
	return true;
}

enum canary_kind
canary_read(struct slice token, const uint8_t master[static CANARY_KEY_LEN],
    int64_t *status)
{
	static const enum canary_kind kinds[] = { CANARY_CHECK, CANARY_DRILL };
	uint8_t key[CANARY_KEY_LEN], tag[TAG_LEN], wanted[TAG_LEN];
	enum canary_kind is = CANARY_NONE;
	uint64_t day, hidden;
	int64_t slot;
	size_t i;

	*status = 0;
	if (token.len != CANARY_TOKEN_LEN ||
	    !hex_take(token.p, DAY_HEX, &day) ||
	    !hex_take(token.p + DAY_HEX, SLOT_HEX, &hidden) ||
	    !tag_take(tag, token.p + DAY_HEX + SLOT_HEX))
		return CANARY_NONE;
	canary_day_key(key, master, (int64_t)day);
	slot = (int64_t)slot_hide(key, tag, hidden);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		tag_make(wanted, key, slot, kinds[i]);
		if (memcmp(tag, wanted, TAG_LEN) == 0)
			is = kinds[i];
	}
	if (is != CANARY_NONE)
		*status =
		    is == CANARY_DRILL ? canary_wanted(key, slot) : CANARY_UP;
	secret_wipe(key, sizeof(key));
	return is;
}
