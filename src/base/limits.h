/*
 * The limits that more than one room must keep, or that others see: what is on
 * the wire, in the ledger, in the configuration. Each has its unit and its
 * reason; those that depend on each other are tied together below. A limit of
 * one file alone (how many jobs share a commit, how deep JSON may nest) stands
 * at the top of that file, one of one room in its room.h.
 */
#ifndef WORKNET_BASE_LIMITS_H
#define WORKNET_BASE_LIMITS_H

#include <assert.h>

/* Text, in bytes without the NUL. */
#define TASK_ID_MAX	 64   /* protocol: [A-Za-z0-9_.:-]{1,64} */
#define ADDRESS_LEN	 42   /* 0x and 40 hex digits */
#define URL_MAX		 2000 /* what common HTTP servers accept */
#define REGION_MAX	 32   /* a label such as "eu-west" */
#define RESULT_ERROR_MAX 1024 /* a check's error; stored as sent */
#define SUBNET_MAX	 64   /* a network in CIDR notation */
#define PREFIX_MAX	 64   /* of the API's paths, such as "/api" */
#define PATH_LEN_MAX	 1000 /* files named in the configuration */
#define RECEIVER_MAX	 32   /* one that is told of incidents, its name */

/* Numbers. */
#define JSON_INT_MAX	  9007199254740991LL /* 2^53-1: exact in JS */
#define REWARD_MAX_MICROS 1000000000LL	     /* 1,000 USDC for one check */
#define BUDGET_MAX_MICROS (COPIES_MAX * REWARD_MAX_MICROS) /* of a cycle */
#define AMOUNT_MAX_MICROS 1000000000000000LL /* 10^9 USDC moved at once */
#define COPIES_MAX	  100	 /* slots of one task in one cycle */
#define INTERVAL_MIN_MS	  1000LL /* one cycle a second */
#define INTERVAL_MAX_MS	  (31LL * 86400 * 1000)
#define COOLDOWN_MAX_MS	  (31LL * 86400 * 1000)
#define TIMEOUT_MIN_MS	  100
#define TIMEOUT_MAX_MS	  60000 /* a round of checks stays short */
#define STATUS_FINAL_MIN  200	/* RFC 9110: 1xx comes before an answer */
#define STATUS_MAX	  599	/* RFC 9110: three digits, 1xx to 5xx */
/* What a worker may say that it got, and what the ledger may hold. */
#define STATUS_TOLD_MIN 100
#define STATUS_TOLD_MAX 999 /* some servers answer with 999 */
#define WEI_PER_GWEI	1000000000LL
/* For each gas: times the gas of a transaction (2^24), it is below 2^63. */
#define FEE_MAX_WEI (500 * WEI_PER_GWEI)

/* Standing: what counts of an address's past, and can be asked for. */
#define STANDING_RESULTS_MAX 1000 /* paid results */
#define STANDING_HOURS_MAX   24	  /* in which there were some */

#define WEIGHT_MAX 1000 /* shares of an admitted address */

/* Results that are archived are older than anything looks at: a task's interval
 * is 31 days at most, a worker's record is of 30. */
#define ARCHIVE_DAYS_MIN 35

/* Requests. */
#define RESULTS_PER_POST_MAX 50 /* protocol */
#define TASKS_PER_POLL_MAX   50 /* one POST holds what one poll gave */
#define BODY_MAX	     (256 * 1024) /* bytes of a POST */
#define QUERY_MAX	     2048	  /* bytes of a query string */
#define RESPONSE_MAX	     (768 * 1024) /* bytes of an answer */
#define REASON_MAX	     80		  /* one refusal, without the task id */

/* Files that the operator imports. */
#define IMPORT_MAX (256 * 1024 * 1024) /* bytes: a million tasks */

/* Time. */
#define POLL_PERIOD_MS	     30000   /* protocol: how often workers poll */
#define POLL_TIMEOUT_MS	     10000   /* protocol: a worker waits so long */
#define SUBMIT_TIMEOUT_MS    15000   /* protocol: and so long for a POST */
#define CLOCK_SKEW_MS	     60000   /* protocol: a result from the future */
#define CLOCK_SKEW_MAX_MS    3600000 /* of any terms in a ledger */
#define REOFFER_AFTER_MS     60000   /* protocol: past the task's timeout */
#define RESPONSE_SLACK_MS    5000    /* a worker's clock is set meanwhile */
#define RESULT_WINDOW_MS     300000  /* protocol: paid until then, by default */
#define RESULT_WINDOW_MIN_MS 1000
#define RESULT_WINDOW_MAX_MS (24LL * 3600 * 1000)
#define MATURITY_MAX_MS	     (31LL * 86400 * 1000)
#define VALID_BEFORE_MAX_S   4103049600LL /* a week in 2100: later is never */

/* The log gets an hour some minutes after it is over; three are too many. */
#define ANCHOR_OLD_MS 10800000

/* Work done for one poll, whatever the size of the ledger. */
#define POLL_CANDIDATES_MAX 128 /* due tasks that a walk looks at */

static_assert(CLOCK_SKEW_MS <= CLOCK_SKEW_MAX_MS,
    "what counts now must be what a ledger can hold");
static_assert(TASKS_PER_POLL_MAX <= RESULTS_PER_POST_MAX,
    "the results of one poll must fit into one POST");
static_assert(POLL_CANDIDATES_MAX > TASKS_PER_POLL_MAX,
    "a poll must be able to skip tasks that are in cooldown");
static_assert(
    AMOUNT_MAX_MICROS < JSON_INT_MAX, "an amount must be exact in JavaScript");
static_assert(
    (long long)RESULTS_PER_POST_MAX * REWARD_MAX_MICROS < AMOUNT_MAX_MICROS,
    "a request's sum must be an amount");

#endif
