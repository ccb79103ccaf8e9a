#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/room.h"

/* Without memory or descriptors the next accept4 waits for so long. */
#define PAUSE_MS 10

int
server_watch(struct server *s, int op, int fd, uint32_t flags, void *what)
{
	struct epoll_event ev = { .events = EPOLLIN | flags,
		.data = { .ptr = what } };

	return epoll_ctl(s->epoll_fd, op, fd, &ev);
}

void
connection_free(struct server *s, struct connection *c)
{
	(void)pthread_mutex_lock(&s->lock);
	TAILQ_REMOVE(&s->all, c, all);
	s->n_fresh -= c->fresh;
	(void)pthread_mutex_unlock(&s->lock);
	if (c->rq.ipcFd >= 0)
		(void)close(c->fd);
	(void)pthread_mutex_destroy(&c->giving);
	free(c);
}

void
connection_give(struct server *s, int op, struct connection *c)
{
	bool watched;

	(void)pthread_mutex_lock(&c->giving);
	watched = server_watch(s, op, c->fd, EPOLLONESHOT, c) == 0;
	(void)pthread_mutex_unlock(&c->giving);
	if (!watched)
		connection_free(s, c);
}

struct connection *
connection_take(struct connection *c)
{
	(void)pthread_mutex_lock(&c->giving);
	(void)pthread_mutex_unlock(&c->giving);
	return c;
}

bool
connection_has_more(const struct connection *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Logs once that new connections have to wait and why, and when it is over. */
static void
note_starved(struct server *s, int error)
{
	if (error != 0 && !atomic_exchange(&s->starved, true))
		log_error("new connections have to wait: %s", strerror(error));
	else if (error == 0 && atomic_load(&s->starved) &&
	    atomic_exchange(&s->starved, false))
		log_notice("new connections are taken again");
}

static struct connection *
connection_new(void)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	if (FCGX_InitRequest(&c->rq, -1, 0) != 0) {
		free(c);
		return NULL;
	}
	(void)pthread_mutex_init(&c->giving, NULL);
	c->fresh = true;
	/* Else FCGX_Accept_r would begin with closing it. */
	c->rq.keepConnection = 1;
	return c;
}

/*
 * Takes a connection that waits at the socket into c; 0, or accept4's errno.
 * The lock is held from accept4 until c is in the list: when serving ends, no
 * connection is accepted that the list doesn't have.
 */
static int
connection_accept(struct server *s, struct connection *c)
{
	int error = EINVAL;

	(void)pthread_mutex_lock(&s->lock);
	if (!s->closed) {
		c->fd = accept4(s->socket.fd, NULL, NULL, SOCK_CLOEXEC);
		error = c->fd < 0 ? errno : 0;
	}
	if (error == 0) {
		c->rq.ipcFd = c->fd;
		TAILQ_INSERT_TAIL(&s->all, c, all);
		s->n_fresh++;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return error;
}

/* 0, or why no more can be taken. */
static int
accept_all(struct server *s)
{
	struct connection *c;
	int error = 0;

	while (error == 0) {
		c = connection_new();
		error = c == NULL ? ENOMEM : connection_accept(s, c);
		if (error == 0)
			connection_give(s, EPOLL_CTL_ADD, c);
		else
			free(c);
	}
	return error;
}

void
server_accept(struct server *s)
{
	int error = accept_all(s);

	/* EINVAL: shut down, and nobody waits any more. */
	if (error == EAGAIN) {
		note_starved(s, 0);
	} else if (error != EINVAL && error != EINTR && error != ECONNABORTED) {
		note_starved(s, error);
		(void)poll(NULL, 0, PAUSE_MS);
	}
	/* Fails when serving ends and it isn't watched any more. */
	(void)server_watch(
	    s, EPOLL_CTL_MOD, s->socket.fd, EPOLLONESHOT, &s->socket);
}
