/* What somebody needs who wants to work, and what became of who asked. */
#include <stdio.h>

#include "eth/opt_in.h"
#include "page/frame.h"

const char *
page_joining_name(const struct page_site *site, const struct joining *is)
{
	if (is->suspended)
		return "suspended";
	if (is->admitted)
		return "admitted";
	if (site->admission == PAGE_OPEN)
		return "open";
	return is->waits ? "waiting" : "unknown";
}

static void
admission(struct html *h, const struct page_site *site)
{
	html_element(h, "h2", NULL, "Who is given work");
	html_open(h, "p", NULL);
	if (site->admission == PAGE_LIST) {
		html_text(h,
		    "Only addresses that the operator has admitted. Sign with yours, and the operator reads that it asks.");
	} else if (site->admission == PAGE_STANDING) {
		html_text(h,
		    "Addresses that have standing already, or that the operator has admitted: nobody new. Sign with yours, and the operator reads that it asks.");
	} else {
		html_text(h,
		    "Everybody: an address is known from the first poll on by which it is given something. Nobody needs to ask.");
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
	if (site->maturity_new_ms != site->maturity_ms) {
		html_text(h, ", and of one with a good record ");
		later(h, site->maturity_ms);
		html_text(h, "; a good record takes ");
		html_number(h, site->established_results);
		html_text(h, " credited results on ");
		html_number(h, site->established_days);
		html_text(h, " days");
	}
	html_text(h, ".");
	if (site->threshold_micros > 0) {
		html_text(h, " USDC are sent from ");
		html_usdc(h, site->threshold_micros);
		html_text(h, " USDC on.");
	}
	html_close(h);
	html_element(h, "p", NULL,
	    "Every address has a page, /worker/ and the address, that says where each micro-USDC is.");
}

/* A text with the region in it, which the script replaces. */
static void
with_region(struct html *h, const char *before, const char *after)
{
	html_open(h, "pre", NULL);
	html_text(h, before);
	html_element(h, "span", "of-region", "eu-west");
	html_text(h, after);
	html_close(h);
}

static void
commands(struct html *h, const struct page_site *site)
{
	char text[2 * URL_MAX + 400];

	html_element(h, "h2", NULL, "With worknet-worker");
	(void)snprintf(text, sizeof(text),
	    "worknet-worker --new-key worker.key\n"
	    "cat >worker.conf <<EOF\n[worker]\ncoordinator = %s%s\n"
	    "key_file = worker.key\nregion = ",
	    frame_origin(site), site->api);
	with_region(h, text,
	    "\nEOF\nworknet-worker -c worker.conf join\n"
	    "worknet-worker -c worker.conf\n");
	html_element(h, "h2", NULL, "With ClawRouter");
	(void)snprintf(text, sizeof(text),
	    "BLOCKRUN_API_BASE=%s%s\nCLAWROUTER_WORKER=1\nWORKER_REGION=",
	    frame_origin(site), site->api);
	html_element(h, "p", NULL, "In its environment:");
	with_region(h, text, "\n");
	html_element(h, "p", "note",
	    "The region is where it works: a word of up to 32 bytes. Tasks of a region are given to workers that say they are there. Who has signed with a wallet puts that account's key into worker.key, instead of a new one, and leaves join out. A key stays with its worker: nobody here asks for it.");
}

static void
script_part(struct html *h, const char *element, const char *id)
{
	html_open(h, element, NULL);
	html_attribute(h, "id", id);
	html_close(h);
}

/* What the script fills once a text is signed. */
static void
wallet_result(struct html *h)
{
	html_open(h, "div", "sentence");
	html_attribute(h, "id", "join-result");
	html_attribute(h, "hidden", "");
	html_open(h, "p", "hash");
	html_open(h, "a", NULL);
	html_attribute(h, "id", "join-page");
	html_attribute(h, "href", "/join");
	script_part(h, "span", "join-address");
	html_close(h);
	html_close(h);
	script_part(h, "p", "join-state");
	script_part(h, "p", "join-gets");
	html_element(h, "p", NULL, "The commands below have its region now.");
	html_close(h);
}

/* Hidden until there is a script: src/page/join.js. */
static void
wallet(struct html *h, const struct page_site *site)
{
	html_open(h, "section", NULL);
	html_attribute(h, "id", "wallet");
	html_attribute(h, "hidden", "");
	html_attribute(h, "data-api", site->api);
	html_element(h, "h2", NULL, "With a wallet in this browser");
	html_element(h, "p", NULL,
	    "Sign with the account whose key the worker will have. It signs a text that you can read: it costs nothing, and moves no money.");
	html_open(h, "p", NULL);
	html_open(h, "label", NULL);
	html_text(h, "Region, or nothing for none: ");
	html_open(h, "input", NULL);
	html_attribute(h, "id", "join-region");
	html_attribute(h, "type", "text");
	html_attribute(h, "maxlength", "32");
	html_attribute(h, "autocomplete", "off");
	html_attribute(h, "spellcheck", "false");
	html_attribute(h, "placeholder", "eu-west");
	html_close(h);
	html_close(h);
	html_close(h);
	script_part(h, "p", "join-wallets");
	html_open(h, "p", "note");
	html_attribute(h, "id", "join-none");
	html_text(h,
	    "No wallet is to be seen in this browser. worknet-worker does the same with its own key, as below.");
	html_close(h);
	html_open(h, "p", NULL);
	html_attribute(h, "id", "join-said");
	html_attribute(h, "role", "status");
	html_close(h);
	wallet_result(h);
	html_close(h);
}

void
page_newcomer(
    struct buf *out, const struct address *a, const struct joining *is)
{
	char address[ADDRESS_LEN + 1], title[ADDRESS_LEN + 16];
	struct html h;

	address_format(address, a, ADDRESS_CHECKSUM);
	(void)snprintf(title, sizeof(title), "Worker %s", address);
	frame_begin(&h, out, title, "");
	/* In the place of it comes what page_worker has, once there is some. */
	frame_part(&h, "all");
	html_element(&h, "p", "sentence unsure",
	    is->suspended ? "The operator has suspended it."
		: is->admitted
		? "The operator has admitted it, and it was never given work: once it polls, this page has what it earns."
		: is->waits
		? "It has asked to be admitted, and waits for the operator."
		: "No worker with this address was ever given work here.");
	if (is->asked_ms > 0) {
		html_open(&h, "dl", "facts");
		frame_fact(&h, "Asked");
		html_time(&h, is->asked_ms);
		frame_fact_end(&h);
		frame_fact(&h, "Region");
		html_text(&h, is->region[0] == '\0' ? "none" : is->region);
		frame_fact_end(&h);
		html_close(&h);
	}
	html_open(&h, "p", NULL);
	html_link(&h, "/join", "What a worker needs");
	html_close(&h);
	html_close(&h);
	frame_script(&h, "/again.js");
	frame_end(&h, 0);
}

void
page_join(struct buf *out, const struct page_site *site)
{
	struct html h;

	frame_begin(&h, out, "Join as a worker", "");
	html_element(&h, "p", "sentence",
	    "A worker checks public HTTP endpoints, signs what it saw with its own key, and is paid in USDC.");
	if (opt_in_origin_is_valid(site->origin)) {
		wallet(&h, site);
		frame_script(&h, "/join.js");
	}
	commands(&h, site);
	admission(&h, site);
	pay(&h, site);
	frame_end(&h, 0);
}
