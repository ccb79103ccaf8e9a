/* The run's side: asks, and waits for the answer. */
#include "vault/vault.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vault/message.h"
#include "vault/process.h"

/* A keystore takes seconds to open, a disk that is busy may take long. */
#define ANSWER_WAIT_MS 120000

#define END_WAIT_MS 5000

struct vault {
	int fd;	   /* owned; -1 once the vault can't be relied on */
	pid_t pid; /* owned: waited for */
	uint32_t asked;
	struct answer_hello hello;
	/* Both are too large for the stack. */
	struct question question;
	struct answer answer; /* the last one */
};

/* What follows would be an answer to something else. */
static enum rc
give_up(struct vault *v, const char *why, struct err *e)
{
	(void)close(v->fd);
	v->fd = -1;
	return err_set(e, RC_IO, "vault: %s", why);
}

/* The answer to the last question; its rc and message are the result. */
static enum rc
answer_wait(struct vault *v, enum question_kind kind, struct err *e)
{
	struct answer *out = &v->answer;
	struct pollfd fd = { .fd = v->fd, .events = POLLIN };
	ssize_t n;
	int ready;

	do
		ready = poll(&fd, 1, ANSWER_WAIT_MS);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return give_up(v, "no answer in two minutes", e);
	n = recv(v->fd, out, sizeof(*out), MSG_TRUNC);
	if (n <= 0)
		return give_up(v, "its process has ended", e);
	if (n != (ssize_t)sizeof(*out) || out->kind != kind ||
	    out->number != v->asked || out->rc < RC_OK ||
	    out->rc > RC_CORRUPT ||
	    memchr(out->why, '\0', sizeof(out->why)) == NULL)
		return give_up(v, "not the answer to what was asked", e);
	return out->rc == RC_OK ? RC_OK : err_set(e, out->rc, "%s", out->why);
}

static enum rc
ask(struct vault *v, enum question_kind kind, struct err *e)
{
	size_t size = question_size(kind);
	ssize_t n;

	memset(&v->answer, 0, sizeof(v->answer));
	if (v->fd < 0)
		return err_set(e, RC_IO, "vault: it can't be asked any more");
	v->question.kind = kind;
	v->question.number = ++v->asked;
	do
		n = send(v->fd, &v->question, size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)size)
		return give_up(v, "its process has ended", e);
	return answer_wait(v, kind, e);
}

enum rc
vault_start(struct vault **out, const struct vault_options *o, struct err *e)
{
	struct vault *v = calloc(1, sizeof(*v));
	pid_t parent = getpid();
	int fds[2];
	enum rc rc;

	*out = NULL;
	if (v == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
		free(v);
		return err_set(e, RC_IO, "vault: %s", strerror(errno));
	}
	v->pid = fork();
	if (v->pid == 0) {
		(void)close(fds[0]);
		vault_live(fds[1], (int)parent, o);
	}
	(void)close(fds[1]);
	v->fd = fds[0];
	if (v->pid < 0)
		rc = err_set(e, RC_IO, "vault: %s", strerror(errno));
	else
		rc = answer_wait(v, ASK_HELLO, e);
	if (rc == RC_OK)
		v->hello = v->answer.of.hello;
	if (rc == RC_OK)
		*out = v;
	else
		vault_free(v);
	return rc;
}

/* Its end of the pair is closed when it is gone; that takes no time. */
static bool
has_ended(struct vault *v)
{
	struct pollfd fd = { .fd = v->fd, .events = 0 };
	int ready;

	if (v->fd < 0 || shutdown(v->fd, SHUT_WR) != 0)
		return false;
	do
		ready = poll(&fd, 1, END_WAIT_MS);
	while (ready < 0 && errno == EINTR);
	return ready > 0 && (fd.revents & POLLHUP) != 0;
}

void
vault_free(struct vault *v)
{
	if (v == NULL)
		return;
	/* It ends when nobody can ask it any more; what doesn't is ended. */
	if (v->pid > 0 && !has_ended(v))
		(void)kill(v->pid, SIGKILL);
	if (v->fd >= 0)
		(void)close(v->fd);
	while (v->pid > 0 && waitpid(v->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(v);
}

const struct address *
vault_treasury(const struct vault *v)
{
	return &v->hello.treasury;
}

const struct address *
vault_gas_account(const struct vault *v)
{
	return &v->hello.gas_account;
}

unsigned
vault_protection(const struct vault *v)
{
	return v->hello.protection;
}

enum rc
vault_open(struct vault *v, const uint8_t ledger_id[static LEDGER_ID_LEN],
    const struct journal_seen *seen, int64_t chain_time_s,
    int64_t oldest_time_s, struct journal_mark *mark, struct err *e)
{
	enum rc rc;

	v->question.of.open = (struct question_open){ .seen = *seen,
		.chain_time_s = chain_time_s,
		.oldest_time_s = oldest_time_s };
	memcpy(v->question.of.open.ledger_id, ledger_id, LEDGER_ID_LEN);
	rc = ask(v, ASK_OPEN, e);
	*mark = v->answer.of.mark;
	return rc;
}

enum rc
vault_sign(struct vault *v, const struct vault_times *times,
    const struct vault_request *rq, size_t n, struct vault_signed *out,
    size_t *done, struct journal_mark *mark, struct err *e)
{
	struct question_sign *q = &v->question.of.sign;
	const struct answer_sign *a = &v->answer.of.sign;
	enum rc rc;

	CHECK(n > 0 && n <= VAULT_SIGN_MAX);
	q->times = *times;
	q->n = n;
	memcpy(q->all, rq, n * sizeof(*rq));
	rc = ask(v, ASK_SIGN, e);
	if (a->done > n || (rc == RC_OK) != (a->done == n))
		rc = give_up(v, "not the answer to what was asked", e);
	*done = v->fd < 0 ? 0 : a->done;
	*mark = a->mark;
	memcpy(out, a->all, n * sizeof(*out));
	return rc;
}

enum rc
vault_settled(struct vault *v, const struct address *worker, int64_t seq,
    int64_t micros, struct err *e)
{
	v->question.of.settled = (struct question_settled){
		.worker = *worker, .seq = seq, .micros = micros
	};
	return ask(v, ASK_SETTLED, e);
}

enum rc
vault_gas_sign(struct vault *v, const struct transaction *t,
    uint8_t signature[static SIGNATURE_LEN], struct err *e)
{
	struct question_gas *q = &v->question.of.gas;
	enum rc rc;

	memset(signature, 0, SIGNATURE_LEN);
	if (t->data.len > sizeof(q->bytes))
		return err_set(e, RC_INVALID, "transaction: too much data");
	q->transaction = *t;
	q->len = t->data.len;
	if (q->len > 0) /* memcpy wants a pointer even for nothing */
		memcpy(q->bytes, t->data.p, q->len);
	rc = ask(v, ASK_GAS, e);
	memcpy(signature, v->answer.of.signature, SIGNATURE_LEN);
	return rc;
}
