#include "evm/inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evm/nodes_room.h"
#include "evm/words.h"

#define INSPECT_CALLS 6

/* What a node says of the token and the treasury that would stop payments. */
enum inspect_says {
	SAYS_PAUSED,
	SAYS_BLACKLISTED,
	SAYS_CODE,
	SAYS_FOREIGN, /* another DOMAIN_SEPARATOR */
	INSPECT_SAYS,
};

static void
ask_inspect(struct rpc_call *calls, size_t node, const struct nodes *c,
    const struct address *treasury)
{
	const struct network *n = c->network;
	char text[ADDRESS_LEN + 1];

	token_ask(&calls[0], node, n, TOKEN_SEPARATOR, NULL, "latest");
	token_ask(&calls[1], node, n, TOKEN_PAUSED, NULL, "latest");
	token_ask(&calls[2], node, n, TOKEN_BALANCE, treasury, "latest");
	token_ask(&calls[3], node, n, TOKEN_BLACKLISTED, treasury, "latest");
	token_ask(&calls[4], node, n, TOKEN_NAME, NULL, "latest");
	address_format(text, treasury, ADDRESS_LOWER);
	rpc_call_set(
	    &calls[5], node, "eth_getCode", "[\"%s\",\"latest\"]", text);
}

/* What the nodes say of the token and the treasury. */
struct inspected {
	struct words says[INSPECT_SAYS];
	struct words balance;
	size_t answered;
	char foreign_name[CONF_WORD_MAX + 1]; /* of a token that isn't ours */
};

/* The signatures that we make must be for the very token that is there. */
static bool
is_foreign(const struct nodes *c, const uint8_t got[static KECCAK256_LEN])
{
	struct eip712_domain domain = network_domain(c->network);
	uint8_t expected[KECCAK256_LEN];

	eip712_domain_separator(expected, &domain);
	return memcmp(got, expected, sizeof(expected)) != 0;
}

/* Of a node that doesn't answer to all, which is no reason to fail. */
static void
not_inspected(
    struct outlook *out, struct nodes *c, size_t node, const char *why)
{
	nodes_add_reason(out->warning, rpc_name(c->rpc, node), why);
	nodes_fault(c, node, NODE_FAULT_AWAY, "%s", why);
}

static void
read_inspect(struct inspected *seen, struct outlook *out,
    const struct rpc_call *calls, struct nodes *c)
{
	char name[sizeof(out->token_name)];
	size_t i, node = calls[0].node;
	uint8_t separator[KECCAK256_LEN];
	bool says[INSPECT_SAYS];
	const char *code;
	uint64_t balance;

	for (i = 0; i < INSPECT_CALLS; i++)
		if (calls[i].outcome != RPC_RESULT) {
			not_inspected(out, c, node, calls[i].error);
			return;
		}
	code = json_text(calls[5].result);
	if (!token_read_word(separator, &calls[0]) ||
	    !token_read_bool(&says[SAYS_PAUSED], &calls[1]) ||
	    !token_read_number(&balance, &calls[2]) ||
	    !token_read_bool(&says[SAYS_BLACKLISTED], &calls[3]) ||
	    !token_read_text(name, sizeof(name), &calls[4]) || code == NULL ||
	    strncmp(code, "0x", 2) != 0) {
		not_inspected(
		    out, c, node, "answers as if the token weren't there");
		return;
	}
	says[SAYS_CODE] = code[2] != '\0';
	says[SAYS_FOREIGN] = is_foreign(c, separator);
	for (i = 0; i < INSPECT_SAYS; i++) {
		seen->says[i].said[node] = true;
		seen->says[i].value[node] = says[i];
	}
	seen->balance.said[node] = true;
	seen->balance.value[node] = balance;
	memcpy(says[SAYS_FOREIGN] ? seen->foreign_name : out->token_name, name,
	    sizeof(name));
	seen->answered++;
}

/* One word of all nodes. */
static enum rc
outlook_make(
    struct outlook *out, struct nodes *c, struct inspected *seen, struct err *e)
{
	static const char *const what[INSPECT_SAYS] = {
		[SAYS_PAUSED] = "the token is paused",
		[SAYS_BLACKLISTED] = "the token refuses the treasury",
		[SAYS_CODE] = "the treasury has code",
		[SAYS_FOREIGN] =
		    "the token's DOMAIN_SEPARATOR isn't the network's",
	};
	uint64_t is[INSPECT_SAYS];
	size_t i;

	for (i = 0; i < INSPECT_SAYS; i++) {
		seen->says[i].what = what[i];
		(void)words_join(c, &seen->says[i], &is[i]);
	}
	seen->balance.rule = WORDS_AMOUNT;
	seen->balance.what = "the treasury's micro-USDC are";
	(void)words_join(c, &seen->balance, &out->balance);
	out->paused = is[SAYS_PAUSED] != 0;
	out->treasury_blacklisted = is[SAYS_BLACKLISTED] != 0;
	out->treasury_has_code = is[SAYS_CODE] != 0;
	if (is[SAYS_FOREIGN] == 0)
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "the token's DOMAIN_SEPARATOR isn't that of name \"%s\", version \"%s\" on chain %llu; its name() is \"%s\"",
	    c->network->token_name, c->network->token_version,
	    (unsigned long long)c->network->chain_id, seen->foreign_name);
}

static enum rc
read_inspects(struct outlook *out, const struct rpc_call *calls,
    struct nodes *c, struct err *e)
{
	struct inspected seen;
	struct head head;
	enum rc rc;
	size_t i;

	rc = nodes_head_seen(c, &head, e);
	if (rc != RC_OK)
		return rc;
	memset(&seen, 0, sizeof(seen));
	for (i = 0; i < rpc_count(c->rpc); i++)
		if (c->nodes[i].usable)
			read_inspect(&seen, out, &calls[INSPECT_CALLS * i], c);
		else
			nodes_add_reason(
			    out->warning, rpc_name(c->rpc, i), c->nodes[i].why);
	if (seen.answered == 0)
		return err_set(
		    e, RC_IO, "chain: no node answers: %s", out->warning);
	return outlook_make(out, c, &seen, e);
}

enum rc
nodes_inspect(struct nodes *c, const struct address *treasury,
    struct outlook *out, struct err *e)
{
	size_t i, n = INSPECT_CALLS * rpc_count(c->rpc);
	struct rpc_call *calls;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	calls = calloc(n, sizeof(*calls));
	if (calls == NULL)
		return err_set(e, RC_NO_MEMORY, "chain: no memory");
	nodes_view(c);
	for (i = 0; i < rpc_count(c->rpc); i++)
		ask_inspect(&calls[INSPECT_CALLS * i], i, c, treasury);
	rpc_run(c->rpc, calls, n);
	rc = read_inspects(out, calls, c, e);
	for (i = 0; i < n; i++)
		rpc_call_reset(&calls[i]);
	free(calls);
	if (rc != RC_OK)
		memset(out, 0, sizeof(*out));
	return rc;
}
