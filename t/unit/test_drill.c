/*
 * Drills by themselves: the hash that keys and tokens are made with, what a
 * token tells and to whom, and the sequential test, of which honest workers
 * must have nothing to fear.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "eth/hex.h"
#include "ledger/canary.h"
#include "ledger/sprt.h"
#include "ledger/witness.h"
#include "t/unit/random.h"
#include "t/unit/tap.h"

/* ---- FIPS 180-4's examples, RFC 4231's cases 1, 2 and 3 ---- */

static bool
is_hex(const uint8_t hash[static SHA256_LEN], const char *hex)
{
	char text[HEX_SIZE(SHA256_LEN)];

	hex_encode(text, hash, SHA256_LEN);
	return strcmp(text + 2, hex) == 0;
}

static void
test_hashes(void)
{
	uint8_t h[SHA256_LEN], key[20], data[50];
	struct sha256 s;
	char a[1000];
	int i;

	sha256(h, "", 0);
	tap_ok(
	    is_hex(h,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
	    "SHA-256 of nothing");
	sha256(h, "abc", 3);
	tap_ok(
	    is_hex(h,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
	    "SHA-256 of a block");
	sha256(
	    h, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56);
	tap_ok(
	    is_hex(h,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
	    "SHA-256 of two blocks");
	memset(a, 'a', sizeof(a));
	sha256_init(&s);
	for (i = 0; i < 1000; i++)
		sha256_update(&s, a, sizeof(a));
	sha256_final(&s, h);
	tap_ok(
	    is_hex(h,
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
	    "SHA-256 of a million bytes");
	memset(key, 0x0b, sizeof(key));
	hmac_sha256(h, key, sizeof(key), "Hi There", 8);
	tap_ok(
	    is_hex(h,
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
	    "HMAC-SHA-256, case 1");
	hmac_sha256(h, "Jefe", 4, "what do ya want for nothing?", 28);
	tap_ok(
	    is_hex(h,
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
	    "HMAC-SHA-256, case 2");
	memset(key, 0xaa, sizeof(key));
	memset(data, 0xdd, sizeof(data));
	hmac_sha256(h, key, sizeof(key), data, sizeof(data));
	tap_ok(
	    is_hex(h,
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
	    "HMAC-SHA-256, case 3");
}

/* ---- Tokens ---- */

#define DAY   20600
#define SLOTS 100000

static void
test_tokens(void)
{
	uint8_t master[CANARY_KEY_LEN], other[CANARY_KEY_LEN],
	    key[CANARY_KEY_LEN];
	char drill[CANARY_TOKEN_LEN + 1], check[CANARY_TOKEN_LEN + 1];
	int64_t slot, status, drills = 0, later = 0, up = 0, kinds[600] = { 0 },
			      n = 0;
	bool shown = true, nobody = true;
	size_t i;

	random_bytes(master, sizeof(master));
	memcpy(other, master, sizeof(other));
	other[31] ^= 1;
	canary_day_key(key, master, DAY);
	for (slot = 1; slot <= SLOTS; slot++) {
		canary_token(drill, key, DAY, slot, CANARY_DRILL);
		canary_token(check, key, DAY, slot, CANARY_CHECK);
		shown &= canary_read(slice_of(drill), master, &status) ==
			CANARY_DRILL &&
		    status == canary_wanted(key, slot);
		kinds[canary_wanted(key, slot)]++;
		up += canary_wanted(key, slot) == CANARY_UP;
		shown &= canary_read(slice_of(check), master, &status) ==
			CANARY_CHECK &&
		    status == CANARY_UP;
		nobody &=
		    canary_read(slice_of(drill), other, &status) == CANARY_NONE;
		drill[CANARY_TOKEN_LEN - 1] ^= 1;
		nobody &= canary_read(slice_of(drill), master, &status) ==
		    CANARY_NONE;
		drills += canary_may_be_drill(key, slot);
		canary_token(drill, key, DAY, slot + 1, CANARY_DRILL);
		later += strcmp(drill, check) > 0;
	}
	for (i = 0; i < 600; i++)
		n += kinds[i] > 0;
	tap_ok(shown, "a token says to who has the key what is to be shown");
	tap_ok(nobody, "without the key nobody makes one, or reads it");
	tap_ok(drills > SLOTS * 49 / 100 && drills < SLOTS * 51 / 100,
	    "half of all slots may be drills (%" PRId64 " of %d)", drills,
	    SLOTS);
	tap_ok(up > SLOTS * 49 / 100 && up < SLOTS * 51 / 100,
	    "half of them want 200");
	tap_ok(n >= 8, "%" PRId64 " statuses are wanted in all", n);
	tap_ok(strncmp(drill, check, 8) == 0 &&
		strlen(drill) == strlen(check) &&
		strspn(drill, "0123456789abcdef") == strlen(drill),
	    "a drill's token looks as a check's");
	tap_ok(later > SLOTS * 48 / 100 && later < SLOTS * 52 / 100,
	    "a token doesn't tell which slot came later");
}

/* Of places in answers, so many of 1000. */
static void
test_lots(void)
{
	uint8_t key[CANARY_KEY_LEN];
	bool lots[TASKS_PER_POLL_MAX];
	int64_t slot, all[TASKS_PER_POLL_MAX] = { 0 }, pairs = 0;
	bool each = true;
	int i;

	random_bytes(key, sizeof(key));
	for (slot = 1; slot <= SLOTS / 10; slot++) {
		canary_lots(lots, key, slot, 200, TASKS_PER_POLL_MAX);
		for (i = 0; i < TASKS_PER_POLL_MAX; i++) {
			all[i] += lots[i];
			pairs += i > 0 && lots[i] && lots[i - 1];
		}
	}
	for (i = 0; i < TASKS_PER_POLL_MAX; i++)
		each &= all[i] > SLOTS / 10 * 18 / 100 &&
		    all[i] < SLOTS / 10 * 22 / 100;
	tap_ok(
	    each, "each place of an answer is a drill's as often as another");
	pairs = pairs * 1000 / (SLOTS / 10) / (TASKS_PER_POLL_MAX - 1);
	tap_ok(pairs >= 38 && pairs <= 42,
	    "and that the one before is one says nothing (%" PRId64
	    " of 1000 pairs)",
	    pairs);
}

/* ---- The test ---- */

#define CHECKS 10000000

#define SCORES (SPRT_ACCUSED - SPRT_ACQUITTED)

/* What a test comes to of a worker of whose drills that part fails. */
struct test_end {
	double accuses; /* how likely it is that it does */
	double drills;	/* that it takes, on average */
};

/* One more drill of a test that stands at the score of that place, or ended. */
static void
score_move(double *next, struct test_end *end, size_t from, int64_t weight,
    double likely)
{
	const int64_t score = (int64_t)from + SPRT_ACQUITTED + 1 + weight;

	if (sprt_is_accused(score))
		end->accuses += likely;
	else if (score > SPRT_ACQUITTED)
		next[score - SPRT_ACQUITTED - 1] += likely;
}

/* By all ways that it can go, drill by drill, until hardly any goes on. */
static struct test_end
test_exactly(double fails)
{
	static double now[SCORES], next[SCORES];
	struct test_end end = { 0, 0 };
	double open = 1;
	size_t i;

	memset(now, 0, sizeof(now));
	now[-SPRT_ACQUITTED - 1] = 1;
	while (open > 1e-18) {
		end.drills += open;
		open = 0;
		memset(next, 0, sizeof(next));
		for (i = 0; i < SCORES; i++)
			if (now[i] > 0) {
				score_move(
				    next, &end, i, SPRT_FAILED, now[i] * fails);
				score_move(next, &end, i, SPRT_PASSED,
				    now[i] * (1 - fails));
			}
		memcpy(now, next, sizeof(now));
		for (i = 0; i < SCORES; i++)
			open += now[i];
	}
	return end;
}

/*
 * An accusation is the end of one test, which began with some drill: of those
 * that are judged, which are the last [honesty] record_days, that is the first,
 * or the first after an acquittal. So, however long that is, n drills accuse
 * with n times what one test does, at most; and checks, of which drills are at
 * most DRILL_SHARE_MAX of 1000, whatever is configured, with that part of it.
 */
static void
test_sprt_exactly(void)
{
	static const double parts[] = { 0.01, 0.02, 0.03, 0.05, 0.25, 0.4375 };
	struct test_end t[6];
	size_t i;

	for (i = 0; i < 6; i++) {
		t[i] = test_exactly(parts[i]);
		tap_diag("%.4g %% fail: a test accuses with %.3g, and takes "
			 "%.1f drills: one accusation in %.3g drills",
		    100 * parts[i], t[i].accuses, t[i].drills,
		    t[i].drills / t[i].accuses);
	}
	tap_ok(t[0].accuses * DRILL_SHARE_MAX / 1000 < 1e-6,
	    "exactly: whatever is configured, less than one of 10^6 checks of "
	    "one with 1 %% own errors accuses it");
	tap_ok(t[0].accuses * 1e7 < 0.025,
	    "exactly: 10^7 drills of such a one accuse less than 0.025 times");
	tap_ok(t[1].accuses < 1e-6,
	    "exactly: with 2 %% a test accuses with less than 10^-6");
	tap_ok(t[3].drills / t[3].accuses > 36000,
	    "exactly: with 5 %% one in 36,000 drills does");
	tap_ok(t[4].accuses > 0.99,
	    "exactly: who makes up a quarter escapes a test once in a hundred");
}

static void
test_sprt(void)
{
	/* Of each 10^6 drills so many fail by the worker's own fault. */
	static const int64_t own[] = { 10000, 20000 };
	int64_t score = 0, accused, tests;
	size_t k;
	int i;

	for (k = 0; k < sizeof(own) / sizeof(own[0]); k++) {
		accused = tests = score = 0;
		for (i = 0; i < CHECKS; i++) {
			score = sprt_step(score,
			    (int64_t)(random_next() % 1000000) < own[k]
				? SPRT_FAILED
				: SPRT_PASSED);
			tests += score == 0;
			if (sprt_is_accused(score)) {
				accused++;
				score = 0;
			}
		}
		tap_diag("%.0f %% own errors: %" PRId64 " accused in %d "
			 "drills, %" PRId64 " tests acquitted",
		    (double)own[k] / 1e4, accused, CHECKS, tests);
		if (own[k] == 10000)
			tap_ok(accused == 0,
			    "nobody with 1 %% own errors is accused in 10^7 drills");
	}
}

/* ---- Outages that are none ---- */

#define REPORTS 240 /* of a day that are looked through */
#define BALANCE 250 /* more runs than there can be */

/*
 * How likely it is that, of n reports that say down with p, beside a long run
 * of ups after them, no more than one run more is short than is an outage.
 */
static double
balance_is_even(double p, int n)
{
	static double now[2][WITNESS_RUN + 1][2 * BALANCE],
	    next[2][WITNESS_RUN + 1][2 * BALANCE];
	double sum = 0;
	int k, len, b, i, is, to, step;

	memset(now, 0, sizeof(now));
	now[0][WITNESS_RUN][BALANCE] = 1;
	for (i = 0; i < n; i++) {
		memset(next, 0, sizeof(next));
		for (k = 0; k < 4 * (WITNESS_RUN + 1); k++)
			for (b = 1; b < 2 * BALANCE - 1; b++) {
				is = k & 1;
				to = k >> 1 & 1;
				len = k >> 2;
				step = len < WITNESS_RUN ? 1 : is ? -1 : 0;
				if (is == to)
					next[to][len < WITNESS_RUN ? len + 1
								   : len][b] +=
					    now[is][len][b] * (to ? p : 1 - p);
				else
					next[to][1][b + step] +=
					    now[is][len][b] * (to ? p : 1 - p);
			}
		memcpy(now, next, sizeof(now));
	}
	for (k = 0; k < 2 * (WITNESS_RUN + 1); k++)
		for (b = 0; b <= BALANCE + 1; b++)
			sum += now[k & 1][k >> 1][b];
	return sum;
}

/* A check that sees it up within a run of downs, between ups and an up. */
static double
up_within(double p)
{
	double sum = 0;
	int k;

	for (k = WITNESS_RUN; k < 1000; k++)
		sum += (k - 1) * pow(p, k);
	return sum * pow(1 - p, WITNESS_RUN + 2);
}

static void
test_outages(void)
{
	const double own = 0.01, month = 30 * 288;
	double worst = 0, at = 0, p, each;

	/* Of three others two err, too; of more or fewer it is rarer. */
	each = up_within(own) * 3 * own * own;
	tap_diag("with 1 %% own errors one of %.2g checks is in an outage that "
		 "there isn't",
	    1 / each);
	tap_ok(each < 1e-10 && 1e7 * each < 0.01,
	    "by calculation own errors make no outage in 10^7 checks");
	for (p = 0.02; p < 0.99; p += 0.02) {
		each = up_within(p) * balance_is_even(p, REPORTS);
		if (each > worst) {
			worst = each;
			at = p;
		}
	}
	tap_diag("a target that is down for %.0f %% of all visits, at random, "
		 "has one of %.2g checks be wrong, and none is worse",
	    100 * at, 1 / worst);
	/* Three of the 288 a day, in 30 days, accuse: n^3 / 6 at most. */
	tap_ok(1e7 / month * pow(month * worst, 3) / 6 < 0.01,
	    "by calculation targets that flap accuse nobody in 10^7 checks");
}

int
main(void)
{
	random_seed();
	test_hashes();
	test_tokens();
	test_lots();
	test_sprt_exactly();
	test_sprt();
	test_outages();
	return tap_done();
}
