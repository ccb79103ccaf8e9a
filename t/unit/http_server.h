/*
 * A small HTTP server on loopback in a thread of its own, for tests of the
 * client. What it answers depends on the path: see server_answer.
 */
#ifndef WORKNET_T_HTTP_SERVER_H
#define WORKNET_T_HTTP_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_CONNECTIONS 64
#define SERVER_REQUEST_MAX 16384

struct server_connection {
	int fd; /* -1: none */
	bool held;
	size_t len;
	char request[SERVER_REQUEST_MAX + 1];
};

struct server {
	int listen_fd;
	int stop[2]; /* a pipe: a byte ends the thread */
	uint16_t port;
	pthread_t thread;
	struct server_connection connections[SERVER_CONNECTIONS];

	pthread_mutex_t lock; /* guards what follows */
	int accepted;	      /* connections, ever */
	int requests;	      /* complete ones, ever */
	int held;	      /* waiting at /hold now */
	int held_most;
	int hold_at;   /* release one when so many wait */
	int hold_left; /* requests that are to come to /hold */
	char last[SERVER_REQUEST_MAX + 1];
};

static inline void
server_send(int fd, const char *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

static inline void
server_say(int fd, const char *text)
{
	server_send(fd, text, strlen(text));
}

static inline void
server_status(int fd, int status, const char *headers, const char *body)
{
	char head[4096];

	(void)snprintf(head, sizeof(head),
	    "HTTP/1.1 %d X\r\n%s"
	    "Content-Length: %zu\r\n\r\n",
	    status, headers, strlen(body));
	server_say(fd, head);
	server_say(fd, body);
}

static inline void
server_redirect(int fd, const char *to)
{
	char header[4000];

	(void)snprintf(header, sizeof(header), "Location: %s\r\n", to);
	server_status(fd, 302, header, "moved");
}

static inline void
server_big(int fd, size_t n)
{
	char head[128];
	size_t i;

	(void)snprintf(head, sizeof(head),
	    "HTTP/1.1 200 X\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    n);
	server_say(fd, head);
	for (i = 0; i < n; i++)
		server_say(fd, "x");
}

/* Headers until the client has had enough. */
static inline void
server_headers(int fd)
{
	int i;

	server_say(fd, "HTTP/1.1 200 X\r\n");
	for (i = 0; i < 20000; i++)
		server_say(fd, "X-Fill: 0123456789012345678901234567890\r\n");
}

/* A test's own answers, in the server's thread; false: not its path. */
static bool (*server_hook)(int fd, const char *path, const char *body);

/*
 * Answers the request for path, whose body follows; false when the
 * connection is to be closed.
 */
static inline bool
server_answer(struct server_connection *c, const char *path, const char *body)
{
	char to[64];
	int fd = c->fd, n = 0;

	if (server_hook != NULL && server_hook(fd, path, body))
		return true;
	if (strcmp(path, "/ok") == 0)
		server_status(fd, 200, "", "hello");
	else if (strcmp(path, "/echo") == 0)
		server_status(fd, 200, "", body);
	else if (sscanf(path, "/status/%d", &n) == 1)
		server_status(
		    fd, n, "", n == 204 || n == 304 ? "" : "some text");
	else if (strcmp(path, "/redirect/0") == 0)
		server_status(fd, 200, "", "arrived");
	else if (sscanf(path, "/redirect/%d", &n) == 1) {
		(void)snprintf(to, sizeof(to), "/redirect/%d", n - 1);
		server_redirect(fd, to);
	} else if (strncmp(path, "/to?", 4) == 0)
		server_redirect(fd, path + 4);
	else if (sscanf(path, "/big/%d", &n) == 1)
		server_big(fd, (size_t)n);
	else if (strcmp(path, "/interim") == 0) {
		server_say(fd, "HTTP/1.1 103 Early\r\nLocation: /no\r\n\r\n");
		server_status(fd, 200, "", "after it");
	} else if (strcmp(path, "/retry") == 0)
		server_status(fd, 503, "Retry-After: 7\r\n", "later");
	else if (strcmp(path, "/endless") == 0)
		server_say(fd,
		    "HTTP/1.1 200 X\r\nTransfer-Encoding: "
		    "chunked\r\n\r\n"); /* and no more */
	else if (strcmp(path, "/headers") == 0) {
		server_headers(fd);
		return false;
	} else if (strcmp(path, "/garbage") == 0) {
		server_say(fd, "this is no HTTP\r\n\r\n");
		return false;
	} else if (strcmp(path, "/close") == 0)
		return false;
	else if (strcmp(path, "/short") == 0) {
		server_say(fd, "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n");
		return false;
	} else if (strcmp(path, "/silent") != 0)
		server_status(fd, 404, "", "");
	return true;
}

static inline void
server_drop(struct server *s, struct server_connection *c)
{
	if (c->held) {
		(void)pthread_mutex_lock(&s->lock);
		s->held--;
		(void)pthread_mutex_unlock(&s->lock);
	}
	(void)close(c->fd);
	c->fd = -1;
	c->held = false;
	c->len = 0;
}

/* True when as many wait at /hold as are expected. */
static inline bool
server_is_full(struct server *s)
{
	bool full;

	(void)pthread_mutex_lock(&s->lock);
	full =
	    s->held > 0 && (s->held >= s->hold_at || s->held >= s->hold_left);
	(void)pthread_mutex_unlock(&s->lock);
	return full;
}

/* Answers one of those that wait. */
static inline void
server_release(struct server *s)
{
	struct server_connection *c = NULL;
	size_t i;

	for (i = 0; c == NULL && i < SERVER_CONNECTIONS; i++)
		if (s->connections[i].held)
			c = &s->connections[i];
	if (c == NULL)
		return;
	(void)pthread_mutex_lock(&s->lock);
	s->hold_left--;
	(void)pthread_mutex_unlock(&s->lock);
	server_status(c->fd, 200, "Connection: close\r\n", "");
	server_drop(s, c);
}

/* The bytes of the complete request in c, or 0. */
static inline size_t
server_request_len(const struct server_connection *c)
{
	const char *end = strstr(c->request, "\r\n\r\n");
	const char *p = strcasestr(c->request, "\r\ncontent-length:");
	size_t len;

	if (end == NULL)
		return 0;
	len = (size_t)(end + 4 - c->request);
	if (p != NULL && p < end)
		len += strtoul(p + strlen("\r\ncontent-length:"), NULL, 10);
	return len <= c->len ? len : 0;
}

static inline void
server_read(struct server *s, struct server_connection *c)
{
	char path[SERVER_REQUEST_MAX + 1];
	ssize_t n;
	bool keep = true;

	n = recv(c->fd, c->request + c->len, SERVER_REQUEST_MAX - c->len, 0);
	if (n <= 0 || c->request[0] == 0x16) { /* the end, or TLS */
		server_drop(s, c);
		return;
	}
	c->len += (size_t)n;
	c->request[c->len] = '\0';
	if (server_request_len(c) == 0)
		return;
	(void)pthread_mutex_lock(&s->lock);
	s->requests++;
	memcpy(s->last, c->request, c->len + 1);
	if (sscanf(c->request, "%*s %16384s", path) != 1)
		path[0] = '\0';
	c->held = strcmp(path, "/hold") == 0;
	if (c->held && ++s->held > s->held_most)
		s->held_most = s->held;
	(void)pthread_mutex_unlock(&s->lock);
	if (!c->held)
		keep =
		    server_answer(c, path, strstr(c->request, "\r\n\r\n") + 4);
	c->len = 0;
	if (!keep)
		server_drop(s, c);
}

static inline void
server_accept(struct server *s)
{
	int fd, on = 1;
	size_t i;

	fd = accept(s->listen_fd, NULL, NULL);
	/* A test that uses up the process's descriptors uses up ours. */
	if (fd < 0 && errno == EMFILE)
		return;
	for (i = 0; i < SERVER_CONNECTIONS; i++)
		if (s->connections[i].fd < 0)
			break;
	if (fd < 0 || i == SERVER_CONNECTIONS)
		abort();
	/* An answer in two parts isn't held back for 40 ms. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->connections[i].fd = fd;
	(void)pthread_mutex_lock(&s->lock);
	s->accepted++;
	(void)pthread_mutex_unlock(&s->lock);
}

static inline void *
server_main(void *ctx)
{
	struct pollfd p[SERVER_CONNECTIONS + 2];
	struct server *s = ctx;
	size_t i;
	int n;

	for (;;) {
		for (i = 0; i < SERVER_CONNECTIONS; i++)
			p[i] =
			    (struct pollfd){ s->connections[i].fd, POLLIN, 0 };
		p[i] = (struct pollfd){ s->listen_fd, POLLIN, 0 };
		p[i + 1] = (struct pollfd){ s->stop[0], POLLIN, 0 };
		/* One too many gets the time to show itself. */
		n = poll(
		    p, SERVER_CONNECTIONS + 2, server_is_full(s) ? 20 : -1);
		if (p[i + 1].revents != 0)
			return NULL;
		for (i = 0; i < SERVER_CONNECTIONS; i++)
			if (p[i].fd >= 0 && p[i].revents != 0)
				server_read(s, &s->connections[i]);
		if (p[i].revents != 0)
			server_accept(s);
		if (n == 0)
			server_release(s);
	}
}

static inline void
server_start(struct server *s)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	size_t i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < SERVER_CONNECTIONS; i++)
		s->connections[i].fd = -1;
	(void)pthread_mutex_init(&s->lock, NULL);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->listen_fd < 0 || pipe(s->stop) != 0 ||
	    bind(s->listen_fd, (void *)&sin, sizeof(sin)) != 0 ||
	    listen(s->listen_fd, SERVER_CONNECTIONS) != 0 ||
	    getsockname(s->listen_fd, (void *)&sin, &len) != 0 ||
	    pthread_create(&s->thread, NULL, server_main, s) != 0)
		abort();
	s->port = ntohs(sin.sin_port);
}

static inline void
server_stop(struct server *s)
{
	size_t i;

	if (write(s->stop[1], "", 1) != 1)
		abort();
	(void)pthread_join(s->thread, NULL);
	for (i = 0; i < SERVER_CONNECTIONS; i++)
		if (s->connections[i].fd >= 0)
			(void)close(s->connections[i].fd);
	(void)close(s->listen_fd);
	(void)close(s->stop[0]);
	(void)close(s->stop[1]);
}

/* One of the counters, read under the lock. */
static inline int
server_count(struct server *s, const int *counter)
{
	int n;

	(void)pthread_mutex_lock(&s->lock);
	n = *counter;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

/* Whether the last request has this text in it. */
static inline bool
server_saw(struct server *s, const char *text)
{
	bool saw;

	(void)pthread_mutex_lock(&s->lock);
	saw = strstr(s->last, text) != NULL;
	(void)pthread_mutex_unlock(&s->lock);
	return saw;
}

#endif
