/*
 * The vault's process. test_vault_gate.c has what it signs,
 * test_vault_journal.c its journal, test_vault_sandbox.c what it can't do,
 * vault.t all of it within a payout run.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "t/unit/tap.h"
#include "vault/vault.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char dir[] = "/tmp/worknet-test-vault-XXXXXX";

static void
die(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static bool
same_address(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static const char *
path_of(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* ---- The process ---- */

#define KEY "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"

static struct vault_options
options(void)
{
	static char *key, *gas_key, *journal;

	if (key == NULL) {
		key = strdup(path_of("key"));
		gas_key = strdup(path_of("gas-key"));
		journal = strdup(path_of("journal"));
	}
	return (struct vault_options){
		.key_file = key,
		.passphrase_file = "",
		.gas_key_file = gas_key,
		.journal_file = journal,
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
	    vault_open(v, ledger, seen, (int64_t)time(NULL), 0, &mark, &e) !=
		RC_OK)
		die("vault", e.msg);
	return v;
}

static struct vault_request
request(uint8_t who, int64_t seq, int64_t amount)
{
	return (struct vault_request){ .worker = { { who } },
		.seq = seq,
		.amount_micros = amount,
		.earned_micros = 700,
		.seal = { .verified_to = 1, .balance_micros = amount },
		.authorizes = true };
}

/* What was signed, and how far the journal was then. */
struct signed_one {
	struct vault_signed is;
	struct journal_mark mark;
};

static enum rc
sign(struct vault *v, const struct vault_request *rq, struct signed_one *out,
    struct err *e)
{
	const int64_t now = (int64_t)time(NULL);
	size_t done;

	return vault_sign(v, &(struct vault_times){ now, now - 1200 }, rq, 1,
	    &out->is, &done, &out->mark, e);
}

static enum rc
authorize(struct vault *v, uint8_t who, int64_t seq, int64_t amount,
    struct signed_one *out, struct err *e)
{
	struct vault_request rq = request(who, seq, amount);

	return sign(v, &rq, out, e);
}

static enum rc
seal(struct vault *v, struct seal *s, const struct sealed *what, struct err *e)
{
	struct vault_request rq = { .worker = what->worker,
		.seq = what->seq,
		.amount_micros = what->amount_micros,
		.seal = *s,
		.seals = true };
	struct signed_one out;
	enum rc rc = sign(v, &rq, &out, e);

	memcpy(s->signature, out.is.seal, SIGNATURE_LEN);
	return rc;
}

/* Who signed: the nonce and the digest are computed here once more. */
static bool
is_signed_by(const struct vault *v, const struct vault_options *o, uint8_t who,
    int64_t seq, int64_t amount, const struct vault_signed *a)
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
	return eth_recover(&signer, digest, a->authorization, NULL) == RC_OK &&
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
	struct signed_one a, b;
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
		is_signed_by(v, &o, 9, 1, 60, &a.is),
	    "an authorization has the treasury's signature, and the nonce of "
	    "its number");
	tap_ok(authorize(v, 9, 1, 60, &b, &e) == RC_OK &&
		memcmp(a.is.authorization, b.is.authorization, SIGNATURE_LEN) ==
		    0 &&
		b.is.valid_before == a.is.valid_before && b.mark.entries == 1,
	    "the same request gets the same bytes, and isn't noted again");
	tap_ok(authorize(v, 9, 1, 70, &b, &e) == RC_CONFLICT &&
		b.is.instead_micros == 60 &&
		b.is.valid_before == a.is.valid_before,
	    "another amount under its number is refused, and told the first");
	tap_ok(authorize(v, 9, 2, 101, &b, &e) == RC_INVALID &&
		strstr(e.msg, "max_per_payout_micros") != NULL,
	    "a cap is named");
	tap_ok(authorize(v, 9, 2, 95, &b, &e) == RC_INVALID &&
		strstr(e.msg, "max_per_worker_day_micros") != NULL &&
		b.is.instead_micros == 90,
	    "and told what it leaves");
	vault_free(v);
	seen.has_mark = true;
	seen.mark = a.mark;
	v = start(&o, &seen);
	tap_ok(authorize(v, 9, 1, 60, &b, &e) == RC_OK &&
		memcmp(a.is.authorization, b.is.authorization, SIGNATURE_LEN) ==
		    0,
	    "another process gives the same bytes");
	tap_ok(authorize(v, 8, 1, 100, &a, &e) == RC_OK &&
		authorize(v, 7, 1, 100, &a, &e) == RC_OK &&
		authorize(v, 6, 1, 100, &a, &e) == RC_INVALID &&
		strstr(e.msg, "max_per_day_micros") != NULL &&
		a.is.instead_micros == 40,
	    "what was signed before it was started counts");
	vault_free(v);
}

static enum rc
authorize_earned(struct vault *v, int64_t seq, int64_t amount, int64_t earned,
    struct signed_one *out, struct err *e)
{
	struct vault_request rq = request(9, seq, amount);

	rq.earned_micros = earned;
	return sign(v, &rq, out, e);
}

static void
test_earned(void)
{
	const struct address who = { { 9 } };
	const struct address other = { { 8 } };
	struct journal_seen none = { .any = false };
	struct vault_options o = options();
	struct signed_one a;
	struct err e = ERR_INIT;
	struct vault *v;
	int i;

	o.caps = (struct gate_caps){ 1000, 1000, 1000, 1000 };
	o.journal_file = path_of("earned");
	v = start(&o, &none);
	tap_ok(authorize_earned(v, 1, 60, 60, &a, &e) == RC_OK &&
		authorize_earned(v, 1, 60, 0, &a, &e) == RC_OK &&
		authorize_earned(v, 2, 40, 100, &a, &e) == RC_OK,
	    "what a worker has earned is signed, under two numbers");
	for (i = 0; i < 2; i++) {
		tap_ok(authorize_earned(v, 3, 1, 100, &a, &e) == RC_INVALID &&
			a.is.reason == GATE_EARNED && a.is.instead_micros == 0,
		    i == 0 ? "and no more under a third one"
			   : "nor by another process");
		vault_free(v);
		v = start(&o, &none);
	}
	tap_ok(vault_settled(v, &other, 1, 0, &e) == RC_OK &&
		vault_settled(v, &who, 1, 0, &e) == RC_OK &&
		vault_settled(v, &who, 1, 0, &e) == RC_OK,
	    "one of them is canceled");
	for (i = 0; i < 2; i++) {
		tap_ok(authorize_earned(v, 3, 61, 100, &a, &e) == RC_INVALID,
		    i == 0 ? "then no more than it had is signed"
			   : "nor by another process");
		vault_free(v);
		v = start(&o, &none);
	}
	tap_ok(authorize_earned(v, 3, 60, 100, &a, &e) == RC_OK &&
		a.mark.entries == 4,
	    "but that; and it was noted once");
	vault_free(v);
}

/* What one process signs is one run's; another one is another run. */
static void
test_run_cap(void)
{
	struct journal_seen none = { .any = false };
	struct vault_options o = options();
	struct signed_one a;
	struct err e = ERR_INIT;
	struct vault *v;

	o.caps = (struct gate_caps){ 100, 100, 1000, 1000 };
	o.journal_file = path_of("run-cap");
	v = start(&o, &none);
	tap_ok(authorize_earned(v, 1, 60, 1000, &a, &e) == RC_OK &&
		authorize_earned(v, 2, 60, 1000, &a, &e) == RC_INVALID &&
		a.is.reason == GATE_RUN_CAP,
	    "a run signs no more than its cap");
	vault_free(v);
	v = start(&o, &none);
	tap_ok(authorize_earned(v, 2, 60, 1000, &a, &e) == RC_OK,
	    "the next one has its own");
	vault_free(v);
}

/* Several in one question. */
static void
test_several(void)
{
	const int64_t now = (int64_t)time(NULL);
	const struct vault_times times = { now, now - 1200 };
	struct vault_options o = options();
	struct vault_request rq[VAULT_SIGN_MAX];
	struct vault_signed out[VAULT_SIGN_MAX];
	struct journal_mark mark;
	struct err e = ERR_INIT;
	struct vault *v;
	size_t i, done, bad = 0;

	o.caps = (struct gate_caps){ 100, 1000, 1000, 400 };
	o.journal_file = path_of("several");
	v = start(&o, &(struct journal_seen){ .any = false });
	for (i = 0; i < 6; i++) {
		rq[i] = request((uint8_t)(20 + i), 1, 90);
		rq[i].seals = true;
	}
	rq[2].earned_micros = 89;
	tap_ok(
	    vault_sign(v, &times, rq, 6, out, &done, &mark, &e) == RC_INVALID &&
		done == 2 && out[2].reason == GATE_EARNED && mark.entries == 2,
	    "of several, those before the first that is refused are signed");
	for (i = 0; i < 2; i++)
		bad += !is_signed_by(v, &o, (uint8_t)(20 + i), 1, 90, &out[i]);
	tap_is_int((int64_t)bad, 0, "each is of its own payment");
	rq[2].earned_micros = 90;
	tap_ok(
	    vault_sign(v, &times, rq, 6, out, &done, &mark, &e) == RC_INVALID &&
		done == 4 && out[4].reason == GATE_DAY_CAP &&
		out[4].instead_micros == 40 && mark.entries == 4,
	    "the caps count those in front, and the same ones once");
	rq[4].amount_micros = 40;
	rq[5].amount_micros = 1;
	tap_ok(vault_sign(v, &times, rq + 4, 2, out, &done, &mark, &e) ==
		    RC_INVALID &&
		done == 1 && out[1].reason == GATE_DAY_CAP && mark.entries == 5,
	    "up to the last micro-USDC");
	for (i = 0; i < VAULT_SIGN_MAX; i++)
		rq[i] = request((uint8_t)(20 + i % 4), 1, 90);
	tap_ok(vault_sign(v, &times, rq, VAULT_SIGN_MAX, out, &done, &mark,
		   &e) == RC_OK &&
		done == VAULT_SIGN_MAX && mark.entries == 5,
	    "as many as may be asked for at once get theirs again");
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
	struct signed_one a;
	struct vault *v;
	struct seal forged;

	o.journal_file = path_of("seals");
	v = start(&o, &(struct journal_seen){ .any = false });
	tap_ok(seal(v, &s, &what, &e) == RC_OK &&
		seal_is_by(&s, &what, vault_treasury(v)),
	    "a payout that was verified is sealed");
	forged = s;
	forged.verified_to = 0;
	forged.balance_micros = 0;
	tap_ok(!seal_is_by(&forged, &what, vault_treasury(v)),
	    "its seal isn't that of one that was found on the chain");
	forged = s;
	forged.verified_hash[31]++;
	tap_ok(!seal_is_by(&forged, &what, vault_treasury(v)),
	    "nor of another history up to that transfer");
	s.balance_micros = 49;
	tap_is_int(seal(v, &s, &what, &e), RC_INVALID,
	    "a balance below the amount isn't sealed");
	s = (struct seal){ .balance_micros = 51 };
	tap_is_int(seal(v, &s, &what, &e), RC_INVALID,
	    "a payment found on the chain vouches for no balance");
	s.balance_micros = 0;
	tap_ok(seal(v, &s, &what, &e) == RC_OK &&
		seal_is_by(&s, &what, vault_treasury(v)),
	    "as such it is sealed");
	tap_is_int(authorize(v, 9, 1, 50, &a, &e), RC_CONFLICT,
	    "and its number is never signed");
	tap_ok(authorize(v, 9, 2, 100, &a, &e) == RC_OK &&
		authorize(v, 9, 3, 1, &a, &e) == RC_INVALID,
	    "it counts against the caps");
	what.ledger_id[0]++;
	tap_ok(!seal_is_by(&s, &what, vault_treasury(v)),
	    "its seal isn't one of another ledger");
	vault_free(v);
}

/* A journal whose only entry is nine days old: only its end is known. */
static void
old_journal(const struct address *treasury)
{
	const struct journal_owner owner = { .ledger_id = { 7 },
		.chain_id = 84532,
		.token = { { 2 } },
		.treasury = *treasury };
	const int64_t then = (int64_t)time(NULL) - 9 * GATE_DAY_S;
	struct journal_entry entry = { JOURNAL_PAYOUT, then, { { 9 } }, 1, 40,
		then + 3600 };
	const struct journal_seen none = { .any = false };
	struct err e = ERR_INIT;
	struct journal *j;

	if (journal_open(&j, path_of("old"), false, then, &e) != RC_OK ||
	    journal_read(j, &owner, &none, then, NULL, NULL, &e) != RC_OK ||
	    journal_append(j, &entry, &e) != RC_OK ||
	    journal_sync(j, &e) != RC_OK)
		die("journal", e.msg);
	journal_free(j);
}

static void
test_old_entries(void)
{
	const struct journal_seen none = { .any = false };
	struct vault_options o = options();
	struct seal s = { .verified_to = 0 };
	struct sealed what = { .ledger_id = { 7 },
		.worker = { { 9 } },
		.seq = 2,
		.amount_micros = 100 };
	struct signed_one a;
	struct err e = ERR_INIT;
	struct vault *v;

	o.journal_file = NULL;
	if (vault_start(&v, &o, &e) != RC_OK)
		die("vault", e.msg);
	old_journal(vault_treasury(v));
	vault_free(v);
	o.journal_file = path_of("old");
	v = start(&o, &none);
	tap_ok(seal(v, &s, &what, &e) == RC_OK &&
		authorize(v, 9, 2, 100, &a, &e) == RC_CONFLICT &&
		a.is.reason == GATE_ADOPTED,
	    "beside forgotten entries a payment that was found is noted");
	tap_ok(authorize(v, 9, 3, 60, &a, &e) == RC_INVALID &&
		strstr(e.msg, "max_per_worker_day_micros") != NULL,
	    "and counts against the caps");
	tap_ok(authorize_earned(v, 3, 50, 189, &a, &e) == RC_INVALID &&
		a.is.reason == GATE_EARNED &&
		authorize_earned(v, 3, 50, 190, &a, &e) == RC_OK,
	    "with the forgotten ones it counts against what was earned");
	vault_free(v);
}

/* Its process doesn't answer, and doesn't end by itself. */
static void
test_stopped(void)
{
	struct vault_options o = options();
	char path[100], child[20] = "";
	struct vault *v;
	FILE *f;

	o.journal_file = path_of("stopped");
	v = start(&o, &(struct journal_seen){ .any = false });
	(void)snprintf(
	    path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "r");
	if (f == NULL || fgets(child, sizeof(child), f) == NULL) {
		tap_ok(true, "stopped # SKIP no list of children here");
	} else {
		(void)alarm(60);
		(void)kill((pid_t)atoi(child), SIGSTOP);
		vault_free(v);
		(void)alarm(0);
		tap_ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD,
		    "a vault that was stopped is ended");
	}
	if (f != NULL)
		(void)fclose(f);
}

/* A clock that is ahead leaves no entry: it would count for as long. */
static void
test_clocks(void)
{
	const uint8_t ledger[LEDGER_ID_LEN] = { 7 };
	const struct journal_seen none = { .any = false };
	struct sealed what = { .ledger_id = { 7 },
		.worker = { { 5 } },
		.seq = 1,
		.amount_micros = 9 };
	const struct transaction t = { .chain_id = 84532,
		.max_fee_wei = 1000,
		.gas_limit = 340000,
		.to = multicall3 };
	struct vault_options o = options();
	const struct address who = { { 9 } };
	struct seal s = { .verified_to = 0 };
	uint8_t signature[SIGNATURE_LEN];
	struct signed_one a;
	struct journal_mark mark;
	struct err e = ERR_INIT;
	struct vault *v;
	int i;

	o.journal_file = path_of("clocks");
	v = start(&o, &none);
	tap_is_int(authorize(v, 9, 1, 9, &a, &e), RC_OK, "one is signed");
	for (i = 0; i < 2; i++) {
		vault_free(v);
		if (vault_start(&v, &o, &e) != RC_OK ||
		    vault_open(v, ledger, &none,
			i == 0 ? 0 : (int64_t)time(NULL) - 601, 0, &mark,
			&e) != RC_OK)
			die("vault", e.msg);
		tap_ok(seal(v, &s, &what, &e) == RC_BUSY &&
			vault_settled(v, &who, 1, 0, &e) == RC_BUSY &&
			vault_gas_sign(v, &t, signature, &e) == RC_BUSY,
		    i == 0 ? "without a chain's time nothing is noted"
			   : "nor while the clocks differ");
		tap_ok(authorize(v, 9, 1, 9, &a, &e) == RC_OK &&
			a.mark.entries == 1,
		    "what was signed is given");
	}
	vault_free(v);
}

/* With a node that is behind the day's caps count back from there. */
static void
test_oldest(void)
{
	const uint8_t ledger[LEDGER_ID_LEN] = { 7 };
	const struct journal_seen none = { .any = false };
	const struct transaction t = { .chain_id = 84532,
		.max_fee_wei = 1000,
		.gas_limit = 340000,
		.to = multicall3 };
	struct vault_options o = options();
	uint8_t signature[SIGNATURE_LEN];
	struct signed_one a;
	struct journal_mark mark;
	struct err e = ERR_INIT;
	int64_t now_s;
	struct vault *v;
	int hours;

	o.journal_file = path_of("oldest");
	for (hours = 23; hours <= 25; hours += 2) {
		now_s = (int64_t)time(NULL);
		if (vault_start(&v, &o, &e) != RC_OK ||
		    vault_open(v, ledger, &none, now_s, now_s - hours * 3600,
			&mark, &e) != RC_OK)
			die("vault", e.msg);
		tap_is_int(authorize(v, 9, hours, 9, &a, &e),
		    hours == 23 ? RC_OK : RC_BUSY,
		    hours == 23
			? "a node that is 23 hours behind stops no payment"
			: "beside one that is 25 behind no day can be counted");
		tap_is_int(vault_gas_sign(v, &t, signature, &e),
		    hours == 23 ? RC_OK : RC_BUSY, "and that is so of gas");
		vault_free(v);
	}
}

/* What a run that was taken over may still say to its vault. */
static void
test_taken_over(void)
{
	const struct journal_seen none = { .any = false };
	const uint8_t ledger[LEDGER_ID_LEN] = { 7 };
	const uint8_t another[LEDGER_ID_LEN] = { 8 };
	struct sealed what = { .ledger_id = { 7 },
		.worker = { { 5 } },
		.seq = 1,
		.amount_micros = AMOUNT_MAX_MICROS };
	struct journal_seen seen = { .has_mark = true };
	struct vault_options o = options();
	struct seal s = { .verified_to = 0 };
	struct signed_one a;
	struct journal_mark mark;
	struct err e = ERR_INIT;
	struct vault *v;
	int i;

	o.journal_file = path_of("taken");
	v = start(&o, &none);
	tap_is_int(authorize(v, 9, 1, 60, &a, &e), RC_OK, "a vault signs");
	what.amount_micros++;
	tap_is_int(seal(v, &s, &what, &e), RC_INVALID,
	    "a payment of more than can be isn't taken for one that was found");
	what.amount_micros = INT64_MAX;
	tap_is_int(seal(v, &s, &what, &e), RC_INVALID,
	    "nor one of the most that a number holds");
	tap_is_int(vault_open(v, ledger, &none, 0, 0, &mark, &e), RC_INVALID,
	    "a journal is opened once");
	vault_free(v);
	o.journal_file = path_of("taken");
	if (vault_start(&v, &o, &e) != RC_OK)
		die("vault", e.msg);
	seen.mark.entries = 1 << 20;
	tap_is_int(vault_open(v, ledger, &seen, 0, 0, &mark, &e), RC_CORRUPT,
	    "one that is older than said isn't taken");
	for (i = 0; i < 9; i++)
		if (vault_open(v, i % 2 == 0 ? another : ledger, &none, 0, 0,
			&mark, &e) == RC_OK)
			break;
	tap_is_int(i, 9, "whoever asks, and however often");
	tap_is_int(
	    authorize(v, 9, 1, 60, &a, &e), RC_BUSY, "nothing is signed then");
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

	o.journal_file = path_of("gas");
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

int
main(void)
{
	char command[100];

	if (mkdtemp(dir) == NULL)
		die(dir, strerror(errno));
	test_process();
	test_earned();
	test_run_cap();
	test_several();
	test_seals();
	test_old_entries();
	test_clocks();
	test_oldest();
	test_stopped();
	test_taken_over();
	test_gas();
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		die(command, "failed");
	return tap_done();
}
