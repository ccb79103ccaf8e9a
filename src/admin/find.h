/*
 * What a person types for a worker or a task: its whole name, or as much of it
 * as no other has, also the way that tables shorten addresses
 * ("0x24c4..4680"). One thread.
 */
#ifndef WORKNET_ADMIN_FIND_H
#define WORKNET_ADMIN_FIND_H

#include "eth/address.h"
#include "ledger/db.h"
#include "ledger/task.h"

/*
 * Before there is a ledger: RC_INVALID unless text is an address, or 0x and
 * four digits or more of one, with or without ".." and its last digits.
 */
MUST_CHECK enum rc find_worker_check(const char *text, struct err *e);

/*
 * The address that text, which find_worker_check has passed, stands for. A
 * whole one need not be a worker's. RC_NOT_FOUND: nobody's begins so;
 * RC_CONFLICT: the addresses of several do. Errors of db.h.
 */
MUST_CHECK enum rc find_worker(
    struct db *db, const char *text, struct address *out, struct err *e);

/*
 * The task of that name, or the one whose name begins with text: for what
 * only reads. Whoever changes a task says its whole name, which a program that
 * tries "edit" before "add" relies on. RC_NOT_FOUND, RC_CONFLICT and errors of
 * task_get.
 */
MUST_CHECK enum rc
find_task(struct db *db, const char *text, struct task_row *out, struct err *e);

#endif
