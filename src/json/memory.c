#include "json/memory.h"

#include <stdlib.h>

#include "base/err.h"

/* Where block (or, for NULL, a new one) is kept; NULL when there is none. */
static void **
find_slot(struct json_memory *m, const void *block)
{
	size_t i;

	for (i = 0; i < JSON_BLOCKS_MAX; i++)
		if (m->blocks[i] == block)
			return &m->blocks[i];
	return NULL;
}

/* block is NULL for a new one. Doesn't return when there is no memory. */
static void *
memory_realloc(void *ctx, void *block, size_t size)
{
	struct json_memory *m = ctx;
	void **slot = find_slot(m, block);
	void *p;

	CHECK(slot != NULL);
	p = realloc(block, size);
	if (p == NULL)
		longjmp(m->failed, 1);
	*slot = p;
	return p;
}

static void *
memory_malloc(void *ctx, size_t size)
{
	return memory_realloc(ctx, NULL, size);
}

static void
memory_free(void *ctx, void *block)
{
	void **slot;

	if (block == NULL)
		return;
	slot = find_slot(ctx, block);
	CHECK(slot != NULL);
	*slot = NULL;
	free(block);
}

void
json_memory_init(struct json_memory *m)
{
	size_t i;

	m->funcs = (yajl_alloc_funcs){
		.malloc = memory_malloc,
		.realloc = memory_realloc,
		.free = memory_free,
		.ctx = m,
	};
	for (i = 0; i < JSON_BLOCKS_MAX; i++)
		m->blocks[i] = NULL;
}

void
json_memory_release(struct json_memory *m)
{
	size_t i;

	for (i = 0; i < JSON_BLOCKS_MAX; i++) {
		free(m->blocks[i]);
		m->blocks[i] = NULL;
	}
}
