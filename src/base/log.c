#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/terminal.h"

#define LINE_MAX_BYTES 1024 /* below PIPE_BUF: one write stays one line */

const char *const log_level_names[] = { "error", "warning", "notice", "info",
	"debug", NULL };

static atomic_int threshold = LOG_LEVEL_INFO;

static pthread_once_t reader_once = PTHREAD_ONCE_INIT;
static bool is_journal;	 /* reader_once */
static bool is_coloured; /* reader_once */

/* systemd tells a service which file its standard error is: "DEVICE:INODE". */
static void
reader_find(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	is_journal = stream != NULL &&
	    sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == (dev_t)device &&
	    st.st_ino == (ino_t)inode;
	is_coloured = terminal_has_colour(STDERR_FILENO);
}

/* Where somebody looks, what is wrong stands out. */
static const char *
level_colour(enum log_level level)
{
	if (!is_coloured || level > LOG_LEVEL_WARNING)
		return "";
	return level == LOG_LEVEL_WARNING ? TERMINAL_AMBER : TERMINAL_RED;
}

enum log_level
log_level_of(const char *name)
{
	int i = 0;

	while (
	    log_level_names[i] != NULL && strcmp(log_level_names[i], name) != 0)
		i++;
	CHECK(log_level_names[i] != NULL);
	return (enum log_level)(LOG_LEVEL_ERROR + i);
}

void
log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
	log_prepare();
}

bool
log_has(enum log_level level)
{
	return (int)level <= atomic_load(&threshold);
}

void
log_prepare(void)
{
	(void)pthread_once(&reader_once, reader_find);
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
	const char *colour;
	size_t used = 0, i, end = sizeof(TERMINAL_PLAIN) + 1;
	va_list ap;
	int n;

	if (!log_has(level))
		return;
	log_prepare();
	colour = level_colour(level);
	if (is_journal)
		used = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
	else
		used = (size_t)snprintf(line, sizeof(line), "%s%.60s: ", colour,
		    program_invocation_short_name);
	va_start(ap, fmt);
	n = vsnprintf(line + used, sizeof(line) - used - end, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(line) - used - end - 1)
		n = (int)(sizeof(line) - used - end - 1);
	for (i = used; i < used + (size_t)n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	used += (size_t)n;
	used += (size_t)snprintf(line + used, sizeof(line) - used, "%s\n",
	    colour[0] == '\0' ? "" : TERMINAL_PLAIN);
	write_all(line, used);
}
