/* A report as lines of RFC 4180, one a day. One thread. */
#ifndef WORKNET_ADMIN_REPORT_CSV_H
#define WORKNET_ADMIN_REPORT_CSV_H

#include <stdio.h>

#include "ledger/uptime_report.h"

/* Figures are parts per million, rounded down; empty where there is none. */
void report_csv(FILE *f, const char *task, const struct uptime_report *r);

#endif
