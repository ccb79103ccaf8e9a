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

#include "vault/request.h"
#include "vault/sandbox.h"

struct vault;

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
