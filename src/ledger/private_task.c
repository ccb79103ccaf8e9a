#include "ledger/private_task.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "eth/attest.h"

#define LABEL_LEN 43 /* behind the ~ */

static void
salted_hash(uint8_t out[static SHA256_LEN],
    const uint8_t salt[static TASK_SALT_LEN], struct slice text)
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, salt, TASK_SALT_LEN);
	sha256_update(&s, text.p, text.len);
	sha256_final(&s, out);
}

enum rc
private_name(char out[static TASK_ID_MAX + 1], const char *given,
    const uint8_t random[static PRIVATE_RANDOM_LEN], struct err *e)
{
	struct buf b;

	if (strlen(given) > TASK_ID_MAX - PRIVATE_SUFFIX_LEN)
		return err_set(e, RC_INVALID,
		    "task id: a private one has at most %d characters, and %d random ones behind them",
		    TASK_ID_MAX - PRIVATE_SUFFIX_LEN, PRIVATE_SUFFIX_LEN);
	buf_init(&b, TASK_ID_MAX + 1);
	buf_printf(&b, "%s:", given);
	base64_add_url(&b, random, PRIVATE_RANDOM_LEN);
	slice_copy(out, TASK_ID_MAX + 1, (struct slice){ b.p, b.len });
	buf_free(&b);
	return RC_OK;
}

void
private_label(char out[static TASK_ID_MAX + 1],
    const uint8_t salt[static TASK_SALT_LEN], struct slice name)
{
	uint8_t hash[SHA256_LEN];
	struct buf b;

	salted_hash(hash, salt, name);
	buf_init(&b, TASK_ID_MAX);
	buf_add_text(&b, "~");
	base64_add_url(&b, hash, sizeof(hash));
	slice_copy(out, TASK_ID_MAX + 1, (struct slice){ b.p, b.len });
	buf_free(&b);
}

void
private_commit(char out[static 2 * SHA256_LEN + 1],
    const uint8_t salt[static TASK_SALT_LEN], struct slice entry)
{
	uint8_t hash[SHA256_LEN];
	size_t i;

	salted_hash(hash, salt, entry);
	for (i = 0; i < SHA256_LEN; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

void
private_key(uint8_t out[static PRIVATE_KEY_LEN],
    const uint8_t salt[static TASK_SALT_LEN], int64_t slot,
    const uint8_t worker[static PRIVATE_WORKER_LEN])
{
	uint8_t of[8 + PRIVATE_WORKER_LEN];
	int i;

	for (i = 0; i < 8; i++)
		of[i] = (uint8_t)((uint64_t)slot >> (56 - 8 * i));
	memcpy(of + 8, worker, PRIVATE_WORKER_LEN);
	hmac_sha256(out, salt, TASK_SALT_LEN, of, sizeof(of));
}

bool
private_is_label(struct slice text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t i;

	for (i = 1; i < text.len; i++)
		if (memchr(digits, text.p[i], sizeof(digits) - 1) == NULL)
			return false;
	return text.len == 1 + LABEL_LEN && text.p[0] == '~';
}
