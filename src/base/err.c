#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum rc
err_set(struct err *e, enum rc rc, const char *fmt, ...)
{
	va_list ap;

	CHECK(rc != RC_OK);
	if (e == NULL)
		return rc;
	e->rc = rc;
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return rc;
}

enum rc
err_prefix(struct err *e, const char *fmt, ...)
{
	char head[ERR_MSG_MAX / 2];
	size_t n, tail;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(head, sizeof(head) - 2, fmt, ap);
	va_end(ap);
	strcat(head, ": ");
	n = strlen(head);
	tail = strlen(e->msg);
	if (tail > sizeof(e->msg) - n - 1)
		tail = sizeof(e->msg) - n - 1;
	memmove(e->msg + n, e->msg, tail);
	memcpy(e->msg, head, n);
	e->msg[n + tail] = '\0';
	return e->rc;
}

const char *
rc_name(enum rc rc)
{
	switch (rc) {
	case RC_OK:
		return "ok";
	case RC_INVALID:
		return "invalid";
	case RC_NOT_FOUND:
		return "not found";
	case RC_CONFLICT:
		return "conflict";
	case RC_BUSY:
		return "busy";
	case RC_IO:
		return "input/output";
	case RC_NO_MEMORY:
		return "out of memory";
	case RC_CORRUPT:
		return "corrupt";
	}
	return "unknown";
}

void
check_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "<2>CHECK(%s) failed at %s:%d\n", cond, file, line);
	abort();
}
