/*
 * Trouble on command, for the tests: a shared object for LD_PRELOAD.
 *
 * WN_FAULT_FILE names a file. While it exists, system calls on files below
 * the directory WN_FAULT_DIR fail. Its first line is the error and then the
 * calls that give it, such as
 *	ENOSPC write ftruncate
 * The calls are write (also pwrite), read (pread), sync (fsync, fdatasync)
 * and ftruncate; and drop: a sync of the ledger's file fails and takes with it
 * what was written to that since its last sync, as Linux does with pages that
 * it couldn't write. (WN_FAULT_DROP has to be set from the start.) A second
 * line "NAME N" lets N more calls of these work; a NAME (a number) that wasn't
 * there before begins to count anew.
 *
 * WN_FAULT_CLOCK names a file with Unix milliseconds: the time that
 * clock_gettime(CLOCK_REALTIME) gives while the file exists. Otherwise it
 * gives the real one. gettimeofday and time, which openssl asks, say the same.
 *
 * WN_FAULT_AHEAD_S is a number of seconds that CLOCK_REALTIME is ahead: it
 * needs no file, which the treasury's vault couldn't open.
 *
 * WN_FAULT_JUMP names a file of 32 bytes with a number of seconds, which may
 * change at any time, by which it is ahead, too. It is mapped at the start, so
 * that the vault sees it change.
 *
 * WN_FAULT_KILL is "CALL N": in the process that the program forks, the N-th
 * CALL (pwrite, fdatasync, send) kills that process before it is done.
 * WN_FAULT_FULL is the same of pwrite and fdatasync: there, from that one on,
 * no space is left.
 *
 * WN_FAULT_ROOM is a number of bytes: where realloc is to give more there is no
 * memory.
 *
 * WN_FAULT_FREE is a number of bytes: what statvfs says that a disk has free.
 * WN_FAULT_TIME is "kept" or "free": whether adjtimex says that somebody keeps
 * the clock in step.
 *
 * WN_FAULT_SEED is a number from which getrandom's bytes follow: what a program
 * leaves to chance is the same in each run.
 *
 * WN_FAULT_INTRUDER has whoever syncs a file try to connect to the network
 * first, as a program might that somebody else has taken over.
 *
 * Everything is read anew with every call: slow, and without any state but
 * the count.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

typedef ssize_t write_fn(int, const void *, size_t);
typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);
typedef ssize_t pread_fn(int, void *, size_t, off_t);
typedef int sync_fn(int);
typedef int truncate_fn(int, off_t);
typedef ssize_t send_fn(int, const void *, size_t, int);
typedef int clock_fn(clockid_t, struct timespec *);
typedef void *realloc_fn(void *, size_t);
typedef ssize_t random_fn(void *, size_t, unsigned);

ssize_t pwrite64(int, const void *, size_t, off64_t);
ssize_t pread64(int, void *, size_t, off64_t);
int ftruncate64(int, off64_t);

static atomic_ullong chance;   /* how often getrandom was asked */
static atomic_long count_name; /* the second line: its name */
static atomic_long count;      /* and how many calls it has let through */

/* The next definition of a function; as data, for C has no such cast. */
static void
next_find(void *fn, const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	memcpy(fn, &p, sizeof(p));
}

#define NEXT(type, name)   \
	static type *next; \
	if (next == NULL)  \
	next_find(&next, name)

static pid_t program; /* the one that was started */
static long kill_calls, full_calls;

__attribute__((constructor)) static void
program_note(void)
{
	program = getpid();
}

/* Of an order "CALL N" in the forked process: N if this is the call, else 0. */
static long
ordered(const char *variable, const char *call)
{
	const char *order = getenv(variable);
	char name[16];
	long n;

	if (order == NULL || getpid() == program ||
	    sscanf(order, "%15s %ld", name, &n) != 2 || strcmp(name, call) != 0)
		return 0;
	return n;
}

static bool
is_full(const char *call)
{
	long n = ordered("WN_FAULT_FULL", call);

	if (n == 0 || ++full_calls < n)
		return false;
	errno = ENOSPC;
	return true;
}

/* In the forked process: the end, if this is the call. */
static void
kill_perhaps(const char *call)
{
	long n = ordered("WN_FAULT_KILL", call);

	if (n == 0 || ++kill_calls != n)
		return;
	(void)raise(SIGKILL);
	abort(); /* where raise isn't allowed this isn't, either: it ends */
}

static size_t
file_read(const char *path, char *buf, size_t size)
{
	ssize_t n = -1;
	int fd;

	buf[0] = '\0';
	if (path == NULL)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = syscall(SYS_read, fd, buf, size - 1); /* not by our own read */
	(void)close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static int
is_below(int fd, const char *dir)
{
	char link[64], path[PATH_MAX];
	size_t len;
	ssize_t n;

	if (dir == NULL)
		return 0;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return 0;
	path[n] = '\0';
	len = strlen(dir);
	return strncmp(path, dir, len) == 0 && path[len] == '/';
}

static int
error_number(const char *name)
{
	if (strcmp(name, "ENOSPC") == 0)
		return ENOSPC;
	if (strcmp(name, "EROFS") == 0)
		return EROFS;
	return EIO;
}

/* True while the second line lets calls through. */
static int
is_let_through(const char *second)
{
	long name, n;

	if (second == NULL || sscanf(second, "%ld %ld", &name, &n) != 2)
		return 0;
	if (atomic_exchange(&count_name, name) != name)
		atomic_store(&count, 0);
	return atomic_fetch_add(&count, 1) < n;
}

/* The error that this call on fd has to give now; 0: none. */
static int
fault(int fd, const char *call)
{
	char text[256], *word, *save, *second;
	int saved = errno, error = 0, hit = 0;

	if (file_read(getenv("WN_FAULT_FILE"), text, sizeof(text)) == 0 ||
	    !is_below(fd, getenv("WN_FAULT_DIR"))) {
		errno = saved;
		return 0;
	}
	second = strchr(text, '\n');
	if (second != NULL)
		*second++ = '\0';
	word = strtok_r(text, " ", &save);
	if (word != NULL)
		error = error_number(word);
	while (word != NULL && (word = strtok_r(NULL, " ", &save)) != NULL)
		hit |= strcmp(word, call) == 0;
	hit = hit && !is_let_through(second);
	errno = saved;
	return hit ? error : 0;
}

#define FAIL_OR(call, expr)                   \
	do {                                  \
		int error_ = fault(fd, call); \
		if (error_ != 0) {            \
			errno = error_;       \
			return -1;            \
		}                             \
		return (expr);                \
	} while (0)

/* ---- What is written between two syncs ---- */

struct written {
	struct written *before;
	off_t at;
	off_t size; /* of the file, before */
	size_t len;
	char was[];
};

static pthread_mutex_t written_lock = PTHREAD_MUTEX_INITIALIZER;
static struct written *written; /* written_lock; the last one */

/* Whether fd is the ledger's file, and its writes may be lost. */
static int
is_dropped(int fd)
{
	const char *dir = getenv("WN_FAULT_DIR");
	char link[64], path[PATH_MAX];
	int saved = errno;
	ssize_t n;

	if (getenv("WN_FAULT_DROP") == NULL || !is_below(fd, dir))
		return 0;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	errno = saved;
	return n > 3 && memcmp(path + n - 3, ".db", 3) == 0;
}

/* Remembers what is at a place that is written to. */
static void
written_note(int fd, size_t len, off_t at)
{
	struct written *w = calloc(1, sizeof(*w) + len);
	NEXT(pread_fn, "pread64");
	ssize_t n;

	if (w == NULL)
		abort();
	n = next(fd, w->was, len, at);
	w->len = n > 0 ? (size_t)n : 0;
	w->at = at;
	w->size = lseek(fd, 0, SEEK_END);
	(void)pthread_mutex_lock(&written_lock);
	w->before = written;
	written = w;
	(void)pthread_mutex_unlock(&written_lock);
}

static int
truncate_next(int fd, off_t len)
{
	NEXT(truncate_fn, "ftruncate64");
	return next(fd, len);
}

/* Forgets the last of them; with a descriptor, undoes it. */
static void
written_take(int fd)
{
	struct written *w = written;
	NEXT(pwrite_fn, "pwrite64");

	if (fd >= 0 &&
	    (next(fd, w->was, w->len, w->at) != (ssize_t)w->len ||
		truncate_next(fd, w->size) != 0))
		abort();
	written = w->before;
	free(w);
}

/* ---- The calls ---- */

void *
realloc(void *p, size_t size)
{
	NEXT(realloc_fn, "realloc");
	const char *room = getenv("WN_FAULT_ROOM");

	if (room == NULL || size <= strtoul(room, NULL, 10))
		return next(p, size);
	errno = ENOMEM;
	return NULL;
}

ssize_t
write(int fd, const void *p, size_t len)
{
	NEXT(write_fn, "write");
	FAIL_OR("write", next(fd, p, len));
}

ssize_t
pwrite(int fd, const void *p, size_t len, off_t at)
{
	NEXT(pwrite_fn, "pwrite");
	kill_perhaps("pwrite");
	if (is_full("pwrite"))
		return -1;
	FAIL_OR("write", next(fd, p, len, at));
}

ssize_t
pwrite64(int fd, const void *p, size_t len, off64_t at)
{
	NEXT(pwrite_fn, "pwrite64");
	if (is_dropped(fd))
		written_note(fd, len, at);
	FAIL_OR("write", next(fd, p, len, at));
}

ssize_t
pread64(int fd, void *p, size_t len, off64_t at)
{
	NEXT(pread_fn, "pread64");
	FAIL_OR("read", next(fd, p, len, at));
}

/* A sync of either kind; of the ledger's file it may lose what was written. */
static int
sync_or_drop(int fd, sync_fn *next)
{
	int got, error;

	if (getenv("WN_FAULT_INTRUDER") != NULL)
		(void)socket(AF_INET, SOCK_STREAM, 0);
	if (!is_dropped(fd)) {
		FAIL_OR("sync", next(fd));
	}
	error = fault(fd, "drop");
	(void)pthread_mutex_lock(&written_lock);
	got = error == 0 ? next(fd) : -1;
	while (written != NULL)
		written_take(error == 0 ? -1 : fd);
	(void)pthread_mutex_unlock(&written_lock);
	if (error != 0)
		errno = error;
	return got;
}

int
fsync(int fd)
{
	NEXT(sync_fn, "fsync");
	return sync_or_drop(fd, next);
}

int
fdatasync(int fd)
{
	NEXT(sync_fn, "fdatasync");
	kill_perhaps("fdatasync");
	if (is_full("fdatasync"))
		return -1;
	return sync_or_drop(fd, next);
}

int
ftruncate64(int fd, off64_t len)
{
	NEXT(truncate_fn, "ftruncate64");
	FAIL_OR("ftruncate", next(fd, len));
}

int
statvfs(const char *path, struct statvfs *out)
{
	typedef int statvfs_fn(const char *, struct statvfs *);
	NEXT(statvfs_fn, "statvfs");
	const char *bytes = getenv("WN_FAULT_FREE");
	int rc = next(path, out);

	if (rc == 0 && bytes != NULL)
		out->f_bavail =
		    (fsblkcnt_t)(atoll(bytes) / (long long)out->f_frsize);
	return rc;
}

int
adjtimex(struct timex *t)
{
	typedef int adjtimex_fn(struct timex *);
	NEXT(adjtimex_fn, "adjtimex");
	const char *is = getenv("WN_FAULT_TIME");
	int state = next(t);

	if (is == NULL)
		return state;
	t->status = strcmp(is, "kept") == 0 ? 0 : STA_UNSYNC;
	return t->status == 0 ? TIME_OK : TIME_ERROR;
}

ssize_t
send(int fd, const void *p, size_t len, int flags)
{
	NEXT(send_fn, "send");
	kill_perhaps("send");
	return next(fd, p, len, flags);
}

/* What WN_FAULT_JUMP names; NULL: nothing. */
static const char *jump_file;

__attribute__((constructor)) static void
jump_map(void)
{
	const char *path = getenv("WN_FAULT_JUMP");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, 32, PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (p != MAP_FAILED)
		jump_file = p;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	NEXT(clock_fn, "clock_gettime");
	const char *ahead = getenv("WN_FAULT_AHEAD_S");
	const char *jump = jump_file;
	int rc, saved = errno;
	char text[32];
	long long ms;

	if (id != CLOCK_REALTIME ||
	    file_read(getenv("WN_FAULT_CLOCK"), text, sizeof(text)) == 0) {
		rc = next(id, ts);
		if (rc == 0 && id == CLOCK_REALTIME && ahead != NULL)
			ts->tv_sec += (time_t)atoll(ahead);
		if (rc == 0 && id == CLOCK_REALTIME && jump != NULL)
			ts->tv_sec += (time_t)atoll(jump);
		return rc;
	}
	errno = saved;
	ms = atoll(text);
	ts->tv_sec = (time_t)(ms / 1000);
	ts->tv_nsec = (long)(ms % 1000 * 1000000);
	return 0;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return -1;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

/* The bytes of a call are those of its number: splitmix64. */
ssize_t
getrandom(void *p, size_t len, unsigned flags)
{
	NEXT(random_fn, "getrandom");
	const char *seed = getenv("WN_FAULT_SEED");
	uint64_t x = 0;
	size_t i;

	if (seed == NULL)
		return next(p, len, flags);
	for (i = 0; i < len; i++) {
		if (i % sizeof(x) == 0) {
			x = strtoull(seed, NULL, 0) +
			    ++chance * 0x9e3779b97f4a7c15;
			x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
			x = (x ^ x >> 27) * 0x94d049bb133111eb;
			x ^= x >> 31;
		}
		((uint8_t *)p)[i] = (uint8_t)(x >> i % sizeof(x) * 8);
	}
	return (ssize_t)len;
}
