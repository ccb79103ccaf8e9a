#include "admin/evidence.h"

#include <stdio.h>

#include "proof/leaf.h"
#include "tlog/site.h"

#define LEAVES_MAX 10000 /* that are looked at: an hour of so many tasks */

enum rc
evidence_newest(int64_t *to_ms, const char *directory, struct err *e)
{
	char path[FILE_PATH_SIZE];
	struct segment_leaf leaf;
	struct checkpoint c;
	struct site site;
	struct slice entry;
	struct note note;
	struct buf text;
	int64_t i;
	enum rc rc;

	*to_ms = 0;
	buf_init(&text, NOTE_MAX);
	(void)snprintf(path, sizeof(path), "%s/checkpoint", directory);
	rc = buf_read_file(&text, path, e);
	if (rc == RC_OK)
		rc = note_parse(&note, (struct slice){ text.p, text.len }, e);
	if (rc == RC_OK)
		rc = checkpoint_parse(&c, note.text, e);
	site_open(&site, directory, rc == RC_OK ? c.size : 0);
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
	buf_free(&text);
	return rc;
}
