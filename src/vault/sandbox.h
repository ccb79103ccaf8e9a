/*
 * What the vault's process gives up before it takes its first request, so
 * that a flaw in it is of little use. Private to src/vault, but for the names
 * of what is on; one thread.
 */
#ifndef WORKNET_VAULT_SANDBOX_H
#define WORKNET_VAULT_SANDBOX_H

#include <stddef.h>

/* What is on, as bits. What a kernel hasn't is off. */
enum sandbox {
	SANDBOX_NO_DUMP = 1 << 0,     /* nobody but root reads its memory */
	SANDBOX_NO_CORE = 1 << 1,     /* it leaves no core */
	SANDBOX_LOCKED = 1 << 2,      /* the key is never swapped */
	SANDBOX_NO_PRIVS = 1 << 3,    /* it gains no rights by exec */
	SANDBOX_WITH_PARENT = 1 << 4, /* it ends when its parent does */
	SANDBOX_LANDLOCK = 1 << 5,    /* no file can be opened, no TCP */
	SANDBOX_SECCOMP = 1 << 6,     /* only what signing takes */
};
#define SANDBOX_BITS 7

/*
 * Before the key is read: no core, no dump, ends with the parent, whose
 * process id is given, and closes every descriptor but keep_fd and standard
 * error. The bits that are on.
 */
unsigned sandbox_begin(int keep_fd, int parent_pid);

/* Keeps len bytes at p out of swap and of dumps: SANDBOX_LOCKED or 0. */
unsigned sandbox_lock(void *p, size_t len);

/*
 * The rest, for ever: no file is opened any more, no process, connection or
 * other address space is reached. What else is tried ends the process with
 * SIGSYS; opening a file fails. The bits that are on.
 */
unsigned sandbox_enter(void);

/* For people: what the bit with that number, from 0, stands for. */
const char *sandbox_text(int bit);

#endif
