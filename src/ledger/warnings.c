/* What of the network's state a person has to look at. */
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "ledger/status.h"

#define SILENCE_MS     600000LL		      /* no result for so long is odd */
#define WAL_LARGE      (1024LL * 1024 * 1024) /* bytes: a reader hangs */
#define FREE_LEAST     (1024LL * 1024 * 1024) /* bytes of the disk */
#define COVERAGE_LEAST 990		      /* per mille of the cycles */

const char *
severity_name(enum severity severity)
{
	static const char *const names[] = { "ok", "warning", "critical",
		"unknown" };

	return names[severity];
}

static void add(struct warnings *ws, enum severity severity, const char *fmt,
    ...) PRINTF_LIKE(3, 4);

static void
add(struct warnings *ws, enum severity severity, const char *fmt, ...)
{
	struct warning *w = &ws->all[ws->n];
	va_list ap;

	CHECK(ws->n < WARNINGS_MAX);
	ws->n++;
	w->severity = severity;
	va_start(ap, fmt);
	(void)vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
}

#define warn(ws, ...)	  add(ws, SEVERITY_WARNING, __VA_ARGS__)
#define critical(ws, ...) add(ws, SEVERITY_CRITICAL, __VA_ARGS__)

/* worknet-payout's exit code of a run that the next one goes on with. */
#define RUN_GOES_ON 4

/* What the last payout run left, and that there was one. */
static void
find_payout_warnings(
    struct warnings *ws, const struct status *s, const struct conf *c)
{
	const struct payout_run *r = &s->run;
	int64_t patience_ms = c->payout_validity_s * 1000;
	char since_run[TEXT_AGE_MAX], unresolved[TEXT_AGE_MAX];
	char overdue[TEXT_AGE_MAX];
	bool wanted =
	    c->payout_network[0] != '\0' && (s->due > 0 || s->unresolved > 0);

	text_age(since_run, s->now_ms - r->began_ms);
	text_age(unresolved, s->now_ms - s->oldest_unresolved_ms);
	text_age(overdue, status_overdue_ms(c));
	if (wanted && r->id == 0)
		critical(ws, "no payout run yet, and %lld workers are due",
		    (long long)s->due);
	else if (wanted && s->now_ms - r->began_ms > patience_ms)
		critical(
		    ws, "no payout run for %s, and somebody is due", since_run);
	if (r->id != 0 && r->exit_code > 0 && r->exit_code < 10)
		add(ws,
		    r->exit_code == RUN_GOES_ON ? SEVERITY_WARNING
						: SEVERITY_CRITICAL,
		    "the last payout run ended with code %d%s%.120s",
		    (int)r->exit_code, r->words[0] == '\0' ? "" : ": ",
		    r->words);
	else if (r->id != 0 && r->exit_code < 0 &&
	    s->now_ms - r->began_ms > patience_ms)
		warn(ws, "the last payout run has no end: was it killed?");
	if (s->unresolved > 0 &&
	    s->now_ms - s->oldest_unresolved_ms > patience_ms)
		critical(ws, "a payout is unresolved for %s", unresolved);
	if (c->payout_network[0] != '\0' && s->overdue > 0)
		critical(ws,
		    "%lld workers are owed the threshold for more than %s, and aren't paid",
		    (long long)s->overdue, overdue);
	if (s->all_held > 0)
		critical(ws, "payouts are held: nobody is paid");
	if (s->workers_held > 0)
		warn(ws, "%lld workers are held: see worknet payout holds",
		    (long long)s->workers_held);
}

static void
find_warnings(struct warnings *ws, const struct status *s)
{
	const struct coverage *c = &s->coverage;
	char reason[WARNING_LEN], silence[TEXT_AGE_MAX];

	text_age(silence, s->now_ms - s->last_result_ms);
	if (s->exceptions > 0)
		critical(ws,
		    "the ledger has exceptions: see worknet finding list and worknet audit");
	if (s->tasks_active == 0)
		warn(ws, "no task is active");
	else if (s->last_result_ms == 0)
		warn(ws, "no result yet");
	else if (s->now_ms - s->last_result_ms > SILENCE_MS)
		critical(ws, "no result for %s", silence);
	if (s->last_result_ms > s->now_ms + CLOCK_SKEW_MS)
		critical(ws,
		    "the newest transfer is from the future: is the clock right?");
	if (c->paid * 1000 < c->copies * COVERAGE_LEAST) {
		network_reason(&s->network, c, reason, sizeof(reason));
		warn(ws, "%s", reason);
	}
	if (s->wal_bytes > WAL_LARGE)
		warn(ws,
		    "the write-ahead log has %lld MiB: does some program keep a read transaction open?",
		    (long long)(s->wal_bytes / (1024 * 1024)));
	if (s->upload_oldest_ms > 0 &&
	    s->now_ms - s->upload_oldest_ms > UPLOAD_OLD_MS)
		warn(ws,
		    "the object store is behind the log: see worknet doctor");
	if (s->free_bytes >= 0 && s->free_bytes < FREE_LEAST)
		critical(ws, "the ledger's disk has only %lld MiB left",
		    (long long)(s->free_bytes / (1024 * 1024)));
}

/* Results that are signed now are proven to be newer than that alone. */
static void
find_anchor_warnings(
    struct warnings *ws, const struct status *s, const struct conf *c)
{
	char age[TEXT_AGE_MAX];

	text_age(age, s->now_ms - s->anchor_ms);
	if (c->checkpoint_file[0] != '\0' && s->tasks_active > 0 &&
	    s->anchor_ms > 0 && s->now_ms - s->anchor_ms > ANCHOR_OLD_MS)
		warn(ws,
		    "assignments name a checkpoint of %s ago: is the log at work, and [coordinator] checkpoint_file its checkpoint?",
		    age);
}

/* An Internet provider, or a cloud, with which all of them are. */
static void
find_system_warnings(
    struct warnings *ws, const struct network_sums *n, const struct conf *c)
{
	if (c->asn_database[0] != '\0' && n->workers > 1 && n->networks == 1)
		warn(ws,
		    "all %lld addresses at work are one network, so no incident is confirmed: if it is a provider, [admission] asn_by_prefix",
		    (long long)n->workers);
}

void
warnings_find(struct warnings *ws, const struct status *s, const struct conf *c)
{
	ws->n = 0;
	find_warnings(ws, s);
	find_anchor_warnings(ws, s, c);
	find_system_warnings(ws, &s->network, c);
	find_payout_warnings(ws, s, c);
}

void
warnings_find_payouts(
    struct warnings *ws, const struct status *s, const struct conf *c)
{
	ws->n = 0;
	find_payout_warnings(ws, s, c);
}
