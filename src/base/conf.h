/*
 * The configuration that all programs share: one INI file (libinih). An
 * unknown section or key, a bad value or a duplicate is an error. Secrets
 * are named by file, never given as values. libinih takes no line of more
 * than 199 bytes; a list (rpc_urls) goes on in the next line when that begins
 * with a blank, or stands on several lines of the same name.
 */
#ifndef WORKNET_BASE_CONF_H
#define WORKNET_BASE_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/limits.h"

#define CONF_PATH_DEFAULT WN_SYSCONFDIR "/worknet/worknet.conf"

/* The payout program's own: what the coordinator's user may neither read nor
 * write. */
#define CONF_PATH_PAYOUT WN_SYSCONFDIR "/worknet/payout.conf"

/* Bytes of text without the NUL. */
#define CONF_WORD_MAX	64   /* a word, or the name of a token */
#define CONF_KEY_ID_MAX 200  /* organizations/UUID/apiKeys/UUID has 96 */
#define CONF_URLS_MAX	4000 /* a list of URLs, or of countries */
#define CONF_ASNS_MAX	1000 /* a list of autonomous systems */
#define LOG_ORIGIN_MAX	200  /* NOTE_NAME_MAX */

struct conf {
	/* [ledger] */
	char ledger_path[PATH_LEN_MAX + 1];
	int64_t busy_timeout_ms; /* how long to wait for a lock */

	/* [coordinator] */
	int64_t exchanges; /* requests in flight */
	int64_t threads;   /* 0: by the number of processors */
	int64_t max_tasks_per_poll;
	int64_t result_window_ms;    /* how long an assignment is paid */
	bool one_copy_per_network;   /* a cycle's copies: one per network */
	char prefix[PREFIX_MAX + 1]; /* of the API's paths, "" for none */
	char checkpoint_file[PATH_LEN_MAX + 1]; /* of a log; "": none */
	char log_level[CONF_WORD_MAX + 1];	/* see log_level_of */

	/* [admission] */
	char admission_mode[CONF_WORD_MAX + 1]; /* open, standing or list */
	int64_t standing_results; /* standing takes so many paid results, */
	int64_t standing_hours;	  /* in so many different hours */
	int64_t network_slots;	  /* that a network holds */
	int64_t ipv4_prefix;	  /* bits of an address that are its network */
	int64_t ipv6_prefix;
	char asn_database[PATH_LEN_MAX + 1];	  /* "": none */
	char country_database[PATH_LEN_MAX + 1];  /* "": none */
	char asn_by_prefix[CONF_ASNS_MAX + 1];	  /* base/place_list.h, */
	char region_countries[CONF_URLS_MAX + 1]; /* as this one */

	/* [tiers]: bronze, silver, gold, platinum */
	struct {
		int64_t weight;
		int64_t permille; /* of each reward */
	} tiers[4];

	/* [honesty] */
	int64_t maturity_new_ms;     /* credit of who is new waits so long */
	int64_t maturity_ms;	     /* and of who is established */
	int64_t established_results; /* credited, on */
	int64_t established_days;    /* so many days */
	char drill_key_file[PATH_LEN_MAX + 1]; /* "": no drills */
	int64_t drill_share_permille;	       /* of a worker's slots */
	int64_t spot_share_permille;	  /* of slots, for witnesses, too */
	int64_t witness_share_permille;	  /* of slots, at most, in all */
	int64_t drill_share_new_permille; /* of who is new */
	int64_t record_days;		  /* a record is of so many */
	bool auto_forfeit;

	/* [pages] */
	bool pages_show;
	bool pages_operator;
	char pages_origin[URL_MAX + 1]; /* "https://HOST"; "": not told */
	/* [log]: without an origin there is none */
	char log_origin[LOG_ORIGIN_MAX + 1]; /* the log's name, for ever */
	char log_directory[PATH_LEN_MAX + 1];
	char log_state_directory[PATH_LEN_MAX + 1];
	char log_key_file[PATH_LEN_MAX + 1];
	char log_witnesses[CONF_URLS_MAX + 1];	 /* keys and URLs, in turns */
	char log_authorities[CONF_URLS_MAX + 1]; /* name, URL, file, in turns */

	/* [upload]: without a kind there is none */
	int64_t archive_after_days;	     /* 0: never */
	char upload_kind[CONF_WORD_MAX + 1]; /* s3, gcs or swift */
	char upload_endpoint[URL_MAX + 1];
	char upload_bucket[CONF_WORD_MAX + 1]; /* "": in the endpoint's name */
	char upload_region[CONF_WORD_MAX + 1];
	char upload_key_file[PATH_LEN_MAX + 1];
	char upload_state_directory[PATH_LEN_MAX + 1];
	int64_t upload_retry_ms; /* the first wait */
	int64_t upload_timeout_ms;

	/* [alert] */
	char alert_receivers_file[PATH_LEN_MAX + 1];
	char alert_sendmail[PATH_LEN_MAX + 1];
	bool alert_allow_private; /* receivers on private addresses */

	/* [worker] */
	char worker_coordinator[URL_MAX + 1]; /* API base URL */
	char worker_key_file[PATH_LEN_MAX + 1];
	char worker_record_file[PATH_LEN_MAX + 1]; /* "": none */
	char worker_region[REGION_MAX + 1];
	int64_t worker_poll_interval_ms;
	int64_t worker_checks_at_once;
	bool worker_allow_private; /* private and loopback targets */

	/* [payout]: text that isn't set is "" */
	char payout_network[CONF_WORD_MAX + 1];	      /* base, ... */
	int64_t payout_chain_id;		      /* of custom; 0 */
	char payout_token[ADDRESS_LEN + 1];	      /* of custom */
	char payout_token_name[CONF_WORD_MAX + 1];    /* of custom */
	char payout_token_version[CONF_WORD_MAX + 1]; /* of custom */
	char payout_facilitators[CONF_URLS_MAX + 1];  /* in this order */
	int64_t payout_x402_version;		      /* 1 or 2 */
	char payout_rpc_urls[CONF_URLS_MAX + 1];      /* one or more */
	char payout_explorer_url[URL_MAX + 1];	      /* "": built in */
	char payout_finality[CONF_WORD_MAX + 1];      /* a block's tag */
	char payout_single_node[CONF_WORD_MAX + 1];   /* refuse or accept */
	char payout_threshold[CONF_WORD_MAX + 1];     /* fixed or auto */
	int64_t payout_threshold_micros;	      /* nobody is paid less */
	int64_t payout_fee_micros;	  /* of auto: a payment's fee */
	int64_t payout_fee_share_percent; /* and at most so much of it */
	int64_t payout_longest_wait_days; /* or after so long */
	int64_t payout_max_reward_micros; /* that backs a payout */
	int64_t payout_validity_s;	  /* of an authorization */
	/* Caps; 0: not set, and then nobody is paid. */
	int64_t payout_max_per_payout_micros;
	int64_t payout_max_per_run_micros;
	int64_t payout_max_per_worker_day_micros;
	int64_t payout_max_per_day_micros; /* of all workers */
	int64_t payout_concurrency;	   /* settlements at once */
	char payout_treasury_key_file[PATH_LEN_MAX + 1];
	char payout_treasury_passphrase_file[PATH_LEN_MAX + 1];
	char payout_settle[CONF_WORD_MAX + 1]; /* see conf_settles */
	int64_t payout_direct_after_s;	       /* of a payout's signature */
	int64_t payout_direct_batch;	       /* payouts in a transaction */
	int64_t payout_max_fee_wei;	       /* for each gas */
	int64_t payout_max_gas_per_day_wei;    /* of all gas */
	char payout_gas_key_file[PATH_LEN_MAX + 1];
	char payout_journal_file[PATH_LEN_MAX + 1]; /* "": beside the key */
	char payout_cdp_key_id[CONF_KEY_ID_MAX + 1];
	char payout_cdp_key_file[PATH_LEN_MAX + 1];
};

/*
 * Reads path into *c, defaults first. RC_NOT_FOUND without the file,
 * RC_INVALID with file, line, got and expected in the message, also when two
 * keys name one file, unless both only read it. Paths that are not absolute are
 * taken from the file's own directory.
 */
MUST_CHECK enum rc conf_read(struct conf *c, const char *path, struct err *e);

/* The same of a file that is open already, and is closed; path names it. */
MUST_CHECK enum rc
conf_read_fd(struct conf *c, int fd, const char *path, struct err *e);

/* When a key that has changed counts for a coordinator that runs. */
enum conf_when {
	CONF_AT_ONCE,	/* on SIGHUP */
	CONF_RESTART,	/* once it is started again */
	CONF_OF_OTHERS, /* it is another program's */
};

/* Tells of each key that has another value in b than in a. */
typedef void conf_change_fn(
    void *ctx, const char *section, const char *name, enum conf_when when);
void conf_compare(
    const struct conf *a, const struct conf *b, conf_change_fn *fn, void *ctx);

/* The defaults alone, for programs that run without a file. */
void conf_defaults(struct conf *c);

/* Whether payouts are settled in that way, "facilitator" or "direct". */
bool conf_settles(const struct conf *c, const char *way);

/*
 * Sets one value as a line of the file would, for an option of the command
 * line. RC_INVALID with got and expected. A relative path stays one.
 */
MUST_CHECK enum rc conf_set(struct conf *c, const char *section,
    const char *name, const char *value, struct err *e);

/* Prints a commented sample with every key and its default. */
void conf_print_sample(FILE *out);

#endif
