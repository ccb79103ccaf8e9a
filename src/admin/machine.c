#include "admin/machine.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <unistd.h>

#include "admin/value.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mmdb.h"
#include "base/reopen.h"
#include "base/text.h"
#include "keys/certificate.h"

/* Below --root, if it is given. */
#define SITES	     "/etc/nginx/sites-enabled"
#define SITE	     SITES "/worknet"
#define NGINX_LOGS   "/var/log/nginx"
#define TIMER_STAMPS "/var/lib/systemd/timers/stamp-"
#define CRONTAB	     "/etc/cron.d/worknet"

#define SITE_MAX	 65536
#define WORD_MAX	 254
#define ANSWER_WAIT_S	 5
#define DATABASE_DAYS	 60 /* a month's, and a month late */
#define CERTIFICATE_DAYS 14 /* certbot renews 30 days before the end */
#define LOG_LARGE	 (1024LL * 1024 * 1024) /* bytes, of one file */

static void
path_make(const struct admin *a, char out[static FILE_PATH_SIZE],
    const char *dir, const char *name)
{
	const char *root = a->args.opt[OPT_ROOT];

	(void)snprintf(
	    out, FILE_PATH_SIZE, "%s%s%s", root == NULL ? "" : root, dir, name);
}

/* ---- nginx ---- */

/*
 * The word after the first `name` that begins a line; false without one. Lines
 * with `but` are left out.
 */
static bool
site_word(const char *text, const char *name, const char *but,
    char out[static WORD_MAX + 1])
{
	const char *line, *end, *p;
	size_t len = strlen(name);
	char copy[512];

	for (line = text; *line != '\0'; line = *end == '\0' ? end : end + 1) {
		end = strchrnul(line, '\n');
		for (p = line; *p == ' ' || *p == '\t'; p++)
			;
		if (strncmp(p, name, len) != 0 ||
		    !isspace((unsigned char)p[len]))
			continue;
		(void)snprintf(copy, sizeof(copy), "%.*s", (int)(end - p), p);
		if (but != NULL && strstr(copy, but) != NULL)
			continue;
		p = copy + len + strspn(copy + len, " \t");
		(void)snprintf(
		    out, WORD_MAX + 1, "%.*s", (int)strcspn(p, " \t;"), p);
		return true;
	}
	return false;
}

/* The site's text, whose buffer is freed whatever is returned. */
static bool
site_read(struct admin *a, struct buf *text, struct outcome *o)
{
	char sites[FILE_PATH_SIZE], site[FILE_PATH_SIZE];
	struct err e = ERR_INIT;
	struct stat st;

	buf_init(text, SITE_MAX);
	path_make(a, sites, SITES, "");
	path_make(a, site, SITE, "");
	if (stat(sites, &st) != 0) {
		probe_say(o, false, "no nginx of Debian here");
		return false;
	}
	if (buf_read_file(text, site, &e) != RC_OK) {
		probe_say(o, true,
		    "its site isn't enabled: ln -s ../sites-available/worknet %s/; systemctl reload nginx (%s)",
		    sites, e.msg);
		return false;
	}
	buf_add(text, "", 1);
	return true;
}

/* What 127.0.0.1 says of a path to whoever asks for that name; "" nothing. */
static void
answer_read(char *out, size_t size, int port, const char *name)
{
	const struct timeval wait = { .tv_sec = ANSWER_WAIT_S };
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char question[WORD_MAX + 80];
	size_t got = 0;
	ssize_t n = 1;
	int fd, len;

	out[0] = '\0';
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	len = snprintf(question, sizeof(question),
	    "GET /api/health HTTP/1.0\r\nHost: %s\r\n\r\n", name);
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0 &&
	    send(fd, question, (size_t)len, MSG_NOSIGNAL) == len)
		while (n > 0 && got < size - 1) {
			n = recv(fd, out + got, size - 1 - got, 0);
			got += n > 0 ? (size_t)n : 0;
		}
	out[got] = '\0';
	(void)close(fd);
}

/* Whether it is the site that answers for its name. */
static void
site_judge(const char *text, struct outcome *o)
{
	char name[WORD_MAX + 1], listen[WORD_MAX + 1], answer[2048];
	const char *port;

	if (!site_word(text, "server_name", NULL, name) ||
	    strcmp(name, "HOST") == 0) {
		probe_say(o, true,
		    "its site has no name, so another one, such as Debian's default, has its requests: sed -i s/HOST/NAME/ %s",
		    SITE);
		return;
	}
	/* The ones that others see; that with the metrics is 127.0.0.1's. */
	if (!site_word(text, "listen", " ssl", listen)) {
		probe_say(o, false, "its site is there, on TLS alone");
		return;
	}
	port = strrchr(listen, ':');
	answer_read(answer, sizeof(answer),
	    atoi(port == NULL ? listen : port + 1), name);
	if (answer[0] == '\0')
		probe_say(o, true,
		    "nobody answers at %s: nginx -t; systemctl start nginx",
		    listen);
	else if (strstr(answer, "\"status\"") == NULL &&
	    strstr(answer, "https://") == NULL)
		probe_say(o, true,
		    "another site answers for %s: nginx -t; systemctl reload nginx; if that is all, rm %s/default",
		    name, SITES);
	else
		probe_say(o, false, "%s is served by its site", name);
}

void
probe_nginx(struct admin *a, struct outcome *o)
{
	struct buf text;

	if (site_read(a, &text, o))
		site_judge(text.p, o);
	buf_free(&text);
}

/* ---- Its certificate ---- */

static void
certificate_judge(struct admin *a, const char *name, struct outcome *o)
{
	char path[FILE_PATH_SIZE], left[VALUE_TEXT_MAX];
	struct err e = ERR_INIT;
	int64_t end_s, left_ms;
	enum rc rc;

	path_make(a, path, name, "");
	rc = certificate_end(&end_s, path, &e);
	left_ms = end_s * 1000 - clock_unix_ms();
	text_age(left, left_ms < 0 ? -left_ms : left_ms);
	if (rc == RC_IO)
		probe_say(
		    o, false, "not looked at: %s; run this as root", e.msg);
	else if (rc != RC_OK)
		probe_say(o, true, "%s: certbot certificates", e.msg);
	else if (left_ms <= 0)
		probe_say(o, true,
		    "it ended %s ago, and no worker connects: certbot renew",
		    left);
	else if (left_ms < CERTIFICATE_DAYS * DAY_MS)
		probe_say(o, true,
		    "it ends in %s and wasn't renewed: certbot renew; systemctl status certbot.timer",
		    left);
	else
		probe_say(o, false, "good for %s", left);
}

void
probe_certificate(struct admin *a, struct outcome *o)
{
	char path[WORD_MAX + 1];
	struct buf text;

	if (site_read(a, &text, o)) {
		if (site_word(text.p, "ssl_certificate", NULL, path))
			certificate_judge(a, path, o);
		else
			probe_say(o, false,
			    "none: is there TLS in front of this nginx?");
	} else if (o->bad)
		*o = (struct outcome){ .detail = "not looked at: no site" };
	buf_free(&text);
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
		{ "worknet-audit.timer", 2 * DAY_MS, false },
		{ "worknet-payout.timer", RUN_OLD_MS, false },
		{ "worknet-archive.timer", 2 * DAY_MS, true },
	};
	char path[FILE_PATH_SIZE], age[VALUE_TEXT_MAX];
	int64_t now_ms = clock_unix_ms(), ago_ms;
	struct stat st;
	size_t i;

	path_make(a, path, CRONTAB, "");
	if (stat(path, &st) == 0) {
		probe_say(o, false, "%s has them", path);
		return;
	}
	for (i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		if (timers[i].of_archive && a->conf.archive_after_days == 0)
			continue;
		path_make(a, path, TIMER_STAMPS, timers[i].name);
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
	path_make(a, dir, NGINX_LOGS, "");
	n = scandir(dir, &all, NULL, NULL);
	while (n > 0) {
		n--;
		path_make(a, path, NGINX_LOGS "/", all[n]->d_name);
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
