/*
 * Counts the uptime of histories by src/uptime, for tests. Standard input has
 * lines of words, the output a line of JSON for each history, as in
 * t/vectors/evidence/sla-vectors.ndjson:
 *
 *	slice FROM TO COPIES [WORKER:NETWORK:UP]...
 *	paused FROM TO
 *	maintenance FROM TO
 *	count FROM TO		the end of a history, and what is asked of it
 *
 * WORKER is a number below 2^32, and NETWORK one; UP is 0 or 1.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uptime/account.h"

#define SPANS_MAX 64

struct history {
	struct uptime_account account;
	struct uptime_span paused[SPANS_MAX], maintenance[SPANS_MAX];
	struct uptime_frame frame;
};

static void
fail(const char *what)
{
	fprintf(stderr, "uptime_count: %s\n", what);
	exit(EXIT_FAILURE);
}

static void
history_begin(struct history *h)
{
	struct err e = ERR_INIT;

	memset(&h->frame, 0, sizeof(h->frame));
	h->frame.paused = h->paused;
	h->frame.maintenance = h->maintenance;
	if (account_begin(&h->account, NULL, &e) != RC_OK)
		fail(e.msg);
}

static size_t
votes_read(struct uptime_vote *votes, char *words)
{
	unsigned worker, network, up;
	size_t n = 0;
	char *word;

	for (word = strtok(words, " \n"); word != NULL && n < COPIES_MAX;
	     word = strtok(NULL, " \n"), n++) {
		if (sscanf(word, "%u:%u:%u", &worker, &network, &up) != 3)
			fail(word);
		memset(&votes[n], 0, sizeof(votes[n]));
		votes[n].worker[16] = (uint8_t)(worker >> 24);
		votes[n].worker[17] = (uint8_t)(worker >> 16);
		votes[n].worker[18] = (uint8_t)(worker >> 8);
		votes[n].worker[19] = (uint8_t)worker;
		votes[n].network = network;
		votes[n].up = up != 0;
	}
	return n;
}

static void
slice_take(struct history *h, char *line)
{
	struct uptime_vote votes[COPIES_MAX];
	int64_t copies, networks[COPIES_MAX];
	struct uptime_slice s;
	struct err e = ERR_INIT;
	size_t n, i, down = 0;
	int used = 0;

	if (sscanf(line, "slice %" SCNd64 " %" SCNd64 " %" SCNd64 "%n",
		&s.from_ms, &s.to_ms, &copies, &used) != 3)
		fail(line);
	n = votes_read(votes, line + used);
	s.raw = uptime_judge(votes, n, copies);
	for (i = 0; i < n; i++)
		if (votes[i].counts && !votes[i].up)
			networks[down++] = votes[i].network;
	if (account_slice(&h->account, &s, networks, down, &e) != RC_OK)
		fail(e.msg);
}

static void
incidents_print(const struct uptime_account *a, const struct uptime_span *p)
{
	static const char *const ended[] = { [UPTIME_NOTHING] = "open",
		[UPTIME_RECOVERED] = "recovered",
		[UPTIME_LOST] = "evidence" };
	const struct uptime_incident *i;
	const char *comma = "";
	size_t n;

	for (n = 0; n < a->incidents_n; n++) {
		i = &a->incidents[n];
		if (i->to_ms <= p->from_ms || i->from_ms >= p->to_ms)
			continue;
		printf("%s{\"from\":%" PRId64 ",\"to\":", comma, i->from_ms);
		if (i->to_ms == INT64_MAX)
			printf("null");
		else
			printf("%" PRId64, i->to_ms);
		printf(",\"ended\":\"%s\",\"networks\":%zu}", ended[i->ended],
		    i->networks_n);
		comma = ",";
	}
}

static void
history_end(struct history *h, const char *line)
{
	struct uptime_time t = { .up = 0 }, hidden = { .up = 0 };
	struct uptime_figures f;
	struct uptime_span p;

	if (sscanf(line, "count %" SCNd64 " %" SCNd64, &p.from_ms, &p.to_ms) !=
	    2)
		fail(line);
	account_count(&h->account, &h->frame, &p, &t, &hidden);
	if (uptime_total(&hidden) != t.maintenance)
		fail("what maintenance hides isn't all of it");
	uptime_figures(&f, &t);
	printf("{\"up\":%" PRId64 ",\"down\":%" PRId64
	       ",\"unconfirmed\":%" PRId64 ",\"unknown\":%" PRId64
	       ",\"disputed\":%" PRId64 ",\"paused\":%" PRId64
	       ",\"maintenance\":%" PRId64,
	    t.up, t.down, t.unconfirmed, t.unknown, t.disputed, t.paused,
	    t.maintenance);
	printf(",\"availability\":%" PRId64 ",\"strict\":%" PRId64
	       ",\"atLeast\":%" PRId64 ",\"atMost\":%" PRId64
	       ",\"coverage\":%" PRId64 ",\"incidents\":[",
	    f.availability, f.strict, f.at_least, f.at_most, f.coverage);
	incidents_print(&h->account, &p);
	printf("]}\n");
	account_free(&h->account);
	history_begin(h);
}

/* The two times behind the line's first word. */
static void
span_take(const char *line, struct uptime_span *spans, size_t *n)
{
	if (*n == SPANS_MAX ||
	    sscanf(strchr(line, ' '), " %" SCNd64 " %" SCNd64,
		&spans[*n].from_ms, &spans[*n].to_ms) != 2)
		fail(line);
	++*n;
}

int
main(void)
{
	static struct history h;
	char *line = NULL;
	size_t size = 0;

	history_begin(&h);
	while (getline(&line, &size, stdin) > 0) {
		if (strncmp(line, "slice ", 6) == 0)
			slice_take(&h, line);
		else if (strncmp(line, "paused ", 7) == 0)
			span_take(line, h.paused, &h.frame.paused_n);
		else if (strncmp(line, "maintenance ", 12) == 0)
			span_take(line, h.maintenance, &h.frame.maintenance_n);
		else
			history_end(&h, line);
	}
	account_free(&h.account);
	free(line);
	return ferror(stdin) || fflush(stdout) != 0;
}
