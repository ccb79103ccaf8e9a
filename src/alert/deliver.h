/*
 * Delivers what is due to each receiver, all receivers at once and each of them
 * one event after the other: one that is slow, or hangs, delays nobody else,
 * and after a failure gets nothing more in this run. One thread; children of
 * its own (sendmail) are ended by the time it returns.
 */
#ifndef WORKNET_ALERT_DELIVER_H
#define WORKNET_ALERT_DELIVER_H

#include "alert/receiver.h"
#include "base/conf.h"
#include "ledger/db.h"

struct deliver_result {
	int64_t delivered;
	int64_t failed; /* tries */
};

/*
 * db is of DB_WRITE, in no transaction. Returns within a minute and a half.
 * Errors of db.h: what was on its way is told again, under the same name, by a
 * later run. What goes wrong with a receiver is noted, and no error.
 */
MUST_CHECK enum rc deliver_run(struct db *db, const struct receivers *r,
    const struct conf *c, struct deliver_result *out, struct err *e);

#endif
