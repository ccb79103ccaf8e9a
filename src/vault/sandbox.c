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

#ifdef CONFINE_ARCH

#define ALLOW(name) CALL_ALLOW(name)
#define FAIL(name)  CALL_FAIL(name, EACCES)

static const struct sock_filter filter[] = {
	CALL_BEGIN,
	/* Requests and answers. */
	ALLOW(recvfrom),
	ALLOW(recvmsg),
	ALLOW(sendto),
	ALLOW(sendmsg),
	ALLOW(ppoll),
	/* The journal, and standard error. */
	ALLOW(pread64),
	ALLOW(pwrite64),
	ALLOW(write),
	ALLOW(writev),
	ALLOW(fsync),
	ALLOW(fdatasync),
	ALLOW(ftruncate),
	ALLOW(close),
	/* The clock, randomness, memory. */
	ALLOW(clock_gettime),
	ALLOW(gettimeofday),
	ALLOW(getrandom),
	CALL_BITS(mmap, 2, PROT_EXEC, SECCOMP_RET_KILL_PROCESS),
	ALLOW(munmap),
	ALLOW(mremap),
	ALLOW(madvise),
	ALLOW(brk),
	ALLOW(futex),
	/* The end: of itself, or by a failed check. */
	ALLOW(exit_group),
	ALLOW(exit),
	ALLOW(rt_sigprocmask),
	ALLOW(rt_sigaction),
	ALLOW(rt_sigreturn),
	ALLOW(sigaltstack),
	ALLOW(restart_syscall),
	ALLOW(getpid),
	ALLOW(gettid),
	ALLOW(sched_yield),
	/* What libraries try now and then, and can do without. */
	FAIL(openat),
#ifdef SYS_open
	FAIL(open),
	FAIL(access),
	FAIL(stat),
	FAIL(readlink),
#endif
	FAIL(newfstatat),
	FAIL(faccessat),
	FAIL(readlinkat),
	FAIL(fstat),
	CALL_ANSWER(SECCOMP_RET_KILL_PROCESS),
};

static unsigned
seccomp_enter(void)
{
	return confine_calls(filter, sizeof(filter) / sizeof(filter[0]))
	    ? SANDBOX_SECCOMP
	    : 0;
}

#else

static unsigned
seccomp_enter(void)
{
	return 0; /* whose calls have which numbers isn't known here */
}

#endif

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
