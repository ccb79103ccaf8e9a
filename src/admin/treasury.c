/* worknet treasury: what it has, what is owed, how long it lasts. */
#include <inttypes.h>
#include <stdio.h>

#include "admin/commands.h"
#include "admin/gas.h"
#include "admin/treasury.h"
#include "admin/value.h"
#include "base/clock.h"
#include "base/text.h"
#include "evm/inspect.h"
#include "keys/keystore.h"
#include "ledger/coverage.h"
#include "ledger/payout.h"
#include "ledger/transfer.h"

#define DAYS	   7
#define DAYS_LEAST 3	   /* of work that the treasury should have */
#define AGE_MIN_MS HOUR_MS /* a younger ledger tells little */

/* What the ledger says. */
struct debts {
	int64_t now_ms;
	int64_t owed_micros;
	int64_t in_flight_micros;
	int64_t earned_micros[DAYS]; /* the newest first */
	int64_t credits[DAYS];
	int64_t of_last_ms;	/* the last days, or less: */
	int64_t per_day_micros; /* earned in them, on average */
};

/* What the chain says, and why not. */
struct assets {
	const char *from; /* where the address is from */
	struct address address;
	struct network network; /* chain_id 0: not known */
	struct outlook outlook; /* if known */
	int64_t balance_micros;
	bool known;
	struct err why;
};

static enum rc
earned_read(struct debts *d, struct db *db, struct err *e)
{
	struct query *q;
	int64_t id, span;
	enum rc rc;
	bool row;

	rc = transfer_at(db, d->now_ms - DAYS * DAY_MS + 1, &id, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_EARNED_SPANS);
	query_int(q, 1, id);
	query_int(q, 2, d->now_ms);
	query_int(q, 3, DAY_MS);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		span = query_get_int(q, 0);
		if (span < 0 || span >= DAYS)
			continue;
		d->earned_micros[span] = query_get_int(q, 1);
		d->credits[span] = query_get_int(q, 2);
	}
	query_done(q);
	return rc;
}

/* The average of the days that there were. */
static enum rc
average(struct debts *d, struct db *db, struct err *e)
{
	int64_t created_ms, age_ms, sum = 0;
	uint8_t id[32];
	enum rc rc;
	int i;

	rc = payout_ledger_id(db, id, &created_ms, e);
	if (rc != RC_OK)
		return rc;
	for (i = 0; i < DAYS; i++)
		sum += d->earned_micros[i];
	age_ms = d->now_ms - created_ms;
	if (age_ms > DAYS * DAY_MS)
		age_ms = DAYS * DAY_MS;
	if (age_ms < AGE_MIN_MS)
		age_ms = AGE_MIN_MS;
	d->of_last_ms = age_ms;
	/* By minutes, so that the product stays in range. */
	d->per_day_micros = sum / (age_ms / 60000) * (DAY_MS / 60000) +
	    sum % (age_ms / 60000) * (DAY_MS / 60000) / (age_ms / 60000);
	return RC_OK;
}

static enum rc
debts_read(struct debts *d, struct db *db, struct err *e)
{
	enum rc rc;

	rc = query_one_int(db_query(db, Q_OWED_TOTAL), &d->owed_micros, e);
	if (rc == RC_OK)
		rc = earned_read(d, db, e);
	if (rc == RC_OK)
		rc = average(d, db, e);
	return rc;
}

/* The treasury of the newest payout on this chain; false without one. */
static bool
address_from_ledger(struct admin *a, int64_t chain_id, struct address *out)
{
	struct query *q = db_query(a->db, Q_TREASURY_LAST);
	bool row = false;

	query_int(q, 1, chain_id);
	if (query_step(q, &row, NULL) != RC_OK ||
	    (row &&
		address_parse(out, NULL, query_get_text(q, 0), NULL) != RC_OK))
		row = false;
	query_done(q);
	return row;
}

/* From the command line, the key file, or the newest payout. */
static bool
address_find(struct admin *a, struct assets *t)
{
	struct err why = ERR_INIT;

	if (a->args.opt[OPT_ADDRESS] != NULL) {
		t->from = "--address";
		return true;
	}
	if (a->conf.payout_treasury_key_file[0] != '\0' &&
	    treasury_address_read(&t->address, a->conf.payout_treasury_key_file,
		a->conf.payout_treasury_passphrase_file, &why) == RC_OK) {
		t->from = "key file";
		return true;
	}
	if (address_from_ledger(a, (int64_t)t->network.chain_id, &t->address)) {
		t->from = "newest payout";
		return true;
	}
	t->why.rc = err_set(&t->why, RC_NOT_FOUND,
	    "the treasury's address isn't known: give --address, or [payout] treasury_key_file%s%s",
	    why.msg[0] == '\0' ? "" : "; ", why.msg);
	return false;
}

/* Whose money it is: what the ledger knows of it is shown without nodes. */
static void
source_find(struct admin *a, struct assets *t)
{
	if (network_from_conf(&t->network, &a->conf, &t->why) != RC_OK)
		t->network.chain_id = 0;
	if (!address_find(a, t))
		t->from = NULL;
}

/* What this treasury has promised; of all of them when it isn't known. */
static enum rc
in_flight_read(
    struct debts *d, const struct assets *t, struct db *db, struct err *e)
{
	struct payout_source s = { .chain_id = (int64_t)t->network.chain_id,
		.token = t->network.token,
		.treasury = t->address };
	struct query *q;

	if (t->network.chain_id != 0 && t->from != NULL)
		return payout_in_flight(db, &s, &d->in_flight_micros, e);
	q = db_query(db, Q_ACCOUNT_BALANCE);
	query_int(q, 1, ACCOUNT_IN_FLIGHT);
	return query_one_int(q, &d->in_flight_micros, e);
}

static void
assets_read(struct admin *a, struct assets *t)
{
	const struct conf *c = &a->conf;
	struct nodes *nodes = NULL;
	enum rc rc;

	if (t->network.chain_id == 0 || t->from == NULL)
		return;
	rc = nodes_new(&nodes, c->payout_rpc_urls, &t->network,
	    c->payout_finality, &t->why);
	if (rc == RC_OK)
		rc = nodes_inspect(nodes, &t->address, &t->outlook, &t->why);
	nodes_free(nodes);
	t->known = rc == RC_OK;
	t->balance_micros = t->outlook.balance > INT64_MAX
	    ? INT64_MAX
	    : (int64_t)t->outlook.balance;
}

static void
earned_print(struct admin *a, const struct debts *d)
{
	static const struct out_column columns[] = {
		{ "fromMs", "FROM", OUT_TIME },
		{ "toMs", "TO", OUT_TIME },
		{ "earnedMicros", "EARNED", OUT_USDC },
		{ "credits", "CREDITS", OUT_COUNT },
	};
	int i;

	out_table(
	    a->out, "earned", "Earned by workers in the last days", columns, 4);
	for (i = 0; i < DAYS; i++)
		out_row(a->out,
		    (struct out_value[]){ out_int(d->now_ms - (i + 1) * DAY_MS),
			out_int(d->now_ms - i * DAY_MS),
			out_int(d->earned_micros[i]), out_int(d->credits[i]) });
	out_table_end(a->out, "");
}

static void
debts_print(struct admin *a, const struct debts *d)
{
	char usdc[VALUE_TEXT_MAX], age[VALUE_TEXT_MAX];

	out_fields(a->out,
	    (const struct out_field[]){ { "owedMicros", "owed to workers",
					    OUT_USDC, out_int(d->owed_micros) },
		{ "inFlightMicros", "in flight", OUT_USDC,
		    out_int(d->in_flight_micros) },
		{ "perDayMicros", NULL, OUT_USDC, out_int(d->per_day_micros) },
		OUT_END });
	value_format_usdc(usdc, d->per_day_micros);
	text_age(age, d->of_last_ms);
	out_line(a->out, "earned per day", "%s USDC, reckoned from the last %s",
	    usdc, age);
}

/*
 * What is left when all is paid, and for how many tenths of a day of work it
 * lasts.
 */
static void
outlook_print(struct admin *a, const struct debts *d, const struct assets *t)
{
	int64_t left = t->balance_micros - d->owed_micros - d->in_flight_micros;
	int64_t per_day = d->per_day_micros, tenths = 0;
	bool lasts = t->known && (left < 0 || per_day > 0);

	if (lasts && left > 0)
		tenths = left / per_day * 10 + left % per_day * 10 / per_day;
	out_field(a->out, "spareMicros", t->known ? "left after that" : NULL,
	    OUT_USDC, out_if(t->known, out_int(left)));
	out_field(a->out, "days", NULL, OUT_COUNT,
	    out_if(lasts, out_int(tenths / 10)));
	if (lasts && left < 0)
		out_line(
		    a->out, "lasts", "not at all: it can't pay what is due");
	else if (lasts)
		out_line(a->out, "lasts",
		    "%" PRId64 ".%d more days at that rate", tenths / 10,
		    (int)(tenths % 10));
	else if (t->known)
		out_line(a->out, "lasts", "nothing was earned lately");
}

static void
assets_print(struct admin *a, const struct assets *t)
{
	char text[ADDRESS_LEN + 1];

	address_format(text, &t->address, ADDRESS_CHECKSUM);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "treasury", "treasury", OUT_TEXT,
		    out_if(t->from != NULL, out_text(text)) },
		{ "addressFrom", NULL, OUT_TEXT,
		    out_if(t->from != NULL, out_text(t->from)) },
		{ "chainId", "chain", OUT_COUNT,
		    out_if(t->network.chain_id != 0,
			out_int((int64_t)t->network.chain_id)) },
		{ "balanceMicros", "balance", OUT_USDC,
		    out_if(t->known, out_int(t->balance_micros)) },
		{ "blacklisted", NULL, OUT_BOOL,
		    out_if(
			t->known, out_int(t->outlook.treasury_blacklisted)) },
		{ "hasCode", NULL, OUT_BOOL,
		    out_if(t->known, out_int(t->outlook.treasury_has_code)) },
		{ "paused", NULL, OUT_BOOL,
		    out_if(t->known, out_int(t->outlook.paused)) },
		{ "problem", NULL, OUT_TEXT,
		    out_if(t->why.msg[0] != '\0', out_text(t->why.msg)) },
		OUT_END });
	if (t->outlook.treasury_blacklisted)
		out_note(a->out,
		    "the token refuses the treasury: nobody can be paid");
	if (t->outlook.treasury_has_code)
		out_note(a->out,
		    "the treasury's address has code: the token takes no signature of its key");
	if (t->outlook.paused)
		out_note(a->out, "the token is paused: nobody can be paid");
	if (t->outlook.warning[0] != '\0')
		out_note(a->out, "%s", t->outlook.warning);
}

/* ---- For worknet doctor ---- */

static void
treasury_judge(const struct debts *d, const struct assets *t, struct outcome *o)
{
	int64_t left = t->balance_micros - d->owed_micros - d->in_flight_micros;
	char usdc[VALUE_TEXT_MAX];

	value_format_usdc(usdc, t->balance_micros);
	if (t->outlook.treasury_blacklisted || t->outlook.treasury_has_code ||
	    t->outlook.paused)
		probe_say(o, true, "nobody can be paid: worknet treasury");
	else if (left < 0)
		probe_say(o, true,
		    "it has %s USDC, less than what is owed: send it more; worknet treasury",
		    usdc);
	else if (d->per_day_micros > 0 && left / d->per_day_micros < DAYS_LEAST)
		probe_say(o, true,
		    "its %s USDC last for less than %d days: send it more; worknet treasury",
		    usdc, DAYS_LEAST);
	else if (d->per_day_micros > 0)
		probe_say(o, false,
		    "it has %s USDC, and when all is paid it lasts for %lld days",
		    usdc, (long long)(left / d->per_day_micros));
	else
		probe_say(o, false, "it has %s USDC", usdc);
}

void
treasury_probe(struct admin *a, struct outcome *o)
{
	struct debts d = { .now_ms = clock_unix_ms() };
	struct assets t = { .why = ERR_INIT };
	struct err e = ERR_INIT;
	enum rc rc;

	if (a->conf.payout_rpc_urls[0] == '\0') {
		probe_say(o, false, "not set up: nobody is paid");
		return;
	}
	source_find(a, &t);
	rc = debts_read(&d, a->db, &e);
	if (rc == RC_OK)
		rc = in_flight_read(&d, &t, a->db, &e);
	if (rc != RC_OK) {
		probe_say(o, true, "%s", e.msg);
		return;
	}
	assets_read(a, &t);
	if (!t.known)
		probe_say(o, true, "%s", t.why.msg);
	else
		treasury_judge(&d, &t, o);
	gas_probe(a, &t.network, o);
}

/* ---- The command ---- */

enum admin_exit
command_treasury(struct admin *a)
{
	const char *address = a->args.opt[OPT_ADDRESS];
	struct debts d = { .now_ms = clock_unix_ms() };
	struct assets t = { .why = ERR_INIT };
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	if (address != NULL &&
	    address_parse(&t.address, NULL, slice_of(address), &e) != RC_OK) {
		(void)err_prefix(&e, "--address");
		return admin_usage(a, &e);
	}
	code = admin_open_read(a);
	if (code != ADMIN_OK)
		return code;
	source_find(a, &t);
	rc = debts_read(&d, a->db, &e);
	if (rc == RC_OK)
		rc = in_flight_read(&d, &t, a->db, &e);
	db_rollback(a->db); /* nodes may take their time */
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	assets_read(a, &t);
	assets_print(a, &t);
	debts_print(a, &d);
	outlook_print(a, &d, &t);
	rc = gas_report(a, &t.network, &e);
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	earned_print(a, &d);
	a->stands = true;
	if (t.known)
		return ADMIN_OK;
	return admin_say(ADMIN_REFUSED, &t.why);
}
