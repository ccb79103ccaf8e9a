/* The coordinator's sandbox, from inside: what is left, and what isn't. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/reopen.h"
#include "serve/sandbox.h"
#include "t/unit/tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NONE	 77 /* this kernel hasn't it */

static char top[64], ledger[96], beside[112], key[96], sock[96];

static void
die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void
file_make(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) != 0)
		die(path);
}

/* ---- What is tried: errno, 0 if it went well ---- */

static int
outcome(long rc)
{
	return rc < 0 ? errno : 0;
}

static int
try_key(void)
{
	return outcome(open(key, O_RDONLY));
}

static int
try_passwd(void)
{
	return outcome(open("/etc/passwd", O_RDONLY));
}

static int
try_write(void)
{
	return outcome(open(key, O_WRONLY | O_APPEND));
}

static int
try_make(void)
{
	char path[112];

	(void)snprintf(path, sizeof(path), "%s/new", top);
	return outcome(open(path, O_CREAT | O_WRONLY, 0600));
}

static int
try_rename(void)
{
	char path[112];

	(void)snprintf(path, sizeof(path), "%s.moved", ledger);
	return outcome(rename(key, path));
}

static int
try_link(void)
{
	char path[112];

	(void)snprintf(path, sizeof(path), "%s.linked", ledger);
	return outcome(link(key, path));
}

static int
try_exec(void)
{
	return outcome(execl("/bin/true", "true", (char *)NULL));
}

static int
try_tcp(void)
{
	return outcome(socket(AF_INET, SOCK_STREAM, 0));
}

static int
try_udp(void)
{
	return outcome(socket(AF_INET6, SOCK_DGRAM, 0));
}

static int
try_netlink(void)
{
	return outcome(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int
try_connect(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(sa.sun_path, sock, strlen(sock) + 1);
	return outcome(connect(fd, (const struct sockaddr *)&sa, sizeof(sa)));
}

/* Some C libraries' fork blocks all signals first, and is ended then. */
static int
try_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static int
try_kill(void)
{
	return outcome(kill(getppid(), 0));
}

/* By another call, which is for itself. */
static int
try_kill_thread(void)
{
	return outcome(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int
try_kill_itself(void)
{
	return outcome(syscall(SYS_tgkill, getpid(), gettid(), 0));
}

static int
try_trace(void)
{
	return outcome(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int
try_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return outcome(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int
try_ring(void)
{
	return outcome(syscall(SYS_io_uring_setup, 1, NULL));
}

static int
try_memory(void)
{
	return outcome(
	    syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}

static int
try_file_in_memory(void)
{
	return outcome(memfd_create("code", 0));
}

static int
try_user(void)
{
	return outcome(setuid(getuid()));
}

static int
try_dump(void)
{
	return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* What no program does: a number that no call has. */
static int
try_nothing_known(void)
{
	return outcome(syscall(1000000));
}

static void *
thread_main(void *arg)
{
	*(int *)arg = try_key();
	return NULL;
}

/* A thread that is begun later is shut in, too. */
static int
try_thread(void)
{
	pthread_t thread;
	int error = 0;

	if (pthread_create(&thread, NULL, thread_main, &error) != 0)
		return ENOSYS;
	(void)pthread_join(thread, NULL);
	return error;
}

static int
try_ledger(void)
{
	return outcome(open(ledger, O_RDWR));
}

static int
try_log(void)
{
	int fd = open(beside, O_CREAT | O_RDWR, 0600);

	if (fd < 0 || ftruncate(fd, 0) != 0)
		return errno;
	return outcome(unlink(beside));
}

static int
try_socket_path(void)
{
	return outcome(unlink(sock));
}

static int
try_manager(void)
{
	return outcome(socket(AF_UNIX, SOCK_DGRAM, 0));
}

/* The outcome in a process that is shut in. */
static int
inside(int (*try)(void))
{
	struct err e = ERR_INIT;
	struct serve_shut on;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (serve_shut_in(&on, ledger, sock, &e) != RC_OK)
			_exit(1);
		if (on.landlock == 0 || on.calls == 0)
			_exit(NONE);
		_exit(try());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static void
test_tries(void)
{
	static const struct {
		int (*try)(void);
		int error;
		const char *name;
	} tries[] = {
		{ try_key, EACCES, "a key can't be read" },
		{ try_passwd, EACCES, "nor can what everybody may read" },
		{ try_write, EACCES, "a file elsewhere can't be written to" },
		{ try_make, EACCES, "nor made" },
		{ try_rename, EPERM, "nor moved to the ledger" },
		{ try_link, EPERM, "nor linked there" },
		{ try_exec, EPERM, "no program is executed" },
		{ try_tcp, EPERM, "no connection made" },
		{ try_udp, EPERM, "no packet sent" },
		{ try_netlink, EPERM, "the network not asked" },
		{ try_connect, EPERM, "no Unix socket connected to" },
#ifndef CONFINE_LESS
		{ try_fork, EPERM, "no process begun" },
		{ try_dump, EPERM, "it stays as hidden as it is" },
#endif
		{ try_kill, EPERM, "none sent a signal" },
		{ try_kill_thread, EPERM, "by no other call, either" },
		{ try_trace, EPERM, "none traced" },
		{ try_code, EPERM, "no memory becomes code" },
		{ try_ring, EPERM, "no call made around the filter" },
		{ try_memory, EPERM, "no other memory read" },
		{ try_file_in_memory, EPERM, "no file made without a name" },
		{ try_user, EPERM, "it stays who it is" },
		{ try_nothing_known, EPERM, "what nobody knows is refused" },
		{ try_thread, EACCES, "a thread begun later can't, either" },
		{ try_ledger, 0, "the ledger can be written to" },
		{ try_log, 0, "its log made and removed" },
		{ try_kill_itself, 0, "it can end itself" },
		{ try_manager, 0, "the service manager be told" },
		{ try_socket_path, 0, "and the socket removed at the end" },
	};
	size_t i;

	for (i = 0; i < COUNT(tries); i++)
		tap_is_int(inside(tries[i].try), tries[i].error, tries[i].name);
}

/* ---- What is told of it ---- */

/* Standard error of a process that is shut in and tries two things twice. */
static void
told_read(char *text, size_t size, int *status)
{
	struct err e = ERR_INIT;
	struct serve_shut on;
	size_t used = 0;
	ssize_t n;
	int ends[2];
	pid_t pid;

	if (pipe(ends) != 0)
		die("pipe");
	pid = fork();
	if (pid == 0) {
		if (dup2(ends[1], STDERR_FILENO) < 0 || close(ends[1]) != 0 ||
		    serve_shut_in(&on, ledger, sock, &e) != RC_OK)
			_exit(1);
		(void)try_tcp();
		(void)try_exec();
		(void)try_tcp();
		(void)try_key();
		_exit((int)confine_refused());
	}
	(void)close(ends[1]);
	while ((n = read(ends[0], text + used, size - used - 1)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	(void)close(ends[0]);
	if (pid < 0 || waitpid(pid, status, 0) != pid)
		die("fork");
}

static void
test_told(void)
{
	char text[1024], *second;
	int status;

	told_read(text, sizeof(text), &status);
	tap_is_int(WEXITSTATUS(status), 3, "each refusal is counted");
	second = strchr(text, '\n');
	tap_ok(strstr(text, ": refused: system call socket (") != NULL,
	    "the log says which call it was");
	tap_ok(second != NULL && strstr(second, " execve (") != NULL,
	    "and what is tried next");
	tap_ok(second != NULL && strstr(second, "socket") == NULL,
	    "what is tried again isn't told again");
}

/* Another set of numbers for the same calls, those of x32. */
static void
test_other_numbers(void)
{
#if defined(__x86_64__)
	struct err e = ERR_INIT;
	struct serve_shut on;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (serve_shut_in(&on, ledger, sock, &e) != RC_OK)
			_exit(1);
		(void)syscall(0x40000000 + SYS_getpid);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork");
	tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
	    "who calls by other numbers is ended");
#endif
}

/* ---- The file that is opened again ---- */

static char
reopened(const struct reopen *r, enum rc *rc)
{
	struct err e = ERR_INIT;
	char c = '-';
	int fd;

	*rc = reopen_file(r, &fd, key, &e);
	if (*rc == RC_OK) {
		(void)!read(fd, &c, 1);
		(void)close(fd);
	}
	return c;
}

static void
replaced(const char *text)
{
	char path[112];
	int fd;

	(void)snprintf(path, sizeof(path), "%s.new", key);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	if (fd < 0 || write(fd, text, 1) != 1 || rename(path, key) != 0)
		die(path);
	(void)close(fd);
}

static void
test_reopen(void)
{
	struct err e = ERR_INIT;
	struct reopen r;
	enum rc rc;

	tap_is_int(reopen_begin(&r, key, REOPEN_FILE, &e), RC_OK,
	    "a process is begun that opens one file");
	tap_is_int(reopened(&r, &rc), 'x', "which is passed on");
	replaced("y");
	tap_is_int(reopened(&r, &rc), 'y', "also once another one is there");
	(void)unlink(key);
	(void)reopened(&r, &rc);
	tap_is_int(rc, RC_NOT_FOUND, "that none is there is told");
	replaced("z");
	tap_is_int(reopened(&r, &rc), 'z', "and doesn't end it");
	reopen_end(&r);
	tap_ok(waitpid(-1, NULL, 0) > 0, "it ends with its owner");
}

/* A copy is what was there, whatever becomes of the file. */
static void
test_reopen_copy(void)
{
	struct err e = ERR_INIT;
	struct reopen r;
	struct stat st;
	enum rc rc;
	char c = '-';
	int fd;

	replaced("c");
	tap_is_int(reopen_begin(&r, key, REOPEN_COPY, &e), RC_OK,
	    "a process is begun that copies one file");
	tap_is_int(reopen_file(&r, &fd, key, &e), RC_OK, "it passes on a copy");
	if (truncate(key, 0) != 0)
		die("truncate");
	tap_ok(pread(fd, &c, 1, 0) == 1 && c == 'c' && fstat(fd, &st) == 0 &&
		st.st_size == 1,
	    "which is whole when somebody cuts the file");
	(void)close(fd);
	if (truncate(key, REOPEN_COPY_MAX + 1) != 0)
		die("truncate");
	(void)reopened(&r, &rc);
	tap_is_int(rc, RC_IO, "what is too large isn't copied");
	(void)unlink(key);
	if (mkfifo(key, 0600) != 0)
		die("mkfifo");
	(void)reopened(&r, &rc);
	tap_is_int(rc, RC_IO, "nor what is no file");
	reopen_end(&r);
	tap_ok(waitpid(-1, NULL, 0) > 0, "it ends with its owner, too");
}

int
main(void)
{
	(void)snprintf(top, sizeof(top), "%s/worknet-shut-XXXXXX",
	    getenv("TMPDIR") == NULL ? "/tmp" : getenv("TMPDIR"));
	if (mkdtemp(top) == NULL)
		die("mkdtemp");
	(void)snprintf(ledger, sizeof(ledger), "%s/data", top);
	if (mkdir(ledger, 0700) != 0)
		die("mkdir");
	(void)snprintf(ledger, sizeof(ledger), "%s/data/ledger.db", top);
	(void)snprintf(beside, sizeof(beside), "%s-wal", ledger);
	(void)snprintf(key, sizeof(key), "%s/treasury.key", top);
	(void)snprintf(sock, sizeof(sock), "%s/fcgi.sock", top);
	file_make(ledger);
	file_make(key);
	file_make(sock);
	if (inside(try_ledger) == NONE)
		tap_ok(true, "sandbox # SKIP no Landlock or seccomp here");
	else {
		test_tries();
		test_told();
		test_other_numbers();
	}
	test_reopen();
	test_reopen_copy();
	return tap_done();
}
