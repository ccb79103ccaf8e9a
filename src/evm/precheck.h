/*
 * Before signing, and before bytes leave: what the token would say. One thread
 * at a time.
 */
#ifndef WORKNET_EVM_PRECHECK_H
#define WORKNET_EVM_PRECHECK_H

#include "eth/transaction.h"
#include "evm/nodes.h"

enum precheck_opinion {
	PRECHECK_UNKNOWN = 0, /* no node says; reason has an error */
	PRECHECK_YES,	      /* it would be paid */
	PRECHECK_NO,	      /* not now; reason says why */
};

struct precheck {
	enum precheck_opinion opinion;
	char reason[NODES_REASON_MAX + 1];
};

/* A payment that nobody has signed. */
struct plain_transfer {
	struct address to;
	uint64_t value; /* micro-USDC */
};

/*
 * Whether the token would carry these out if from called it, which a node
 * tries without sending anything. A node that says yes is believed; one that
 * says no only when no other says yes, for else what one node says alone would
 * stop a payment: that is a fault of it (NODE_FAULT_ALONE). It can change any
 * time; then the token itself refuses. They are tried one by one: the balance
 * may not be enough for all. A reason is the token's own ("Blacklistable:
 * account is blacklisted"). out has n elements.
 */
void precheck_payments(struct nodes *c, const struct address *from,
    const struct plain_transfer *payments, size_t n, struct precheck *out);

/*
 * The same of what is signed, whoever sends it. The token tests expiry before
 * use, so a reason proves nothing about the nonce.
 */
void precheck_transfers(struct nodes *c,
    const struct signed_transfer *transfers, size_t n, struct precheck *out);

#endif
