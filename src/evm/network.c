#include "evm/network.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

struct builtin {
	const char *name; /* in the configuration and x402 v1 */
	uint64_t chain_id;
	const char *token;
	const char *token_name;
	const char *explorer_url;
};

/* USDC's proxies, as Circle and x402 publish them; its version is "2". */
static const struct builtin builtins[] = {
	{ "base", 8453, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
	    "USD Coin", "https://basescan.org/tx/" },
	{ "base-sepolia", 84532, "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
	    "USDC", "https://sepolia.basescan.org/tx/" },
};

#define BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

/* Base's; of a chain that isn't known, as fast as there are some. */
#define BLOCK_MS	2000
#define BLOCK_MS_CUSTOM 250

/* x402 v2 names a chain as CAIP-2 does. */
static void
set_name_v2(struct network *n)
{
	(void)snprintf(n->name_v2, sizeof(n->name_v2), "eip155:%llu",
	    (unsigned long long)n->chain_id);
}

enum rc
network_by_name(struct network *out, const char *name, struct err *e)
{
	const struct builtin *b = NULL;
	size_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < BUILTINS; i++)
		if (strcmp(name, builtins[i].name) == 0)
			b = &builtins[i];
	if (b == NULL)
		return err_set(e, RC_INVALID,
		    "network: got \"%s\", expected base or base-sepolia", name);
	out->chain_id = b->chain_id;
	out->block_ms = BLOCK_MS;
	CHECK(address_parse(&out->token, NULL, slice_of(b->token), NULL) ==
	    RC_OK);
	(void)snprintf(
	    out->token_name, sizeof(out->token_name), "%s", b->token_name);
	(void)snprintf(out->token_version, sizeof(out->token_version), "2");
	(void)snprintf(out->name_v1, sizeof(out->name_v1), "%s", b->name);
	(void)snprintf(out->explorer_url, sizeof(out->explorer_url), "%s",
	    b->explorer_url);
	set_name_v2(out);
	return RC_OK;
}

/* What belongs to a custom network would be ignored with another one. */
static enum rc
check_not_custom(const struct conf *c, struct err *e)
{
	const char *key = c->payout_chain_id != 0 ? "chain_id"
	    : c->payout_token[0] != '\0'	  ? "token"
	    : c->payout_token_name[0] != '\0'	  ? "token_name"
	    : c->payout_token_version[0] != '\0'  ? "token_version"
						  : NULL;

	if (key == NULL)
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "[payout] %s: is built in for network = %s, to be set only for custom",
	    key, c->payout_network);
}

static enum rc
read_custom(struct network *n, const struct conf *c, struct err *e)
{
	const char *missing = c->payout_chain_id == 0 ? "chain_id"
	    : c->payout_token[0] == '\0'	      ? "token"
	    : c->payout_token_name[0] == '\0'	      ? "token_name"
	    : c->payout_token_version[0] == '\0'      ? "token_version"
						      : NULL;

	if (missing != NULL)
		return err_set(e, RC_INVALID,
		    "[payout] %s: is needed for network = custom", missing);
	if (c->payout_x402_version == 1)
		return err_set(e, RC_INVALID,
		    "[payout] x402_version: got 1, expected 2, since a custom network has no name in v1");
	if (!utf8_is_text(c->payout_token_name, strlen(c->payout_token_name)) ||
	    !utf8_is_text(
		c->payout_token_version, strlen(c->payout_token_version)))
		return err_set(e, RC_INVALID,
		    "[payout] token_name, token_version: not UTF-8");
	if (address_parse(&n->token, NULL, slice_of(c->payout_token), NULL) !=
	    RC_OK)
		return err_set(e, RC_INVALID,
		    "[payout] token: got \"%s\", expected an address; in mixed case with the EIP-55 checksum",
		    c->payout_token);
	n->chain_id = (uint64_t)c->payout_chain_id;
	n->block_ms = BLOCK_MS_CUSTOM;
	memcpy(n->token_name, c->payout_token_name, sizeof(n->token_name));
	memcpy(n->token_version, c->payout_token_version,
	    sizeof(n->token_version));
	set_name_v2(n);
	return RC_OK;
}

enum rc
network_from_conf(struct network *out, const struct conf *c, struct err *e)
{
	enum rc rc;

	memset(out, 0, sizeof(*out));
	if (c->payout_network[0] == '\0')
		return err_set(e, RC_INVALID,
		    "[payout] network: not set, expected base, base-sepolia or custom");
	if (strcmp(c->payout_network, "custom") == 0) {
		rc = read_custom(out, c, e);
	} else {
		rc = check_not_custom(c, e);
		if (rc == RC_OK)
			rc = network_by_name(out, c->payout_network, e);
	}
	if (rc != RC_OK) {
		memset(out, 0, sizeof(*out));
		return rc;
	}
	if (c->payout_explorer_url[0] != '\0')
		memcpy(out->explorer_url, c->payout_explorer_url,
		    sizeof(out->explorer_url));
	return RC_OK;
}

bool
network_known(struct network *out, size_t i, const struct conf *c)
{
	if (i < BUILTINS)
		return network_by_name(out, builtins[i].name, NULL) == RC_OK;
	return i == BUILTINS && network_from_conf(out, c, NULL) == RC_OK;
}

struct eip712_domain
network_domain(const struct network *n)
{
	return (struct eip712_domain){
		.name = n->token_name,
		.version = n->token_version,
		.chain_id = n->chain_id,
		.verifying_contract = n->token,
	};
}

bool
network_is_named(const struct network *n, const char *name)
{
	return strcmp(name, n->name_v2) == 0 ||
	    (n->name_v1[0] != '\0' && strcmp(name, n->name_v1) == 0);
}
