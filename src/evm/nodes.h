/*
 * What the chain says, which alone decides about a payment: JSON-RPC to all
 * configured nodes, many payouts at once. Reads only; nothing here sends.
 *
 * Nodes fail, lag and disagree, and a payout that is wrongly taken for not
 * made is paid twice. So:
 * - an empty answer ("0x"), an error or no answer is never "unused";
 * - that an authorization can't be settled any more is only said with proof,
 *   and only if every configured node gives that proof;
 * - that it was settled is said when one node has a receipt which checks out:
 *   status 1, and in it the token's AuthorizationUsed(from, nonce) directly
 *   followed by Transfer(from, to, value), in a block that is still the one
 *   at its number. Who called the token doesn't matter: several
 *   authorizations may be settled by one transaction of anybody.
 *
 * Sources: execution-apis; EIP-3009; FiatTokenV2_2 of circlefin/
 * stablecoin-evm. One thread at a time.
 */
#ifndef WORKNET_EVM_NODES_H
#define WORKNET_EVM_NODES_H

#include "eth/transaction.h"
#include "evm/network.h"
#include "evm/token.h"

#define NODES_REASON_MAX 240 /* bytes of text without the NUL */

struct block {
	uint64_t number;
	uint64_t time_s; /* Unix seconds */
	uint8_t hash[RPC_HASH_LEN];
};

struct nodes;

/*
 * Makes *out (nodes_free); network is borrowed until then. rpc_urls as in
 * rpc_new. finality is the tag of blocks that count as final: "latest",
 * "safe" or "finalized". Talks to nobody yet. RC_INVALID, RC_NO_MEMORY,
 * RC_IO.
 */
MUST_CHECK enum rc nodes_new(struct nodes **out, const char *rpc_urls,
    const struct network *network, const char *finality, struct err *e);
void nodes_free(struct nodes *c);

/*
 * The newest block, and the newest final one, each the lowest that any node
 * which answers knows: no payment made from now on is in an older one. RC_IO
 * when no node of this chain answers.
 */
MUST_CHECK enum rc nodes_head(
    struct nodes *c, struct block *latest, struct block *final, struct err *e);

/* ---- Before paying ---- */

struct outlook {
	/*
	 * The treasury has code (a contract, or EIP-7702): then the token
	 * asks that code about signatures and takes none of its key.
	 */
	bool treasury_has_code;
	bool treasury_blacklisted;
	bool paused;
	uint64_t balance; /* of the treasury; the lowest seen */
	char token_name[CONF_WORD_MAX + 1]; /* what name() says */
	/* Nodes that don't answer; "" when all do. */
	char warning[NODES_REASON_MAX + 1];
};

/*
 * Looks at the token and the treasury on every node. RC_INVALID when a node
 * is of another chain, or the token's DOMAIN_SEPARATOR() isn't the network's
 * (what is signed would be worthless); RC_IO when no node answers to all.
 * The yes/no values are true when any node says so.
 */
MUST_CHECK enum rc nodes_inspect(struct nodes *c,
    const struct address *treasury, struct outlook *out, struct err *e);

/* The balance of a on the first node that tells. RC_IO. */
MUST_CHECK enum rc nodes_balance(
    struct nodes *c, const struct address *a, uint64_t *out, struct err *e);

enum precheck_opinion {
	PRECHECK_UNKNOWN = 0, /* no node says; reason has an error */
	PRECHECK_YES,	      /* it would be paid */
	PRECHECK_NO,	      /* not now; reason says why */
};

struct precheck {
	enum precheck_opinion opinion;
	char reason[NODES_REASON_MAX + 1];
};

/*
 * Whether the token would pay these addresses, as far as they are concerned:
 * isBlacklisted. The first node that answers is believed; it can change any
 * time. out has n elements.
 */
void precheck_payees(struct nodes *c, const struct address *payees, size_t n,
    struct precheck *out);

/*
 * Has the first node that answers try the transfers without sending them; a
 * reason is the token's own ("Blacklistable: account is blacklisted"). They
 * are tried one by one: the balance may not be enough for all. The token
 * tests expiry before use, so a reason proves nothing about the nonce.
 */
void precheck_transfers(struct nodes *c,
    const struct signed_transfer *transfers, size_t n, struct precheck *out);

/* ---- After signing ---- */

enum verdict {
	VERDICT_UNKNOWN = 0, /* reason says what is missing; ask again */
	/*
	 * So far no node that answers knows of a use; it can be settled any
	 * moment until EXPIRED_UNUSED. Posting the same bytes is safe.
	 */
	VERDICT_UNUSED,
	VERDICT_PAID, /* provisional until is_final */
	/* Final, on every node: the nonce was canceled by its owner. */
	VERDICT_CANCELED,
	/*
	 * Proven on every node: in a final block whose time is at or past
	 * validBefore the nonce is unused. It can never be settled.
	 */
	VERDICT_EXPIRED_UNUSED,
};

/* What is asked. */
struct judged_case {
	struct transfer_authorization authorization;
	/*
	 * The payment should be in this block or a later one (nodes_head
	 * before the first POST, less some slack). Only when the nonce is
	 * used and they don't show it, older ones are searched, too.
	 */
	uint64_t from_block;
	bool has_hint;
	uint8_t hint[TX_HASH_LEN]; /* from an answer */
};

struct judgment {
	enum verdict verdict;
	/*
	 * Of VERDICT_PAID: the block is at or below the final one, and no
	 * other node denies it. (The others are final by themselves.)
	 */
	bool is_final;
	/*
	 * Of VERDICT_PAID: another node denies the payment in what it calls
	 * final. One of them lies or is broken; tell a person.
	 */
	bool contradicted;
	/* Of VERDICT_PAID: to and value are those of the authorization. */
	bool as_asked;
	struct address to; /* what was really paid to whom */
	uint64_t value;
	uint8_t tx[TX_HASH_LEN]; /* also of CANCELED */
	/*
	 * Of PAID and CANCELED: where it happened. Of EXPIRED_UNUSED: the
	 * block that proves it.
	 */
	struct block block;
	/* For people: what each verdict rests on or lacks. */
	char reason[NODES_REASON_MAX + 1];
};

/*
 * Judges the n cases, all nodes asked about each; out has n elements, all of
 * them set. Without memory they are VERDICT_UNKNOWN.
 */
void nodes_judge_all(struct nodes *c, const struct judged_case *cases, size_t n,
    struct judgment *out);

/* One case. */
void nodes_judge(
    struct nodes *c, const struct judged_case *which, struct judgment *out);

/* "unknown", "unused", "paid", "canceled", "expired unused". */
const char *verdict_name(enum verdict verdict);

#endif
