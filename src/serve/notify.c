#include "serve/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

/* A third of it: two messages may be late before somebody thinks it hangs. */
#define WATCHDOG_SHARE 3

void
notify_init(struct notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	size_t len = path == NULL ? 0 : strlen(path);

	*n = (struct notify){ .address.sun_family = AF_UNIX };
	if (len < 2 || len >= sizeof(n->address.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(n->address.sun_path, path, len);
	/* "@" stands for the NUL of an abstract name. */
	if (path[0] == '@')
		n->address.sun_path[0] = '\0';
	n->address_len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (usec != NULL && (pid == NULL || atol(pid) == (long)getpid()))
		n->watchdog_ms = atoll(usec) / 1000 / WATCHDOG_SHARE;
}

void
notify_send(const struct notify *n, const char *text)
{
	int fd;

	if (n->address_len == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL,
	    (const struct sockaddr *)&n->address, n->address_len);
	(void)close(fd);
}

void
notify_alive(struct notify *n)
{
	int64_t now_ms = clock_monotonic_ms();

	if (n->watchdog_ms <= 0 || now_ms < n->due_ms)
		return;
	n->due_ms = now_ms + n->watchdog_ms;
	notify_send(n, "WATCHDOG=1");
}
