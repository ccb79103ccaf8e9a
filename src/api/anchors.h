/*
 * The transparency log's newest checkpoint, from the file that its program
 * replaces: assignments name it from then on (ledger/anchor.h). One thread.
 */
#ifndef WORKNET_API_ANCHORS_H
#define WORKNET_API_ANCHORS_H

#include "base/conf.h"
#include "base/reopen.h"
#include "ledger/anchor.h"

struct anchors {
	const struct conf *conf; /* borrowed: ledger, [coordinator] */
	struct reopen file;	 /* the checkpoint's; fd -1: there is none */
	struct anchor seen;	 /* that the ledger has, too */
	int64_t since_ms;	 /* the newest was taken up then; 0: none */
	bool failed, is_old;	 /* and that was told */
};

/*
 * Before the process is shut in, which is why another one opens the file. *a
 * has anchors_end, also after an error. RC_IO.
 */
MUST_CHECK enum rc
anchors_begin(struct anchors *a, const struct conf *conf, struct err *e);
void anchors_end(struct anchors *a);

/*
 * Takes up a checkpoint that is new. One that can't be used, or isn't there,
 * leaves the newest anchor as it was; the first is logged, once, and so is that
 * nothing newer came for ANCHOR_OLD_MS. ctx is a struct anchors.
 */
void anchors_look(void *ctx);

#endif
