#include "api/write.h"

void
write_number(struct json_writer *w, const char *key, int64_t n)
{
	json_key(w, key);
	json_number(w, n);
}

void
write_text(struct json_writer *w, const char *key, const char *text)
{
	json_key(w, key);
	json_string(w, text);
}

void
write_bool(struct json_writer *w, const char *key, bool b)
{
	json_key(w, key);
	json_bool(w, b);
}

void
write_number_if(struct json_writer *w, const char *key, bool known, int64_t n)
{
	json_key(w, key);
	if (known)
		json_number(w, n);
	else
		json_null(w);
}

void
write_text_if(struct json_writer *w, const char *key, const char *text)
{
	json_key(w, key);
	if (text[0] != '\0')
		json_string(w, text);
	else
		json_null(w);
}

void
write_array(struct json_writer *w, const char *key)
{
	json_key(w, key);
	json_open_array(w);
}
