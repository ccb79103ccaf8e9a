#include "proof/succession.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proof/leaf.h"

/* The key that the file's leaf says, in a tree that it proves. */
static enum rc
key_read(struct note_key *key, const struct proof_file *p,
    const struct checkpoint *c, struct err *e)
{
	const struct slice entry = { p->entry.p, p->entry.len };
	struct tree_hash hash;
	struct key_leaf leaf;
	enum rc rc;

	if (!p->has_entry)
		return err_set(e, RC_INVALID, "it doesn't have its entry");
	tree_leaf(&hash, entry);
	rc = tree_check_inclusion(
	    &p->proof, p->index, &hash, c->size, &c->root, e);
	if (rc == RC_OK)
		rc = leaf_parse(&leaf, KIND_KEY, entry, e);
	if (rc == RC_OK)
		rc = note_key_parse(key, slice_of(leaf.key), e);
	if (rc == RC_OK && strcmp(key->name, c->origin) != 0)
		rc = err_set(e, RC_INVALID, "the key is of %s", key->name);
	return rc;
}

enum rc
succession_take(
    struct policy *policy, struct slice file, bool *trusted, struct err *e)
{
	struct policy_word word;
	struct note_key key;
	struct proof_file p;
	enum rc rc;

	*trusted = false;
	rc = proof_file_parse(&p, file, e);
	if (rc != RC_OK)
		return rc;
	*trusted = policy_check(&word, policy, p.note, NULL) == RC_OK;
	if (*trusted)
		rc = key_read(&key, &p, &word.checkpoint, e);
	if (*trusted && rc == RC_OK)
		rc = policy_add_log(policy, &key, e);
	proof_file_free(&p);
	return rc;
}

/* The proof that the log shows beside that entry, a key's. */
static enum rc
proof_take(struct policy *policy, struct site *site, int64_t i, struct err *e)
{
	char name[64];
	struct buf file;
	bool trusted;
	enum rc rc;

	(void)snprintf(name, sizeof(name), "key/%" PRId64 ".tlog-proof", i);
	buf_init(&file, PROOF_FILE_MAX);
	rc = site_get(site, name, &file, e);
	if (rc == RC_OK)
		rc = succession_take(
		    policy, (struct slice){ file.p, file.len }, &trusted, e);
	buf_free(&file);
	return rc == RC_OK ? RC_OK : err_prefix(e, "%s", name);
}

enum rc
succession_read(
    struct policy *policy, struct site *site, struct slice note, struct err *e)
{
	struct checkpoint c;
	struct slice entry;
	struct note n;
	int64_t i;
	enum rc rc;

	rc = note_parse(&n, note, e);
	if (rc == RC_OK)
		rc = checkpoint_parse(&c, n.text, e);
	if (rc != RC_OK)
		return rc;
	site->size = c.size;
	for (i = 0; i < c.size && rc == RC_OK; i++) {
		rc = site_entry(site, i, &entry, e);
		if (rc == RC_OK && leaf_kind(entry) == KIND_KEY)
			rc = proof_take(policy, site, i, e);
	}
	return rc;
}
