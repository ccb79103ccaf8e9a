/* Verifies what export made: needs neither ledger nor configuration. */
#include "proof/verify.h"

#include <inttypes.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/figures.h"
#include "admin/value.h"
#include "base/text.h"

static enum rc
wanted_take(const struct admin *a, struct verify_wanted *w, struct err *e)
{
	const char *from = a->args.opt[OPT_FROM], *to = a->args.opt[OPT_TO];
	const char *slot = a->args.opt[OPT_RESULT];
	enum rc rc;

	rc = slot == NULL ? RC_OK
			  : value_parse_int(&w->slot, "--result", slot, e);
	if (rc == RC_OK && slot != NULL && w->slot == 0)
		rc = err_set(e, RC_INVALID, "--result: at least 1");
	if (rc != RC_OK)
		return rc;
	if (from == NULL && to == NULL)
		return RC_OK;
	if (from == NULL || to == NULL)
		return err_set(e, RC_INVALID, "--from and --to go together");
	rc = value_parse_time(&w->from, "--from", from, e);
	if (rc == RC_OK)
		rc = value_parse_time(&w->to, "--to", to, e);
	if (rc == RC_OK && w->from >= w->to)
		rc = err_set(e, RC_INVALID, "--from: it isn't before --to");
	return rc;
}

static void
print_same(struct out *o, const struct verify_report *r)
{
	if (r->other_size != LEAF_NONE)
		out_note(o,
		    "  the other checkpoint is of the same log: one of the two continues the other");
}

/* What a reader may rely on now, and on what not. */
static void
print_words(struct out *o, const struct verify_report *r, bool trusted)
{
	char age[TEXT_AGE_MAX];

	out_note(o, "\nProven, by the keys of %s:",
	    trusted ? "the policy that you gave"
		    : "the policy in the export, which nobody vouches for");
	if (r->is_one_proof) {
		out_note(o, "  the log has this leaf");
		print_same(o, r);
		return;
	}
	out_note(o,
	    "  the log has these definitions and these hours, and none between them is left out\n"
	    "  each slot of the task's schedule in these hours has its line");
	if (r->is_private && !r->is_sealed)
		out_note(o,
		    "  these definitions, name and URL are what the log has salted hashes of");
	if (!r->is_sealed)
		out_note(o,
		    "  each result is signed by its worker: task, worker, time, success");
	out_note(o,
	    "  the uptime follows from these results, and from maintenance that was logged before it began\n"
	    "  what is told as a drill is one by the key of its day");
	if (r->in_rounds > 0 && !r->is_sealed)
		out_note(o,
		    "  those signed in rounds also: URL, status, duration, error, slot, and that they are newer than the log they name");
	if (r->anchor_ms >= 0) {
		text_age(age, r->anchor_ms);
		out_note(o,
		    "  its newest hour was over for at most %s when their slots were given",
		    age);
	}
	if (r->witnesses > 0 || r->stamps > 0)
		out_note(o,
		    "  all of it was there when the first of those witnesses or authorities saw it");
	print_same(o, r);
	out_note(o, "Not proven:");
	if (r->is_sealed)
		out_note(o,
		    "  which target it was, and that workers signed these results: the export has no opening");
	else if (r->targets > 1)
		out_note(o,
		    "  that this URL was checked all the time: it is the last of %" PRId64
		    " URLs, or statuses, of these hours",
		    r->targets);
	if (r->anchor_old > 0)
		out_note(o,
		    "  that %" PRId64
		    " of those in rounds were signed about when they say: the log that they name had no hour, or only one that was over for more than three",
		    r->anchor_old);
	if (r->witnesses == 0)
		out_note(o,
		    "  that others are shown the same log: no witness has cosigned it");
	out_note(o,
	    "  status, duration and error of results signed by eip191: the operator's word\n"
	    "  that a worker really fetched what it signed\n"
	    "  that nothing was held back before an hour was logged: it counts as missed, or refused\n"
	    "  that all drills are told, and of a late key that they were drills");
	if (r->witnesses == 0 && r->stamps == 0)
		out_note(o,
		    "  when a leaf was logged: the order of the leaves and the operator's clock say it");
}

static struct out_value
figure(int64_t ppm)
{
	return out_if(ppm != UPTIME_NO_FIGURE, out_int(ppm));
}

static void
print_uptime(struct out *o, const struct verify_report *r)
{
	const struct uptime_figures *f = &r->figures;
	const struct uptime_time *t = &r->time;

	out_fields(o,
	    (const struct out_field[]){
		{ "method", "method", OUT_TEXT, out_text(UPTIME_METHOD) },
		{ "countedFrom", "counted from", OUT_TIME,
		    out_int(r->counted_from) },
		{ "countedTo", "counted to", OUT_TIME, out_int(r->counted_to) },
		{ "upMs", NULL, OUT_SPAN, out_int(t->up) },
		{ "downMs", "down", OUT_SPAN, out_int(t->down) },
		{ "unconfirmedMs", NULL, OUT_SPAN, out_int(t->unconfirmed) },
		{ "unknownMs", "unknown", OUT_SPAN, out_int(t->unknown) },
		{ "disputedMs", NULL, OUT_SPAN, out_int(t->disputed) },
		{ "pausedMs", NULL, OUT_SPAN, out_int(t->paused) },
		{ "maintenanceMs", "maintenance", OUT_SPAN,
		    out_int(t->maintenance) },
		{ "maintenances", NULL, OUT_COUNT, out_int(r->maintenances) },
		{ "incidents", "incidents", OUT_COUNT, out_int(r->incidents) },
		{ "availabilityPpm", NULL, OUT_COUNT, figure(f->availability) },
		{ "strictPpm", NULL, OUT_COUNT, figure(f->strict) },
		{ "atLeastPpm", NULL, OUT_COUNT, figure(f->at_least) },
		{ "atMostPpm", NULL, OUT_COUNT, figure(f->at_most) },
		{ "coveragePpm", NULL, OUT_COUNT, figure(f->coverage) },
		OUT_END });
	figures_say(o, "availability", f);
}

static void
print_other(struct out *o, const struct verify_report *r)
{
	if (r->other_size != LEAF_NONE)
		out_field(o, "otherSize", "leaves in the other one", OUT_COUNT,
		    out_int(r->other_size));
}

static void
print_report(struct out *o, const struct verify_report *r)
{
	const bool is_task = !r->is_one_proof;

	out_fields(o,
	    (const struct out_field[]){
		{ "verified", NULL, OUT_BOOL, out_int(true) },
		{ "log", "log", OUT_TEXT, out_text(r->origin) },
		{ "size", "leaves in it", OUT_COUNT, out_int(r->size) },
		{ "witnesses", "witnesses", OUT_COUNT, out_int(r->witnesses) },
		{ "firstSeen", "first seen by one", OUT_TIME,
		    out_if(r->witnesses > 0, out_int(r->first_s * 1000)) },
		{ "timestamps", "timestamps", OUT_COUNT, out_int(r->stamps) },
		{ "firstStamped", "first stamped", OUT_TIME,
		    out_if(r->stamps > 0, out_int(r->stamped_s * 1000)) },
		OUT_END });
	if (!is_task) {
		print_other(o, r);
		return;
	}
	out_fields(o,
	    (const struct out_field[]){
		{ "task", "task", OUT_TEXT, out_text(r->task) },
		{ "private", NULL, OUT_BOOL, out_int(r->is_private) },
		{ "url", "url", OUT_TEXT,
		    out_if(!r->is_sealed, out_text(r->url)) },
		{ "targets", NULL, OUT_COUNT,
		    out_if(!r->is_sealed, out_int(r->targets)) },
		{ "definitions", "definitions", OUT_COUNT,
		    out_int(r->definitions) },
		{ "segments", "segments", OUT_COUNT, out_int(r->segments) },
		{ "from", "from", OUT_TIME,
		    out_if(r->segments > 0, out_int(r->from)) },
		{ "to", "to", OUT_TIME,
		    out_if(r->segments > 0, out_int(r->to)) },
		{ "withinMs", "of a slot's time is its result's within",
		    OUT_SPAN, out_int(r->within) },
		{ "lines", "slots", OUT_COUNT, out_int(r->lines) },
		{ "results", "signed results", OUT_COUNT, out_int(r->results) },
		{ "inRounds", "of them signed in rounds", OUT_COUNT,
		    out_int(r->in_rounds) },
		{ "anchorMs", "the log that they name is older by at most",
		    OUT_SPAN,
		    out_if(r->anchor_ms >= 0, out_int(r->anchor_ms)) },
		{ "anchorOld", "by more than three hours, or unknown",
		    OUT_COUNT, out_int(r->anchor_old) },
		{ "successes", "of them up", OUT_COUNT, out_int(r->successes) },
		{ "missed", "missed", OUT_COUNT, out_int(r->missed) },
		{ "refused", "refused", OUT_COUNT, out_int(r->refused) },
		{ "unassigned", "unassigned", OUT_COUNT,
		    out_int(r->unassigned) },
		{ "extra", "beside the schedule", OUT_COUNT,
		    out_int(r->extra) },
		{ "drills", "drills besides", OUT_COUNT, out_int(r->drills) },
		{ "drillsRight", "answered rightly", OUT_COUNT,
		    out_int(r->drills_right) },
		{ "drillsLate", "of a late key", OUT_COUNT,
		    out_int(r->drills_late) },
		OUT_END });
	if (r->segments > 0)
		print_uptime(o, r);
	print_other(o, r);
	if (r->line[0] != '\0')
		out_fields(o,
		    (const struct out_field[]){
			{ "resultLeaf", "the slot's file is of leaf", OUT_COUNT,
			    out_int(r->line_leaf) },
			{ "result", "and has", OUT_TEXT, out_text(r->line) },
			OUT_END });
}

/* A checkpoint, which whoever is told of the fork can check. */
static enum rc
print_evidence(struct out *o, const char *key, const char *file, struct err *e)
{
	struct slice rest, line;
	struct buf note;
	enum rc rc;

	buf_init(&note, NOTE_MAX);
	rc = buf_read_file(&note, file, e);
	if (rc == RC_OK) {
		out_field(o, key, NULL, OUT_TEXT,
		    out_slice((struct slice){ note.p, note.len }));
		out_note(o, "%s:", file);
		rest = (struct slice){ note.p, note.len };
		while (slice_line(&rest, &line))
			out_note(o, "%.*s", (int)line.len, line.p);
	}
	buf_free(&note);
	return rc;
}

static enum admin_exit
print_fork(struct admin *a, const struct verify_report *r, const struct err *e)
{
	struct err other = ERR_INIT;
	enum rc rc;

	out_field(a->out, "verified", NULL, OUT_BOOL, out_int(false));
	rc = print_evidence(a->out, "checkpoint", r->forked[0], &other);
	if (rc == RC_OK)
		rc = print_evidence(
		    a->out, "otherCheckpoint", r->forked[1], &other);
	if (rc != RC_OK)
		return admin_fail(rc, &other);
	a->stands = true;
	return admin_say(ADMIN_REFUSED, e);
}

enum admin_exit
command_verify(struct admin *a)
{
	struct verify_wanted w = { .path = a->args.arg[0],
		.same_log = a->args.opt[OPT_SAME_LOG] };
	struct verify_report r;
	struct err e = ERR_INIT;
	struct buf policy;
	enum rc rc;

	if (wanted_take(a, &w, &e) != RC_OK)
		return admin_usage(a, &e);
	buf_init(&policy, POLICY_MAX);
	if (a->args.opt[OPT_POLICY] != NULL &&
	    buf_read_file(&policy, a->args.opt[OPT_POLICY], &e) != RC_OK) {
		buf_free(&policy);
		return admin_say(ADMIN_REFUSED, &e);
	}
	if (a->args.opt[OPT_POLICY] != NULL)
		w.policy = (struct slice){ policy.p == NULL ? "" : policy.p,
			policy.len };
	admin_progress("verifying", 0, 0);
	rc = verify_export(&w, &r, &e);
	admin_progress_end();
	if (rc == RC_OK) {
		print_report(a->out, &r);
		print_words(a->out, &r, w.policy.p != NULL);
	}
	buf_free(&policy);
	if (rc == RC_OK)
		return ADMIN_OK;
	if (rc == RC_CONFLICT)
		return print_fork(a, &r, &e);
	return admin_say(rc == RC_INVALID ? ADMIN_REFUSED : ADMIN_UNUSABLE, &e);
}
