#include "base/conf_value.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIELD(f) offsetof(struct conf, f)

/* A limit's number as a default. */
#define TEXT_OF(limit)	       TEXT_OF_NUMBER(limit)
#define TEXT_OF_NUMBER(number) #number

/* Of one payout, or of a day's. */
#define MICROS_MAX AMOUNT_MAX_MICROS

#define TIER_KEY(k, f, min, max, v, help) \
	"tiers", k, CONF_INT, FIELD(f), min, max, v, help, CONF_OF_OTHERS
#define TIER_ROWS(t, i, w, p)                                                  \
	{ TIER_KEY(t "_weight", tiers[i].weight, 1, WEIGHT_MAX, w,             \
	    "its shares of the work") },                                       \
	{                                                                      \
		TIER_KEY(t "_reward_permille", tiers[i].permille, 1000, 10000, \
		    p, "its pay: thousandths of a reward")                     \
	}
static const struct conf_key keys[] = {
	{ "ledger", "path", CONF_PATH, FIELD(ledger_path), 1, PATH_LEN_MAX,
	    "/var/lib/worknet/ledger.db", "the SQLite file", CONF_RESTART },
	{ "ledger", "busy_timeout_ms", CONF_INT, FIELD(busy_timeout_ms), 1,
	    60000, "2000", "wait this long for somebody else's lock",
	    CONF_RESTART },

	{ "coordinator", "exchanges", CONF_INT, FIELD(exchanges), 1, 4096,
	    "128", "requests in flight; others wait, then get 503",
	    CONF_RESTART },
	{ "coordinator", "threads", CONF_INT, FIELD(threads), 0, 512, "0",
	    "threads that answer them; 0: twice the processors and four",
	    CONF_RESTART },
	{ "coordinator", "max_tasks_per_poll", CONF_INT,
	    FIELD(max_tasks_per_poll), 1, TASKS_PER_POLL_MAX, "10",
	    "tasks in one answer", CONF_AT_ONCE },
	{ "coordinator", "result_window_ms", CONF_INT, FIELD(result_window_ms),
	    RESULT_WINDOW_MIN_MS, RESULT_WINDOW_MAX_MS,
	    TEXT_OF(RESULT_WINDOW_MS),
	    "an assignment can be paid until it is this old", CONF_AT_ONCE },
	{ "coordinator", "one_copy_per_network", CONF_BOOL,
	    FIELD(one_copy_per_network), 0, 0, "yes",
	    "no two copies of a cycle to one network: see [admission]",
	    CONF_AT_ONCE },
	{ "coordinator", "prefix", CONF_PREFIX, FIELD(prefix), 0, PREFIX_MAX,
	    "/api", "in front of the API's paths, if nginx passes it on",
	    CONF_RESTART },
	{ "coordinator", "checkpoint_file", CONF_PATH, FIELD(checkpoint_file),
	    1, PATH_LEN_MAX, "",
	    "the newest checkpoint of a transparency log, which assignments name from then on",
	    CONF_RESTART },
	{ "coordinator", "log_level", CONF_LOG_LEVEL, FIELD(log_level), 1,
	    CONF_WORD_MAX, "notice",
	    "what the log has: error, warning, notice, info (each request) or debug",
	    CONF_AT_ONCE },

	{ "admission", "mode", CONF_ADMISSION, FIELD(admission_mode), 1,
	    CONF_WORD_MAX, "open",
	    "who is given tasks: open, everybody; standing, who has that; list, only whom worknet worker admit lets in, which the other two do, too",
	    CONF_AT_ONCE },
	{ "admission", "standing_results", CONF_INT, FIELD(standing_results), 0,
	    STANDING_RESULTS_MAX, "10",
	    "an address has standing after so many paid results",
	    CONF_AT_ONCE },
	{ "admission", "standing_hours", CONF_INT, FIELD(standing_hours), 0,
	    STANDING_HOURS_MAX, "3",
	    "in so many different hours; until then what it is given reserves nothing. 0 and 0: everybody has it",
	    CONF_AT_ONCE },
	{ "admission", "network_slots", CONF_INT, FIELD(network_slots), 1,
	    1000000, "100",
	    "a network holds no more slots that it hasn't answered; addresses of it that were never paid have half as many",
	    CONF_AT_ONCE },
	{ "admission", "ipv4_prefix", CONF_INT, FIELD(ipv4_prefix), 8, 32, "24",
	    "addresses that share so many bits are one network, which has one share of the work",
	    CONF_AT_ONCE },
	{ "admission", "ipv6_prefix", CONF_INT, FIELD(ipv6_prefix), 16, 64,
	    "48", "the same of IPv6", CONF_AT_ONCE },
	{ "admission", "asn_database", CONF_DATABASE, FIELD(asn_database), 1,
	    PATH_LEN_MAX, "",
	    "an MMDB file: addresses of one autonomous system are one network; its content counts on SIGHUP",
	    CONF_RESTART },
	{ "admission", "asn_by_prefix", CONF_ASNS, FIELD(asn_by_prefix), 1,
	    CONF_ASNS_MAX, "",
	    "but not of these (numbers, also on several lines): Internet providers of many workers",
	    CONF_AT_ONCE },
	{ "admission", "country_database", CONF_DATABASE,
	    FIELD(country_database), 1, PATH_LEN_MAX, "",
	    "an MMDB file, for the next one; may be the same; its content counts on SIGHUP",
	    CONF_RESTART },
	{ "admission", "region_countries", CONF_REGIONS,
	    FIELD(region_countries), 1, CONF_URLS_MAX, "",
	    "REGION:CC,CC ..., also on several lines: who polls from another country gets no task of that region",
	    CONF_AT_ONCE },

	{ "honesty", "maturity_new_ms", CONF_INT, FIELD(maturity_new_ms), 0,
	    MATURITY_MAX_MS, "86400000",
	    "credit of a worker that is new is payable so much later",
	    CONF_AT_ONCE },
	{ "honesty", "maturity_ms", CONF_INT, FIELD(maturity_ms), 0,
	    MATURITY_MAX_MS, "0", "and credit of a worker that is established",
	    CONF_AT_ONCE },
	{ "honesty", "established_results", CONF_INT,
	    FIELD(established_results), 0, 1000000, "100",
	    "being established takes so many credited results, on",
	    CONF_AT_ONCE },
	{ "honesty", "established_days", CONF_INT, FIELD(established_days), 0,
	    366, "3", "so many different days (UTC)", CONF_AT_ONCE },
	{ "honesty", "drill_key_file", CONF_PATH, FIELD(drill_key_file), 1,
	    PATH_LEN_MAX, "",
	    "64 hex digits, mode 0600: with it tasks whose URL has {token} get drills",
	    CONF_RESTART },
	{ "honesty", "drill_share_permille", CONF_INT,
	    FIELD(drill_share_permille), 0, 500, "50",
	    "drills beside 1000 slots that a worker is given, at most",
	    CONF_AT_ONCE },
	{ "honesty", "drill_share_new_permille", CONF_INT,
	    FIELD(drill_share_new_permille), 0, 500, "200",
	    "and a worker that isn't established", CONF_AT_ONCE },
	{ "honesty", "spot_share_permille", CONF_INT,
	    FIELD(spot_share_permille), 0, 500, "20",
	    "of 1000 slots, those that witnesses are to see, too, once there are any",
	    CONF_AT_ONCE },
	{ "honesty", "witness_share_permille", CONF_INT,
	    FIELD(witness_share_permille), 0, 500, "100",
	    "of 1000 slots, those that witnesses have at most: these, and where reports contradict them",
	    CONF_AT_ONCE },
	{ "honesty", "record_days", CONF_INT, FIELD(record_days), 1, 366, "30",
	    "a worker is judged by its drills of so many days", CONF_AT_ONCE },
	{ "honesty", "auto_forfeit", CONF_BOOL, FIELD(auto_forfeit), 0, 0, "no",
	    "the credit of who fails them is forfeited at once", CONF_AT_ONCE },
	TIER_ROWS("bronze", 0, "1", "1000"),
	TIER_ROWS("silver", 1, "2", "1200"),
	TIER_ROWS("gold", 2, "3", "1500"),
	TIER_ROWS("platinum", 3, "4", "2000"),
	{ "log", "origin", CONF_TEXT, FIELD(log_origin), 1, LOG_ORIGIN_MAX, "",
	    "the transparency log's name for ever: where it is served, without https:// and a slash at its end",
	    CONF_OF_OTHERS },
	{ "log", "directory", CONF_PATH, FIELD(log_directory), 1, PATH_LEN_MAX,
	    "/var/lib/worknet-log/evidence", "what nginx serves as /evidence/",
	    CONF_OF_OTHERS },
	{ "log", "state_directory", CONF_PATH, FIELD(log_state_directory), 1,
	    PATH_LEN_MAX, "/var/lib/worknet-log/state",
	    "what must not be lost, nor restored, together with the directory",
	    CONF_OF_OTHERS },
	{ "log", "key_file", CONF_PATH, FIELD(log_key_file), 1, PATH_LEN_MAX,
	    "", "of the log: worknet-log --key new makes it", CONF_OF_OTHERS },
	{ "log", "witnesses", CONF_LIST, FIELD(log_witnesses), 1, CONF_URLS_MAX,
	    "",
	    "who cosign its checkpoints: each one's key and URL, also on several lines",
	    CONF_OF_OTHERS },
	{ "log", "timestamp_authorities", CONF_LIST, FIELD(log_authorities), 1,
	    CONF_URLS_MAX, "",
	    "who stamp them (RFC 3161): each one's name, URL and the file of its certificate, also on several lines",
	    CONF_OF_OTHERS },

	{ "upload", "kind", CONF_STORE, FIELD(upload_kind), 1, CONF_WORD_MAX,
	    "",
	    "s3, gcs (Google's, with an HMAC key), or swift (as s3, for what can't refuse to overwrite)",
	    CONF_OF_OTHERS },
	{ "upload", "endpoint", CONF_TEXT, FIELD(upload_endpoint), 1, URL_MAX,
	    "", "https://HOST of the object store", CONF_OF_OTHERS },
	{ "upload", "bucket", CONF_TEXT, FIELD(upload_bucket), 1, CONF_WORD_MAX,
	    "", "unless it is a part of HOST", CONF_OF_OTHERS },
	{ "upload", "region", CONF_TEXT, FIELD(upload_region), 1, CONF_WORD_MAX,
	    "us-east-1", "as the store calls it", CONF_OF_OTHERS },
	{ "upload", "key_file", CONF_PATH, FIELD(upload_key_file), 1,
	    PATH_LEN_MAX, "",
	    "two lines, the id of a key and its secret, mode 0600",
	    CONF_OF_OTHERS },
	{ "upload", "state_directory", CONF_PATH, FIELD(upload_state_directory),
	    1, PATH_LEN_MAX, "/var/lib/worknet-upload",
	    "what the store needn't be asked again", CONF_OF_OTHERS },
	{ "upload", "retry_ms", CONF_INT, FIELD(upload_retry_ms), 1, 60000,
	    "1000", "the first wait after something fails for now",
	    CONF_OF_OTHERS },
	{ "upload", "timeout_ms", CONF_INT, FIELD(upload_timeout_ms), 100,
	    600000, "60000", "of one request", CONF_OF_OTHERS },

	{ "archive", "after_days", CONF_INT, FIELD(archive_after_days), 0, 3650,
	    "0",
	    "worknet archive drops results that are older, 35 at least; 0: it drops none",
	    CONF_OF_OTHERS },

	{ "pages", "show", CONF_BOOL, FIELD(pages_show), 0, 0, "yes",
	    "the coordinator answers for its pages, and for the JSON of them",
	    CONF_AT_ONCE },
	{ "pages", "origin", CONF_TEXT, FIELD(pages_origin), 1, URL_MAX, "",
	    "where people see them, https://HOST: what /join shows",
	    CONF_AT_ONCE },
	{ "pages", "operator", CONF_BOOL, FIELD(pages_operator), 0, 0, "no",
	    "/operator, for whom the web server lets in: what worknet status shows",
	    CONF_AT_ONCE },

	{ "alert", "receivers_file", CONF_PATH, FIELD(alert_receivers_file), 1,
	    PATH_LEN_MAX, "/etc/worknet/alert.receivers",
	    "who is told of incidents, mode 0600: worknet alert add",
	    CONF_OF_OTHERS },
	{ "alert", "sendmail", CONF_PATH, FIELD(alert_sendmail), 1,
	    PATH_LEN_MAX, "/usr/sbin/sendmail", "sends mail to receivers",
	    CONF_OF_OTHERS },
	{ "alert", "allow_private", CONF_BOOL, FIELD(alert_allow_private), 0, 0,
	    "no", "receivers may be at private addresses, and on this host",
	    CONF_OF_OTHERS },
	{ "worker", "coordinator", CONF_TEXT, FIELD(worker_coordinator), 1,
	    URL_MAX, "", "the API's base URL, e.g. https://HOST/api",
	    CONF_OF_OTHERS },
	{ "worker", "key_file", CONF_PATH, FIELD(worker_key_file), 1,
	    PATH_LEN_MAX, "/etc/worknet/worker.key",
	    "the worker's private key, mode 0600", CONF_OF_OTHERS },
	{ "worker", "record_file", CONF_PATH, FIELD(worker_record_file), 1,
	    PATH_LEN_MAX, "",
	    "where it writes what it was credited for: worknet-worker verify",
	    CONF_OF_OTHERS },
	{ "worker", "region", CONF_TEXT, FIELD(worker_region), 0, REGION_MAX,
	    "unknown", "the region that it declares", CONF_OF_OTHERS },
	{ "worker", "poll_interval_ms", CONF_INT,
	    FIELD(worker_poll_interval_ms), 100, 3600000,
	    TEXT_OF(POLL_PERIOD_MS), "from the start of one round to the next",
	    CONF_OF_OTHERS },
	{ "worker", "checks_at_once", CONF_INT, FIELD(worker_checks_at_once), 1,
	    TASKS_PER_POLL_MAX, "10", "checks in flight", CONF_OF_OTHERS },
	{ "worker", "allow_private", CONF_BOOL, FIELD(worker_allow_private), 0,
	    0, "no", "check, and let worknet add, private addresses too",
	    CONF_OF_OTHERS },

	{ "payout", "network", CONF_NETWORK, FIELD(payout_network), 1,
	    CONF_WORD_MAX, "", "base, base-sepolia, or custom (see chain_id)",
	    CONF_OF_OTHERS },
	{ "payout", "chain_id", CONF_INT, FIELD(payout_chain_id), 1,
	    JSON_INT_MAX, "", "only for network = custom, as the next three",
	    CONF_OF_OTHERS },
	{ "payout", "token", CONF_TEXT, FIELD(payout_token), ADDRESS_LEN,
	    ADDRESS_LEN, "", "the token's address", CONF_OF_OTHERS },
	{ "payout", "token_name", CONF_TEXT, FIELD(payout_token_name), 1,
	    CONF_WORD_MAX, "", "what the token's name() says", CONF_OF_OTHERS },
	{ "payout", "token_version", CONF_TEXT, FIELD(payout_token_version), 1,
	    CONF_WORD_MAX, "", "what its version() says", CONF_OF_OTHERS },
	{ "payout", "facilitators", CONF_LIST, FIELD(payout_facilitators), 1,
	    CONF_URLS_MAX, "",
	    "base URLs, what stands in front of /settle, also on several lines; the next one is used while those before it fail",
	    CONF_OF_OTHERS },
	{ "payout", "x402_version", CONF_INT, FIELD(payout_x402_version), 1, 2,
	    "2", "of the requests that the facilitator gets", CONF_OF_OTHERS },
	{ "payout", "rpc_urls", CONF_LIST, FIELD(payout_rpc_urls), 1,
	    CONF_URLS_MAX, "",
	    "nodes of the chain, also on several lines; before a payment is given up, all of them must agree",
	    CONF_OF_OTHERS },
	{ "payout", "explorer_url", CONF_TEXT, FIELD(payout_explorer_url), 1,
	    URL_MAX, "",
	    "shows a transaction when its hash follows; built in for base and base-sepolia",
	    CONF_OF_OTHERS },
	{ "payout", "finality", CONF_FINALITY, FIELD(payout_finality), 1,
	    CONF_WORD_MAX, "finalized",
	    "when a block counts as final: latest, safe or finalized",
	    CONF_OF_OTHERS },
	{ "payout", "single_node", CONF_SINGLE_NODE, FIELD(payout_single_node),
	    1, CONF_WORD_MAX, "refuse",
	    "refuse or accept: nodes of one host only, on base",
	    CONF_OF_OTHERS },
	{ "payout", "threshold_micros", CONF_INT,
	    FIELD(payout_threshold_micros), 1, MICROS_MAX, "10000",
	    "a worker is paid from this balance on", CONF_OF_OTHERS },
	{ "payout", "threshold", CONF_THRESHOLD, FIELD(payout_threshold), 1,
	    CONF_WORD_MAX, "fixed",
	    "fixed; or auto: paid is, from threshold_micros on, when the fee is a small share (see the next three), or after a longest wait",
	    CONF_OF_OTHERS },
	{ "payout", "fee_micros", CONF_INT, FIELD(payout_fee_micros), 0,
	    MICROS_MAX / 100, "1000", "what a payment costs", CONF_OF_OTHERS },
	{ "payout", "fee_share_percent", CONF_INT,
	    FIELD(payout_fee_share_percent), 1, 100, "1",
	    "the fee may be so much of what is paid", CONF_OF_OTHERS },
	{ "payout", "longest_wait_days", CONF_INT,
	    FIELD(payout_longest_wait_days), 1, 366, "7",
	    "or credit has waited for so long", CONF_OF_OTHERS },
	{ "payout", "max_reward_micros", CONF_INT,
	    FIELD(payout_max_reward_micros), 1, REWARD_MAX_MICROS, "1000",
	    "a result whose reward is higher isn't paid, whatever the ledger says",
	    CONF_OF_OTHERS },
	{ "payout", "validity_s", CONF_INT, FIELD(payout_validity_s), 60,
	    604800, "3600", "how long an authorization can be settled",
	    CONF_OF_OTHERS },
	{ "payout", "max_per_payout_micros", CONF_CAP,
	    FIELD(payout_max_per_payout_micros), 1, MICROS_MAX, "100000",
	    "of one payout; without all four caps nobody is paid",
	    CONF_OF_OTHERS },
	{ "payout", "max_per_run_micros", CONF_CAP,
	    FIELD(payout_max_per_run_micros), 1, MICROS_MAX, "1000000",
	    "of all payouts of a run", CONF_OF_OTHERS },
	{ "payout", "max_per_worker_day_micros", CONF_CAP,
	    FIELD(payout_max_per_worker_day_micros), 1, MICROS_MAX, "200000",
	    "the cap of a worker's payouts in 24 hours; one that earned more in 24 hours isn't paid at all",
	    CONF_OF_OTHERS },
	{ "payout", "max_per_day_micros", CONF_CAP,
	    FIELD(payout_max_per_day_micros), 1, MICROS_MAX, "2000000",
	    "of all payouts in 24 hours: what you can bear to lose",
	    CONF_OF_OTHERS },
	{ "payout", "concurrency", CONF_INT, FIELD(payout_concurrency), 1, 64,
	    "1", "settlements at once; many facilitators can't do more",
	    CONF_OF_OTHERS },
	{ "payout", "treasury_key_file", CONF_PATH,
	    FIELD(payout_treasury_key_file), 1, PATH_LEN_MAX, "",
	    "64 hex digits or an Ethereum keystore v3, mode 0600",
	    CONF_OF_OTHERS },
	{ "payout", "treasury_passphrase_file", CONF_PATH,
	    FIELD(payout_treasury_passphrase_file), 1, PATH_LEN_MAX, "",
	    "the keystore's passphrase, mode 0600", CONF_OF_OTHERS },
	{ "payout", "settle", CONF_SETTLE, FIELD(payout_settle), 1,
	    CONF_WORD_MAX, "facilitator",
	    "facilitator, direct (from an account of yours that pays the gas), or facilitator direct: the second after a time",
	    CONF_OF_OTHERS },
	{ "payout", "direct_after_s", CONF_INT, FIELD(payout_direct_after_s), 0,
	    604800, "900", "the facilitator has so long from the signature on",
	    CONF_OF_OTHERS },
	{ "payout", "direct_batch", CONF_INT, FIELD(payout_direct_batch), 1, 64,
	    "1", "payouts in one transaction of the gas account, at most",
	    CONF_OF_OTHERS },
	{ "payout", "gas_key_file", CONF_PATH, FIELD(payout_gas_key_file), 1,
	    PATH_LEN_MAX, "",
	    "the gas account's key, another one: 64 hex digits, mode 0600",
	    CONF_OF_OTHERS },
	{ "payout", "max_fee_gwei", CONF_GWEI, FIELD(payout_max_fee_wei), 1,
	    FEE_MAX_WEI, "0.1",
	    "for each gas; above it direct settlement waits", CONF_OF_OTHERS },
	{ "payout", "max_gas_per_day_gwei", CONF_GWEI,
	    FIELD(payout_max_gas_per_day_wei), 1, INT64_MAX, "5000000",
	    "of all gas that is signed for in 24 hours; 1000000000 gwei are one ether",
	    CONF_OF_OTHERS },
	{ "payout", "journal_file", CONF_PATH, FIELD(payout_journal_file), 1,
	    PATH_LEN_MAX, "",
	    "all that was ever signed; beside the key unless set, and only the payout program's user may have it",
	    CONF_OF_OTHERS },
	{ "payout", "cdp_key_id", CONF_TEXT, FIELD(payout_cdp_key_id), 1,
	    CONF_KEY_ID_MAX, "", "for Coinbase's CDP facilitator",
	    CONF_OF_OTHERS },
	{ "payout", "cdp_key_file", CONF_PATH, FIELD(payout_cdp_key_file), 1,
	    PATH_LEN_MAX, "", "the secret of that key, mode 0600",
	    CONF_OF_OTHERS },
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

struct conf_load {
	struct conf *conf;
	const char *path;
	struct err *err;
	bool seen[KEYS];
	bool failed;
};

static const struct conf_key *
key_find(const char *section, const char *name)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (strcmp(keys[i].section, section) == 0 &&
		    strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

bool
conf_settles(const struct conf *c, const char *way)
{
	return strstr(c->payout_settle, way) != NULL;
}

enum rc
conf_set(struct conf *c, const char *section, const char *name,
    const char *value, struct err *e)
{
	const struct conf_key *k = key_find(section, name);

	CHECK(k != NULL);
	if (conf_is_list(k))
		*((char *)c + k->offset) = '\0';
	return conf_value_set(c, k, NULL, value, e);
}

/* inih's handler: 1 for success, 0 to report the line. */
static int
on_key(void *ctx, const char *section, const char *name, const char *value)
{
	struct conf_load *l = ctx;
	const struct conf_key *k = key_find(section, name);
	struct err cause = ERR_INIT;

	if (l->failed)
		return 0;
	if (k == NULL)
		(void)err_set(
		    &cause, RC_INVALID, "[%s] %s: unknown key", section, name);
	else if (l->seen[k - keys] && !conf_is_list(k))
		(void)err_set(
		    &cause, RC_INVALID, "[%s] %s: given twice", section, name);
	else if (conf_value_set(l->conf, k, l->path, value, &cause) == RC_OK) {
		l->seen[k - keys] = true;
		return 1;
	}
	l->failed = true;
	(void)err_set(l->err, RC_INVALID, "%s", cause.msg);
	return 0;
}

void
conf_defaults(struct conf *c)
{
	size_t i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < KEYS; i++)
		if (keys[i].initial[0] != '\0' && keys[i].type != CONF_CAP)
			CHECK(conf_value_set(c, &keys[i], NULL, keys[i].initial,
				  NULL) == RC_OK);
}

/* A link counts as what it names. */
static bool
is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	if (strcmp(a, b) == 0)
		return true;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	    x.st_ino == y.st_ino;
}

static bool
is_path(const struct conf_key *k)
{
	return k->type == CONF_PATH || k->type == CONF_DATABASE;
}

/* A journal would be written over a key that it shares a file with. */
static enum rc
paths_check(const struct conf *c, const char *file, struct err *e)
{
	const char *a, *b;
	size_t i, j;

	for (i = 0; i < KEYS; i++)
		for (j = 0; j < i; j++) {
			a = (const char *)c + keys[i].offset;
			b = (const char *)c + keys[j].offset;
			if (is_path(&keys[i]) && a[0] != '\0' &&
			    is_path(&keys[j]) && b[0] != '\0' &&
			    !(keys[i].type == CONF_DATABASE &&
				keys[j].type == CONF_DATABASE) &&
			    is_same_file(a, b))
				return err_set(e, RC_INVALID,
				    "%s: [%s] %s and [%s] %s name one file: %s",
				    file, keys[j].section, keys[j].name,
				    keys[i].section, keys[i].name, a);
		}
	return RC_OK;
}

/* Why the file can't be read, and what to do. */
static enum rc
open_fail(const char *path, struct err *e)
{
	const char *hint = "";

	if (errno == ENOENT)
		hint =
		    ": name another one with -c FILE, or make one with \"worknet init\"";
	else if (errno == EACCES)
		hint = ": run this as root, or as a user who may read it";
	return err_set(e, errno == ENOENT ? RC_NOT_FOUND : RC_IO, "%s: %s%s",
	    path, strerror(errno), hint);
}

enum rc
conf_read(struct conf *c, const char *path, struct err *e)
{
	int fd;

	conf_defaults(c);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? open_fail(path, e) : conf_read_fd(c, fd, path, e);
}

enum rc
conf_read_fd(struct conf *c, int fd, const char *path, struct err *e)
{
	struct err cause = ERR_INIT;
	struct conf_load l = { .conf = c, .path = path, .err = &cause };
	FILE *f = fdopen(fd, "r");
	int line, error;

	conf_defaults(c);
	if (f == NULL) {
		(void)close(fd);
		return err_set(e, RC_NO_MEMORY, "%s: no memory", path);
	}
	line = ini_parse_file(f, on_key, &l);
	/* A directory can be opened, but not read. */
	error = ferror(f) ? errno : 0;
	(void)fclose(f);
	if (error != 0)
		return err_set(e, RC_IO, "%s: %s", path, strerror(error));
	if (line == 0)
		return paths_check(c, path, e);
	return err_set(e, RC_INVALID, "%s:%d: %s", path, line,
	    l.failed ? cause.msg : "not a section, a key = value or a comment");
}

static bool
is_same_value(const struct conf_key *k, const void *a, const void *b)
{
	switch (k->type) {
	case CONF_INT:
	case CONF_CAP:
	case CONF_GWEI:
		return *(const int64_t *)a == *(const int64_t *)b;
	case CONF_BOOL:
		return *(const bool *)a == *(const bool *)b;
	default:
		return strcmp(a, b) == 0;
	}
}

void
conf_compare(
    const struct conf *a, const struct conf *b, conf_change_fn *fn, void *ctx)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (!is_same_value(&keys[i], (const char *)a + keys[i].offset,
			(const char *)b + keys[i].offset))
			fn(ctx, keys[i].section, keys[i].name, keys[i].when);
}

void
conf_print_sample(FILE *out)
{
	const char *section = "";
	size_t i;

	for (i = 0; i < KEYS; i++) {
		if (strcmp(section, keys[i].section) != 0) {
			section = keys[i].section;
			fprintf(out, "%s[%s]\n", i == 0 ? "" : "\n", section);
		}
		fprintf(out, "; %s\n%s%s = %s\n", keys[i].help,
		    keys[i].type == CONF_CAP ? "" : ";", keys[i].name,
		    keys[i].initial);
	}
}
