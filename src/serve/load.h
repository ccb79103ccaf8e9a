/*
 * Overload: when three quarters of the requests that can be at work at once
 * have been for two seconds, no more than these three quarters are admitted
 * until half of them are done; the others are refused. So what is admitted is
 * answered in time, and what isn't is told so at once. Any thread.
 */
#ifndef WORKNET_SERVE_LOAD_H
#define WORKNET_SERVE_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct load {
	int most;	      /* requests at work under overload */
	atomic_int working;   /* admitted requests, until they are done */
	atomic_llong calm_ms; /* when last no more than most were; monotonic */
	atomic_bool overloaded;
	atomic_llong refused; /* since then */
};

void load_init(struct load *l, size_t at_once);

/*
 * Whether a request may be worked on, while so many others wait behind it for
 * their turn; then load_done follows.
 */
bool load_admit(struct load *l, size_t behind);
void load_done(struct load *l);

#endif
