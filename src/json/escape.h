/* The escapes of JSON strings, inside this room only. Any thread. */
#ifndef WORKNET_JSON_ESCAPE_H
#define WORKNET_JSON_ESCAPE_H

#include "base/buf.h"

/*
 * Appends what the inside of a string stands for; its escapes must have been
 * checked by yajl. The half of a surrogate pair that stands alone becomes the
 * three bytes that utf8_is_text refuses. Errors show in buf_status(out).
 */
void json_unescape(struct buf *out, struct slice raw);

#endif
