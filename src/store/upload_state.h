/*
 * What of the log is in the object store already: kept, so that the store isn't
 * asked about all of it again. The truth is the store: what is lost here is
 * asked anew. One thread.
 */
#ifndef WORKNET_STORE_UPLOAD_STATE_H
#define WORKNET_STORE_UPLOAD_STATE_H

#include "base/conf.h"
#include "store/store.h"

#define UPLOAD_LEFT_MAX 1000

struct upload_state {
	char label[STORE_LABEL_MAX + 1]; /* the store's */
	int64_t next;			 /* leaves before it are there, */
	size_t left_n;			 /* but for these, in order */
	int64_t left[UPLOAD_LEFT_MAX];
};

/*
 * Reads what is known of the store of [upload]: nothing, if no file says
 * anything of it, or one that isn't whole, which is told. RC_IO.
 */
MUST_CHECK enum rc
upload_state_read(struct upload_state *s, const struct conf *c, struct err *e);

/* On disk when it returns; anybody may read it. RC_IO, RC_NO_MEMORY. */
MUST_CHECK enum rc upload_state_write(
    const struct upload_state *s, const struct conf *c, struct err *e);

#endif
