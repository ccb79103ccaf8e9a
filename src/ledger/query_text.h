/* SQL that the build takes from sql/; for the engine only. */
#ifndef WORKNET_LEDGER_QUERY_TEXT_H
#define WORKNET_LEDGER_QUERY_TEXT_H

#include "ledger/query_id.h"

struct query_text {
	const char *name;
	const char *sql;
	int columns; /* of a row, as sql/queries.sql names them; 0: unsaid */
};

extern const struct query_text query_texts[QUERY_COUNT];

/* Makes a new ledger, of version schema_version. */
extern const char schema_newest[];
extern const int schema_version;
/* schema_steps[n] brings a ledger from version n + 1 to n + 2. */
extern const char *const schema_steps[];

#endif
