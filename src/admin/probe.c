#include "admin/probe.h"

#include <stdarg.h>
#include <stdio.h>

void
probe_say(struct outcome *o, bool bad, const char *fmt, ...)
{
	va_list ap;

	if (o->bad)
		return;
	o->bad = bad;
	va_start(ap, fmt);
	(void)vsnprintf(o->detail, sizeof(o->detail), fmt, ap);
	va_end(ap);
}

enum admin_exit
probes_run(struct admin *a, const struct probe *const *lists)
{
	static const struct out_column columns[] = {
		{ "check", "CHECK", OUT_TEXT },
		{ "ok", "OK", OUT_GOOD },
		{ "detail", "DETAIL", OUT_TEXT },
	};
	enum admin_exit code = ADMIN_OK;
	struct outcome o = { .bad = false };
	const struct probe *p;

	a->stands = true;
	out_table(a->out, "checks", NULL, columns, 3);
	for (; *lists != NULL; lists++)
		for (p = *lists; p->name != NULL && o.end == ADMIN_OK; p++) {
			o = (struct outcome){ .bad = false };
			p->run(a, &o);
			out_row(a->out,
			    (struct out_value[]){ out_text(p->name),
				out_int(!o.bad), out_text(o.detail) });
			if (o.end != ADMIN_OK)
				code = o.end;
			else if (o.bad)
				code = ADMIN_REFUSED;
		}
	out_table_end(a->out, "");
	out_field(a->out, "ok", NULL, OUT_BOOL, out_int(code == ADMIN_OK));
	return code;
}
