/* What the commands about payouts share. One thread. */
#ifndef WORKNET_ADMIN_PAYOUT_H
#define WORKNET_ADMIN_PAYOUT_H

#include "admin/admin.h"
#include "ledger/payout.h"

#define HEX_TEXT_MAX (2 + 2 * SIGNATURE_LEN) /* 0x and digits */
#define LINK_MAX     (URL_MAX + TX_LEN)

/* A payout as the ledger has it, in texts. */
struct payout_facts {
	int64_t id;
	int64_t worker_id;
	char worker[ADDRESS_LEN + 1]; /* with the checksum */
	int64_t seq;
	int64_t amount_micros;
	int64_t paid_micros;
	char state[16];
	char nonce[HEX_TEXT_MAX + 1];
	int64_t chain_id;
	char token[ADDRESS_LEN + 1];
	char treasury[ADDRESS_LEN + 1];
	int64_t reserved_ms;
	int64_t verified_to;
	char tx[TX_LEN + 1];	 /* of a payment; "" */
	char link[LINK_MAX + 1]; /* to it; "" */
	int64_t reserve;	 /* the transfer */
	bool adopted;
	/* The authorization. */
	bool is_signed;
	int64_t signed_ms;
	int64_t valid_after;
	int64_t valid_before;
	char signature[HEX_TEXT_MAX + 1];
	int64_t from_block;
	int64_t body_bytes;
};

/*
 * Opens the ledger, begins to read one state of it, and reads the payout whose
 * number is the command's argument. Says what went wrong.
 */
MUST_CHECK enum admin_exit payout_open(struct admin *a, struct payout_facts *f);

/* Prints who is paid how much, and how it stands. */
void payout_facts_print(struct admin *a, const struct payout_facts *f);

/*
 * Prints the events; with words as sentences for the worker besides what the
 * ledger says.
 */
MUST_CHECK enum rc payout_events_print(
    struct admin *a, const struct payout_facts *f, bool words, struct err *e);

#endif
