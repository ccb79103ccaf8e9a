/* What was done, in one line of the log. */
#include <stdarg.h>
#include <stdio.h>

#include "api/room.h"
#include "base/log.h"

#define LINE_MAX_BYTES 900 /* of what log.h writes in one line */

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

static void line_add(struct line *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
line_add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len += (size_t)n < sizeof(l->text) - l->len
		    ? (size_t)n
		    : sizeof(l->text) - l->len - 1;
}

/* " (3 not assigned, 1 invalid signature)" */
static void
reasons_add(struct line *l, const unsigned long long *outcomes)
{
	struct claim c;
	bool any = false;
	int i;

	for (i = 0; i < CLAIM_OUTCOMES; i++) {
		if (outcomes[i] == 0 || i == CLAIM_OPEN || i == CLAIM_CREDITED)
			continue;
		claim_refuse(&c, (enum claim_outcome)i);
		line_add(
		    l, "%s%llu %s", any ? ", " : " (", outcomes[i], c.reason);
		any = true;
	}
	if (any)
		line_add(l, ")");
}

void
api_log_counts(struct api *a)
{
	struct api_counts *c = &a->counts;
	unsigned long long outcomes[CLAIM_OUTCOMES], refused = 0;
	unsigned long long polls = atomic_exchange(&c->polls, 0);
	unsigned long long given = atomic_exchange(&c->given, 0);
	unsigned long long poll_refused = atomic_exchange(&c->poll_refused, 0);
	unsigned long long micros = atomic_exchange(&c->micros, 0);
	unsigned long long unavailable = atomic_exchange(&c->unavailable, 0);
	struct line l = { .len = 0 };
	int i;

	for (i = 0; i < CLAIM_OUTCOMES; i++) {
		outcomes[i] = atomic_exchange(&c->outcomes[i], 0);
		if (i != CLAIM_OPEN && i != CLAIM_CREDITED)
			refused += outcomes[i];
	}
	if (polls + refused + outcomes[CLAIM_CREDITED] + unavailable == 0)
		return;
	line_add(&l, "%llu polls, %llu tasks given", polls, given);
	if (poll_refused > 0)
		line_add(&l, ", %llu polls refused", poll_refused);
	line_add(&l, "; %llu results paid, %llu.%06llu USDC",
	    outcomes[CLAIM_CREDITED], micros / 1000000, micros % 1000000);
	if (refused > 0) {
		line_add(&l, "; %llu refused", refused);
		reasons_add(&l, outcomes);
	}
	if (unavailable > 0)
		line_add(&l, "; %llu answers of 503", unavailable);
	log_notice("%s", l.text);
}
