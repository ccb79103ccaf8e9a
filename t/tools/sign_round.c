/*
 * Signs rounds for the tests: reads lines of fields that are separated by tabs,
 *	hash LEDGER SLOT WORKER ANCHORSIZE ANCHORROOT TASKID URL EXPECTED
 *	    TIMESTAMP SUCCESS STATUS MS ERROR TRACE REGION
 *	sign KEY LEDGER WORKER COUNT HASH...
 * (KEY: 0x and 64 hex digits; SUCCESS: 1 or 0) and answers each with the
 * result's hash, or the round's signature, or with "error: ...".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eth/hex.h"
#include "eth/round.h"

#define FIELDS_MAX (ROUND_LEAVES_MAX + 8)
#define HASHED	   16 /* fields of a hash's line */

struct line {
	char *fields[FIELDS_MAX];
	size_t n;
};

static bool
hex_get(uint8_t *out, size_t len, const char *text)
{
	return hex_decode(out, len, slice_of(text), NULL) == RC_OK;
}

static const char *
hash_line(const struct line *l, char *out)
{
	char *const *f = l->fields;
	uint8_t ledger[32], root[32], hash[KECCAK256_LEN];
	struct round_assignment a = { .ledger_id = ledger,
		.anchor_root = root };
	struct round_result r;

	if (l->n != HASHED || !hex_get(ledger, 32, f[1]) ||
	    address_parse(&a.worker, NULL, slice_of(f[3]), NULL) != RC_OK ||
	    !hex_get(root, 32, f[5]))
		return "hash: bad fields";
	a.slot = strtoull(f[2], NULL, 10);
	a.anchor_size = strtoull(f[4], NULL, 10);
	r = (struct round_result){ .task_id = slice_of(f[6]),
		.url = slice_of(f[7]),
		.expected_status = (uint16_t)strtoul(f[8], NULL, 10),
		.timestamp_ms = strtoull(f[9], NULL, 10),
		.success = f[10][0] == '1',
		.status = (uint16_t)strtoul(f[11], NULL, 10),
		.response_ms = (uint32_t)strtoul(f[12], NULL, 10),
		.error = slice_of(f[13]),
		.trace = slice_of(f[14]),
		.region = slice_of(f[15]) };
	round_assignment_hash(r.assignment, &a);
	round_result_hash(hash, &r);
	hex_encode(out, hash, sizeof(hash));
	return NULL;
}

static const char *
sign_line(const struct line *l, char *out)
{
	struct round_tree_hash leaves[ROUND_LEAVES_MAX];
	uint8_t ledger[32], hash[KECCAK256_LEN], sig[SIGNATURE_LEN];
	struct round r = { .ledger_id = ledger };
	struct eth_key key;
	size_t i;

	if (l->n < 6 || l->n - 5 > ROUND_LEAVES_MAX ||
	    !hex_get(key.b, sizeof(key.b), l->fields[1]) ||
	    !hex_get(ledger, 32, l->fields[2]) ||
	    address_parse(&r.worker, NULL, slice_of(l->fields[3]), NULL) !=
		RC_OK)
		return "sign: bad fields";
	for (i = 5; i < l->n; i++) {
		if (!hex_get(hash, sizeof(hash), l->fields[i]))
			return "sign: bad hash";
		round_tree_leaf(&leaves[i - 5], hash);
	}
	r.count = (uint16_t)strtoul(l->fields[4], NULL, 10);
	round_tree_root(&r.root, leaves, l->n - 5);
	if (round_sign(sig, &r, &key, NULL) != RC_OK)
		return "sign: bad key";
	hex_encode(out, sig, sizeof(sig));
	return NULL;
}

int
main(void)
{
	char text[8192], out[HEX_SIZE(SIGNATURE_LEN)], *rest;
	const char *problem;
	struct line l;

	while (fgets(text, sizeof(text), stdin) != NULL) {
		text[strcspn(text, "\n")] = '\0';
		rest = text;
		for (l.n = 0; l.n < FIELDS_MAX && rest != NULL; l.n++)
			l.fields[l.n] = strsep(&rest, "\t");
		problem = strcmp(l.fields[0], "hash") == 0 ? hash_line(&l, out)
							   : sign_line(&l, out);
		printf("%s%s\n", problem == NULL ? "" : "error: ",
		    problem == NULL ? out : problem);
		(void)fflush(stdout);
	}
	return EXIT_SUCCESS;
}
