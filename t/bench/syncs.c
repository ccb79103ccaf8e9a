/*
 * Counts what the disk is asked to sync, and how long that takes: a shared
 * object for LD_PRELOAD. WN_SYNCS names the file, of at least
 * sizeof(struct counts) bytes, that gets the counts while the program runs:
 * 64-bit numbers in this machine's byte order. WN_SYNC_DELAY_US makes the disk
 * a slow one: each sync takes so many microseconds more.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct counts {
	atomic_uint_least64_t wal; /* of a write-ahead log */
	atomic_uint_least64_t wal_ns;
	atomic_uint_least64_t other; /* of anything else: a checkpoint's */
	atomic_uint_least64_t other_ns;
};

typedef int sync_fn(int);

static struct counts *counts; /* NULL: not counted */

/* Before the program shuts itself in, and can open it no more. */
__attribute__((constructor)) static void
counts_open(void)
{
	const char *path = getenv("WN_SYNCS");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *p;

	if (fd < 0)
		return;
	p = mmap(
	    NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (p != MAP_FAILED)
		counts = p;
}

/* What a slower disk would take. */
static void
delay(void)
{
	const char *us = getenv("WN_SYNC_DELAY_US");

	if (us != NULL)
		(void)usleep((useconds_t)atoi(us));
}

static int
is_wal(int fd)
{
	char link[64], path[4096];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	return n > 4 && memcmp(path + n - 4, "-wal", 4) == 0;
}

static uint64_t
clock_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int
counted(const char *name, int fd)
{
	uint64_t start_ns, took_ns;
	sync_fn *next;
	/* As data, for C has no such cast. */
	void *p = dlsym(RTLD_NEXT, name);
	int got;

	memcpy(&next, &p, sizeof(next));
	start_ns = clock_ns();
	got = next(fd);
	delay();
	took_ns = clock_ns() - start_ns;
	if (counts == NULL)
		return got;
	if (is_wal(fd)) {
		atomic_fetch_add(&counts->wal, 1);
		atomic_fetch_add(&counts->wal_ns, took_ns);
	} else {
		atomic_fetch_add(&counts->other, 1);
		atomic_fetch_add(&counts->other_ns, took_ns);
	}
	return got;
}

int
fsync(int fd)
{
	return counted("fsync", fd);
}

int
fdatasync(int fd)
{
	return counted("fdatasync", fd);
}
