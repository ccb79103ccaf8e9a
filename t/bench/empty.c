/*
 * The least that a FastCGI responder can do: answers every request with [],
 * under the header that the coordinator gives, from threads that wait for
 * nothing else.
 *
 * usage: empty SOCKET THREADS
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define BACKLOG	    1024
#define THREADS_MAX 512

static const char answer[] = "Status: 200 OK\r\n"
			     "Content-Type: application/json\r\n"
			     "Content-Length: 2\r\n"
			     "Cache-Control: no-store\r\n"
			     "\r\n"
			     "[]";

static void *
responder_main(void *arg)
{
	const int *listen_fd = arg;
	FCGX_Request rq;

	if (FCGX_InitRequest(&rq, *listen_fd, 0) != 0)
		return NULL;
	while (FCGX_Accept_r(&rq) == 0) {
		(void)FCGX_PutStr(answer, sizeof(answer) - 1, rq.out);
		FCGX_Finish_r(&rq);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	int i, listen_fd, threads = argc == 3 ? atoi(argv[2]) : 0;
	pthread_t thread;

	if (threads < 1 || threads > THREADS_MAX) {
		fputs("usage: empty SOCKET THREADS\n", stderr);
		return 2;
	}
	if (FCGX_Init() != 0 ||
	    (listen_fd = FCGX_OpenSocket(argv[1], BACKLOG)) < 0) {
		fputs("empty: can't listen\n", stderr);
		return EXIT_FAILURE;
	}
	for (i = 1; i < threads; i++)
		if (pthread_create(&thread, NULL, responder_main, &listen_fd) !=
		    0) {
			fputs("empty: can't start a thread\n", stderr);
			return EXIT_FAILURE;
		}
	puts("serving");
	(void)fflush(stdout);
	(void)responder_main(&listen_fd);
	return EXIT_SUCCESS;
}
