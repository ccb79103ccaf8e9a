#include "pay/context.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/finding.h"

#define HEAD_OLD_S 60 /* a tenth of what the vault lets it differ */

enum rc
run_finding(struct run *r, const char *kind, const char *subject,
    const char *detail, struct err *e)
{
	bool open = true;
	enum rc rc = RC_OK;

	if (!r->options->dry_run)
		rc = finding_add_open(
		    r->db, kind, subject, detail, clock_unix_ms(), &open, e);
	if (rc != RC_OK || !open)
		return rc;
	r->result->findings = true;
	log_error("%s: %s: %s", kind, subject, detail);
	return RC_OK;
}

enum rc
run_notice(struct run *r, const char *kind, const char *subject,
    const char *detail, struct err *e)
{
	if (r->options->dry_run)
		return RC_OK;
	log_notice("%s: %s: %s", kind, subject, detail);
	return finding_add(r->db, kind, subject, detail, clock_unix_ms(), e);
}

enum rc
run_over(struct run *r, const char *kind, const struct address *worker,
    struct err *e)
{
	char who[ADDRESS_LEN + 1];

	if (r->options->dry_run)
		return RC_OK;
	address_format(who, worker, ADDRESS_CHECKSUM);
	return finding_over(r->db, kind, who, clock_unix_ms(), e);
}

enum rc
run_over_unseen(struct run *r, const char *kind, struct err *e)
{
	if (r->options->dry_run)
		return RC_OK;
	return finding_over_unseen(
	    r->db, kind, r->began_ms, clock_unix_ms(), e);
}

enum rc
run_payout_finding(struct run *r, const struct payout *p, const char *kind,
    const char *detail, struct err *e)
{
	char subject[40];

	(void)snprintf(subject, sizeof(subject), "payout %" PRId64, p->id);
	return run_finding(r, kind, subject, detail, e);
}

enum rc
run_payout_over(
    struct run *r, const struct payout *p, const char *kind, struct err *e)
{
	char subject[40];

	if (r->options->dry_run)
		return RC_OK;
	(void)snprintf(subject, sizeof(subject), "payout %" PRId64, p->id);
	return finding_over(r->db, kind, subject, clock_unix_ms(), e);
}

void
run_nonce(const struct run *r, const struct address *worker, int64_t seq,
    uint8_t out[static PAYOUT_NONCE_LEN])
{
	struct payout_key key = {
		.chain_id = (uint64_t)r->source.chain_id,
		.token = r->source.token,
		.treasury = r->source.treasury,
		.worker = *worker,
		.seq = (uint64_t)seq,
	};

	memcpy(key.ledger_id, r->ledger_id, sizeof(key.ledger_id));
	payout_nonce(out, &key);
}

bool
run_is_ours(const struct run *r, const struct payout *p)
{
	return p->source.chain_id == r->source.chain_id &&
	    memcmp(&p->source.token, &r->source.token,
		sizeof(p->source.token)) == 0 &&
	    memcmp(&p->source.treasury, &r->source.treasury,
		sizeof(p->source.treasury)) == 0;
}

bool
run_is_stopped(const struct run *r)
{
	struct pollfd fd = { .fd = r->options->stop_fd, .events = POLLIN };

	return fd.fd >= 0 && poll(&fd, 1, 0) > 0;
}

bool
run_should_stop(struct run *r)
{
	bool held = false;

	if (run_is_stopped(r))
		return true;
	/* When the ledger can't say whether there is a hold, there is one. */
	return payout_is_held(r->db, 0, &held, NULL) != RC_OK || held;
}

enum rc
run_look(struct run *r, struct err *e)
{
	int64_t now_s = clock_unix_ms() / 1000;
	enum rc rc = nodes_head_seen(r->nodes, &r->head, e);

	/* Also when the clock was set back. */
	if (rc == RC_OK && now_s - r->head.seen_s <= HEAD_OLD_S &&
	    now_s >= r->head.seen_s)
		return RC_OK;
	return nodes_head(r->nodes, &r->head, e);
}

int64_t
run_chain_now_s(const struct run *r)
{
	int64_t ours = clock_unix_ms() / 1000;

	return ours > r->head.time_s ? ours : r->head.time_s;
}
