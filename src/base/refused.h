/*
 * Why the answer of a slot's holder was refused, as the transparency log says
 * it for ever: one word for each reason for which a result can be refused that
 * its worker signed, of a slot that it holds. doc/protocol says what they mean.
 * Pure functions; any thread.
 */
#ifndef WORKNET_BASE_REFUSED_H
#define WORKNET_BASE_REFUSED_H

#include "base/buf.h"

enum refused {
	REFUSED_NOT, /* it wasn't */
	REFUSED_TOO_OLD,
	REFUSED_FROM_FUTURE,
	REFUSED_EXPIRED,
	REFUSED_NO_OUTCOME,
	REFUSED_CONTRADICTION,
	REFUSED_BEFORE_ASSIGNMENT,
	REFUSED_OVER_TIMEOUT,
	REFUSED_OVER_WAIT,
	REFUSED_SUSPENDED,
	REFUSED_REASONS
};

/* Its word, lower case with hyphens; not of REFUSED_NOT. */
const char *refused_word(enum refused r);

/* REFUSED_NOT for what is no word of these. */
enum refused refused_parse(struct slice word);

#endif
