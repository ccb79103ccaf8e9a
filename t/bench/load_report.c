#include "t/bench/load.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

void
samples_put(struct samples *s, const struct sample *one)
{
	if (s->n == s->max) {
		s->max = s->max == 0 ? 1 << 16 : 2 * s->max;
		s->all = realloc(s->all, s->max * sizeof(s->all[0]));
		if (s->all == NULL)
			DIE("no memory");
	}
	s->all[s->n++] = *one;
}

static int
latency_order(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Of answers with 200, or of the others. */
static void
print_latency(const struct samples *s, uint8_t source, bool good)
{
	static const struct {
		const char *name;
		double at;
	} points[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 },
		{ "max", 1 } };
	uint32_t *us = malloc((s->n + 1) * sizeof(us[0]));
	const struct sample *one;
	size_t i, n = 0, at;

	if (us == NULL)
		DIE("no memory");
	for (i = 0; i < s->n; i++) {
		one = &s->all[i];
		if (one->source == source && one->status != 0 &&
		    (one->status == 200) == good)
			us[n++] = one->latency_us;
	}
	qsort(us, n, sizeof(us[0]), latency_order);
	printf("\"%s\":{\"n\":%zu", good ? "good" : "refused", n);
	for (i = 0; n > 0 && i < sizeof(points) / sizeof(points[0]); i++) {
		at = (size_t)ceil(points[i].at * (double)n) - 1;
		printf(",\"%s_ms\":%.3f", points[i].name, us[at] / 1000.0);
	}
	printf("}");
	free(us);
}

void
samples_print_source(const struct samples *s, uint8_t source)
{
	int64_t good = 0, units = 0, units_all = 0;
	const struct sample *one;
	size_t i;

	for (i = 0; i < s->n; i++) {
		one = &s->all[i];
		if (one->source != source)
			continue;
		units_all += one->units;
		if (one->in_time && one->status == 200) {
			good++;
			units += one->units;
		}
	}
	printf("\"good_in_time\":%" PRId64 ",\"units_in_time\":%" PRId64
	       ",\"units\":%" PRId64 ",",
	    good, units, units_all);
	print_latency(s, source, true);
	printf(",");
	print_latency(s, source, false);
}

void
samples_print_statuses(const struct samples *s)
{
	static int64_t counts[1000];
	const char *comma = "";
	size_t i;

	for (i = 0; i < s->n; i++)
		counts[s->all[i].status % 1000]++;
	printf("{");
	for (i = 0; i < 1000; i++)
		if (counts[i] > 0) {
			printf("%s\"%zu\":%" PRId64, comma, i, counts[i]);
			comma = ",";
		}
	printf("}");
}

void
samples_write(const struct samples *s, const char *path)
{
	FILE *f = fopen(path, "w");
	const struct sample *one;
	size_t i;

	if (f == NULL)
		DIE("%s: %s", path, strerror(errno));
	for (i = 0; i < s->n; i++) {
		one = &s->all[i];
		fprintf(f, "%u %u %u %u %u\n", one->source, one->index,
		    one->status, one->units, one->latency_us);
	}
	if (fclose(f) != 0)
		DIE("%s: %s", path, strerror(errno));
}

void
text_print(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar((unsigned char)*text < ' ' ? ' ' : *text);
	}
	putchar('"');
}
