#include "base/confine.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <unistd.h>

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

bool
confine_calls(const struct sock_filter *filter, size_t n)
{
	const struct sock_fprog program = {
		.len = (unsigned short)n,
		.filter = (struct sock_filter *)(uintptr_t)filter,
	};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}
