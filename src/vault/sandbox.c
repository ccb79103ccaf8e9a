#include "vault/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

/* Of newer kernels than some headers (linux/landlock.h, ABI 2 to 6). */
#define FS_REFER     (1ULL << 13)
#define FS_TRUNCATE  (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define FS_ABI_1     ((1ULL << 13) - 1)
#define NET_TCP	     3ULL /* bind, connect */
#define SCOPED	     3ULL /* abstract Unix sockets, signals */

/* struct landlock_ruleset_attr as of ABI 6; the size says how much of it. */
struct ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

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

/* Standard error stays, for failed checks; nothing is read from it. */
static void
descriptors_close(int keep_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
	}
	if (keep_fd > STDERR_FILENO + 1)
		(void)close_range(STDERR_FILENO + 1, (unsigned)keep_fd - 1, 0);
	(void)close_range((unsigned)keep_fd + 1, ~0U, 0);
}

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
	descriptors_close(keep_fd);
	return on;
}

unsigned
sandbox_lock(void *p, size_t len)
{
	(void)madvise(p, len, MADV_DONTDUMP);
	return mlock(p, len) == 0 ? SANDBOX_LOCKED : 0;
}

/* ---- Landlock ---- */

static unsigned
landlock_enter(void)
{
	struct ruleset rules = { .handled_access_fs = FS_ABI_1 };
	size_t size = sizeof(rules.handled_access_fs);
	long abi, fd;
	bool ok;

	abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1)
		return 0;
	if (abi >= 2)
		rules.handled_access_fs |= FS_REFER;
	if (abi >= 3)
		rules.handled_access_fs |= FS_TRUNCATE;
	if (abi >= 4) {
		rules.handled_access_net = NET_TCP;
		size = offsetof(struct ruleset, scoped);
	}
	if (abi >= 5)
		rules.handled_access_fs |= FS_IOCTL_DEV;
	if (abi >= 6) {
		rules.scoped = SCOPED;
		size = sizeof(rules);
	}
	/* No rule allows anything. */
	fd = syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0)
		return 0;
	ok = syscall(SYS_landlock_restrict_self, (int)fd, 0) == 0;
	(void)close((int)fd);
	return ok ? SANDBOX_LANDLOCK : 0;
}

/* ---- seccomp ---- */

#ifdef ARCH

#define LOAD(field)                        \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
	    (uint32_t)offsetof(struct seccomp_data, field))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, (what))
/* If the call is that one, the next instruction decides; else it is skipped. */
#define CALL(name)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1)
#define ALLOW(name) CALL(name), ANSWER(SECCOMP_RET_ALLOW)
#define FAIL(name)  CALL(name), ANSWER(SECCOMP_RET_ERRNO | EACCES)
/* The low half of the third argument is at its beginning: little-endian. */
#define NO_EXEC(name)                                                         \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4), LOAD(args[2]), \
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),            \
	    ANSWER(SECCOMP_RET_KILL_PROCESS), ANSWER(SECCOMP_RET_ALLOW)

static const struct sock_filter filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
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
	NO_EXEC(mmap),
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
	ANSWER(SECCOMP_RET_KILL_PROCESS),
};

static unsigned
seccomp_enter(void)
{
	const struct sock_fprog program = {
		.len = (unsigned short)(sizeof(filter) / sizeof(filter[0])),
		.filter = (struct sock_filter *)(uintptr_t)filter,
	};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0
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

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		on |= SANDBOX_NO_PRIVS;
	on |= landlock_enter();
	return on | seccomp_enter();
}
