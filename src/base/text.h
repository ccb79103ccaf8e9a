/*
 * Text of strangers, made fit for people's eyes. Pure functions; any thread.
 */
#ifndef WORKNET_BASE_TEXT_H
#define WORKNET_BASE_TEXT_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * Copies text for people into out, which has size bytes: printable ASCII
 * stays, runs of white space become one blank, all else '?'.
 */
void text_clean(char *out, size_t size, struct slice text);

#define TEXT_WORD_MAX 40 /* bytes; longer words are far from each other */

/* A word so far from what was meant may be it, mistyped: for "did you mean". */
bool text_is_near(const char *typed, const char *meant);

#endif
