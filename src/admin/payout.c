/* worknet payout list, show, hold, release, holds. */
#include "admin/payout.h"
#include "admin/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/find.h"
#include "admin/table.h"
#include "admin/value.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "evm/network.h"
#include "http/http.h"
#include "ledger/worker.h"

#define REASON_LEN_MAX 199  /* what a payout run shows of it */
#define EVENT_TEXT_MAX 1500 /* bytes of a sentence */

/* What a state means to the worker. */
static const struct {
	const char *state;
	const char *meaning;
} states[] = {
	{ "reserved", "the money is set aside; the payment isn't signed yet" },
	{ "signed", "the payment is signed, and will be sent" },
	{ "submitted",
	    "sent; whether it was made isn't certain before the chain says so" },
	{ "posted", "paid: the chain shows it" },
	{ "final", "paid, and nothing can undo it any more" },
	{ "voided",
	    "not made, and never will be; the credit went back to the worker" },
};

/* What an event means to the worker; its detail follows. */
static const struct {
	const char *kind;
	const char *meaning;
} events[] = {
	{ "reserved", "set aside for this payment" },
	{ "verified", "checked" },
	{ "signed", "signed" },
	{ "submitted", "sent to" },
	{ "answered", "the answer, which proves nothing by itself" },
	{ "chain", "looked at the chain" },
	{ "posted", "the chain shows the payment" },
	{ "unposted", "the chain doesn't show the payment any more" },
	{ "final", "final" },
	{ "voided", "voided, and the credit went back" },
};

#define STATES (sizeof(states) / sizeof(states[0]))
#define EVENTS (sizeof(events) / sizeof(events[0]))

/* The account of the worker that text is for. */
static enum rc
worker_of(struct admin *a, const char *text, struct address *address,
    int64_t *id, struct err *e)
{
	struct worker_row w;
	enum rc rc;

	rc = find_worker(a->db, text, address, e);
	if (rc == RC_OK)
		rc = worker_find(a->db, address, &w, e);
	if (rc == RC_OK)
		*id = w.id;
	return rc;
}

/* ---- list ---- */

static const struct table payouts = { "payouts", NULL,
	{
	    { { "id", "ID", OUT_COUNT }, C_PAYOUT_LIST_ID },
	    { { "seq", "SEQ", OUT_COUNT }, C_PAYOUT_LIST_SEQ },
	    { { "amountMicros", "USDC", OUT_USDC },
		C_PAYOUT_LIST_AMOUNT_MICROS },
	    { { "paidMicros", NULL, OUT_USDC }, C_PAYOUT_LIST_PAID_MICROS },
	    { { "state", "STATE", OUT_TEXT }, C_PAYOUT_LIST_STATE },
	    { { "sinceMs", "SINCE", OUT_TIME }, C_PAYOUT_LIST_SINCE_MS },
	    { { "workerAddress", "WORKER", OUT_ADDRESS },
		C_PAYOUT_LIST_ADDRESS },
	    { { "transaction", "TRANSACTION", OUT_TEXT }, C_PAYOUT_LIST_TX },
	} };

static enum rc
list_footer(
    struct admin *a, bool open, int64_t worker, int64_t shown, struct err *e)
{
	struct query *q = db_query(a->db, Q_PAYOUT_COUNT);
	int64_t total;
	enum rc rc;

	query_int(q, 1, open);
	query_int(q, 2, worker);
	rc = query_one_int(q, &total, e);
	if (rc != RC_OK)
		return rc;
	table_total(a->out, shown, total, "payouts");
	return RC_OK;
}

static enum rc
list_print(struct admin *a, int64_t worker, int64_t limit, struct err *e)
{
	struct query *q = db_query(a->db, Q_PAYOUT_LIST);
	bool open = a->args.opt[OPT_OPEN] != NULL;
	int64_t shown;
	enum rc rc;

	query_int(q, 1, open);
	query_int(q, 2, worker);
	query_int(q, 3, limit);
	rc = table_print(a->out, &payouts, q,
	    open ? "no open payouts" : "no payouts", &shown, e);
	return rc == RC_OK ? list_footer(a, open, worker, shown, e) : rc;
}

enum admin_exit
command_payout_list(struct admin *a)
{
	const char *who = a->args.opt[OPT_WORKER];
	struct err e = ERR_INIT;
	int64_t limit, worker = 0;
	struct address address;
	enum admin_exit code;
	enum rc rc = RC_OK;

	if (who != NULL && find_worker_check(who, &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open_list(a, LIST_LIMIT, &limit);
	if (code != ADMIN_OK)
		return code;
	if (who != NULL)
		rc = worker_of(a, who, &address, &worker, &e);
	if (rc == RC_OK)
		rc = list_print(a, worker, limit, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

/* ---- show ---- */

static void
copy(char *out, size_t size, struct slice text)
{
	(void)snprintf(out, size, "%.*s", (int)text.len, text.p);
}

/* An address as people write it; as it is when it isn't one. */
static void
copy_address(char out[static ADDRESS_LEN + 1], struct slice text)
{
	struct address address;

	if (address_parse(&address, NULL, text, NULL) == RC_OK)
		address_format(out, &address, ADDRESS_CHECKSUM);
	else
		copy(out, ADDRESS_LEN + 1, text);
}

static void
facts_take(struct payout_facts *f, struct query *q)
{
	f->worker_id = query_get_int(q, C_PAYOUT_SHOW_WORKER);
	copy_address(f->worker, query_get_text(q, C_PAYOUT_SHOW_ADDRESS));
	f->seq = query_get_int(q, C_PAYOUT_SHOW_SEQ);
	f->amount_micros = query_get_int(q, C_PAYOUT_SHOW_AMOUNT_MICROS);
	f->paid_micros = query_get_int(q, C_PAYOUT_SHOW_PAID_MICROS);
	copy(
	    f->state, sizeof(f->state), query_get_text(q, C_PAYOUT_SHOW_STATE));
	copy(
	    f->nonce, sizeof(f->nonce), query_get_text(q, C_PAYOUT_SHOW_NONCE));
	f->chain_id = query_get_int(q, C_PAYOUT_SHOW_CHAIN_ID);
	copy_address(f->token, query_get_text(q, C_PAYOUT_SHOW_TOKEN));
	copy_address(f->treasury, query_get_text(q, C_PAYOUT_SHOW_TREASURY));
	f->reserved_ms = query_get_int(q, C_PAYOUT_SHOW_RESERVED_MS);
	f->verified_to = query_get_int(q, C_PAYOUT_SHOW_VERIFIED_TO);
	copy(f->tx, sizeof(f->tx), query_get_text(q, C_PAYOUT_SHOW_TX));
	f->reserve = query_get_int(q, C_PAYOUT_SHOW_RESERVE);
	f->adopted = query_get_int(q, C_PAYOUT_SHOW_ADOPTED) != 0;
	f->is_signed = !query_is_null(q, C_PAYOUT_SHOW_SIGNED_MS);
	if (!f->is_signed)
		return;
	f->signed_ms = query_get_int(q, C_PAYOUT_SHOW_SIGNED_MS);
	f->valid_after = query_get_int(q, C_PAYOUT_SHOW_VALID_AFTER);
	f->valid_before = query_get_int(q, C_PAYOUT_SHOW_VALID_BEFORE);
	copy(f->signature, sizeof(f->signature),
	    query_get_text(q, C_PAYOUT_SHOW_SIGNATURE));
	f->from_block = query_get_int(q, C_PAYOUT_SHOW_FROM_BLOCK);
	f->body_bytes = query_get_int(q, C_PAYOUT_SHOW_BODY_BYTES);
}

/* A link to the transaction, if the configuration is of the same chain. */
static void
link_make(struct admin *a, struct payout_facts *f)
{
	struct network n;

	if (f->tx[0] != '\0' &&
	    network_from_conf(&n, &a->conf, NULL) == RC_OK &&
	    (int64_t)n.chain_id == f->chain_id && n.explorer_url[0] != '\0')
		(void)snprintf(
		    f->link, sizeof(f->link), "%s%s", n.explorer_url, f->tx);
}

static enum rc
facts_read(struct admin *a, int64_t id, struct payout_facts *f, struct err *e)
{
	struct query *q = db_query(a->db, Q_PAYOUT_SHOW);
	enum rc rc;
	bool row;

	*f = (struct payout_facts){ .id = id };
	query_int(q, 1, id);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		facts_take(f, q);
	query_done(q);
	if (rc == RC_OK && !row)
		return err_set(
		    e, RC_NOT_FOUND, "no payout has the number %" PRId64, id);
	if (rc == RC_OK)
		link_make(a, f);
	return rc;
}

enum admin_exit
payout_open(struct admin *a, struct payout_facts *f)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	int64_t id;
	enum rc rc;

	if (value_parse_int(&id, "the payout's number", a->args.arg[0], &e) !=
	    RC_OK)
		return admin_usage(a, &e);
	code = admin_open_read(a);
	if (code != ADMIN_OK)
		return code;
	rc = facts_read(a, id, f, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

void
payout_facts_print(struct admin *a, const struct payout_facts *f)
{
	char usdc[VALUE_TEXT_MAX];
	const char *meaning = "";
	size_t i;

	for (i = 0; i < STATES; i++)
		if (strcmp(f->state, states[i].state) == 0)
			meaning = states[i].meaning;
	out_fields(a->out,
	    (const struct out_field[]){
		{ "id", "payout", OUT_COUNT, out_int(f->id) },
		{ "workerAddress", "worker", OUT_TEXT, out_text(f->worker) },
		{ "seq", "the worker's no.", OUT_COUNT, out_int(f->seq) },
		{ "amountMicros", "amount", OUT_USDC,
		    out_int(f->amount_micros) },
		{ "paidMicros", NULL, OUT_USDC, out_int(f->paid_micros) },
		OUT_END });
	value_format_usdc(usdc, f->paid_micros);
	if (f->paid_micros != 0 && f->paid_micros != f->amount_micros)
		out_line(a->out, "paid",
		    "%s USDC: the chain differs, see worknet finding list",
		    usdc);
	out_field(a->out, "state", NULL, OUT_TEXT, out_text(f->state));
	out_line(a->out, "state", "%s (%s)", f->state, meaning);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "chainId", "chain", OUT_COUNT, out_int(f->chain_id) },
		{ "token", "token", OUT_TEXT, out_text(f->token) },
		{ "treasury", "paid from", OUT_TEXT, out_text(f->treasury) },
		{ "transaction", "transaction", OUT_TEXT,
		    out_if(f->tx[0] != '\0', out_text(f->tx)) },
		{ "link", NULL, OUT_TEXT,
		    out_if(f->link[0] != '\0', out_text(f->link)) },
		OUT_END });
	if (f->link[0] != '\0')
		out_line(a->out, "link", "%s", f->link);
}

/* "0x0123...cdef": enough to tell two apart. */
static void
shorten(char out[static 20], const char *hex)
{
	size_t len = strlen(hex);

	if (len < 20)
		(void)snprintf(out, 20, "%.19s", hex);
	else
		(void)snprintf(out, 20, "%.8s...%s", hex, hex + len - 6);
}

static void
authorization_print(struct admin *a, const struct payout_facts *f)
{
	char until[VALUE_TEXT_MAX], short_signature[20];

	out_fields(a->out,
	    (const struct out_field[]){
		{ "nonce", "nonce", OUT_TEXT, out_text(f->nonce) },
		{ "signed", NULL, OUT_BOOL, out_int(f->is_signed) }, OUT_END });
	if (!f->is_signed) {
		out_line(a->out, "authorization", "%s",
		    f->adopted ? "lost; the chain has what it paid"
			       : "not signed");
		return;
	}
	shorten(short_signature, f->signature);
	value_format_time(until, f->valid_before * 1000);
	out_field(
	    a->out, "signedMs", "signed", OUT_TIME, out_int(f->signed_ms));
	out_line(a->out, "valid until", "%s", until);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "validAfter", NULL, OUT_COUNT, out_int(f->valid_after) },
		{ "validBefore", NULL, OUT_COUNT, out_int(f->valid_before) },
		{ "signature", "signature", OUT_TEXT,
		    out_text(short_signature) },
		{ "fromBlock", "head at signing", OUT_COUNT,
		    out_int(f->from_block) },
		{ "requestBytes", "request (bytes)", OUT_COUNT,
		    out_int(f->body_bytes) },
		OUT_END });
}

/*
 * What an event says. Older ledgers have whole URLs of facilitators, whose
 * paths may hold a key.
 */
static struct slice
detail_of(struct query *q, char *origin, size_t size)
{
	struct slice detail = query_get_text(q, C_PAYOUT_EVENTS_DETAIL);
	char url[URL_MAX + 1];

	if (!slice_is(query_get_text(q, C_PAYOUT_EVENTS_KIND), "submitted"))
		return detail;
	copy(url, sizeof(url), detail);
	http_url_origin(origin, size, url);
	return origin[0] == '\0' ? detail : slice_of(origin);
}

/* An event as a sentence for the worker. */
static void
event_say(char *out, size_t size, const struct payout_facts *f, struct query *q,
    struct slice detail)
{
	struct slice kind = query_get_text(q, C_PAYOUT_EVENTS_KIND);
	char number[VALUE_TEXT_MAX] = "";
	const char *meaning = "";
	size_t i;

	for (i = 0; i < EVENTS; i++)
		if (slice_is(kind, events[i].kind))
			meaning = events[i].meaning;
	if (slice_is(kind, "reserved"))
		value_format_usdc(number, f->amount_micros);
	if (slice_is(kind, "signed")) {
		/* Its detail has the same time in Unix seconds. */
		value_format_time(number, f->valid_before * 1000);
		(void)snprintf(out, size,
		    "signed; it can be carried out until %s", number);
		return;
	}
	(void)snprintf(out, size, "%s%s%s%s%.*s", number,
	    number[0] != '\0' ? " USDC " : "", meaning,
	    detail.len == 0		      ? ""
		: slice_is(kind, "submitted") ? " "
					      : ": ",
	    (int)detail.len, detail.p);
}

enum rc
payout_events_print(
    struct admin *a, const struct payout_facts *f, bool words, struct err *e)
{
	static const struct out_column plain[] = {
		{ "id", NULL, OUT_COUNT },
		{ "atMs", "AT", OUT_TIME },
		{ "kind", "EVENT", OUT_TEXT },
		{ "transfer", "TRANSFER", OUT_COUNT },
		{ "block", "BLOCK", OUT_COUNT },
		{ "transaction", "TRANSACTION", OUT_TEXT },
		{ "detail", "DETAIL", OUT_TEXT },
	}, told[] = {
		{ "id", NULL, OUT_COUNT },
		{ "atMs", "AT", OUT_TIME },
		{ "kind", NULL, OUT_TEXT },
		{ "transfer", NULL, OUT_COUNT },
		{ "block", "BLOCK", OUT_COUNT },
		{ "transaction", NULL, OUT_TEXT },
		{ "detail", NULL, OUT_TEXT },
		{ "text", "WHAT HAPPENED", OUT_TEXT },
	};
	struct query *q = db_query(a->db, Q_PAYOUT_EVENTS);
	char text[EVENT_TEXT_MAX], origin[URL_MAX + 1];
	struct slice detail;
	enum rc rc;
	bool row;

	out_table(a->out, "events", "What happened", words ? told : plain,
	    words ? 8 : 7);
	query_int(q, 1, f->id);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		detail = detail_of(q, origin, sizeof(origin));
		event_say(text, sizeof(text), f, q, detail);
		out_row(a->out,
		    (struct out_value[]){
			out_int(query_get_int(q, C_PAYOUT_EVENTS_ID)),
			out_int(query_get_int(q, C_PAYOUT_EVENTS_AT_MS)),
			out_slice(query_get_text(q, C_PAYOUT_EVENTS_KIND)),
			row_value(q, C_PAYOUT_EVENTS_TRANSFER, OUT_COUNT),
			row_value(q, C_PAYOUT_EVENTS_BLOCK, OUT_COUNT),
			row_value(q, C_PAYOUT_EVENTS_TX, OUT_TEXT),
			out_slice(detail), out_text(text) });
	}
	query_done(q);
	out_table_end(a->out, "nothing");
	return rc;
}

enum admin_exit
command_payout_show(struct admin *a)
{
	struct err e = ERR_INIT;
	struct payout_facts f;
	enum admin_exit code;
	enum rc rc;

	code = payout_open(a, &f);
	if (code != ADMIN_OK)
		return code;
	payout_facts_print(a, &f);
	authorization_print(a, &f);
	rc = payout_events_print(a, &f, false, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

/* ---- hold, release ---- */

static void
hold_say(struct admin *a, const struct address *address, const char *done,
    const char *text)
{
	char who[ADDRESS_LEN + 1];
	bool all = a->args.n == 0;

	address_format(who, address, ADDRESS_CHECKSUM);
	admin_done(a, "address", all ? NULL : who, done);
	out_note(a->out, "%s%s%s", all ? "everybody" : "worker ",
	    all ? "" : who, text);
}

/* Opens the ledger to write, and finds the worker; 0 stands for everybody. */
static enum admin_exit
hold_open(struct admin *a, struct address *address, int64_t *worker)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	*address = (struct address){ { 0 } };
	*worker = 0;
	if (a->args.n > 0 && find_worker_check(a->args.arg[0], &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open(a, DB_WRITE);
	if (code != ADMIN_OK || a->args.n == 0)
		return code;
	rc = worker_of(a, a->args.arg[0], address, worker, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

enum admin_exit
command_payout_hold(struct admin *a)
{
	const char *reason = a->args.opt[OPT_REASON];
	struct err e = ERR_INIT;
	struct address address;
	enum admin_exit code;
	int64_t worker;
	enum rc rc;

	if (reason == NULL || reason[0] == '\0')
		reason = "held by the operator";
	if (strlen(reason) > REASON_LEN_MAX ||
	    !utf8_is_text(reason, strlen(reason))) {
		(void)err_set(&e, RC_INVALID,
		    "--reason: expected up to %d bytes of UTF-8",
		    REASON_LEN_MAX);
		return admin_usage(a, &e);
	}
	code = hold_open(a, &address, &worker);
	if (code != ADMIN_OK)
		return code;
	rc = hold_set(a->db, worker, "operator", reason, clock_unix_ms(), &e);
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	hold_say(a, &address, "held",
	    worker == 0 ? " is held: nobody is paid" : " is held");
	return ADMIN_OK;
}

enum admin_exit
command_payout_release(struct admin *a)
{
	int64_t worker, operators, others;
	struct err e = ERR_INIT;
	struct address address;
	enum admin_exit code;
	struct query *q;
	enum rc rc;

	code = hold_open(a, &address, &worker);
	if (code != ADMIN_OK)
		return code;
	q = db_query(a->db, Q_HOLD_BY);
	query_int(q, 1, worker);
	query_text(q, 2, slice_of("operator"));
	rc = query_ints(q, (int64_t *[]){ &operators, &others }, 2, &e);
	if (rc == RC_OK)
		rc = hold_release(a->db, worker, "operator", &e);
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	hold_say(a, &address, "released",
	    operators == 0 ? " wasn't held by you" : " is released");
	if (others > 0)
		out_note(a->out,
		    "still held by the chain: see worknet payout holds");
	return ADMIN_OK;
}

static const struct table holds = { "holds", NULL,
	{
	    { { "workerAddress", NULL, OUT_ADDRESS }, C_HOLD_LIST_ADDRESS },
	    { { "who", "WHO", OUT_ADDRESS }, C_HOLD_LIST_WHO },
	    { { "by", "BY", OUT_TEXT }, C_HOLD_LIST_BY },
	    { { "sinceMs", "SINCE", OUT_TIME }, C_HOLD_LIST_SINCE_MS },
	    { { "reason", "REASON", OUT_TEXT }, C_HOLD_LIST_REASON },
	} };

enum admin_exit
command_payout_holds(struct admin *a)
{
	return table_command(a, &holds, Q_HOLD_LIST, "nobody is held");
}
