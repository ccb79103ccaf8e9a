/*
 * Errors: a function that can fail returns enum rc, and where the cause is
 * known it writes one message into the caller's struct err. Callers pass both
 * up; the edge of the program logs the message once.
 */
#ifndef WORKNET_BASE_ERR_H
#define WORKNET_BASE_ERR_H

#define ERR_MSG_MAX 512 /* bytes with the NUL; longer text is cut */

#define MUST_CHECK	  __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum rc {
	RC_OK = 0,
	RC_INVALID,   /* the input is wrong; the same input fails again */
	RC_NOT_FOUND, /* what was asked for does not exist */
	RC_CONFLICT,  /* it exists already, or its state forbids this */
	RC_BUSY,      /* not now: locked, full, overloaded; try later */
	RC_IO,	      /* the system or a peer failed */
	RC_NO_MEMORY,
	RC_CORRUPT, /* the ledger contradicts itself */
};

struct err {
	enum rc rc;
	char msg[ERR_MSG_MAX];
};

#define ERR_INIT          \
	{                 \
		RC_OK, "" \
	}

/*
 * Records rc and the formatted message in e, which may be NULL, and returns
 * rc. Must not be called with RC_OK.
 */
enum rc
err_set(struct err *e, enum rc rc, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "text: " in front of e's message and returns its rc; e isn't NULL. */
enum rc err_prefix(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A short lower-case name of rc, for logs. Never NULL. */
const char *rc_name(enum rc rc);

/*
 * A programmer's error: stays on in release builds and aborts. The condition
 * has no side effect and never depends on input.
 */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))

void check_failed(const char *cond, const char *file, int line)
    __attribute__((noreturn, cold));

#endif
