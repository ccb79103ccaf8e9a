/*
 * JSON-RPC 2.0 over HTTP to one or more nodes of a chain (Ethereum's
 * execution-apis), many calls at once. Only reads go this way, and signed
 * transactions, which a chain takes once however often they come: so a call
 * may be repeated, and a node that wants a pause (HTTP 429 or 503, or an error
 * that names its limit of calls) gets RPC_TRIES chances after short waits.
 *
 * What a node says is taken apart strictly: the answer's id must be the
 * call's, quantities and data are checked digit by digit; what doesn't fit
 * is no answer.
 *
 * One thread at a time.
 */
#ifndef WORKNET_EVM_RPC_H
#define WORKNET_EVM_RPC_H

#include "http/http.h"
#include "json/json.h"

#define RPC_NODES_MAX	  8
#define RPC_NAME_MAX	  80   /* bytes of a node's name */
#define RPC_PARAMS_MAX	  1024 /* bytes; a dry run has 700 */
#define RPC_ERROR_MAX	  240  /* bytes */
#define RPC_TIMEOUT_MS	  15000
#define RPC_BODY_MAX	  (1024 * 1024) /* bytes of an answer */
#define RPC_AT_ONCE	  8		/* public nodes count calls a second */
#define RPC_TRIES	  4	/* of a call that the node wants a pause for */
#define RPC_PAUSES_MAX_MS 60000 /* all pauses of one struct rpc together */
#define RPC_SLOW_MAX	  3	/* timeouts until a node isn't asked any more */
#define RPC_STOP_MS	  3000	/* after a stop, for what is begun */
#define RPC_HASH_LEN	  32

struct rpc;

/*
 * Makes *out (rpc_free) from the nodes' URLs, separated by blanks, commas or
 * ends of lines. RC_INVALID without a URL, with more than RPC_NODES_MAX, the
 * same one twice (a host in capitals or with a dot behind it, the default port
 * or an empty path make no difference), or one that can't be requested;
 * RC_NO_MEMORY, RC_IO. URLs often hold a secret: no message has more of them
 * than the host.
 */
MUST_CHECK enum rc rpc_new(struct rpc **out, const char *urls, struct err *e);
void rpc_free(struct rpc *r);

/*
 * Once fd (-1: none) is readable, calls have RPC_STOP_MS more in all; those
 * after that fail at once. It is left unread.
 */
void rpc_stop_at(struct rpc *r, int fd);
/* True once that time is over: a loop ends. */
bool rpc_is_stopped(struct rpc *r);

size_t rpc_count(const struct rpc *r);
/* How many hosts the nodes have: two ports of one host are one. */
size_t rpc_hosts(const struct rpc *r);
/* Requests that were sent, repeated ones, too. */
int64_t rpc_calls(const struct rpc *r);
/* The host and port of a node, for messages. */
const char *rpc_name(const struct rpc *r, size_t node);

enum rpc_outcome {
	RPC_FAILED, /* no usable answer: error says why */
	RPC_ERROR,  /* the node answered with an error */
	RPC_RESULT,
};

/* Why there is no result, as far as it says what to do about it. */
enum rpc_cause {
	RPC_CAUSE_OTHER,
	RPC_CAUSE_TOO_MUCH, /* a smaller question may be answered */
	RPC_CAUSE_SLOW,	    /* no answer in time: a far smaller one may be */
	RPC_CAUSE_BUSY,	    /* the node's limit of calls, after all tries */
	RPC_CAUSE_AWAY,	    /* it can't be reached */
	RPC_CAUSE_STOPPED,  /* see rpc_stop_at */
};

struct rpc_call {
	size_t node;
	const char *method;	     /* a literal */
	char params[RPC_PARAMS_MAX]; /* JSON array */
	const char *long_params;     /* in place of them; borrowed, or NULL */

	/* Set by rpc_run. */
	enum rpc_outcome outcome;
	enum rpc_cause cause;	       /* unless RPC_RESULT */
	struct json *document;	       /* owned: rpc_call_reset */
	const struct json *result;     /* in it; of RPC_RESULT */
	const struct json *error_data; /* in it; may be NULL */
	int64_t error_code;	       /* 0: none */
	char error[RPC_ERROR_MAX + 1]; /* or "" */
};

/* Frees what c got, keeps what it asks. A zeroed call is fine. */
void rpc_call_reset(struct rpc_call *c);

/*
 * Prepares c; the parameters are printed as a JSON array. A zeroed or reset
 * call before.
 */
void rpc_call_set(struct rpc_call *c, size_t node, const char *method,
    const char *params, ...) PRINTF_LIKE(4, 5);

/*
 * The same with parameters of any length, which are borrowed until the call
 * is reset.
 */
void rpc_call_set_long(struct rpc_call *c, size_t node, const char *method,
    const char *long_params);

/*
 * Carries out the n calls, RPC_AT_ONCE at a time. Each has an outcome
 * afterwards; without memory it is RPC_FAILED. A node that has let calls time
 * out RPC_SLOW_MAX times, and answered no such call between, isn't asked any
 * more: RPC_CAUSE_AWAY.
 */
void rpc_run(struct rpc *r, struct rpc_call *calls, size_t n);

/*
 * Sets what rpc_run sets, of a node's answer to the call that was sent with
 * this id: HTTP status and body, which may be anything. A zeroed or reset
 * call before.
 */
void
rpc_answer_read(struct rpc_call *c, uint64_t id, int status, struct slice body);

/* ---- Values; each returns false for anything else, or NULL ---- */

/* QUANTITY: "0x0", or "0x" and 1 to 16 digits without leading zeros. */
bool rpc_quantity(uint64_t *out, const struct json *value);

/* DATA of exactly len bytes. */
bool rpc_data(uint8_t *out, size_t len, const struct json *value);

/* DATA of up to max bytes; *len tells how many. */
bool
rpc_data_some(uint8_t *out, size_t max, size_t *len, const struct json *value);

#endif
