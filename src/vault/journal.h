/*
 * The vault's journal: everything that it ever signed, in a file of its own,
 * outside the ledger. A line is on the disk before the signature leaves. Lines
 * are for people, too:
 *
 *	worknet-journal 1 ledger 0x.. chain 8453 token 0x.. treasury 0x..
 *	    begun 2026-11-29T04:50:00Z 1796000000 0xHASH
 *	1 2026-11-29T05:00:00Z 1796000600 payout 0x.. number 1 amount 2000
 *	    until 1796004200 0xHASH
 *
 * (each one line). The header's hash is that of its text. An entry's is the
 * Keccak-256 of the hash before it and of its values: its number, its time, its
 * kind (0 to 3), payment number, amount and end, 8 bytes each, the highest
 * first, and the payee's 20 bytes. What is read is written again and compared,
 * so that the text is that of the values. Private to src/vault, but for the
 * mark; one thread.
 */
#ifndef WORKNET_VAULT_JOURNAL_H
#define WORKNET_VAULT_JOURNAL_H

#include "eth/mark.h"
#include "vault/journal_line.h"

struct journal;

/*
 * Opens and locks the file, made with mode 0600 if it is missing; anew moves
 * an old one out of the way first (its name, a dot, and now_s, which nothing
 * may have yet: RC_IO). RC_INVALID when it isn't a journal that is moved, and
 * when it isn't a regular file that only we can read and write, RC_CONFLICT
 * when another process has it, RC_IO, RC_NO_MEMORY. Free with journal_free.
 */
MUST_CHECK enum rc journal_open(struct journal **out, const char *path,
    bool anew, int64_t now_s, struct err *e);
void journal_free(struct journal *j);

/*
 * Reads it from the beginning and calls on_entry for each entry, in order;
 * once: RC_INVALID for a second time, also after a failure. An empty one is
 * begun, if seen has no payouts. What a crash tore, of the last entries that
 * were written at once, is cut: their signatures never left. RC_NOT_FOUND when
 * it is empty and there was one; RC_CONFLICT when it has another entry where
 * seen's mark is; RC_CORRUPT when it is another owner's, older than seen,
 * damaged, or no journal, which is left as it is; RC_IO; and what on_entry
 * says. Nothing may be signed then.
 */
MUST_CHECK enum rc
journal_read(struct journal *j, const struct journal_owner *owner,
    const struct journal_seen *seen, int64_t now_s,
    enum rc (*on_entry)(
	void *ctx, const struct journal_entry *entry, struct err *e),
    void *ctx, struct err *e);

/*
 * RC_CORRUPT when its last entry is later than latest_s: what is signed now
 * would get that time, and count as that day's.
 */
MUST_CHECK enum rc
journal_check_time(const struct journal *j, int64_t latest_s, struct err *e);

/*
 * Appends entry, which is on the disk after journal_sync; at_s is moved to that
 * of the last one when it is before it. RC_IO: nothing may be signed any more.
 */
MUST_CHECK enum rc
journal_append(struct journal *j, struct journal_entry *entry, struct err *e);

/*
 * Writes and syncs what was appended: at most JOURNAL_SYNC_MAX entries at once.
 * RC_IO: it isn't certain what is on the disk, and nothing may be signed any
 * more.
 */
#define JOURNAL_SYNC_MAX 64
MUST_CHECK enum rc journal_sync(struct journal *j, struct err *e);

/* How far it is. */
void journal_mark_get(const struct journal *j, struct journal_mark *out);

#endif
