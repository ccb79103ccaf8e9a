/*
 * What the operator's page shows: the network's state, its warnings, and the
 * oldest of what waits for a person. One thread.
 */
#ifndef WORKNET_LEDGER_OVERVIEW_H
#define WORKNET_LEDGER_OVERVIEW_H

#include "ledger/status.h"

#define OVERVIEW_ROWS	20 /* of each list */
#define OVERVIEW_TEXT	400
#define OVERVIEW_FIELDS 5

/* A row of a list: each field as text, times as Unix ms in at_ms. */
struct overview_row {
	int64_t at_ms;
	char text[OVERVIEW_FIELDS][OVERVIEW_TEXT];
};

struct overview_list {
	size_t n;    /* in rows, */
	int64_t all; /* and how many there are */
	struct overview_row rows[OVERVIEW_ROWS];
};

struct overview {
	struct status status; /* owned */
	struct warnings warnings;
	struct overview_list findings; /* kind, meaning, subject, detail */
	struct overview_list holds;    /* whom, by whom, why */
	struct overview_list requests; /* address, region, network */
};

/* overview_free in any case. Errors of db.h, RC_NO_MEMORY. */
MUST_CHECK enum rc overview_read(struct overview *o, struct db *db,
    const struct conf *c, int64_t now_ms, struct err *e);
void overview_free(struct overview *o);

#endif
