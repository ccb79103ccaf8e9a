#include "base/conf.h"

#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum conf_type {
	CONF_TEXT,	/* char[max + 1] */
	CONF_PATH,	/* char[max + 1], made absolute */
	CONF_INT,	/* int64_t in [min, max] */
	CONF_BOOL,	/* yes or no */
};

struct conf_key {
	const char	*section;
	const char	*name;
	enum conf_type	 type;
	size_t		 offset;	/* in struct conf */
	int64_t		 min;
	int64_t		 max;		/* of text: its length */
	const char	*initial;
	const char	*help;
};

#define FIELD(f)	offsetof(struct conf, f)

static const struct conf_key keys[] = {
	{ "ledger", "path", CONF_PATH, FIELD(ledger_path), 1, PATH_LEN_MAX,
	    "/var/lib/worknet/ledger.db", "the SQLite file" },
	{ "ledger", "busy_timeout_ms", CONF_INT, FIELD(busy_timeout_ms),
	    1, 60000, "2000", "wait this long for somebody else's lock" },

	{ "coordinator", "threads", CONF_INT, FIELD(threads), 1, 512, "32",
	    "requests at once; more than nginx's keepalive" },
	{ "coordinator", "max_tasks_per_poll", CONF_INT,
	    FIELD(max_tasks_per_poll), 1, TASKS_PER_POLL_MAX, "10",
	    "tasks in one answer" },
	{ "coordinator", "result_window_ms", CONF_INT,
	    FIELD(result_window_ms), 1000, RESULT_WINDOW_MAX_MS, "300000",
	    "an assignment can be paid until it is this old" },
	{ "coordinator", "one_copy_per_network", CONF_BOOL,
	    FIELD(one_copy_per_network), 0, 0, "yes",
	    "no two copies of a cycle to one /24 (IPv4) or /64 (IPv6)" },
	{ "coordinator", "prefix", CONF_TEXT, FIELD(prefix), 0, PREFIX_MAX,
	    "/api", "in front of the API's paths, if nginx passes it on" },

	{ "worker", "coordinator", CONF_TEXT, FIELD(worker_coordinator), 1,
	    URL_MAX, "", "the API's base URL, e.g. https://HOST/api" },
	{ "worker", "key_file", CONF_PATH, FIELD(worker_key_file), 1,
	    PATH_LEN_MAX, "/var/lib/worknet/worker.key",
	    "the worker's private key, mode 0600" },
	{ "worker", "region", CONF_TEXT, FIELD(worker_region), 0, REGION_MAX,
	    "unknown", "the region that it declares" },
	{ "worker", "poll_interval_ms", CONF_INT,
	    FIELD(worker_poll_interval_ms), 100, 3600000, "30000",
	    "from the start of one round to the next" },
	{ "worker", "checks_at_once", CONF_INT, FIELD(worker_checks_at_once),
	    1, TASKS_PER_POLL_MAX, "10", "checks in flight" },
	{ "worker", "allow_private", CONF_BOOL, FIELD(worker_allow_private),
	    0, 0, "no", "check private, loopback, link-local addresses too" },
};

#define KEYS	(sizeof(keys) / sizeof(keys[0]))

struct conf_load {
	struct conf	*conf;
	const char	*path;
	struct err	*err;
	bool		 seen[KEYS];
	bool		 failed;
};

static const struct conf_key *
key_find(const char *section, const char *name)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (strcmp(keys[i].section, section) == 0 &&
		    strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

/* The directory of file, as the base of relative paths. */
static int
path_resolve(char *out, size_t size, const char *file, const char *value)
{
	const char *slash = file == NULL ? NULL : strrchr(file, '/');
	int n;

	if (value[0] == '/' || slash == NULL)
		n = snprintf(out, size, "%s", value);
	else
		n = snprintf(out, size, "%.*s/%s", (int)(slash - file), file,
		    value);
	return n >= 0 && (size_t)n < size ? 0 : -1;
}

static enum rc
set_int(int64_t *out, const struct conf_key *k, const char *value,
    struct err *e)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(value, &end, 10);
	if (value[0] == '\0' || *end != '\0' || errno != 0 || n < k->min ||
	    n > k->max)
		return err_set(e, RC_INVALID, "%s: got \"%s\", expected an "
		    "integer from %lld to %lld", k->name, value,
		    (long long)k->min, (long long)k->max);
	*out = n;
	return RC_OK;
}

static enum rc
set_bool(bool *out, const struct conf_key *k, const char *value,
    struct err *e)
{
	if (strcasecmp(value, "yes") == 0)
		*out = true;
	else if (strcasecmp(value, "no") == 0)
		*out = false;
	else
		return err_set(e, RC_INVALID, "%s: got \"%s\", expected yes "
		    "or no", k->name, value);
	return RC_OK;
}

static enum rc
set_text(char *out, const struct conf_key *k, const char *file,
    const char *value, struct err *e)
{
	size_t size = (size_t)k->max + 1;

	if (strlen(value) < (size_t)k->min || strlen(value) >= size)
		return err_set(e, RC_INVALID, "%s: got %zu bytes, expected "
		    "%lld to %lld", k->name, strlen(value),
		    (long long)k->min, (long long)k->max);
	if (k->type == CONF_PATH && path_resolve(out, size, file, value) != 0)
		return err_set(e, RC_INVALID, "%s: path too long", k->name);
	if (k->type == CONF_TEXT)
		(void)snprintf(out, size, "%s", value);
	return RC_OK;
}

static enum rc
key_set(struct conf *c, const struct conf_key *k, const char *file,
    const char *value, struct err *e)
{
	void *field = (char *)c + k->offset;

	switch (k->type) {
	case CONF_INT:
		return set_int(field, k, value, e);
	case CONF_BOOL:
		return set_bool(field, k, value, e);
	case CONF_TEXT:
	case CONF_PATH:
		return set_text(field, k, file, value, e);
	}
	return err_set(e, RC_INVALID, "%s: unknown type", k->name);
}

enum rc
conf_set(struct conf *c, const char *section, const char *name,
    const char *value, struct err *e)
{
	const struct conf_key *k = key_find(section, name);

	CHECK(k != NULL);
	return key_set(c, k, NULL, value, e);
}

/* inih's handler: 1 for success, 0 to report the line. */
static int
on_key(void *ctx, const char *section, const char *name, const char *value)
{
	struct conf_load *l = ctx;
	const struct conf_key *k = key_find(section, name);
	struct err cause = ERR_INIT;

	if (l->failed)
		return 0;
	if (k == NULL)
		(void)err_set(&cause, RC_INVALID, "[%s] %s: unknown key",
		    section, name);
	else if (l->seen[k - keys])
		(void)err_set(&cause, RC_INVALID, "[%s] %s: given twice",
		    section, name);
	else if (key_set(l->conf, k, l->path, value, &cause) == RC_OK) {
		l->seen[k - keys] = true;
		return 1;
	}
	l->failed = true;
	(void)err_set(l->err, RC_INVALID, "%s", cause.msg);
	return 0;
}

void
conf_defaults(struct conf *c)
{
	size_t i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < KEYS; i++)
		if (keys[i].initial[0] != '\0')
			CHECK(key_set(c, &keys[i], NULL, keys[i].initial,
			    NULL) == RC_OK);
}

enum rc
conf_read(struct conf *c, const char *path, struct err *e)
{
	struct err cause = ERR_INIT;
	struct conf_load l = { .conf = c, .path = path, .err = &cause };
	FILE *f;
	int line;

	conf_defaults(c);
	f = fopen(path, "re");
	if (f == NULL)
		return err_set(e, errno == ENOENT ? RC_NOT_FOUND : RC_IO,
		    "%s: %s", path, strerror(errno));
	line = ini_parse_file(f, on_key, &l);
	(void)fclose(f);
	if (line == 0)
		return RC_OK;
	return err_set(e, RC_INVALID, "%s:%d: %s", path, line,
	    l.failed ? cause.msg : "not a section, a key = value or a "
	    "comment");
}

void
conf_print_sample(FILE *out)
{
	const char *section = "";
	size_t i;

	for (i = 0; i < KEYS; i++) {
		if (strcmp(section, keys[i].section) != 0) {
			section = keys[i].section;
			fprintf(out, "%s[%s]\n", i == 0 ? "" : "\n", section);
		}
		fprintf(out, "; %s\n;%s = %s\n", keys[i].help, keys[i].name,
		    keys[i].initial);
	}
}
