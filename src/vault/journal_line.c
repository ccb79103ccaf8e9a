#include "vault/journal_line.h"

#include <string.h>

#include "eth/hex.h"

#define HASH_SIZE HEX_SIZE(KECCAK256_LEN)

static const char *const kind_names[JOURNAL_KINDS] = { "payout", "adopted",
	"gas", "settled" };

/*
 * A million of them are read when a run starts: what printf and scanf do would
 * be half of that time.
 */
static char *
put_text(char *to, const char *text)
{
	size_t len = strlen(text);

	memcpy(to, text, len);
	return to + len;
}

/* At least so many digits; n isn't negative. */
static char *
put_digits(char *to, int64_t n, int least)
{
	char digits[20];
	int i = 0;

	for (; n > 0 || i < least; n /= 10)
		digits[i++] = (char)('0' + n % 10);
	while (i > 0)
		*to++ = digits[--i];
	return to;
}

static char *
put_number(char *to, const char *before, int64_t n)
{
	CHECK(n >= 0);
	return put_digits(put_text(to, before), n, 1);
}

/* Moves *from behind that text, or says that it isn't there. */
static bool
take_text(const char **from, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*from, text, len) != 0)
		return false;
	*from += len;
	return true;
}

/* The same of that text and a number from 0 on. */
static bool
take_number(const char **from, const char *before, int64_t *n)
{
	const char *first;

	*n = 0;
	if (!take_text(from, before))
		return false;
	for (first = *from; **from >= '0' && **from <= '9'; ++*from)
		if (__builtin_mul_overflow(*n, 10, n) ||
		    __builtin_add_overflow(*n, **from - '0', n))
			return false;
	return *from > first;
}

/* The same of a word, and the space after it. */
static bool
take_word(const char **from, struct slice *word)
{
	const char *end = strchr(*from, ' ');

	if (end == NULL)
		return false;
	*word = (struct slice){ *from, (size_t)(end - *from) };
	*from = end + 1;
	return true;
}

/*
 * Days since 1970 as a date of the Gregorian calendar: H. Hinnant,
 * chrono-Compatible Low-Level Date Algorithms, civil_from_days. The C
 * library's looks for time zones in files, which the vault can't open.
 */
static char *
put_time(char *to, int64_t s)
{
	int64_t days = s / 86400, z = days + 719468, era = z / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;
	int64_t year = yoe + era * 400 + (month <= 2);

	s -= days * 86400;
	to = put_digits(to, year, 4);
	to = put_digits(put_text(to, "-"), month, 2);
	to = put_digits(put_text(to, "-"), doy - (153 * mp + 2) / 5 + 1, 2);
	to = put_digits(put_text(to, "T"), s / 3600, 2);
	to = put_digits(put_text(to, ":"), s / 60 % 60, 2);
	to = put_digits(put_text(to, ":"), s % 60, 2);
	return put_text(to, "Z");
}

/* Ends a line, which begins there, with its hash. */
static size_t
line_end(char *line, char *end, const uint8_t hash[static KECCAK256_LEN])
{
	CHECK(end - line + HASH_SIZE < JOURNAL_LINE_MAX);
	hex_encode(end, hash, KECCAK256_LEN);
	end[HASH_SIZE - 1] = '\n';
	return (size_t)(end - line) + HASH_SIZE;
}

/*
 * An entry's hash from that of the line before it. Of its values, not of its
 * text, which is twice as long and would cost Keccak a second block.
 */
static void
entry_hash(uint8_t hash[static KECCAK256_LEN],
    const struct journal_entry *entry, int64_t n)
{
	const int64_t numbers[] = { n, entry->at_s, entry->kind, entry->number,
		entry->amount, entry->end_s };
	uint8_t bytes[sizeof(numbers)];
	struct keccak k;
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] =
		    (uint8_t)((uint64_t)numbers[i / 8] >> (56 - 8 * (i % 8)));
	keccak_init(&k);
	keccak_update(&k, hash, KECCAK256_LEN);
	keccak_update(&k, bytes, sizeof(bytes));
	keccak_update(&k, entry->payee.b, sizeof(entry->payee.b));
	keccak_final(&k, hash);
}

static char *
put_address(char *to, const char *before, const struct address *a)
{
	to = put_text(to, before);
	hex_encode(to, a->b, sizeof(a->b));
	return to + ADDRESS_LEN;
}

size_t
journal_header_write(char line[static JOURNAL_LINE_MAX],
    const struct journal_owner *o, int64_t now_s,
    uint8_t hash[static KECCAK256_LEN])
{
	char *to = put_text(line, JOURNAL_MAGIC "ledger ");

	hex_encode(to, o->ledger_id, LEDGER_ID_LEN);
	to = put_number(to + strlen(to), " chain ", o->chain_id);
	to = put_address(to, " token ", &o->token);
	to = put_address(to, " treasury ", &o->treasury);
	to = put_time(put_text(to, " begun "), now_s);
	to = put_text(put_number(to, " ", now_s), " ");
	keccak256(hash, line, (size_t)(to - line));
	return line_end(line, to, hash);
}

size_t
journal_entry_write(char line[static JOURNAL_LINE_MAX],
    const struct journal_entry *entry, int64_t n,
    uint8_t hash[static KECCAK256_LEN])
{
	char *to = put_number(line, "", n);

	to = put_time(put_text(to, " "), entry->at_s);
	to = put_number(to, " ", entry->at_s);
	to = put_text(put_text(to, " "), kind_names[entry->kind]);
	to = put_address(to, " ", &entry->payee);
	to = put_number(to, " number ", entry->number);
	to = put_number(to, " amount ", entry->amount);
	to = put_number(to, " until ", entry->end_s);
	entry_hash(hash, entry, n);
	return line_end(line, put_text(to, " "), hash);
}

/* When the header says that it was begun, or -1. */
int64_t
journal_header_time(const char *line)
{
	const char *at = strstr(line, " begun ");
	struct slice text;
	int64_t s;

	if (at == NULL || !take_text(&at, " begun ") ||
	    !take_word(&at, &text) || !take_number(&at, "", &s))
		return -1;
	return s;
}

/* Loosely: what is read is written again and compared. */
bool
journal_entry_parse(struct journal_entry *out, const char *line)
{
	struct slice ignored, kind, payee;
	int i;

	*out = (struct journal_entry){ .number = 0 };
	if (!take_word(&line, &ignored) || !take_word(&line, &ignored) ||
	    !take_number(&line, "", &out->at_s) || !take_text(&line, " ") ||
	    !take_word(&line, &kind) || !take_word(&line, &payee) ||
	    !take_number(&line, "number ", &out->number) ||
	    !take_number(&line, " amount ", &out->amount) ||
	    !take_number(&line, " until ", &out->end_s))
		return false;
	for (i = 0; i < JOURNAL_KINDS; i++)
		if (slice_is(kind, kind_names[i]))
			break;
	out->kind = (enum journal_kind)i;
	return i < JOURNAL_KINDS &&
	    hex_decode(out->payee.b, sizeof(out->payee.b), payee, NULL) ==
	    RC_OK;
}

void
journal_time_write(char out[static JOURNAL_LINE_MAX], int64_t s)
{
	*put_time(out, s) = '\0';
}
