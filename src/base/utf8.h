/* UTF-8 text (RFC 3629). Pure functions; any thread. */
#ifndef WORKNET_BASE_UTF8_H
#define WORKNET_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True when the len bytes at p are valid UTF-8 without NUL. */
bool utf8_is_text(const char *p, size_t len);

#endif
