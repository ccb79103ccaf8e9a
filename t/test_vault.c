/*
 * The vault's parts: the gate, against a statement of its rule in other words,
 * for all cases of a small world and all sequences of a few requests; what
 * counts as the past; the journal, whole and spoilt; the sandbox, from inside.
 * vault.t has the process within a payout run.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "eth/hex.h"
#include "tap.h"
#include "vault/past.h"
#include "vault/vault.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW	 1800000000LL
#define HOUR	 3600LL

static char dir[] = "/tmp/worknet-test-vault-XXXXXX";

static const struct address treasury = { { 1 } };
static const struct address token = { { 2 } };
static const struct address zero;

static void
die(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

/* ---- The gate: every case of a small world ---- */

struct world {
	struct gate_rule rule;
	struct gate_request rq;
	struct gate_past past;
};

static int64_t cases, wrong;

static bool
same_address(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* What a signature would add up to, each cap by itself. */
static bool
within_caps(const struct world *w, int64_t amount)
{
	const struct gate_caps *c = &w->rule.caps;
	int64_t of_number = amount;

	if (w->past.has_same && w->past.same_day_micros > amount)
		of_number = w->past.same_day_micros;
	return amount <= c->payout_micros &&
	    w->past.run_micros + amount <= c->run_micros &&
	    w->past.worker_day_micros + of_number <= c->worker_day_micros &&
	    w->past.day_micros + of_number <= c->day_micros;
}

/* Whether the request could be signed if no number were known. */
static bool
is_sound(const struct world *w)
{
	const struct gate_request *rq = &w->rq;
	const struct gate_caps *c = &w->rule.caps;
	int64_t late =
	    rq->now_s > rq->chain_time_s ? rq->now_s : rq->chain_time_s;
	int64_t early = rq->now_s + rq->chain_time_s - late;

	return c->payout_micros > 0 && c->run_micros > 0 &&
	    c->worker_day_micros > 0 && c->day_micros > 0 &&
	    rq->amount_micros > 0 && rq->seq > 0 &&
	    !same_address(&rq->worker, &zero) &&
	    !same_address(&rq->worker, &treasury) &&
	    !same_address(&rq->worker, &token) && late - early <= 600 &&
	    early >= GATE_TIME_MIN_S && late <= GATE_TIME_MAX_S &&
	    rq->final_time_s <= rq->chain_time_s;
}

/* In a final block nobody can settle any more what ended by then. */
static bool
is_dead(const struct world *w, int64_t end_s)
{
	return w->rq.final_time_s > 0 && end_s <= w->rq.final_time_s;
}

static enum gate_reason
expected(const struct world *w)
{
	const struct gate_past *p = &w->past;

	if (!is_sound(w))
		return GATE_REASONS; /* any refusal */
	if (p->has_same && p->same_adopted)
		return GATE_ADOPTED;
	if (p->has_same && !is_dead(w, p->same_end_s))
		return w->rq.amount_micros == p->same_micros &&
			p->same_end_s > w->rq.now_s
		    ? GATE_SAME
		    : GATE_ALIVE;
	if (!p->has_same && p->forgotten_end_s > 0 &&
	    !is_dead(w, p->forgotten_end_s))
		return GATE_FORGOTTEN;
	if (w->rq.adopted)
		return GATE_ADOPTED;
	return within_caps(w, w->rq.amount_micros) ? GATE_SIGN : GATE_REASONS;
}

static bool
end_is_right(const struct world *w, int64_t end_s)
{
	return end_s > w->rq.now_s && end_s > w->rq.chain_time_s &&
	    end_s <= w->rq.chain_time_s + w->rule.validity_s + 600;
}

static void
case_look(const struct world *w)
{
	struct gate_answer a, b;
	enum gate_reason e = expected(w);
	struct world again = *w;
	bool ok;

	cases++;
	gate_decide(&a, &w->rule, &w->rq, &w->past);
	ok = e == GATE_REASONS ? a.reason > GATE_SAME : a.reason == e;
	if (a.reason == GATE_SIGN)
		ok = ok && end_is_right(w, a.end_s);
	if (a.reason == GATE_SAME)
		ok = ok && a.end_s == w->past.same_end_s;
	if (a.reason <= GATE_SAME)
		ok = ok && a.instead_micros == 0;
	if (a.instead_micros != 0) {
		again.rq.amount_micros = a.instead_micros;
		gate_decide(&b, &w->rule, &again.rq, &w->past);
		ok = ok && b.reason <= GATE_SAME;
	}
	if (ok)
		return;
	if (wrong++ < 5)
		tap_diag("got %d, expected %d: amount %" PRId64 " caps %" PRId64
			 " %" PRId64 " %" PRId64 " %" PRId64
			 " instead %" PRId64,
		    (int)a.reason, (int)e, w->rq.amount_micros,
		    w->rule.caps.payout_micros, w->rule.caps.run_micros,
		    w->rule.caps.worker_day_micros, w->rule.caps.day_micros,
		    a.instead_micros);
}

/* ---- The dimensions, one function each ---- */

static void
each_same(struct world *w)
{
	static const int64_t ends[] = { -7200, -100, 0, 1, 1000 };
	size_t i;
	int amount, counted, adopted;

	w->past.has_same = false;
	w->past.same_day_micros = 0;
	case_look(w);
	w->past.has_same = true;
	for (i = 0; i < COUNT(ends); i++)
		for (amount = 1; amount <= 2; amount++)
			for (counted = 0; counted <= amount; counted += amount)
				for (adopted = 0; adopted <= (i == 4);
				     adopted++) {
					w->past.same_end_s = NOW + ends[i];
					w->past.same_micros = amount;
					w->past.same_day_micros = counted;
					w->past.same_adopted = adopted != 0;
					case_look(w);
				}
	w->past.same_adopted = false;
}

static void
each_past(struct world *w)
{
	static const int64_t forgotten[] = { 0, NOW - 200000, NOW - 60 };
	size_t i;
	int run, worker, day;

	for (run = 0; run <= 2; run++)
		for (worker = 0; worker <= 1; worker++)
			for (day = worker; day <= 2; day++)
				for (i = 0; i < COUNT(forgotten); i++) {
					w->past.run_micros = run;
					w->past.worker_day_micros = worker;
					w->past.day_micros = day;
					w->past.forgotten_end_s = forgotten[i];
					each_same(w);
				}
}

static void
each_time(struct world *w)
{
	static const int64_t apart[] = { -601, -600, 0, 600, 601 };
	size_t i;
	int f;

	for (i = 0; i < COUNT(apart); i++)
		for (f = 0; f < 4; f++) {
			w->rq.chain_time_s = NOW + apart[i];
			w->rq.final_time_s = f == 0 ? 0
			    : f == 1		    ? NOW - 1200
			    : f == 2		    ? w->rq.chain_time_s
						    : w->rq.chain_time_s + 1;
			each_past(w);
		}
}

static void
each_request(struct world *w)
{
	int64_t amount;

	for (amount = 0; amount <= 3; amount++) {
		w->rq.amount_micros = amount;
		w->rq.adopted = false;
		each_time(w);
	}
	w->rq.amount_micros = 1;
	w->rq.adopted = true;
	each_time(w);
	w->rq.adopted = false;
}

static void
test_gate_cases(void)
{
	const struct address *const bad[] = { &zero, &treasury, &token };
	struct world w = { .rule = { .validity_s = 3600,
			       .treasury = treasury,
			       .token = token },
		.rq = { .worker = { { 9 } }, .seq = 1, .now_s = NOW } };
	int i;

	/* Each cap is 2 or 3; then each in its turn is none. */
	for (i = 0; i < 16 + 4; i++) {
		w.rule.caps = (struct gate_caps){ 2 + (i & 1), 2 + (i >> 1 & 1),
			2 + (i >> 2 & 1), 2 + (i >> 3 & 1) };
		if (i >= 16)
			(&w.rule.caps.payout_micros)[i - 16] = 0;
		each_request(&w);
	}
	w.rule.caps = (struct gate_caps){ 3, 3, 3, 3 };
	for (i = 0; i < 3; i++) {
		w.rq.worker = *bad[i];
		each_request(&w);
	}
	w.rq.worker = (struct address){ { 9 } };
	w.rq.seq = 0;
	each_request(&w);
	tap_ok(wrong == 0,
	    "in each of %" PRId64 " cases the gate says what the rule says in "
	    "other words",
	    cases);
}

static void
test_gate_times(void)
{
	static const int64_t times[] = { INT64_MIN, -1, 0, 1577836799,
		1577836800, NOW, 4102444800, 4102444801, INT64_MAX };
	struct world w = { .rule = { { 9, 9, 9, 9 }, 3600, treasury, token },
		.rq = { .worker = { { 9 } }, .seq = 1, .amount_micros = 1 } };
	struct gate_answer a;
	size_t i, j, k;
	bool ok = true;

	for (i = 0; i < COUNT(times); i++)
		for (j = 0; j < COUNT(times); j++)
			for (k = 0; k < COUNT(times); k++) {
				w.rq.now_s = times[i];
				w.rq.chain_time_s = times[j];
				w.rq.final_time_s = times[k];
				gate_decide(&a, &w.rule, &w.rq, &w.past);
				if (a.reason == GATE_SIGN)
					ok = ok && i == j && i >= 4 && i <= 6 &&
					    end_is_right(&w, a.end_s);
			}
	tap_ok(ok,
	    "times before 2020, after 2100 and at the ends of what a "
	    "number holds sign nothing");
	w.rq = (struct gate_request){ .worker = { { 9 } },
		.seq = 1,
		.now_s = NOW,
		.chain_time_s = NOW,
		.amount_micros = INT64_MAX };
	w.rule.caps =
	    (struct gate_caps){ INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX };
	gate_decide(&a, &w.rule, &w.rq, &w.past);
	tap_is_int(a.reason, GATE_AMOUNT,
	    "nor does an amount near what a number holds");
	w.rq.amount_micros = 1;
	for (i = 0; i < 4; i++) {
		static const int64_t validities[] = { -1, 0, 604801,
			INT64_MAX };

		w.rule.validity_s = validities[i];
		gate_decide(&a, &w.rule, &w.rq, &w.past);
		ok = ok && a.reason == GATE_TIME;
	}
	tap_ok(ok, "nor does a validity of none, or above a week");
}

/* ---- Sequences ---- */

#define STEPS	 4
#define CHOICES	 (2 * 2 * 3 * 3) /* worker, number, amount, time */
#define DAY_CAP	 4
#define WORK_CAP 3

struct done {
	int64_t at_s, end_s, amount;
	int worker, number;
};

/* The most that what was signed since from can pay, of worker or of all. */
static int64_t
payable(const struct done *d, int n, int64_t from_s, int64_t to_s, int worker)
{
	int64_t most[4] = { 0 };
	int i, key;

	for (i = 0; i < n; i++) {
		key = 2 * d[i].worker + d[i].number;
		if (d[i].at_s <= from_s || d[i].at_s > to_s ||
		    (worker >= 0 && d[i].worker != worker))
			continue;
		if (d[i].amount > most[key])
			most[key] = d[i].amount;
	}
	return most[0] + most[1] + most[2] + most[3];
}

static bool
windows_hold(const struct done *d, int n)
{
	int64_t to, from;
	int i;

	for (i = 0; i < n; i++) {
		to = d[i].at_s;
		from = to - GATE_DAY_S;
		if (payable(d, n, from, to, -1) > DAY_CAP ||
		    payable(d, n, from, to, 0) > WORK_CAP ||
		    payable(d, n, from, to, 1) > WORK_CAP)
			return false;
	}
	return true;
}

/* No number is ever signed twice while the first is alive on the chain. */
static bool
one_alive(const struct done *d, int n, int64_t final_s)
{
	int i;

	for (i = 0; i + 1 < n; i++)
		if (d[i].worker == d[n - 1].worker &&
		    d[i].number == d[n - 1].number && d[i].end_s > final_s)
			return false;
	return true;
}

static bool
sequence_holds(int64_t code)
{
	static const int64_t later[] = { 60, 13 * HOUR, GATE_DAY_S };
	const struct gate_rule rule = { { 3, 99, WORK_CAP, DAY_CAP }, 3600,
		treasury, token };
	struct done d[STEPS];
	struct past *past;
	int64_t now = NOW;
	bool ok = true;
	int i, n = 0;

	if (past_new(&past, NULL) != RC_OK)
		die("past_new", "failed");
	for (i = 0; ok && i < STEPS; i++, code /= CHOICES) {
		int c = (int)(code % CHOICES);
		struct gate_request rq = {
			.worker = { { (uint8_t)(8 + c % 2) } },
			.seq = 1 + c / 2 % 2,
			.amount_micros = 1 + c / 4 % 3
		};
		struct gate_answer a;
		struct gate_past p;

		now += later[c / 12];
		rq.now_s = rq.chain_time_s = now;
		rq.final_time_s = now - 1200;
		past_look(past, &p, &rq.worker, rq.seq, now);
		gate_decide(&a, &rule, &rq, &p);
		if (a.reason != GATE_SIGN)
			continue;
		d[n++] = (struct done){ now, a.end_s, rq.amount_micros, c % 2,
			c / 2 % 2 };
		ok = past_add(past,
			 &(struct journal_entry){ JOURNAL_PAYOUT, now,
			     rq.worker, rq.seq, rq.amount_micros, a.end_s },
			 0, NULL) == RC_OK &&
		    windows_hold(d, n) && one_alive(d, n, now - 1200);
	}
	past_free(past);
	return ok;
}

static void
test_gate_sequences(void)
{
	int64_t code, all = 1, bad = 0;
	int i;

	for (i = 0; i < STEPS; i++)
		all *= CHOICES;
	for (code = 0; code < all; code++)
		if (!sequence_holds(code) && bad++ == 0)
			tap_diag("sequence %" PRId64, code);
	tap_ok(bad == 0,
	    "after each of %" PRId64 " sequences of %d requests no 24 hours "
	    "hold more than the caps, and no number is alive twice",
	    all, STEPS);
}

/* ---- The past ---- */

static void
add(struct past *p, uint8_t who, int64_t number, int64_t amount, int64_t at_s,
    int64_t kept_from_s)
{
	const struct journal_entry entry = { JOURNAL_PAYOUT, at_s, { { who } },
		number, amount, at_s + HOUR };

	if (past_add(p, &entry, kept_from_s, NULL) != RC_OK)
		die("past_add", "failed");
}

static void
test_past_clock(void)
{
	const struct address who = { { 9 } };
	struct gate_past g;
	struct past *p;

	if (past_new(&p, NULL) != RC_OK)
		die("past_new", "failed");
	add(p, 9, 1, 10, NOW, 0);
	past_look(p, &g, &who, 2, NOW + GATE_DAY_S - 1);
	tap_is_int(g.day_micros, 10, "what was signed counts for 24 hours");
	past_look(p, &g, &who, 2, NOW + GATE_DAY_S);
	tap_is_int(g.day_micros, 0, "and no longer");
	past_look(p, &g, &who, 2, NOW - 1000 * GATE_DAY_S);
	tap_is_int(g.day_micros, 10, "with a clock set back it counts again");
	tap_is_int(g.worker_day_micros, 10, "of its payee, too");
	past_look(p, &g, &who, 1, NOW);
	tap_ok(g.day_micros == 0 && g.worker_day_micros == 0 && g.has_same &&
		g.same_micros == 10 && g.same_day_micros == 10,
	    "its own number is told apart");
	past_free(p);
}

static void
test_past_forgets(void)
{
	const struct address who = { { 9 } };
	struct gate_past g;
	struct past *p;

	if (past_new(&p, NULL) != RC_OK)
		die("past_new", "failed");
	add(p, 9, 1, 10, NOW - 9 * GATE_DAY_S, NOW - 2 * GATE_DAY_S);
	add(p, 9, 2, 20, NOW, NOW - 2 * GATE_DAY_S);
	past_look(p, &g, &who, 1, NOW);
	tap_ok(!g.has_same &&
		g.forgotten_end_s == NOW - 9 * GATE_DAY_S + HOUR &&
		g.day_micros == 20,
	    "of what is old only the end is known");
	past_free(p);
}

/* Against sums over a plain list. */
static void
test_past_sums(void)
{
	struct {
		int64_t at_s, number, amount;
		uint8_t who;
	} all[600];
	int64_t now = NOW, day, worker, most[16][8];
	unsigned seed = 1;
	struct gate_past g;
	struct past *p;
	bool ok = true;
	int i, j, n;

	if (past_new(&p, NULL) != RC_OK)
		die("past_new", "failed");
	for (n = 0; ok && n < (int)COUNT(all); n++) {
		seed = seed * 1103515245 + 12345;
		now += seed >> 16 & 4095;
		all[n].at_s = now;
		all[n].who = (uint8_t)(1 + (seed >> 8 & 15));
		all[n].number = 1 + (seed >> 4 & 7);
		all[n].amount = 1 + (seed >> 20 & 63);
		add(p, all[n].who, all[n].number, all[n].amount, now, 0);
		memset(most, 0, sizeof(most));
		for (i = 0; i <= n; i++)
			if (all[i].at_s > now - GATE_DAY_S &&
			    all[i].amount >
				most[all[i].who - 1][all[i].number - 1])
				most[all[i].who - 1][all[i].number - 1] =
				    all[i].amount;
		for (day = 0, worker = 0, i = 0; i < 16; i++)
			for (j = 0; j < 8; j++) {
				day += most[i][j];
				worker += i == 0 ? most[i][j] : 0;
			}
		past_look(p, &g, &(struct address){ { 1 } }, 99, now);
		/* Never less; a number signed again counts its highest on. */
		ok = g.day_micros >= day && g.worker_day_micros >= worker;
	}
	tap_ok(ok, "the sums are never below those of a plain list");
	past_free(p);
}

/* ---- The journal ---- */

static const struct journal_owner owner = { .ledger_id = { 7 },
	.chain_id = 8453,
	.token = { { 2 } },
	.treasury = { { 1 } } };

static const char *
path_of(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int64_t seen_sum;

static enum rc
sum_up(void *ctx, const struct journal_entry *entry, struct err *e)
{
	(void)ctx;
	(void)e;
	seen_sum += entry->amount;
	return RC_OK;
}

/* Opens and reads it; what is wrong, or RC_OK with *out. */
static enum rc
take(struct journal **out, const char *name, const struct journal_seen *seen,
    struct err *e)
{
	enum rc rc;

	seen_sum = 0;
	rc = journal_open(out, path_of(name), false, NOW, e);
	if (rc == RC_OK)
		rc = journal_read(*out, &owner, seen, NOW, sum_up, NULL, e);
	if (rc != RC_OK) {
		journal_free(*out);
		*out = NULL;
	}
	return rc;
}

static void
put(struct journal *j, int64_t number, int64_t amount, int64_t at_s)
{
	struct journal_entry entry = { JOURNAL_PAYOUT, at_s, { { 9 } }, number,
		amount, at_s + HOUR };

	if (journal_append(j, &entry, NULL) != RC_OK)
		die("journal_append", "failed");
}

/* A journal of three entries, and how far it is. */
static struct journal_mark
three(const char *name)
{
	const struct journal_seen none = { .any = false };
	struct journal_mark mark;
	struct err e = ERR_INIT;
	struct journal *j;

	(void)unlink(path_of(name));
	if (take(&j, name, &none, &e) != RC_OK)
		die("journal", e.msg);
	put(j, 1, 10, NOW);
	put(j, 2, 20, NOW + 5);
	put(j, 3, 30, NOW + 2);
	journal_mark_get(j, &mark);
	journal_free(j);
	return mark;
}

static size_t
file_read(const char *name, char *buf, size_t size)
{
	int fd = open(path_of(name), O_RDONLY);
	ssize_t n = read(fd, buf, size - 1);

	(void)close(fd);
	if (n < 0)
		die(name, "can't be read");
	buf[n] = '\0';
	return (size_t)n;
}

static void
file_write(const char *name, const char *buf, size_t len)
{
	int fd = open(path_of(name), O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, buf, len) != (ssize_t)len)
		die(name, "can't be written");
	(void)close(fd);
}

static void
test_journal_whole(void)
{
	struct journal_seen seen = { true, true, three("whole") };
	struct journal_mark mark;
	struct err e = ERR_INIT;
	struct journal *j, *other;
	char text[4000];
	struct stat st;

	tap_ok(take(&j, "whole", &seen, &e) == RC_OK && seen_sum == 60,
	    "what was written is read");
	journal_mark_get(j, &mark);
	tap_ok(memcmp(&mark, &seen.mark, sizeof(mark)) == 0,
	    "and is as far as it was");
	tap_is_int(journal_open(&other, path_of("whole"), false, NOW, &e),
	    RC_CONFLICT, "nobody else gets it meanwhile");
	put(j, 4, 40, NOW + 9);
	journal_free(j);
	tap_ok(take(&j, "whole", &seen, &e) == RC_OK && seen_sum == 100,
	    "with more than the ledger knows of it is in order");
	journal_free(j);
	(void)file_read("whole", text, sizeof(text));
	tap_ok(strstr(text,
		   "\n1 2027-01-15T08:00:00Z 1800000000 payout "
		   "0x0900000000000000000000000000000000000000 number 1 "
		   "amount 10 until 1800003600 0x") != NULL,
	    "a person can read a line");
	tap_ok(strstr(text, "\n3 2027-01-15T08:00:05Z 1800000005 ") != NULL,
	    "a clock that was set back doesn't take a line's time back");
	tap_ok(stat(path_of("whole"), &st) == 0 && (st.st_mode & 07777) == 0600,
	    "nobody else may read it");
	(void)chmod(path_of("whole"), 0640);
	tap_is_int(take(&j, "whole", &seen, &e), RC_INVALID,
	    "when somebody else may, it isn't taken");
	(void)chmod(path_of("whole"), 0600);
	(void)unlink(path_of("link"));
	if (symlink("whole", path_of("link")) != 0)
		die("symlink", strerror(errno));
	tap_ok(take(&j, "link", &seen, &e) != RC_OK, "nor through a link");
}

/* Each byte of the file in its turn is another one. */
static void
test_journal_damaged(void)
{
	struct journal_seen seen = { true, true, three("damaged") };
	struct err e = ERR_INIT;
	size_t len, i, bad = 0;
	struct journal *j;
	char text[4000], was;

	len = file_read("damaged", text, sizeof(text));
	for (i = 0; i < len; i++) {
		was = text[i];
		text[i] = (char)(was ^ 1);
		file_write("damaged", text, len);
		if (take(&j, "damaged", &seen, &e) == RC_OK) {
			bad++;
			journal_free(j);
		}
		text[i] = was;
	}
	tap_is_int((int64_t)bad, 0,
	    "a journal with any bit of any byte wrong isn't taken");
}

/* The file ends after each byte in its turn. */
static void
test_journal_cut(void)
{
	const struct journal_seen some = { .any = true };
	struct journal_seen seen = { true, true, three("cut") };
	struct err e = ERR_INIT;
	size_t len, i, bad = 0, taken = 0;
	struct journal *j;
	char text[4000];
	enum rc rc;

	len = file_read("cut", text, sizeof(text));
	/* Each of the last bytes, and some before: syncs take time. */
	for (i = 0; i < len; i += i + 40 < len ? 23 : 1) {
		file_write("cut", text, i);
		rc = take(&j, "cut", &seen, &e);
		/* Without its last end of line it is whole. */
		bad += (rc == RC_OK) != (i == len - 1);
		journal_free(rc == RC_OK ? j : NULL);
		file_write("cut", text, i);
		rc = take(&j, "cut", &some, &e);
		if (rc != RC_OK)
			continue;
		taken++;
		put(j, 9, 90, NOW + 10);
		journal_free(j);
		bad += take(&j, "cut", &some, &e) != RC_OK;
		bad += seen_sum != 90 && seen_sum != 100 && seen_sum != 120 &&
		    seen_sum != 150;
		journal_free(j);
	}
	tap_is_int((int64_t)bad, 0,
	    "one that ends before what the ledger knows of isn't taken");
	tap_ok(taken > 20,
	    "of one that nobody knows more of a torn last line is cut");
}

static void
test_journal_others(void)
{
	const struct journal_seen none = { .any = false };
	struct journal_seen seen = { true, true, three("first") };
	struct journal_owner other = owner;
	struct err e = ERR_INIT;
	struct journal *j;
	int i;

	(void)three("second");
	seen.mark.hash[0] ^= 1;
	tap_is_int(take(&j, "first", &seen, &e), RC_CORRUPT,
	    "one with another history isn't taken");
	seen.mark.entries = 4;
	tap_is_int(take(&j, "first", &seen, &e), RC_CORRUPT,
	    "one that is older than the ledger isn't taken");
	tap_is_int(take(&j, "missing", &seen, &e), RC_NOT_FOUND,
	    "where the ledger knows of one, none isn't begun");
	seen.has_mark = false;
	tap_is_int(take(&j, "missing", &seen, &e), RC_NOT_FOUND,
	    "nor where it knows of payouts");
	for (i = 0; i < 4; i++) {
		other = owner;
		if (i == 0)
			other.ledger_id[31]++;
		if (i == 1)
			other.chain_id++;
		if (i == 2)
			other.token.b[0]++;
		if (i == 3)
			other.treasury.b[0]++;
		if (journal_open(&j, path_of("first"), false, NOW, &e) != RC_OK)
			die("journal_open", e.msg);
		tap_is_int(
		    journal_read(j, &other, &none, NOW, sum_up, NULL, &e),
		    RC_CORRUPT,
		    (const char *[]){ "another ledger's isn't taken",
			"nor another chain's", "nor another token's",
			"nor another treasury's" }[i]);
		journal_free(j);
	}
	if (journal_open(&j, path_of("first"), true, NOW, &e) != RC_OK)
		die("journal_open", e.msg);
	tap_ok(journal_read(j, &other, &none, NOW, sum_up, NULL, &e) == RC_OK &&
		access(path_of("first.1800000000"), F_OK) == 0,
	    "begun anew, the old one is kept beside it");
	journal_free(j);
}

static void
test_journal_full(void)
{
	struct journal_entry entry = { JOURNAL_PAYOUT, NOW, { { 9 } }, 9, 90,
		NOW };
	struct journal_seen seen = { true, true, three("full") };
	struct rlimit limit = { 1500, RLIM_INFINITY };
	struct err e = ERR_INIT;
	struct journal *j;
	enum rc rc = RC_OK;
	int i;

	(void)signal(SIGXFSZ, SIG_IGN);
	if (take(&j, "full", &seen, &e) != RC_OK)
		die("journal", e.msg);
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	for (i = 0; i < 5 && rc == RC_OK; i++)
		rc = journal_append(j, &entry, &e);
	tap_is_int(rc, RC_IO, "on a full disk nothing is noted");
	limit.rlim_cur = RLIM_INFINITY;
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	tap_is_int(
	    journal_append(j, &entry, &e), RC_IO, "nor is anything after that");
	journal_free(j);
	tap_is_int(take(&j, "full", &seen, &e), RC_OK,
	    "the next start cuts what was torn");
	journal_free(j);
}

/* ---- The sandbox ---- */

static void
try_open(void)
{
	if (open("/etc/passwd", O_RDONLY) >= 0)
		_exit(1);
}

static void
try_create(void)
{
	if (open("/tmp/worknet-vault-was-here", O_CREAT | O_WRONLY, 0600) >= 0)
		_exit(1);
}

static void
try_socket(void)
{
	(void)socket(AF_INET, SOCK_STREAM, 0);
	_exit(1);
}

static void
try_exec(void)
{
	(void)execl("/bin/true", "true", (char *)NULL);
	_exit(1);
}

static void
try_fork(void)
{
	(void)fork();
	_exit(1);
}

static void
try_kill(void)
{
	(void)kill(getppid(), SIGTERM);
	_exit(1);
}

static void
try_trace(void)
{
	(void)syscall(SYS_ptrace, 16, getppid(), 0, 0);
	_exit(1);
}

static void
try_memory(void)
{
	char c;

	(void)syscall(SYS_process_vm_readv, getppid(), &c, 0, &c, 0, 0);
	_exit(1);
}

static void
try_code(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	_exit(1);
}

static void
try_unlink(void)
{
	(void)unlink("/tmp/worknet-vault-was-here");
	_exit(1);
}

static void
try_nothing(void)
{
	char *p = malloc(1000000);

	memset(p, 1, 1000000);
	free(p);
	_exit(0);
}

/* How a process ends that tries it inside: its wait status. */
static int
inside(void (*try)(void))
{
	int fds[2], status;
	pid_t pid, parent = getpid();
	unsigned on;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) != 0)
		die("socketpair", strerror(errno));
	pid = fork();
	if (pid == 0) {
		on = sandbox_begin(fds[1], parent);
		on |= sandbox_enter();
		if ((on & SANDBOX_SECCOMP) == 0)
			_exit(77);
		try();
		_exit(0);
	}
	(void)close(fds[0]);
	(void)close(fds[1]);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid", strerror(errno));
	return status;
}

static void
test_sandbox(void)
{
	static const struct {
		void (*try)(void);
		const char *what;
	} tries[] = {
		{ try_socket, "open a connection" },
		{ try_exec, "execute a program" },
		{ try_fork, "make a process" },
		{ try_kill, "send a signal" },
		{ try_trace, "trace a process" },
		{ try_memory, "read another one's memory" },
		{ try_code, "map memory as code" },
		{ try_unlink, "remove a file" },
	};
	int status = inside(try_nothing);
	size_t i;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		tap_ok(true, "sandbox # SKIP no seccomp here");
		return;
	}
	tap_is_int(status, 0, "inside the sandbox memory is to be had");
	tap_is_int(inside(try_open), 0, "but no file can be opened");
	tap_is_int(inside(try_create), 0, "or made");
	for (i = 0; i < COUNT(tries); i++) {
		status = inside(tries[i].try);
		tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
		    "who tries to %s is ended", tries[i].what);
	}
}

/* ---- The process ---- */

#define KEY "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"

static struct vault_options
options(void)
{
	return (struct vault_options){
		.key_file = strdup(path_of("key")),
		.passphrase_file = "",
		.gas_key_file = strdup(path_of("gas-key")),
		.journal_file = strdup(path_of("journal")),
		.domain = { "USDC", "2", 84532, { { 2 } } },
		.caps = { 100, 1000, 150, 300 },
		.gas_max_fee_wei = 1000,
		.gas_day_wei = 500000000,
		.validity_s = 3600,
	};
}

static struct vault *
start(const struct vault_options *o, const struct journal_seen *seen)
{
	const uint8_t ledger[LEDGER_ID_LEN] = { 7 };
	struct journal_mark mark;
	struct err e = ERR_INIT;
	struct vault *v;

	if (vault_start(&v, o, &e) != RC_OK ||
	    vault_open(v, ledger, seen, &mark, &e) != RC_OK)
		die("vault", e.msg);
	return v;
}

static struct vault_request
request(uint8_t who, int64_t seq, int64_t amount)
{
	int64_t now = (int64_t)time(NULL);

	return (struct vault_request){ .worker = { { who } },
		.seq = seq,
		.amount_micros = amount,
		.chain_time_s = now,
		.final_time_s = now - 1200 };
}

static enum rc
authorize(struct vault *v, uint8_t who, int64_t seq, int64_t amount,
    struct vault_authorization *out, struct err *e)
{
	struct vault_request rq = request(who, seq, amount);

	return vault_authorize(v, &rq, out, e);
}

/* Who signed: the nonce and the digest are computed here once more. */
static bool
is_signed_by(const struct vault *v, const struct vault_options *o, uint8_t who,
    int64_t seq, int64_t amount, const struct vault_authorization *a)
{
	struct payout_key key = { .ledger_id = { 7 },
		.chain_id = 84532,
		.token = { { 2 } },
		.treasury = *vault_treasury(v),
		.worker = { { who } },
		.seq = (uint64_t)seq };
	struct transfer_authorization t = { .from = *vault_treasury(v),
		.to = { { who } },
		.value = (uint64_t)amount,
		.valid_before = (uint64_t)a->valid_before };
	uint8_t digest[KECCAK256_LEN];
	struct address signer;

	payout_nonce(t.nonce, &key);
	eip712_transfer_digest(digest, &o->domain, &t);
	return eth_recover(&signer, digest, a->signature, NULL) == RC_OK &&
	    same_address(&signer, vault_treasury(v));
}

static void
key_write(const char *name, const char *text)
{
	int fd = open(path_of(name), O_CREAT | O_WRONLY | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die(name, "can't be written");
	(void)close(fd);
}

static void
test_process(void)
{
	struct journal_seen seen = { .any = false };
	struct vault_options o;
	struct vault_authorization a, b;
	struct err e = ERR_INIT;
	struct vault *v;

	key_write("key", KEY "\n");
	key_write("gas-key", "1" KEY);
	o = options();
	tap_is_int(vault_start(&v, &o, &e), RC_INVALID,
	    "a vault with a bad key doesn't start, and says why");
	key_write("gas-key",
	    "00000000000000000000000000000000000000000000000000000000000000aa");
	v = start(&o, &seen);
	tap_ok(authorize(v, 9, 1, 60, &a, &e) == RC_OK &&
		is_signed_by(v, &o, 9, 1, 60, &a),
	    "an authorization has the treasury's signature, and the nonce of "
	    "its number");
	tap_ok(authorize(v, 9, 1, 60, &b, &e) == RC_OK &&
		memcmp(a.signature, b.signature, SIGNATURE_LEN) == 0 &&
		b.valid_before == a.valid_before && b.mark.entries == 1,
	    "the same request gets the same bytes, and isn't noted again");
	tap_ok(authorize(v, 9, 1, 70, &b, &e) == RC_CONFLICT &&
		b.instead_micros == 60 && b.valid_before == a.valid_before,
	    "another amount under its number is refused, and told the first");
	tap_ok(authorize(v, 9, 2, 101, &b, &e) == RC_INVALID &&
		strstr(e.msg, "max_per_payout_micros") != NULL,
	    "a cap is named");
	tap_ok(authorize(v, 9, 2, 95, &b, &e) == RC_INVALID &&
		strstr(e.msg, "max_per_worker_day_micros") != NULL &&
		b.instead_micros == 90,
	    "and told what it leaves");
	vault_free(v);
	seen.has_mark = true;
	seen.mark = a.mark;
	v = start(&o, &seen);
	tap_ok(authorize(v, 9, 1, 60, &b, &e) == RC_OK &&
		memcmp(a.signature, b.signature, SIGNATURE_LEN) == 0,
	    "another process gives the same bytes");
	tap_ok(authorize(v, 8, 1, 100, &a, &e) == RC_OK &&
		authorize(v, 7, 1, 100, &a, &e) == RC_OK &&
		authorize(v, 6, 1, 100, &a, &e) == RC_INVALID &&
		strstr(e.msg, "max_per_day_micros") != NULL &&
		a.instead_micros == 40,
	    "what was signed before it was started counts");
	vault_free(v);
}

static void
test_seals(void)
{
	struct vault_options o = options();
	struct seal s = { .verified_to = 5, .balance_micros = 50 };
	struct sealed what = { .ledger_id = { 7 },
		.worker = { { 9 } },
		.seq = 1,
		.amount_micros = 50 };
	struct err e = ERR_INIT;
	struct vault_authorization a;
	struct vault *v;
	struct seal forged;

	o.journal_file = strdup(path_of("seals"));
	v = start(&o, &(struct journal_seen){ .any = false });
	tap_ok(vault_seal(v, &s, &what, &e) == RC_OK &&
		seal_is_by(&s, &what, vault_treasury(v)),
	    "a payout that was verified is sealed");
	forged = s;
	forged.verified_to = 0;
	forged.balance_micros = 0;
	tap_ok(!seal_is_by(&forged, &what, vault_treasury(v)),
	    "its seal isn't that of one that was found on the chain");
	s.balance_micros = 49;
	tap_is_int(vault_seal(v, &s, &what, &e), RC_INVALID,
	    "a balance below the amount isn't sealed");
	s = (struct seal){ .balance_micros = 50 };
	tap_is_int(vault_seal(v, &s, &what, &e), RC_INVALID,
	    "a payment found on the chain vouches for no balance");
	s.balance_micros = 0;
	tap_ok(vault_seal(v, &s, &what, &e) == RC_OK &&
		seal_is_by(&s, &what, vault_treasury(v)),
	    "as such it is sealed");
	tap_is_int(authorize(v, 9, 1, 50, &a, &e), RC_CONFLICT,
	    "and its number is never signed");
	tap_ok(authorize(v, 9, 2, 100, &a, &e) == RC_OK &&
		authorize(v, 9, 3, 1, &a, &e) == RC_INVALID,
	    "it counts against the caps");
	what.ledger_id[0]++;
	tap_is_int(vault_seal(v, &s, &what, &e), RC_INVALID,
	    "nothing of another ledger is sealed");
	vault_free(v);
}

static void
test_gas(void)
{
	struct vault_options o = options();
	struct transaction t = { .chain_id = 84532,
		.nonce = 3,
		.tip_wei = 1,
		.max_fee_wei = 1000,
		.gas_limit = 340000,
		.to = multicall3,
		.data = { "abc", 3 } };
	struct transaction bad;
	uint8_t digest[KECCAK256_LEN], signature[SIGNATURE_LEN];
	struct address signer;
	struct err e = ERR_INIT;
	struct vault *v;

	o.journal_file = strdup(path_of("gas"));
	v = start(&o, &(struct journal_seen){ .any = false });
	tap_ok(vault_gas_sign(v, &t, signature, &e) == RC_OK &&
		transaction_digest(digest, &t, &e) == RC_OK &&
		eth_recover(&signer, digest, signature, &e) == RC_OK &&
		same_address(&signer, vault_gas_account(v)),
	    "a transaction has the gas account's signature");
	bad = t;
	bad.to.b[0]++;
	tap_is_int(vault_gas_sign(v, &bad, signature, &e), RC_INVALID,
	    "one to somebody else isn't signed");
	bad = t;
	bad.chain_id++;
	tap_is_int(vault_gas_sign(v, &bad, signature, &e), RC_INVALID,
	    "nor one of another chain");
	bad = t;
	bad.max_fee_wei++;
	tap_is_int(vault_gas_sign(v, &bad, signature, &e), RC_INVALID,
	    "nor one above the fee");
	bad = t;
	bad.max_fee_wei = UINT64_MAX;
	bad.gas_limit = 16777216;
	tap_is_int(vault_gas_sign(v, &bad, signature, &e), RC_INVALID,
	    "nor one whose cost no number holds");
	bad = t;
	bad.max_fee_wei = 900;
	tap_is_int(vault_gas_sign(v, &bad, signature, &e), RC_OK,
	    "the same nonce may be signed again: the chain takes one of them");
	bad.nonce++;
	tap_ok(vault_gas_sign(v, &bad, signature, &e) == RC_INVALID &&
		strstr(e.msg, "24 hours") != NULL,
	    "another one only within the day's limit");
	bad.max_fee_wei = 400;
	bad.to = o.domain.verifying_contract;
	tap_is_int(
	    vault_gas_sign(v, &bad, signature, &e), RC_OK, "to the token, too");
	vault_free(v);
}

/* ---- Years ---- */

/* Not within a time: slow machines run this, too. But to its end. */
static void
test_years(int64_t entries)
{
	const struct journal_seen none = { .any = false };
	struct timespec from, to;
	struct err e = ERR_INIT;
	struct journal *j;
	struct stat st;
	int64_t i;

	(void)unlink(path_of("years"));
	if (take(&j, "years", &none, &e) != RC_OK)
		die("journal", e.msg);
	for (i = 1; i <= entries; i++)
		put(j, i, 1, NOW + i);
	journal_free(j);
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	tap_ok(take(&j, "years", &none, &e) == RC_OK && seen_sum == entries,
	    "a journal of %" PRId64 " entries is read", entries);
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	journal_free(j);
	(void)stat(path_of("years"), &st);
	tap_diag("%" PRId64 " bytes in %.3f s", (int64_t)st.st_size,
	    (double)(to.tv_sec - from.tv_sec) +
		(double)(to.tv_nsec - from.tv_nsec) / 1e9);
}

int
main(int argc, char **argv)
{
	char command[100];

	if (mkdtemp(dir) == NULL)
		die(dir, strerror(errno));
	if (argc == 2) {
		test_years(atoll(argv[1]));
		goto out;
	}
	test_gate_cases();
	test_gate_times();
	test_gate_sequences();
	test_past_clock();
	test_past_forgets();
	test_past_sums();
	test_journal_whole();
	test_journal_damaged();
	test_journal_cut();
	test_journal_others();
	test_journal_full();
	test_years(50);
	test_sandbox();
	test_process();
	test_seals();
	test_gas();
out:
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		die(command, "failed");
	return tap_done();
}
