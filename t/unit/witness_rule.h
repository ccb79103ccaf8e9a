/*
 * The rule of witness.h, said slowly and plainly of a small world: what follows
 * from what witnesses and workers have said, and whom witnesses are to visit.
 * Nothing of the ledger is in it.
 */
#ifndef WORKNET_T_WITNESS_RULE_H
#define WORKNET_T_WITNESS_RULE_H

#include "t/unit/small_world.h"

#define NEAR	  (30 * MINUTE)
#define RUN	  4
#define INTERVAL  MINUTE
#define TASKS	  3
#define FRESH	  2 /* the last task: witnesses weren't asked about it yet */
#define WITNESSES 3 /* the last of the people */
#define WORKERS	  (PEOPLE - WITNESSES)
#define WORDS_MAX 240
#define ALONE	  100 /* a network of one's own */

enum outcome { OPEN, RIGHT, WRONG, VOID };

static const char *const outcome_names[] = { "", "right", "wrong", "void" };

/* Of a witness. */
struct word {
	int task;
	int who;
	int slot;
	int64_t at_ms;
	bool up;
	enum outcome outcome;
};

/* Of a worker, where it is noted. */
struct saying {
	int task;
	int who;
	int slot;
	int network;
	int64_t assigned_ms;
	int64_t paid_ms;
	int64_t due_ms;
	bool up;
	enum outcome outcome;
};

struct person {
	int64_t witness_ms; /* since when it is one; 0: it isn't */
	bool held;
	int demotions;
	int64_t demoted_ms; /* last */
};

struct world {
	struct word words[WORDS_MAX];
	int words_n;
	struct saying sayings[WORDS_MAX];
	int sayings_n;
	int slots;
	struct person people[PEOPLE];
	bool asked[TASKS]; /* witnesses, to visit it */
};

/* An outage: from the first report of anybody that says down to the last. */
struct outage {
	int64_t up_ms; /* the last word before it */
	int64_t from_ms;
	int64_t to_ms;
};

/* ---- The rule, plainly: what witnesses saw ---- */

static inline bool
rule_is_witness(const struct world *w, int who)
{
	return w->people[who].witness_ms != 0;
}

static inline bool
rule_has_vote(const struct world *w, int who)
{
	return !(w->people[who].held && w->people[who].demotions > 0);
}

/* The words of those who are witnesses, in order. */
static inline int
rule_words(const struct world *w, int task, int64_t from_ms, int64_t to_ms,
    const struct word **out)
{
	const struct word *a;
	int n = 0, i;

	for (a = w->words; a < w->words + w->words_n; a++) {
		if (a->task != task || a->at_ms < from_ms || a->at_ms > to_ms ||
		    !rule_is_witness(w, a->who))
			continue;
		for (i = n++; i > 0 && out[i - 1]->at_ms > a->at_ms; i--)
			out[i] = out[i - 1];
		out[i] = a;
	}
	return n;
}

/* The length of the run that begins there. */
static inline int
rule_run(const struct word *const *words, int n)
{
	int i = 1;

	while (i < n && words[i]->up == words[0]->up)
		i++;
	return i;
}

/* Whether one of n words lies there. */
static inline bool
rule_one_is(
    const struct word *const *words, int n, int64_t from_ms, int64_t to_ms)
{
	int i;

	for (i = 0; i < n; i++)
		if (words[i]->at_ms >= from_ms && words[i]->at_ms <= to_ms)
			return true;
	return false;
}

/* Of n words in a row, whether two witnesses said down, or all are of one. */
static inline bool
rule_agree(const struct word *const *words, int n)
{
	bool said[PEOPLE] = { false }, down[PEOPLE] = { false };
	int i, all = 0, downs = 0;

	for (i = 0; i < n; i++) {
		said[words[i]->who] = true;
		down[words[i]->who] |= !words[i]->up;
	}
	for (i = 0; i < PEOPLE; i++) {
		all += said[i];
		downs += down[i];
	}
	return all == 1 || downs >= 2;
}

/* Whether witnesses saw an outage around it, from *from_ms to *to_ms. */
static inline bool
rule_sees(const struct world *w, const struct saying *s, int64_t *from_ms,
    int64_t *to_ms)
{
	const struct word *words[WORDS_MAX];
	const int n = rule_words(
	    w, s->task, s->assigned_ms - DAY_MS, s->paid_ms + NEAR, words);
	int first, len, before = 0, longs = 0, shorts = 0;
	bool found = false, is_it;

	for (first = 0; first < n; first += len, before = len) {
		len = rule_run(words + first, n - first);
		is_it = !words[first]->up &&
		    rule_one_is(words + first, len, s->assigned_ms - NEAR,
			s->assigned_ms) &&
		    rule_one_is(
			words + first, len, s->paid_ms, s->paid_ms + NEAR);
		/* The oldest may have begun before, the newest may go on. */
		if (first > 0 && (is_it || first + len < n)) {
			shorts += len < RUN;
			longs += !words[first]->up && len >= RUN;
		}
		if (!is_it)
			continue;
		found = len >= RUN && before >= RUN &&
		    rule_agree(words + first - before, before + len);
		*from_ms = words[first]->at_ms;
		*to_ms = words[first + len - 1]->at_ms;
	}
	return found && shorts <= longs;
}

/* ---- What others saw ---- */

/* Those that aren't the worker's network; who is accused has no vote. */
static inline bool
rule_others(const struct world *w, const struct saying *s, int64_t from_ms,
    int64_t to_ms)
{
	bool said[2][ALONE + PEOPLE] = { { false } };
	const struct saying *a;
	int i, downs = 0, ups = 0;

	for (a = w->sayings; a < w->sayings + w->sayings_n; a++)
		if (a->task == s->task && a->who != s->who &&
		    a->network != s->network && a->assigned_ms >= from_ms &&
		    a->assigned_ms <= to_ms && rule_has_vote(w, a->who))
			said[a->up][a->network] = true;
	for (i = 0; i < ALONE + PEOPLE; i++) {
		downs += said[false][i];
		ups += said[true][i];
	}
	return downs >= 2 && downs > ups;
}

/* The outage of the task at that time, between two words that say up. */
static inline void
rule_outage(const struct world *w, int task, int64_t at_ms, struct outage *o)
{
	const struct word *words[WORDS_MAX];
	const struct saying *s;
	int64_t until_ms = INT64_MAX;
	int i, n = rule_words(w, task, 0, INT64_MAX, words);

	*o = (struct outage){ 0, at_ms, at_ms };
	for (i = 0; i < n; i++)
		if (words[i]->up && words[i]->at_ms <= at_ms)
			o->up_ms = words[i]->at_ms;
		else if (words[i]->up && until_ms == INT64_MAX)
			until_ms = words[i]->at_ms;
	for (i = 0; i < n; i++)
		if (!words[i]->up && words[i]->at_ms > o->up_ms &&
		    words[i]->at_ms < until_ms) {
			if (words[i]->at_ms < o->from_ms)
				o->from_ms = words[i]->at_ms;
			if (words[i]->at_ms > o->to_ms)
				o->to_ms = words[i]->at_ms;
		}
	for (s = w->sayings; s < w->sayings + w->sayings_n; s++)
		if (s->task == task && !s->up && s->assigned_ms > o->up_ms &&
		    s->assigned_ms < until_ms) {
			if (s->assigned_ms < o->from_ms)
				o->from_ms = s->assigned_ms;
			if (s->assigned_ms > o->to_ms)
				o->to_ms = s->assigned_ms;
		}
}

/* Whether the worker was judged in one that may be the same trouble. */
static inline bool
rule_was_judged(const struct world *w, const struct saying *s)
{
	const struct saying *a;
	struct outage this, other;

	rule_outage(w, s->task, s->assigned_ms, &this);
	for (a = w->sayings; a < w->sayings + w->sayings_n; a++) {
		if (a->who != s->who ||
		    (a->outcome != RIGHT && a->outcome != WRONG) ||
		    a->assigned_ms < this.up_ms - DAY_MS)
			continue;
		rule_outage(w, a->task, a->assigned_ms, &other);
		if (other.from_ms <= this.to_ms && this.from_ms <= other.to_ms)
			return true;
	}
	return false;
}

/* ---- What follows for a worker ---- */

/* Wald's test of what was judged since then. */
static inline bool
rule_condemns(const struct world *w, int who, int64_t since_ms)
{
	bool done[WORDS_MAX] = { false };
	int missed = 0, seen = 0, i, next;

	for (;;) {
		next = -1;
		for (i = 0; i < w->sayings_n; i++)
			if (!done[i] && w->sayings[i].who == who &&
			    w->sayings[i].assigned_ms >= since_ms &&
			    (next < 0 ||
				w->sayings[i].assigned_ms <
				    w->sayings[next].assigned_ms))
				next = i;
		if (next < 0)
			return false;
		done[next] = true;
		missed += w->sayings[next].outcome == WRONG;
		seen += w->sayings[next].outcome == RIGHT;
		if (5521 * missed - 287 * seen >= 13806)
			return true;
		if (287 * seen - 5521 * missed >= 4605)
			missed = seen = 0;
	}
}

static inline void
rule_weigh(struct world *w, int who, int64_t now_ms)
{
	struct person *p = &w->people[who];
	int64_t since_ms = now_ms - DAYS * DAY_MS;

	if (p->demotions > 0 && p->demoted_ms >= since_ms)
		since_ms = p->demoted_ms + 1;
	if (!rule_condemns(w, who, since_ms))
		return;
	p->held = true;
	p->demotions++;
	p->demoted_ms = now_ms;
}

static inline void
rule_decide(struct world *w, struct saying *s, int64_t now_ms)
{
	int64_t from_ms = 0, to_ms = 0;

	s->outcome = VOID;
	if (!rule_sees(w, s, &from_ms, &to_ms) ||
	    !rule_others(w, s, from_ms, to_ms) || rule_was_judged(w, s))
		return;
	s->outcome = s->up ? WRONG : RIGHT;
	if (s->up)
		rule_weigh(w, s->who, now_ms);
}

/* ---- What follows for a witness ---- */

static inline enum outcome
rule_word(const struct world *w, const struct word *a)
{
	bool said[2][ALONE + PEOPLE] = { { false } };
	int i, same = 0, other = 0, downs = 0;

	for (i = 0; i < w->sayings_n; i++)
		if (w->sayings[i].task == a->task &&
		    llabs(w->sayings[i].assigned_ms - a->at_ms) <=
			3 * INTERVAL &&
		    rule_has_vote(w, w->sayings[i].who))
			said[w->sayings[i].up][w->sayings[i].network] = true;
	for (i = 0; i < w->words_n; i++)
		downs += w->words[i].task == a->task && !w->words[i].up &&
		    w->words[i].who != a->who &&
		    llabs(w->words[i].at_ms - a->at_ms) <= 3 * INTERVAL;
	for (i = 0; i < ALONE + PEOPLE; i++) {
		same += said[a->up][i];
		other += said[!a->up][i];
	}
	/* Who says up is noted only where another witness says down. */
	if (same + other < 3 || (a->up && downs == 0))
		return VOID;
	return other >= 3 && other > 2 * same ? WRONG : RIGHT;
}

/* Half hours of the last day of which most words are wrong, and others. */
static inline bool
rule_doubts(const struct world *w, int who, int64_t now_ms)
{
	int64_t span, first = (now_ms - DAY_MS) / NEAR;
	int i, wrong, right, failed = 0, passed = 0;

	for (span = first; span <= now_ms / NEAR; span++) {
		wrong = right = 0;
		for (i = 0; i < w->words_n; i++) {
			if (w->words[i].who != who ||
			    w->words[i].at_ms / NEAR != span ||
			    w->words[i].at_ms < now_ms - DAY_MS ||
			    w->words[i].at_ms - SECOND <
				w->people[who].witness_ms)
				continue;
			wrong += w->words[i].outcome == WRONG;
			right += w->words[i].outcome == RIGHT;
		}
		failed += wrong > right;
		passed += wrong + right > 0 && wrong <= right;
		if (2526 * failed - 267 * passed >= 13806)
			return true;
		if (267 * passed - 2526 * failed >= 4605)
			failed = passed = 0;
	}
	return false;
}

/* ---- All of it ---- */

/* The first that is due, or NULL. */
static inline struct saying *
rule_due(struct world *w, int64_t now_ms)
{
	struct saying *s, *due = NULL;

	for (s = w->sayings; s < w->sayings + w->sayings_n; s++)
		if (s->outcome == OPEN && s->due_ms <= now_ms &&
		    (due == NULL || s->due_ms < due->due_ms))
			due = s;
	return due;
}

static inline struct word *
rule_word_due(struct world *w, int64_t now_ms)
{
	struct word *a, *due = NULL;

	for (a = w->words; a < w->words + w->words_n; a++)
		if (a->outcome == OPEN && a->at_ms <= now_ms - NEAR &&
		    (due == NULL || a->at_ms < due->at_ms))
			due = a;
	return due;
}

static inline void
rule_judge(struct world *w, int64_t now_ms, int max)
{
	struct saying *s;
	struct word *a;
	int i;

	for (i = 0; i < max && (s = rule_due(w, now_ms)) != NULL; i++)
		rule_decide(w, s, now_ms);
	for (i = 0; i < max && (a = rule_word_due(w, now_ms)) != NULL; i++) {
		a->outcome = rule_word(w, a);
		if (a->outcome == WRONG && rule_is_witness(w, a->who) &&
		    rule_doubts(w, a->who, now_ms))
			w->people[a->who].witness_ms = 0;
	}
}

/* The last word of all on the task, or NULL; *run: so many say the same. */
static inline const struct word *
rule_last(const struct world *w, int task, int *run)
{
	const struct word *last = NULL;
	int i;

	*run = 0;
	for (i = w->words_n - 1; i >= 0; i--) {
		if (w->words[i].task != task)
			continue;
		if (last == NULL)
			last = &w->words[i];
		if (w->words[i].up != last->up)
			break;
		++*run;
	}
	return last;
}

static inline void
rule_ask(struct world *w, int task)
{
	int who;

	for (who = 0; who < PEOPLE; who++)
		w->asked[task] |= rule_is_witness(w, who);
}

static inline void
rule_saw(struct world *w, const struct word *a)
{
	struct saying *s;
	int run;

	CHECK(w->words_n < WORDS_MAX);
	w->words[w->words_n++] = *a;
	(void)rule_last(w, a->task, &run);
	if (run < RUN)
		w->asked[a->task] = true;
	if (!a->up || run != RUN)
		return;
	/* The outage is over: whoever spoke of it is judged now. */
	for (s = w->sayings; s < w->sayings + w->sayings_n; s++)
		if (s->task == a->task && s->outcome == OPEN &&
		    s->due_ms > a->at_ms)
			s->due_ms = a->at_ms;
}

static inline void
rule_say(struct world *w, const struct saying *s)
{
	const struct word *last;
	bool seen = false;
	int i, run;

	CHECK(w->sayings_n < WORDS_MAX);
	last = rule_last(w, s->task, &run);
	for (i = 0; i < w->words_n; i++)
		seen |= w->words[i].task == s->task && !w->words[i].up &&
		    w->words[i].at_ms >= s->paid_ms - NEAR;
	if (!s->up || seen)
		w->sayings[w->sayings_n++] = *s;
	if (s->up ? seen && !last->up : last == NULL || last->up)
		rule_ask(w, s->task);
}

#endif
