#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/log.h"

/* Of newer kernels than some headers (linux/landlock.h, ABI 2 to 6). */
#define FS_REFER     (1ULL << 13)
#define FS_TRUNCATE  (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define FS_ABI_1     ((1ULL << 13) - 1)
#define NET_TCP	     3ULL /* bind, connect */

/* struct landlock_ruleset_attr as of ABI 6; the size says how much of it. */
struct ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

bool
confine_no_new_rights(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* ---- Landlock ---- */

static uint64_t
rights_of(enum confine_use use)
{
	switch (use) {
	case CONFINE_READ_FILE:
		return LANDLOCK_ACCESS_FS_READ_FILE;
	case CONFINE_UNLINK:
		return LANDLOCK_ACCESS_FS_REMOVE_FILE;
	case CONFINE_WHOLE_TREE:
		return LANDLOCK_ACCESS_FS_READ_FILE |
		    LANDLOCK_ACCESS_FS_WRITE_FILE |
		    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
		    LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_TRUNCATE;
	}
	return 0;
}

/* What this kernel can refuse; its size in *rules is returned. */
static size_t
rules_of(struct ruleset *rules, long abi, unsigned scopes)
{
	size_t size = sizeof(rules->handled_access_fs);

	*rules = (struct ruleset){ .handled_access_fs = FS_ABI_1 };
	if (abi >= 2)
		rules->handled_access_fs |= FS_REFER;
	if (abi >= 3)
		rules->handled_access_fs |= FS_TRUNCATE;
	if (abi >= 4) {
		rules->handled_access_net = NET_TCP;
		size = offsetof(struct ruleset, scoped);
	}
	if (abi >= 5)
		rules->handled_access_fs |= FS_IOCTL_DEV;
	if (abi >= 6) {
		rules->scoped = scopes;
		size = sizeof(*rules);
	}
	return size;
}

static bool
path_allow(
    int ruleset_fd, const struct confine_path *p, const struct ruleset *rules)
{
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = rights_of(p->use) & rules->handled_access_fs,
		.parent_fd = open(p->path, O_PATH | O_CLOEXEC),
	};
	bool ok;

	if (beneath.parent_fd < 0)
		return true; /* what isn't there can't be opened, either */
	ok = syscall(SYS_landlock_add_rule, ruleset_fd,
		 LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
	(void)close(beneath.parent_fd);
	return ok;
}

int
confine_files(const struct confine_path *paths, size_t n, unsigned scopes)
{
	struct ruleset rules;
	size_t size, i;
	long abi, fd;
	bool ok;

	abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1)
		return 0;
	size = rules_of(&rules, abi, scopes);
	fd = syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0)
		return 0;
	ok = true;
	for (i = 0; ok && i < n; i++)
		ok = path_allow((int)fd, &paths[i], &rules);
	ok = ok && syscall(SYS_landlock_restrict_self, (int)fd, 0) == 0;
	(void)close((int)fd);
	return ok ? (int)abi : 0;
}

/* ---- seccomp ---- */

#define CALLS_MAX     1024 /* numbers of system calls are below */
#define CALL_NAME_MAX 31

static char names[CALLS_MAX][CALL_NAME_MAX + 1]; /* set before it is on */
static atomic_bool is_told[CALLS_MAX];
static atomic_ulong refusals;

unsigned long
confine_refused(void)
{
	return atomic_load(&refusals);
}

/* What the call that was refused returns; false: not known how to say so. */
static bool
answer_set(void *context, int error)
{
	ucontext_t *c = context;

#if defined(__x86_64__)
	c->uc_mcontext.gregs[REG_RAX] = -error;
	return true;
#elif defined(__i386__)
	c->uc_mcontext.gregs[REG_EAX] = -error;
	return true;
#elif defined(__aarch64__)
	c->uc_mcontext.regs[0] = (unsigned long long)-error;
	return true;
#elif defined(__arm__)
	c->uc_mcontext.arm_r0 = (unsigned long)-error;
	return true;
#elif defined(__riscv)
	c->uc_mcontext.__gregs[REG_A0] = (unsigned long)-error;
	return true;
#else
	(void)c;
	(void)error;
	return false;
#endif
}

/*
 * The kernel interrupts the thread at the call itself, so this is never inside
 * of what log_error uses: that makes no call that is refused.
 */
static void
refuse(int number, siginfo_t *info, void *context)
{
	unsigned call = (unsigned)info->si_syscall;

	(void)number;
	(void)atomic_fetch_add(&refusals, 1);
	if (!answer_set(context, EPERM))
		abort(); /* confine_calls asked */
	if (call < CALLS_MAX && !atomic_exchange(&is_told[call], true))
		log_error("refused: system call %s (%u): %s", names[call], call,
		    "a flaw of worknet, or somebody who uses one");
}

/* Whoever blocks or takes over this signal is killed by it, or not told of. */
static bool
refusals_tell(void)
{
	struct sigaction act = { .sa_sigaction = refuse,
		.sa_flags = SA_SIGINFO | SA_NODEFER };
	ucontext_t tried;
	char *name;
	int i;

	memset(&tried, 0, sizeof(tried));
	if (!answer_set(&tried, EPERM))
		return false;
	for (i = 0; i < CALLS_MAX; i++) {
		name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
		(void)snprintf(names[i], sizeof(names[i]), "%s",
		    name == NULL ? "unknown" : name);
		free(name);
	}
	/* In the handler that would be refused, too, and be waited for. */
	log_prepare();
	return sigaction(SIGSYS, &act, NULL) == 0;
}

static uint32_t
refused_by(enum confine_else otherwise)
{
	if (otherwise == CONFINE_KILL)
		return SCMP_ACT_KILL_PROCESS;
	return refusals_tell() ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(EPERM);
}

/* 1: the filter has it, 0: this processor hasn't, -1: it failed. */
static int
call_allow(scmp_filter_ctx filter, const struct confine_call *c)
{
	const struct scmp_arg_cmp cmp =
	    SCMP_CMP(c->arg, SCMP_CMP_MASKED_EQ, c->mask, c->bits);
	int call = seccomp_syscall_resolve_name(c->name);

	if (call == __NR_SCMP_ERROR || call < 0)
		return 0;
	return seccomp_rule_add_array(filter,
		   c->error == 0 ? SCMP_ACT_ALLOW
				 : SCMP_ACT_ERRNO((uint16_t)c->error),
		   call, c->mask == 0 ? 0 : 1, &cmp) == 0
	    ? 1
	    : -1;
}

int
confine_calls(
    const struct confine_call *calls, size_t n, enum confine_else otherwise)
{
	scmp_filter_ctx filter = seccomp_init(refused_by(otherwise));
	int allowed = 0, has = 0;
	size_t i;

	if (filter == NULL)
		return 0;
	if (seccomp_attr_set(
		filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0)
		has = -1;
	for (i = 0; has >= 0 && i < n; i++) {
		has = call_allow(filter, &calls[i]);
		allowed += has > 0 && calls[i].error == 0;
	}
	if (has >= 0 && seccomp_load(filter) != 0)
		has = -1;
	seccomp_release(filter);
	return has < 0 ? 0 : allowed;
}
