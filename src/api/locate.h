/*
 * Where a client is: its network, and whether a region that it declares can be
 * where it is. By databases of the operator's ([admission] asn_database,
 * country_database), which are looked at beside the ledger, never in its
 * transactions: that is told a network and a region, and nothing of databases.
 *
 * A network is the autonomous system of the address ("AS64500"), which is what
 * a crowd in a hundred /24 of one hoster shares; or its prefix ("192.0.2.0/24",
 * subnet.h) if the system isn't known, or the operator says that it is counted
 * by prefix: that of an Internet provider has many who don't know each other.
 */
#ifndef WORKNET_API_LOCATE_H
#define WORKNET_API_LOCATE_H

#include <pthread.h>

#include "api/api.h"
#include "base/mmdb.h"
#include "base/reopen.h"

/* Each NULL where none is configured. */
struct databases {
	struct mmdb *asn;
	struct mmdb *country;
};

struct locator {
	const struct conf *conf; /* borrowed: by which it was begun */
	struct reopen asn_file, country_file;
	pthread_rwlock_t lock; /* guards: */
	struct databases in_use;
};

/*
 * Forks processes that open the databases, and reads these. *l has
 * locator_end, also after an error. Those of reopen_begin and reopen_file, and
 * of mmdb_open.
 */
MUST_CHECK enum rc
locator_begin(struct locator *l, const struct conf *conf, struct err *e);
void locator_end(struct locator *l);

/*
 * The same files again, which may be others by now; *out goes to locator_take
 * or databases_free. Errors as those of locator_begin. One thread.
 */
MUST_CHECK enum rc
databases_read(struct databases *out, const struct locator *l, struct err *e);
void databases_free(struct databases *d);

/* From now on these count; logs which. One thread. */
void locator_take(struct locator *l, const struct databases *d);

/* Writes the client's network; "" for none, as subnet_of. l NULL: there are no
 * databases. Any thread, as the next one. */
void locate_network(char out[static SUBNET_MAX + 1], struct locator *l,
    const struct api_rules *rules, struct slice remote_addr);

/*
 * Whether the client may be in that region: unless the countries of the region
 * are configured, and its own is known and is none of them.
 */
bool locate_fits(struct locator *l, const struct api_rules *rules,
    struct slice remote_addr, struct slice region);

#endif
