/* worknet treasury: the account that pays for gas, and how long it lasts. */
#include "admin/gas.h"

#include <inttypes.h>
#include <stdio.h>

#include "admin/value.h"
#include "base/clock.h"
#include "evm/account.h"
#include "keys/keystore.h"
#include "ledger/submission.h"

#define DAYS	  7 /* that the average is of */
#define DAYS_WARN 7 /* that it should last */

struct gas_facts {
	struct sender sender;
	int64_t balance_gwei; /* negative: not known */
	int64_t per_day_gwei;
	struct err why;
};

/* By its key, or by what it sent last; false when neither tells. */
static bool
account_find(struct admin *a, struct gas_facts *f)
{
	struct query *q;
	bool row = false;

	if (a->conf.payout_gas_key_file[0] != '\0' &&
	    treasury_address_read(&f->sender.account,
		a->conf.payout_gas_key_file, "", &f->why) == RC_OK)
		return true;
	q = db_query(a->db, Q_SUBMISSION_ACCOUNT);
	query_int(q, 1, f->sender.chain_id);
	if (query_step(q, &row, NULL) != RC_OK ||
	    (row &&
		address_parse(&f->sender.account, NULL, query_get_text(q, 0),
		    NULL) != RC_OK))
		row = false;
	query_done(q);
	return row;
}

/* What a day costs on average, by what final blocks have shown. */
static enum rc
cost_read(struct admin *a, struct gas_facts *f, struct err *e)
{
	enum rc rc;

	rc = submission_spent_gwei(a->db, &f->sender,
	    clock_unix_ms() - DAYS * DAY_MS, &f->per_day_gwei, e);
	f->per_day_gwei /= DAYS;
	return rc;
}

static void
balance_read(struct admin *a, struct gas_facts *f, const struct network *n)
{
	struct nodes *nodes = NULL;
	struct account_view view;

	f->balance_gwei = -1;
	if (nodes_new(&nodes, a->conf.payout_rpc_urls, n,
		a->conf.payout_finality, &f->why) == RC_OK &&
	    nodes_account(nodes, &f->sender.account, &view, &f->why) == RC_OK)
		f->balance_gwei =
		    (int64_t)(view.balance_wei / (uint64_t)WEI_PER_GWEI);
	nodes_free(nodes);
}

static bool
is_short(const struct gas_facts *f)
{
	return f->balance_gwei == 0 ||
	    (f->balance_gwei > 0 && f->per_day_gwei > 0 &&
		f->balance_gwei / f->per_day_gwei < DAYS_WARN);
}

static void
facts_print(struct admin *a, const struct gas_facts *f)
{
	bool lasts = f->balance_gwei >= 0 && f->per_day_gwei > 0;
	int64_t days = lasts ? f->balance_gwei / f->per_day_gwei : 0;
	char text[ADDRESS_LEN + 1];

	address_format(text, &f->sender.account, ADDRESS_CHECKSUM);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "gasAccount", "gas account", OUT_TEXT, out_text(text) },
		{ "gasBalanceGwei", "its gwei", OUT_COUNT,
		    out_if(f->balance_gwei >= 0, out_int(f->balance_gwei)) },
		{ "gasPerDayGwei", "gwei a day", OUT_COUNT,
		    out_int(f->per_day_gwei) },
		{ "gasDays", "gas lasts, days", OUT_COUNT,
		    out_if(lasts, out_int(days)) },
		OUT_END });
	if (f->balance_gwei < 0)
		out_note(a->out, "gas account: %s", f->why.msg);
	else if (is_short(f))
		out_note(a->out,
		    "the gas account lasts for less than %d days: give it ether",
		    DAYS_WARN);
}

enum rc
gas_report(struct admin *a, const struct network *n, struct err *e)
{
	struct gas_facts f = { .sender.chain_id = (int64_t)n->chain_id,
		.why = ERR_INIT };
	enum rc rc;

	if (!conf_settles(&a->conf, "direct") || n->chain_id == 0)
		return RC_OK;
	if (!account_find(a, &f)) {
		out_note(a->out, "gas account: %s",
		    f.why.msg[0] != '\0' ? f.why.msg
					 : "[payout] gas_key_file: not set");
		return RC_OK;
	}
	rc = cost_read(a, &f, e);
	if (rc != RC_OK)
		return rc;
	balance_read(a, &f, n);
	facts_print(a, &f);
	return RC_OK;
}

void
gas_probe(struct admin *a, const struct network *n, struct outcome *o)
{
	struct gas_facts f = { .sender.chain_id = (int64_t)n->chain_id,
		.why = ERR_INIT };
	struct err e = ERR_INIT;

	if (!conf_settles(&a->conf, "direct") || n->chain_id == 0 ||
	    !account_find(a, &f))
		return;
	if (cost_read(a, &f, &e) != RC_OK) {
		probe_say(o, true, "%s", e.msg);
		return;
	}
	balance_read(a, &f, n);
	if (f.balance_gwei < 0)
		probe_say(o, true, "gas account: %s", f.why.msg);
	else if (is_short(&f))
		probe_say(o, true,
		    "the gas account lasts for less than %d days: give it ether",
		    DAYS_WARN);
}
