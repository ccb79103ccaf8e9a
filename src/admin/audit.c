/* worknet audit: runs the audit of the ledger and prints what it found. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/known.h"
#include "base/clock.h"
#include "eth/hex.h"
#include "ledger/audit.h"
#include "publish/compare.h"

#define FINDINGS_MAX 20 /* of one rule that are listed */

static const struct out_column finding_columns[] = {
	{ "rule", "RULE", OUT_TEXT },
	{ "text", "FINDING", OUT_BAD },
};

static void
on_finding(void *ctx, enum audit_rule rule, const char *text)
{
	struct admin *a = ctx;

	out_row(a->out,
	    (struct out_value[]){
		out_text(audit_rule_name(rule)), out_text(text) });
}

static void
on_progress(void *ctx, const char *stage, int64_t done, int64_t total)
{
	(void)ctx;
	admin_progress(stage, done, total);
}

static bool
are_signatures_asked(const struct admin *a)
{
	return a->args.opt[OPT_SIGNATURES] != NULL ||
	    a->args.opt[OPT_KNOWN] != NULL;
}

static bool
is_asked(const struct admin *a, enum audit_rule rule)
{
	return (rule != AUDIT_SIGNATURE || are_signatures_asked(a)) &&
	    (rule != AUDIT_LOG || a->args.opt[OPT_LOG] != NULL);
}

static void
print_rules(struct admin *a, const struct audit_report *r)
{
	static const struct out_column columns[] = {
		{ "rule", "RULE", OUT_TEXT },
		{ "checked", "CHECKED", OUT_COUNT },
		{ "found", "FOUND", OUT_COUNT },
		{ "meaning", "WHAT HOLDS WHEN NOTHING IS FOUND", OUT_TEXT },
	};
	enum audit_rule i;

	out_note(a->out, "%s", "");
	out_table(a->out, "rules", NULL, columns, 4);
	for (i = 0; i < AUDIT_RULES; i++)
		if (is_asked(a, i))
			out_row(a->out,
			    (struct out_value[]){ out_text(audit_rule_name(i)),
				out_int(r->checked[i]), out_int(r->found[i]),
				out_text(audit_rule_meaning(i)) });
	out_table_end(a->out, "");
}

static void
print_report(struct admin *a, const struct audit_report *r, bool signatures,
    int64_t took_ms)
{
	char hash[HEX_SIZE(KECCAK256_LEN)];

	hex_encode(hash, r->newest.hash, sizeof(r->newest.hash));
	print_rules(a, r);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "clean", NULL, OUT_BOOL, out_int(r->findings == 0) },
		{ "findingsTotal", NULL, OUT_COUNT, out_int(r->findings) },
		{ "ledgerId", NULL, OUT_TEXT, out_text(r->ledger_id) },
		{ "results", NULL, OUT_COUNT, out_int(r->results) },
		{ "newestTransfer", NULL, OUT_COUNT,
		    out_int(r->newest.last_id) },
		{ "newestHash", NULL, OUT_TEXT, out_text(hash) },
		{ "tookMs", NULL, OUT_SPAN, out_int(took_ms) }, OUT_END });
	out_note(a->out,
	    "\n%" PRId64 " results and %" PRId64 " transfers in %" PRId64
	    ".%03d s%s; ledger %s\nnewest transfer %" PRId64 ", hash %s",
	    r->results, r->newest.last_id, took_ms / 1000,
	    (int)(took_ms % 1000),
	    signatures ? "" : ", signatures not verified (--signatures)",
	    r->ledger_id, r->newest.last_id, hash);
	if (r->findings == 0)
		out_note(a->out, "clean");
	else
		out_note(a->out, "%" PRId64 " findings", r->findings);
}

struct in_log {
	struct admin *a;
	struct audit_report *report;
};

static void
on_log_finding(void *ctx, const char *text)
{
	struct in_log *l = ctx;

	l->report->findings++;
	if (++l->report->found[AUDIT_LOG] <= FINDINGS_MAX)
		on_finding(l->a, AUDIT_LOG, text);
}

/* What was published, beside the ledger. */
static enum rc
log_compare(struct admin *a, struct audit_report *report, struct err *e)
{
	struct in_log in = { a, report };
	const struct compare_wanted w = { .directory = a->args.opt[OPT_LOG],
		.state_directory = a->conf.log_state_directory,
		.ledger_path = a->conf.ledger_path,
		.busy_timeout_ms = a->conf.busy_timeout_ms,
		.found = on_log_finding,
		.ctx = &in };
	struct compare_report r;
	enum rc rc;

	admin_progress("log", 0, 0);
	rc = compare_log(&w, &r, e);
	report->checked[AUDIT_LOG] = r.results + r.drills + r.payouts;
	if (rc != RC_INVALID && rc != RC_CORRUPT)
		return rc;
	on_log_finding(&in, e->msg); /* and what comes after it isn't known */
	return RC_OK;
}

enum admin_exit
command_audit(struct admin *a)
{
	struct audit_options o = { .findings_max = FINDINGS_MAX,
		.finding = on_finding,
		.ctx = a,
		.progress = on_progress,
		.signatures = are_signatures_asked(a) };
	const char *known_path = a->args.opt[OPT_KNOWN];
	struct audit_known known;
	struct audit_report report;
	struct err e = ERR_INIT;
	enum admin_exit code;
	int64_t start_ms;
	enum rc rc = RC_OK;

	code = admin_configure(a);
	if (code != ADMIN_OK)
		return code;
	o.path = a->conf.ledger_path;
	o.busy_timeout_ms = a->conf.busy_timeout_ms;
	o.max_reward_micros = a->conf.payout_max_reward_micros;
	o.max_day_micros = a->conf.payout_max_per_worker_day_micros;
	start_ms = clock_monotonic_ms();
	if (known_path != NULL) {
		rc = known_read(&known, known_path, &e);
		o.known = &known;
	}
	if (rc != RC_OK)
		return admin_say(ADMIN_UNUSABLE, &e);
	out_table(a->out, "findings", NULL, finding_columns, 2);
	rc = audit_run(&o, &report, &e);
	if (rc == RC_OK && known_path != NULL &&
	    known.transfer == report.newest.last_id)
		rc = known_write(&known, known_path, &e);
	if (rc == RC_OK && a->args.opt[OPT_LOG] != NULL)
		rc = log_compare(a, &report, &e);
	admin_progress_end();
	if (rc != RC_OK)
		return admin_say(ADMIN_UNUSABLE, &e);
	out_table_end(a->out, "nothing is off");
	print_report(a, &report, o.signatures, clock_monotonic_ms() - start_ms);
	a->stands = true;
	return report.findings == 0 ? ADMIN_OK : ADMIN_REFUSED;
}
