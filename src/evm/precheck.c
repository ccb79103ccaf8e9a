/* What nodes.h says of prechecks and of nodes_balance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evm/nodes_room.h"

/* Questions of one kind, of which each is asked until a node answers. */
struct poll {
	struct nodes *nodes;
	const struct address *payees; /* or */
	const struct signed_transfer *transfers;
	struct precheck *out;
};

static void
ask(struct rpc_call *call, size_t node, const struct poll *p, size_t i)
{
	const struct network *n = p->nodes->network;

	if (p->payees != NULL)
		token_ask(
		    call, node, n, TOKEN_BLACKLISTED, &p->payees[i], "latest");
	else
		token_ask_transfer(call, node, n, &p->transfers[i]);
}

static void
set(struct precheck *out, enum precheck_opinion opinion, const char *text)
{
	out->opinion = opinion;
	(void)snprintf(out->reason, sizeof(out->reason), "%s", text);
}

/* transferWithAuthorization returns nothing, which is "0x". */
static void
read_transfer(struct precheck *out, const struct rpc_call *call)
{
	char why[NODES_REASON_MAX + 1];
	uint8_t none[1];
	size_t len;

	if (call->outcome == RPC_RESULT &&
	    rpc_data_some(none, 0, &len, call->result))
		set(out, PRECHECK_YES, "");
	else if (token_read_revert(why, sizeof(why), call))
		set(out, PRECHECK_NO, why);
	else
		set(out, PRECHECK_UNKNOWN,
		    call->outcome == RPC_RESULT ? "an answer of another form"
						: call->error);
}

static void
read_payee(struct precheck *out, const struct rpc_call *call)
{
	bool blacklisted;

	if (token_read_bool(&blacklisted, call))
		set(out, blacklisted ? PRECHECK_NO : PRECHECK_YES,
		    blacklisted ? "blacklisted by the token" : "");
	else
		set(out, PRECHECK_UNKNOWN,
		    call->outcome == RPC_RESULT ? "an answer of another form"
						: call->error);
}

/* Asks one node about all that no node before it has answered. */
static bool
ask_node(const struct poll *p, size_t node, size_t n)
{
	struct rpc_call *calls;
	size_t *which, i, count = 0;

	calls = calloc(n, sizeof(*calls));
	which = calloc(n, sizeof(*which));
	if (calls == NULL || which == NULL) {
		free(calls);
		free(which);
		return false;
	}
	for (i = 0; i < n; i++)
		if (p->out[i].opinion == PRECHECK_UNKNOWN) {
			ask(&calls[count], node, p, i);
			which[count++] = i;
		}
	rpc_run(p->nodes->rpc, calls, count);
	for (i = 0; i < count; i++) {
		if (p->payees != NULL)
			read_payee(&p->out[which[i]], &calls[i]);
		else
			read_transfer(&p->out[which[i]], &calls[i]);
		rpc_call_reset(&calls[i]);
	}
	free(calls);
	free(which);
	return true;
}

static void
poll_nodes(const struct poll *p, size_t n)
{
	struct nodes *c = p->nodes;
	size_t i;

	for (i = 0; i < n; i++)
		set(&p->out[i], PRECHECK_UNKNOWN, "no node answers");
	if (n == 0)
		return;
	nodes_view(c);
	for (i = 0; i < rpc_count(c->rpc); i++)
		if (c->nodes[i].usable && !ask_node(p, i, n))
			return;
}

void
precheck_payees(struct nodes *c, const struct address *payees, size_t n,
    struct precheck *out)
{
	struct poll p = { .nodes = c, .payees = payees, .out = out };

	poll_nodes(&p, n);
}

void
precheck_transfers(struct nodes *c, const struct signed_transfer *transfers,
    size_t n, struct precheck *out)
{
	struct poll p = { .nodes = c, .transfers = transfers, .out = out };

	poll_nodes(&p, n);
}

enum rc
nodes_balance(
    struct nodes *c, const struct address *a, uint64_t *out, struct err *e)
{
	char why[NODES_REASON_MAX + 1] = "";
	struct rpc_call call;
	bool ok = false;
	size_t i;

	*out = 0;
	memset(&call, 0, sizeof(call));
	nodes_view(c);
	for (i = 0; i < rpc_count(c->rpc) && !ok; i++) {
		if (!c->nodes[i].usable) {
			nodes_add_reason(
			    why, rpc_name(c->rpc, i), c->nodes[i].why);
			continue;
		}
		token_ask(&call, i, c->network, TOKEN_BALANCE, a, "latest");
		rpc_run(c->rpc, &call, 1);
		ok = token_read_number(out, &call);
		if (!ok)
			nodes_add_reason(why, rpc_name(c->rpc, i),
			    call.outcome == RPC_RESULT
				? "an answer of another form"
				: call.error);
		rpc_call_reset(&call);
	}
	if (!ok)
		return err_set(e, RC_IO, "chain: balance: %s", why);
	return RC_OK;
}
