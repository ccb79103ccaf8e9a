/* Days as bars, inside this room only. */
#ifndef WORKNET_PAGE_BARS_H
#define WORKNET_PAGE_BARS_H

#include "ledger/profile.h"
#include "page/html.h"

/*
 * An SVG image of days, each a letter of profile_day, oldest first, with the
 * same in words: one path for each kind of day, whatever their number.
 */
void bars_write(struct html *h, const char *days);

/* What the colours mean, for one place of each page. */
void bars_legend(struct html *h);

#endif
