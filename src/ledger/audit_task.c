/* The audit of accounts, tasks and definitions. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "eth/attest.h"
#include "ledger/audit_part.h"

#define GROW_FIRST 64 /* elements of an array that begins to grow */

/* Makes room for one more element of size bytes at *array. */
static enum rc
grow(void **array, size_t n, size_t size, struct err *e)
{
	size_t cap;
	void *p;

	/* Full when n is 0 or a power of two from GROW_FIRST on. */
	if (n != 0 && (n < GROW_FIRST || (n & (n - 1)) != 0))
		return RC_OK;
	cap = n == 0 ? GROW_FIRST : 2 * n;
	p = reallocarray(*array, cap, size);
	if (p == NULL)
		return err_set(e, RC_NO_MEMORY, "audit: no memory");
	*array = p;
	return RC_OK;
}

static int
by_id(const void *key, const void *element)
{
	int64_t id = *(const int64_t *)key;
	const int64_t *other = element;

	return (id > *other) - (id < *other);
}

struct audit_account *
audit_account_find(struct audit *a, int64_t id)
{
	static_assert(offsetof(struct audit_account, id) == 0, "for by_id");

	/* Numbered from 1 without a gap, in every ledger that is right. */
	if (id > 0 && (uint64_t)id <= a->accounts_n &&
	    a->accounts[id - 1].id == id)
		return &a->accounts[id - 1];
	if (a->accounts_n == 0)
		return NULL;
	return bsearch(
	    &id, a->accounts, a->accounts_n, sizeof(a->accounts[0]), by_id);
}

struct audit_task *
audit_task_find(struct audit *a, int64_t id)
{
	static_assert(offsetof(struct audit_task, id) == 0, "for by_id");

	if (id > 0 && (uint64_t)id <= a->tasks_n && a->tasks[id - 1].id == id)
		return &a->tasks[id - 1];
	if (a->tasks_n == 0)
		return NULL;
	return bsearch(&id, a->tasks, a->tasks_n, sizeof(a->tasks[0]), by_id);
}

/* What the accounts of the ledger itself are for; the others are workers'. */
static const char *
account_kind(int64_t id)
{
	switch (id) {
	case ACCOUNT_REWARDS:
		return "rewards";
	case ACCOUNT_IN_FLIGHT:
		return "in flight";
	case ACCOUNT_TREASURY:
		return "treasury";
	default:
		return "worker";
	}
}

static enum rc
account_load(struct audit *a, struct query *q, struct err *e)
{
	struct audit_account c = { .id = query_get_int(q, 0),
		.balance_micros = query_get_int(q, 2) };
	bool has_worker = query_get_int(q, 3) != 0;
	void *array = a->accounts;
	enum rc rc;

	c.is_worker = c.id > ACCOUNT_TREASURY;
	if (!slice_is(query_get_text(q, 1), account_kind(c.id)))
		audit_found(a, AUDIT_BALANCE,
		    "account %" PRId64 ": isn't of the kind %s", c.id,
		    account_kind(c.id));
	if (c.is_worker != has_worker)
		audit_found(a, AUDIT_BALANCE, "account %" PRId64 ": %s", c.id,
		    has_worker ? "has a worker" : "has no worker");
	rc = grow(&array, a->accounts_n, sizeof(c), e);
	if (rc != RC_OK)
		return rc;
	a->accounts = array;
	a->accounts[a->accounts_n++] = c;
	return RC_OK;
}

enum rc
audit_accounts_load(struct audit *a, struct err *e)
{
	struct query *q = db_query(a->db, Q_AUDIT_ACCOUNT);
	int64_t id;
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = account_load(a, q, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	for (id = ACCOUNT_REWARDS; id <= ACCOUNT_TREASURY; id++)
		if (rc == RC_OK && audit_account_find(a, id) == NULL)
			audit_found(a, AUDIT_BALANCE,
			    "account %" PRId64 ": is missing (%s)", id,
			    account_kind(id));
	return rc;
}

void
audit_accounts_check(struct audit *a)
{
	const struct audit_account *c;
	bool overflow = false;
	int64_t total = 0;
	size_t i;

	for (i = 0; i < a->accounts_n; i++) {
		c = &a->accounts[i];
		if (c->overflow)
			audit_found(a, AUDIT_BALANCE,
			    "account %" PRId64
			    ": its transfers add up to more than there can be",
			    c->id);
		else if (c->balance_micros != c->sum_micros)
			audit_found(a, AUDIT_BALANCE,
			    "account %" PRId64 ": balance is %" PRId64
			    " micro-USDC, its transfers add up to %" PRId64,
			    c->id, c->balance_micros, c->sum_micros);
		if (c->is_worker && c->balance_micros < 0)
			audit_found(a, AUDIT_BALANCE,
			    "account %" PRId64
			    ": a worker's balance is negative: %" PRId64
			    " micro-USDC",
			    c->id, c->balance_micros);
		overflow |=
		    __builtin_add_overflow(total, c->balance_micros, &total);
	}
	if (overflow || total != 0)
		audit_found(a, AUDIT_TRIAL_BALANCE,
		    "all balances add up to %" PRId64
		    " micro-USDC%s, expected 0",
		    total, overflow ? " and more" : "");
	audit_checked(a, AUDIT_BALANCE, (int64_t)a->accounts_n);
	audit_checked(a, AUDIT_TRIAL_BALANCE, 1);
}

static enum rc
versions_check(struct audit *a, struct err *e)
{
	struct query *q = db_query(a->db, Q_AUDIT_VERSION);
	struct tail before = { .last_id = 0 };
	uint8_t hash[KECCAK256_LEN];
	struct version_row v;
	int64_t n = 0;
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		row_read_version(q, C_AUDIT_VERSION_VERSION, &v, hash);
		rule_version(&a->rules, &v, &before, hash);
		before.last_id = v.id;
		memcpy(before.hash, hash, sizeof(before.hash));
		if (query_get_int(q, C_AUDIT_VERSION_HAS_TASK) == 0)
			audit_found(a, AUDIT_TASK,
			    "definition %" PRId64 ": of task %" PRId64
			    ", which doesn't exist",
			    v.id, v.task);
		if ((++n & 0xfff) == 0)
			audit_tick(a, "definitions", n, 0);
	}
	query_done(q);
	audit_checked(a, AUDIT_VERSION_CHAIN, n);
	return rc;
}

static enum rc
task_load(struct audit *a, struct query *q, struct err *e)
{
	struct audit_task t = { .id = query_get_int(q, C_AUDIT_TASK_ID) };
	struct slice name = query_get_text(q, C_AUDIT_TASK_NAME);
	int64_t version = query_get_int(q, C_AUDIT_TASK_VERSION);
	void *array = a->tasks;
	enum rc rc;

	if (!task_id_is_valid(name))
		audit_found(
		    a, AUDIT_TASK, "task %" PRId64 ": no valid name", t.id);
	if (query_get_int(q, C_AUDIT_TASK_VERSION_TASK) != t.id)
		audit_found(a, AUDIT_TASK,
		    "task %" PRId64 ": definition %" PRId64 " isn't its own",
		    t.id, version);
	else if (query_get_int(q, C_AUDIT_TASK_IS_ALIKE) == 0)
		audit_found(a, AUDIT_TASK,
		    "task %" PRId64 ": isn't as definition %" PRId64 " says",
		    t.id, version);
	rc = grow(&array, a->tasks_n, sizeof(t), e);
	if (rc != RC_OK)
		return rc;
	a->tasks = array;
	a->tasks[a->tasks_n++] = t;
	return RC_OK;
}

enum rc
audit_tasks(struct audit *a, struct err *e)
{
	struct query *q;
	enum rc rc;
	bool row;

	rc = versions_check(a, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(a->db, Q_AUDIT_TASK);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = task_load(a, q, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	audit_checked(a, AUDIT_TASK, (int64_t)a->tasks_n);
	return rc;
}

enum rc
audit_schedule(struct audit *a, struct err *e)
{
	struct query *q = db_query(a->db, Q_AUDIT_SCHEDULE);
	struct slice table, what;
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		table = query_get_text(q, C_AUDIT_SCHEDULE_TABLE);
		what = query_get_text(q, C_AUDIT_SCHEDULE_WHAT);
		audit_found(a, AUDIT_SCHEDULE,
		    "%.*s: of worker %" PRId64 ", task %" PRId64
		    ", slot %" PRId64 ": %.*s",
		    (int)table.len, table.p,
		    query_get_int(q, C_AUDIT_SCHEDULE_WORKER),
		    query_get_int(q, C_AUDIT_SCHEDULE_TASK),
		    query_get_int(q, C_AUDIT_SCHEDULE_SLOT), (int)what.len,
		    what.p);
	}
	query_done(q);
	audit_checked(a, AUDIT_SCHEDULE, 1);
	return rc;
}
