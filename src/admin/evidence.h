/*
 * What worknet doctor looks at of what strangers verify: how far the
 * transparency log is behind, who hasn't given its word on it, and how far the
 * object store is behind that. One thread.
 */
#ifndef WORKNET_ADMIN_EVIDENCE_H
#define WORKNET_ADMIN_EVIDENCE_H

#include "admin/probe.h"

void probe_evidence(struct admin *a, struct outcome *o);
void probe_upload(struct admin *a, struct outcome *o);

#endif
