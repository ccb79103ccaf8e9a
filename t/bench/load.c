/*
 * Load: sends prepared requests (see prepare.c) over kept HTTP/1.1
 * connections to 127.0.0.1, and measures each answer. What it sends was made
 * in advance, so that a run costs it little but system calls.
 *
 * Closed loop: each connection sends its next request when it has its answer.
 * Open loop (--rate): requests are due at random times, independently of the
 * answers, and latency counts from when a request was due, so that a slow
 * server can't slow down what measures it.
 *
 * With several files the requests come from each in turn. A file's requests
 * are sent once, or again and again (--cycle). The run ends after --seconds,
 * after --count requests, or when a file ends; what was sent is waited for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "t/bench/load.h"

#define FILES_MAX	4
#define CONNECTIONS_MAX 4096
#define ANSWER_MAX	(128 * 1024) /* bytes of an answer, with its header */
#define EVENTS_MAX	256
#define DRAIN_S		30 /* for the last answers */
#define NEVER_US	INT64_MAX

/* Prepared requests, and how far they were sent. */
struct source {
	const char *path;
	const char *map;
	size_t *offsets; /* of each request's length; owned */
	size_t n;
	size_t next;
	bool cycle;
	int64_t sent;
	uint32_t *again; /* refused with 503, to be sent again; owned */
	size_t again_n;
};

struct connection {
	int fd;		 /* -1: closed */
	bool busy;	 /* a request is on its way */
	size_t source;	 /* of that request */
	size_t index;	 /* in its source */
	int64_t due_us;	 /* when it should have been sent */
	const char *out; /* what is left to send */
	size_t out_len;
	size_t in_len;
	char *in; /* owned, ANSWER_MAX + 1 bytes */
};

struct load {
	struct source sources[FILES_MAX];
	size_t sources_n;
	size_t turn;			/* the source of the next request */
	struct connection *connections; /* owned */
	size_t connections_n;
	size_t *idle; /* owned; a stack of connections */
	size_t idle_n;
	size_t busy_n;
	struct samples samples;
	int epoll_fd;
	uint16_t port;
	double rate;	     /* a second; 0: closed loop */
	int64_t patience_us; /* 0: for ever */
	int64_t seconds_us;
	int64_t count;		  /* requests at most; 0: no limit */
	const char *answers_path; /* NULL: isn't written */
	bool again;		  /* what got 503 is sent again */
	uint64_t random;
	int64_t taken; /* requests */
	int64_t start_us;
	int64_t next_us;     /* when the next request is due; open loop */
	int64_t end_us;	     /* nothing is sent from here on */
	int64_t abandoned;   /* due, but nobody waited for a connection */
	int64_t retry_after; /* answers that say when to come back */
	int64_t opened;	     /* connections */
	char odd[512];	     /* the first answer that isn't plain good */
};

static const char usage[] =
    "usage: load --port N --requests FILE[:FIRST] ... --seconds S\n"
    "            [--cycle FILE] [--count N] [--connections N] [--rate N]\n"
    "            [--patience-ms N] [--again] [--answers FILE]\n"
    "\n"
    "--patience-ms gives up a request that has found no free connection by\n"
    "then. --again sends what got 503 once more, when all has been sent.\n"
    "--answers gets a line \"SOURCE INDEX STATUS UNITS MICROSECONDS\"\n"
    "for each.\n";

static int64_t
clock_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* In (0, 1]: xorshift64*. */
static double
random_unit(struct load *l)
{
	l->random ^= l->random >> 12;
	l->random ^= l->random << 25;
	l->random ^= l->random >> 27;
	return ((double)((l->random * UINT64_C(2685821657736338717)) >> 11) +
		   1) /
	    9007199254740992.0;
}

/* ---- Requests ---- */

static uint32_t
request_len(const struct source *s, size_t i)
{
	uint32_t n;

	memcpy(&n, s->map + s->offsets[i], sizeof(n));
	return n;
}

static void
source_index(struct source *s, size_t size)
{
	size_t at, max = 0;
	uint32_t n;

	for (at = 0; at < size; at += sizeof(n) + n) {
		memcpy(&n, s->map + at, sizeof(n));
		if (s->n == max) {
			max = max == 0 ? 1024 : 2 * max;
			s->offsets =
			    realloc(s->offsets, max * sizeof(s->offsets[0]));
			if (s->offsets == NULL)
				DIE("no memory");
		}
		s->offsets[s->n++] = at;
	}
	if (s->n == 0)
		DIE("%s: no requests", s->path);
}

/* FILE or FILE:FIRST */
static void
source_open(struct load *l, char *arg, bool cycle)
{
	struct source *s = &l->sources[l->sources_n];
	char *colon = strrchr(arg, ':');
	struct stat st;
	void *map;
	int fd;

	if (l->sources_n++ == FILES_MAX)
		DIE("too many files");
	if (colon != NULL) {
		*colon = '\0';
		s->next = strtoul(colon + 1, NULL, 10);
	}
	s->path = arg;
	s->cycle = cycle;
	fd = open(arg, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		DIE("%s: %s", arg, strerror(errno));
	map = mmap(NULL, (size_t)st.st_size, PROT_READ,
	    MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED)
		DIE("%s: %s", arg, strerror(errno));
	(void)close(fd);
	s->map = map;
	source_index(s, (size_t)st.st_size);
}

/* Puts the next request into c; false when there is none. */
static bool
request_take(struct load *l, struct connection *c)
{
	struct source *s = &l->sources[l->turn];

	if (l->count > 0 && l->taken == l->count)
		return false;
	if (s->next >= s->n && s->cycle)
		s->next = 0;
	if (s->next < s->n)
		c->index = s->next++;
	else if (s->again_n > 0)
		c->index = s->again[--s->again_n];
	else
		return false;
	c->source = l->turn;
	c->out = s->map + s->offsets[c->index] + sizeof(uint32_t);
	c->out_len = request_len(s, c->index);
	s->sent++;
	l->taken++;
	l->turn = (l->turn + 1) % l->sources_n;
	return true;
}

/* The request was refused for now: it may be sent again. */
static void
request_put_back(struct source *s, size_t index)
{
	if (s->again == NULL)
		s->again = calloc(s->n, sizeof(s->again[0]));
	if (s->again == NULL)
		DIE("no memory");
	s->again[s->again_n++] = (uint32_t)index;
}

/* ---- Answers ---- */

static void
sample_add(struct load *l, const struct connection *c, unsigned status,
    unsigned long units, int64_t now_us)
{
	samples_put(&l->samples,
	    &(struct sample){ .index = (uint32_t)c->index,
		.latency_us = (uint32_t)(now_us - c->due_us),
		.units = (uint32_t)units,
		.status = (uint16_t)status,
		.source = (uint8_t)c->source,
		.in_time = now_us <= l->end_us });
}

/* Results accepted, or the number of tasks given. */
static unsigned long
body_units(const char *body)
{
	static const char accepted[] = "\"accepted\":", id[] = "\"id\":\"";
	const char *p = strstr(body, accepted);
	unsigned long n = 0;

	if (p != NULL)
		return strtoul(p + sizeof(accepted) - 1, NULL, 10);
	for (p = body; (p = strstr(p, id)) != NULL; p++)
		n++;
	return n;
}

/* The value of a header, NULL without it; name ends in ": ". */
static const char *
header_find(const char *head, const char *name)
{
	const char *p = strcasestr(head, name);

	return p == NULL ? NULL : p + strlen(name);
}

static void
connection_close(struct connection *c)
{
	(void)close(c->fd);
	c->fd = -1;
}

/* c is free for another request. */
static void
connection_rest(struct load *l, struct connection *c)
{
	c->busy = false;
	l->busy_n--;
	l->idle[l->idle_n++] = (size_t)(c - l->connections);
}

static void
answer_note(struct load *l, const char *text, unsigned status)
{
	if (l->odd[0] == '\0' &&
	    (status != 200 || strstr(text, "\"errors\"") != NULL))
		(void)snprintf(l->odd, sizeof(l->odd), "%s", text);
}

/* Whether the last chunk of an answer without a length is there. */
static bool
is_last_chunk(const struct connection *c)
{
	static const char last[] = "\r\n0\r\n\r\n";
	const size_t n = sizeof(last) - 1;

	return c->in_len > n && memcmp(c->in + c->in_len - n, last, n) == 0;
}

/* Takes c's answer if it is complete. */
static void
answer_take(struct load *l, struct connection *c)
{
	char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
	const char *length, *connection, *chunked;
	unsigned status;
	size_t need;

	if (end == NULL)
		return;
	end[2] = '\0';
	length = header_find(c->in, "\r\nContent-Length: ");
	connection = header_find(c->in, "\r\nConnection: ");
	chunked = header_find(c->in, "\r\nTransfer-Encoding: chunked");
	need = (size_t)(end + 4 - c->in) +
	    (length == NULL ? 0 : strtoul(length, NULL, 10));
	if (chunked != NULL)
		need = is_last_chunk(c) ? c->in_len : ANSWER_MAX;
	if (need > ANSWER_MAX || strncmp(c->in, "HTTP/1.1 ", 9) != 0)
		DIE("can't read this answer: %.200s", c->in);
	if (c->in_len < need) {
		end[2] = '\r';
		return;
	}
	status = (unsigned)strtoul(c->in + 9, NULL, 10);
	l->retry_after += header_find(c->in, "\r\nRetry-After: ") != NULL;
	c->in[need] = '\0';
	if (status == 503 && l->again)
		request_put_back(&l->sources[c->source], c->index);
	answer_note(l, end + 4, status);
	sample_add(l, c, status, body_units(end + 4), clock_us());
	if (connection != NULL && strncasecmp(connection, "close", 5) == 0)
		connection_close(c);
	connection_rest(l, c);
}

/* ---- Connections ---- */

static void
connection_open(struct load *l, struct connection *c)
{
	const struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons(l->port),
		.sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
		.data = { .ptr = c } };

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 ||
	    (connect(c->fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0 &&
		errno != EINPROGRESS) ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) != 0)
		DIE("connect: %s", strerror(errno));
	l->opened++;
}

/* The connection ended; a request on its way stays without an answer. */
static void
connection_lost(struct load *l, struct connection *c)
{
	connection_close(c);
	if (!c->busy)
		return;
	sample_add(l, c, 0, 0, clock_us());
	connection_rest(l, c);
}

static void
connection_send(struct load *l, struct connection *c)
{
	ssize_t n;

	while (c->out_len > 0) {
		n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			connection_lost(l, c);
		if (n < 0)
			return;
		c->out += n;
		c->out_len -= (size_t)n;
	}
}

static void
connection_receive(struct load *l, struct connection *c)
{
	ssize_t n = 1;

	while (c->fd >= 0 && n > 0) {
		n = recv(c->fd, c->in + c->in_len, ANSWER_MAX - c->in_len, 0);
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		if (n == 0 || (n < 0 && errno != EAGAIN))
			connection_lost(l, c);
		if (n <= 0 || !c->busy)
			return;
		c->in_len += (size_t)n;
		c->in[c->in_len] = '\0';
		answer_take(l, c);
		if (!c->busy)
			return; /* nothing follows an answer */
	}
}

/* ---- The run ---- */

/* When the next request is due; NEVER_US when the run is over. */
static int64_t
due_us(const struct load *l, int64_t now_us)
{
	int64_t due = l->rate > 0 ? l->next_us : now_us;

	return due < l->end_us && now_us < l->end_us ? due : NEVER_US;
}

/* Random times that don't depend on each other: a Poisson process. */
static void
due_advance(struct load *l)
{
	if (l->rate > 0)
		l->next_us -=
		    (int64_t)(log(random_unit(l)) * 1000000 / l->rate);
}

/* Sends what is due, as far as connections are free. */
static void
send_due(struct load *l)
{
	struct connection *c;
	int64_t due, now_us = clock_us();

	while ((due = due_us(l, now_us)) <= now_us) {
		if (l->patience_us > 0 && now_us - due > l->patience_us) {
			l->abandoned++;
			due_advance(l);
			continue;
		}
		if (l->idle_n == 0)
			return;
		c = &l->connections[l->idle[l->idle_n - 1]];
		if (!request_take(l, c)) {
			l->end_us = now_us;
			return;
		}
		l->idle_n--;
		l->busy_n++;
		c->busy = true;
		c->in_len = 0;
		c->due_us = due;
		due_advance(l);
		if (c->fd < 0)
			connection_open(l, c);
		connection_send(l, c);
		now_us = clock_us();
	}
}

/* Waits for answers, no longer than until something is due. */
static int
wait_events(struct load *l, struct epoll_event *events)
{
	struct pollfd pfd = { .fd = l->epoll_fd, .events = POLLIN };
	int64_t now_us = clock_us(), until_us = due_us(l, now_us);
	int64_t wait_us;

	if (l->idle_n == 0 || until_us == NEVER_US)
		until_us = now_us < l->end_us || l->busy_n == 0
		    ? l->end_us
		    : l->end_us + 1000000 * DRAIN_S;
	wait_us = until_us > now_us ? until_us - now_us : 0;
	if (wait_us > 0)
		(void)ppoll(&pfd, 1,
		    &(struct timespec){ .tv_sec = wait_us / 1000000,
			.tv_nsec = wait_us % 1000000 * 1000 },
		    NULL);
	return epoll_wait(l->epoll_fd, events, EVENTS_MAX, 0);
}

static void
run(struct load *l)
{
	struct epoll_event events[EVENTS_MAX];
	struct connection *c;
	int i, n;

	l->start_us = l->next_us = clock_us();
	l->end_us = l->start_us + l->seconds_us;
	do {
		send_due(l);
		n = wait_events(l, events);
		for (i = 0; i < n; i++) {
			c = events[i].data.ptr;
			if (c->busy)
				connection_send(l, c);
			if (c->fd >= 0)
				connection_receive(l, c);
		}
		if (clock_us() > l->end_us + 1000000 * DRAIN_S)
			DIE("%zu answers didn't come within %d s", l->busy_n,
			    DRAIN_S);
	} while (l->busy_n > 0 || clock_us() < l->end_us);
}

static void
connections_make(struct load *l)
{
	size_t i;

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->connections = calloc(l->connections_n, sizeof(l->connections[0]));
	l->idle = calloc(l->connections_n, sizeof(l->idle[0]));
	if (l->epoll_fd < 0 || l->connections == NULL || l->idle == NULL)
		DIE("no memory");
	for (i = 0; i < l->connections_n; i++) {
		l->connections[i].in = malloc(ANSWER_MAX + 1);
		if (l->connections[i].in == NULL)
			DIE("no memory");
		connection_open(l, &l->connections[i]);
		l->idle[l->idle_n++] = i;
	}
}

static void
report(const struct load *l)
{
	struct rusage used;
	size_t i;

	(void)getrusage(RUSAGE_SELF, &used);
	printf("{\"seconds\":%.6f,\"answers\":%zu,\"abandoned\":%" PRId64
	       ",\"retry_after\":%" PRId64 ",\"opened\":%" PRId64
	       ",\"cpu_s\":%.6f,\"status\":",
	    (double)(l->end_us - l->start_us) / 1e6, l->samples.n, l->abandoned,
	    l->retry_after, l->opened,
	    (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
	samples_print_statuses(&l->samples);
	printf(",\"sources\":[");
	for (i = 0; i < l->sources_n; i++) {
		printf("%s{\"sent\":%" PRId64 ",\"next\":%zu,",
		    i == 0 ? "" : ",", l->sources[i].sent, l->sources[i].next);
		samples_print_source(&l->samples, (uint8_t)i);
		printf("}");
	}
	printf("],\"odd\":");
	text_print(l->odd);
	printf("}\n");
}

static void
options_parse(struct load *l, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "requests", required_argument, NULL, 'r' },
		{ "cycle", required_argument, NULL, 'y' },
		{ "count", required_argument, NULL, 'n' },
		{ "connections", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 's' },
		{ "rate", required_argument, NULL, 't' },
		{ "patience-ms", required_argument, NULL, 'w' },
		{ "answers", required_argument, NULL, 'a' },
		{ "again", no_argument, NULL, 'g' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 'p':
			l->port = (uint16_t)atoi(optarg);
			break;
		case 'r':
		case 'y':
			source_open(l, optarg, c == 'y');
			break;
		case 'n':
			l->count = atoll(optarg);
			break;
		case 'c':
			l->connections_n = strtoul(optarg, NULL, 10);
			break;
		case 's':
			l->seconds_us = (int64_t)(atof(optarg) * 1e6);
			break;
		case 't':
			l->rate = atof(optarg);
			break;
		case 'w':
			l->patience_us = atoll(optarg) * 1000;
			break;
		case 'g':
			l->again = true;
			break;
		case 'a':
			l->answers_path = optarg;
			break;
		default:
			DIE("%s", usage);
		}
	if (optind != argc || l->port == 0 || l->sources_n == 0 ||
	    l->seconds_us <= 0 || l->connections_n == 0 ||
	    l->connections_n > CONNECTIONS_MAX)
		DIE("%s", usage);
}

int
main(int argc, char **argv)
{
	static struct load l = { .connections_n = 32,
		.random = UINT64_C(88172645463325252) };
	size_t i;

	options_parse(&l, argc, argv);
	connections_make(&l);
	run(&l);
	report(&l);
	if (l.answers_path != NULL)
		samples_write(&l.samples, l.answers_path);
	for (i = 0; i < l.connections_n; i++)
		free(l.connections[i].in);
	for (i = 0; i < l.sources_n; i++) {
		free(l.sources[i].offsets);
		free(l.sources[i].again);
	}
	free(l.connections);
	free(l.idle);
	free(l.samples.all);
	return EXIT_SUCCESS;
}
