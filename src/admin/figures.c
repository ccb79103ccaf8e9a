#include "admin/figures.h"

void
figures_say(struct out *o, const char *title, const struct uptime_figures *f)
{
	char is[UPTIME_TEXT_MAX], low[UPTIME_TEXT_MAX], high[UPTIME_TEXT_MAX],
	    coverage[UPTIME_TEXT_MAX];
	const char *headline = is;

	uptime_format(is, f->availability);
	uptime_format(low, f->at_least);
	uptime_format(high, f->at_most);
	uptime_format(coverage, f->coverage);
	if (f->availability == UPTIME_NO_FIGURE)
		headline = "nothing is known";
	else if (f->availability == UPTIME_PPM && f->at_least < UPTIME_PPM)
		headline = "no confirmed outage was seen";
	if (f->at_least == UPTIME_NO_FIGURE)
		out_line(o, title, "%s: there was nothing to check", headline);
	else
		out_line(o, title, "%s (between %s and %s, coverage %s)",
		    headline, low, high, coverage);
}
