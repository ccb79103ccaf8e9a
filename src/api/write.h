/* Members of a JSON object, inside this room only. */
#ifndef WORKNET_API_WRITE_H
#define WORKNET_API_WRITE_H

#include "json/json.h"

void write_number(struct json_writer *w, const char *key, int64_t n);
void write_text(struct json_writer *w, const char *key, const char *text);
void write_bool(struct json_writer *w, const char *key, bool b);

/* null where there is none: of a number, and of a text that is empty. */
void
write_number_if(struct json_writer *w, const char *key, bool known, int64_t n);
void write_text_if(struct json_writer *w, const char *key, const char *text);

/* An array, which json_close_array ends. */
void write_array(struct json_writer *w, const char *key);

#endif
