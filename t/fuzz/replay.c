/* Runs a fuzz target over the files of a corpus; TAP. */
#include <dirent.h>

#include "base/buf.h"
#include "t/fuzz/fuzz.h"
#include "t/unit/tap.h"

static int
replay(const char *dir)
{
	struct dirent **names;
	char path[4096];
	struct err e = ERR_INIT;
	struct buf b;
	int i, n;

	n = scandir(dir, &names, NULL, alphasort);
	for (i = 0; i < n; i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		buf_init(&b, 1 << 20);
		if (names[i]->d_name[0] != '.') {
			tap_ok(buf_read_file(&b, path, &e) == RC_OK &&
				LLVMFuzzerTestOneInput(
				    (const uint8_t *)(b.p == NULL ? "" : b.p),
				    b.len) == 0,
			    "%s is survived", names[i]->d_name);
		}
		buf_free(&b);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return n;
}

int
main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		(void)replay(argv[i]);
	tap_ok(tap_count > 0, "there is a corpus");
	return tap_done();
}
