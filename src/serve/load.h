/*
 * Overload. It begins when more than three quarters of the exchanges have been
 * taken for two seconds: more arrives than can be done. From then on a request
 * that would take more than three quarters of them is refused, until only half
 * of these are taken. So a request that is admitted is answered in time, and
 * one that isn't is refused at once. Any thread.
 */
#ifndef WORKNET_SERVE_LOAD_H
#define WORKNET_SERVE_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct load {
	int limit;	      /* three quarters of the exchanges */
	atomic_int working;   /* admitted requests, until they are done */
	atomic_llong calm_ms; /* last time without more than limit; monotonic */
	atomic_bool overloaded;
	atomic_llong refused; /* since it is overloaded */
};

void load_init(struct load *l, size_t exchanges);

/*
 * Whether a request may be worked on, while `behind` others wait for an
 * exchange. If so, load_done follows when it is answered.
 */
bool load_admit(struct load *l, size_t behind);
void load_done(struct load *l);

#endif
