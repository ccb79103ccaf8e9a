#include "store/pack.h"

#include <stdlib.h>
#include <zstd.h>

/* A segment of 170 kB has 36 kB at level 3, 30 kB at 19, which takes 60 times
 * as long. */
#define LEVEL 3

size_t
pack_max(size_t len)
{
	return ZSTD_compressBound(len);
}

/* Moves bytes that are written to where there is room for them. */
static enum rc
give(struct buf *out, char *bytes, size_t len, struct err *e)
{
	buf_add(out, bytes, len);
	free(bytes);
	return buf_status(out, e);
}

enum rc
pack(struct buf *out, struct slice bytes, struct err *e)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	const size_t room = pack_max(bytes.len);
	char *packed = malloc(room);
	size_t len;
	bool ok;

	ok = c != NULL && packed != NULL &&
	    !ZSTD_isError(
		ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, LEVEL)) &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1));
	len = ok ? ZSTD_compress2(c, packed, room, bytes.p, bytes.len) : 0;
	ok = ok && !ZSTD_isError(len);
	(void)ZSTD_freeCCtx(c);
	if (ok)
		return give(out, packed, len, e);
	free(packed);
	return err_set(e, RC_NO_MEMORY, "zstd: no memory");
}

enum rc
unpack(struct buf *out, struct slice frames, size_t max, struct err *e)
{
	char *bytes = malloc(max + 1);
	size_t len;

	if (bytes == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	len = ZSTD_decompress(bytes, max, frames.p, frames.len);
	if (!ZSTD_isError(len))
		return give(out, bytes, len, e);
	free(bytes);
	return err_set(e, RC_INVALID, "not zstd: %s", ZSTD_getErrorName(len));
}
