/*
 * Who is told of what happens to tasks, and by which secrets: a file for
 * worknet-alert and root alone ([alert] receivers_file), of a line each,
 *
 *	NAME KIND TASK WHERE [SECRET [SECRET]]
 *
 * with blanks between. KIND is webhook (Standard Webhooks; one secret, or two
 * while it is changed, "whsec_" and base64 of 24 to 64 bytes), pagerduty (its
 * routing key), slack, ntfy (an access token, or none) or mail, whose WHERE is
 * mailto:ADDRESS; of the others it is a URL. TASK is a task's name, or * for
 * all. A # begins a comment. One thread.
 */
#ifndef WORKNET_ALERT_RECEIVER_H
#define WORKNET_ALERT_RECEIVER_H

#include "base/buf.h"
#include "base/limits.h"

#define RECEIVERS_MAX	    100
#define RECEIVER_SECRET_MAX 200 /* bytes of a secret's text */
#define RECEIVER_SECRETS    2

enum receiver_kind {
	RECEIVER_WEBHOOK,
	RECEIVER_PAGERDUTY,
	RECEIVER_SLACK,
	RECEIVER_NTFY,
	RECEIVER_MAIL,
};

struct receiver {
	char name[RECEIVER_MAX + 1]; /* A-Z a-z 0-9 _ . - */
	enum receiver_kind kind;
	char task[TASK_ID_MAX + 1]; /* "": all */
	char where[URL_MAX + 1];
	char secrets[RECEIVER_SECRETS][RECEIVER_SECRET_MAX + 1]; /* the new
								    one first */
	size_t secrets_n;
};

struct receivers {
	struct receiver *all; /* owned */
	size_t n;
};

const char *receiver_kind_name(enum receiver_kind k);
/* RC_INVALID lists the kinds. */
MUST_CHECK enum rc
receiver_kind_parse(enum receiver_kind *out, const char *text, struct err *e);

/*
 * Whether that is a receiver that can be told: RC_INVALID says what isn't as it
 * must be, without any secret in it, nor where, which may be one.
 */
MUST_CHECK enum rc receiver_check(const struct receiver *r, struct err *e);

/*
 * Reads the file, which is secret (base/secret.h). RC_NOT_FOUND, RC_INVALID
 * with the line, RC_IO, RC_NO_MEMORY; free it with receivers_free, whatever
 * came of it.
 */
MUST_CHECK enum rc
receivers_read(struct receivers *out, const char *path, struct err *e);
void receivers_free(struct receivers *r);

/* That of the name, or NULL. */
struct receiver *receivers_find(const struct receivers *r, const char *name);

/*
 * Adds one. RC_CONFLICT when its name is taken, RC_INVALID also when there are
 * too many, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
receivers_add(struct receivers *r, const struct receiver *one, struct err *e);
void receivers_remove(struct receivers *r, struct receiver *one);

/* Puts them in the place of the file, in one step; comments are lost. RC_IO. */
MUST_CHECK enum rc
receivers_write(const struct receivers *r, const char *path, struct err *e);

/* A new secret for a webhook, in front of the newest one there was. RC_IO. */
MUST_CHECK enum rc receiver_secret_new(struct receiver *r, struct err *e);

/* The bytes of a webhook's secret. RC_INVALID. */
#define SECRET_BYTES_MIN 24
#define SECRET_BYTES_MAX 64
MUST_CHECK enum rc receiver_secret_bytes(uint8_t out[static SECRET_BYTES_MAX],
    size_t *len, const char *secret, struct err *e);

#endif
