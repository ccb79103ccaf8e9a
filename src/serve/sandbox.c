#include "serve/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/confine.h"
#include "base/file.h"
#include "base/limits.h"

/* Sanitizers look for leaks from a process that traces this one. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

/* ---- seccomp ---- */

#ifdef CONFINE_ARCH

#define REFUSED	     (SECCOMP_RET_ERRNO | EPERM)
#define REFUSE(name) CALL_FAIL(name, EPERM)

/*
 * What is left out here is allowed: SQLite, libfcgi and the C library of
 * another release may need it, and Landlock and the unit bound it. What is
 * refused fails, and the coordinator serves on.
 */
static const struct sock_filter filter[] = {
	CALL_BEGIN,
#if defined(__x86_64__)
	/* Another set of numbers, for the same calls. */
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x40000000, 0, 1),
	CALL_ANSWER(SECCOMP_RET_KILL_PROCESS),
	REFUSE(fork),
	REFUSE(vfork),
#endif
	/* Programs, and code that wasn't there from the start. */
	REFUSE(execve),
	REFUSE(execveat),
	CALL_BITS(mmap, 2, PROT_EXEC, REFUSED),
	CALL_BITS(mprotect, 2, PROT_EXEC, REFUSED),
	REFUSE(pkey_mprotect),
	REFUSE(memfd_create),
	/* Connections: what the socket accepts, and words to the service
	 * manager, are all. */
	CALL_UNLESS(socket, 0, AF_UNIX, REFUSED),
	REFUSE(connect),
	REFUSE(bind),
	REFUSE(listen),
/* Other processes. The C library tries clone3 first, whose arguments a
	 * filter can't see, and makes threads without it. */
#ifndef IS_SANITIZED
	CALL_FAIL(clone3, ENOSYS),
	CALL_NO_BITS(clone, 0, CLONE_THREAD, REFUSED),
	REFUSE(ptrace),
#endif
	REFUSE(kill),
	REFUSE(tkill),
	REFUSE(rt_sigqueueinfo),
	REFUSE(rt_tgsigqueueinfo),
	REFUSE(pidfd_open),
	REFUSE(pidfd_getfd),
	REFUSE(pidfd_send_signal),
	REFUSE(process_vm_readv),
	REFUSE(process_vm_writev),
	REFUSE(process_madvise),
	/* Files by another way than their names, and names of another tree. */
	REFUSE(open_by_handle_at),
	REFUSE(name_to_handle_at),
	REFUSE(mount),
	REFUSE(umount2),
	REFUSE(move_mount),
	REFUSE(open_tree),
	REFUSE(fsopen),
	REFUSE(fsmount),
	REFUSE(mount_setattr),
	REFUSE(pivot_root),
	REFUSE(chroot),
	/* Who it is, and what else the kernel has. */
	REFUSE(setuid),
	REFUSE(setgid),
	REFUSE(setreuid),
	REFUSE(setregid),
	REFUSE(setresuid),
	REFUSE(setresgid),
	REFUSE(setfsuid),
	REFUSE(setfsgid),
	REFUSE(setgroups),
	REFUSE(capset),
	REFUSE(unshare),
	REFUSE(setns),
	REFUSE(io_uring_setup),
	REFUSE(io_uring_enter),
	REFUSE(io_uring_register),
	REFUSE(bpf),
	REFUSE(perf_event_open),
	REFUSE(userfaultfd),
	REFUSE(keyctl),
	REFUSE(add_key),
	REFUSE(request_key),
	REFUSE(init_module),
	REFUSE(finit_module),
	REFUSE(delete_module),
	REFUSE(kexec_load),
	REFUSE(kexec_file_load),
	REFUSE(reboot),
	REFUSE(swapon),
	REFUSE(swapoff),
	REFUSE(quotactl),
	REFUSE(clock_settime),
	REFUSE(settimeofday),
	REFUSE(adjtimex),
	REFUSE(clock_adjtime),
	CALL_ANSWER(SECCOMP_RET_ALLOW),
};

static bool
seccomp_enter(void)
{
	return confine_calls(filter, sizeof(filter) / sizeof(filter[0]));
}

#else

static bool
seccomp_enter(void)
{
	return false; /* whose calls have which numbers isn't known here */
}

#endif

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
#ifdef IS_SANITIZED
		{ "/proc", CONFINE_WHOLE_TREE }, /* the threads, for leaks */
#endif
		{ ledger, CONFINE_WHOLE_TREE },
		{ socket, CONFINE_UNLINK },
	};
	size_t n = sizeof(paths) / sizeof(paths[0]);
	enum rc rc;

	*on = (struct serve_shut){ .seccomp = false };
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
	on->seccomp = seccomp_enter();
	return RC_OK;
}
