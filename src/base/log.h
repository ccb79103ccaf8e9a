/*
 * Log lines on standard error, one write(2) each: with a syslog priority in
 * front (sd-daemon(3): "<3>" to "<7>") where systemd's journal reads them, which
 * knows the program; else with the program's name, and on a terminal errors and
 * warnings in colour. Safe from any thread.
 *
 * Log no secret, and of a signature no more than its first bytes.
 */
#ifndef WORKNET_BASE_LOG_H
#define WORKNET_BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* The names of the levels from LOG_LEVEL_ERROR on, and NULL. */
extern const char *const log_level_names[];

/* The level of one of these names. */
enum log_level log_level_of(const char *name);

/* Drops lines less urgent than level. Any thread. */
void log_set_level(enum log_level level);

/* Whether lines of that level aren't dropped now. Any thread. */
bool log_has(enum log_level level);

/*
 * Looks who reads standard error, once, as the first line does: before rights
 * are given up, without which it can't be looked at. Any thread.
 */
void log_prepare(void);

/* One line; control characters in it are printed as '?'. */
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)	 log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
