/*
 * Makes payouts in a ledger for tests, with the program's own steps and
 * without a chain: one command a line on standard input, for whatever the
 * chain and a facilitator would have said. --hashes prints the chain of
 * events anew instead.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "eth/hex.h"
#include "ledger/evidence.h"
#include "ledger/finding.h"
#include "ledger/payout.h"
#include "ledger/row_read.h"
#include "ledger/worker.h"

#define LINE_MAX_LEN 1000
#define WORDS	     5

static const char usage[] =
    "usage: make_payouts --db FILE [--now MS] <COMMANDS\n"
    "       make_payouts --db FILE --hashes\n"
    "\n"
    "    reserve ADDRESS MICROS [TRANSFER]   0: all of the balance;\n"
    "                                verified before, up to this transfer\n"
    "    sign ID\n"
    "    submit ID URL\n"
    "    answer ID TEXT\n"
    "    note ID TEXT\n"
    "    post ID MICROS              0: its amount; another one is final\n"
    "    unpost ID\n"
    "    final ID\n"
    "    void ID PROOF\n"
    "    cancel ID PROOF\n"
    "    adopt ADDRESS SEQ MICROS\n"
    "    find KIND SUBJECT DETAIL\n"
    "    chainhold ADDRESS REASON\n"
    "    pause MS                    of the clock\n";

struct maker {
	struct db *db;
	int64_t now_ms;
	char *word[WORDS]; /* of the present line */
};

typedef enum rc command_fn(struct maker *m, struct err *e);

/* A test's. */
static const struct eth_key treasury_key = { { 0x7e, 0xa5 } };

/* main adds the treasury, which is that key's. */
static struct payout_source source = {
	.chain_id = 84532,
	.token = { { 0x03, 0x6c, 0xbd, 0x53, 0x84, 0x2c, 0x54, 0x26, 0x63, 0x4e,
	    0x79, 0x29, 0x54, 0x1e, 0xc2, 0x31, 0x8f, 0x3d, 0xcf, 0x7e } },
};

static int64_t
number(const char *text)
{
	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

static const char *
text_of(const char *word)
{
	return word == NULL ? "" : word;
}

/* The hash of a transaction that there never was. */
static void
tx_make(char tx[static TX_LEN + 1], int64_t id)
{
	uint8_t hash[KECCAK256_LEN];

	keccak256(hash, &id, sizeof(id));
	hex_encode(tx, hash, sizeof(hash));
}

static enum rc
worker_of(struct maker *m, struct payout *p, struct err *e)
{
	struct worker_row w = { .id = 0 };
	enum rc rc;

	rc = address_parse(&p->worker, NULL, slice_of(text_of(m->word[1])), e);
	if (rc == RC_OK)
		rc = worker_find(m->db, &p->worker, &w, e);
	p->worker_id = w.id;
	return rc;
}

/* Its nonce and its seal, whose other fields are given. */
static enum rc
sign_and_seal(struct maker *m, struct payout *p, struct err *e)
{
	struct sealed what = { .worker = p->worker,
		.seq = p->seq,
		.amount_micros = p->amount_micros };
	struct payout_key key = { .chain_id = (uint64_t)source.chain_id,
		.token = source.token,
		.treasury = source.treasury,
		.worker = p->worker,
		.seq = (uint64_t)p->seq };
	int64_t created_ms;
	enum rc rc;

	p->source = source;
	rc = payout_ledger_id(m->db, key.ledger_id, &created_ms, e);
	payout_nonce(p->nonce, &key);
	memcpy(what.ledger_id, key.ledger_id, sizeof(what.ledger_id));
	return rc == RC_OK ? seal_sign(&p->seal, &what, &treasury_key, e) : rc;
}

static enum rc
do_reserve(struct maker *m, struct err *e)
{
	struct payout p = { .reserved_ms = m->now_ms };
	const struct evidence_rules rules = { .now_ms = clock_unix_ms() };
	struct evidence evidence;
	struct payee_list l;
	enum rc rc;

	p.seal.verified_to = number(m->word[3]);
	rc = worker_of(m, &p, e);
	if (rc == RC_OK)
		rc = payout_payees(m->db, 1, &p.worker, m->now_ms, &l, e);
	if (rc != RC_OK)
		return rc;
	p.seq = l.n == 0 ? 0 : l.all[0].next_seq;
	payee_list_free(&l);
	if (p.seq == 0)
		return err_set(e, RC_NOT_FOUND, "nothing to pay");
	p.amount_micros = number(m->word[2]);
	if (p.seal.verified_to == 0) {
		rc = evidence_verify(m->db, &rules, p.worker_id, &p.worker,
		    &source.treasury, &evidence, e);
		p.seal.verified_to = evidence.verified_to;
		p.seal.balance_micros = evidence.balance_micros;
		memcpy(p.seal.verified_hash, evidence.verified_hash,
		    sizeof(p.seal.verified_hash));
		if (p.amount_micros == 0)
			p.amount_micros = evidence.balance_micros;
	}
	if (rc == RC_OK)
		rc = sign_and_seal(m, &p, e);
	if (rc == RC_OK)
		rc = payout_reserve(m->db, &p, e);
	if (rc == RC_OK)
		printf("%" PRId64 " %" PRId64 "\n", p.id, p.amount_micros);
	return rc;
}

/* The open payout of that number. */
static enum rc
payout_of(struct maker *m, struct payout *p, struct err *e)
{
	int64_t id = number(m->word[1]);
	bool found;
	enum rc rc;

	rc = payout_next_open(m->db, id - 1, p, &found, e);
	if (rc == RC_OK && (!found || p->id != id))
		return err_set(e, RC_NOT_FOUND,
		    "payout %" PRId64 " isn't "
		    "open",
		    id);
	return rc;
}

static enum rc
do_sign(struct maker *m, struct err *e)
{
	struct payout_auth a = { .signed_ms = m->now_ms,
		.valid_before = m->now_ms / 1000 + 3600,
		.from_block = 100 };
	struct payout p;
	enum rc rc;

	rc = payout_of(m, &p, e);
	if (rc != RC_OK)
		return rc;
	memset(a.signature, 0x5a, sizeof(a.signature));
	buf_init(&a.body, 1000);
	buf_printf(&a.body, "{\"payout\":%" PRId64 "}", p.id);
	rc = payout_sign(m->db, &p, &a, 3, e);
	payout_auth_free(&a);
	return rc;
}

static enum rc
do_submit(struct maker *m, struct err *e)
{
	struct payout p;
	enum rc rc = payout_of(m, &p, e);

	return rc != RC_OK
	    ? rc
	    : payout_submit(m->db, &p, text_of(m->word[2]), m->now_ms, e);
}

static enum rc
do_answer(struct maker *m, struct err *e)
{
	char tx[TX_LEN + 1];
	struct payout p;
	enum rc rc = payout_of(m, &p, e);

	tx_make(tx, p.id);
	return rc != RC_OK
	    ? rc
	    : payout_answered(m->db, &p, text_of(m->word[2]), tx, m->now_ms, e);
}

static enum rc
do_note(struct maker *m, struct err *e)
{
	struct payout p;
	enum rc rc = payout_of(m, &p, e);

	return rc != RC_OK
	    ? rc
	    : payout_note(m->db, &p, text_of(m->word[2]), m->now_ms, e);
}

static void
payment_make(struct payment *paid, const struct payout *p, int64_t micros)
{
	*paid = (struct payment){
		.to = p->worker, .micros = micros, .block = 1000 + p->id
	};
	tx_make(paid->tx, p->id);
}

static enum rc
do_post(struct maker *m, struct err *e)
{
	int64_t micros = number(m->word[2]);
	struct payment paid;
	struct payout p;
	enum rc rc = payout_of(m, &p, e);

	if (rc != RC_OK)
		return rc;
	payment_make(&paid, &p, micros == 0 ? p.amount_micros : micros);
	/* Another amount is only booked once it is final. */
	if (paid.micros != p.amount_micros)
		return payout_finalize(m->db, &p, &paid, m->now_ms, e);
	return payout_post(m->db, &p, &paid, m->now_ms, e);
}

static enum rc
do_unpost(struct maker *m, struct err *e)
{
	struct payout p;
	enum rc rc = payout_of(m, &p, e);

	return rc != RC_OK
	    ? rc
	    : payout_unpost(
		  m->db, &p, "its block is gone: reorganised", m->now_ms, e);
}

static enum rc
do_final(struct maker *m, struct err *e)
{
	struct payment paid;
	struct payout p;
	enum rc rc = payout_of(m, &p, e);

	if (rc != RC_OK)
		return rc;
	payment_make(&paid, &p, p.paid_micros);
	return payout_finalize(m->db, &p, &paid, m->now_ms, e);
}

static enum rc
do_void(struct maker *m, struct err *e)
{
	struct payout p;
	enum rc rc = payout_of(m, &p, e);

	return rc != RC_OK
	    ? rc
	    : payout_void(m->db, &p, text_of(m->word[2]), "", m->now_ms, e);
}

static enum rc
do_cancel(struct maker *m, struct err *e)
{
	char tx[TX_LEN + 1];
	struct payout p;
	enum rc rc = payout_of(m, &p, e);

	if (rc != RC_OK)
		return rc;
	tx_make(tx, p.id);
	return payout_void(m->db, &p, text_of(m->word[2]), tx, m->now_ms, e);
}

static enum rc
do_adopt(struct maker *m, struct err *e)
{
	struct payout p = { .seq = number(m->word[2]),
		.amount_micros = number(m->word[3]) };
	struct payment paid;
	enum rc rc;

	rc = worker_of(m, &p, e);
	if (rc == RC_OK)
		rc = payout_lost(m->db, p.worker_id, p.amount_micros,
		    &p.seal.balance_micros, e);
	if (rc == RC_OK)
		rc = sign_and_seal(m, &p, e);
	if (rc != RC_OK)
		return rc;
	payment_make(&paid, &p, p.amount_micros);
	tx_make(paid.tx, p.seq * 1000 + p.worker_id);
	return payout_adopt(m->db, &p, &paid, m->now_ms, e);
}

static enum rc
do_find(struct maker *m, struct err *e)
{
	return finding_add(m->db, text_of(m->word[1]), text_of(m->word[2]),
	    text_of(m->word[3]), m->now_ms, e);
}

static enum rc
do_chainhold(struct maker *m, struct err *e)
{
	struct payout p;
	enum rc rc = worker_of(m, &p, e);

	return rc != RC_OK ? rc
			   : hold_set(m->db, p.worker_id, "chain",
				 text_of(m->word[2]), m->now_ms, e);
}

static enum rc
do_pause(struct maker *m, struct err *e)
{
	(void)e;
	m->now_ms += number(m->word[1]);
	return RC_OK;
}

/* The last word of a line takes the rest of it. */
static const struct {
	const char *name;
	int words;
	command_fn *run;
} commands[] = {
	{ "reserve", 4, do_reserve },
	{ "sign", 2, do_sign },
	{ "submit", 3, do_submit },
	{ "answer", 3, do_answer },
	{ "note", 3, do_note },
	{ "post", 3, do_post },
	{ "unpost", 2, do_unpost },
	{ "final", 2, do_final },
	{ "void", 3, do_void },
	{ "cancel", 3, do_cancel },
	{ "adopt", 4, do_adopt },
	{ "find", 4, do_find },
	{ "chainhold", 3, do_chainhold },
	{ "pause", 2, do_pause },
};

static enum rc
line_run(struct maker *m, char *line, struct err *e)
{
	size_t i, len;
	int n;

	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '\0')
		return RC_OK;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		len = strlen(commands[i].name);
		if (strncmp(line, commands[i].name, len) != 0 ||
		    line[len] != ' ')
			continue;
		memset(m->word, 0, sizeof(m->word));
		for (n = 0; n < commands[i].words - 1 && line != NULL; n++)
			m->word[n] = strsep(&line, " ");
		m->word[n] = line;
		return commands[i].run(m, e);
	}
	return err_set(e, RC_INVALID, "unknown command: %s", line);
}

static enum rc
lines_run(struct maker *m, struct err *e)
{
	char line[LINE_MAX_LEN];
	enum rc rc = RC_OK;

	while (rc == RC_OK && fgets(line, sizeof(line), stdin) != NULL) {
		rc = line_run(m, line, e);
		m->now_ms += 1000;
	}
	return rc;
}

/* Prints the hashes that the events should have. */
static enum rc
hashes_print(struct db *db, struct err *e)
{
	struct query *q = db_query(db, Q_AUDIT_EVENT);
	char text[HEX_SIZE(KECCAK256_LEN)];
	struct tail before = { .last_id = 0 };
	uint8_t hash[KECCAK256_LEN], stored[KECCAK256_LEN];
	struct event_row ev;
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		row_read_event(q, 0, &ev, stored);
		link_event(hash, &before, &ev);
		memcpy(before.hash, hash, sizeof(hash));
		hex_encode(text, hash, sizeof(hash));
		printf("%" PRId64 " %s\n", ev.id, text);
	}
	query_done(q);
	return rc;
}

int
main(int argc, char **argv)
{
	const char *path = NULL;
	struct maker m = { .now_ms = 1790000000000 };
	struct err e = ERR_INIT;
	bool hashes = false;
	enum rc rc;
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--hashes") == 0)
			hashes = true;
		else if (strcmp(argv[i], "--db") == 0 && i + 1 < argc)
			path = argv[++i];
		else if (strcmp(argv[i], "--now") == 0 && i + 1 < argc)
			m.now_ms = number(argv[++i]);
		else
			path = "";
	}
	if (path == NULL || path[0] == '\0') {
		fputs(usage, stderr);
		return 2;
	}
	rc = eth_key_address(&source.treasury, &treasury_key, &e);
	if (rc == RC_OK)
		rc =
		    db_open(&m.db, path, hashes ? DB_READ : DB_WRITE, 1000, &e);
	if (rc == RC_OK)
		rc = hashes ? hashes_print(m.db, &e) : lines_run(&m, &e);
	db_close(m.db);
	if (rc != RC_OK)
		fprintf(stderr, "make_payouts: %s\n", e.msg);
	return rc == RC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
