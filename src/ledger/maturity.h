/*
 * Maturity: how long a credit waits before it can be paid, so that who lies has
 * something to lose. The ledger's terms have a span for who is new and one for
 * who is established (record.h).
 */
#ifndef WORKNET_LEDGER_MATURITY_H
#define WORKNET_LEDGER_MATURITY_H

#include "ledger/db.h"
#include "ledger/row.h"

struct maturity {
	bool established;	/* the worker has it */
	int64_t span_ms;	/* a credit of it waits so long */
	int64_t waiting_micros; /* credited in that span */
	int64_t first_ms; /* the first credit of these; 0: there is none */
	int64_t last_ms;  /* and the last */
};

/* What holds of the worker at that time, by the terms that count now. */
MUST_CHECK enum rc maturity_read(struct db *db, int64_t worker, int64_t now_ms,
    struct maturity *out, struct err *e);

/* The span alone, which is what a worker is told, by these terms. */
MUST_CHECK enum rc maturity_span(struct db *db, const struct terms_row *terms,
    int64_t worker, int64_t now_ms, int64_t *span_ms, struct err *e);

/* What of a balance can be paid. */
int64_t maturity_payable(const struct maturity *m, int64_t balance_micros);

#endif
