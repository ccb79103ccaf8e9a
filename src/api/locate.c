#include "api/locate.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "api/subnet.h"
#include "base/log.h"
#include "base/place_list.h"

/* ---- The databases ---- */

static enum rc
database_read(struct mmdb **out, const struct reopen *file, const char *path,
    enum mmdb_fact fact, struct err *e)
{
	enum rc rc;
	int fd;

	if (path[0] == '\0')
		return RC_OK;
	rc = reopen_file(file, &fd, path, e);
	if (rc != RC_OK)
		return rc;
	rc = mmdb_open(out, fd, path, fact, e);
	(void)close(fd);
	return rc;
}

enum rc
databases_read(struct databases *out, const struct locator *l, struct err *e)
{
	enum rc rc;

	*out = (struct databases){ .asn = NULL };
	rc = database_read(
	    &out->asn, &l->asn_file, l->conf->asn_database, MMDB_ASN, e);
	if (rc == RC_OK)
		rc = database_read(&out->country, &l->country_file,
		    l->conf->country_database, MMDB_COUNTRY, e);
	if (rc != RC_OK)
		databases_free(out);
	return rc;
}

void
databases_free(struct databases *d)
{
	mmdb_free(d->asn);
	mmdb_free(d->country);
	*d = (struct databases){ .asn = NULL };
}

static void
database_tell(const struct mmdb *m, const char *path)
{
	time_t built;
	struct tm tm;
	char day[16] = "";

	if (m == NULL)
		return;
	built = (time_t)(mmdb_built_ms(m) / 1000);
	if (gmtime_r(&built, &tm) != NULL)
		(void)strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	log_notice("addresses are looked up in %s: %s, made on %s", path,
	    mmdb_type(m), day);
}

void
locator_take(struct locator *l, const struct databases *d)
{
	struct databases before;

	(void)pthread_rwlock_wrlock(&l->lock);
	before = l->in_use;
	l->in_use = *d;
	(void)pthread_rwlock_unlock(&l->lock);
	databases_free(&before);
	database_tell(d->asn, l->conf->asn_database);
	database_tell(d->country, l->conf->country_database);
}

enum rc
locator_begin(struct locator *l, const struct conf *conf, struct err *e)
{
	struct databases d;
	enum rc rc = RC_OK;

	*l = (struct locator){ .conf = conf,
		.asn_file = { .fd = -1 },
		.country_file = { .fd = -1 } };
	(void)pthread_rwlock_init(&l->lock, NULL);
	if (conf->asn_database[0] != '\0')
		rc = reopen_begin(
		    &l->asn_file, conf->asn_database, REOPEN_COPY, e);
	if (rc == RC_OK && conf->country_database[0] != '\0')
		rc = reopen_begin(
		    &l->country_file, conf->country_database, REOPEN_COPY, e);
	if (rc == RC_OK)
		rc = databases_read(&d, l, e);
	if (rc == RC_OK)
		locator_take(l, &d);
	return rc;
}

void
locator_end(struct locator *l)
{
	reopen_end(&l->asn_file);
	reopen_end(&l->country_file);
	databases_free(&l->in_use);
	(void)pthread_rwlock_destroy(&l->lock);
}

/* ---- A client ---- */

void
locate_network(char out[static SUBNET_MAX + 1], struct locator *l,
    const struct api_rules *rules, struct slice remote_addr)
{
	char text[SUBNET_MAX + 1];
	struct slice client = subnet_client(text, remote_addr);
	uint32_t asn = 0;

	subnet_of(out, client, rules->ipv4_prefix, rules->ipv6_prefix);
	if (l == NULL || out[0] == '\0')
		return;
	(void)pthread_rwlock_rdlock(&l->lock);
	if (l->in_use.asn != NULL)
		asn = mmdb_asn(l->in_use.asn, client);
	(void)pthread_rwlock_unlock(&l->lock);
	if (asn != 0 && !asn_list_has(rules->conf.asn_by_prefix, asn))
		(void)snprintf(out, SUBNET_MAX + 1, "AS%" PRIu32, asn);
}

bool
locate_fits(struct locator *l, const struct api_rules *rules,
    struct slice remote_addr, struct slice region)
{
	char country[COUNTRY_LEN + 1] = "", text[SUBNET_MAX + 1];
	bool has;

	if (l == NULL || rules->conf.region_countries[0] == '\0' ||
	    region.len == 0)
		return true;
	(void)pthread_rwlock_rdlock(&l->lock);
	if (l->in_use.country != NULL)
		mmdb_country(l->in_use.country,
		    subnet_client(text, remote_addr), country);
	(void)pthread_rwlock_unlock(&l->lock);
	return country[0] == '\0' ||
	    !region_list_names(
		rules->conf.region_countries, region, country, &has) ||
	    has;
}
