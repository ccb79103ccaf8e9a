#include "admin/report_csv.h"

#include <inttypes.h>

#define EOL "\r\n" /* RFC 4180 */

static void
figure_print(FILE *f, int64_t ppm)
{
	if (ppm == UPTIME_NO_FIGURE)
		fputs(",", f);
	else
		fprintf(f, ",%" PRId64, ppm);
}

static void
day_print(FILE *f, const char *task, int64_t from_ms, int64_t to_ms,
    const struct report_time *d)
{
	const struct uptime_time *t = &d->time;
	struct uptime_figures g;

	uptime_figures(&g, t);
	fprintf(f, "%s,%" PRId64 ",%" PRId64, task, from_ms, to_ms);
	figure_print(f, g.availability);
	figure_print(f, g.strict);
	figure_print(f, g.at_least);
	figure_print(f, g.at_most);
	figure_print(f, g.coverage);
	fprintf(f,
	    ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
	    ",%" PRId64 ",%" PRId64,
	    t->up, t->down, t->unconfirmed, t->unknown, t->disputed, t->paused,
	    t->maintenance);
	fprintf(f,
	    ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 EOL,
	    d->copies, d->votes, d->dissents, d->drills, d->in_rounds);
}

void
report_csv(FILE *f, const char *task, const struct uptime_report *r)
{
	int64_t from_ms, to_ms;
	size_t i;

	fputs(
	    "task,fromMs,toMs,availabilityPpm,strictPpm,atLeastPpm,atMostPpm,"
	    "coveragePpm,upMs,downMs,unconfirmedMs,unknownMs,disputedMs,"
	    "pausedMs,maintenanceMs,copies,votes,disagreements,drills,inRounds" EOL,
	    f);
	for (i = 0; i < r->days_n; i++) {
		from_ms = (r->from_ms / DAY_MS + (int64_t)i) * DAY_MS;
		to_ms = from_ms + DAY_MS;
		day_print(f, task, from_ms > r->from_ms ? from_ms : r->from_ms,
		    to_ms < r->to_ms ? to_ms : r->to_ms, &r->days[i]);
	}
}
