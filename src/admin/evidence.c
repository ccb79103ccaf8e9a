#include "admin/evidence.h"

#include "proof/leaf.h"
#include "tlog/site.h"

#define LEAVES_MAX 10000 /* that are looked at: an hour of so many tasks */

enum rc
evidence_newest(int64_t *to_ms, const char *directory, struct err *e)
{
	struct segment_leaf leaf;
	struct site site;
	struct slice entry;
	int64_t i;
	enum rc rc;

	*to_ms = 0;
	rc = site_open_seen(&site, directory, e);
	for (i = site.size - 1;
	     rc == RC_OK && *to_ms == 0 && i >= 0 && i > site.size - LEAVES_MAX;
	     i--) {
		rc = site_entry(&site, i, &entry, e);
		if (rc != RC_OK || leaf_kind(entry) != KIND_SEGMENT)
			continue;
		rc = leaf_parse(&leaf, KIND_SEGMENT, entry, e);
		if (rc == RC_OK)
			*to_ms = leaf.to;
	}
	site_close(&site);
	return rc;
}
