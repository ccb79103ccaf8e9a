/*
 * What the run and its vault say to each other, over a SOCK_SEQPACKET pair:
 * one packet a question, one an answer. Both ends are the same program, forked,
 * so that a packet is a struct; but neither trusts the other's: its length,
 * its kind and its number are checked, and its contents are input.
 * Private to src/vault.
 */
#ifndef WORKNET_VAULT_MESSAGE_H
#define WORKNET_VAULT_MESSAGE_H

#include "vault/request.h"

enum question_kind {
	ASK_HELLO, /* not asked: the first answer, once the vault is ready */
	ASK_OPEN,
	ASK_SIGN,
	ASK_SETTLED,
	ASK_GAS,
	ASK_KINDS,
};

struct question_open {
	uint8_t ledger_id[LEDGER_ID_LEN];
	struct journal_seen seen;
	int64_t chain_time_s;
	int64_t oldest_time_s;
};

struct question_settled {
	struct address worker;
	int64_t seq;
	int64_t micros;
};

struct question_sign {
	struct vault_times times;
	size_t n;
	struct vault_request all[VAULT_SIGN_MAX];
};

struct question_gas {
	struct transaction transaction; /* its data is in bytes */
	size_t len;
	char bytes[TRANSACTION_DATA_MAX];
};

struct question {
	enum question_kind kind;
	uint32_t number; /* 1, 2, ... */
	union {
		struct question_open open;
		struct question_sign sign;
		struct question_settled settled;
		struct question_gas gas;
	} of;
};

struct answer_hello {
	struct address treasury;
	struct address gas_account;
	unsigned protection;
};

struct answer_sign {
	size_t done;
	struct journal_mark mark;
	struct vault_signed all[VAULT_SIGN_MAX];
};

struct answer {
	enum question_kind kind;
	uint32_t number; /* the question's */
	enum rc rc;
	char why[ERR_MSG_MAX];
	union {
		struct answer_hello hello;
		struct journal_mark mark;
		struct answer_sign sign;
		uint8_t signature[SIGNATURE_LEN];
	} of;
};

/* Bytes of a question of that kind; 0: there is none. */
size_t question_size(enum question_kind kind);

#endif
