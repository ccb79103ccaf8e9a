#include "tlog/tile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Groups of three digits, all but the last after an x: x001/x234/067. */
static size_t
number(char *out, size_t size, int64_t n)
{
	size_t len = 0;

	if (n >= 1000)
		len = number(out, size, n / 1000);
	if (n >= 1000) {
		/* What came before isn't the last group any more. */
		const char *last = strrchr(out, '/');
		const size_t at = last == NULL ? 0 : (size_t)(last + 1 - out);

		memmove(out + at + 1, out + at, len - at + 1);
		out[at] = 'x';
		len++;
		out[len++] = '/';
	}
	return len +
	    (size_t)snprintf(out + len, size - len, "%03d", (int)(n % 1000));
}

void
tile_path(
    char out[static TILE_PATH_MAX + 1], int level, int64_t n, int64_t width)
{
	size_t len;

	if (level == TILE_ENTRIES)
		len = (size_t)snprintf(out, TILE_PATH_MAX + 1, "tile/entries/");
	else
		len =
		    (size_t)snprintf(out, TILE_PATH_MAX + 1, "tile/%d/", level);
	len += number(out + len, TILE_PATH_MAX + 1 - len, n);
	if (width < TILE_WIDTH)
		(void)snprintf(
		    out + len, TILE_PATH_MAX + 1 - len, ".p/%" PRId64, width);
}

int64_t
tile_hashes(int level, int64_t size)
{
	return level <= 0 ? size : size >> (8 * level);
}

int64_t
tile_width(int level, int64_t n, int64_t size)
{
	const int64_t rest = tile_hashes(level, size) - n * TILE_WIDTH;

	if (rest <= 0)
		return 0;
	return rest < TILE_WIDTH ? rest : TILE_WIDTH;
}

void
tile_fold(struct tree_hash *out, const struct tree_hash *hash, size_t n)
{
	struct tree_hash left, right;

	if (n == 1) {
		*out = hash[0];
		return;
	}
	tile_fold(&left, hash, n / 2);
	tile_fold(&right, hash + n / 2, n / 2);
	tree_node(out, &left, &right);
}

void
tile_entry_add(struct buf *out, struct slice entry)
{
	const uint8_t head[2] = { (uint8_t)(entry.len >> 8),
		(uint8_t)entry.len };

	buf_add(out, head, sizeof(head));
	buf_add(out, entry.p, entry.len);
}

enum rc
tile_entry_next(struct slice *bundle, struct slice *entry, struct err *e)
{
	size_t len;

	if (bundle->len < 2)
		return err_set(
		    e, RC_INVALID, "a bundle ends before its entries do");
	len = (size_t)(uint8_t)bundle->p[0] << 8 | (uint8_t)bundle->p[1];
	if (bundle->len < 2 + len)
		return err_set(
		    e, RC_INVALID, "a bundle ends inside of an entry");
	*entry = (struct slice){ bundle->p + 2, len };
	bundle->p += 2 + len;
	bundle->len -= 2 + len;
	return RC_OK;
}
