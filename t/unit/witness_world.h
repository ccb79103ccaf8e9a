/*
 * Witnesses in a small world: what the ledger's own functions make of what is
 * reported, and beside it a slow, plain statement of the rule of witness.h
 * (witness_rule.h), which shares nothing with them but the reports. Whatever is
 * done is done to both.
 */
#ifndef WORKNET_T_WITNESS_WORLD_H
#define WORKNET_T_WITNESS_WORLD_H

#include "ledger/witness.h"
#include "t/unit/witness_rule.h"

/* ---- What is done to both ---- */

/* Witnesses are asked by chance; one of them goes there. */
static inline void
spot(struct world *w, int task)
{
	struct err e = ERR_INIT;

	must(witness_spot(db, task + 1, 1000, &e), &e);
	rule_ask(w, task);
}

static inline void
went(struct world *w, int task)
{
	struct query *q = db_query(db, Q_WATCH_GIVEN);

	query_int(q, 1, task + 1);
	check(query_run(q, NULL));
	w->asked[task] = false;
}

/* What it reports. */
static inline void
saw(struct world *w, int task, int witness, int64_t at_ms, bool up)
{
	const int who = WORKERS + witness;
	const struct word a = { task, who, ++w->slots, at_ms, up, OPEN };
	const struct report r = { .slot = a.slot,
		.worker = worker_ids[who],
		.network = slice_of(""),
		.version = task + 1,
		.assigned_ms = at_ms - SECOND,
		.up = up };
	struct query *q = db_query(db, Q_WITNESS_SLOT_INSERT);
	struct err e = ERR_INIT;

	query_int(q, 1, a.slot);
	query_int(q, 2, worker_ids[who]);
	query_int(q, 3, task + 1);
	query_int(q, 4, at_ms - SECOND);
	check(query_run(q, NULL));
	must(witness_saw(db, &r, at_ms, &e), &e);
	rule_saw(w, &a);
}

/* What a worker reports; network ALONE is none. */
static inline void
say(struct world *w, int task, int who, int network, int64_t assigned_ms,
    int64_t paid_ms, bool up)
{
	const struct saying s = { task, who, ++w->slots,
		network == ALONE ? ALONE + who : network, assigned_ms, paid_ms,
		paid_ms + NEAR, up, OPEN };
	struct report r = { .slot = s.slot,
		.worker = worker_ids[who],
		.version = task + 1,
		.assigned_ms = assigned_ms,
		.up = up };
	struct err e = ERR_INIT;
	char name[16] = "";

	if (network != ALONE)
		(void)snprintf(name, sizeof(name), "n%d", network);
	r.network = slice_of(name);
	must(witness_compare(db, &r, paid_ms, &e), &e);
	rule_say(w, &s);
}

static inline void
admit(struct world *w, int witness, int64_t at_ms)
{
	struct address a = address_at(WORKERS + witness);
	struct err e = ERR_INIT;

	must(worker_admit(db, &a, 1, true, at_ms, &e), &e);
	if (!rule_is_witness(w, WORKERS + witness))
		w->people[WORKERS + witness].witness_ms = at_ms;
}

static inline void
expel(struct world *w, int witness, int64_t at_ms)
{
	struct address a = address_at(WORKERS + witness);
	struct err e = ERR_INIT;

	must(worker_expel(db, &a, at_ms, &e), &e);
	w->people[WORKERS + witness].witness_ms = 0;
}

/* ---- Comparing ---- */

static inline void
world_tell(const struct world *w)
{
	const struct saying *s;
	const struct word *a;

	for (a = w->words; a < w->words + w->words_n; a++)
		tap_diag("task %d: witness %d at %+" PRId64 " ms: %s: %s",
		    a->task, a->who - WORKERS, (int64_t)(a->at_ms - T0),
		    a->up ? "up" : "down", outcome_names[a->outcome]);
	for (s = w->sayings; s < w->sayings + w->sayings_n; s++)
		tap_diag("task %d: worker %d, network %d at %+" PRId64
			 " to %+" PRId64 " ms: %s: %s",
		    s->task, s->who, s->network, (int64_t)(s->assigned_ms - T0),
		    (int64_t)(s->paid_ms - T0), s->up ? "up" : "down",
		    outcome_names[s->outcome]);
}

static inline void
differs(const struct world *w, const char *what, int64_t n)
{
	if (differences++ > 0)
		return;
	tap_diag("%s differs (%" PRId64 "); by the plain rule:", what, n);
	world_tell(w);
}

/* Which of a worker's was judged next after that one, by when it was given. */
static inline const struct saying *
judged_after(const struct world *w, int who, const struct saying *last)
{
	const struct saying *s, *next = NULL;

	for (s = w->sayings; s < w->sayings + w->sayings_n; s++)
		if (s->who == who && s->outcome != OPEN &&
		    (last == NULL || s->assigned_ms > last->assigned_ms ||
			(s->assigned_ms == last->assigned_ms &&
			    s->slot > last->slot)) &&
		    (next == NULL || s->assigned_ms < next->assigned_ms))
			next = s;
	return next;
}

static inline void
compare_record(const struct world *w, int who)
{
	const struct saying *next = judged_after(w, who, NULL);
	struct query *q = db_query(db, Q_DRILL_RECORD);
	struct err e = ERR_INIT;
	bool row;

	query_int(q, 1, worker_ids[who]);
	query_int(q, 2, 0);
	query_int(q, 3, 0);
	for (;; next = judged_after(w, who, next)) {
		must(query_step(q, &row, &e), &e);
		if (!row || next == NULL)
			break;
		if (!slice_is(
			query_get_text(q, 0), outcome_names[next->outcome]))
			differs(w, "what is judged of worker", who);
	}
	if (row || next != NULL)
		differs(w, "how much is judged of worker", who);
	query_done(q);
}

static inline void
compare_accused(const struct world *w)
{
	int64_t demotions[PEOPLE] = { 0 }, last_ms[PEOPLE] = { 0 };
	struct query *q = db_query(db, Q_AUDIT_DEMOTION);
	struct err e = ERR_INIT;
	bool row;
	int who;

	while (query_step(q, &row, &e) == RC_OK && row)
		for (who = 0; who < PEOPLE; who++)
			if (worker_ids[who] == query_get_int(q, 0)) {
				demotions[who]++;
				last_ms[who] = query_get_int(q, 1);
			}
	query_done(q);
	for (who = 0; who < PEOPLE; who++)
		if (demotions[who] != w->people[who].demotions ||
		    last_ms[who] != w->people[who].demoted_ms)
			differs(w, "who is accused, and when:", who);
}

/* How many of its words are right, and wrong, since it is a witness. */
static inline void
compare_witness(const struct world *w, int who)
{
	struct query *q = db_query(db, Q_WITNESS_RECORD);
	const int64_t since_ms = w->people[who].witness_ms;
	int64_t right = 0, wrong = 0;
	struct err e = ERR_INIT;
	const struct word *a;
	bool row;

	query_int(q, 1, worker_ids[who]);
	query_int(q, 2, 0);
	query_int(q, 3, MINUTE);
	while (query_step(q, &row, &e) == RC_OK && row) {
		wrong += query_get_int(q, 0);
		right += query_get_int(q, 1);
	}
	query_done(q);
	for (a = w->words; a < w->words + w->words_n; a++)
		if (a->who == who && since_ms != 0 &&
		    a->at_ms - SECOND >= since_ms) {
			wrong -= a->outcome == WRONG;
			right -= a->outcome == RIGHT;
		}
	if (right != 0 || wrong != 0)
		differs(w, "what is judged of witness", who);
}

static inline void
compare_admission(const struct world *w, int who)
{
	struct query *q = db_query(db, Q_ADMISSION_WITNESS);
	struct address a = address_at(who);
	char text[ADDRESS_LEN + 1];
	struct err e = ERR_INIT;
	bool is;

	address_format(text, &a, ADDRESS_LOWER);
	query_text(q, 1, slice_of(text));
	must(query_any(q, &is, &e), &e);
	if (is != rule_is_witness(w, who))
		differs(w, "whether it is a witness", who);
}

static inline void
compare_asked(const struct world *w)
{
	struct query *q = db_query(db, Q_WATCH_DUE);
	bool asked[TASKS] = { false };
	struct err e = ERR_INIT;
	bool row;
	int task;

	query_text(q, 1, slice_of(""));
	query_int(q, 2, TASKS);
	while (query_step(q, &row, &e) == RC_OK && row)
		asked[query_get_int(q, C_WATCH_DUE_TASK) - 1] = true;
	query_done(q);
	for (task = 0; task < TASKS; task++)
		if (asked[task] != w->asked[task])
			differs(
			    w, "whether witnesses are asked, of task", task);
}

static inline void
compare(const struct world *w)
{
	bool spoke[PEOPLE] = { false };
	int who, i;

	compared++;
	for (i = 0; i < w->sayings_n; i++)
		spoke[w->sayings[i].who] = true;
	for (who = 0; who < WORKERS; who++)
		if (spoke[who])
			compare_record(w, who);
	compare_accused(w);
	for (who = WORKERS; who < PEOPLE; who++) {
		compare_witness(w, who);
		compare_admission(w, who);
	}
	compare_asked(w);
}

static inline void
judge(struct world *w, int64_t now_ms, int max)
{
	struct err e = ERR_INIT;

	must(witness_judge(db, &rules, now_ms, max, &e), &e);
	rule_judge(w, now_ms, max);
	compare(w);
}

static inline void
step_back(struct world *w, const struct world *was)
{
	ledger_step_back();
	*w = *was;
}

/* ---- Its beginning ---- */

static inline void
world_begin(struct world *w)
{
	struct task_definition d;
	struct err e = ERR_INIT;
	char name[8];
	int i;

	*w = (struct world){ .slots = 0 };
	ledger_begin();
	task_defaults(&d);
	(void)snprintf(d.url, sizeof(d.url), "https://example.org/");
	d.interval_ms = INTERVAL;
	for (i = 0; i < TASKS; i++) {
		(void)snprintf(name, sizeof(name), "task%d", i);
		must(task_add(db, name, &d, T0 - 2 * DAY_MS, &e), &e);
	}
	for (i = 0; i < WITNESSES; i++)
		admit(w, i, T0 - 2 * DAY_MS);
	/* They report nothing of what they weren't asked about. */
	for (i = 0; i < FRESH; i++) {
		spot(w, i);
		went(w, i);
	}
}

#endif
