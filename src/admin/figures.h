/* Figures of uptime, for people. */
#ifndef WORKNET_ADMIN_FIGURES_H
#define WORKNET_ADMIN_FIGURES_H

#include "admin/out.h"
#include "uptime/uptime.h"

/*
 * "99.9546 % (between 99.91 % and 99.97 %, coverage 99.6 %)". 100 % is said only
 * when nothing else is possible.
 */
void
figures_say(struct out *o, const char *title, const struct uptime_figures *f);

#endif
