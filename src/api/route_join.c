/*
 * Who wants to work says so, with a wallet's or a worker's own signature:
 *	GET /v1/join/text?address=0x...&region=R	what there is to sign
 *	POST /v1/join					and its signature
 *	GET /v1/join/ADDRESS				what became of it
 * Of a text nothing is kept before it comes back signed: its nonce is a MAC of
 * who asked and when, under a key of this process. The text is made anew of
 * what the POST says (eth/opt_in.h), so one that was signed for another host,
 * address, region or time is signed by nobody.
 */
#include <string.h>

#include "api/locate.h"
#include "api/room.h"
#include "api/write.h"
#include "eth/hex.h"
#include "eth/opt_in.h"
#include "ledger/joining.h"

#define JOIN_BODY_MAX  4096 /* bytes: ten times what is needed */
#define JOIN_RETRY_S   3600 /* where there is no place */
#define STATUS_CACHE_S 5

struct join_state {
	struct opt_in text; /* borrows from the others, and the rules */
	char region[REGION_MAX + 1];
	char nonce[OPT_IN_NONCE_LEN + 1];
	char network[SUBNET_MAX + 1];
	uint8_t signature[SIGNATURE_LEN];
	struct join_ask ask; /* borrows from the others */
	enum join_outcome outcome;
	struct joining is;
};

/* ---- The text ---- */

static void
nonce_make(char out[static OPT_IN_NONCE_LEN + 1], const struct api *a,
    const struct address *account, int64_t issued_ms)
{
	uint8_t hash[KECCAK256_LEN], time[8];
	char text[2 + OPT_IN_NONCE_LEN + 1];
	struct keccak k;
	size_t i;

	for (i = 0; i < sizeof(time); i++)
		time[i] = (uint8_t)((uint64_t)issued_ms >> (8 * i));
	keccak_init(&k);
	keccak_update(&k, a->join_key.b, sizeof(a->join_key.b));
	keccak_update(&k, account->b, sizeof(account->b));
	keccak_update(&k, time, sizeof(time));
	keccak_final(&k, hash);
	hex_encode(text, hash, OPT_IN_NONCE_LEN / 2);
	memcpy(out, text + 2, OPT_IN_NONCE_LEN + 1);
}

/* What any text here has; false, and the answer says why: there is none. */
static bool
text_begin(struct api_exchange *x, struct api_response *rs)
{
	const struct page_site *site = &x->rules->pages;
	struct join_state *s = x->state;

	memset(s, 0, sizeof(*s));
	if (!site->on) {
		respond_error(x, rs, 404, "not found");
		return false;
	}
	if (!opt_in_origin_is_valid(site->origin)) {
		respond_error(x, rs, 404,
		    "nobody can join here: the operator hasn't set [pages] origin to https://HOST");
		return false;
	}
	s->text = (struct opt_in){ .origin = site->origin,
		.region = s->region,
		.nonce = s->nonce,
		.chain_id = site->chain_id };
	return true;
}

static bool
region_take(struct api_exchange *x, struct api_response *rs, struct slice text)
{
	struct join_state *s = x->state;

	if (!opt_in_region_is_valid(text)) {
		respond_error(x, rs, 400,
		    "region: expected up to 32 of A-Z a-z 0-9 . _ -");
		return false;
	}
	slice_copy(s->region, sizeof(s->region), text);
	return true;
}

static bool
account_take(struct api_exchange *x, struct api_response *rs, struct slice text)
{
	struct join_state *s = x->state;
	struct err e = ERR_INIT;

	if (address_parse(&s->text.account, NULL, text, &e) == RC_OK)
		return true;
	(void)err_prefix(&e, "address");
	respond_error(x, rs, 400, e.msg);
	return false;
}

static void
account_write(struct json_writer *w, const struct address *a)
{
	char address[ADDRESS_LEN + 1];

	address_format(address, a, ADDRESS_CHECKSUM);
	write_text(w, "address", address);
}

static bool
text_handle(struct api_exchange *x, struct db *db, const struct api_request *rq,
    struct api_response *rs)
{
	struct join_state *s = x->state;
	char message[OPT_IN_TEXT_MAX];
	struct json_writer *w;
	struct err e = ERR_INIT;

	(void)db;
	if (!text_begin(x, rs) ||
	    !account_take(x, rs, query_value(rq->query, "address")) ||
	    !region_take(x, rs, query_value(rq->query, "region")))
		return true;
	s->text.issued_ms = x->now_ms - x->now_ms % 1000;
	nonce_make(s->nonce, x->api, &s->text.account, s->text.issued_ms);
	opt_in_text(message, &s->text);
	if (json_writer_new(&w, &x->body, false, &e) != RC_OK) {
		respond_unavailable(x, rs, &e);
		return true;
	}
	json_open_object(w);
	account_write(w, &s->text.account);
	write_text(w, "region", s->region);
	write_text(w, "origin", s->text.origin);
	write_number(w, "chainId", s->text.chain_id);
	write_text(w, "nonce", s->nonce);
	write_number(w, "issuedAtMs", s->text.issued_ms);
	write_number(w, "expiresAtMs", s->text.issued_ms + OPT_IN_LIFE_MS);
	write_text(w, "message", message);
	json_close_object(w);
	json_writer_free(w);
	return true;
}

/* ---- What became of it ---- */

static const char *
admission_name(enum page_admission a)
{
	return a == PAGE_LIST	 ? "list"
	    : a == PAGE_STANDING ? "standing"
				 : "open";
}

static void
status_write(struct api_exchange *x, struct api_response *rs,
    const struct address *account, const struct joining *is)
{
	const struct page_site *site = &x->rules->pages;
	struct err e = ERR_INIT;
	struct json_writer *w;

	if (json_writer_new(&w, &x->body, false, &e) != RC_OK) {
		respond_unavailable(x, rs, &e);
		return;
	}
	json_open_object(w);
	account_write(w, account);
	write_text(w, "state", page_joining_name(site, is));
	write_bool(w, "works", is->works);
	write_text_if(w, "region", is->region);
	write_number_if(w, "askedMs", is->asked_ms > 0, is->asked_ms);
	write_text(w, "admission", admission_name(site->admission));
	write_number(w, "payableAfterMs", site->maturity_new_ms);
	write_number_if(w, "thresholdMicros", site->threshold_micros > 0,
	    site->threshold_micros);
	json_close_object(w);
	json_writer_free(w);
}

static bool
status_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	struct err e = ERR_INIT;
	struct address account;
	struct joining is;
	enum rc rc;

	(void)rq;
	if (address_parse(&account, NULL, x->part, &e) != RC_OK) {
		(void)err_prefix(&e, "address");
		respond_error(x, rs, 400, e.msg);
		return true;
	}
	rc = joining_read(db, &account, x->now_ms, &is, &e);
	if (rc == RC_OK)
		status_write(x, rs, &account, &is);
	else
		respond_unavailable(x, rs, &e);
	return true;
}

/* ---- The signed text ---- */

static struct slice
member(const struct json *body, const char *key)
{
	const char *text = json_text(json_get(body, key));

	return slice_of(text == NULL ? "" : text);
}

/* What the body says; false: it is answered. */
static bool
body_take(
    struct api_exchange *x, struct api_response *rs, const struct json *body)
{
	struct join_state *s = x->state;
	struct slice nonce = member(body, "nonce");

	if (!account_take(x, rs, member(body, "address")) ||
	    !region_take(x, rs, member(body, "region")))
		return false;
	if (json_int(&s->text.issued_ms, json_get(body, "issuedAtMs")) !=
		RC_OK ||
	    !opt_in_nonce_is_valid(nonce)) {
		respond_error(x, rs, 400,
		    "expected address, region, nonce, issuedAtMs and signature");
		return false;
	}
	slice_copy(s->nonce, sizeof(s->nonce), nonce);
	if (hex_decode(s->signature, SIGNATURE_LEN, member(body, "signature"),
		NULL) == RC_OK)
		return true;
	respond_error(x, rs, 400, "signature: expected 0x and 130 hex digits");
	return false;
}

/* Whether it is a text of this process, of now, that its account signed. The
 * cheap questions come first. */
static bool
is_signed(struct api_exchange *x, struct api_response *rs)
{
	struct join_state *s = x->state;
	char nonce[OPT_IN_NONCE_LEN + 1];
	struct err e = ERR_INIT;

	if (s->text.issued_ms > x->now_ms ||
	    x->now_ms - s->text.issued_ms >= OPT_IN_LIFE_MS) {
		respond_error(x, rs, 403, "expired: ask for another text");
		return false;
	}
	nonce_make(nonce, x->api, &s->text.account, s->text.issued_ms);
	if (memcmp(nonce, s->nonce, sizeof(nonce)) != 0) {
		respond_error(x, rs, 403,
		    "nonce: not of this coordinator for this address: ask for another text");
		return false;
	}
	if (opt_in_check(&s->text, s->signature, &e) == RC_OK)
		return true;
	respond_error(x, rs, 403, e.msg);
	return false;
}

static enum rc
join_run(struct db *db, void *ctx, struct err *e)
{
	struct api_exchange *x = ctx;
	struct join_state *s = x->state;
	enum rc rc = joining_ask(db, true, &s->ask, x->now_ms, &s->outcome, e);

	return rc == RC_OK
	    ? joining_read(db, &s->text.account, x->now_ms, &s->is, e)
	    : rc;
}

static void
join_answer(struct api_exchange *x, struct api_response *rs, enum rc rc,
    const struct err *e)
{
	static const char *const refusals[] = {
		[JOIN_USED] = "nonce: used already: ask for another text",
		[JOIN_NETWORK_FULL] =
		    "as many addresses of your network ask already as may",
		[JOIN_FULL] = "too many ask already",
	};
	struct join_state *s = x->state;

	if (rc != RC_OK) {
		respond_unavailable(x, rs, e);
	} else if (s->outcome == JOIN_TAKEN || s->outcome == JOIN_ADMITTED) {
		status_write(x, rs, &s->text.account, &s->is);
	} else if (s->outcome == JOIN_USED) {
		respond_error(x, rs, 403, refusals[s->outcome]);
	} else {
		rs->retry_after_s = JOIN_RETRY_S;
		respond_error(x, rs, 503, refusals[s->outcome]);
	}
}

/* Of a text that is signed; as api_handle. */
static bool
join_settle(struct api_exchange *x, struct db *db, struct slice remote_addr,
    struct api_response *rs)
{
	struct join_state *s = x->state;
	struct err e = ERR_INIT;
	enum rc rc;

	locate_network(
	    s->network, x->api->config.locator, x->rules, remote_addr);
	s->ask = (struct join_ask){ s->text.account, slice_of(s->network),
		slice_of(s->region), s->text.issued_ms };
	rc = joining_read(db, &s->text.account, x->now_ms, &s->is, &e);
	/* Nobody asks for what everybody has. */
	s->outcome = JOIN_ADMITTED;
	if (rc == RC_OK && x->rules->pages.admission != PAGE_OPEN) {
		rc =
		    joining_ask(db, false, &s->ask, x->now_ms, &s->outcome, &e);
		if (rc == RC_OK && s->outcome == JOIN_TAKEN)
			return api_submit(x, join_run);
	}
	join_answer(x, rs, rc, &e);
	return true;
}

static bool
join_handle(struct api_exchange *x, struct db *db, const struct api_request *rq,
    struct api_response *rs)
{
	struct json *body = NULL;
	struct err e = ERR_INIT;
	bool is_good;
	enum rc rc;

	if (!text_begin(x, rs))
		return true;
	if (rq->encoding.len > 0 && !slice_is(rq->encoding, "identity")) {
		respond_error(x, rs, 415, "Content-Encoding not supported");
		return true;
	}
	if (rq->too_large || rq->body.len > JOIN_BODY_MAX) {
		respond_error(x, rs, 413, "body too large");
		return true;
	}
	rc = json_read(&body, rq->body, &e);
	if (rc == RC_NO_MEMORY) {
		respond_unavailable(x, rs, &e);
		return true;
	}
	if (rq->cut || rc != RC_OK)
		respond_error(x, rs, 400,
		    rq->cut ? "body shorter than declared" : "invalid JSON");
	is_good = !rq->cut && rc == RC_OK && body_take(x, rs, body);
	json_free(body);
	return is_good && is_signed(x, rs)
	    ? join_settle(x, db, rq->remote_addr, rs)
	    : true;
}

const struct route route_join_text = {
	.path = "/v1/join/text",
	.method = "GET",
	.state_size = sizeof(struct join_state),
	.handle = text_handle,
};

const struct route route_join = {
	.path = "/v1/join",
	.method = "POST",
	.state_size = sizeof(struct join_state),
	.handle = join_handle,
	.answer = join_answer,
};

const struct route route_join_status = {
	.path = "/v1/join/*",
	.method = "GET",
	.cache_s = STATUS_CACHE_S,
	.handle = status_handle,
};
