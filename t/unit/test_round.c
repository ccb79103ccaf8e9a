/*
 * Rounds: what a worker signs of many results at once, against vectors that
 * viem made (t/vectors/rounds.mjs and t/vectors/evidence).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "eth/round.h"
#include "t/unit/random.h"
#include "t/unit/vectors.h"

static int64_t
int_of(const struct json *j, const char *key)
{
	const char *text = json_text(json_get(j, key));
	int64_t n;

	if (text != NULL)
		return atoll(text);
	if (json_int(&n, json_get(j, key)) != RC_OK)
		die("vectors: no number", key);
	return n;
}

static bool
is_hex(const uint8_t *got, const struct json *j, const char *key)
{
	uint8_t expected[KECCAK256_LEN];

	hex_of(expected, sizeof(expected), j, key);
	return memcmp(got, expected, sizeof(expected)) == 0;
}

static void
result_of(struct round_result *r, const struct json *m)
{
	*r = (struct round_result){ .task_id = slice_of(text_of(m, "taskId")),
		.url = slice_of(text_of(m, "url")),
		.expected_status = (uint16_t)int_of(m, "expectedStatus"),
		.timestamp_ms = (uint64_t)int_of(m, "timestamp"),
		.success = json_is_true(json_get(m, "success")),
		.status = (uint16_t)int_of(m, "statusCode"),
		.response_ms = (uint32_t)int_of(m, "responseTimeMs"),
		.error = slice_of(text_of(m, "error")),
		.trace = slice_of(text_of(m, "trace")),
		.region = slice_of(text_of(m, "region")) };
	hex_of(r->assignment, sizeof(r->assignment), m, "assignment");
}

/* The vectors of the format's description, which sign each result alone. */
static void
test_described(void)
{
	struct json *all = vectors_read("evidence/eip712-vectors.json"),
		    *entries = vectors_read("evidence/entries-vectors.json");
	const struct json *a = json_get(entries, "assignment"),
			  *m = json_get(a, "message"), *v;
	uint8_t hash[KECCAK256_LEN], ledger[32], root[32];
	struct round_assignment of;
	struct round_result r;
	size_t i;

	for (i = 0; (v = json_at(json_get(all, "vectors"), i)) != NULL; i++) {
		result_of(&r, json_get(v, "message"));
		round_result_hash(hash, &r);
		tap_ok(is_hex(hash, v, "structHash"),
		    "the hash of a result: %s", text_of(v, "name"));
	}
	hex_of(ledger, sizeof(ledger), m, "ledger");
	hex_of(root, sizeof(root), m, "anchorRoot");
	of = (struct round_assignment){ .ledger_id = ledger,
		.slot = (uint64_t)int_of(m, "slot"),
		.anchor_size = (uint64_t)int_of(m, "anchorSize"),
		.anchor_root = root };
	address_of(&of.worker, text_of(m, "worker"));
	round_assignment_hash(hash, &of);
	tap_ok(is_hex(hash, a, "assignment"), "the hash of an assignment");
	json_free(all);
	json_free(entries);
}

/* One result of a vector: its leaf. */
static bool
entry_of(struct round_tree_hash *leaf, const struct json *v,
    const uint8_t *ledger, const struct address *worker)
{
	struct round_assignment of = { .ledger_id = ledger,
		.slot = (uint64_t)int_of(v, "slot"),
		.worker = *worker,
		.anchor_size = (uint64_t)int_of(v, "anchorSize") };
	uint8_t root[32], assignment[KECCAK256_LEN], hash[KECCAK256_LEN];
	struct round_result r;

	hex_of(root, sizeof(root), v, "anchorRoot");
	of.anchor_root = root;
	round_assignment_hash(assignment, &of);
	result_of(&r, json_get(v, "message"));
	round_result_hash(hash, &r);
	round_tree_leaf(leaf, hash);
	return memcmp(assignment, r.assignment, sizeof(assignment)) == 0 &&
	    is_hex(hash, v, "structHash");
}

/* Each path is the vector's, leads to the root, and nowhere else. */
static bool
paths_are_right(const struct json *paths, const struct round_tree_hash *leaves,
    size_t n, const struct round_tree_hash *root)
{
	struct round_tree_hash path[ROUND_PATH_MAX + 1], expected;
	const struct json *hashes;
	size_t i, j, len;

	for (i = 0; i < n; i++) {
		hashes = json_at(paths, i);
		len = round_tree_path(path, leaves, n, i);
		if (len != json_count(hashes) ||
		    !round_tree_verify(root, &leaves[i], i, n, path, len))
			return false;
		for (j = 0; j < len; j++)
			if (hex_decode(expected.b, sizeof(expected.b),
				slice_of(json_text(json_at(hashes, j))),
				NULL) != RC_OK ||
			    memcmp(&expected, &path[j], sizeof(expected)) != 0)
				return false;
		if (round_tree_verify(root, &leaves[i], i, n, path, len + 1) ||
		    (len > 0 &&
			round_tree_verify(
			    root, &leaves[i], i, n, path, len - 1)) ||
		    round_tree_verify(root, &leaves[i], n, n, path, len))
			return false;
		for (j = 0; j < n; j++)
			if (j != i &&
			    round_tree_verify(
				root, &leaves[i], j, n, path, len))
				return false;
	}
	return true;
}

static void
test_round(
    const struct json *v, const uint8_t *ledger, const struct address *worker)
{
	struct round r = { .ledger_id = ledger,
		.worker = *worker,
		.count = (uint16_t)int_of(v, "count") };
	struct round_tree_hash leaves[ROUND_LEAVES_MAX];
	uint8_t digest[KECCAK256_LEN], sig[SIGNATURE_LEN],
	    expected[SIGNATURE_LEN];
	struct eth_key key;
	struct err e = ERR_INIT;
	bool right = true;
	size_t i;

	memset(key.b, 1, sizeof(key.b));
	for (i = 0; i < r.count; i++)
		right &= entry_of(&leaves[i],
		    json_at(json_get(v, "results"), i), ledger, worker);
	tap_ok(right, "the hashes of %u results", r.count);
	round_tree_root(&r.root, leaves, r.count);
	tap_ok(is_hex(r.root.b, v, "root"), "... the root of their tree");
	tap_ok(paths_are_right(json_get(v, "paths"), leaves, r.count, &r.root),
	    "... each path, which leads to the root from its own place only");
	round_digest(digest, &r);
	tap_ok(is_hex(digest, v, "digest"), "... the round's digest");
	hex_of(expected, sizeof(expected), v, "signature");
	tap_ok(round_sign(sig, &r, &key, &e) == RC_OK &&
		memcmp(sig, expected, sizeof(sig)) == 0,
	    "... the signature");
	tap_ok(round_check(&r, expected, &e) == RC_OK, "... which is right");
	r.count++;
	tap_ok(round_check(&r, expected, NULL) != RC_OK,
	    "... but not of another count");
	r.count--;
	r.root.b[31] ^= 1;
	tap_ok(round_check(&r, expected, NULL) != RC_OK,
	    "... nor of another root");
}

/* Whether each kept leaf of a pruned tree has the path of the whole one. */
static bool
pruned_paths_are_right(const struct round_tree_hash *leaves, const bool *kept,
    size_t n, const struct round_tree_hash *others, size_t others_n)
{
	struct round_tree_hash path[ROUND_PATH_MAX], expected[ROUND_PATH_MAX];
	size_t i, len, expected_len;

	for (i = 0; i < n; i++) {
		expected_len = round_tree_path(expected, leaves, n, i);
		if (round_tree_path_pruned(path, &len, leaves, kept, n, others,
			others_n, i) != kept[i])
			return false;
		if (kept[i] &&
		    (len != expected_len ||
			memcmp(path, expected, len * sizeof(path[0])) != 0 ||
			round_tree_path_pruned(path, &len, leaves, kept, n,
			    others, others_n + 1, i)))
			return false;
	}
	return true;
}

/* A pruned tree has the whole one's root, and no other. */
static void
test_pruned(void)
{
	struct round_tree_hash leaves[ROUND_LEAVES_MAX],
	    others[ROUND_LEAVES_MAX + 1], root, got;
	bool kept[ROUND_LEAVES_MAX], right = true, few = true, strict = true,
				     paths = true;
	size_t n, i, round, kept_n, others_n;

	random_seed();
	for (i = 0; i < ROUND_LEAVES_MAX; i++)
		memset(leaves[i].b, (int)i + 1, sizeof(leaves[i].b));
	memset(others, 0, sizeof(others));
	for (round = 0; round < 3000; round++) {
		n = 1 + (size_t)(random_next() % ROUND_LEAVES_MAX);
		for (i = kept_n = 0; i < n; i++) {
			kept[i] = random_next() % (1 + round % 4) == 0;
			kept_n += kept[i];
		}
		round_tree_root(&root, leaves, n);
		others_n = round_tree_prune(others, leaves, kept, n);
		right &= round_tree_root_pruned(
			     &got, leaves, kept, n, others, others_n) &&
		    memcmp(&got, &root, sizeof(root)) == 0;
		paths &=
		    pruned_paths_are_right(leaves, kept, n, others, others_n);
		few &= others_n <= n - kept_n &&
		    (kept_n == 0 || others_n <= ROUND_PATH_MAX * kept_n);
		strict &= !round_tree_root_pruned(
			      &got, leaves, kept, n, others, others_n + 1) &&
		    (others_n == 0 ||
			!round_tree_root_pruned(
			    &got, leaves, kept, n, others, others_n - 1));
		if (kept_n > 0) {
			for (i = 0; !kept[i]; i++)
				;
			kept[i] = false;
			strict &= !round_tree_root_pruned(&got, leaves, kept, n,
				      others, others_n) ||
			    memcmp(&got, &root, sizeof(root)) != 0;
		}
	}
	tap_ok(right, "a pruned tree has the root of the whole one");
	tap_ok(paths, "... and paths of those that are left");
	tap_ok(few, "... is smaller, and has no more than a path a leaf");
	tap_ok(strict, "... and no other number of hashes belongs to it");
}

static void
test_types(void)
{
	static const char assignment[] =
	    "Assignment(bytes32 ledger,uint64 slot,address worker,uint64 anchorSize,bytes32 anchorRoot)";
	uint8_t zero[32] = { 0 }, of_text[KECCAK256_LEN], got[KECCAK256_LEN],
		expected[KECCAK256_LEN];
	struct round_assignment a = { .ledger_id = zero, .anchor_root = zero };
	struct keccak k;

	/* All members zero: the type's hash and five empty words. */
	keccak256(of_text, assignment, strlen(assignment));
	keccak_init(&k);
	keccak_update(&k, of_text, sizeof(of_text));
	keccak_update(&k, (uint8_t[5 * 32]){ 0 }, 5 * 32);
	keccak_final(&k, expected);
	round_assignment_hash(got, &a);
	tap_ok(memcmp(got, expected, sizeof(got)) == 0,
	    "the type of an assignment is hashed as it is written");
}

int
main(void)
{
	struct json *all = vectors_read("rounds.json");
	struct address worker;
	uint8_t ledger[32];
	const struct json *v;
	size_t i;

	hex_of(ledger, sizeof(ledger), all, "ledgerId");
	address_of(&worker, text_of(all, "worker"));
	test_types();
	test_described();
	for (i = 0; (v = json_at(json_get(all, "rounds"), i)) != NULL; i++)
		test_round(v, ledger, &worker);
	tap_ok(i == 8, "all vectors were read");
	test_pruned();
	json_free(all);
	return tap_done();
}
