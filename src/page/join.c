/* What somebody needs who wants to work. */
#include <stdio.h>

#include "page/frame.h"

static void
admission(struct html *h, const struct page_site *site)
{
	html_element(h, "h2", NULL, "Who is given work");
	html_open(h, "p", NULL);
	if (site->admission == PAGE_LIST) {
		html_text(h,
		    "Only addresses that the operator has admitted. Ask the operator with yours: nothing is registered here.");
	} else if (site->admission == PAGE_STANDING) {
		html_text(h,
		    "Addresses that have standing already, or that the operator has admitted: nobody new. Ask the operator with yours.");
	} else {
		html_text(h,
		    "Everybody: an address is known from the first poll on by which it is given something. Nothing is registered.");
	}
	html_close(h);
	if (site->standing_results == 0 && site->standing_hours == 0)
		return;
	html_open(h, "p", NULL);
	html_text(h, "An address has standing after ");
	html_number(h, site->standing_results);
	html_text(h, " paid results in ");
	html_number(h, site->standing_hours);
	html_text(h,
	    " different hours; until then what it is given reserves nothing, and another may be paid first.");
	html_close(h);
}

/* When credit is payable. */
static void
later(struct html *h, int64_t ms)
{
	if (ms == 0) {
		html_text(h, "at once");
		return;
	}
	html_span(h, ms);
	html_text(h, " later");
}

static void
pay(struct html *h, const struct page_site *site)
{
	html_element(h, "h2", NULL, "What it gets");
	html_open(h, "p", NULL);
	html_text(h,
	    "Each result that is paid is credited at once. Credit of a new address is payable ");
	later(h, site->maturity_new_ms);
	html_text(h, ", and of one with a good record ");
	later(h, site->maturity_ms);
	html_text(h, "; a good record takes ");
	html_number(h, site->established_results);
	html_text(h, " credited results on ");
	html_number(h, site->established_days);
	html_text(h, " days.");
	if (site->threshold_micros > 0) {
		html_text(h, " USDC are sent from ");
		html_usdc(h, site->threshold_micros);
		html_text(h, " USDC on.");
	}
	html_close(h);
	html_element(h, "p", NULL,
	    "Every address has a page, /worker/ and the address, that says where each micro-USDC is.");
}

static void
commands(struct html *h, const struct page_site *site)
{
	char text[2 * URL_MAX + 400];

	html_element(h, "h2", NULL, "With worknet-worker");
	(void)snprintf(text, sizeof(text),
	    "worknet-worker --new-key worker.key\n"
	    "cat >worker.conf <<EOF\n[worker]\ncoordinator = %s%s\n"
	    "key_file = worker.key\nregion = eu-west\nEOF\n"
	    "worknet-worker -c worker.conf\n",
	    frame_origin(site), site->api);
	html_element(h, "pre", NULL, text);
	html_element(h, "h2", NULL, "With ClawRouter");
	(void)snprintf(text, sizeof(text),
	    "BLOCKRUN_API_BASE=%s%s\nCLAWROUTER_WORKER=1\nWORKER_REGION=eu-west\n",
	    frame_origin(site), site->api);
	html_element(h, "p", NULL, "In its environment:");
	html_element(h, "pre", NULL, text);
	html_element(h, "p", "note",
	    "The region is where it works: a word of up to 32 bytes. Tasks of a region are given to workers that say they are there. A key stays with its worker: nobody here asks for it.");
}

void
page_join(struct buf *out, const struct page_site *site)
{
	struct html h;

	frame_begin(&h, out, "Join as a worker", "");
	html_element(&h, "p", "sentence",
	    "A worker checks public HTTP endpoints, signs what it saw with its own key, and is paid in USDC.");
	commands(&h, site);
	admission(&h, site);
	pay(&h, site);
	frame_end(&h, 0);
}
