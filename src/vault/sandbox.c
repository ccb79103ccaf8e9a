#include "vault/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/descriptors.h"

const char *
sandbox_text(int bit)
{
	static const char *const texts[SANDBOX_BITS] = {
		"its memory can't be read by other processes of its user",
		"it leaves no core dump",
		"the key is never swapped to disk",
		"it gains no rights by executing a program",
		"it ends with the payout run",
		"it can't open files or connections (Landlock)",
		"only system calls that signing takes (seccomp)",
	};

	return bit < 0 || bit >= SANDBOX_BITS ? "" : texts[bit];
}

/* ---- At first ---- */

unsigned
sandbox_begin(int keep_fd, int parent_pid)
{
	const struct rlimit none = { 0, 0 };
	unsigned on = 0;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
		on |= SANDBOX_NO_DUMP;
	if (setrlimit(RLIMIT_CORE, &none) == 0)
		on |= SANDBOX_NO_CORE;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0)
		on |= SANDBOX_WITH_PARENT;
	if (getppid() != parent_pid)
		_exit(1); /* it died before that */
	/* A terminal's Ctrl-C is for the run; it ends when that does. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	descriptors_keep(keep_fd, true);
	return on;
}

unsigned
sandbox_lock(void *p, size_t len)
{
	(void)madvise(p, len, MADV_DONTDUMP);
	return mlock(p, len) == 0 ? SANDBOX_LOCKED : 0;
}

/* ---- seccomp ---- */

static const struct confine_call calls[] = {
	/* Requests and answers. */
	CALL("recvfrom"),
	CALL("recvmsg"),
	CALL("sendto"),
	CALL("sendmsg"),
	CALL("ppoll"),
	/* The journal, and standard error. */
	CALL("pread64"),
	CALL("pwrite64"),
	CALL("write"),
	CALL("writev"),
	CALL("fsync"),
	CALL("fdatasync"),
	CALL("ftruncate"),
	CALL("close"),
	/* The clock, randomness, memory that is no code. */
	CALL("clock_gettime"),
	CALL("gettimeofday"),
	CALL("getrandom"),
	CALL_IF("mmap", 2, PROT_EXEC, 0),
	CALL("munmap"),
	CALL("mremap"),
	CALL("madvise"),
	CALL("brk"),
	CALL("futex"),
	/* The end: of itself, or by a failed check. */
	CALL("exit_group"),
	CALL("exit"),
	CALL("rt_sigprocmask"),
	CALL("rt_sigaction"),
	CALL("rt_sigreturn"),
	CALL("sigaltstack"),
	CALL("restart_syscall"),
	CALL("getpid"),
	CALL("gettid"),
	CALL("sched_yield"),
	/* What libraries try now and then, and can do without. */
	CALL_FAIL("openat", EACCES),
	CALL_FAIL("open", EACCES),
	CALL_FAIL("access", EACCES),
	CALL_FAIL("stat", EACCES),
	CALL_FAIL("readlink", EACCES),
	CALL_FAIL("newfstatat", EACCES),
	CALL_FAIL("faccessat", EACCES),
	CALL_FAIL("readlinkat", EACCES),
	CALL_FAIL("fstat", EACCES),
};

static unsigned
seccomp_enter(void)
{
	return confine_calls(
		   calls, sizeof(calls) / sizeof(calls[0]), CONFINE_KILL) > 0
	    ? SANDBOX_SECCOMP
	    : 0;
}

unsigned
sandbox_enter(void)
{
	unsigned on = 0;

	if (confine_no_new_rights())
		on |= SANDBOX_NO_PRIVS;
	/* Nothing is allowed. */
	if (confine_files(NULL, 0, CONFINE_ABSTRACT | CONFINE_SIGNALS) > 0)
		on |= SANDBOX_LANDLOCK;
	return on | seccomp_enter();
}
