/*
 * worknet doctor: what an installation should have, beyond what worknet check
 * looks at: who can read and change which file, the coordinator at its socket
 * and what it is shut in by, nginx, timers, copies, the transparency log and
 * nodes. Each finding says what to type.
 */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "admin/commands.h"
#include "admin/evidence.h"
#include "admin/fastcgi.h"
#include "admin/probe.h"
#include "base/clock.h"
#include "base/file.h"
#include "evm/nodes.h"
#include "ledger/payout_run.h"

#define SOCKET_DEFAULT	"/run/worknet/fcgi.sock"
#define BACKUPS_DEFAULT "/var/backups/worknet"
#define NGINX_SITES	"/etc/nginx/sites-enabled"
#define TIMER_STAMPS	"/var/lib/systemd/timers/stamp-"
#define CRONTAB		"/etc/cron.d/worknet"

#define ANSWER_MAX    65536
#define BACKUP_OLD_MS (3 * HOUR_MS) /* one is made each hour */
#define RUN_OLD_MS    HOUR_MS	    /* one begins each ten minutes */
#define LOG_OLD_MS    (3 * HOUR_MS) /* an hour is logged after it is over */

static const char *
option_or(const struct admin *a, enum option_id id, const char *initial)
{
	const char *value = a->args.opt[id];

	return value == NULL ? initial : value;
}

static const char *
user_name(uid_t uid)
{
	const struct passwd *p = getpwuid(uid);

	return p == NULL ? "nobody known" : p->pw_name;
}

/* ---- Files ---- */

/* Whoever may write to a configuration has what it says. */
static void
check_root_only(const char *path, struct outcome *o)
{
	struct stat st;

	if (stat(path, &st) != 0)
		probe_say(o, true, "%s: %s", path, strerror(errno));
	else if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		probe_say(o, true,
		    "%s: %s and others with mode %04o can change it: chown root %s; chmod 0640 %s",
		    path, user_name(st.st_uid), (unsigned)st.st_mode & 07777,
		    path, path);
	probe_say(o, false, "%s: root's", path);
}

static void
probe_conf_file(struct admin *a, struct outcome *o)
{
	check_root_only(admin_conf_path(a), o);
}

/* The payer's configuration, if it is there and may be read. */
static bool
payout_conf(struct admin *a, struct conf *c, struct outcome *o)
{
	const char *path = option_or(a, OPT_PAYOUT, CONF_PATH_PAYOUT);
	struct err e = ERR_INIT;
	enum rc rc = conf_read(c, path, &e);

	if (rc == RC_OK)
		return true;
	if (rc == RC_NOT_FOUND)
		probe_say(o, false, "%s isn't there: nobody is paid", path);
	else if (rc == RC_IO)
		probe_say(o, false,
		    "not looked at: %s can't be read by this user; run this as root",
		    path);
	else
		probe_say(o, true, "%s", e.msg);
	return false;
}

static void
probe_payout_file(struct admin *a, struct outcome *o)
{
	const char *path = option_or(a, OPT_PAYOUT, CONF_PATH_PAYOUT);
	struct stat st, ledger;

	if (stat(path, &st) != 0) {
		probe_say(o, errno != ENOENT, "%s: %s", path, strerror(errno));
		return;
	}
	if ((st.st_mode & S_IROTH) != 0 ||
	    (stat(a->conf.ledger_path, &ledger) == 0 && st.st_gid != 0 &&
		st.st_gid == ledger.st_gid))
		probe_say(o, true,
		    "%s: the coordinator's user can read it: chgrp worknet-payout %s; chmod 0640 %s",
		    path, path, path);
	check_root_only(path, o);
}

/* A key: its one user's, who isn't the coordinator's. */
static void
check_key(const char *path, const struct stat *ledger, struct outcome *o)
{
	struct stat st;

	if (path[0] == '\0')
		return;
	if (stat(path, &st) != 0)
		probe_say(o, true, "%s: %s", path, strerror(errno));
	else if ((st.st_mode & 077) != 0)
		probe_say(o, true,
		    "%s: mode %04o, others than its owner can have it: chmod 0600 %s",
		    path, (unsigned)st.st_mode & 07777, path);
	else if (ledger != NULL && st.st_uid != 0 &&
	    st.st_uid == ledger->st_uid)
		probe_say(o, true,
		    "%s: it is %s's, who has the ledger: chown worknet-payout %s",
		    path, user_name(st.st_uid), path);
}

static void
probe_keys(struct admin *a, struct outcome *o)
{
	static struct conf c;
	struct stat st;
	const struct stat *ledger =
	    stat(a->conf.ledger_path, &st) == 0 ? &st : NULL;

	if (!payout_conf(a, &c, o))
		return;
	check_key(c.payout_treasury_key_file, ledger, o);
	check_key(c.payout_treasury_passphrase_file, ledger, o);
	check_key(c.payout_gas_key_file, ledger, o);
	check_key(c.payout_cdp_key_file, ledger, o);
	/* The coordinator's own is its own. */
	check_key(a->conf.drill_key_file, NULL, o);
	probe_say(o, false, "each key is its one user's");
}

/* Who can write there can make the payer forget what it has signed. */
static void
probe_journal(struct admin *a, struct outcome *o)
{
	char dir[PATH_LEN_MAX + 1];
	static struct conf c;
	const char *path;
	struct stat st;

	if (!payout_conf(a, &c, o))
		return;
	path = c.payout_journal_file[0] != '\0' ? c.payout_journal_file
						: c.payout_treasury_key_file;
	if (path[0] == '\0' || file_directory(dir, path, NULL) != RC_OK)
		probe_say(o, false, "not set up");
	else if (stat(dir, &st) != 0)
		probe_say(o, true, "%s: %s", dir, strerror(errno));
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		probe_say(o, true,
		    "%s: others than %s can write to it: chmod 0700 %s", dir,
		    user_name(st.st_uid), dir);
	probe_say(o, false, "%s is %s's alone", dir, user_name(st.st_uid));
}

/* ---- The coordinator ---- */

static bool
ask(struct admin *a, const char *path, struct buf *answer, struct outcome *o)
{
	const char *name = option_or(a, OPT_SOCKET, SOCKET_DEFAULT);
	struct err e = ERR_INIT;

	buf_init(answer, ANSWER_MAX);
	if (fastcgi_get(answer, name, path, &e) == RC_OK) {
		buf_add(answer, "", 1);
		return true;
	}
	probe_say(o, true,
	    "%s; is it running? systemctl status worknet.socket worknet.service",
	    e.msg);
	return false;
}

static void
probe_coordinator(struct admin *a, struct outcome *o)
{
	struct buf answer;

	if (ask(a, "/health", &answer, o)) {
		if (strncmp(answer.p, "Status: 200", 11) != 0)
			probe_say(o, true,
			    "it can't write to its ledger: journalctl -u worknet");
		probe_say(o, false, "it answers, and can write");
	}
	buf_free(&answer);
}

static void
probe_sandbox(struct admin *a, struct outcome *o)
{
	struct buf answer;
	bool files, calls;

	if (ask(a, "/metrics", &answer, o)) {
		files = strstr(answer.p, "{layer=\"landlock\"} 1") != NULL;
		calls = strstr(answer.p, "{layer=\"seccomp\"} 1") != NULL;
		if (!files && !calls)
			probe_say(o, true,
			    "the coordinator isn't shut in: this kernel has neither Landlock nor seccomp");
		probe_say(o, false, "the coordinator is shut in by %s%s%s",
		    files ? "Landlock (files)" : "", files && calls ? ", " : "",
		    calls ? "seccomp (system calls)" : "");
	}
	buf_free(&answer);
}

static void
probe_nginx(struct admin *a, struct outcome *o)
{
	struct stat st;

	(void)a;
	if (stat(NGINX_SITES, &st) != 0)
		probe_say(o, false, "no nginx of Debian here");
	else if (stat(NGINX_SITES "/worknet", &st) != 0)
		probe_say(o, true,
		    "its site isn't there: ln -s ../sites-available/worknet %s/; systemctl reload nginx",
		    NGINX_SITES);
	else if (stat(NGINX_SITES "/default", &st) == 0)
		probe_say(o, false,
		    "its site is there; Debian's default one has all requests by another name");
	probe_say(o, false, "its site is there");
}

/* ---- What is done by itself ---- */

static void
probe_timers(struct admin *a, struct outcome *o)
{
	static const struct {
		const char *name;
		int64_t late_ms;
	} timers[] = {
		{ "worknet-backup.timer", BACKUP_OLD_MS },
		{ "worknet-audit.timer", 2 * DAY_MS },
		{ "worknet-payout.timer", RUN_OLD_MS },
	};
	int64_t now_ms = clock_unix_ms();
	char path[128];
	struct stat st;
	size_t i;

	(void)a;
	if (stat(CRONTAB, &st) == 0) {
		probe_say(o, false, "%s has them", CRONTAB);
		return;
	}
	for (i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), TIMER_STAMPS "%s", timers[i].name);
		if (stat(path, &st) != 0)
			probe_say(o, true,
			    "%s never ran: systemctl enable --now %s",
			    timers[i].name, timers[i].name);
		else if (now_ms - (int64_t)st.st_mtime * 1000 >
		    timers[i].late_ms)
			probe_say(o, true,
			    "%s last ran %lld minutes ago: systemctl status %s",
			    timers[i].name,
			    (long long)((now_ms / 1000 - st.st_mtime) / 60),
			    timers[i].name);
	}
	probe_say(o, false, "backup, audit and payouts ran lately");
}

/* How far the transparency log is behind. */
static void
probe_evidence(struct admin *a, struct outcome *o)
{
	struct err e = ERR_INIT;
	int64_t to_ms, behind_ms;
	enum rc rc;

	if (a->conf.log_origin[0] == '\0') {
		probe_say(o, false, "not set up: nobody can verify anything");
		return;
	}
	rc = evidence_newest(&to_ms, a->conf.log_directory, &e);
	if (rc == RC_NOT_FOUND)
		probe_say(o, true,
		    "%s has no checkpoint: systemctl enable --now worknet-log.timer",
		    a->conf.log_directory);
	else if (rc != RC_OK)
		probe_say(o, true, "%s", e.msg);
	if (rc != RC_OK)
		return;
	behind_ms = clock_unix_ms() - to_ms;
	if (to_ms == 0)
		probe_say(o, false, "no hour is logged yet");
	probe_say(o, behind_ms > LOG_OLD_MS,
	    "the newest hour of the log ended %lld minutes ago%s",
	    (long long)(behind_ms / 60000),
	    behind_ms > LOG_OLD_MS ? ": systemctl status worknet-log.service"
				   : "");
}

static int
is_copy(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return strncmp(d->d_name, "ledger-", 7) == 0 && len > 3 &&
	    strcmp(d->d_name + len - 3, ".db") == 0;
}

static void
probe_backup(struct admin *a, struct outcome *o)
{
	const char *dir = option_or(a, OPT_BACKUPS, BACKUPS_DEFAULT);
	char path[FILE_PATH_SIZE];
	struct dirent **all;
	int64_t newest_s = 0, now_s = clock_unix_ms() / 1000;
	struct stat st;
	int n, i;

	n = scandir(dir, &all, is_copy, NULL);
	if (n < 0 && errno == EACCES) {
		probe_say(o, false,
		    "not looked at: %s can't be read by this user; run this as root",
		    dir);
		return;
	}
	for (i = 0; i < n; i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s", dir, all[i]->d_name);
		if (stat(path, &st) == 0 && st.st_mtime > newest_s)
			newest_s = st.st_mtime;
		free(all[i]);
	}
	if (n >= 0)
		free(all);
	if (newest_s == 0)
		probe_say(o, true,
		    "%s has no copy of the ledger: worknet backup %s, and systemctl enable --now worknet-backup.timer",
		    dir, dir);
	else if (now_s - newest_s > BACKUP_OLD_MS / 1000)
		probe_say(o, true,
		    "the newest copy in %s is %lld hours old: systemctl status worknet-backup.timer",
		    dir, (long long)((now_s - newest_s) / 3600));
	probe_say(o, false, "%d copies in %s, the newest %lld minutes old", n,
	    dir, (long long)((now_s - newest_s) / 60));
}

/* ---- With the ledger ---- */

/* A copy and a migration each take as much again. */
static void
probe_disk(struct admin *a, struct outcome *o)
{
	struct statvfs fs;
	int64_t bytes = 0;
	struct stat st;

	if (statvfs(a->conf.ledger_path, &fs) != 0 ||
	    stat(a->conf.ledger_path, &st) != 0) {
		probe_say(
		    o, true, "%s: %s", a->conf.ledger_path, strerror(errno));
		return;
	}
	bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	probe_say(o,
	    bytes < 2 * (int64_t)st.st_size || bytes < 1024LL * 1024 * 1024,
	    "the ledger has %lld MiB, its disk %lld MiB free",
	    (long long)st.st_size / 1048576, (long long)(bytes / 1048576));
}

static void
probe_run(struct admin *a, struct outcome *o)
{
	struct payout_run run;
	struct err e = ERR_INIT;
	bool found;
	int64_t ago_ms;

	if (payout_run_last(a->db, &run, &found, &e) != RC_OK) {
		probe_say(o, true, "%s", e.msg);
		return;
	}
	if (!found) {
		probe_say(o, false, "none yet");
		return;
	}
	ago_ms = clock_unix_ms() - run.began_ms;
	probe_say(o, ago_ms > RUN_OLD_MS,
	    "the last one began %lld minutes ago, and ended with %lld%s",
	    (long long)(ago_ms / 60000), (long long)run.exit_code,
	    ago_ms > RUN_OLD_MS ? ": systemctl status worknet-payout.timer"
				: "");
}

static enum rc
nodes_ask(struct nodes *nodes, struct outcome *o, struct err *e)
{
	struct node_fault faults[NODE_FAULTS_MAX];
	struct head head;
	size_t n, i;
	enum rc rc;

	rc = nodes_head(nodes, &head, e);
	if (rc == RC_OK)
		rc = nodes_check_clock(nodes, e);
	if (rc != RC_OK)
		return rc;
	n = nodes_faults(nodes, faults);
	for (i = 0; i < n; i++)
		probe_say(o, true, "%s: %s: %s", faults[i].node,
		    node_fault_name(faults[i].kind), faults[i].words);
	probe_say(o, false, "%zu nodes are at block %llu, %lld s ago",
	    nodes_count(nodes), (unsigned long long)head.latest.number,
	    (long long)(head.seen_s - (int64_t)head.latest.time_s));
	return RC_OK;
}

static void
probe_nodes(struct admin *a, struct outcome *o)
{
	struct nodes *nodes = NULL;
	struct err e = ERR_INIT;
	static struct conf c;
	struct network n;
	enum rc rc;

	if (!payout_conf(a, &c, o))
		return;
	if (c.payout_rpc_urls[0] == '\0') {
		probe_say(o, false, "not set up: nobody is paid");
		return;
	}
	rc = network_from_conf(&n, &c, &e);
	if (rc == RC_OK)
		rc = nodes_new(
		    &nodes, c.payout_rpc_urls, &n, c.payout_finality, &e);
	if (rc == RC_OK)
		rc = nodes_ask(nodes, o, &e);
	if (rc != RC_OK)
		probe_say(o, true, "%s", e.msg);
	nodes_free(nodes);
}

static const struct probe machine[] = {
	{ "configuration file", probe_conf_file },
	{ "payout.conf", probe_payout_file },
	{ "keys", probe_keys },
	{ "journal", probe_journal },
	{ "coordinator", probe_coordinator },
	{ "sandbox", probe_sandbox },
	{ "nginx", probe_nginx },
	{ "timers", probe_timers },
	{ "copies", probe_backup },
	{ "evidence", probe_evidence },
	{ "nodes", probe_nodes },
	{ .name = NULL },
};

static const struct probe money[] = {
	{ "disk", probe_disk },
	{ "payout run", probe_run },
	{ .name = NULL },
};

enum admin_exit
command_doctor(struct admin *a)
{
	return probes_run(a,
	    (const struct probe *[]){
		check_first, machine, check_rest, money, NULL });
}
