#include "base/conf_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/place_list.h"

static const char *const networks[] = {
	"base",
	"base-sepolia",
	"custom",
	NULL,
};
static const char *const finalities[] = { "latest", "safe", "finalized", NULL };
static const char *const thresholds[] = { "fixed", "auto", NULL };
static const char *const admissions[] = { "open", "standing", "list", NULL };
static const char *const stores[] = { "s3", "gcs", "swift", NULL };
static const char *const single_nodes[] = { "refuse", "accept", NULL };

/* The second one is for what the first one doesn't settle in time. */
static const char *const ways[] = {
	"facilitator",
	"direct",
	"facilitator direct",
	NULL,
};

/* The directory of file, as the base of relative paths. */
static int
path_resolve(char *out, size_t size, const char *file, const char *value)
{
	const char *slash = file == NULL ? NULL : strrchr(file, '/');
	int n;

	if (value[0] == '/' || slash == NULL)
		n = snprintf(out, size, "%s", value);
	else
		n = snprintf(
		    out, size, "%.*s/%s", (int)(slash - file), file, value);
	return n >= 0 && (size_t)n < size ? 0 : -1;
}

static enum rc
set_int(
    int64_t *out, const struct conf_key *k, const char *value, struct err *e)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(value, &end, 10);
	if (value[0] == '\0' || *end != '\0' || errno != 0 || n < k->min ||
	    n > k->max)
		return err_set(e, RC_INVALID,
		    "%s: got \"%s\", expected an integer from %lld to %lld",
		    k->name, value, (long long)k->min, (long long)k->max);
	*out = n;
	return RC_OK;
}

/* A number of gwei with at most nine digits after the point. */
static enum rc
set_gwei(
    int64_t *out, const struct conf_key *k, const char *value, struct err *e)
{
	size_t whole = strspn(value, "0123456789"), i;
	const char *digits = value[whole] == '.' ? value + whole + 1 : "";
	size_t fraction = strspn(digits, "0123456789");
	int64_t n = 0;
	bool ok = whole > 0 && fraction <= 9 && digits[fraction] == '\0' &&
	    (value[whole] == '\0' || fraction > 0);

	for (i = 0; ok && i < whole + 9; i++)
		ok = !__builtin_mul_overflow(n, 10, &n) &&
		    !__builtin_add_overflow(n,
			i < whole		   ? value[i] - '0'
			    : i - whole < fraction ? digits[i - whole] - '0'
						   : 0,
			&n);
	if (!ok || n < k->min || n > k->max)
		return err_set(e, RC_INVALID,
		    "%s: got \"%s\", expected a number of gwei up to %lld, with at most 9 digits after the point",
		    k->name, value, (long long)(k->max / WEI_PER_GWEI));
	*out = n;
	return RC_OK;
}

static enum rc
set_bool(bool *out, const struct conf_key *k, const char *value, struct err *e)
{
	if (strcasecmp(value, "yes") == 0)
		*out = true;
	else if (strcasecmp(value, "no") == 0)
		*out = false;
	else
		return err_set(e, RC_INVALID,
		    "%s: got \"%s\", expected yes or no", k->name, value);
	return RC_OK;
}

static enum rc
set_text(char *out, const struct conf_key *k, const char *file,
    const char *value, struct err *e)
{
	const bool is_path = k->type == CONF_PATH || k->type == CONF_DATABASE;
	size_t size = (size_t)k->max + 1;

	if (strlen(value) < (size_t)k->min || strlen(value) >= size)
		return err_set(e, RC_INVALID,
		    "%s: got %zu bytes, expected %lld to %lld", k->name,
		    strlen(value), (long long)k->min, (long long)k->max);
	if (is_path && path_resolve(out, size, file, value) != 0)
		return err_set(e, RC_INVALID, "%s: path too long", k->name);
	if (k->type == CONF_PREFIX && value[0] != '\0' &&
	    (value[0] != '/' || value[strlen(value) - 1] == '/'))
		return err_set(e, RC_INVALID,
		    "%s: got \"%s\", expected nothing or a path such as /api, without a slash at its end",
		    k->name, value);
	if (!is_path)
		(void)snprintf(out, size, "%s", value);
	return RC_OK;
}

bool
conf_is_list(const struct conf_key *k)
{
	return k->type == CONF_LIST || k->type == CONF_ASNS ||
	    k->type == CONF_REGIONS;
}

/* libinih cuts lines at 200 bytes, so a long list needs several. */
static enum rc
set_list(char *out, const struct conf_key *k, const char *value, struct err *e)
{
	size_t size = (size_t)k->max + 1, len = strlen(out);

	if (value[0] == '\0' || strlen(value) + len + 1 >= size)
		return err_set(e, RC_INVALID,
		    "%s: got %zu bytes, expected 1 to %lld in all", k->name,
		    strlen(value) + len, (long long)k->max);
	if (k->type == CONF_ASNS && !asn_list_is(value))
		return err_set(e, RC_INVALID,
		    "%s: got \"%s\", expected numbers of autonomous systems, as 3320 7018",
		    k->name, value);
	if (k->type == CONF_REGIONS && !region_list_is(value))
		return err_set(e, RC_INVALID,
		    "%s: got \"%s\", expected regions and their countries, as eu-west:DE,FR us-east:US",
		    k->name, value);
	(void)snprintf(
	    out + len, size - len, "%s%s", len == 0 ? "" : " ", value);
	return RC_OK;
}

static enum rc
set_word(char *out, const struct conf_key *k, const char *const *words,
    const char *value, struct err *e)
{
	char all[128] = "";
	size_t i, len = 0;

	for (i = 0; words[i] != NULL; i++) {
		if (strcmp(value, words[i]) == 0) {
			(void)snprintf(out, (size_t)k->max + 1, "%s", value);
			return RC_OK;
		}
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
		    i == 0 ? "" : ", ", words[i]);
	}
	return err_set(e, RC_INVALID, "%s: got \"%s\", expected one of %s",
	    k->name, value, all);
}

enum rc
conf_value_set(struct conf *c, const struct conf_key *k, const char *file,
    const char *value, struct err *e)
{
	void *field = (char *)c + k->offset;

	switch (k->type) {
	case CONF_INT:
	case CONF_CAP:
		return set_int(field, k, value, e);
	case CONF_BOOL:
		return set_bool(field, k, value, e);
	case CONF_LIST:
	case CONF_ASNS:
	case CONF_REGIONS:
		return set_list(field, k, value, e);
	case CONF_NETWORK:
		return set_word(field, k, networks, value, e);
	case CONF_FINALITY:
		return set_word(field, k, finalities, value, e);
	case CONF_SETTLE:
		return set_word(field, k, ways, value, e);
	case CONF_GWEI:
		return set_gwei(field, k, value, e);
	case CONF_THRESHOLD:
		return set_word(field, k, thresholds, value, e);
	case CONF_STORE:
		return set_word(field, k, stores, value, e);
	case CONF_LOG_LEVEL:
		return set_word(field, k, log_level_names, value, e);
	case CONF_ADMISSION:
		return set_word(field, k, admissions, value, e);
	case CONF_SINGLE_NODE:
		return set_word(field, k, single_nodes, value, e);
	case CONF_TEXT:
	case CONF_PREFIX:
	case CONF_PATH:
	case CONF_DATABASE:
		return set_text(field, k, file, value, e);
	}
	return err_set(e, RC_INVALID, "%s: unknown type", k->name);
}
