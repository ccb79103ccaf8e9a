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
	const int64_t version = task + 1;
	struct err e = ERR_INIT;

	must(witness_spot(db, &version, 1, 1000, &e), &e);
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

/* ---- What happens ---- */

enum what { NOTHING, WORD, SAY, ACCUSE, EXPEL, ADMIT, JUDGE };

/* Workers are paid some seconds after they were given something. */
#define AFTER (20 * SECOND)

struct event {
	enum what what;
	int64_t at_ms; /* from T0 */
	int task;
	int who;
	int network;
	bool up;
};

#define WORD_AT(witness, at, is_up) \
	((struct event){ WORD, (at), 0, (witness), 0, (is_up) })
#define SAYS(worker, from, at, is_up) \
	((struct event){ SAY, (at), 0, (worker), (from), (is_up) })
#define DOES(does, whom, at) \
	((struct event){ (does), (at), 0, (whom), 0, false })
#define NO_EVENT ((struct event){ NOTHING, 0, 0, 0, 0, false })

static inline void
accuse_freely(struct world *w, int who, int64_t at_ms)
{
	struct person *p = &w->people[who];

	ledger_accuse(who, at_ms);
	p->held = true;
	p->demotions++;
	p->demoted_ms = at_ms;
}

static inline void
happen(struct world *w, const struct event *v)
{
	const int64_t at_ms = T0 + v->at_ms;

	switch (v->what) {
	case NOTHING:
		break;
	case WORD:
		saw(w, v->task, v->who, at_ms, v->up);
		break;
	case SAY:
		say(w, v->task, v->who, v->network, at_ms, at_ms + AFTER,
		    v->up);
		break;
	case ACCUSE:
		accuse_freely(w, v->who, at_ms);
		break;
	case EXPEL:
		expel(w, v->who, at_ms);
		break;
	case ADMIT:
		admit(w, v->who, at_ms);
		break;
	case JUDGE:
		judge(w, at_ms, v->who == 0 ? 100 : v->who);
		break;
	}
}

/* Each place has one of some events. */
struct script {
	struct {
		struct event events[8];
		int n;
	} places[60];
	int n;
};

static inline void
script_add(struct script *s, const struct event *events, int n)
{
	CHECK(s->n < 60 && n <= 8);
	memcpy(s->places[s->n].events, events, (size_t)n * sizeof(*events));
	s->places[s->n++].n = n;
}

#define ADD(script, ...)                                            \
	script_add((script), (const struct event[]){ __VA_ARGS__ }, \
	    (int)(sizeof((const struct event[]){ __VA_ARGS__ }) /   \
		sizeof(struct event)))

/* Words of the first witness that say the same, a minute apart. */
static inline void
script_add_words(struct script *s, int64_t at_ms, int n, bool up)
{
	int i;

	for (i = 0; i < n; i++)
		ADD(s, WORD_AT(0, at_ms + i * MINUTE, up));
}

/* All ways in which each place has one of its events. */
static inline void
script_try(struct world *w, const struct script *s, int from)
{
	const struct world was = *w;
	int i;

	if (from == s->n)
		return;
	for (i = 0; i < s->places[from].n; i++) {
		step_into();
		happen(w, &s->places[from].events[i]);
		script_try(w, s, from + 1);
		step_back(w, &was);
	}
}

static inline void
script_run(const struct script *s)
{
	struct world w;

	world_begin(&w);
	script_try(&w, s, 0);
	world_end();
}

#endif
