/*
 * How far an earlier audit has verified every signature. The chain of transfers
 * shows whether results and signatures are still the same. Four tables that
 * aren't in that chain say what else was signed: their rows are never changed
 * or deleted, so those of then have the digest that they had.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "eth/hex.h"
#include "eth/keccak.h"
#include "ledger/audit_part.h"

enum { WORKERS }; /* whose numbers are transfers' */

/*
 * Rows of a number and its text or bytes, in order, up to the number ?1; of the
 * workers those whom a transfer up to ?1 has paid, since others may go away.
 */
static const struct known_table {
	const char *what;
	enum query_id rows;
} tables[AUDIT_KNOWN_TABLES] = {
	[WORKERS] = { "workers", Q_AUDIT_KNOWN_WORKER },
	{ "tasks", Q_AUDIT_KNOWN_TASK },
	{ "definitions", Q_AUDIT_KNOWN_VERSION },
	{ "anchors", Q_AUDIT_KNOWN_ANCHOR },
};

static void
add_int(struct keccak *k, int64_t n)
{
	keccak_update(k, &n, sizeof(n));
}

/* *last is the number of the last row; 0 without any. */
static enum rc
table_digest(struct db *db, enum query_id rows, int64_t upto, int64_t *last,
    uint8_t digest[static KECCAK256_LEN], struct err *e)
{
	struct query *q = db_query(db, rows);
	struct slice value;
	struct keccak k;
	enum rc rc;
	bool row;

	keccak_init(&k);
	query_int(q, 1, upto);
	*last = 0;
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		*last = query_get_int(q, 0);
		value = query_get_bytes(q, 1);
		add_int(&k, *last);
		add_int(&k, (int64_t)value.len);
		keccak_update(&k, value.p, value.len);
	}
	query_done(q);
	keccak_final(&k, digest);
	return rc;
}

/* Whether the transfer that it ends at is there, with its hash. */
static enum rc
transfer_check(struct audit *a, const struct audit_known *k, struct err *e)
{
	struct query *q = db_query(a->db, Q_AUDIT_KNOWN_TRANSFER);
	char then[HEX_SIZE(KECCAK256_LEN)];
	struct slice hash;
	enum rc rc;
	bool row;

	hex_encode(then, k->hash, sizeof(k->hash));
	query_int(q, 1, k->transfer);
	rc = query_step(q, &row, e);
	hash = rc == RC_OK && row ? query_get_bytes(q, 0) : slice_of("");
	if (rc == RC_OK &&
	    (hash.len != sizeof(k->hash) ||
		memcmp(hash.p, k->hash, sizeof(k->hash)) != 0))
		audit_found(a, AUDIT_TRANSFER_CHAIN,
		    "transfer %" PRId64 ": %s, an earlier audit saw hash %s",
		    k->transfer, row ? "has another hash" : "is gone", then);
	query_done(q);
	return rc;
}

static enum rc
tables_check(struct audit *a, const struct audit_known *k, struct err *e)
{
	uint8_t digest[KECCAK256_LEN];
	int64_t last;
	size_t i;
	enum rc rc = RC_OK;

	for (i = 0; rc == RC_OK && i < AUDIT_KNOWN_TABLES; i++) {
		rc = table_digest(
		    a->db, tables[i].rows, k->table[i].upto, &last, digest, e);
		if (rc == RC_OK &&
		    memcmp(digest, k->table[i].digest, sizeof(digest)) != 0)
			audit_found(a, AUDIT_SIGNATURE,
			    "%s up to %" PRId64
			    " aren't those that an earlier audit saw",
			    tables[i].what, k->table[i].upto);
	}
	return rc;
}

/* Whether what signatures depend on has no finding so far. */
static bool
is_sound(const struct audit *a)
{
	const int64_t *found = a->report->found;

	return found[AUDIT_TRANSFER_CHAIN] == 0 &&
	    found[AUDIT_VERSION_CHAIN] == 0 && found[AUDIT_SIGNATURE] == 0;
}

enum rc
audit_known_check(struct audit *a, struct err *e)
{
	const struct audit_known *k = a->o->known;
	enum rc rc;

	a->verified = 0;
	if (k == NULL || k->transfer == 0)
		return RC_OK;
	if (strcmp(k->ledger_id, a->report->ledger_id) != 0) {
		audit_found(a, AUDIT_SIGNATURE,
		    "an earlier audit was of ledger %s", k->ledger_id);
		return RC_OK;
	}
	rc = transfer_check(a, k, e);
	if (rc == RC_OK)
		rc = tables_check(a, k, e);
	if (rc == RC_OK && is_sound(a))
		a->verified = k->transfer;
	return rc;
}

enum rc
audit_known_make(struct audit *a, struct err *e)
{
	struct audit_known *k = &a->known;
	size_t i;
	enum rc rc = RC_OK;

	k->transfer = a->report->newest.last_id;
	memcpy(k->hash, a->report->newest.hash, sizeof(k->hash));
	(void)snprintf(
	    k->ledger_id, sizeof(k->ledger_id), "%s", a->report->ledger_id);
	for (i = 0; rc == RC_OK && i < AUDIT_KNOWN_TABLES; i++)
		rc = table_digest(a->db, tables[i].rows, INT64_MAX,
		    &k->table[i].upto, k->table[i].digest, e);
	k->table[WORKERS].upto = k->transfer;
	return rc;
}

void
audit_known_keep(struct audit *a)
{
	if (a->o->known != NULL && is_sound(a))
		*a->o->known = a->known;
}
