/*
 * Memory for yajl, inside this room only. yajl uses what its allocator gives
 * without a look, so this one never gives NULL: where memory runs out it
 * jumps to the point that setjmp marked, and json_memory_release then frees
 * all that yajl held. One thread at a time.
 */
#ifndef WORKNET_JSON_MEMORY_H
#define WORKNET_JSON_MEMORY_H

#include <setjmp.h>

#include <yajl/yajl_common.h>

/* yajl holds 8 blocks at most: two objects, a stack, two buffers, a text. */
#define JSON_BLOCKS_MAX 16

struct json_memory {
	yajl_alloc_funcs funcs;	       /* for yajl_alloc */
	jmp_buf failed;		       /* setjmp before calling yajl */
	void *blocks[JSON_BLOCKS_MAX]; /* owned */
};

/* m must not move afterwards. */
void json_memory_init(struct json_memory *m);
/* Frees every block that is left. */
void json_memory_release(struct json_memory *m);

#endif
