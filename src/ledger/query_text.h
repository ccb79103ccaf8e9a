/* SQL that the build takes from sql/; for the engine only. */
#ifndef WORKNET_LEDGER_QUERY_TEXT_H
#define WORKNET_LEDGER_QUERY_TEXT_H

#include "ledger/query_id.h"

struct query_text {
	const char *name;
	const char *sql;
};

extern const struct query_text query_texts[QUERY_COUNT];

/* schema_steps[n] brings a ledger from version n to n + 1; 0 is empty. */
extern const char *const schema_steps[];
extern const int schema_version;

#endif
