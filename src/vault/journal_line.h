/*
 * The lines of the vault's journal, as vault/journal.h describes them: values
 * to text and back. Pure functions; any thread. Private to src/vault.
 */
#ifndef WORKNET_VAULT_JOURNAL_LINE_H
#define WORKNET_VAULT_JOURNAL_LINE_H

#include "eth/address.h"
#include "eth/keccak.h"
#include "eth/nonce.h"

/* Whose journal it is: nothing else is ever signed with it. */
struct journal_owner {
	uint8_t ledger_id[LEDGER_ID_LEN];
	int64_t chain_id;
	struct address token;
	struct address treasury;
};

enum journal_kind {
	JOURNAL_PAYOUT,	 /* an authorization: amount in micro-USDC */
	JOURNAL_ADOPTED, /* a payment found on the chain: the same */
	JOURNAL_GAS,	 /* a transaction: payee, its nonce, wei at most */
	JOURNAL_SETTLED, /* a number's last word: what the chain paid */
	JOURNAL_KINDS,
};

struct journal_entry {
	enum journal_kind kind;
	int64_t at_s; /* Unix seconds; never before the entry in front */
	struct address payee;
	int64_t number;
	int64_t amount;
	int64_t end_s; /* of an authorization; else 0 */
};

#define JOURNAL_LINE_MAX 500 /* bytes; a header has 330 */

/* What the first line begins with. */
#define JOURNAL_MAGIC "worknet-journal 1 "

/* Writes the first line, with its end; hash becomes its own. Its bytes. */
size_t journal_header_write(char line[static JOURNAL_LINE_MAX],
    const struct journal_owner *o, int64_t now_s,
    uint8_t hash[static KECCAK256_LEN]);

/* When a first line, which ends with a zero, says that it was begun, or -1. */
int64_t journal_header_time(const char *line);

/* Writes the n-th entry's; hash is that of the line before, becomes its own. */
size_t journal_entry_write(char line[static JOURNAL_LINE_MAX],
    const struct journal_entry *entry, int64_t n,
    uint8_t hash[static KECCAK256_LEN]);

/* Reads one that ends with a zero; loosely: write it again and compare. */
bool journal_entry_parse(struct journal_entry *out, const char *line);

/* The time as in a line, ended by a zero. */
void journal_time_write(char out[static JOURNAL_LINE_MAX], int64_t s);

#endif
