#include "ledger/origin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum rc
origin_note(struct db *db, int64_t worker, struct slice network, struct err *e)
{
	struct query *q = db_query(db, Q_NETWORK_ADD);
	enum rc rc;

	query_text(q, 1, network);
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_WORKER_NETWORK_ADD);
	query_int(q, 1, worker);
	query_text(q, 2, network);
	return query_run(q, e);
}

void
origin_name(char out[static ORIGIN_NAME_LEN + 1],
    const uint8_t key[static SHA256_LEN], int64_t day, struct slice prefix)
{
	uint8_t what[7 + 8] = "network", day_key[SHA256_LEN], mac[SHA256_LEN];
	int i;

	for (i = 0; i < 8; i++)
		what[7 + i] = (uint8_t)((uint64_t)day >> (56 - 8 * i));
	hmac_sha256(day_key, key, SHA256_LEN, what, sizeof(what));
	hmac_sha256(mac, day_key, sizeof(day_key), prefix.p, prefix.len);
	(void)snprintf(out, ORIGIN_NAME_LEN + 1, "%02x%02x%02x%02x", mac[0],
	    mac[1], mac[2], mac[3]);
}

enum rc
origin_key(struct db *db, uint8_t key[static SHA256_LEN], struct err *e)
{
	struct query *q = db_query(db, Q_NETWORK_KEY_GET);
	struct slice bytes = { "", 0 };
	enum rc rc;
	bool row;

	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		bytes = query_get_bytes(q, 0);
	if (bytes.len == SHA256_LEN)
		memcpy(key, bytes.p, bytes.len);
	else if (rc == RC_OK)
		rc = err_set(
		    e, RC_CORRUPT, "the ledger has no key for networks' names");
	query_done(q);
	return rc;
}

enum rc
origin_read(struct db *db, int64_t network, int64_t day,
    char out[static ORIGIN_NAME_LEN + 1], struct err *e)
{
	uint8_t key[SHA256_LEN];
	struct query *q;
	enum rc rc;
	bool row;

	rc = origin_key(db, key, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_NETWORK_OF);
	query_int(q, 1, network);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		origin_name(out, key, day, query_get_text(q, 0));
	else if (rc == RC_OK)
		rc = err_set(e, RC_CORRUPT,
		    "there is no network of the number %" PRId64, network);
	query_done(q);
	return rc;
}
