/*
 * The vault's journal, whole and spoilt. With a number as its argument it only
 * measures how long one of so many entries takes to be read.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "t/unit/tap.h"
#include "vault/journal.h"

#define NOW  1800000000LL
#define HOUR 3600LL

static char dir[] = "/tmp/worknet-test-journal-XXXXXX";

static void
die(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(EXIT_FAILURE);
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

/* So that the disk has them. */
static void
sync_all(struct journal *j)
{
	if (journal_sync(j, NULL) != RC_OK)
		die("journal_sync", "failed");
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
	sync_all(j);
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
	sync_all(j);
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
	if (take(&j, "whole", &seen, &e) != RC_OK)
		die("journal", e.msg);
	tap_ok(journal_check_time(j, NOW + 9, &e) == RC_OK &&
		journal_check_time(j, NOW + 8, &e) == RC_CORRUPT &&
		strstr(e.msg, "2027-01-15T08:00:09Z") != NULL,
	    "an entry of times to come is told of");
	journal_free(j);
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
	size_t len, i, was, bad = 0, taken = 0;
	char text[4000], now[4000];
	struct journal *j;
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
		was = file_read("cut", now, sizeof(now));
		bad += now[was - 1] != '\n'; /* nothing torn is left */
		put(j, 9, 90, NOW + 10);
		sync_all(j);
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
	tap_is_int(take(&j, "first", &seen, &e), RC_CONFLICT,
	    "one with another history isn't taken: the mark is another one's");
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
	tap_ok(journal_open(&j, path_of("first"), true, NOW, &e) != RC_OK &&
		access(path_of("first"), F_OK) == 0,
	    "once more within that second, both stay where they are");
}

/* What was named by mistake, and may be the only copy of a key. */
static void
test_journal_none(void)
{
	static const char *const texts[] = { "wrong", "worknet-journal 2",
		("0x1111111111111111111111111111111111111111111111111111111111"
		 "111111"),
		"0x11111111111111111111111111111111\n", "a pass phrase", "\n" };
	const struct journal_seen none = { .any = false };
	struct err e = ERR_INIT;
	char now[4000];
	struct journal *j;
	size_t i, bad = 0;

	(void)three("none");
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file_write("none", texts[i], strlen(texts[i]));
		bad += take(&j, "none", &none, &e) != RC_CORRUPT;
		(void)file_read("none", now, sizeof(now));
		bad += strcmp(now, texts[i]) != 0;
		bad += journal_open(&j, path_of("none"), true, NOW, &e) !=
		    RC_INVALID;
		(void)file_read("none", now, sizeof(now));
		bad += strcmp(now, texts[i]) != 0;
	}
	tap_is_int((int64_t)bad, 0,
	    "what isn't a journal isn't taken, put away or changed");
}

/* Each read of an older vault had moved on to where the last one failed. */
static void
test_journal_once(void)
{
	const struct journal_seen none = { .any = false };
	struct journal_owner other = owner;
	struct err e = ERR_INIT;
	char text[4000], now[4000];
	struct journal *j;
	int i;

	(void)three("once");
	(void)file_read("once", text, sizeof(text));
	if (journal_open(&j, path_of("once"), false, NOW, &e) != RC_OK)
		die("journal_open", e.msg);
	other.treasury.b[0]++;
	tap_is_int(journal_read(j, &other, &none, NOW, sum_up, NULL, &e),
	    RC_CORRUPT, "a journal is read by somebody else");
	for (i = 0; i < 9; i++)
		if (journal_read(j, i % 2 == 0 ? &other : &owner, &none, NOW,
			sum_up, NULL, &e) != RC_INVALID)
			break;
	tap_is_int(i, 9, "and then never again");
	journal_free(j);
	(void)file_read("once", now, sizeof(now));
	tap_ok(strcmp(text, now) == 0, "it stays as it was");
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
		if (journal_append(j, &entry, &e) != RC_OK ||
		    journal_sync(j, &e) != RC_OK)
			rc = RC_IO;
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

/* ---- What a crash leaves of many ---- */

/*
 * n entries, of which the first was synced alone and the others together; the
 * line of one has zeros in its middle.
 */
static enum rc
take_with_hole(int n, int hole, const struct journal_seen *seen)
{
	const struct journal_seen none = { .any = false };
	static char text[200 * 500];
	struct err e = ERR_INIT;
	struct journal *j;
	size_t len;
	char *line;
	enum rc rc;
	int i;

	(void)unlink(path_of("hole"));
	if (take(&j, "hole", &none, &e) != RC_OK)
		die("journal", e.msg);
	for (i = 1; i <= n; i++) {
		put(j, i, 1, NOW);
		if (i == 1)
			sync_all(j);
	}
	sync_all(j);
	journal_free(j);
	len = file_read("hole", text, sizeof(text));
	for (line = text, i = 0; i < hole; i++)
		line = strchr(line, '\n') + 1;
	memset(line + 20, 0, 100);
	file_write("hole", text, len);
	rc = take(&j, "hole", seen, &e);
	if (rc == RC_OK) {
		put(j, n + 1, 100, NOW);
		sync_all(j);
		journal_free(j);
		if (take(&j, "hole", seen, &e) != RC_OK)
			return RC_BUSY;
		journal_free(j);
	}
	return rc;
}

static void
test_journal_hole(void)
{
	const struct journal_seen some = { .any = true };
	struct journal_seen seen = { true, true, three("mark") };
	int64_t i, bad = 0;

	for (i = 2; i <= 9; i++)
		bad += take_with_hole(9, (int)i, &some) != RC_OK ||
		    seen_sum != i - 1 + 100;
	tap_is_int(bad, 0,
	    "zeros among the lines that were written last are what a crash left: they are cut from there");
	tap_is_int(take_with_hole(190, 4, &some), RC_CORRUPT,
	    "further up they are damage");
	tap_is_int(
	    take_with_hole(9, 0, &some), RC_CORRUPT, "and in the first line");
	seen.mark.entries = 4;
	tap_is_int(take_with_hole(9, 4, &seen), RC_CORRUPT,
	    "what the ledger knows of isn't cut");
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
	sync_all(j);
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
	} else {
		test_journal_whole();
		test_journal_damaged();
		test_journal_cut();
		test_journal_hole();
		test_journal_others();
		test_journal_none();
		test_journal_once();
		test_journal_full();
		test_years(50);
	}
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		die(command, "failed");
	return tap_done();
}
