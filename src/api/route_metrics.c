/*
 * GET /metrics: what was done since the start, as Prometheus reads it (text
 * format 0.0.4). Only for whom the web server calls local: it tells how the
 * coordinator does, and costs a request. Nothing of the ledger is read: worknet
 * metrics has that.
 */
#include <stdio.h>

#include "api/room.h"
#include "base/confine.h"

static void
metric_begin(
    struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
add_process(struct buf *b, const struct api *a, int64_t now_ms)
{
	metric_begin(
	    b, "worknet_build_info", "gauge", "The program's version.");
	buf_printf(
	    b, "worknet_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	metric_begin(b, "worknet_start_time_seconds", "gauge",
	    "When the coordinator was started.");
	buf_printf(b, "worknet_start_time_seconds %lld.%03d\n",
	    (long long)(a->began_ms / 1000), (int)(a->began_ms % 1000));
	metric_begin(b, "worknet_clock_timestamp_seconds", "gauge",
	    "What the coordinator's clock says.");
	buf_printf(b, "worknet_clock_timestamp_seconds %lld.%03d\n",
	    (long long)(now_ms / 1000), (int)(now_ms % 1000));
	metric_begin(b, "worknet_shut_in", "gauge",
	    "What the process is shut in by: Landlock's version, how many system calls seccomp allows; 0: not.");
	buf_printf(b,
	    "worknet_shut_in{layer=\"landlock\"} %d\n"
	    "worknet_shut_in{layer=\"seccomp\"} %d\n",
	    a->config.landlock, a->config.calls);
	metric_begin(b, "worknet_calls_refused_total", "counter",
	    "System calls that seccomp refused: the log says which.");
	buf_printf(b, "worknet_calls_refused_total %lu\n", confine_refused());
}

static void
add_answers(struct buf *b, const struct api_tally *t)
{
	char status[16];
	size_t i, k;

	metric_begin(b, "worknet_requests_total", "counter",
	    "Requests answered, by route and HTTP status.");
	for (i = 0; counts_route(i)[0] != '\0'; i++)
		for (k = 0; k < COUNT_STATUSES; k++) {
			if (t->answers[i][k] == 0 && counts_status(k) != 200 &&
			    counts_status(k) != 503)
				continue;
			(void)snprintf(
			    status, sizeof(status), "%d", counts_status(k));
			buf_printf(b,
			    "worknet_requests_total{route=\"%s\",status=\"%s\"} %llu\n",
			    counts_route(i),
			    counts_status(k) == 0 ? "other" : status,
			    t->answers[i][k]);
		}
}

/* "not assigned" as a label: not_assigned. */
static void
label_make(char *out, size_t size, const char *text)
{
	size_t i;

	(void)snprintf(out, size, "%s", text);
	for (i = 0; out[i] != '\0'; i++)
		if ((out[i] < 'a' || out[i] > 'z') &&
		    (out[i] < '0' || out[i] > '9'))
			out[i] = '_';
}

static void
add_results(struct buf *b, const struct api_tally *t)
{
	char label[REASON_MAX + 1] = "paid";
	int i;

	metric_begin(b, "worknet_polls_total", "counter", "Polls of workers.");
	buf_printf(b, "worknet_polls_total %llu\n", t->polls);
	metric_begin(b, "worknet_polls_elsewhere_total", "counter",
	    "Polls from countries that aren't their region's, which get no task of it.");
	buf_printf(
	    b, "worknet_polls_elsewhere_total %llu\n", t->poll_elsewhere);
	metric_begin(b, "worknet_tasks_given_total", "counter",
	    "Tasks that polls were given.");
	buf_printf(b, "worknet_tasks_given_total %llu\n", t->given);
	metric_begin(b, "worknet_credited_usdc_total", "counter",
	    "What results have earned, in USDC.");
	buf_printf(b, "worknet_credited_usdc_total %llu.%06llu\n",
	    t->micros / 1000000, t->micros % 1000000);
	metric_begin(b, "worknet_results_total", "counter",
	    "Results of workers: paid, or why not.");
	for (i = 0; i < CLAIM_OUTCOMES; i++) {
		if (i == CLAIM_OPEN)
			continue;
		if (i != CLAIM_CREDITED)
			label_make(label, sizeof(label),
			    claim_outcome_text((enum claim_outcome)i));
		buf_printf(b, "worknet_results_total{outcome=\"%s\"} %llu\n",
		    label, t->outcomes[i]);
	}
}

static void
add_commits(struct buf *b, struct writer *w)
{
	static const char name[] = "worknet_commit_duration_seconds";
	uint64_t limit_us = WRITER_COMMIT_LEAST_US, n = 0;
	struct writer_counts c;
	size_t i;

	writer_count(w, &c);
	metric_begin(b, "worknet_commit_jobs_total", "counter",
	    "Jobs that were committed: as many share a commit as wait for it.");
	buf_printf(
	    b, "worknet_commit_jobs_total %llu\n", (unsigned long long)c.jobs);
	metric_begin(b, name, "histogram",
	    "How long a commit took: its sync of the disk, mostly.");
	for (i = 0; i < WRITER_BUCKETS; i++, limit_us *= 2) {
		n += c.buckets[i];
		buf_printf(b, "%s_bucket{le=\"%llu.%04llu\"} %llu\n", name,
		    (unsigned long long)(limit_us / 1000000),
		    (unsigned long long)(limit_us % 1000000 / 100),
		    (unsigned long long)n);
	}
	buf_printf(b,
	    "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %llu.%06llu\n%s_count %llu\n",
	    name, (unsigned long long)c.commits, name,
	    (unsigned long long)(c.commit_us / 1000000),
	    (unsigned long long)(c.commit_us % 1000000), name,
	    (unsigned long long)c.commits);
}

static bool
metrics_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	struct api_tally t;

	(void)db;
	if (!rq->local) {
		respond_error(x, rs, 404, "not found");
		return true;
	}
	counts_read(&t, &x->api->counts);
	rs->type = "text/plain; version=0.0.4";
	add_process(&x->body, x->api, x->now_ms);
	add_answers(&x->body, &t);
	add_results(&x->body, &t);
	add_commits(&x->body, x->api->writer);
	return true;
}

const struct route route_metrics = {
	.path = "/metrics",
	.method = "GET",
	.handle = metrics_handle,
};
