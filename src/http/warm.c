#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/fetch.h"

#define WAITS_MAX 100
#define WAIT_MS	  10

/*
 * A socket that listens under a name which the kernel chooses and no file
 * has (unix(7)): the name is written to name. -1: none could be had.
 */
static int
listen_nowhere(char name[static sizeof(((struct sockaddr_un *)0)->sun_path)])
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(un);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, (void *)&un, sizeof(un.sun_family)) != 0 ||
	    listen(fd, 1) != 0 || getsockname(fd, (void *)&un, &len) != 0) {
		(void)close(fd);
		return -1;
	}
	(void)snprintf(name, sizeof(un.sun_path), "%.*s",
	    (int)(len - offsetof(struct sockaddr_un, sun_path) - 1),
	    un.sun_path + 1);
	return fd;
}

#define SET(option, value) \
	(ok = ok && curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

static bool
prepare(CURL *easy, const char *name)
{
	bool ok = fetch_trust(easy);

	SET(CURLOPT_URL, "https://127.0.0.1/");
	SET(CURLOPT_ABSTRACT_UNIX_SOCKET, name);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECT_ONLY, 1L);
	SET(CURLOPT_FRESH_CONNECT, 1L);
	return ok;
}

/* Carries on until the connection, which nobody answers, has failed. */
static void
run(CURLM *multi, int listen_fd)
{
	int running = 1, i;
	CURLMcode code;

	code = curl_multi_perform(multi, &running);
	(void)close(listen_fd); /* it's connected to */
	for (i = 0; code == CURLM_OK && running > 0 && i < WAITS_MAX; i++) {
		code = curl_multi_poll(multi, NULL, 0, WAIT_MS, NULL);
		if (code == CURLM_OK)
			code = curl_multi_perform(multi, &running);
	}
}

/*
 * libcurl reads the certificates when a connection is about to speak TLS, and
 * keeps them for the others of its multi handle. So this one leads nowhere: to
 * a socket of our own that is closed.
 */
void
fetch_warm(CURLM *multi)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd = listen_nowhere(name), queued;
	CURL *easy = curl_easy_init();

	if (fd >= 0 && easy != NULL && prepare(easy, name) &&
	    curl_multi_add_handle(multi, easy) == CURLM_OK) {
		run(multi, fd);
		while (curl_multi_info_read(multi, &queued) != NULL)
			continue; /* that it failed */
		(void)curl_multi_remove_handle(multi, easy);
	} else if (fd >= 0) {
		(void)close(fd);
	}
	curl_easy_cleanup(easy);
}
