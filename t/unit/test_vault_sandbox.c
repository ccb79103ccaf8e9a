/* The vault's sandbox, from inside. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/tap.h"
#include "vault/sandbox.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
die(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static void
try_open(void)
{
	if (open("/etc/passwd", O_RDONLY) >= 0)
		_exit(1);
}

static void
try_create(void)
{
	if (open("/tmp/worknet-vault-was-here", O_CREAT | O_WRONLY, 0600) >= 0)
		_exit(1);
}

static void
try_socket(void)
{
	(void)socket(AF_INET, SOCK_STREAM, 0);
	_exit(1);
}

static void
try_exec(void)
{
	(void)execl("/bin/true", "true", (char *)NULL);
	_exit(1);
}

static void
try_fork(void)
{
	(void)fork();
	_exit(1);
}

static void
try_kill(void)
{
	(void)kill(getppid(), SIGTERM);
	_exit(1);
}

static void
try_trace(void)
{
	(void)syscall(SYS_ptrace, 16, getppid(), 0, 0);
	_exit(1);
}

static void
try_memory(void)
{
	char c;

	(void)syscall(SYS_process_vm_readv, getppid(), &c, 0, &c, 0, 0);
	_exit(1);
}

static void
try_code(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	_exit(1);
}

static void
try_unlink(void)
{
	(void)unlink("/tmp/worknet-vault-was-here");
	_exit(1);
}

static void
try_nothing(void)
{
	char *p = malloc(1000000);

	memset(p, 1, 1000000);
	free(p);
	_exit(0);
}

/* How a process ends that tries it inside: its wait status. */
static int
inside(void (*try)(void))
{
	int fds[2], status;
	pid_t pid, parent = getpid();
	unsigned on;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) != 0)
		die("socketpair", strerror(errno));
	pid = fork();
	if (pid == 0) {
		on = sandbox_begin(fds[1], parent);
		on |= sandbox_enter();
		if ((on & SANDBOX_SECCOMP) == 0)
			_exit(77);
		try();
		_exit(0);
	}
	(void)close(fds[0]);
	(void)close(fds[1]);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid", strerror(errno));
	return status;
}

static void
test_sandbox(void)
{
	static const struct {
		void (*try)(void);
		const char *what;
	} tries[] = {
		{ try_socket, "open a connection" },
		{ try_exec, "execute a program" },
		{ try_fork, "make a process" },
		{ try_kill, "send a signal" },
		{ try_trace, "trace a process" },
		{ try_memory, "read another one's memory" },
		{ try_code, "map memory as code" },
		{ try_unlink, "remove a file" },
	};
	int status = inside(try_nothing);
	size_t i;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		tap_ok(true, "sandbox # SKIP no seccomp here");
		return;
	}
	tap_is_int(status, 0, "inside the sandbox memory is to be had");
	tap_is_int(inside(try_open), 0, "but no file can be opened");
	tap_is_int(inside(try_create), 0, "or made");
	for (i = 0; i < COUNT(tries); i++) {
		status = inside(tries[i].try);
		tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
		    "who tries to %s is ended", tries[i].what);
	}
}

/*
 * Another process of the user, which isn't root, looks at one that has begun:
 * the kernel gives what it knows of that to root.
 */
static void
test_dump(void)
{
	int ready[2], end[2], fds[2];
	pid_t pid, parent = getpid();
	const uid_t user = geteuid() == 0 ? 65534 : geteuid();
	char path[64], c = 0;
	struct stat before = { .st_uid = 0 }, after = { .st_uid = 1 };

	if (pipe(ready) != 0 || pipe(end) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) != 0)
		die("pipe", strerror(errno));
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && setuid(user) != 0)
			_exit(1);
		/* Only exec, or this, makes it its own after setuid. */
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		(void)!write(ready[1], &c, 1);
		(void)!read(end[0], &c, 1);
		(void)sandbox_begin(fds[1], parent);
		(void)!write(fds[1], &c, 1);
		(void)!read(fds[1], &c, 1);
		_exit(0);
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	(void)!read(ready[0], &c, 1);
	(void)stat(path, &before);
	(void)!write(end[1], &c, 1);
	(void)!read(fds[0], &c, 1);
	(void)stat(path, &after);
	tap_is_int(before.st_uid, user, "a process's memory is its user's");
	tap_is_int(after.st_uid, 0, "the vault's is nobody's but root's");
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

int
main(void)
{
	test_sandbox();
	test_dump();
	return tap_done();
}
