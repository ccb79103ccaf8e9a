/*
 * What became of each request of a load, kept whole, so that every figure is
 * exact. One thread.
 */
#ifndef WORKNET_T_BENCH_LOAD_H
#define WORKNET_T_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program: this is a tool, and its caller reads why. */
#define DIE(...) \
	(fprintf(stderr, "load: " __VA_ARGS__), fputc('\n', stderr), exit(1))

/* An answer, or that none came. */
struct sample {
	uint32_t index; /* of the request, in its source */
	uint32_t latency_us;
	uint32_t units;	 /* results accepted, or tasks given */
	uint16_t status; /* 0: the connection ended without one */
	uint8_t source;
	bool in_time; /* before the run's end */
};

struct samples {
	struct sample *all; /* owned */
	size_t n;
	size_t max;
};

/* Ends the program when there is no memory. */
void samples_put(struct samples *s, const struct sample *one);

/* {"200":N,...} */
void samples_print_statuses(const struct samples *s);

/*
 * "good_in_time":N,... of one source: how many answers had status 200, their
 * units, and the latencies of those and of the others.
 */
void samples_print_source(const struct samples *s, uint8_t source);

/* A line "SOURCE INDEX STATUS UNITS MICROSECONDS" for each. */
void samples_write(const struct samples *s, const char *path);

/* As a JSON string, control characters as blanks. */
void text_print(const char *text);

#endif
