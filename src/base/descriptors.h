/* The descriptors that a process begins with. One thread. */
#ifndef WORKNET_BASE_DESCRIPTORS_H
#define WORKNET_BASE_DESCRIPTORS_H

#include <stdbool.h>

/*
 * For main, before anything else is opened. Opens /dev/null as those of 0 to 2
 * that are closed: the next file or socket would be standard error, which
 * libraries write to and children keep. Ends the process when that can't be.
 */
void descriptors_open_standard(void);

/*
 * For a process that was forked to do one thing: closes all but keep_fd, and
 * has /dev/null as 0 and 1. Standard error stays if log says so: whoever reads
 * that waits for its last writer.
 */
void descriptors_keep(int keep_fd, bool log);

#endif
