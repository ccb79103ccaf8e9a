/*
 * worknet doctor: what an installation should have, beyond what worknet check
 * looks at: who can read and change which file, the coordinator at its socket
 * and what it is shut in by, the machine around it (admin/machine.c), copies,
 * the transparency log, nodes, facilitators, and how long disk and treasury
 * last. Each finding says what to type.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "admin/commands.h"
#include "admin/evidence.h"
#include "admin/fastcgi.h"
#include "admin/machine.h"
#include "admin/table.h"
#include "admin/treasury.h"
#include "admin/value.h"
#include "alert/receiver.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "evm/nodes.h"
#include "ledger/status.h"
#include "x402/facilitators.h"

#define BACKUPS_DEFAULT "/var/backups/worknet"

#define ANSWER_MAX     65536
#define GROWTH_DAYS    30	/* the disk should last so long */
#define ALERTS_LATE_MS 300000LL /* worknet-alert runs each minute */

static const char *
option_or(const struct admin *a, enum option_id id, const char *initial)
{
	const char *value = a->args.opt[id];

	return value == NULL ? initial : value;
}

/* ---- Files ---- */

/* Whoever may write to a configuration has what it says. */
static void
check_root_only(const char *path, struct outcome *o)
{
	char owner[FILE_USER_SIZE];
	struct stat st;

	if (stat(path, &st) != 0) {
		probe_say(o, true, "%s: %s", path, strerror(errno));
		return;
	}
	file_user(owner, st.st_uid);
	if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		probe_say(o, true,
		    "%s: %s and others with mode %04o can change it: chown root %s; chmod 0640 %s",
		    path, owner, (unsigned)st.st_mode & 07777, path, path);
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
	char owner[FILE_USER_SIZE];
	struct stat st;

	if (path[0] == '\0')
		return;
	if (stat(path, &st) != 0) {
		probe_say(o, true, "%s: %s", path, strerror(errno));
		return;
	}
	file_user(owner, st.st_uid);
	if ((st.st_mode & 077) != 0)
		probe_say(o, true,
		    "%s: mode %04o, others than its owner can have it: chmod 0600 %s",
		    path, (unsigned)st.st_mode & 07777, path);
	else if (ledger != NULL && st.st_uid != 0 &&
	    st.st_uid == ledger->st_uid)
		probe_say(o, true,
		    "%s: it is %s's, who has the ledger: chown worknet-payout %s",
		    path, owner, path);
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
	check_key(a->conf.upload_key_file, NULL, o);
	check_key(a->conf.log_key_file, NULL, o);
	/* Made when the first receiver is. */
	if (access(a->conf.alert_receivers_file, F_OK) == 0)
		check_key(a->conf.alert_receivers_file, NULL, o);
	probe_say(o, false, "each key is its one user's");
}

/* Who can write there can make the payer forget what it has signed. */
static void
probe_journal(struct admin *a, struct outcome *o)
{
	char dir[PATH_LEN_MAX + 1];
	static struct conf c;
	const char *path;
	char owner[FILE_USER_SIZE];
	struct stat st = { .st_uid = 0 };

	if (!payout_conf(a, &c, o))
		return;
	path = c.payout_journal_file[0] != '\0' ? c.payout_journal_file
						: c.payout_treasury_key_file;
	if (path[0] == '\0' || file_directory(dir, path, NULL) != RC_OK)
		dir[0] = '\0';
	if (dir[0] == '\0') {
		probe_say(o, false, "not set up");
		return;
	}
	if (stat(dir, &st) != 0)
		probe_say(o, true, "%s: %s", dir, strerror(errno));
	file_user(owner, st.st_uid);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		probe_say(o, true,
		    "%s: others than %s can write to it: chmod 0700 %s", dir,
		    owner, dir);
	probe_say(o, false, "%s is %s's alone", dir, owner);
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

/* Of the coordinator's figures the one of that name; 0 without it. */
static long
figure(const struct buf *answer, const char *name)
{
	const char *at = strstr(answer->p, name);

	return at == NULL ? 0 : strtol(at + strlen(name), NULL, 10);
}

static void
shut_say(long files, long calls, struct outcome *o)
{
	char landlock[64] = "", seccomp[64] = "";

	if (files > 0)
		(void)snprintf(landlock, sizeof(landlock),
		    "Landlock %ld (only its ledger's files)", files);
	if (calls > 0)
		(void)snprintf(seccomp, sizeof(seccomp),
		    "seccomp (only %ld system calls)", calls);
	probe_say(o, false, "the coordinator is shut in by %s%s%s", landlock,
	    files > 0 && calls > 0 ? ", " : "", seccomp);
}

static void
probe_sandbox(struct admin *a, struct outcome *o)
{
	struct buf answer;
	long files, calls, refused;

	if (ask(a, "/metrics", &answer, o)) {
		files = figure(&answer, "{layer=\"landlock\"} ");
		calls = figure(&answer, "{layer=\"seccomp\"} ");
		refused = figure(&answer, "\nworknet_calls_refused_total ");
		if (refused > 0)
			probe_say(o, true,
			    "%ld system calls of the coordinator were refused: journalctl -u worknet -g refused: says which; a flaw of it, or somebody who uses one",
			    refused);
		if (files == 0 && calls == 0)
			probe_say(o, true,
			    "the coordinator isn't shut in: this kernel has neither Landlock nor seccomp");
		shut_say(files, calls, o);
	}
	buf_free(&answer);
}

static int
is_copy(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return strncmp(d->d_name, "ledger-", 7) == 0 && len > 3 &&
	    strcmp(d->d_name + len - 3, ".db") == 0;
}

/* The copies in a directory: how many, and of two of them age and size. */
struct copies {
	int n; /* -1: it can't be read, errno says why */
	int64_t newest_s;
	int64_t oldest_s, oldest_bytes;
};

static void
copies_read(struct copies *c, const char *dir)
{
	char path[FILE_PATH_SIZE];
	struct dirent **all;
	struct stat st;
	int i;

	*c = (struct copies){ .n = scandir(dir, &all, is_copy, NULL) };
	for (i = 0; i < c->n; i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s", dir, all[i]->d_name);
		if (stat(path, &st) == 0) {
			if (st.st_mtime > c->newest_s)
				c->newest_s = st.st_mtime;
			if (c->oldest_s == 0 || st.st_mtime < c->oldest_s) {
				c->oldest_s = st.st_mtime;
				c->oldest_bytes = st.st_size;
			}
		}
		free(all[i]);
	}
	if (c->n >= 0)
		free(all);
}

static void
probe_backup(struct admin *a, struct outcome *o)
{
	const char *dir = option_or(a, OPT_BACKUPS, BACKUPS_DEFAULT);
	char age[VALUE_TEXT_MAX];
	struct copies c;
	int64_t old_ms;

	copies_read(&c, dir);
	if (c.n < 0 && errno == EACCES) {
		probe_say(o, false,
		    "not looked at: %s can't be read by this user; run this as root",
		    dir);
		return;
	}
	old_ms = clock_unix_ms() - c.newest_s * 1000;
	text_age(age, old_ms);
	if (c.newest_s == 0)
		probe_say(o, true,
		    "%s has no copy of the ledger: worknet backup %s, and systemctl enable --now worknet-backup.timer",
		    dir, dir);
	else if (old_ms > BACKUP_OLD_MS)
		probe_say(o, true,
		    "the newest copy in %s is %s old: systemctl status worknet-backup.timer",
		    dir, age);
	probe_say(
	    o, false, "%d copies in %s, the newest %s old", c.n, dir, age);
}

/* ---- With the ledger ---- */

/* The ledger's bytes, and those that its disk has free; false if not known. */
static bool
room_read(
    struct admin *a, int64_t *bytes, int64_t *free_bytes, struct outcome *o)
{
	struct statvfs fs;
	struct stat st;

	if (statvfs(a->conf.ledger_path, &fs) != 0 ||
	    stat(a->conf.ledger_path, &st) != 0) {
		probe_say(
		    o, true, "%s: %s", a->conf.ledger_path, strerror(errno));
		return false;
	}
	*bytes = (int64_t)st.st_size;
	*free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	return true;
}

/* A copy and a migration each take as much again. */
static void
probe_disk(struct admin *a, struct outcome *o)
{
	int64_t bytes, left;

	if (room_read(a, &bytes, &left, o))
		probe_say(o, left < 2 * bytes || left < 1024LL * 1024 * 1024,
		    "the ledger has %lld MiB, its disk %lld MiB free%s",
		    (long long)(bytes / 1048576), (long long)(left / 1048576),
		    left < 2 * bytes || left < 1024LL * 1024 * 1024
			? ": it takes a larger disk, as in the guide's \"Moving\""
			: "");
}

/* By how much the ledger grew since the oldest of its copies. */
static void
probe_growth(struct admin *a, struct outcome *o)
{
	int64_t bytes, left, grown, days, per_day, last;
	struct copies c;

	if (!room_read(a, &bytes, &left, o))
		return;
	copies_read(&c, option_or(a, OPT_BACKUPS, BACKUPS_DEFAULT));
	days = (clock_unix_ms() / 1000 - c.oldest_s) / (DAY_MS / 1000);
	grown = bytes - c.oldest_bytes;
	if (c.n <= 0 || days < 1) {
		probe_say(o, false, "not known before copies are a day old");
		return;
	}
	per_day = grown > 0 ? grown / days : 0;
	last = per_day > 0 ? left / per_day : INT64_MAX;
	probe_say(o, last < GROWTH_DAYS,
	    last < GROWTH_DAYS
		? "the ledger grows by %lld KiB a day, and the disk is full in %lld days: get a larger one, as in the guide's \"Moving\""
		: "the ledger grows by %lld KiB a day",
	    (long long)(per_day / 1024), (long long)last);
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

/* What each facilitator takes, by what it says of itself. */
static enum rc
facilitators_ask(const struct facilitators *all, const struct network *n,
    struct outcome *o, struct err *e)
{
	struct facilitator_kinds kinds;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < all->n; i++) {
		rc = facilitator_supported(all->all[i], -1, &kinds, e);
		if (rc == RC_OK && !kinds.v1 && !kinds.v2)
			probe_say(o, true,
			    "%s: its GET /supported hasn't the scheme exact on %s: it settles nothing here; name another one in [payout] facilitators",
			    facilitator_name(all->all[i]), n->name_v2);
		else if (rc != RC_OK)
			(void)err_prefix(
			    e, "%s", facilitator_name(all->all[i]));
	}
	if (rc == RC_OK)
		probe_say(o, false, "each takes payments on %s", n->name_v2);
	return rc;
}

static void
probe_facilitators(struct admin *a, struct outcome *o)
{
	struct facilitators all = { .n = 0 };
	struct err e = ERR_INIT;
	static struct conf c;
	struct network n;
	enum rc rc;

	if (!payout_conf(a, &c, o))
		return;
	if (c.payout_network[0] == '\0' || !conf_settles(&c, "facilitator") ||
	    c.payout_facilitators[0] == '\0') {
		probe_say(o, false, "none is used");
		return;
	}
	rc = network_from_conf(&n, &c, &e);
	if (rc == RC_OK)
		rc = facilitators_new(&all, &c, &n, &e);
	if (rc == RC_OK)
		rc = facilitators_ask(&all, &n, o, &e);
	if (rc != RC_OK)
		probe_say(o, true, "%s", e.msg);
	facilitators_free(&all);
}

/* The payer's configuration may be another one than the coordinator's. */
static void
with_payout_conf(struct admin *a, struct outcome *o,
    void (*probe)(struct admin *a, struct outcome *o))
{
	static struct conf own, payers;

	if (!payout_conf(a, &payers, o))
		return;
	own = a->conf;
	a->conf = payers;
	probe(a, o);
	a->conf = own;
}

static void
probe_payout_caps(struct admin *a, struct outcome *o)
{
	with_payout_conf(a, o, check_caps);
}

static void
probe_treasury(struct admin *a, struct outcome *o)
{
	with_payout_conf(a, o, treasury_probe);
}

/* The last payout run, and what of payouts doesn't go as it should. */
static void
run_judge(struct admin *a, struct outcome *o)
{
	static struct warnings ws;
	static struct status s;
	struct err e = ERR_INIT;
	char age[VALUE_TEXT_MAX];
	int64_t now_ms = clock_unix_ms();
	enum rc rc;

	rc = status_read_ledger(&s, a->db, &a->conf, 0, now_ms, &e);
	text_age(age, now_ms - s.run.began_ms);
	warnings_find_payouts(&ws, &s, &a->conf);
	if (rc != RC_OK)
		probe_say(o, true, "%s", e.msg);
	else if (ws.n > 0)
		probe_say(o, true,
		    "%s: systemctl status worknet-payout.timer; journalctl -u worknet-payout; worknet payout list --open",
		    ws.all[0].text);
	else if (s.run.id == 0)
		probe_say(o, false, "none yet");
	else
		probe_say(o, now_ms - s.run.began_ms > RUN_OLD_MS,
		    now_ms - s.run.began_ms > RUN_OLD_MS
			? "the last one began %s ago, and ended with %lld: systemctl status worknet-payout.timer"
			: "the last one began %s ago, and ended with %lld; nobody is overdue",
		    age, (long long)s.run.exit_code);
	status_free(&s);
}

/* Who is due, by the payer's own configuration, if it can be read. */
static void
probe_run(struct admin *a, struct outcome *o)
{
	struct outcome unread = { .bad = false };
	static struct conf c;

	if (payout_conf(a, &c, &unread))
		with_payout_conf(a, o, run_judge);
	else
		run_judge(a, o);
}

/* Whether worknet-alert does its work for the n receivers. */
static void
alerts_judge(struct admin *a, size_t n, struct outcome *o)
{
	struct query *q = db_query(a->db, Q_ALERT_LATE);
	int64_t never = 0, late = 0;
	struct err e = ERR_INIT;

	query_int(q, 1, clock_unix_ms() - ALERTS_LATE_MS);
	if (query_ints(q, (int64_t *const[]){ &never, &late }, 2, &e) != RC_OK)
		probe_say(o, true, "%s", e.msg);
	else if (never > 0)
		probe_say(o, true,
		    "worknet-alert hasn't run since there are receivers: systemctl enable --now worknet-alert.timer");
	else if (late > 0)
		probe_say(o, true,
		    "%lld alerts wait, and aren't tried: systemctl status worknet-alert.timer worknet-alert.service",
		    (long long)late);
	probe_say(o, false, "%zu receivers are told of incidents", n);
}

static void
probe_alerts(struct admin *a, struct outcome *o)
{
	struct receivers r;
	struct err e = ERR_INIT;
	enum rc rc = receivers_read(&r, a->conf.alert_receivers_file, &e);

	if (rc == RC_NOT_FOUND || (rc == RC_OK && r.n == 0))
		probe_say(o, false, "nobody is told of incidents");
	else if (rc == RC_IO)
		probe_say(
		    o, false, "not looked at: %s; run this as root", e.msg);
	else if (rc != RC_OK)
		probe_say(o, true, "%s", e.msg);
	else
		alerts_judge(a, r.n, o);
	receivers_free(&r);
}

static const struct probe machine[] = {
	{ "configuration file", probe_conf_file },
	{ "payout.conf", probe_payout_file },
	{ "keys", probe_keys },
	{ "journal", probe_journal },
	{ "coordinator", probe_coordinator },
	{ "sandbox", probe_sandbox },
	{ "nginx", probe_nginx },
	{ "socket", probe_socket },
	{ "certificate", probe_certificate },
	{ "timers", probe_timers },
	{ "audit", probe_audit },
	{ "logs", probe_logs },
	{ "time", probe_time_keeper },
	{ "databases", probe_databases },
	{ "copies", probe_backup },
	{ "evidence", probe_evidence },
	{ "upload", probe_upload },
	{ "nodes", probe_nodes },
	{ "facilitators", probe_facilitators },
	{ .name = NULL },
};

static const struct probe money[] = {
	{ "disk", probe_disk },
	{ "growth", probe_growth },
	{ "regions", probe_regions },
	{ "payout caps", probe_payout_caps },
	{ "treasury", probe_treasury },
	{ "payout run", probe_run },
	{ "alerts", probe_alerts },
	{ .name = NULL },
};

enum admin_exit
command_doctor(struct admin *a)
{
	return probes_run(a,
	    (const struct probe *[]){
		check_first, machine, check_rest, money, NULL });
}
