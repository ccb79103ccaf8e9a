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

/*
 * Whether the token would pay these addresses, as far as they are concerned:
 * isBlacklisted. A node that says yes is believed; one that says no only when
 * no other says yes, for else what one node says alone would stop a payment:
 * that is a fault of it (NODE_FAULT_ALONE). Nothing hangs on this but a request
 * in vain: the token itself refuses. It can change any time. out has n
 * elements.
 */
void precheck_payees(struct nodes *c, const struct address *payees, size_t n,
    struct precheck *out);

/*
 * The same of transfers, which a node tries without sending them; a reason is
 * the token's own ("Blacklistable: account is blacklisted"). They are tried
 * one by one: the balance may not be enough for all. The token tests expiry
 * before use, so a reason proves nothing about the nonce.
 */
void precheck_transfers(struct nodes *c,
    const struct signed_transfer *transfers, size_t n, struct precheck *out);

#endif
