/*
 * A database of autonomous systems for a simulation: the smallest that the MMDB
 * format knows (MaxMind DB 2.0), in which one IPv4 /16 is of one system.
 */
#ifndef WORKNET_T_ONE_SYSTEM_H
#define WORKNET_T_ONE_SYSTEM_H

#include <unistd.h>

#include "api/locate.h"
#include "t/unit/tap.h"

#ifdef HAVE_MAXMINDDB
#define SYSTEMS_ARE_KNOWN true
#else
#define SYSTEMS_ARE_KNOWN false
#endif

#define SYSTEM_BITS 16
#define DATA_GAP    16 /* zeros between the tree and the data */

static inline void
put_record(FILE *f, uint32_t n)
{
	fputc((int)(n >> 16), f);
	fputc((int)(n >> 8 & 0xff), f);
	fputc((int)(n & 0xff), f);
}

/* A control byte says type and length; types above 7 take a second one. */
static inline void
put_text(FILE *f, const char *text)
{
	size_t n = strlen(text);

	fputc(2 << 5 | (int)(n < 29 ? n : 29), f);
	if (n >= 29)
		fputc((int)n - 29, f);
	fputs(text, f);
}

static inline void
put_number(FILE *f, const char *key, int type, uint32_t n)
{
	put_text(f, key);
	fputc(type << 5 | 4, f);
	fputc((int)(n >> 24), f);
	put_record(f, n & 0xffffff);
}

static inline void
put_short(FILE *f, const char *key, int n)
{
	put_text(f, key);
	fputc(5 << 5 | 2, f);
	fputc(n >> 8, f);
	fputc(n & 0xff, f);
}

static inline void
put_metadata(FILE *f)
{
	fputs("\xab\xcd\xefMaxMind.com", f);
	fputc(7 << 5 | 9, f);
	put_number(f, "node_count", 6, SYSTEM_BITS);
	put_short(f, "record_size", 24);
	put_short(f, "ip_version", 4);
	put_text(f, "database_type");
	put_text(f, "Simulation");
	put_text(f, "languages");
	fputs("\x01\x04\x42"
	      "en",
	    f); /* an array of one */
	put_short(f, "binary_format_major_version", 2);
	put_short(f, "binary_format_minor_version", 0);
	put_text(f, "build_epoch");
	fputs("\x01\x02\x01", f);
	put_text(f, "description");
	fputc(7 << 5, f);
}

/* Has *l look up addresses: those of 203.0.0.0/16 are of system 64500. */
static inline enum rc
system_begin(struct locator *l, struct err *e)
{
	static struct conf conf;
	const uint32_t prefix = 203U << 8, none = SYSTEM_BITS;
	uint32_t i, next;
	enum rc rc;
	FILE *f;
	int fd;

	(void)snprintf(conf.asn_database, sizeof(conf.asn_database),
	    "/tmp/worknet-system-XXXXXX");
	fd = mkstemp(conf.asn_database);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	CHECK(f != NULL);
	for (i = 0; i < SYSTEM_BITS; i++) {
		next = i + 1 < SYSTEM_BITS ? i + 1 : none + DATA_GAP;
		put_record(f, prefix >> (15 - i) & 1 ? none : next);
		put_record(f, prefix >> (15 - i) & 1 ? next : none);
	}
	for (i = 0; i < DATA_GAP; i++)
		fputc(0, f);
	fputc(7 << 5 | 1, f);
	put_number(f, "autonomous_system_number", 6, 64500);
	put_metadata(f);
	CHECK(fclose(f) == 0);
	rc = locator_begin(l, &conf, e);
	(void)unlink(conf.asn_database);
	return rc;
}

#endif
