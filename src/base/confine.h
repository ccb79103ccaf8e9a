/*
 * What a process gives up for ever, so that a flaw in it is of little use:
 * files, by Landlock, and system calls, by seccomp. Which ones is for the
 * caller to say. Both hold for the calling thread and for all that it starts
 * later, and need confine_no_new_rights before; a kernel that hasn't one of
 * them goes on without it, and the caller is told. Any thread.
 */
#ifndef WORKNET_BASE_CONFINE_H
#define WORKNET_BASE_CONFINE_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

/* No program that it executes has more rights than it. False: not so. */
bool confine_no_new_rights(void);

enum confine_use {
	CONFINE_READ_FILE,  /* a file: to be read */
	CONFINE_UNLINK,	    /* a directory: files in it may be removed */
	CONFINE_WHOLE_TREE, /* a directory: all but executing, below it */
};

struct confine_path {
	const char *path;
	enum confine_use use;
};

/* What else is shut, besides files and TCP, where the kernel knows it. */
#define CONFINE_ABSTRACT 1 /* abstract Unix sockets of others */
#define CONFINE_SIGNALS	 2 /* signals to others */

/*
 * From now on no file can be opened, made, changed in name or removed but what
 * the n paths are for, and no TCP port connected to or bound. A path that isn't
 * there is left out. The kernel's version of Landlock; 0: it isn't on.
 */
int confine_files(const struct confine_path *paths, size_t n, unsigned scopes);

/* From now on filter judges each system call. False: it isn't on. */
bool confine_calls(const struct sock_filter *filter, size_t n);

/* ---- To write filters with ---- */

#if defined(__x86_64__)
#define CONFINE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define CONFINE_ARCH AUDIT_ARCH_AARCH64
#endif

#define CALL_LOAD(field)                   \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
	    (uint32_t)offsetof(struct seccomp_data, field))
#define CALL_ANSWER(what) BPF_STMT(BPF_RET | BPF_K, (what))
/* If the call is that one, the next instruction decides; else it is skipped. */
#define CALL_IS(name)	 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1)
#define CALL_ALLOW(name) CALL_IS(name), CALL_ANSWER(SECCOMP_RET_ALLOW)
#define CALL_FAIL(name, error) \
	CALL_IS(name), CALL_ANSWER(SECCOMP_RET_ERRNO | (error))
/*
 * If the call is that one: what, if its argument n has any of those bits, else
 * it is allowed. An argument's low half is at its beginning: little-endian.
 */
#define CALL_BITS(name, n, bits, what)                          \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4),  \
	    CALL_LOAD(args[n]),                                 \
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 0, 1), \
	    CALL_ANSWER(what), CALL_ANSWER(SECCOMP_RET_ALLOW)
/* The same if it has none of them, */
#define CALL_NO_BITS(name, n, bits, what)                       \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4),  \
	    CALL_LOAD(args[n]),                                 \
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 1, 0), \
	    CALL_ANSWER(what), CALL_ANSWER(SECCOMP_RET_ALLOW)
/* or if it is another value. */
#define CALL_UNLESS(name, n, value, what)                       \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4),  \
	    CALL_LOAD(args[n]),                                 \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 1, 0), \
	    CALL_ANSWER(what), CALL_ANSWER(SECCOMP_RET_ALLOW)
/* The beginning of each filter: numbers of another architecture are others. */
#define CALL_BEGIN                                                   \
	CALL_LOAD(arch),                                             \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONFINE_ARCH, 1, 0), \
	    CALL_ANSWER(SECCOMP_RET_KILL_PROCESS), CALL_LOAD(nr)

#endif
