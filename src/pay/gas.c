#include "pay/gas.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* Of a replacement; nodes want 10 % more. */
#define RAISE(wei)	 ((wei) + (wei) / 4 + 1)
#define RAISE_LEAST(wei) ((wei) + (wei) / 10 + 1)

void
gas_open(struct gas *g, struct run *r)
{
	*g = (struct gas){ .run = r,
		.sender = { (int64_t)r->network.chain_id,
		    *vault_gas_account(r->vault) } };
}

enum rc
gas_look(struct gas *g, struct err *e)
{
	char before[sizeof(g->view.warning)];
	enum rc rc;

	memcpy(before, g->view.warning, sizeof(before));
	rc = nodes_account(g->run->nodes, &g->sender.account, &g->view, e);
	if (rc == RC_OK && g->view.warning[0] != '\0' &&
	    strcmp(g->view.warning, before) != 0)
		log_warning("gas account: %s", g->view.warning);
	return rc;
}

/* ---- Nonces ---- */

enum rc
gas_used_elsewhere(struct gas *g, int64_t nonce, struct err *e)
{
	char account[ADDRESS_LEN + 1], words[GAS_WORDS_MAX + 1];
	enum rc rc;

	address_format(account, &g->sender.account, ADDRESS_CHECKSUM);
	(void)snprintf(words, sizeof(words),
	    "its nonce %" PRId64
	    " was used by something that this ledger didn't send; nothing more is sent from it: give [payout] gas_key_file a key of its own",
	    nonce);
	rc = run_finding(
	    g->run, "gas account used elsewhere", account, words, e);
	if (rc == RC_OK)
		rc = err_set(
		    e, RC_CONFLICT, "gas account %s: %s", account, words);
	return rc;
}

static enum rc
next_nonce(struct gas *g, int64_t *nonce, struct err *e)
{
	uint64_t first;
	int64_t foreign;
	bool found;
	enum rc rc;

	rc = submission_next_nonce(g->run->db, &g->sender, nonce, e);
	if (rc == RC_NOT_FOUND) {
		rc = nodes_first_nonce(
		    g->run->nodes, &g->sender.account, &first, e);
		*nonce = rc == RC_OK ? (int64_t)first : 0;
		return rc;
	}
	if (rc == RC_OK)
		rc = submission_foreign(
		    g->run->db, &g->sender, &foreign, &found, e);
	if (rc == RC_OK && found)
		return gas_used_elsewhere(g, foreign, e);
	if (rc != RC_OK)
		return rc;
	/* What every node says: what one alone invents stops nothing. */
	if (g->view.nonce_low > (uint64_t)*nonce ||
	    g->view.pending_low > (uint64_t)*nonce)
		return gas_used_elsewhere(g, *nonce, e);
	return RC_OK;
}

/* With another key it is over, too. */
enum rc
gas_next_nonce(struct gas *g, int64_t *nonce, struct err *e)
{
	enum rc rc = next_nonce(g, nonce, e);

	return rc == RC_OK
	    ? run_over_unseen(g->run, "gas account used elsewhere", e)
	    : rc;
}

/* ---- Fees ---- */

/* Gwei, as people know them. */
struct gwei {
	char text[40];
};

static struct gwei
gwei(uint64_t wei)
{
	struct gwei g;

	(void)snprintf(g.text, sizeof(g.text), "%" PRIu64 ".%09" PRIu64,
	    wei / (uint64_t)WEI_PER_GWEI, wei % (uint64_t)WEI_PER_GWEI);
	return g;
}

static enum rc
above_cap(const struct gas *g, uint64_t wei, struct err *e)
{
	return err_set(e, RC_BUSY,
	    "gas costs %s gwei, max_fee_gwei is %s: waiting until it is cheaper",
	    gwei(wei).text,
	    gwei((uint64_t)g->run->conf->payout_max_fee_wei).text);
}

/* What a block takes now, and twice that, so that it lasts for some blocks. */
static void
fees_of(uint64_t base, uint64_t tip, uint64_t *now, uint64_t *lasting)
{
	uint64_t limit = UINT64_MAX / 4;

	base = base < limit ? base : limit;
	tip = tip < limit ? tip : limit;
	*now = base + tip;
	*lasting = 2 * base + tip;
}

/*
 * By the lowest word of the nodes: one that asks too much would stop us, and
 * what is too little is replaced.
 */
enum rc
gas_first_fees(const struct gas *g, struct submission *s, struct err *e)
{
	uint64_t cap = (uint64_t)g->run->conf->payout_max_fee_wei;
	uint64_t now, lasting, tip = g->view.tip_wei;

	fees_of(g->view.base_fee_low_wei, tip, &now, &lasting);
	if (now > cap)
		return above_cap(g, now, e);
	if (lasting > cap)
		lasting = cap;
	s->max_fee_wei = lasting > 0 ? (int64_t)lasting : 1;
	s->tip_wei =
	    tip < (uint64_t)s->max_fee_wei ? (int64_t)tip : s->max_fee_wei;
	return RC_OK;
}

/* By the highest, which may have been the true one. */
enum rc
gas_higher_fees(const struct gas *g, struct submission *s, struct err *e)
{
	int64_t cap = g->run->conf->payout_max_fee_wei;
	int64_t fee = RAISE(s->max_fee_wei), tip = RAISE(s->tip_wei);
	uint64_t now, lasting;

	fees_of(g->view.base_fee_high_wei, (uint64_t)tip, &now, &lasting);
	if (lasting > (uint64_t)fee)
		fee = lasting > (uint64_t)cap ? cap : (int64_t)lasting;
	if (fee > cap)
		fee = cap;
	if (fee < RAISE_LEAST(s->max_fee_wei))
		return above_cap(g, (uint64_t)RAISE(s->max_fee_wei), e);
	s->max_fee_wei = fee;
	s->tip_wei = tip < fee ? tip : fee;
	return RC_OK;
}

uint64_t
gas_cost_wei(const struct submission *s)
{
	/* Below 2^63: FEE_MAX_WEI. */
	return (uint64_t)s->gas_limit * (uint64_t)s->max_fee_wei;
}

static enum rc
day_check(const struct gas *g, uint64_t needs_wei, struct err *e)
{
	uint64_t limit = (uint64_t)g->run->conf->payout_max_gas_per_day_wei;
	int64_t spent, day_ms = (int64_t)GATE_DAY_S * 1000;
	enum rc rc;

	rc = submission_spent_gwei(
	    g->run->db, &g->sender, clock_unix_ms() - day_ms, &spent, e);
	if (rc != RC_OK ||
	    (needs_wei <= limit &&
		spent <= (int64_t)((limit - needs_wei) / WEI_PER_GWEI)))
		return rc;
	return err_set(e, RC_BUSY,
	    "gas account: max_gas_per_day_gwei: the limit of 24 hours is reached, blocks show a cost of %" PRId64
	    " gwei",
	    spent);
}

enum rc
gas_can_pay(struct gas *g, const struct submission *s, uint64_t promised_wei,
    struct err *e)
{
	char account[ADDRESS_LEN + 1], words[GAS_WORDS_MAX + 1];
	uint64_t has = g->view.balance_wei, needs;
	enum rc rc;

	if (__builtin_add_overflow(gas_cost_wei(s), promised_wei, &needs))
		needs = UINT64_MAX;
	rc = day_check(g, needs, e);
	if (rc != RC_OK)
		return rc;
	if (has >= needs)
		return run_over_unseen(g->run, "gas account is poor", e);
	if (has >= gas_cost_wei(s))
		return err_set(
		    e, RC_BUSY, "the gas account waits for what it has sent");
	address_format(account, &g->sender.account, ADDRESS_CHECKSUM);
	(void)snprintf(words, sizeof(words),
	    "it has %s gwei, and needs %s for the next transaction: give it ether",
	    gwei(has).text, gwei(gas_cost_wei(s)).text);
	rc = run_finding(g->run, "gas account is poor", account, words, e);
	return rc != RC_OK ? rc
			   : err_set(e, RC_CONFLICT, "gas account: %s", words);
}

/* ---- Signing ---- */

enum rc
gas_sign(const struct gas *g, struct submission *s, struct err *e)
{
	struct transaction t = submission_transaction(s);
	struct buf raw;
	enum rc rc;

	rc = vault_gas_sign(g->run->vault, &t, s->signature, e);
	buf_init(&raw, TRANSACTION_MAX);
	if (rc == RC_OK)
		rc = transaction_write(&raw, s->hash, &t, s->signature, e);
	buf_free(&raw);
	return rc;
}
