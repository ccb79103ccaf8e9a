/*
 * The command line of the programs but worknet: getopt_long, and one way to say
 * what is wrong there, with what may have been meant, on standard error. One
 * thread.
 */
#ifndef WORKNET_BASE_OPTIONS_H
#define WORKNET_BASE_OPTIONS_H

#include <getopt.h>

#include "base/err.h"

/*
 * As getopt_long, whose optarg and optind it sets: the next option, -1 at the
 * end, '?' of one that there isn't or that is incomplete, which is told. shorts
 * begins with ':'.
 */
int options_next(
    int argc, char **argv, const char *shorts, const struct option *longs);

/* Says what is wrong, and where help is. -1. */
int options_wrong(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * What is left after the options: 0 if nothing is, else -1, told. words, which
 * ends with NULL, are those that one may be.
 */
int options_end(int argc, char **argv, const char *const *words);

#endif
