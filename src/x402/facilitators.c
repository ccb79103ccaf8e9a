#include "x402/facilitators.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CDP_DOMAIN ".coinbase.com"

struct url_list {
	char url[FACILITATORS_MAX][URL_MAX + 1];
	size_t n;
};

static enum rc
url_add(struct url_list *l, const char *url, size_t len, struct err *e)
{
	size_t i;

	if (l->n == FACILITATORS_MAX)
		return err_set(e, RC_INVALID, "facilitators: more than %d",
		    FACILITATORS_MAX);
	(void)snprintf(l->url[l->n], URL_MAX + 1, "%.*s", (int)len, url);
	for (i = 0; i < l->n; i++)
		if (strcmp(l->url[i], l->url[l->n]) == 0)
			return err_set(e, RC_INVALID,
			    "facilitators: number %zu is number %zu again",
			    l->n + 1, i + 1);
	l->n++;
	return RC_OK;
}

static enum rc
urls_read(struct url_list *l, const struct conf *c, struct err *e)
{
	const char *list = c->payout_facilitators, *url;
	size_t len;
	enum rc rc;

	l->n = 0;
	rc = http_urls_check_private(list, "[payout] facilitators", e);
	while (rc == RC_OK && (len = http_urls_next(&list, &url)) > 0)
		rc = url_add(l, url, len, e);
	return rc;
}

static enum rc
cdp_check(const struct conf *c, struct err *e)
{
	bool id = c->payout_cdp_key_id[0] != '\0';
	bool file = c->payout_cdp_key_file[0] != '\0';

	if (id == file)
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "[payout] %s is set, but %s isn't: requests would go without a token",
	    id ? "cdp_key_id" : "cdp_key_file",
	    id ? "cdp_key_file" : "cdp_key_id");
}

enum rc
facilitators_check(const struct conf *c, struct err *e)
{
	struct url_list l;
	enum rc rc = urls_read(&l, c, e);

	return rc == RC_OK ? cdp_check(c, e) : rc;
}

/* Whether the host of url is CDP's. */
static bool
is_of_cdp(const char *url)
{
	char origin[URL_MAX + 1];
	size_t len, domain = strlen(CDP_DOMAIN);

	http_url_origin(origin, sizeof(origin), url);
	len = strcspn(origin + strlen("https://"), ":") + strlen("https://");
	return strncmp(origin, "https://", strlen("https://")) == 0 &&
	    len > domain &&
	    strncasecmp(origin + len - domain, CDP_DOMAIN, domain) == 0;
}

enum rc
facilitators_new(struct facilitators *out, const struct conf *c,
    const struct network *network, struct err *e)
{
	struct facilitator_options o = { .network = network };
	struct url_list l;
	enum rc rc;

	*out = (struct facilitators){ .n = 0 };
	rc = urls_read(&l, c, e);
	if (rc == RC_OK)
		rc = cdp_check(c, e);
	if (rc == RC_OK && c->payout_cdp_key_id[0] != '\0')
		rc = cdp_key_read(&out->cdp_key, c->payout_cdp_key_id,
		    c->payout_cdp_key_file, e);
	while (rc == RC_OK && out->n < l.n) {
		o.base_url = l.url[out->n];
		o.cdp_key =
		    l.n == 1 || is_of_cdp(o.base_url) ? out->cdp_key : NULL;
		rc = facilitator_new(&out->all[out->n], &o, e);
		out->n += rc == RC_OK;
	}
	return rc;
}

void
facilitators_free(struct facilitators *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		facilitator_free(f->all[i]);
	cdp_key_free(f->cdp_key);
	*f = (struct facilitators){ .n = 0 };
}
