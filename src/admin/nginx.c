#include "admin/machine.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "admin/value.h"
#include "base/clock.h"
#include "base/text.h"
#include "keys/certificate.h"

/* Below --root, if it is given. */
#define NGINX	   "/etc/nginx"
#define NGINX_CONF NGINX "/nginx.conf"
#define SITES	   NGINX "/sites-enabled"
#define SITE	   SITES "/worknet"

#define SITE_MAX	 65536
#define WORD_MAX	 254
#define GROUPS_MAX	 64
#define ANSWER_WAIT_S	 5
#define CERTIFICATE_DAYS 14 /* certbot renews 30 days before the end */

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
	machine_path(a, sites, SITES, "");
	machine_path(a, site, SITE, "");
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

/* ---- The socket, as nginx's user sees it ---- */

struct client {
	char name[WORD_MAX + 1];
	uid_t uid;
	gid_t groups[GROUPS_MAX];
	int groups_n;
};

/* Who nginx's workers are; Debian's configuration says www-data. */
static bool
client_read(struct admin *a, struct client *c, struct outcome *o)
{
	char path[FILE_PATH_SIZE];
	const struct passwd *p;
	struct buf text;

	(void)snprintf(c->name, sizeof(c->name), "www-data");
	machine_path(a, path, NGINX_CONF, "");
	buf_init(&text, SITE_MAX);
	if (buf_read_file(&text, path, NULL) == RC_OK) {
		buf_add(&text, "", 1);
		(void)site_word(text.p, "user", NULL, c->name);
	}
	buf_free(&text);
	p = getpwnam(c->name);
	if (p == NULL) {
		probe_say(o, true, "nginx's user %s isn't known here: id %s",
		    c->name, c->name);
		return false;
	}
	c->uid = p->pw_uid;
	c->groups_n = GROUPS_MAX;
	(void)getgrouplist(c->name, p->pw_gid, c->groups, &c->groups_n);
	if (c->groups_n > GROUPS_MAX)
		c->groups_n = GROUPS_MAX;
	return true;
}

/* Whether the mode has that bit of "others", for this user. */
static bool
client_may(const struct client *c, const struct stat *st, mode_t bit)
{
	int i;

	if (c->uid == 0)
		return true;
	if (c->uid == st->st_uid)
		return (st->st_mode & bit << 6) != 0;
	for (i = 0; i < c->groups_n; i++)
		if (c->groups[i] == st->st_gid)
			return (st->st_mode & bit << 3) != 0;
	return (st->st_mode & bit) != 0;
}

/* Whoever connects searches each directory, and writes to the socket. */
static void
socket_judge(const struct client *c, const char *path, struct outcome *o)
{
	char part[FILE_PATH_SIZE], owner[FILE_USER_SIZE];
	struct stat st;
	const char *slash;
	bool last;

	for (slash = path; slash != NULL && !o->bad;
	     slash = last ? NULL : slash) {
		slash = strchr(slash + 1, '/');
		last = slash == NULL;
		(void)snprintf(part, sizeof(part), "%.*s",
		    last ? (int)strlen(path) : (int)(slash - path), path);
		if (stat(part, &st) != 0)
			probe_say(o, errno != EACCES,
			    "%s: %s: systemctl enable --now worknet.socket",
			    part, strerror(errno));
		else if (!client_may(c, &st, last ? S_IWOTH : S_IXOTH)) {
			file_user(owner, st.st_uid);
			probe_say(o, true,
			    "nginx's user %s can't %s %s (mode %04o, of %s): SocketGroup= and SocketMode= of worknet.socket; systemctl restart worknet.socket",
			    c->name, last ? "write to" : "search", part,
			    (unsigned)st.st_mode & 07777, owner);
		}
	}
	probe_say(o, false, "nginx's user %s can connect to %s", c->name, path);
}

void
probe_socket(struct admin *a, struct outcome *o)
{
	const char *path = a->args.opt[OPT_SOCKET];
	char to[WORD_MAX + 1];
	struct client c;
	struct buf text;

	if (path == NULL)
		path = SOCKET_DEFAULT;
	if (!site_read(a, &text, o)) {
		if (o->bad)
			*o = (struct outcome){ .detail =
						   "not looked at: no site" };
	} else if (site_word(text.p, "server", NULL, to) &&
	    strncmp(to, "unix:", 5) == 0 && strcmp(to + 5, path) != 0) {
		probe_say(o, true,
		    "nginx's site passes requests to %s, and the coordinator's socket is %s: the line \"server unix:\" of %s",
		    to + 5, path, SITE);
	} else if (client_read(a, &c, o)) {
		socket_judge(&c, path, o);
	}
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

	machine_path(a, path, name, "");
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
