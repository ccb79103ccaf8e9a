#include "pay/settler.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "ledger/finding.h"
#include "pay/context.h"
#include "pay/open.h"

#define SLICE_MS 20 /* of waiting, where several have something */

/* Waits until fd (-1: none) is readable; false after ms. */
static bool
fd_wait(int fd, int64_t ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, (int)ms) > 0;
}

/* ---- Facilitators as settlers ---- */

static void
send_to(void *ctx, size_t tag, const struct open_payout *o)
{
	facilitator_send(ctx, tag,
	    &(struct settle_request){
		.body = { o->auth.body.p, o->auth.body.len },
		.repost = o->posted_before });
}

static const struct settle_answer *
wait_for(void *ctx, int64_t timeout_ms, int wake_fd, size_t *tag)
{
	return facilitator_wait(ctx, timeout_ms, wake_fd, tag);
}

static size_t
in_flight(void *ctx)
{
	return facilitator_in_flight(ctx);
}

static int64_t
pause_ms(void *ctx)
{
	return facilitator_pause_ms(ctx);
}

static void
abandon(void *ctx)
{
	facilitator_abandon(ctx);
}

/* A list without our kind says no; what is no list says nothing. */
static enum rc
probe(void *ctx, int stop_fd, bool *unfit, struct err *e)
{
	struct facilitator_kinds kinds;
	enum rc rc;

	*unfit = false;
	rc = facilitator_supported(ctx, stop_fd, &kinds, e);
	if (rc == RC_INVALID) {
		log_info("%s: %s", facilitator_name(ctx), e->msg);
		return RC_OK;
	}
	if (rc != RC_OK || kinds.v1 || kinds.v2)
		return rc;
	*unfit = true;
	return err_set(e, RC_INVALID,
	    "GET /supported: its list hasn't the scheme exact on this network");
}

/* Two with one origin are told apart by their number. */
static void
name_make(struct settlers *all, const char *name)
{
	struct settler *s = &all->all[all->n];
	size_t i, same = 1;

	for (i = 0; i < all->n; i++)
		same += strncmp(all->all[i].name, name, strlen(name)) == 0;
	if (same == 1)
		(void)snprintf(s->name, sizeof(s->name), "%s", name);
	else
		(void)snprintf(
		    s->name, sizeof(s->name), "%.140s (%zu)", name, same);
}

/* ---- All that are configured ---- */

enum rc
settlers_add(
    struct run *r, const struct settler *s, const char *name, struct err *e)
{
	struct settlers *all = r->settlers;
	struct settler *added = &all->all[all->n];

	CHECK(all->n < SETTLERS_MAX);
	*added = *s;
	name_make(all, name);
	all->n++;
	return settler_health_get(r->db, added->name, &added->health, e);
}

enum rc
settlers_new(struct run *r, const struct facilitators *f, struct err *e)
{
	struct settler s = { .at_once = (size_t)r->conf->payout_concurrency,
		.at_first = SETTLER_PAYEES_MAX,
		.ahead = (size_t)r->conf->payout_concurrency,
		.send = send_to,
		.wait = wait_for,
		.in_flight = in_flight,
		.pause_ms = pause_ms,
		.abandon = abandon,
		.probe = probe };
	enum rc rc = RC_OK;
	size_t i;

	r->settlers = calloc(1, sizeof(*r->settlers));
	if (r->settlers == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	for (i = 0; rc == RC_OK && i < f->n; i++) {
		s.ctx = f->all[i];
		rc = settlers_add(r, &s, facilitator_name(f->all[i]), e);
	}
	return rc;
}

/* ---- How they do ---- */

/* It fails for good, as far as can be told: a person must look. */
static bool
must_be_told(const struct run *r, const struct settler *s)
{
	const struct settler_health *h = &s->health;

	return h->failing_ms != 0 &&
	    (h->unfit || h->runs >= SETTLER_RUNS_MAX || s->refused > 1 ||
		(h->runs > 1 &&
		    clock_unix_ms() - h->failing_ms >=
			r->conf->payout_validity_s * 1000));
}

bool
settler_settles(const struct settler *s)
{
	return s->health.settled_ms != 0 && s->health.failing_ms == 0;
}

/*
 * No new signatures for it, and one payout in each run: it refused all of the
 * last payees.
 */
static bool
settler_is_braked(const struct run *r, const struct settler *s)
{
	return s->health.failing_ms != 0 &&
	    (s->health.payees >= SETTLER_PAYEES_MAX || must_be_told(r, s));
}

size_t
settler_room(const struct run *r, const struct settler *s)
{
	if (s->out || (s->tried && settler_is_braked(r, s)))
		return 0;
	if (s->health.failing_ms != 0)
		return 1;
	/* Nobody knows yet whether it settles. */
	return s->health.settled_ms == 0 && s->at_first > 0 &&
		s->at_first < s->at_once
	    ? s->at_first
	    : s->at_once;
}

bool
settler_has_room(const struct run *r, const struct settler *s,
    const struct settler_load *load)
{
	return load->failed == 0 &&
	    (settler_settles(s) ? load->sent : load->begun) <
	    settler_room(r, s);
}

bool
settler_is_due(
    const struct run *r, const struct settler *s, const struct open_payout *o)
{
	int64_t before =
	    clock_unix_ms() - r->conf->payout_direct_after_s * 1000;
	const struct settler *other = r->settlers->all;

	if (!s->is_fallback)
		return true;
	if (o != NULL && o->payout.state == PAYOUT_SUBMITTED &&
	    o->auth.signed_ms <= before)
		return true;
	for (; other < r->settlers->all + r->settlers->n; other++)
		if (other != s &&
		    (other->health.failing_ms == 0 ||
			other->health.failing_ms > before))
			return false;
	return true;
}

/* The fallback whose time has come for o (NULL: for new ones); NULL: none. */
static const struct settler *
fallback_due(const struct run *r, const struct open_payout *o)
{
	const struct settler *t = r->settlers->all;

	for (; t < r->settlers->all + r->settlers->n; t++)
		if (t->is_fallback && settler_is_due(r, t, o))
			return t;
	return NULL;
}

bool
settler_gives_way(const struct run *r, const struct settler *s)
{
	return settler_is_braked(r, s) ||
	    (!s->is_fallback && fallback_due(r, NULL) != NULL);
}

size_t
settlers_first(const struct run *r, const struct open_payout *o)
{
	const struct settler *t = fallback_due(r, o);

	return t == NULL || fallback_due(r, NULL) != NULL
	    ? 0
	    : (size_t)(t - r->settlers->all);
}

/* Whoever was refused is paid, or the settler is to blame, not he. */
static void
refusals_drop(struct settlers *all, const struct address *worker)
{
	size_t i, n = 0;

	for (i = 0; i < all->refusals_n; i++)
		if (memcmp(&all->refusals[i].worker, worker, sizeof(*worker)) !=
		    0)
			all->refusals[n++] = all->refusals[i];
	all->refusals_n = n;
}

static enum rc
refusals_over(struct run *r, const struct address *worker, struct err *e)
{
	enum rc rc = run_over(r, "payment refused", worker, e);

	refusals_drop(r->settlers, worker);
	return rc == RC_OK ? run_over(r, "transfer refused", worker, e) : rc;
}

/* The settler that was sent a payout last; NULL: it isn't configured now. */
static enum rc
sent_to(struct run *r, int64_t payout, struct settler **out, struct err *e)
{
	char name[SETTLER_NAME_MAX + 1];
	struct settler *s = r->settlers->all;
	enum rc rc = payout_sent_to(r->db, payout, name, sizeof(name), e);

	*out = NULL;
	for (; rc == RC_OK && s < r->settlers->all + r->settlers->n; s++)
		if (strcmp(s->name, name) == 0)
			*out = s;
	return rc;
}

enum rc
settler_settled(
    struct run *r, const struct open_payout *o, bool is_new, struct err *e)
{
	struct settler *s;
	enum rc rc = sent_to(r, o->payout.id, &s, e);

	if (rc != RC_OK)
		return rc;
	if (o->judgment.is_unshared) {
		if (s != NULL)
			s->unshared = true;
		return RC_OK;
	}
	if (is_new || o->payout.state == PAYOUT_FINAL)
		rc = refusals_over(r, &o->payout.worker, e);
	if (rc != RC_OK || s == NULL ||
	    (!is_new && s->health.settled_ms >= o->auth.signed_ms))
		return rc;
	s->health = (struct settler_health){ .settled_ms = clock_unix_ms() };
	s->settled = true;
	s->in_vain = s->tried = false;
	s->payees = s->refused = 0;
	return rc;
}

static enum rc
refusal_add(struct settlers *all, const struct settler *s,
    const struct address *worker, struct err *e)
{
	struct refusal *more;

	more = reallocarray(all->refusals, all->refusals_n + 1, sizeof(*more));
	if (more == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	all->refusals = more;
	more += all->refusals_n++;
	*more = (struct refusal){ .settler = (size_t)(s - all->all),
		.worker = *worker };
	(void)snprintf(more->words, sizeof(more->words), "%s", s->health.words);
	return RC_OK;
}

/* Notes one more failure, in its own words. */
static void
note_failure(struct settler *s, const char *words)
{
	struct settler_health *h = &s->health;

	if (h->failing_ms == 0)
		h->failing_ms = clock_unix_ms();
	if (!s->in_vain) {
		s->in_vain = true;
		h->runs++;
	}
	text_clean(h->words, sizeof(h->words), slice_of(words));
}

bool
settler_answer_is_unfit(const struct settle_answer *a)
{
	return (a->status >= 300 && a->status <= 399) ||
	    (a->x402.class != ANSWER_REFUSED &&
		(a->status == 401 || a->status == 403 || a->status == 404 ||
		    a->status == 405));
}

enum rc
settler_failed(struct run *r, struct settler *s, const struct open_payout *o,
    const struct settle_answer *a, bool done, struct err *e)
{
	char words[SETTLER_WORDS_MAX + HTTP_ERROR_TEXT_MAX + 32];

	if (a->status == 0)
		(void)snprintf(words, sizeof(words), "%s", a->error);
	else
		(void)snprintf(words, sizeof(words), "HTTP %d%s%s%s%.*s",
		    a->status, a->error[0] == '\0' ? "" : ", ", a->error,
		    a->text[0] == '\0' ? "" : ": ", SETTLER_WORDS_MAX, a->text);
	note_failure(s, words);
	s->health.unfit = settler_answer_is_unfit(a);
	if (!done)
		return RC_OK;
	s->payees++;
	if (s->payees > s->health.payees)
		s->health.payees = s->payees;
	if (a->x402.class != ANSWER_REFUSED)
		return RC_OK;
	s->refused++;
	return refusal_add(r->settlers, s, &o->payout.worker, e);
}

bool
settler_is_fit(struct run *r, struct settler *s)
{
	struct err why = ERR_INIT;
	bool unfit;

	if (s->probed)
		return !s->out;
	s->probed = true;
	if (s->probe(s->ctx, r->options->stop_fd, &unfit, &why) == RC_OK)
		return true;
	s->out = true;
	if (run_is_stopped(r))
		return false;
	log_warning("%s isn't sent anything: %s", s->name, why.msg);
	note_failure(s, why.msg);
	s->health.unfit = unfit;
	return false;
}

/* ---- All of them ---- */

void
settlers_abandon(struct settlers *all)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		all->all[i].abandon(all->all[i].ctx);
		all->all[i].out = true;
	}
}

size_t
settlers_in_flight(const struct settlers *all)
{
	size_t i, n = 0;

	for (i = 0; i < all->n; i++)
		n += all->all[i].in_flight(all->all[i].ctx);
	return n;
}

/* One that waits alone waits as long as it may. */
static const struct settle_answer *
wait_once(
    struct settlers *all, int64_t ms, int wake_fd, size_t *which, size_t *tag)
{
	const struct settle_answer *a = NULL;
	struct settler *s;

	for (*which = 0; a == NULL && *which < all->n; ++*which) {
		s = &all->all[*which];
		if (s->in_flight(s->ctx) > 0)
			a = s->wait(s->ctx, ms, wake_fd, tag);
	}
	--*which;
	return a;
}

const struct settle_answer *
settlers_wait(struct settlers *all, int64_t timeout_ms, int wake_fd,
    size_t *which, size_t *tag)
{
	int64_t end = clock_monotonic_ms() + timeout_ms, left = timeout_ms;
	const struct settle_answer *a;
	size_t i, busy = 0;

	for (i = 0; i < all->n; i++)
		busy += all->all[i].in_flight(all->all[i].ctx) > 0;
	if (busy == 0) {
		fd_wait(wake_fd, timeout_ms);
		return NULL;
	}
	do {
		if (busy > 1 && left > SLICE_MS)
			left = SLICE_MS;
		a = wait_once(all, left, wake_fd, which, tag);
		left = end - clock_monotonic_ms();
	} while (a == NULL && busy > 1 && left > 0 && !fd_wait(wake_fd, 0));
	return a;
}

static enum rc
tell_one(struct run *r, struct settler *s, struct err *e)
{
	char detail[SETTLER_WORDS_MAX + 160];

	if (!must_be_told(r, s))
		return RC_OK;
	(void)snprintf(detail, sizeof(detail),
	    "%" PRId64
	    " runs sent it something, and nothing settled; it says: %s",
	    s->health.runs,
	    s->health.words[0] == '\0' ? "nothing" : s->health.words);
	return run_finding(r,
	    s->ctx == r->direct ? "gas account fails" : "facilitator fails",
	    s->name, detail, e);
}

/* Refused by a settler that does settle others' payments. */
static enum rc
tell_refusals(struct run *r, struct err *e)
{
	const struct refusal *f = r->settlers->refusals;
	char who[ADDRESS_LEN + 1], detail[SETTLER_NAME_MAX + 300];
	enum rc rc = RC_OK;

	for (;
	     rc == RC_OK && f < r->settlers->refusals + r->settlers->refusals_n;
	     f++) {
		if (must_be_told(r, &r->settlers->all[f->settler])) {
			rc = run_over(r, "payment refused", &f->worker, e);
			continue;
		}
		address_format(who, &f->worker, ADDRESS_CHECKSUM);
		(void)snprintf(detail, sizeof(detail), "%s says: %s",
		    r->settlers->all[f->settler].name, f->words);
		rc = run_finding(r, "payment refused", who, detail, e);
	}
	return rc;
}

enum rc
settlers_tell(struct run *r, struct err *e)
{
	struct settler *s = r->settlers->all;
	enum rc rc = RC_OK;

	if (r->options->dry_run)
		return RC_OK;
	for (; rc == RC_OK && s < r->settlers->all + r->settlers->n; s++) {
		if (s->unshared && !s->settled)
			note_failure(s, "nothing that a second node shows");
		rc = tell_one(r, s, e);
		if (rc == RC_OK)
			rc = settler_health_set(r->db, s->name, &s->health, e);
	}
	if (rc == RC_OK)
		rc = tell_refusals(r, e);
	if (rc == RC_OK)
		rc = run_over_unseen(r, "gas account fails", e);
	/* Nothing is wrong with a gas account that isn't used any more. */
	if (rc == RC_OK && r->direct == NULL)
		rc = run_over_unseen(r, "gas account is poor", e);
	if (rc == RC_OK && r->direct == NULL)
		rc = run_over_unseen(r, "gas account used elsewhere", e);
	return rc == RC_OK ? run_over_unseen(r, "facilitator fails", e) : rc;
}

/* How node name did in this run; words is NULL when it did its work. */
static enum rc
tell_node(struct run *r, const char *name, const char *words, struct err *e)
{
	struct settler node = { .name = "" };
	struct settler_health *h = &node.health;
	enum rc rc;

	(void)snprintf(node.name, sizeof(node.name), "node %s", name);
	rc = settler_health_get(r->db, node.name, h, e);
	if (rc != RC_OK || (words == NULL && h->failing_ms == 0))
		return rc;
	if (words == NULL)
		*h = (struct settler_health){ .settled_ms = clock_unix_ms() };
	else
		note_failure(&node, words);
	rc = settler_health_set(r->db, node.name, h, e);
	if (rc == RC_OK && h->runs >= NODE_RUNS_MAX)
		rc = run_finding(r, "node fails", name, h->words, e);
	return rc;
}

enum rc
nodes_tell(struct run *r, struct err *e)
{
	struct node_fault faults[NODE_FAULTS_MAX];
	size_t i, k, n, count = nodes_count(r->nodes);
	char words[SETTLER_WORDS_MAX + 1];
	const char *name;
	enum rc rc = RC_OK;
	bool any;

	if (r->options->dry_run)
		return RC_OK;
	n = nodes_faults(r->nodes, faults);
	for (i = 0; rc == RC_OK && i < count; i++) {
		name = nodes_name(r->nodes, i);
		any = false;
		for (k = 0; k < n && !any; k++) {
			any = strcmp(faults[k].node, name) == 0;
			if (any)
				(void)snprintf(words, sizeof(words), "%s: %s",
				    node_fault_name(faults[k].kind),
				    faults[k].words);
		}
		rc = tell_node(r, name, any ? words : NULL, e);
	}
	return rc == RC_OK ? run_over_unseen(r, "node fails", e) : rc;
}

void
settlers_free(struct settlers *all)
{
	if (all != NULL)
		free(all->refusals);
	free(all);
}
