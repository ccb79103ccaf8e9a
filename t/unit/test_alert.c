/* Who is told of incidents: their file, and what is signed for them. */
#include <unistd.h>

#include "alert/message.h"
#include "t/unit/tap.h"
#include "t/unit/vectors.h"

/* A vector of npm's standardwebhooks. */
static void
test_sign(void)
{
	struct json *all = vectors_read("evidence/entries-vectors.json");
	const struct json *v = json_get(all, "webhook");
	struct receiver r = { .secrets_n = 1 };
	struct err e = ERR_INIT;
	struct buf out;
	int64_t ts = 0;

	buf_init(&out, 1000);
	slice_copy(r.secrets[0], sizeof(r.secrets[0]),
	    slice_of(json_text(json_get(v, "secret"))));
	CHECK(json_int(&ts, json_get(v, "ts")) == RC_OK);
	tap_ok(message_sign(&out, &r, json_text(json_get(v, "id")), ts,
		   slice_of(json_text(json_get(v, "body"))), &e) == RC_OK &&
		strcmp(out.p, json_text(json_get(v, "signature"))) == 0,
	    "a webhook is signed as another library does it");
	buf_free(&out);
	json_free(all);
}

static const struct {
	const char *line;
	enum rc rc;
	const char *name;
} lines[] = {
	{ "a slack * https://h.example/x", RC_OK, "a receiver" },
	{ " a\tslack  t1 https://h.example/x # all\r", RC_OK,
	    "blanks, a comment and a carriage return" },
	{ "", RC_OK, "an empty line" },
	{ "# a", RC_OK, "a comment" },
	{ "a slack *", RC_INVALID, "three words" },
	{ "a slack * https://h.example/x s", RC_INVALID,
	    "a secret of a kind that has none" },
	{ "a slack * https://h.example/x s s s", RC_INVALID, "seven words" },
	{ "a/b slack * https://h.example/x", RC_INVALID,
	    "a name with a slash" },
	{ "a fax * https://h.example/x", RC_INVALID, "another kind" },
	{ "a slack * gopher://h.example/x", RC_INVALID, "another scheme" },
	{ "a slack * https://u:p@h.example/x", RC_INVALID, "a password" },
	{ "a webhook * https://h.example/x", RC_INVALID, "no secret" },
	{ "a webhook * https://h.example/x whsec_AAAA", RC_INVALID,
	    "a secret of three bytes" },
	{ "a webhook * https://h.example/x"
	  " whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	    RC_OK, "a secret of 24 bytes" },
	{ "a mail * mailto:a@h.example", RC_OK, "a mail" },
	{ "a mail * a@h.example", RC_INVALID, "a mail without mailto" },
	{ "a mail * mailto:-t@h.example", RC_INVALID, "an option of sendmail" },
	{ "a mail * mailto:a@h.example,b@h.example", RC_INVALID,
	    "two addresses" },
	{ "a mail * mailto:|sh@h.example", RC_INVALID, "a pipe" },
	{ "a pagerduty * https://h.example/x key", RC_OK, "a routing key" },
	{ "a slack * https://h.example/x\na slack * https://h.example/y",
	    RC_CONFLICT, "two of one name" },
};

static void
test_file(void)
{
	char path[] = "/tmp/worknet-receivers-XXXXXX";
	struct receivers r;
	struct err e = ERR_INIT;
	enum rc rc;
	size_t i;
	FILE *f;
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	(void)close(fd);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		f = fopen(path, "w");
		CHECK(f != NULL && fputs(lines[i].line, f) >= 0 &&
		    fclose(f) == 0);
		rc = receivers_read(&r, path, &e);
		if (!tap_ok(rc == lines[i].rc, "%s is %s", lines[i].name,
			lines[i].rc == RC_OK ? "taken" : "refused"))
			tap_diag("%s: %s", rc_name(rc), e.msg);
		receivers_free(&r);
	}
	(void)unlink(path);
	tap_ok(receivers_read(&r, path, &e) == RC_NOT_FOUND,
	    "a file that isn't there is told apart");
	receivers_free(&r);
}

int
main(void)
{
	test_sign();
	test_file();
	return tap_done();
}
