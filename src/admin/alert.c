/*
 * worknet alert: who is told of incidents, and what became of it. Receivers are
 * in a file of their own, with their secrets; deliveries in the ledger.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "admin/commands.h"
#include "admin/table.h"
#include "alert/receiver.h"
#include "base/clock.h"
#include "base/secret.h"
#include "http/http.h"
#include "ledger/alert.h"
#include "ledger/task.h"

#define PAGERDUTY_URL "https://events.pagerduty.com/v2/enqueue"
#define WHERE_MAX     (URL_MAX + 1)

/* ---- The file ---- */

/* Without the file there are none. */
static enum rc
receivers_load(struct receivers *r, const struct admin *a, struct err *e)
{
	enum rc rc = receivers_read(r, a->conf.alert_receivers_file, e);

	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
receiver_get(struct receiver **out, struct receivers *r, const struct admin *a,
    struct err *e)
{
	enum rc rc = receivers_load(r, a, e);

	if (rc != RC_OK)
		return rc;
	*out = receivers_find(r, a->args.arg[0]);
	return *out != NULL
	    ? RC_OK
	    : err_set(e, RC_NOT_FOUND, "no receiver is called \"%.80s\"",
		  a->args.arg[0]);
}

static enum rc
secret_read(struct receiver *one, const char *path, struct err *e)
{
	struct slice text;
	struct buf b;
	enum rc rc;

	buf_init(&b, RECEIVER_SECRET_MAX + 2);
	rc = strcmp(path, "-") == 0 ? buf_read_fd(&b, 0, "standard input", e)
				    : buf_read_file(&b, path, e);
	text = secret_trim((struct slice){ b.p, b.len });
	if (rc == RC_OK && text.len > RECEIVER_SECRET_MAX)
		rc = err_set(e, RC_INVALID, "the secret is too long");
	if (rc == RC_OK) {
		slice_copy(one->secrets[0], sizeof(one->secrets[0]), text);
		one->secrets_n = 1;
	}
	if (b.p != NULL)
		secret_wipe(b.p, b.len);
	buf_free(&b);
	return rc;
}

/* Where it is told: a host that workers would ask, too. */
static enum rc
where_take(struct receiver *one, const struct admin *a, struct err *e)
{
	const char *url = a->args.opt[OPT_URL];
	char ascii[HTTP_URL_MAX + 1];
	enum rc rc = RC_OK;

	if (url == NULL && one->kind == RECEIVER_PAGERDUTY)
		url = PAGERDUTY_URL;
	if (url == NULL)
		return err_set(
		    e, RC_INVALID, "--url is needed: where it is told");
	if (one->kind == RECEIVER_MAIL)
		(void)snprintf(ascii, sizeof(ascii), "%s", url);
	else
		rc = http_url_ascii(ascii, url,
		    a->conf.alert_allow_private ? target_is_any
						: target_is_public,
		    e);
	if (rc == RC_OK && strlen(ascii) > URL_MAX)
		rc = err_set(e, RC_INVALID, "--url: got %zu bytes, expected %d",
		    strlen(ascii), URL_MAX);
	if (rc == RC_OK)
		slice_copy(one->where, sizeof(one->where), slice_of(ascii));
	return rc;
}

static enum rc
receiver_said(struct receiver *one, const struct admin *a, struct err *e)
{
	const char *task = a->args.opt[OPT_TASK], *name = a->args.arg[0];
	struct task_row t;
	enum rc rc;

	*one = (struct receiver){ .secrets_n = 0 };
	if (strlen(name) > RECEIVER_MAX)
		return err_set(e, RC_INVALID,
		    "a receiver's name: got %zu bytes, expected %d at most",
		    strlen(name), RECEIVER_MAX);
	slice_copy(one->name, sizeof(one->name), slice_of(name));
	rc = receiver_kind_parse(&one->kind, a->args.arg[1], e);
	if (rc == RC_OK)
		rc = where_take(one, a, e);
	if (rc == RC_OK && task != NULL) {
		rc = task_get(a->db, task, &t, e);
		if (rc == RC_OK)
			slice_copy(
			    one->task, sizeof(one->task), slice_of(t.name));
	}
	if (rc == RC_OK && a->args.opt[OPT_FILE] != NULL)
		rc = secret_read(one, a->args.opt[OPT_FILE], e);
	if (rc == RC_OK && one->kind == RECEIVER_WEBHOOK && one->secrets_n == 0)
		rc = receiver_secret_new(one, e);
	return rc;
}

/* Its secret, which nothing else shows. */
static void
secret_print(struct admin *a, const struct receiver *one)
{
	bool shown = one->kind == RECEIVER_WEBHOOK;

	out_fields(a->out,
	    (const struct out_field[]){
		{ "receiver", NULL, OUT_TEXT, out_text(one->name) },
		{ "secret", shown ? "secret" : NULL, OUT_TEXT,
		    out_text(shown ? one->secrets[0] : NULL) },
		OUT_END });
}

/* ---- Commands ---- */

enum admin_exit
command_alert_add(struct admin *a)
{
	struct receivers r = { .n = 0 };
	struct err e = ERR_INIT;
	struct receiver one;
	enum admin_exit code;
	enum rc rc;

	code = admin_open_edit(a);
	if (code != ADMIN_OK)
		return code;
	rc = receiver_said(&one, a, &e);
	if (rc == RC_OK)
		rc = receivers_load(&r, a, &e);
	if (rc == RC_OK)
		rc = receivers_add(&r, &one, &e);
	/* One of that name may have been switched off once. */
	if (rc == RC_OK)
		rc = alert_resume(a->db, one.name, clock_unix_ms(), &e);
	if (rc == RC_OK)
		rc = receivers_write(&r, a->conf.alert_receivers_file, &e);
	code = admin_commit(a, rc, &e);
	if (code == ADMIN_OK)
		secret_print(a, &one);
	receivers_free(&r);
	secret_wipe(&one, sizeof(one));
	return code;
}

enum admin_exit
command_alert_rotate(struct admin *a)
{
	struct receivers r = { .n = 0 };
	struct err e = ERR_INIT;
	struct receiver *one;
	enum admin_exit code;
	enum rc rc;

	code = admin_configure(a);
	if (code != ADMIN_OK)
		return code;
	rc = receiver_get(&one, &r, a, &e);
	if (rc == RC_OK && one->kind != RECEIVER_WEBHOOK)
		rc = err_set(
		    &e, RC_INVALID, "only a webhook's secret is made here");
	if (rc == RC_OK)
		rc = receiver_secret_new(one, &e);
	if (rc == RC_OK)
		rc = receivers_write(&r, a->conf.alert_receivers_file, &e);
	if (rc == RC_OK)
		secret_print(a, one);
	receivers_free(&r);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

enum admin_exit
command_alert_remove(struct admin *a)
{
	struct receivers r = { .n = 0 };
	struct err e = ERR_INIT;
	struct receiver *one;
	enum admin_exit code;
	enum rc rc;

	code = admin_configure(a);
	if (code != ADMIN_OK)
		return code;
	rc = receiver_get(&one, &r, a, &e);
	if (rc == RC_OK &&
	    !admin_confirm(a, "Remove %s, and its secret?", a->args.arg[0])) {
		receivers_free(&r);
		return ADMIN_REFUSED;
	}
	if (rc == RC_OK) {
		receivers_remove(&r, one);
		rc = receivers_write(&r, a->conf.alert_receivers_file, &e);
	}
	receivers_free(&r);
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	admin_done(a, "receiver", a->args.arg[0], "removed");
	return ADMIN_OK;
}

/* Does something in the ledger for the named receiver, and says so. */
static enum admin_exit
with_receiver(struct admin *a,
    enum rc (*act)(struct admin *, const struct receiver *, struct err *),
    const char *done)
{
	struct receivers r = { .n = 0 };
	struct err e = ERR_INIT;
	struct receiver *one;
	enum admin_exit code;
	enum rc rc;

	code = admin_open_edit(a);
	if (code != ADMIN_OK)
		return code;
	rc = receiver_get(&one, &r, a, &e);
	if (rc == RC_OK)
		rc = act(a, one, &e);
	receivers_free(&r);
	code = admin_commit(a, rc, &e);
	if (code == ADMIN_OK)
		admin_done(a, "receiver", a->args.arg[0], done);
	return code;
}

static enum rc
resume(struct admin *a, const struct receiver *one, struct err *e)
{
	return alert_resume(a->db, one->name, clock_unix_ms(), e);
}

enum admin_exit
command_alert_resume(struct admin *a)
{
	return with_receiver(a, resume, "resumed");
}

static enum rc
test_add(struct admin *a, const struct receiver *one, struct err *e)
{
	const struct alert_wish wish = { one->name, NULL };
	struct alert_event event = { .kind = ALERT_TEST,
		.noted_ms = clock_unix_ms(),
		.to_ms = UPTIME_NO_TIME };
	char prefix[ALERT_PREFIX_LEN + 1];
	uint64_t random;
	bool off;
	enum rc rc = alert_is_off(a->db, one->name, &off, e);

	if (rc == RC_OK && off)
		rc = err_set(e, RC_CONFLICT,
		    "%s said that it is gone: worknet alert resume %s",
		    one->name, one->name);
	if (rc == RC_OK)
		rc = alert_prefix(prefix, a->db, e);
	if (rc != RC_OK)
		return rc;
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_set(e, RC_IO, "getrandom: %m");
	event.from_ms = event.noted_ms;
	(void)snprintf(event.name, sizeof(event.name), "test-%s-%016" PRIx64,
	    prefix, random);
	return alert_add(a->db, &event, &wish, 1, NULL, e);
}

enum admin_exit
command_alert_test(struct admin *a)
{
	return with_receiver(
	    a, test_add, "to be told by the next run of worknet-alert");
}

/* ---- Looking ---- */

static enum rc
receiver_row(struct admin *a, const struct receiver *one, struct err *e)
{
	int64_t waiting = 0, since_ms = 0, last_ms = 0;
	struct query *q = db_query(a->db, Q_ALERT_STANDING);
	char where[WHERE_MAX];
	bool off;
	enum rc rc;

	query_text(q, 1, slice_of(one->name));
	rc = query_ints(
	    q, (int64_t *const[]){ &waiting, &since_ms, &last_ms }, 3, e);
	if (rc == RC_OK)
		rc = alert_is_off(a->db, one->name, &off, e);
	if (rc != RC_OK)
		return rc;
	if (one->kind == RECEIVER_MAIL)
		(void)snprintf(where, sizeof(where), "%s", one->where);
	else
		http_url_origin(where, sizeof(where), one->where);
	out_row(a->out,
	    (struct out_value[]){ out_text(one->name),
		out_text(receiver_kind_name(one->kind)),
		out_text(one->task[0] == '\0' ? NULL : one->task),
		out_text(off ? "off" : "on"), out_int(waiting),
		out_if(since_ms != 0, out_int(since_ms)),
		out_if(last_ms != 0, out_int(last_ms)),
		out_int((int64_t)one->secrets_n), out_text(where) });
	return RC_OK;
}

enum admin_exit
command_alert_list(struct admin *a)
{
	static const struct out_column columns[] = {
		{ "receiver", "RECEIVER", OUT_TEXT },
		{ "kind", "KIND", OUT_TEXT },
		{ "task", "TASK", OUT_TEXT },
		{ "state", "STATE", OUT_TEXT },
		{ "waiting", "WAITING", OUT_COUNT },
		{ "waitingSinceMs", "SINCE", OUT_TIME },
		{ "lastMs", "LAST TOLD", OUT_TIME },
		{ "secrets", NULL, OUT_COUNT },
		{ "where", "WHERE", OUT_TEXT },
	};
	struct receivers r = { .n = 0 };
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;
	size_t i;

	code = admin_open_read(a);
	if (code != ADMIN_OK)
		return code;
	rc = receivers_load(&r, a, &e);
	if (rc == RC_OK)
		out_table(a->out, "receivers", NULL, columns,
		    sizeof(columns) / sizeof(columns[0]));
	for (i = 0; rc == RC_OK && i < r.n; i++)
		rc = receiver_row(a, &r.all[i], &e);
	if (rc == RC_OK)
		out_table_end(a->out, "nobody is told of incidents");
	receivers_free(&r);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

static const struct table deliveries = { "deliveries", NULL,
	{
	    { { "event", NULL, OUT_COUNT }, C_ALERT_DELIVERIES_EVENT },
	    { { "id", NULL, OUT_TEXT }, C_ALERT_DELIVERIES_NAME },
	    { { "notedMs", "NOTED", OUT_TIME }, C_ALERT_DELIVERIES_NOTED_MS },
	    { { "receiver", "RECEIVER", OUT_TEXT },
		C_ALERT_DELIVERIES_RECEIVER },
	    { { "kind", "WHAT", OUT_TEXT }, C_ALERT_DELIVERIES_KIND },
	    { { "task", "TASK", OUT_TEXT }, C_ALERT_DELIVERIES_TASK },
	    { { "state", "STATE", OUT_TEXT }, C_ALERT_DELIVERIES_STATE },
	    { { "tries", "TRIES", OUT_COUNT }, C_ALERT_DELIVERIES_TRIES },
	    { { "lastMs", NULL, OUT_TIME }, C_ALERT_DELIVERIES_LAST_MS },
	    { { "nextMs", "NEXT", OUT_TIME }, C_ALERT_DELIVERIES_NEXT_MS },
	    { { "detail", "DETAIL", OUT_TEXT }, C_ALERT_DELIVERIES_DETAIL },
	} };

enum admin_exit
command_alert_show(struct admin *a)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	struct query *q;
	int64_t limit;
	enum rc rc;

	code = admin_open_list(a, LIST_LIMIT, &limit);
	if (code != ADMIN_OK)
		return code;
	q = db_query(a->db, Q_ALERT_DELIVERIES);
	query_text(q, 1, slice_of(a->args.n == 1 ? a->args.arg[0] : ""));
	query_int(q, 2, limit);
	rc = table_print(
	    a->out, &deliveries, q, "nobody was told anything", NULL, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}
