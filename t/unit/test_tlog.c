/*
 * The transparency log's formats: signed notes, checkpoints, the tree, tiles,
 * proof files, cosignatures and policies, bit for bit as t/vectors/evidence has
 * them, and each kind of them that is malformed.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "t/unit/vectors.h"
#include "tlog/policy.h"
#include "tlog/site.h"

#define ENTRIES 300

static char entry_text[ENTRIES][16];
static struct slice entries[ENTRIES];
static struct tree_hash leaves[ENTRIES];
static struct json *vectors;

/* Nodes from the leaves in memory: by the definition, without tiles. */
static enum rc
leaf_node(void *ctx, int level, int64_t i, struct tree_hash *out, struct err *e)
{
	(void)ctx;
	(void)e;
	tile_fold(out, &leaves[i << level], (size_t)1 << level);
	return RC_OK;
}

static void
entries_make(void)
{
	size_t i;

	for (i = 0; i < ENTRIES; i++) {
		(void)snprintf(
		    entry_text[i], sizeof(entry_text[i]), "{\"n\":%zu}", i);
		entries[i] = slice_of(entry_text[i]);
		tree_leaf(&leaves[i], entries[i]);
	}
}

/* 64 hex digits without 0x. */
static void
hash_of(struct tree_hash *out, const char *hex)
{
	char text[HEX_SIZE(SHA256_LEN)];

	(void)snprintf(text, sizeof(text), "0x%s", hex);
	if (hex_decode(out->b, SHA256_LEN, slice_of(text), NULL) != RC_OK)
		die("vectors: no hash", hex);
}

static void
proof_of(struct tree_proof *out, const struct json *list)
{
	out->n = json_count(list);
	for (size_t i = 0; i < out->n; i++)
		if (base64_decode_exactly(out->hash[i].b, SHA256_LEN,
			slice_of(json_text(json_at(list, i))), NULL) != RC_OK)
			die("vectors", "no proof");
}

static bool
proof_is(const struct tree_proof *a, const struct tree_proof *b)
{
	return a->n == b->n &&
	    memcmp(a->hash, b->hash, a->n * sizeof(a->hash[0])) == 0;
}

static void
root_get(struct tree_hash *out, int64_t size)
{
	if (tree_root(out, size, leaf_node, NULL, NULL) != RC_OK)
		die("tree_root", "failed");
}

/* ---- The tree ---- */

static void
test_roots(void)
{
	const struct json *roots = json_get(vectors, "roots");
	struct tree_hash got, want;
	bool all = json_count(roots) > 5;
	size_t i;

	for (i = 0; i < json_count(roots); i++) {
		root_get(&got, atoi(json_key_at(roots, i)));
		hash_of(&want, text_of(roots, json_key_at(roots, i)));
		all = all && tree_hash_is(&got, &want);
	}
	tap_ok(all, "roots of 1 to 300 leaves are those of the vectors");
	root_get(&got, 0);
	hash_of(&want, text_of(vectors, "empty"));
	tap_ok(
	    tree_hash_is(&got, &want), "the empty log has the hash of nothing");
}

static void
test_inclusion(void)
{
	static const struct {
		const char *key;
		int64_t i;
	} cases[] = { { "inclusion42", 42 }, { "inclusion299", 299 } };
	struct tree_proof got, want;
	struct tree_hash root;
	size_t k;
	bool ok;

	root_get(&root, ENTRIES);
	for (k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		proof_of(&want, json_get(vectors, cases[k].key));
		ok = tree_prove_inclusion(&got, cases[k].i, ENTRIES, leaf_node,
			 NULL, NULL) == RC_OK &&
		    proof_is(&got, &want) &&
		    tree_check_inclusion(&want, cases[k].i, &leaves[cases[k].i],
			ENTRIES, &root, NULL) == RC_OK;
		tap_ok(ok, "the proof of leaf %d is made and taken",
		    (int)cases[k].i);
		tap_ok(tree_check_inclusion(&want, cases[k].i - 1,
			   &leaves[cases[k].i], ENTRIES, &root,
			   NULL) == RC_INVALID,
		    "and refused for the leaf before");
		tap_ok(
		    tree_check_inclusion(&want, cases[k].i, &leaves[cases[k].i],
			ENTRIES / 2, &root, NULL) == RC_INVALID,
		    "and for a tree of half the size");
	}
}

static void
test_consistency(void)
{
	const struct json *all = json_get(vectors, "consistency");
	struct tree_proof got, want;
	struct tree_hash old_root, root;
	int old, size;
	bool same = json_count(all) > 5, leads = true, other = true;
	size_t i;

	for (i = 0; i < json_count(all); i++) {
		if (sscanf(json_key_at(all, i), "%d,%d", &old, &size) != 2)
			die("vectors", "consistency");
		proof_of(&want, json_get(all, json_key_at(all, i)));
		root_get(&old_root, old);
		root_get(&root, size);
		same = same &&
		    tree_prove_consistency(
			&got, old, size, leaf_node, NULL, NULL) == RC_OK &&
		    proof_is(&got, &want);
		leads = leads &&
		    tree_check_consistency(
			&want, old, &old_root, size, &root, NULL) == RC_OK;
		other = other &&
		    tree_check_consistency(
			&want, old, &root, size, &root, NULL) != RC_OK;
	}
	tap_ok(same, "consistency proofs are those of the vectors");
	tap_ok(leads, "each leads from the older root to the later one");
	tap_ok(other, "and from no other root");
}

/* Each pair of sizes: what is proven is taken, with a bit changed it isn't. */
static void
test_small_trees(void)
{
	struct tree_proof p;
	struct tree_hash old_root, root;
	bool taken = true, refused = true;
	int64_t i, size;

	for (size = 1; size <= 70; size++) {
		root_get(&root, size);
		for (i = 0; i < size; i++) {
			taken = taken &&
			    tree_prove_inclusion(
				&p, i, size, leaf_node, NULL, NULL) == RC_OK &&
			    tree_check_inclusion(
				&p, i, &leaves[i], size, &root, NULL) == RC_OK;
			if (p.n > 0)
				p.hash[p.n / 2].b[7] ^= 1;
			else
				p.n = 1;
			refused = refused &&
			    tree_check_inclusion(&p, i, &leaves[i], size, &root,
				NULL) == RC_INVALID;
		}
		for (i = 0; i <= size; i++) {
			root_get(&old_root, i);
			taken = taken &&
			    tree_prove_consistency(
				&p, i, size, leaf_node, NULL, NULL) == RC_OK &&
			    tree_check_consistency(
				&p, i, &old_root, size, &root, NULL) == RC_OK;
			if (p.n > 0)
				p.hash[p.n / 2].b[7] ^= 1;
			else
				p.n = 1;
			refused = refused &&
			    tree_check_consistency(&p, i, &old_root, size,
				&root, NULL) == RC_INVALID;
		}
	}
	tap_ok(taken, "in trees of up to 70 leaves each proof is taken");
	tap_ok(refused, "and refused with another hash in it");
}

/* ---- Keys and notes ---- */

static void
seed_from(uint8_t seed[static ED25519_SEED_LEN], uint8_t first)
{
	for (size_t i = 0; i < ED25519_SEED_LEN; i++)
		seed[i] = (uint8_t)(first + i);
}

static void
test_keys(void)
{
	static const char *const known[] = {
		"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	};
	const char *vkey = text_of(json_get(vectors, "log"), "vkey");
	uint8_t seed[ED25519_SEED_LEN], back[ED25519_SEED_LEN], public[32];
	char text[NOTE_VKEY_MAX + 1];
	struct note_key key, other;
	struct buf b;
	bool ok = true;
	size_t i;

	seed_from(seed, 0);
	ok = ed25519_public(public, seed, NULL) == RC_OK &&
	    note_key_make(&key, slice_of("worknet.example/log"), NOTE_ED25519,
		public, NULL) == RC_OK;
	note_key_format(text, &key);
	tap_ok(ok && strcmp(text, vkey) == 0, "a key has the vectors' text");
	for (i = 0; i < 2; i++) {
		ok = ok &&
		    note_key_parse(&other, slice_of(known[i]), NULL) == RC_OK;
		note_key_format(text, &other);
		ok = ok && strcmp(text, known[i]) == 0;
	}
	tap_ok(ok, "the specification's and Go's keys are read and written");
	buf_init(&b, 400);
	note_secret_format(&b, &key, seed);
	tap_ok(strncmp(b.p, "PRIVATE+KEY+worknet.example/log+bce304be+AAEC",
		   45) != 0 &&
		note_secret_parse(&other, back, slice_of(b.p), NULL) == RC_OK &&
		memcmp(seed, back, sizeof(seed)) == 0 &&
		memcmp(&key, &other, sizeof(key)) == 0,
	    "a secret in Go's form is written and read");
	buf_free(&b);
	(void)snprintf(text, sizeof(text), "%s", vkey);
	text[0] = 'W';
	tap_ok(note_key_parse(&other, slice_of(text), NULL) == RC_INVALID,
	    "a key with another name than its id is of is refused");
}

static void
log_key(struct note_key *out)
{
	if (note_key_parse(out,
		slice_of(text_of(json_get(vectors, "log"), "vkey")),
		NULL) != RC_OK)
		die("vectors", "log");
}

static void
test_signing(void)
{
	const char *want = text_of(vectors, "checkpoint");
	struct checkpoint c = { .size = ENTRIES };
	uint8_t seed[ED25519_SEED_LEN];
	struct note_key key;
	struct buf text, note;

	buf_init(&text, NOTE_MAX);
	buf_init(&note, NOTE_MAX);
	seed_from(seed, 0);
	log_key(&key);
	(void)snprintf(c.origin, sizeof(c.origin), "worknet.example/log");
	root_get(&c.root, ENTRIES);
	checkpoint_format(&text, &c);
	tap_ok(note_sign(&note, (struct slice){ text.p, text.len }, &key, seed,
		   NULL) == RC_OK &&
		strcmp(note.p, want) == 0,
	    "the signed checkpoint is the vectors', byte for byte");
	buf_free(&text);
	buf_free(&note);
}

/* The first `from` of the cosigned note becomes `to`. */
static void
note_edit(struct buf *out, const char *from, const char *to)
{
	const char *note = text_of(vectors, "cosigned");
	const char *at = strstr(note, from);

	if (at == NULL)
		die("no such text in the note", from);
	buf_reset(out);
	buf_add(out, note, (size_t)(at - note));
	buf_add_text(out, to);
	buf_add_text(out, at + strlen(from));
}

/* The vectors' log and witness, and more lines. */
static void
policy_get(struct policy *p, const char *witness, const char *more)
{
	char text[2000];
	struct err e = ERR_INIT;

	(void)snprintf(text, sizeof(text), "log %s\n%s %s\n%s",
	    text_of(json_get(vectors, "log"), "vkey"), witness,
	    text_of(json_get(vectors, "witness"), "vkey"), more);
	if (policy_parse(p, slice_of(text), &e) != RC_OK)
		die("policy", e.msg);
}

/* As the witnesses of sigsum.org are called, by the hash of their key. */
#define SIGSUM_NAME              \
	"sigsum.org/v1/witness/" \
	"1d0bfef51182f2839d0d3854cea7c239ab61ab7c46c630ffdf52621eaaafadc0"

static void
test_policy(void)
{
	const char *vkey = text_of(json_get(vectors, "log"), "vkey");
	const char *note = text_of(vectors, "cosigned");
	struct policy_word word;
	struct err e = ERR_INIT;
	static struct policy p;
	static char text[2000];

	policy_get(&p, "witness w1", "quorum w1\n");
	tap_ok(policy_check(&word, &p, slice_of(note), &e) == RC_OK &&
		word.checkpoint.size == ENTRIES && word.witnesses == 1 &&
		word.first_s == 1767225600,
	    "a cosigned checkpoint is taken, with the witness's time");
	tap_ok(policy_check(&word, &p, slice_of(text_of(vectors, "checkpoint")),
		   &e) == RC_INVALID,
	    "without the cosignature it isn't the quorum");
	tap_is_text(e.msg,
	    "the checkpoint has cosignatures of 0 witnesses of the policy, which isn't its quorum",
	    "which is said");
	policy_get(&p, "#", "quorum none\n");
	tap_ok(policy_check(&word, &p, slice_of(note), &e) == RC_OK &&
		word.witnesses == 0,
	    "a witness that isn't in the policy counts for nothing");
	policy_get(&p, "witness " SIGSUM_NAME, "quorum " SIGSUM_NAME "\n");
	tap_ok(policy_check(&word, &p, slice_of(note), &e) == RC_OK,
	    "a witness may have a name as long as Sigsum's");
	policy_get(&p, "witness a", "group g 1 a\ngroup h all g a\nquorum h\n");
	tap_ok(policy_check(&word, &p, slice_of(note), &e) == RC_OK,
	    "groups may be of groups");
	(void)snprintf(text, sizeof(text),
	    "log %s\nwitness a %s\nwitness b %s\nquorum a\n", vkey,
	    text_of(json_get(vectors, "witness"), "vkey"),
	    text_of(json_get(vectors, "witness"), "vkey"));
	tap_ok(policy_parse(&p, slice_of(text), &e) == RC_INVALID,
	    "a key with two names is refused");
	tap_is_text(e.msg,
	    "policy, line 3: witness.example/w1: the same key has two names, and would count twice",
	    "which is said");
}

static void
test_authorities(void)
{
	static const struct {
		const char *line, *name;
		enum rc rc;
	} cases[] = {
		{ "authority a-1.example MAA=", "an authority is taken",
		    RC_OK },
		{ "authority a", "one without a certificate isn't",
		    RC_INVALID },
		{ "authority a MAA= b", "nor one with a word more",
		    RC_INVALID },
		{ "authority a MAB=", "nor one with bits left over",
		    RC_INVALID },
		{ "authority ../a MAA=", "nor a name that is a path",
		    RC_INVALID },
		{ "authority .a MAA=", "nor one that is hidden", RC_INVALID },
		{ "authority a MAA=\nauthority a MAA=", "nor one twice",
		    RC_INVALID },
	};
	const char *vkey = text_of(json_get(vectors, "log"), "vkey");
	static struct policy p;
	char text[500];
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(text, sizeof(text), "log %s\n%s\nquorum none\n",
		    vkey, cases[i].line);
		tap_ok(policy_parse(&p, slice_of(text), &e) == cases[i].rc &&
			p.authorities ==
			    (cases[i].rc == RC_OK ? 1U : p.authorities),
		    "%s", cases[i].name);
	}
}

static void
test_bad_notes(void)
{
	static const struct {
		const char *from, *to, *name;
	} cases[] = {
		{ "\n300\n", "\n0300\n", "a size with a leading zero" },
		{ "\n300\n", "\n301\n", "another size" },
		{ "\n300\n", "\n-300\n", "a negative size" },
		{ "mLw=\n", "mLw=\n\nmore\n", "a second empty line" },
		{ "mLw=\n", "mLw=\nextension\n", "an extension line" },
		{ "mLw=\n", "mLx=\n", "base64 with bits left over" },
		{ "mLw=\n", "mLw\n", "base64 without its padding" },
		{ "Zlig4=\n", "Zlig4=!\n", "a signature with junk" },
		{ "Zlig4=\n", "Zlig4 =\n", "a signature with a blank" },
		{ "Zlig4=\n", "Zlig4=\r\n", "a carriage return" },
		{ "gvDS5", "gvDS6", "another signature" },
		{ "vOMEvg", "vOMEvw",
		    "a signature by another key of that name" },
		{ "worknet.example/log\n", "worknet.example/lok\n",
		    "another origin" },
		{ "gAAAABpVbkA", "gAAAABpVbkB", "a cosignature's other time" },
		{ "\xe2\x80\x94 worknet", "- worknet",
		    "a hyphen for the dash" },
	};
	struct policy_word word;
	static struct policy p;
	struct buf b;
	size_t i;

	buf_init(&b, NOTE_MAX);
	policy_get(&p, "witness w1", "quorum none\n");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = ERR_INIT;

		note_edit(&b, cases[i].from, cases[i].to);
		tap_ok(policy_check(&word, &p, (struct slice){ b.p, b.len },
			   &e) == RC_INVALID,
		    "%s is refused: %s", cases[i].name, e.msg);
	}
	buf_free(&b);
}

/* ---- Proof files ---- */

static void
test_proof_files(void)
{
	const char *want = text_of(vectors, "tlogproof");
	struct json *more = vectors_read("evidence/entries-vectors.json");
	const char *segment = text_of(more, "proof");
	struct slice none = { NULL, 0 };
	struct proof_file p;
	struct checkpoint c;
	struct tree_hash leaf;
	struct note n;
	struct buf b;
	bool ok;

	buf_init(&b, PROOF_FILE_MAX);
	ok = proof_file_parse(&p, slice_of(want), NULL) == RC_OK &&
	    p.index == 42 && !p.has_entry;
	proof_file_format(&b, none, p.index, &p.proof, p.note);
	tap_ok(
	    ok && strcmp(b.p, want) == 0, "a proof file is read and written");
	proof_file_free(&p);
	buf_reset(&b);
	ok = proof_file_parse(&p, slice_of(segment), NULL) == RC_OK &&
	    p.index == 3 && p.has_entry &&
	    note_parse(&n, p.note, NULL) == RC_OK &&
	    checkpoint_parse(&c, n.text, NULL) == RC_OK;
	tree_leaf(&leaf, (struct slice){ p.entry.p, p.entry.len });
	tap_ok(ok &&
		tree_check_inclusion(
		    &p.proof, 3, &leaf, c.size, &c.root, NULL) == RC_OK,
	    "the vectors' segment leaf is in their log");
	proof_file_format(&b, (struct slice){ p.entry.p, p.entry.len }, p.index,
	    &p.proof, p.note);
	tap_ok(strcmp(b.p, segment) == 0, "and written again, byte for byte");
	proof_file_free(&p);
	tap_ok(proof_file_parse(&p,
		   slice_of("c2sp.org/tlog-proof@v1\nindex 042\n\n"),
		   NULL) == RC_INVALID,
	    "an index with a leading zero is refused");
	buf_free(&b);
	json_free(more);
}

/* ---- Tiles ---- */

static void
test_paths(void)
{
	const struct json *paths = json_get(vectors, "paths");
	char path[TILE_PATH_MAX + 1];
	bool ok = json_count(paths) > 5;
	int64_t n = 0;
	size_t i;

	for (i = 0; i < json_count(paths); i++) {
		ok = ok && json_int(&n, json_at(json_at(paths, i), 0)) == RC_OK;
		tile_path(path, 0, n, TILE_WIDTH);
		ok = ok &&
		    strcmp(path, json_text(json_at(json_at(paths, i), 1))) == 0;
	}
	tap_ok(ok, "tiles have the vectors' paths");
	tile_path(path, TILE_ENTRIES, 273000, 112);
	tap_is_text(path, "tile/entries/x273/000.p/112",
	    "a partial bundle's path tells its width");
	tap_ok(tile_width(0, 272, 70000) == 256 &&
		tile_width(0, 273, 70000) == 112 &&
		tile_width(1, 0, 70000) == 256 &&
		tile_width(1, 1, 70000) == 17 && tile_width(2, 0, 70000) == 1 &&
		tile_width(0, 274, 70000) == 0,
	    "70,000 leaves have the vectors' tiles");
}

static bool
file_is(const char *dir, const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[2][4096];
	struct buf b[2];
	bool ok = true;

	(void)snprintf(path[0], sizeof(path[0]), "%s/%s", dir, name);
	(void)snprintf(path[1], sizeof(path[1]),
	    "%s/t/vectors/evidence/site-300/%s", srcdir, name);
	for (int i = 0; i < 2; i++) {
		buf_init(&b[i], 65536);
		ok = buf_read_file(&b[i], path[i], NULL) == RC_OK && ok;
	}
	ok =
	    ok && b[0].len == b[1].len && memcmp(b[0].p, b[1].p, b[0].len) == 0;
	buf_free(&b[0]);
	buf_free(&b[1]);
	return ok;
}

static void
rm_tree(const char *dir)
{
	char command[4200];

	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	if (system(command) != 0)
		tap_diag("%s stays", dir);
}

/* Appends in steps that cross tiles. */
static void
test_site(void)
{
	static const size_t steps[] = { 1, 2, 4, 200, 48, 1, 44 };
	static const char *const files[] = { "tile/0/000", "tile/0/001.p/44",
		"tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44" };
	char dir[] = "/tmp/worknet-tlog-XXXXXX";
	struct tree_hash got, want;
	struct err e = ERR_INIT;
	struct slice entry;
	struct site s;
	bool ok = true;
	size_t i, from = 0;

	if (mkdtemp(dir) == NULL)
		die("mkdtemp", dir);
	site_open(&s, dir, 0);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		ok = ok &&
		    site_append(&s, entries + from, steps[i], &e) == RC_OK;
		from += steps[i];
		root_get(&want, (int64_t)from);
		ok = ok &&
		    tree_root(&got, s.size, site_node, &s, &e) == RC_OK &&
		    tree_hash_is(&got, &want);
	}
	tap_ok(
	    ok && from == ENTRIES, "a log that grows has its root (%s)", e.msg);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		tap_ok(file_is(dir, files[i]), "%s is the vectors'", files[i]);
	tap_ok(site_entry(&s, 299, &entry, &e) == RC_OK &&
		slice_is(entry, "{\"n\":299}") &&
		site_entry(&s, 7, &entry, &e) == RC_OK &&
		slice_is(entry, "{\"n\":7}"),
	    "entries are read back");
	site_close(&s);
	/* A run that ended before its checkpoint has left longer tiles. */
	site_open(&s, dir, 250);
	ok = site_append(&s, entries + 100, 20, &e) == RC_OK;
	site_open(&s, dir, 250);
	ok = ok && site_append(&s, entries + 250, 50, &e) == RC_OK &&
	    tree_root(&got, 300, site_node, &s, &e) == RC_OK;
	root_get(&want, ENTRIES);
	tap_ok(ok && tree_hash_is(&got, &want),
	    "what wasn't published is written over");
	site_close(&s);
	rm_tree(dir);
}

static void
test_tile_lengths(void)
{
	char dir[] = "/tmp/worknet-tlog-XXXXXX", path[4096];
	struct tree_hash root;
	struct err e = ERR_INIT;
	struct site s;

	if (mkdtemp(dir) == NULL)
		die("mkdtemp", dir);
	site_open(&s, dir, 0);
	if (site_append(&s, entries, 44, &e) != RC_OK)
		die("site_append", e.msg);
	(void)snprintf(path, sizeof(path), "%s/tile/0/000.p/44", dir);
	tap_ok(truncate(path, 43 * SHA256_LEN) == 0 &&
		tree_root(&root, 44, site_node, &s, &e) == RC_CORRUPT,
	    "a tile shorter than its width is refused");
	tap_ok(truncate(path, 45 * SHA256_LEN) == 0 &&
		tree_root(&root, 44, site_node, &s, &e) == RC_CORRUPT,
	    "a tile longer than its width is refused");
	site_close(&s);
	rm_tree(dir);
}

int
main(void)
{
	vectors = vectors_read("evidence/tlog-vectors.json");
	entries_make();
	test_roots();
	test_inclusion();
	test_consistency();
	test_small_trees();
	test_keys();
	test_signing();
	test_policy();
	test_authorities();
	test_bad_notes();
	test_proof_files();
	test_paths();
	test_site();
	test_tile_lengths();
	json_free(vectors);
	return tap_done();
}
