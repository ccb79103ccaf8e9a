/*
 * What a process gives up for ever, so that a flaw in it is of little use:
 * files, by Landlock, and system calls, by seccomp. Which ones is for the
 * caller to say. Both hold for the calling thread and for all that it starts
 * later, and need confine_no_new_rights before; a kernel that hasn't one of
 * them goes on without it, and the caller is told. Any thread.
 */
#ifndef WORKNET_BASE_CONFINE_H
#define WORKNET_BASE_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sanitizers look for leaks from a process that traces this one, which
 * has to let them. */
#if defined(__SANITIZE_ADDRESS__)
#define CONFINE_LESS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CONFINE_LESS 1
#endif
#endif

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

/*
 * A system call that is allowed, by its name in syscalls(2). One that this
 * processor hasn't is left out.
 */
struct confine_call {
	const char *name;
	int error; /* 0: it is carried out; else it fails so, untold */
	/* Only if its argument arg, from 0, has of the bits in mask these. */
	uint64_t mask; /* 0: whatever its arguments are */
	uint64_t bits;
	unsigned arg;
};

#define CALL(call)             \
	{                      \
		.name = (call) \
	}
#define CALL_FAIL(call, with)                   \
	{                                       \
		.name = (call), .error = (with) \
	}
#define CALL_IF(call, n, of, are)                                       \
	{                                                               \
		.name = (call), .arg = (n), .mask = (of), .bits = (are) \
	}
#define CALL_INT UINT32_MAX /* an argument that is an int */

/* What becomes of a call that isn't among them. */
enum confine_else {
	/* It fails with EPERM. The log has a line for the first of each kind,
	 * and confine_refused counts it. A thread that blocks SIGSYS is ended
	 * by it: fork in glibc 2.41. */
	CONFINE_REFUSE,
	CONFINE_KILL, /* the process ends by SIGSYS */
};

/*
 * From now on only those n system calls are carried out; one of another
 * architecture's numbers ends the process. How many are allowed; 0: it isn't
 * on, because this kernel or processor hasn't it. Before there are threads.
 */
int confine_calls(
    const struct confine_call *calls, size_t n, enum confine_else otherwise);

/* How many were refused since then. Any thread. */
unsigned long confine_refused(void);

#endif
