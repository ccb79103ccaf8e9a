#include "serve/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSTEMD_FD 3 /* sd_listen_fds(3): the first one passed */

static enum rc
socket_address(struct sockaddr_un *sa, const char *path, struct err *e)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(sa->sun_path))
		return err_set(e, RC_INVALID,
		    "%s: got %zu bytes, a socket's path has at most %zu", path,
		    strlen(path), sizeof(sa->sun_path) - 1);
	memcpy(sa->sun_path, path, strlen(path));
	return RC_OK;
}

/* Removes a socket that its server left behind. */
static enum rc
socket_clear(const struct sockaddr_un *sa, struct err *e)
{
	struct stat st;
	int fd, alive;

	if (lstat(sa->sun_path, &st) != 0)
		return RC_OK;
	if (!S_ISSOCK(st.st_mode))
		return err_set(
		    e, RC_CONFLICT, "%s exists and is no socket", sa->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, RC_IO, "socket: %s", strerror(errno));
	alive = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0 ||
	    errno != ECONNREFUSED;
	(void)close(fd);
	if (alive)
		return err_set(e, RC_CONFLICT, "%s: another process listens",
		    sa->sun_path);
	if (unlink(sa->sun_path) != 0)
		return err_set(
		    e, RC_IO, "%s: %s", sa->sun_path, strerror(errno));
	return RC_OK;
}

enum rc
serve_listen(struct serve_socket *out, const char *path, unsigned mode,
    int backlog, struct err *e)
{
	struct sockaddr_un sa;
	struct stat st;
	mode_t mask;
	enum rc rc;
	int bound;

	*out = (struct serve_socket){ .fd = -1, .path = path };
	rc = socket_address(&sa, path, e);
	if (rc == RC_OK)
		rc = socket_clear(&sa, e);
	if (rc != RC_OK)
		return rc;
	out->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (out->fd < 0)
		return err_set(e, RC_IO, "socket: %s", strerror(errno));
	/* The mode holds from the moment the socket exists. */
	mask = umask(~(mode_t)mode & 0777);
	bound = bind(out->fd, (struct sockaddr *)&sa, sizeof(sa));
	(void)umask(mask);
	if (bound == 0 && lstat(path, &st) == 0 &&
	    listen(out->fd, backlog) == 0) {
		out->device = st.st_dev;
		out->inode = st.st_ino;
		return RC_OK;
	}
	rc = err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	(void)close(out->fd);
	out->fd = -1;
	return rc;
}

void
serve_unlink(const struct serve_socket *s)
{
	struct stat st;

	if (s->path != NULL && lstat(s->path, &st) == 0 &&
	    st.st_dev == s->device && st.st_ino == s->inode)
		(void)unlink(s->path);
}

static bool
is_listening(int fd)
{
	socklen_t len = sizeof(int);
	int on = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

enum rc
serve_inherited(struct serve_socket *out, struct err *e)
{
	const char *pid = getenv("LISTEN_PID");

	*out = (struct serve_socket){ .fd = -1 };
	if (pid != NULL && atol(pid) == (long)getpid() &&
	    is_listening(SYSTEMD_FD))
		out->fd = SYSTEMD_FD;
	else if (is_listening(STDIN_FILENO))
		out->fd = STDIN_FILENO;
	if (out->fd >= 0)
		return RC_OK;
	return err_set(e, RC_NOT_FOUND,
	    "no listening socket was passed on; use -s SOCKET");
}
