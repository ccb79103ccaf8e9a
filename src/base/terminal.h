/*
 * What is at the end of a descriptor, if somebody looks there: how wide it is,
 * and whether it shows colours. Any thread, but for the environment.
 */
#ifndef WORKNET_BASE_TERMINAL_H
#define WORKNET_BASE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#define TERMINAL_BOLD  "\033[1m"
#define TERMINAL_RED   "\033[31m"
#define TERMINAL_GREEN "\033[32m"
#define TERMINAL_AMBER "\033[33m"
#define TERMINAL_PLAIN "\033[0m"

/* In characters; 0: it is no terminal, or one of unknown width. */
size_t terminal_width(int fd);

/* False also where NO_COLOR is set (no-color.org), and on TERM=dumb. */
bool terminal_has_colour(int fd);

#endif
