#include "evm/precheck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evm/nodes_room.h"
#include "evm/words.h"

/* Whether one payment is refused, and what that is called. */
struct refusal {
	struct words words;
	char what[NODES_REASON_MAX + 1];
};

/* Questions of one kind, of which each is asked until a node says yes. */
struct poll {
	struct nodes *nodes;
	const struct address *from; /* of payments, or */
	const struct plain_transfer *payments;
	const struct signed_transfer *transfers;
	struct precheck *out;
	struct refusal *refusals; /* owned */
};

static void
ask(struct rpc_call *call, size_t node, const struct poll *p, size_t i)
{
	const struct network *n = p->nodes->network;

	if (p->payments != NULL)
		token_ask_payment(call, node, n, p->from, &p->payments[i].to,
		    p->payments[i].value);
	else
		token_ask_transfer(call, node, n, &p->transfers[i]);
}

static void
set(struct precheck *out, enum precheck_opinion opinion, const char *text)
{
	out->opinion = opinion;
	(void)snprintf(out->reason, sizeof(out->reason), "%s", text);
}

/* transfer returns a word, transferWithAuthorization nothing: "0x". */
static void
read_answer(
    const struct poll *p, struct precheck *out, const struct rpc_call *call)
{
	char why[NODES_REASON_MAX + 1];
	bool done = false, fits;
	uint8_t none[1];
	size_t len;

	if (p->payments != NULL)
		fits = token_read_bool(&done, call);
	else
		fits = done = call->outcome == RPC_RESULT &&
		    rpc_data_some(none, 0, &len, call->result);
	if (done)
		set(out, PRECHECK_YES, "");
	else if (fits)
		set(out, PRECHECK_NO, "it says that it doesn't transfer");
	else if (token_read_revert(why, sizeof(why), call))
		set(out, PRECHECK_NO, why);
	else
		set(out, PRECHECK_UNKNOWN,
		    call->outcome == RPC_RESULT ? "an answer of another form"
						: call->error);
}

/* A node's answer beside what others said before it. */
static void
take(const struct poll *p, size_t node, size_t i, const struct precheck *said)
{
	struct refusal *r = &p->refusals[i];

	if (said->opinion == PRECHECK_UNKNOWN &&
	    p->out[i].opinion == PRECHECK_NO)
		return;
	p->out[i] = *said;
	r->words.said[node] = said->opinion != PRECHECK_UNKNOWN;
	r->words.value[node] = said->opinion == PRECHECK_NO;
	if (said->opinion == PRECHECK_NO)
		(void)snprintf(r->what, sizeof(r->what),
		    "the token would refuse a payment (%.100s)", said->reason);
}

/* Asks one node about all that no node before it would have paid. */
static void
ask_node(const struct poll *p, struct rpc_call *calls, size_t *which,
    size_t node, size_t n)
{
	struct precheck said;
	size_t i, count = 0;

	for (i = 0; i < n; i++)
		if (p->out[i].opinion != PRECHECK_YES) {
			ask(&calls[count], node, p, i);
			which[count++] = i;
		}
	rpc_run(p->nodes->rpc, calls, count);
	for (i = 0; i < count; i++) {
		read_answer(p, &said, &calls[i]);
		take(p, node, which[i], &said);
		rpc_call_reset(&calls[i]);
	}
}

/* Whoever said no of what another one would pay has a fault. */
static void
find_faults(const struct poll *p, size_t n)
{
	struct refusal *r;
	uint64_t refused;

	for (r = p->refusals; r < p->refusals + n; r++) {
		r->words.what = r->what;
		(void)words_join(p->nodes, &r->words, &refused);
	}
}

static void
poll_nodes(struct poll *p, size_t n)
{
	struct rpc_call *calls = calloc(n, sizeof(*calls));
	size_t *which = calloc(n, sizeof(*which));
	struct nodes *c = p->nodes;
	size_t i;

	p->refusals = calloc(n, sizeof(*p->refusals));
	for (i = 0; i < n; i++)
		set(&p->out[i], PRECHECK_UNKNOWN, "no node answers");
	if (n > 0 && calls != NULL && which != NULL && p->refusals != NULL) {
		nodes_view(c);
		for (i = 0; i < rpc_count(c->rpc); i++)
			if (c->nodes[i].usable)
				ask_node(p, calls, which, i, n);
		find_faults(p, n);
	}
	free(p->refusals);
	free(calls);
	free(which);
}

void
precheck_payments(struct nodes *c, const struct address *from,
    const struct plain_transfer *payments, size_t n, struct precheck *out)
{
	struct poll p = {
		.nodes = c, .from = from, .payments = payments, .out = out
	};

	poll_nodes(&p, n);
}

void
precheck_transfers(struct nodes *c, const struct signed_transfer *transfers,
    size_t n, struct precheck *out)
{
	struct poll p = { .nodes = c, .transfers = transfers, .out = out };

	poll_nodes(&p, n);
}
