/*
 * Text of strangers, made fit for people's eyes. Pure functions; any thread.
 */
#ifndef WORKNET_BASE_TEXT_H
#define WORKNET_BASE_TEXT_H

#include "base/buf.h"

/*
 * Copies text for people into out, which has size bytes: printable ASCII
 * stays, runs of white space become one blank, all else '?'.
 */
void text_clean(char *out, size_t size, struct slice text);

#endif
