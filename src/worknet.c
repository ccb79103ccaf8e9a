/* The operator's command: sets up, manages and audits; see admin/. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/treasury.h"
#include "evm/nodes.h"
#include "keys/keystore.h"

static void
network_view(struct chain_view *out, const struct network *n)
{
	*out = (struct chain_view){ .chain_id = (int64_t)n->chain_id };
	(void)snprintf(out->explorer_url, sizeof(out->explorer_url), "%s",
	    n->explorer_url);
}

static enum rc
look_network(struct chain_view *out, const struct conf *c, struct err *e)
{
	struct network n;
	enum rc rc = network_from_conf(&n, c, e);

	network_view(out, &n);
	return rc;
}

static enum rc
look_test(const struct conf *c, struct err *e)
{
	struct nodes *chain = NULL;
	struct network n;
	enum rc rc;

	rc = network_from_conf(&n, c, e);
	if (rc == RC_OK)
		rc = nodes_new(
		    &chain, c->payout_rpc_urls, &n, c->payout_finality, e);
	if (rc == RC_OK)
		rc = nodes_check_hosts(
		    chain, strcmp(c->payout_single_node, "accept") == 0, e);
	nodes_free(chain);
	if (rc == RC_OK && c->payout_facilitator_url[0] == '\0')
		return err_set(
		    e, RC_INVALID, "[payout] facilitator_url: not set");
	return rc;
}

static enum rc
look_key_address(struct address *out, const struct conf *c, struct err *e)
{
	return treasury_address_read(out, c->payout_treasury_key_file,
	    c->payout_treasury_passphrase_file, e);
}

static enum rc
look_treasury(struct chain_view *out, const struct conf *c,
    const struct address *treasury, struct err *e)
{
	struct outlook outlook = { .balance = 0 };
	struct nodes *chain = NULL;
	struct network n;
	enum rc rc;

	rc = network_from_conf(&n, c, e);
	network_view(out, &n);
	if (rc == RC_OK)
		rc = nodes_new(
		    &chain, c->payout_rpc_urls, &n, c->payout_finality, e);
	if (rc == RC_OK)
		rc = nodes_inspect(chain, treasury, &outlook, e);
	nodes_free(chain);
	out->balance_micros =
	    outlook.balance > INT64_MAX ? INT64_MAX : (int64_t)outlook.balance;
	out->blacklisted = outlook.treasury_blacklisted;
	out->has_code = outlook.treasury_has_code;
	out->paused = outlook.paused;
	(void)snprintf(
	    out->warning, sizeof(out->warning), "%s", outlook.warning);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct chain_look look = { look_network, look_test,
		look_key_address, look_treasury };

	return (int)admin_main(argc, argv, &look);
}
