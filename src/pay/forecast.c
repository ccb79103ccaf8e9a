/* What chain.h says about chain_check_payees, _dry_run and _balance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pay/chain_room.h"

/* Questions of one kind, of which each is asked until a node answers. */
struct poll {
	struct chain *chain;
	const struct address *payees; /* or */
	const struct chain_transfer *transfers;
	struct chain_forecast *out;
};

static void
ask(struct rpc_call *call, size_t node, const struct poll *p, size_t i)
{
	const struct network *n = p->chain->network;

	if (p->payees != NULL)
		token_ask(
		    call, node, n, TOKEN_BLACKLISTED, &p->payees[i], "latest");
	else
		token_ask_transfer(call, node, n,
		    &p->transfers[i].authorization, p->transfers[i].signature);
}

static void
set(struct chain_forecast *out, enum chain_opinion opinion, const char *text)
{
	out->opinion = opinion;
	(void)snprintf(out->reason, sizeof(out->reason), "%s", text);
}

/* transferWithAuthorization returns nothing, which is "0x". */
static void
read_transfer(struct chain_forecast *out, const struct rpc_call *call)
{
	char why[CHAIN_REASON_MAX + 1];
	uint8_t none[1];
	size_t len;

	if (call->outcome == RPC_RESULT &&
	    rpc_data_some(none, 0, &len, call->result))
		set(out, OPINION_YES, "");
	else if (token_read_revert(why, sizeof(why), call))
		set(out, OPINION_NO, why);
	else
		set(out, OPINION_UNKNOWN,
		    call->outcome == RPC_RESULT ? "an answer of another form"
						: call->error);
}

static void
read_payee(struct chain_forecast *out, const struct rpc_call *call)
{
	bool blacklisted;

	if (token_read_bool(&blacklisted, call))
		set(out, blacklisted ? OPINION_NO : OPINION_YES,
		    blacklisted ? "blacklisted by the token" : "");
	else
		set(out, OPINION_UNKNOWN,
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
		if (p->out[i].opinion == OPINION_UNKNOWN) {
			ask(&calls[count], node, p, i);
			which[count++] = i;
		}
	rpc_run(p->chain->rpc, calls, count);
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
	struct chain *c = p->chain;
	size_t i;

	for (i = 0; i < n; i++)
		set(&p->out[i], OPINION_UNKNOWN, "no node answers");
	if (n == 0)
		return;
	chain_view(c);
	for (i = 0; i < rpc_count(c->rpc); i++)
		if (c->nodes[i].usable && !ask_node(p, i, n))
			return;
}

void
chain_check_payees(struct chain *c, const struct address *payees, size_t n,
    struct chain_forecast *out)
{
	struct poll p = { .chain = c, .payees = payees, .out = out };

	poll_nodes(&p, n);
}

void
chain_dry_run(struct chain *c, const struct chain_transfer *transfers, size_t n,
    struct chain_forecast *out)
{
	struct poll p = { .chain = c, .transfers = transfers, .out = out };

	poll_nodes(&p, n);
}

enum rc
chain_balance(
    struct chain *c, const struct address *a, uint64_t *out, struct err *e)
{
	char why[CHAIN_REASON_MAX + 1] = "";
	struct rpc_call call;
	bool ok = false;
	size_t i;

	*out = 0;
	memset(&call, 0, sizeof(call));
	chain_view(c);
	for (i = 0; i < rpc_count(c->rpc) && !ok; i++) {
		if (!c->nodes[i].usable) {
			chain_add_reason(
			    why, rpc_name(c->rpc, i), c->nodes[i].why);
			continue;
		}
		token_ask(&call, i, c->network, TOKEN_BALANCE, a, "latest");
		rpc_run(c->rpc, &call, 1);
		ok = token_read_number(out, &call);
		if (!ok)
			chain_add_reason(why, rpc_name(c->rpc, i),
			    call.outcome == RPC_RESULT
				? "an answer of another form"
				: call.error);
		rpc_call_reset(&call);
	}
	if (!ok)
		return err_set(e, RC_IO, "chain: balance: %s", why);
	return RC_OK;
}
