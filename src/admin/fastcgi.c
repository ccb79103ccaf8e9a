#include "admin/fastcgi.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* A record's types, and its header: version, type, request, length, padding. */
enum {
	TYPE_BEGIN = 1,
	TYPE_END = 3,
	TYPE_PARAMS = 4,
	TYPE_STDIN = 5,
	TYPE_STDOUT = 6,
};
#define HEADER_LEN     8
#define QUESTION_MAX   1024
#define PAIR_MAX       127 /* bytes of a name or a value: one for its length */
#define ROLE_RESPONDER 1

static void
record_add(struct buf *b, int type, const char *p, size_t len)
{
	const unsigned char header[HEADER_LEN] = { 1, (unsigned char)type, 0, 1,
		(unsigned char)(len >> 8), (unsigned char)len, 0, 0 };

	buf_add(b, header, sizeof(header));
	buf_add(b, p, len);
}

static void
pair_add(struct buf *b, const char *name, const char *value)
{
	const unsigned char lengths[2] = { (unsigned char)strlen(name),
		(unsigned char)strlen(value) };

	CHECK(strlen(name) <= PAIR_MAX && strlen(value) <= PAIR_MAX);
	buf_add(b, lengths, sizeof(lengths));
	buf_add_text(b, name);
	buf_add_text(b, value);
}

static enum rc
question_send(int fd, const char *path, const char *name, struct err *e)
{
	static const char begin[] = { 0, ROLE_RESPONDER, 0, 0, 0, 0, 0, 0 };
	struct buf params, all;
	enum rc rc = RC_OK;

	buf_init(&params, QUESTION_MAX);
	buf_init(&all, QUESTION_MAX);
	pair_add(&params, "REQUEST_METHOD", "GET");
	pair_add(&params, "SCRIPT_NAME", path);
	pair_add(&params, "GATEWAY_INTERFACE", "CGI/1.1");
	pair_add(&params, "WORKNET_LOCAL", "1");
	record_add(&all, TYPE_BEGIN, begin, sizeof(begin));
	record_add(&all, TYPE_PARAMS, params.p, params.len);
	record_add(&all, TYPE_PARAMS, "", 0);
	record_add(&all, TYPE_STDIN, "", 0);
	if (all.failed || params.failed)
		rc = err_set(e, RC_NO_MEMORY, "no memory");
	else if (send(fd, all.p, all.len, MSG_NOSIGNAL) != (ssize_t)all.len)
		rc = err_set(e, RC_IO, "%s: %s", name, strerror(errno));
	buf_free(&params);
	buf_free(&all);
	return rc;
}

static bool
read_whole(int fd, void *p, size_t len)
{
	return recv(fd, p, len, MSG_WAITALL) == (ssize_t)len;
}

/* Until the record that ends it. */
static enum rc
answer_read(int fd, struct buf *out, const char *name, struct err *e)
{
	unsigned char header[HEADER_LEN];
	char content[65535 + 255];
	size_t len;

	for (;;) {
		if (!read_whole(fd, header, sizeof(header)))
			break;
		len = (size_t)header[4] << 8 | header[5];
		if (!read_whole(fd, content, len + header[6]))
			break;
		if (header[1] == TYPE_STDOUT)
			buf_add(out, content, len);
		if (header[1] == TYPE_END)
			return buf_status(out, e);
	}
	return err_set(e, RC_IO, "%s: no answer: %s", name,
	    errno == 0 ? "it was closed" : strerror(errno));
}

enum rc
fastcgi_get(
    struct buf *out, const char *socket_path, const char *path, struct err *e)
{
	const struct timeval wait = { .tv_sec = FASTCGI_WAIT_S };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	enum rc rc;
	int fd;

	if (strlen(socket_path) >= sizeof(sa.sun_path))
		return err_set(
		    e, RC_INVALID, "%.80s...: too long", socket_path);
	memcpy(sa.sun_path, socket_path, strlen(socket_path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, RC_IO, "socket: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	errno = 0;
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0)
		rc = err_set(e, RC_IO, "%s: %s", socket_path, strerror(errno));
	else
		rc = question_send(fd, path, socket_path, e);
	if (rc == RC_OK)
		rc = answer_read(fd, out, socket_path, e);
	(void)close(fd);
	return rc;
}
