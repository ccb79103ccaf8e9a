#include "serve/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/file.h"
#include "base/limits.h"

/* ---- seccomp ---- */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/*
 * What SQLite, libfcgi, the C library and this program use, as found with
 * strace and by the tests, which look into the log for what was refused. Of
 * files Landlock says which.
 *
 * What else is tried fails, is told, and the coordinator serves on: a release
 * of a library that uses another call should be a line in the log, no end to
 * the service, and an intruder gains nothing by going on.
 */
static const struct confine_call calls[] = {
	/* The ledger. */
	CALL("openat"),
	CALL("open"),
	CALL("close"),
	CALL("read"),
	CALL("write"),
	CALL("pread64"),
	CALL("pwrite64"),
	CALL("lseek"),
	CALL("fstat"),
	CALL("stat"),
	CALL("lstat"),
	CALL("newfstatat"),
	CALL("fstatat64"),
	CALL("statx"),
	CALL("statfs"),
	CALL("statfs64"),
	CALL("access"),
	CALL("faccessat"),
	CALL("faccessat2"),
	CALL("readlink"),
	CALL("readlinkat"),
	CALL("getcwd"),
	CALL("fcntl"),
	CALL("fcntl64"),
	CALL("fsync"),
	CALL("fdatasync"),
	CALL("ftruncate"),
	CALL("ftruncate64"),
	CALL("unlink"),
	CALL("unlinkat"),
	CALL("fchmod"),
	CALL("fchown"),
	CALL("geteuid"),
	/* Requests; words to the service manager; the process that opens the
	 * configuration. Nobody is connected to. */
	CALL("accept"),
	CALL("accept4"),
	CALL("recvfrom"),
	CALL("recvmsg"),
	CALL("sendto"),
	CALL("sendmsg"),
	CALL("writev"),
	CALL("shutdown"),
	CALL("getpeername"),
	CALL("getsockopt"),
	CALL_IF("socket", 0, CALL_INT, AF_UNIX),
	CALL("poll"),
	CALL("ppoll"),
	CALL("select"),
	CALL("pselect6"),
	CALL("eventfd2"),
	CALL("epoll_create1"),
	CALL("epoll_ctl"),
	CALL("epoll_wait"),
	CALL("epoll_pwait"),
	/* Threads. The C library tries clone3 first, whose arguments a filter
	 * can't see, and makes them without it. */
	CALL_FAIL("clone3", ENOSYS),
#ifndef CONFINE_LESS
	CALL_IF("clone", 0, CLONE_THREAD, CLONE_THREAD),
	CALL_IF("prctl", 0, CALL_INT, PR_SET_NAME),
#endif
	CALL("futex"),
	CALL("set_robust_list"),
	CALL("rseq"),
	CALL("gettid"),
	CALL("getpid"),
	CALL("sched_yield"),
	CALL("sched_getaffinity"),
	/* Memory that is no code. */
	CALL("brk"),
	CALL_IF("mmap", 2, PROT_EXEC, 0),
	CALL_IF("mprotect", 2, PROT_EXEC, 0),
	CALL("mremap"),
	CALL("munmap"),
	CALL("madvise"),
	CALL("sysinfo"), /* qsort(3), of how much memory there is */
	/* Clocks, and randomness. */
	CALL("clock_gettime"),
	CALL("clock_nanosleep"),
#ifdef __SANITIZE_THREAD__ /* what looks for races sleeps in its own thread */
	CALL("nanosleep"),
#endif
	CALL("gettimeofday"),
	CALL("time"),
	CALL("getrandom"),
	/* Signals to itself, and the end. */
	CALL("rt_sigaction"),
	CALL("rt_sigprocmask"),
	CALL("rt_sigreturn"),
	CALL("rt_sigtimedwait"),
	CALL("restart_syscall"),
	CALL("exit"),
	CALL("exit_group"),
#ifdef CONFINE_LESS
	CALL("clone"),
	CALL("getdents64"),
	CALL("getppid"),
	CALL("kill"),
	CALL("pipe2"),
	CALL("prctl"),
	CALL("prlimit64"),
	CALL("ptrace"),
	CALL("sigaltstack"),
	CALL("wait4"),
#endif
};

/* Those, and a signal of this process to itself, with which it aborts. */
static int
seccomp_enter(void)
{
	struct confine_call all[COUNT(calls) + 1];

	memcpy(all, calls, sizeof(calls));
	all[COUNT(calls)] = (struct confine_call)CALL_IF(
	    "tgkill", 0, CALL_INT, (uint64_t)getpid());
	return confine_calls(all, COUNT(all), CONFINE_REFUSE);
}

/* ---- Landlock ---- */

/* A link leads elsewhere: the files beside the ledger are there. */
static enum rc
ledger_directory(
    char out[static PATH_LEN_MAX + 1], const char *path, struct err *e)
{
	char *real = realpath(path, NULL);
	enum rc rc;

	rc = file_directory(out, real == NULL ? path : real, e);
	free(real);
	return rc;
}

enum rc
serve_shut_in(struct serve_shut *on, const char *ledger_path,
    const char *socket_path, struct err *e)
{
	char ledger[PATH_LEN_MAX + 1], socket[PATH_LEN_MAX + 1];
	const struct confine_path paths[] = {
		{ "/dev/urandom", CONFINE_READ_FILE }, /* SQLite's */
#ifdef CONFINE_LESS
		{ "/proc", CONFINE_WHOLE_TREE }, /* the threads, for leaks */
#endif
		{ ledger, CONFINE_WHOLE_TREE },
		{ socket, CONFINE_UNLINK },
	};
	size_t n = sizeof(paths) / sizeof(paths[0]);
	enum rc rc;

	*on = (struct serve_shut){ .calls = 0 };
	rc = ledger_directory(ledger, ledger_path, e);
	if (rc == RC_OK && socket_path != NULL)
		rc = file_directory(socket, socket_path, e);
	if (rc != RC_OK)
		return rc;
	if (!confine_no_new_rights())
		return RC_OK;
	/* The service manager's socket may be an abstract one. */
	on->landlock = confine_files(
	    paths, socket_path == NULL ? n - 1 : n, CONFINE_SIGNALS);
	on->calls = seccomp_enter();
	return RC_OK;
}
