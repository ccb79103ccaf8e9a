/*
 * What the service manager is told, by the protocol of sd_notify(3): a datagram
 * to the socket that NOTIFY_SOCKET names. Without one, all of this does
 * nothing; nor does it matter whether somebody reads it. One thread at a time.
 */
#ifndef WORKNET_SERVE_NOTIFY_H
#define WORKNET_SERVE_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	struct sockaddr_un address;
	socklen_t address_len; /* 0: nobody is told */
	int64_t watchdog_ms;   /* between two signs of life; 0: none wanted */
	int64_t due_ms;	       /* the next one, on the monotonic clock */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. */
void notify_init(struct notify *n);

/* Lines such as "READY=1\nSTATUS=serving". Never blocks. */
void notify_send(const struct notify *n, const char *text);

/* A sign of life, when one is due: call it more often than that. */
void notify_alive(struct notify *n);

#endif
