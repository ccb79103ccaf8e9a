#include "admin/known.h"

#include <stdio.h>

#include "base/file.h"
#include "eth/hex.h"
#include "json/json.h"

#define KNOWN_BYTES 4096
#define KNOWN_MODE  0600
#define HASH_HEX    HEX_SIZE(KECCAK256_LEN)

static bool
hash_read(uint8_t hash[static KECCAK256_LEN], const struct json *j)
{
	return json_text(j) != NULL &&
	    hex_decode(hash, KECCAK256_LEN, slice_of(json_text(j)), NULL) ==
	    RC_OK;
}

static bool
known_take(struct audit_known *k, const struct json *j)
{
	const char *ledger = json_text(json_get(j, "ledger"));
	const struct json *tables = json_get(j, "tables"), *t;
	size_t i;

	if (ledger == NULL || json_count(tables) != AUDIT_KNOWN_TABLES ||
	    json_int(&k->transfer, json_get(j, "transfer")) != RC_OK ||
	    !hash_read(k->hash, json_get(j, "hash")))
		return false;
	(void)snprintf(k->ledger_id, sizeof(k->ledger_id), "%s", ledger);
	for (i = 0; i < AUDIT_KNOWN_TABLES; i++) {
		t = json_at(tables, i);
		if (json_int(&k->table[i].upto, json_get(t, "upTo")) != RC_OK ||
		    !hash_read(k->table[i].digest, json_get(t, "digest")))
			return false;
	}
	return true;
}

enum rc
known_read(struct audit_known *k, const char *path, struct err *e)
{
	struct json *j = NULL;
	struct buf file;
	enum rc rc;

	*k = (struct audit_known){ .transfer = 0 };
	buf_init(&file, KNOWN_BYTES);
	rc = buf_read_file(&file, path, e);
	if (rc == RC_OK)
		rc = json_read(&j, (struct slice){ file.p, file.len }, NULL);
	else if (rc == RC_NOT_FOUND) {
		buf_free(&file);
		return RC_OK;
	}
	if (rc == RC_INVALID || (rc == RC_OK && !known_take(k, j)))
		rc = err_set(e, RC_INVALID,
		    "%s isn't what an audit left there; without it, all signatures are verified again",
		    path);
	json_free(j);
	buf_free(&file);
	return rc;
}

static void
hash_write(struct json_writer *w, const char *key,
    const uint8_t hash[static KECCAK256_LEN])
{
	char hex[HASH_HEX];

	hex_encode(hex, hash, KECCAK256_LEN);
	json_key(w, key);
	json_string(w, hex);
}

static void
known_tell(struct json_writer *w, const struct audit_known *k)
{
	size_t i;

	json_open_object(w);
	json_key(w, "ledger");
	json_string(w, k->ledger_id);
	json_key(w, "transfer");
	json_number(w, k->transfer);
	hash_write(w, "hash", k->hash);
	json_key(w, "tables");
	json_open_array(w);
	for (i = 0; i < AUDIT_KNOWN_TABLES; i++) {
		json_open_object(w);
		json_key(w, "upTo");
		json_number(w, k->table[i].upto);
		hash_write(w, "digest", k->table[i].digest);
		json_close_object(w);
	}
	json_close_array(w);
	json_close_object(w);
}

enum rc
known_write(const struct audit_known *k, const char *path, struct err *e)
{
	struct json_writer *w;
	struct buf file;
	enum rc rc;

	buf_init(&file, KNOWN_BYTES);
	rc = json_writer_new(&w, &file, true, e);
	if (rc == RC_OK) {
		known_tell(w, k);
		json_writer_free(w);
		rc = buf_status(&file, e);
	}
	if (rc == RC_OK)
		rc = file_put(path, KNOWN_MODE, file.p, file.len, e);
	buf_free(&file);
	return rc;
}
