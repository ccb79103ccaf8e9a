#include "vault/message.h"

#include <stddef.h>

size_t
question_size(enum question_kind kind)
{
	static const size_t sizes[ASK_KINDS] = {
		[ASK_OPEN] = sizeof(struct question_open),
		[ASK_SIGN] = sizeof(struct question_sign),
		[ASK_SETTLED] = sizeof(struct question_settled),
		[ASK_GAS] = sizeof(struct question_gas),
	};

	return kind <= ASK_HELLO || kind >= ASK_KINDS
	    ? 0
	    : offsetof(struct question, of) + sizes[kind];
}
