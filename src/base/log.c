#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024 /* below PIPE_BUF: one write stays one line */

static enum log_level threshold = LOG_LEVEL_INFO;

void
log_set_level(enum log_level level)
{
	threshold = level;
}

static void
write_all(const char *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(STDERR_FILENO, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody listens: nothing to do */
		p += n;
		len -= (size_t)n;
	}
}

void
log_line(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	size_t used = 0, i;
	va_list ap;
	int n;

	if (level > threshold)
		return;
	if (!isatty(STDERR_FILENO))
		used = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
	va_start(ap, fmt);
	n = vsnprintf(line + used, sizeof(line) - used - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(line) - used - 2)
		n = (int)(sizeof(line) - used - 2);
	for (i = used; i < used + (size_t)n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	used += (size_t)n;
	line[used++] = '\n';
	write_all(line, used);
}
