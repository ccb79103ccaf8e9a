/*
 * Sources, as x402.md section 2.2 lists them: npm x402 1.2.0 and the v1 and
 * v2 specifications, @x402/evm 2.27.0 (TypeScript), the Go and Python
 * facilitators of coinbase/x402, x402-rs 2.0.1, CDP's API. The same word may
 * come from several of them; where they differ, the more careful class holds.
 */
#include "x402/reason.h"

#include <string.h>

#define A ANSWER_AMBIGUOUS
#define D ANSWER_REFUSED
#define R ANSWER_RETRY
#define P ANSWER_PENDING

/* Before anything is sent there is no hash: an answer with one lies. */
#define REFUSED(text)                         \
	{                                     \
		(text), D, A, D, false, false \
	}
/* Refused by the rules, but also said when the facilitator's node fails. */
#define DOUBTFUL(text)                       \
	{                                    \
		(text), D, A, D, true, false \
	}
#define RETRY(text)                           \
	{                                     \
		(text), R, A, R, false, false \
	}
/* As RETRY; to a body that was carried out before, the same is said. */
#define RETRY_ONCE(text)                      \
	{                                     \
		(text), R, A, A, false, false \
	}
#define UNCLEAR(text)                         \
	{                                     \
		(text), A, A, A, false, false \
	}
/* Mined but reverted; or the revert of a second delivery, after the first. */
#define REVERTED(text)                        \
	{                                     \
		(text), A, R, A, false, false \
	}
#define SENT(text)                            \
	{                                     \
		(text), A, P, P, false, false \
	}

static const struct reason reasons[] = {
	/* The specifications, and npm x402 1.2.0 (v1). */
	REFUSED("invalid_exact_evm_payload_signature"),
	REFUSED("invalid_exact_evm_payload_recipient_mismatch"),
	REFUSED("invalid_exact_evm_payload_authorization_value"),
	REFUSED("invalid_exact_evm_payload_authorization_value_mismatch"),
	REFUSED("invalid_exact_evm_payload_authorization_valid_before"),
	RETRY("invalid_exact_evm_payload_authorization_valid_after"),
	/* v1 and x402-rs look at the balance before they look for the nonce. */
	RETRY_ONCE("insufficient_funds"),
	REFUSED("invalid_exact_evm_payload_undeployed_smart_wallet"),
	REFUSED("unsupported_scheme"),
	REFUSED("invalid_scheme"),
	REFUSED("invalid_network"),
	REVERTED("invalid_transaction_state"),
	REFUSED("invalid_payload"),
	REFUSED("invalid_payment_requirements"),
	REFUSED("invalid_x402_version"),
	REFUSED("invalid_payment"),
	REFUSED("payment_expired"),
	REFUSED("unexpected_verify_error"),
	UNCLEAR("unexpected_settle_error"),
	UNCLEAR("duplicate_settlement"),
	UNCLEAR("Invalid request"), /* each exception of x402 1.2.0 */

	/* @x402/evm 2.27.0. */
	REFUSED("invalid_exact_evm_scheme"),
	REFUSED("invalid_exact_evm_network_mismatch"),
	REFUSED("invalid_exact_evm_missing_eip712_domain"),
	REFUSED("invalid_exact_evm_recipient_mismatch"),
	REFUSED("invalid_exact_evm_authorization_value"),
	REFUSED("asset_not_deployed_contract"),
	REFUSED("invalid_exact_evm_failed_to_parse_signature"),
	REFUSED("eip6492_factory_not_allowed"),
	REFUSED("smart_wallet_deployment_failed"),
	REFUSED("unsupported_payload_type"),
	DOUBTFUL("invalid_exact_evm_signature"),
	RETRY("invalid_exact_evm_insufficient_balance"),
	/* Settled, canceled, or only waiting to be mined. */
	UNCLEAR("invalid_exact_evm_nonce_already_used"),
	REFUSED("invalid_exact_evm_token_name_mismatch"),
	REFUSED("invalid_exact_evm_token_version_mismatch"),
	REFUSED("invalid_exact_evm_eip3009_not_supported"),
	/* Also when the simulation itself can't be done: no Multicall3. */
	RETRY_ONCE("invalid_exact_evm_transaction_simulation_failed"),
	REVERTED("invalid_exact_evm_transaction_failed"),
	UNCLEAR("invalid_exact_evm_transfer_event_mismatch"),
	SENT("settlement_pending"),
	{ "No facilitator registered for scheme", D, A, D, false, true },
	RETRY("Payment must be verified before settlement"),

	/* The Go facilitator, v2 and v1. */
	REFUSED("invalid_exact_evm_payload"),
	REFUSED("invalid_exact_evm_payload_missing_signature"),
	REFUSED("invalid_exact_evm_failed_to_get_network_config"),
	REFUSED("invalid_exact_evm_required_amount"),
	REFUSED("invalid_exact_evm_signature_format"),
	RETRY("invalid_exact_evm_failed_to_verify_signature"),
	/* CDP's troubleshooting page: "may or may not have landed". */
	UNCLEAR("invalid_exact_evm_verification_failed"),
	RETRY("invalid_exact_evm_failed_to_check_deployment"),
	UNCLEAR("invalid_exact_evm_failed_to_execute_transfer"),
	SENT("invalid_exact_evm_failed_to_get_receipt"),
	RETRY("invalid_exact_evm_failed_to_check_nonce"),
	RETRY("invalid_exact_evm_failed_to_get_balance"),
	REFUSED("invalid_exact_evm_unsupported_scheme"),
	REFUSED("invalid_exact_evm_extra_field"),
	RETRY_ONCE("invalid_exact_evm_insufficient_funds"),
	REVERTED("invalid_exact_evm_transaction_state"),
	REFUSED("invalid_version"),
	REFUSED("invalid_v1_payload"),
	REFUSED("invalid_v2_payload"),
	REFUSED("invalid_v1_requirements"),
	REFUSED("invalid_v2_requirements"),
	REFUSED("no_facilitator_for_network"),

	/* The Python facilitator. */
	UNCLEAR("transaction_failed"),
	REFUSED("network_mismatch"),
	REFUSED("missing_eip712_domain"),
	RETRY("invalid_exact_evm_failed_to_get_asset_info"),

	/* x402-rs. */
	REFUSED("invalid_format"),
	REFUSED("invalid_payment_amount"),
	RETRY("invalid_payment_early"),
	REFUSED("invalid_payment_expired"),
	REFUSED("chain_id_mismatch"),
	REFUSED("recipient_mismatch"),
	REFUSED("asset_mismatch"),
	REFUSED("accepted_requirements_mismatch"),
	REFUSED("invalid_signature"),
	RETRY_ONCE("transaction_simulation"),
	REFUSED("permit2_allowance_required"),
	REFUSED("unsupported_chain"),
	UNCLEAR("unexpected_error"), /* everything on the chain */

	/* CDP. */
	UNCLEAR("settle_exact_evm_transaction_confirmation_timed_out"),
	UNCLEAR("settle_exact_node_failure"),
	REVERTED("settle_exact_failed_onchain"),
	UNCLEAR("unknown_error"),
	RETRY("preflight_validation_failed"),
	REFUSED("invalid_exact_evm_payload_authorization_value_too_low"),
	REFUSED("amount_too_low"),
	REFUSED("invalid_amount"),
	REFUSED("invalid_exact_evm_payload_authorization_typed_data_message"),
	REFUSED("invalid_exact_evm_payload_signature_address"),
	REFUSED("invalid_exact_evm_payload_authorization_from_address_kyt"),
	REFUSED("invalid_exact_evm_payload_authorization_to_address_kyt"),
	REFUSED("kyt_risk_detected"),
	REFUSED("request_blocked_by_location"),
	REFUSED("self_send_not_allowed"),
	REFUSED("permit2_disabled"),
	REFUSED("invalid_bazaar_extension"),

	/* x402.org. */
	REFUSED("invalid_json"),
	REFUSED("missing_parameters"),
};

#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

static bool
matches(const struct reason *r, const char *text)
{
	return r->is_prefix ? strncmp(text, r->text, strlen(r->text)) == 0
			    : strcmp(text, r->text) == 0;
}

const struct reason *
reason_find(const char *text)
{
	size_t i;

	for (i = 0; i < REASONS; i++)
		if (matches(&reasons[i], text))
			return &reasons[i];
	return NULL;
}

const struct reason *
reason_table(size_t *count)
{
	*count = REASONS;
	return reasons;
}
