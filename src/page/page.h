/*
 * The pages: what the coordinator shows to people, as HTML that is made for
 * each request and reads without scripts. They are made of what ledger/ has
 * read, and of nothing else; JSON of the same is api's. One thread.
 */
#ifndef WORKNET_PAGE_PAGE_H
#define WORKNET_PAGE_PAGE_H

#include "ledger/activity.h"
#include "ledger/joining.h"
#include "ledger/overview.h"
#include "ledger/profile.h"
#include "ledger/statement.h"

#define PAGE_EXPLORERS 3

/* What may be loaded, and from where: stylesheets and badges of this host. */
#define PAGE_POLICY                                              \
	"default-src 'none'; style-src 'self'; img-src 'self'; " \
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* The same for a page with a script, which asks this host alone. */
#define PAGE_SCRIPT_POLICY PAGE_POLICY "; script-src 'self'; connect-src 'self'"

/* In front of a transaction's hash makes a link. */
struct page_explorer {
	int64_t chain_id; /* 0: none */
	char url[URL_MAX + 1];
};

/* Who may work: words of [admission] mode. */
enum page_admission { PAGE_OPEN, PAGE_STANDING, PAGE_LIST };

/* What the pages say that isn't in the ledger. */
struct page_site {
	bool on;
	char origin[URL_MAX + 1]; /* "https://HOST"; "": not known */
	char api[PREFIX_MAX + 1]; /* in front of the API's paths */
	int64_t threshold_micros; /* of payouts; 0: not known */
	enum page_admission admission;
	int64_t standing_results, standing_hours;
	int64_t maturity_new_ms, maturity_ms;
	int64_t established_results, established_days;
	int64_t chain_id; /* that is paid on */
	struct page_explorer explorers[PAGE_EXPLORERS];
};

/* The link of a payout's transaction, "" without one. */
void page_transaction_link(char out[static URL_MAX + TX_LEN + 1],
    const struct page_site *site, const struct statement_payout *p);

/* Each appends a document. Errors show in buf_status(out). */
void page_home(struct buf *out, const struct page_site *site,
    const struct activity *a, const struct profile_list *l);
void page_worker(
    struct buf *out, const struct page_site *site, const struct statement *s);
void page_transfers(struct buf *out, const struct page_site *site,
    const struct statement_page *p);
void page_join(struct buf *out, const struct page_site *site);
/* Of an address that was never given anything. */
void page_newcomer(
    struct buf *out, const struct address *a, const struct joining *is);
/* "open" where nobody needs to ask; "unknown", "waiting", "admitted",
 * "suspended". */
const char *
page_joining_name(const struct page_site *site, const struct joining *is);

/* What is to be known of the process that shows it. */
struct page_process {
	int64_t began_ms;
	int landlock; /* what it is shut in by; 0: not */
	int calls;    /* how many system calls seccomp allows; 0: not */
};
void page_operator(
    struct buf *out, const struct overview *o, const struct page_process *p);

#define PAGE_RESPONSES_DAYS 7

/* A task, with the newest of what there is of it. */
struct page_task {
	int64_t now_ms;
	const struct profile *profile; /* of 90 days */
	size_t incidents_n, checks_n, announced_n;
	struct profile_incident incidents[PROFILE_INCIDENTS_MAX];
	struct profile_check checks[PROFILE_CHECKS_MAX];
	struct profile_announced announced[PROFILE_ANNOUNCED_MAX];
	struct responses responses; /* owned; of PAGE_RESPONSES_DAYS */
};
void page_task(
    struct buf *out, const struct page_site *site, const struct page_task *t);

/* A badge: a figure of so many days, in the words of shields.io. */
struct page_badge {
	char label[24];
	char message[UPTIME_HEADLINE_MAX];
	const char *color; /* brightgreen, orange, red, lightgrey */
	bool is_known;
};
void page_badge_of(struct page_badge *b, const struct profile *p, int64_t days);
void page_badge(struct buf *out, const struct page_badge *b);

/* An incident for feeds: its name for ever (a tag URI), and in words. */
#define PAGE_ID_MAX	  320
#define PAGE_SENTENCE_MAX 400
void page_incident_id(char out[static PAGE_ID_MAX],
    const struct page_site *site, const struct profile_incident *i);
void page_incident_title(
    char out[static PAGE_SENTENCE_MAX], const struct profile_incident *i);
void page_incident_text(
    char out[static PAGE_SENTENCE_MAX], const struct profile_incident *i);

/* Incidents, the newest first, as an Atom feed; of one task, or "". */
void page_feed(struct buf *out, const struct page_site *site, const char *task,
    const struct profile_incident *incidents, size_t n);
void page_calendar(struct buf *out, const struct page_site *site,
    const struct profile_announced *all, size_t n);

/* What isn't there; what is a sentence. */
void
page_missing(struct buf *out, const struct page_site *site, const char *what);

/* Files that are as they are: style.css and the scripts of src/page, what
 * is in src/page/uplot, with its licence, and src/api/openapi.json. */
extern const char page_style[];
extern const char page_join_script[];
extern const char page_again_script[];
extern const char page_home_script[];
extern const char page_task_script[];
extern const char page_uplot_script[];
extern const char page_uplot_style[];
extern const char page_openapi[];
/* The pages' sign, an SVG image: a browser asks for one anyway. */
extern const char page_icon[];

#endif
