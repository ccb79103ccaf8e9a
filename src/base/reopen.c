#include "base/reopen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/file.h"

/* A question is a byte; an answer is errno, and the file if that is 0. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* ---- The second process ---- */

static ssize_t
file_pass(int to, int fd, int error)
{
	union control control = { .bytes = { 0 } };
	struct iovec part = { &error, sizeof(error) };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	return sendmsg(to, &m, MSG_NOSIGNAL);
}

/* A copy of a file that can be copied; -1 with errno. */
static int
file_to_memory(int from)
{
	struct err e = ERR_INIT;
	struct stat st;
	int to;

	if (fstat(from, &st) != 0)
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_size > REOPEN_COPY_MAX) {
		errno = S_ISREG(st.st_mode) ? EFBIG : ENODEV;
		return -1;
	}
	to = memfd_create("reopen", MFD_CLOEXEC);
	if (to < 0 || file_copy(to, from, "a copy", &e) == RC_OK)
		return to;
	(void)close(to);
	errno = EIO;
	return -1;
}

/* What is passed on; -1 with errno. */
static int
file_open(const char *path, enum reopen_what what)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), copy, error;

	if (fd < 0 || what == REOPEN_FILE)
		return fd;
	copy = file_to_memory(fd);
	error = errno;
	(void)close(fd);
	errno = error;
	return copy;
}

/* Signals are for the first process: when that ends, recv gives nothing. */
static _Noreturn void
serve(int question_fd, const char *path, enum reopen_what what)
{
	char c;
	int fd;

	(void)prctl(PR_SET_NAME, "reopen", 0, 0, 0);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	descriptors_keep(question_fd, false);
	while (recv(question_fd, &c, 1, 0) == 1) {
		fd = file_open(path, what);
		if (file_pass(question_fd, fd, fd < 0 ? errno : 0) < 0)
			break;
		if (fd >= 0)
			(void)close(fd);
	}
	_exit(0);
}

/* ---- The first one ---- */

enum rc
reopen_begin(
    struct reopen *r, const char *path, enum reopen_what what, struct err *e)
{
	int fds[2];
	pid_t pid;

	r->fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return err_set(e, RC_IO, "socketpair: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		serve(fds[1], path, what);
	(void)close(fds[1]);
	if (pid > 0) {
		r->fd = fds[0];
		return RC_OK;
	}
	(void)close(fds[0]);
	return err_set(e, RC_IO, "fork: %s", strerror(errno));
}

enum rc
reopen_file(const struct reopen *r, int *fd, const char *path, struct err *e)
{
	union control control;
	int error = EPIPE;
	struct iovec part = { &error, sizeof(error) };
	struct msghdr m = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	const struct cmsghdr *header;

	*fd = -1;
	if (send(r->fd, "", 1, MSG_NOSIGNAL) != 1 ||
	    recvmsg(r->fd, &m, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(error))
		return err_set(e, RC_IO,
		    "%s: the process that opens it is gone: a restart is needed",
		    path);
	header = CMSG_FIRSTHDR(&m);
	if (error == 0 && header != NULL && header->cmsg_type == SCM_RIGHTS) {
		memcpy(fd, CMSG_DATA(header), sizeof(*fd));
		return RC_OK;
	}
	return err_set(e, error == ENOENT ? RC_NOT_FOUND : RC_IO, "%s: %s",
	    path, strerror(error));
}

void
reopen_end(struct reopen *r)
{
	if (r->fd < 0)
		return;
	(void)close(r->fd);
	r->fd = -1;
}
