/*
 * A database of IP addresses in MMDB format (MaxMind DB 2.0), by libmaxminddb:
 * whose an address is, or where. What it says is somebody's opinion, and who
 * isn't in it is unknown. GeoLite2 and DB-IP lite name things alike; others say
 * country_code.
 */
#ifndef WORKNET_BASE_MMDB_H
#define WORKNET_BASE_MMDB_H

#include <stdint.h>

#include "base/buf.h"

#define COUNTRY_LEN 2 /* ISO 3166-1 alpha-2 */

/* What somebody wants to know of addresses. */
enum mmdb_fact {
	MMDB_ASN,     /* the number of the autonomous system (RFC 1930) */
	MMDB_COUNTRY, /* where the address is, not where its owner is */
};

struct mmdb;

/*
 * Opens the file at fd, whose bytes never change (base/reopen.h: a copy; one
 * that is cut while it is mapped would end the process); path names it in
 * messages. fd stays the caller's, and may be closed; *out is freed with
 * mmdb_free. RC_INVALID: it isn't such a database, or none of its entries says
 * that fact, or this program was built without the library. RC_IO,
 * RC_NO_MEMORY.
 */
MUST_CHECK enum rc mmdb_open(struct mmdb **out, int fd, const char *path,
    enum mmdb_fact fact, struct err *e);
void mmdb_free(struct mmdb *m);

/* When it was made, as it says; and its kind, which lives as long as it. */
int64_t mmdb_built_ms(const struct mmdb *m);
const char *mmdb_type(const struct mmdb *m);

/*
 * What one that was opened for it says of an address, which is text. 0, "":
 * nothing, or the database is broken there. Any thread.
 */
uint32_t mmdb_asn(const struct mmdb *m, struct slice address);
void mmdb_country(const struct mmdb *m, struct slice address,
    char out[static COUNTRY_LEN + 1]);

#endif
