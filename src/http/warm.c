#include <sys/socket.h>
#include <unistd.h>

#include "http/transfer.h"

#define TURNS_MAX    100
#define TURN_WAIT_MS 10

/*
 * libcurl reads the certificates when a connection is about to speak TLS, and
 * keeps them for the others of its multi handle. So this one leads nowhere: to
 * a socket whose other end is closed.
 */
static curl_socket_t
on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	int fds[2];

	(void)ctx;
	(void)purpose;
	(void)address;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return CURL_SOCKET_BAD;
	(void)close(fds[1]);
	return fds[0];
}

static int
on_socket_made(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	(void)ctx;
	(void)fd;
	(void)purpose;
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

#define SET(option, value) \
	(ok = ok && curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

static bool
prepare(CURL *easy)
{
	bool ok = transfer_trust(easy);

	SET(CURLOPT_URL, "https://127.0.0.1/");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECT_ONLY, 1L);
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
	SET(CURLOPT_SOCKOPTFUNCTION, on_socket_made);
	return ok;
}

void
transfer_warm(CURLM *multi)
{
	CURL *easy = curl_easy_init();
	int running = 1, queued, i;

	if (easy != NULL && prepare(easy) &&
	    curl_multi_add_handle(multi, easy) == CURLM_OK) {
		for (i = 0; running > 0 && i < TURNS_MAX; i++)
			if (curl_multi_perform(multi, &running) != CURLM_OK ||
			    (running > 0 &&
				curl_multi_poll(multi, NULL, 0, TURN_WAIT_MS,
				    NULL) != CURLM_OK))
				break;
		while (curl_multi_info_read(multi, &queued) != NULL)
			continue; /* that it failed */
		(void)curl_multi_remove_handle(multi, easy);
	}
	curl_easy_cleanup(easy);
}
