/* Response times as a chart, inside this room only. */
#ifndef WORKNET_PAGE_CHART_H
#define WORKNET_PAGE_CHART_H

#include "page/frame.h"

/*
 * The section of a task's page: an SVG image for each region, of the hours of
 * PAGE_RESPONSES_DAYS up to the end of the task's report, with the same in
 * words and the last day's as a table. task.js draws the same with more days.
 */
void chart_write(struct html *h, const struct page_site *site,
    const struct profile *p, const struct responses *r);

#endif
