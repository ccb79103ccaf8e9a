#include "base/mmdb.h"

#include <stdlib.h>

#ifdef HAVE_MAXMINDDB

#include <arpa/inet.h>
#include <inttypes.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

struct mmdb {
	MMDB_s file;
};

#define WAYS 2 /* of saying a fact */

static const struct {
	const char *name;
	uint32_t type;
	const char *paths[WAYS][3]; /* where an entry has it; NULL: nowhere */
} facts[] = {
	[MMDB_ASN] = { "autonomous_system_number", MMDB_DATA_TYPE_UINT32,
	    { { "autonomous_system_number" } } },
	[MMDB_COUNTRY] = { "country.iso_code, or country_code",
	    MMDB_DATA_TYPE_UTF8_STRING,
	    { { "country", "iso_code" }, { "country_code" } } },
};

static enum rc
broken(const char *path, int status, struct err *e)
{
	return err_set(e,
	    status == MMDB_OUT_OF_MEMORY_ERROR ? RC_NO_MEMORY
		: status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR
		? RC_IO
		: RC_INVALID,
	    "%s: %s", path, MMDB_strerror(status));
}

/* Whether an entry says the fact. */
static bool
entry_says(MMDB_entry_data_s *out, MMDB_entry_s entry, enum mmdb_fact fact)
{
	size_t i;

	for (i = 0; i < WAYS && facts[fact].paths[i][0] != NULL; i++)
		if (MMDB_aget_value(&entry, out, facts[fact].paths[i]) ==
			MMDB_SUCCESS &&
		    out->has_data && out->type == facts[fact].type)
			return true;
	return false;
}

/* Whether any entry does: a database of another kind would say nothing. */
static bool
any_says(const MMDB_s *file, enum mmdb_fact fact)
{
	MMDB_search_node_s node;
	MMDB_entry_data_s data;
	uint32_t i;

	for (i = 0; i < file->metadata.node_count; i++) {
		if (MMDB_read_node(file, i, &node) != MMDB_SUCCESS)
			return false;
		if ((node.left_record_type == MMDB_RECORD_TYPE_DATA &&
			entry_says(&data, node.left_record_entry, fact)) ||
		    (node.right_record_type == MMDB_RECORD_TYPE_DATA &&
			entry_says(&data, node.right_record_entry, fact)))
			return true;
	}
	return false;
}

enum rc
mmdb_open(struct mmdb **out, int fd, const char *path, enum mmdb_fact fact,
    struct err *e)
{
	char name[32];
	struct mmdb *m;
	int status;

	*out = NULL;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return err_set(e, RC_NO_MEMORY, "%s: no memory", path);
	/* The library knows files by their names alone. */
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	status = MMDB_open(name, MMDB_MODE_MMAP, &m->file);
	if (status != MMDB_SUCCESS) {
		free(m);
		return broken(path, status, e);
	}
	/* Processes that are forked later would keep it when it is replaced. */
	(void)madvise((void *)(uintptr_t)m->file.file_content,
	    (size_t)m->file.file_size, MADV_DONTFORK);
	if (!any_says(&m->file, fact)) {
		mmdb_free(m);
		return err_set(e, RC_INVALID, "%s: no entry has %s", path,
		    facts[fact].name);
	}
	*out = m;
	return RC_OK;
}

void
mmdb_free(struct mmdb *m)
{
	if (m == NULL)
		return;
	MMDB_close(&m->file);
	free(m);
}

int64_t
mmdb_built_ms(const struct mmdb *m)
{
	const uint64_t s = m->file.metadata.build_epoch;

	return s > INT64_MAX / 1000 ? INT64_MAX : (int64_t)s * 1000;
}

const char *
mmdb_type(const struct mmdb *m)
{
	const char *type = m->file.metadata.database_type;

	return type == NULL ? "" : type;
}

/* The address as the library takes it; false: it is none. */
static bool
address_parse(struct sockaddr_storage *out, struct slice text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	char s[INET6_ADDRSTRLEN];

	memset(out, 0, sizeof(*out));
	if (text.len >= sizeof(s))
		return false;
	slice_copy(s, sizeof(s), text);
	if (inet_pton(AF_INET6, s, &v6.sin6_addr) == 1 &&
	    !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
		memcpy(out, &v6, sizeof(v6));
		return true;
	}
	if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
		memcpy(&v4.sin_addr, &v6.sin6_addr.s6_addr[12], 4);
	else if (inet_pton(AF_INET, s, &v4.sin_addr) != 1)
		return false;
	memcpy(out, &v4, sizeof(v4));
	return true;
}

static bool
look_up(MMDB_entry_data_s *out, const struct mmdb *m, struct slice address,
    enum mmdb_fact fact)
{
	struct sockaddr_storage a;
	MMDB_lookup_result_s r;
	int status;

	if (!address_parse(&a, address))
		return false;
	r = MMDB_lookup_sockaddr(
	    &m->file, (const struct sockaddr *)&a, &status);
	return status == MMDB_SUCCESS && r.found_entry &&
	    entry_says(out, r.entry, fact);
}

uint32_t
mmdb_asn(const struct mmdb *m, struct slice address)
{
	MMDB_entry_data_s data;

	return look_up(&data, m, address, MMDB_ASN) ? data.uint32 : 0;
}

void
mmdb_country(const struct mmdb *m, struct slice address,
    char out[static COUNTRY_LEN + 1])
{
	MMDB_entry_data_s data;

	out[0] = '\0';
	if (look_up(&data, m, address, MMDB_COUNTRY) &&
	    data.data_size == COUNTRY_LEN)
		slice_copy(out, COUNTRY_LEN + 1,
		    (struct slice){ data.utf8_string, COUNTRY_LEN });
}

#else

enum rc
mmdb_open(struct mmdb **out, int fd, const char *path, enum mmdb_fact fact,
    struct err *e)
{
	(void)fd;
	(void)fact;
	*out = NULL;
	return err_set(e, RC_INVALID,
	    "%s: this program was built without libmaxminddb, which reads it: ../configure --with-maxminddb",
	    path);
}

void
mmdb_free(struct mmdb *m)
{
	CHECK(m == NULL);
}

int64_t
mmdb_built_ms(const struct mmdb *m)
{
	CHECK(m == NULL);
	return 0;
}

const char *
mmdb_type(const struct mmdb *m)
{
	CHECK(m == NULL);
	return "";
}

uint32_t
mmdb_asn(const struct mmdb *m, struct slice address)
{
	CHECK(m == NULL);
	(void)address;
	return 0;
}

void
mmdb_country(const struct mmdb *m, struct slice address,
    char out[static COUNTRY_LEN + 1])
{
	CHECK(m == NULL);
	(void)address;
	out[0] = '\0';
}

#endif
