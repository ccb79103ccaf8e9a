/*
 * What the vault is started with, what it is asked for, and what it gives: both
 * sides of its socket know this. See vault/vault.h.
 */
#ifndef WORKNET_VAULT_REQUEST_H
#define WORKNET_VAULT_REQUEST_H

#include "eth/eip712.h"
#include "eth/seal.h"
#include "vault/gas.h"
#include "vault/gate.h"
#include "vault/journal.h"

struct vault_options {
	const char *key_file;
	const char *passphrase_file; /* "": none */
	const char *gas_key_file;    /* "": no gas account */
	/*
	 * "": beside the key, named after chain and treasury. NULL: none is
	 * opened, and nothing can be signed.
	 */
	const char *journal_file;
	bool journal_new; /* puts an old journal away */
	struct eip712_domain domain;
	struct gate_caps caps;
	/* Of the gas account; chain and token are the domain's. */
	int64_t gas_max_fee_wei;
	int64_t gas_day_wei;
	int64_t validity_s;
};

/* Payments that one question may be about. */
#define VAULT_SIGN_MAX 64

/* A payment to be sealed, authorized, or both. */
struct vault_request {
	struct address worker;
	int64_t seq;
	int64_t amount_micros;
	int64_t earned_micros; /* by the worker in all, paid or not */
	/* What was verified for it, or that it was found on the chain. */
	struct seal seal;
	bool seals;	 /* the seal is to be signed */
	bool authorizes; /* the payment is */
};

/* Two times of the chain, in Unix seconds. */
struct vault_times {
	int64_t chain_s; /* the newest of all nodes' newest blocks */
	int64_t final_s; /* of their final blocks; 0: not known */
};

struct vault_signed {
	uint8_t seal[SIGNATURE_LEN];
	uint8_t authorization[SIGNATURE_LEN];
	int64_t valid_before; /* Unix seconds; of the authorization */
	/* When that is refused. */
	enum gate_reason reason;
	int64_t instead_micros; /* would be signed; 0: nothing */
};

#endif
