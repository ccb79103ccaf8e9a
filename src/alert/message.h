/*
 * What a receiver is sent of an event: by each kind's own rules, with what
 * strangers wrote (a task's name, why there is maintenance) escaped by its
 * writer, never in a header as it is. Pure but for memory; one thread.
 */
#ifndef WORKNET_ALERT_MESSAGE_H
#define WORKNET_ALERT_MESSAGE_H

#include "alert/receiver.h"
#include "ledger/alert.h"

#define MESSAGE_HEADERS_MAX 6
#define MESSAGE_LINE_MAX    600 /* bytes of a header's line */

struct message {
	bool nothing; /* that kind isn't told of such events */
	/* Of a request: "Name: value", ended by NULL. */
	const char *headers[MESSAGE_HEADERS_MAX + 1];
	char lines[MESSAGE_HEADERS_MAX][MESSAGE_LINE_MAX];
	struct buf body; /* owned: a request's, or a whole mail */
};

/*
 * The body follows from the event and the receiver alone, so that each try has
 * the same one; the time of the try, now_ms, is in the headers. origin is where
 * the pages are, "": nowhere. RC_NO_MEMORY; free it with message_free, whatever
 * came of it.
 */
MUST_CHECK enum rc message_make(struct message *m, const struct receiver *r,
    const struct alert_event *event, const char *origin, int64_t now_ms,
    struct err *e);
void message_free(struct message *m);

/* The address that a mail goes to. */
const char *message_mail_address(const struct receiver *r);

/*
 * Appends the signatures of Standard Webhooks, "v1,BASE64" for each secret,
 * with blanks between. RC_INVALID of a secret that isn't one.
 */
MUST_CHECK enum rc message_sign(struct buf *out, const struct receiver *r,
    const char *id, int64_t timestamp_s, struct slice body, struct err *e);

#endif
