#include "base/text.h"

void
text_clean(char *out, size_t size, struct slice text)
{
	size_t i, len = 0;
	char c;

	CHECK(size > 0);
	for (i = 0; i < text.len && len + 1 < size; i++) {
		c = text.p[i];
		if (c == ' ' || (c >= '\t' && c <= '\r')) {
			if (len > 0 && out[len - 1] != ' ')
				out[len++] = ' ';
		} else {
			out[len++] = c > ' ' && c <= '~' ? c : '?';
		}
	}
	if (len > 0 && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
}
