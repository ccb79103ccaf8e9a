/* Descriptors 0 to 2. For main, before anything else is opened. */
#ifndef WORKNET_BASE_DESCRIPTORS_H
#define WORKNET_BASE_DESCRIPTORS_H

/*
 * Opens /dev/null as those of 0 to 2 that are closed: the next file or socket
 * would be standard error, which libraries write to and children keep. Ends the
 * process when that can't be.
 */
void descriptors_open_standard(void);

#endif
