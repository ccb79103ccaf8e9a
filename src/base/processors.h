/* How many threads can compute at once. Any thread. */
#ifndef WORKNET_BASE_PROCESSORS_H
#define WORKNET_BASE_PROCESSORS_H

#include <stddef.h>

/* Processors that are online, at least 1. */
size_t processors_count(void);

#endif
