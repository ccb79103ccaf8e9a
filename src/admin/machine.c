#include "admin/machine.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "admin/value.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mmdb.h"
#include "base/place_list.h"
#include "base/reopen.h"
#include "base/text.h"

/* Below --root, if it is given. */
#define NGINX_LOGS   "/var/log/nginx"
#define TIMER_STAMPS "/var/lib/systemd/timers/stamp-"
#define AUDIT_KNOWN  "/var/lib/worknet-audit/known"
#define CRONTAB	     "/etc/cron.d/worknet"

#define DATABASE_DAYS 60		     /* a month's, and a month late */
#define AUDIT_OLD_MS  (2 * DAY_MS)	     /* there is one each night */
#define LOG_LARGE     (1024LL * 1024 * 1024) /* bytes, of one file */

void
machine_path(const struct admin *a, char out[static FILE_PATH_SIZE],
    const char *dir, const char *name)
{
	const char *root = a->args.opt[OPT_ROOT];

	(void)snprintf(
	    out, FILE_PATH_SIZE, "%s%s%s", root == NULL ? "" : root, dir, name);
}

/* ---- What is done by itself ---- */

void
probe_timers(struct admin *a, struct outcome *o)
{
	static const struct {
		const char *name;
		int64_t late_ms;
		bool of_archive; /* which not everybody has */
	} timers[] = {
		{ "worknet-backup.timer", BACKUP_OLD_MS, false },
		{ "worknet-audit.timer", AUDIT_OLD_MS, false },
		{ "worknet-payout.timer", RUN_OLD_MS, false },
		{ "worknet-archive.timer", 2 * DAY_MS, true },
	};
	char path[FILE_PATH_SIZE], age[VALUE_TEXT_MAX];
	int64_t now_ms = clock_unix_ms(), ago_ms;
	struct stat st;
	size_t i;

	machine_path(a, path, CRONTAB, "");
	if (stat(path, &st) == 0) {
		probe_say(o, false, "%s has them", path);
		return;
	}
	for (i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		if (timers[i].of_archive && a->conf.archive_after_days == 0)
			continue;
		machine_path(a, path, TIMER_STAMPS, timers[i].name);
		if (stat(path, &st) != 0) {
			probe_say(o, true,
			    "%s never ran: systemctl enable --now %s",
			    timers[i].name, timers[i].name);
			continue;
		}
		ago_ms = now_ms - (int64_t)st.st_mtime * 1000;
		text_age(age, ago_ms);
		if (ago_ms > timers[i].late_ms)
			probe_say(o, true,
			    "%s last ran %s ago: systemctl status %s",
			    timers[i].name, age, timers[i].name);
	}
	probe_say(o, false, "those that are needed ran lately");
}

/* The nightly audit writes that file when it found nothing, and only then. */
void
probe_audit(struct admin *a, struct outcome *o)
{
	char path[FILE_PATH_SIZE], age[VALUE_TEXT_MAX];
	int64_t ago_ms;
	struct stat st;

	machine_path(a, path, AUDIT_KNOWN, "");
	if (stat(path, &st) != 0) {
		probe_say(o, errno != EACCES,
		    errno == EACCES
			? "not looked at: %s: %s; run this as root"
			: "no audit has found all well yet (%s: %s): systemctl start worknet-audit",
		    path, strerror(errno));
		return;
	}
	ago_ms = clock_unix_ms() - (int64_t)st.st_mtime * 1000;
	text_age(age, ago_ms);
	probe_say(o, ago_ms > AUDIT_OLD_MS,
	    ago_ms > AUDIT_OLD_MS
		? "no audit has found all well for %s: worknet audit says what is off, journalctl -u worknet-audit why it doesn't run"
		: "the last one ended %s ago, and found all well",
	    age);
}

/* ---- Logs ---- */

static void
log_judge(const char *path, const char *remedy, struct outcome *o)
{
	struct stat st;

	if (stat(path, &st) == 0 && st.st_size > LOG_LARGE)
		probe_say(o, true, "%s has %lld MiB: %s", path,
		    (long long)st.st_size / 1048576, remedy);
}

void
probe_logs(struct admin *a, struct outcome *o)
{
	char path[FILE_PATH_SIZE], dir[FILE_PATH_SIZE];
	struct dirent **all;
	int n;

	(void)snprintf(path, sizeof(path), "%s-wal", a->conf.ledger_path);
	log_judge(path,
	    "some program keeps a read transaction open; fuser -v shows which",
	    o);
	machine_path(a, dir, NGINX_LOGS, "");
	n = scandir(dir, &all, NULL, NULL);
	while (n > 0) {
		n--;
		machine_path(a, path, NGINX_LOGS "/", all[n]->d_name);
		log_judge(path,
		    "logrotate -f /etc/logrotate.d/nginx; is logrotate.timer on?",
		    o);
		free(all[n]);
		if (n == 0)
			free(all);
	}
	probe_say(o, false, "none is larger than 1 GiB");
}

/* ---- The clock's keeper ---- */

/* A clock that runs free is minutes off in a year: results are refused then. */
void
probe_time_keeper(struct admin *a, struct outcome *o)
{
	struct timex t = { .modes = 0 };
	int state = adjtimex(&t);

	(void)a;
	if (state < 0)
		probe_say(o, false, "not known: %s", strerror(errno));
	else if (state == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
		probe_say(o, true,
		    "nothing keeps the clock in step: systemctl enable --now systemd-timesyncd, or chrony");
	probe_say(o, false, "the clock is kept in step");
}

/* ---- Databases of addresses ---- */

static void
check_database(const char *path, enum mmdb_fact fact, struct outcome *o)
{
	struct reopen file = { .fd = -1 };
	struct mmdb *m = NULL;
	struct err e = ERR_INIT;
	int64_t days;
	int fd = -1;
	enum rc rc;

	if (path[0] == '\0')
		return;
	rc = reopen_begin(&file, path, REOPEN_COPY, &e);
	if (rc == RC_OK)
		rc = reopen_file(&file, &fd, path, &e);
	if (rc == RC_OK)
		rc = mmdb_open(&m, fd, path, fact, &e);
	if (fd >= 0)
		(void)close(fd);
	reopen_end(&file);
	if (rc != RC_OK) {
		probe_say(o, true,
		    "%s: put a good one there, or take the key out", e.msg);
		return;
	}
	days = (clock_unix_ms() - mmdb_built_ms(m)) / DAY_MS;
	mmdb_free(m);
	if (days > DATABASE_DAYS)
		probe_say(o, true,
		    "%s is %lld days old: put a newer one there, and systemctl reload worknet",
		    path, (long long)days);
}

void
probe_databases(struct admin *a, struct outcome *o)
{
	const struct conf *c = &a->conf;

	check_database(c->asn_database, MMDB_ASN, o);
	check_database(c->country_database, MMDB_COUNTRY, o);
	if (c->asn_database[0] == '\0' && c->country_database[0] == '\0')
		probe_say(o, false, "none: networks are prefixes");
	else
		probe_say(o, false, "of addresses: they can be read");
}

/* ---- Regions ---- */

static enum rc
region_is_known(bool *out, struct db *db, const char *name, struct err *e)
{
	struct query *q = db_query(db, Q_REGION_LIST);
	enum rc rc;
	bool row;

	*out = false;
	while ((rc = query_step(q, &row, e)) == RC_OK && row)
		*out |= slice_is(query_get_text(q, 0), name);
	query_done(q);
	return rc;
}

/* A region's name that is misspelt there keeps nobody out. */
void
probe_regions(struct admin *a, struct outcome *o)
{
	const char *list = a->conf.region_countries;
	char name[REGION_MAX + 1];
	struct err e = ERR_INIT;
	bool known;

	if (list[0] != '\0' && a->conf.country_database[0] == '\0')
		probe_say(o, true,
		    "[admission] region_countries counts for nobody: name a database in country_database, or take it out");
	for (region_list_next(&list, name); name[0] != '\0';
	     region_list_next(&list, name)) {
		if (region_is_known(&known, a->db, name, &e) != RC_OK)
			probe_say(o, true, "%s", e.msg);
		else if (!known)
			probe_say(o, true,
			    "[admission] region_countries names \"%s\", which no task and no worker has: worknet region list shows what they are called",
			    name);
	}
	probe_say(o, false, "those that countries are named for are known");
}
