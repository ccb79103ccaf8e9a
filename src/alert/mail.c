#include "alert/mail.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

#define ADDRESS_MAX 300 /* bytes; a longer one is no receiver's */

extern char **environ;

/* The mail as a file in memory: a pipe could be full before it is read. */
static enum rc
mail_file(int *fd, struct slice mail, struct err *e)
{
	enum rc rc;

	*fd = memfd_create("mail", MFD_CLOEXEC);
	if (*fd < 0)
		return err_set(e, RC_IO, "a mail: %s", strerror(errno));
	rc = file_write(*fd, mail.p, mail.len, "a mail", e);
	if (rc == RC_OK && lseek(*fd, 0, SEEK_SET) != 0)
		rc = err_set(e, RC_IO, "a mail: %s", strerror(errno));
	return rc;
}

static int
spawn(pid_t *pid, const char *sendmail, const char *address, int fd)
{
	/* -i: a line with a dot alone doesn't end it. */
	char name[] = "sendmail", option[] = "-i", to[ADDRESS_MAX + 1];
	char *const argv[] = { name, option, to, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t defaults;
	int error;

	slice_copy(to, sizeof(to), slice_of(address));
	(void)sigemptyset(&defaults);
	(void)sigaddset(&defaults, SIGPIPE);
	if (posix_spawn_file_actions_init(&actions) != 0 ||
	    posix_spawnattr_init(&attr) != 0)
		return ENOMEM;
	error = posix_spawn_file_actions_adddup2(&actions, fd, 0);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(
		    &actions, 1, "/dev/null", O_WRONLY, 0);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(&attr, &defaults);
	if (error == 0)
		error = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	if (error == 0)
		error =
		    posix_spawn(pid, sendmail, &actions, &attr, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attr);
	return error;
}

enum rc
mail_start(pid_t *pid, const char *sendmail, const char *address,
    struct slice mail, struct err *e)
{
	int fd = -1, error;
	enum rc rc = mail_file(&fd, mail, e);

	if (rc == RC_OK) {
		error = spawn(pid, sendmail, address, fd);
		if (error != 0)
			rc = err_set(
			    e, RC_IO, "%s: %s", sendmail, strerror(error));
	}
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

bool
mail_has_ended(pid_t pid, enum rc *rc, struct err *e)
{
	int status = 0;
	pid_t got = waitpid(pid, &status, WNOHANG);

	*rc = RC_OK;
	if (got == 0)
		return false;
	if (got < 0)
		*rc = err_set(e, RC_IO, "sendmail: %s", strerror(errno));
	else if (WIFSIGNALED(status))
		*rc = err_set(e, RC_IO, "sendmail was killed by signal %d",
		    WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		*rc = err_set(
		    e, RC_IO, "sendmail ended with %d", WEXITSTATUS(status));
	return true;
}

void
mail_kill(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
