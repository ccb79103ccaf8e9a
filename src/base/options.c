#include "base/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

int
options_wrong(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n%s --help tells what there is\n",
	    program_invocation_short_name);
	return -1;
}

/* An option that there isn't: argv[optind - 1], or a letter of it. */
static void
unknown(const char *word, const struct option *longs)
{
	char name[TEXT_WORD_MAX];
	const char *meant = NULL;

	if (strncmp(word, "--", 2) != 0) {
		(void)options_wrong("unknown option -%c", optopt);
		return;
	}
	(void)snprintf(
	    name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	for (; longs->name != NULL && meant == NULL; longs++)
		if (text_is_near(name + 2, longs->name))
			meant = longs->name;
	if (meant == NULL)
		(void)options_wrong("unknown option %.80s", word);
	else
		(void)options_wrong(
		    "unknown option %.80s: did you mean --%s?", word, meant);
}

int
options_next(
    int argc, char **argv, const char *shorts, const struct option *longs)
{
	int c;

	opterr = 0;
	c = getopt_long(argc, argv, shorts, longs, NULL);
	if (c == ':')
		(void)options_wrong("%.80s needs a value", argv[optind - 1]);
	else if (c == '?' && optopt != 0 &&
	    strncmp(argv[optind - 1], "--", 2) == 0)
		(void)options_wrong("%.80s takes no value", argv[optind - 1]);
	else if (c == '?')
		unknown(argv[optind - 1], longs);
	return c == ':' ? '?' : c;
}

int
options_end(int argc, char **argv, const char *const *words)
{
	if (optind == argc)
		return 0;
	for (; words != NULL && *words != NULL; words++)
		if (text_is_near(argv[optind], *words))
			return options_wrong(
			    "unexpected argument \"%.80s\": did you mean %s?",
			    argv[optind], *words);
	return options_wrong("unexpected argument \"%.80s\"", argv[optind]);
}
