#include "admin/figures.h"

void
figures_say(struct out *o, const char *title, const struct uptime_figures *f)
{
	char headline[UPTIME_HEADLINE_MAX], low[UPTIME_TEXT_MAX],
	    high[UPTIME_TEXT_MAX], coverage[UPTIME_TEXT_MAX];

	uptime_headline(headline, f);
	uptime_format(low, f->at_least);
	uptime_format(high, f->at_most);
	uptime_format(coverage, f->coverage);
	if (f->at_least == UPTIME_NO_FIGURE)
		out_line(o, title, "%s: there was nothing to check", headline);
	else
		out_line(o, title, "%s (between %s and %s, coverage %s)",
		    headline, low, high, coverage);
}
