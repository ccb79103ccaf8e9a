/*
 * The vault: a process that has the treasury's key and does nothing but sign.
 * It is forked before the first byte from outside is read, has no network, no
 * ledger and no file but its journal, asks the gate (vault/gate.h) about
 * every authorization, and writes it into the journal before it answers. The
 * process that parses what strangers say never has the key.
 *
 * One thread at a time, of the process that started it.
 */
#ifndef WORKNET_VAULT_VAULT_H
#define WORKNET_VAULT_VAULT_H

#include "eth/eip712.h"
#include "eth/seal.h"
#include "vault/gas.h"
#include "vault/gate.h"
#include "vault/journal.h"
#include "vault/sandbox.h"

struct vault;

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

/*
 * Starts it. Call it before threads, before the ledger is opened, and before
 * anybody is asked anything. RC_NOT_FOUND, RC_INVALID, RC_NO_MEMORY: as
 * treasury_key_read says of the key; RC_IO. vault_free ends the process.
 */
MUST_CHECK enum rc
vault_start(struct vault **out, const struct vault_options *o, struct err *e);
void vault_free(struct vault *v);

/* Whose key it has; the gas account's address is zero when there is none. */
const struct address *vault_treasury(const struct vault *v);
const struct address *vault_gas_account(const struct vault *v);
/* What protects it: bits of enum sandbox. */
unsigned vault_protection(const struct vault *v);

/*
 * Has the vault read its journal, once, before the first signature: this
 * ledger's, and not older than what the ledger has seen of it. RC_NOT_FOUND
 * when there was one and is none, RC_CORRUPT when it is another one's, older,
 * or damaged: then nothing is signed until a person has begun a new one.
 * RC_INVALID for a second time, RC_IO. *mark: how far it
 * is. chain_time_s is that of the nodes' newest blocks: where this machine's
 * clock agrees with it, the times of the journal's entries begin there, and one
 * that is ahead of it is RC_CORRUPT; where it doesn't, or is 0, nothing is
 * noted. oldest_time_s (0: not known) is that of the node that is furthest
 * behind: caps of 24 hours count what was signed since a day before that, and
 * nothing is signed where that is more than a day ago. RC_CONFLICT when the
 * journal is whole, and has another entry where the ledger's mark is.
 */
MUST_CHECK enum rc
vault_open(struct vault *v, const uint8_t ledger_id[static LEDGER_ID_LEN],
    const struct journal_seen *seen, int64_t chain_time_s,
    int64_t oldest_time_s, struct journal_mark *mark, struct err *e);

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

/*
 * Signs what is asked of n payments (1 to VAULT_SIGN_MAX), one after the
 * other, up to the first that is refused: *done of them are signed, *mark is
 * how far the journal is then. RC_OK: all are. Else it is rq[*done] that was
 * refused, and out[*done] may say more; what comes after it wasn't looked at.
 *
 * A seal vouches for no balance below the amount, and for no lost credit above
 * that of a payment that was found on the chain, which is noted, and counts
 * against the caps. An authorization's nonce the vault computes itself; what
 * was signed before gets the same bytes. RC_CONFLICT: this number was signed
 * with another amount, or has just expired, and may still be settled until
 * out->valid_before; or it was found on the chain. RC_INVALID: refused by the
 * gate, with the cap's name if it is one; or such a seal can't be. RC_BUSY: the
 * clocks differ, the final block isn't known, or the journal isn't open. RC_IO:
 * the journal can't be written, or the vault has ended; *done is 0.
 */
MUST_CHECK enum rc vault_sign(struct vault *v, const struct vault_times *times,
    const struct vault_request *rq, size_t n, struct vault_signed *out,
    size_t *done, struct journal_mark *mark, struct err *e);

/*
 * Tells what the chain shows for good that this payment paid, 0 when it was
 * canceled: that counts of it from now on against what the worker has earned,
 * in place of the most that was signed. RC_INVALID when there is no such
 * payment, or it was found on the chain with another amount; RC_IO as above,
 * RC_BUSY when the clocks differ.
 */
MUST_CHECK enum rc vault_settled(struct vault *v, const struct address *worker,
    int64_t seq, int64_t micros, struct err *e);

/*
 * Signs a type-2 transaction of the gas account (vault/gas.h) at this time.
 * RC_INVALID: refused, with the reason. RC_NOT_FOUND: no gas account. RC_IO,
 * RC_BUSY when the clocks differ.
 */
MUST_CHECK enum rc vault_gas_sign(struct vault *v, const struct transaction *t,
    uint8_t signature[static SIGNATURE_LEN], struct err *e);

#endif
