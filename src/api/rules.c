#include "api/rules.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "eth/sign.h"
#include "ledger/terms.h"

static struct schedule_rules
schedule_rules(const struct conf *conf)
{
	struct schedule_rules r = { .max_tasks = conf->max_tasks_per_poll,
		.one_copy_per_network = conf->one_copy_per_network,
		.standing = { conf->standing_results, conf->standing_hours },
		.network_slots = conf->network_slots,
		.spot_permille = conf->spot_share_permille,
		.witness_permille = conf->witness_share_permille };

	if (strcmp(conf->admission_mode, "list") == 0)
		r.admission = ADMISSION_LIST;
	else if (strcmp(conf->admission_mode, "standing") == 0)
		r.admission = ADMISSION_STANDING;
	return r;
}

/* All but where transactions can be looked at. */
static struct page_site
page_site(const struct conf *conf)
{
	struct page_site site = {
		.on = conf->pages_show,
		.threshold_micros = conf->payout_network[0] == '\0'
		    ? 0
		    : conf->payout_threshold_micros,
		.standing_results = conf->standing_results,
		.standing_hours = conf->standing_hours,
		.maturity_new_ms = conf->maturity_new_ms,
		.maturity_ms = conf->maturity_ms,
		.established_results = conf->established_results,
		.established_days = conf->established_days,
	};

	memcpy(site.origin, conf->pages_origin, sizeof(site.origin));
	memcpy(site.api, conf->prefix, sizeof(site.api));
	if (strcmp(conf->admission_mode, "list") == 0)
		site.admission = PAGE_LIST;
	else if (strcmp(conf->admission_mode, "standing") == 0)
		site.admission = PAGE_STANDING;
	return site;
}

/* All but the drills' key, and whether there is one. */
static struct api_rules
rules_of(const struct conf *conf)
{
	return (struct api_rules){ .schedule = schedule_rules(conf),
		.ipv4_prefix = (int)conf->ipv4_prefix,
		.ipv6_prefix = (int)conf->ipv6_prefix,
		.pages = page_site(conf),
		.conf = *conf,
		.drills = { .share_permille = conf->drill_share_permille,
		    .share_new_permille = conf->drill_share_new_permille,
		    .record_days = conf->record_days,
		    .auto_forfeit = conf->auto_forfeit } };
}

enum rc
rules_read(struct api_rules *out, const struct conf *conf, struct err *e)
{
	struct eth_key key;
	enum rc rc;

	*out = rules_of(conf);
	if (conf->drill_key_file[0] == '\0')
		return RC_OK;
	/* 64 hex digits that nobody else may read: as any key's file. */
	rc = eth_key_read(&key, conf->drill_key_file, e);
	if (rc == RC_OK) {
		out->drills.on = true;
		memcpy(out->drills.master, key.b, sizeof(out->drills.master));
	}
	secret_wipe(&key, sizeof(key));
	return rc;
}

enum rc
rules_begin(const struct conf *ledger, const struct conf *conf,
    const struct api_rules *rules, struct err *e)
{
	const struct terms_wanted wanted = {
		.result_window_ms = conf->result_window_ms,
		.maturity_new_ms = conf->maturity_new_ms,
		.maturity_ms = conf->maturity_ms,
		.established_results = conf->established_results,
		.established_days = conf->established_days,
	};
	struct db *db;
	enum rc rc;

	rc = db_open(
	    &db, ledger->ledger_path, DB_WRITE, ledger->busy_timeout_ms, e);
	if (rc == RC_OK)
		rc = terms_set(db, &wanted, clock_unix_ms(), e);
	if (rc == RC_OK)
		rc = drill_keys_keep(db, &rules->drills, clock_unix_ms(), e);
	db_close(db);
	return rc;
}

void
rules_set_log(const struct conf *conf, int at_least)
{
	enum log_level level = log_level_of(conf->log_level);

	log_set_level((int)level < at_least ? (enum log_level)at_least : level);
}

/* ---- SIGHUP ---- */

static void
on_restart_change(
    void *ctx, const char *section, const char *name, enum conf_when when)
{
	int *changes = ctx;

	if (when != CONF_RESTART)
		return;
	log_warning("[%s] %s has changed: it needs a restart", section, name);
	++*changes;
}

static void
on_change(void *ctx, const char *section, const char *name, enum conf_when when)
{
	int *changes = ctx;

	if (when != CONF_AT_ONCE)
		return;
	log_notice(
	    "[%s] %s has changed, and counts from now on", section, name);
	++*changes;
}

static enum rc
follow(struct reload *r, const struct conf *next, struct err *e)
{
	struct api_rules rules = rules_of(next);
	enum rc rc;

	/* The key's file can't be opened any more. */
	rules.drills.on = r->with->drills.on;
	memcpy(rules.drills.master, r->with->drills.master,
	    sizeof(rules.drills.master));
	rules.pages.chain_id = r->with->pages.chain_id;
	memcpy(rules.pages.explorers, r->with->pages.explorers,
	    sizeof(rules.pages.explorers));
	rc = rules_begin(r->begun, next, &rules, e);
	if (rc == RC_OK)
		rc = api_set_rules(r->api, &rules, e);
	secret_wipe(&rules, sizeof(rules));
	return rc;
}

void
rules_reload(void *ctx)
{
	struct reload *r = ctx;
	struct err e = ERR_INIT;
	struct databases databases = { .asn = NULL };
	struct conf next;
	int changes = 0, fd;
	enum rc rc;

	rc = reopen_file(r->file, &fd, r->path, &e);
	if (rc == RC_OK)
		rc = conf_read_fd(&next, fd, r->path, &e);
	if (rc == RC_OK)
		rc = databases_read(&databases, r->locator, &e);
	if (rc == RC_OK)
		rc = follow(r, &next, &e);
	if (rc != RC_OK) {
		databases_free(&databases);
		log_error("SIGHUP: all stays as it was: %s", e.msg);
		return;
	}
	locator_take(r->locator, &databases);
	/* What has changed is told to who had the old level or has the new. */
	rules_set_log(&next, (int)log_level_of(r->now.log_level));
	conf_compare(r->begun, &next, on_restart_change, &changes);
	conf_compare(&r->now, &next, on_change, &changes);
	if (changes == 0)
		log_notice("SIGHUP: nothing of the configuration has changed");
	rules_set_log(&next, r->log_level);
	r->now = next;
}
