/*
 * The witnesses of the configuration, who are asked for their cosignature of a
 * checkpoint (tlog/witness.h). None of them can stop the log, or make it wait
 * for longer than some seconds; what is wrong with one is told (faults.h). What
 * one has seen is known from the cosignatures of what is published, and else it
 * says so itself. One thread.
 */
#ifndef WORKNET_PUBLISH_WITNESSES_H
#define WORKNET_PUBLISH_WITNESSES_H

#include "http/http.h"
#include "publish/faults.h"
#include "tlog/policy.h"
#include "tlog/site.h"
#include "tlog/witness.h"

#define WITNESSES_MAX 16

enum witness_word {
	WITNESS_UNASKED,
	WITNESS_SIGNED, /* line has its cosignature */
	WITNESS_BEHIND, /* it has seen old leaves, and is asked again */
	WITNESS_AHEAD,	/* it says that it has seen more than there is */
	WITNESS_AWAY,	/* and isn't asked again by this run */
	WITNESS_WRONG,	/* it answers, and not as it should */
};

struct witness {
	struct note_key key;
	char url[URL_MAX + 1]; /* where it is asked */
	int64_t old;	       /* so many leaves has it seen */
	enum witness_word word;
	struct buf line; /* owned */
};

struct witnesses {
	size_t n;
	struct witness all[WITNESSES_MAX];
};

/*
 * Reads the list of the configuration, KEY URL KEY URL ...; freed with
 * witnesses_free. RC_INVALID says what is wrong with it.
 */
MUST_CHECK enum rc
witnesses_read(struct witnesses *w, const char *list, struct err *e);
void witnesses_free(struct witnesses *w);

/* So many must cosign: more than half. 0: there are no witnesses. */
size_t witnesses_needed(const struct witnesses *w);

/*
 * Takes the cosignatures that the published checkpoint has: if its text is that
 * of note they needn't be asked for.
 */
void witnesses_know(
    struct witnesses *w, const struct note *published, const struct note *note);

/*
 * Asks about the newest checkpoint, note, of size leaves, before another one is
 * signed. RC_CORRUPT: witnesses say that they have seen more, and not more of
 * them answer that they haven't. To go on would fork the log if that is so, so
 * those that are away don't count. RC_NO_MEMORY.
 */
MUST_CHECK enum rc witnesses_ask_before(struct witnesses *w,
    struct http_client *http, int64_t size, struct slice note, int64_t now_s,
    struct faults *f, struct err *e);

/*
 * Asks those whose cosignature of note, of the whole site, isn't known yet.
 * Errors of site.h, of which none is a witness's.
 */
MUST_CHECK enum rc
witnesses_ask(struct witnesses *w, struct http_client *http, struct site *site,
    struct slice note, int64_t now_s, struct faults *f, struct err *e);

/* Appends the cosignatures, and tells how many they are. */
size_t witnesses_lines(const struct witnesses *w, struct buf *out);

#endif
