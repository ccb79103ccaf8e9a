#include "pay/preview.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX (64 * 1024) /* bytes between two flushes */

/* What is written so far, so that nothing is kept of a long list. */
static void
flush(struct preview *p)
{
	if (p->text.len > 0)
		(void)fwrite(p->text.p, 1, p->text.len, stdout);
	buf_reset(&p->text);
}

static void
format_usdc(char *out, size_t size, int64_t micros)
{
	(void)snprintf(out, size, "%" PRId64 ".%06" PRId64 " USDC",
	    micros / 1000000, micros % 1000000);
}

enum rc
preview_begin(struct preview *p, bool is_json, struct err *e)
{
	enum rc rc;

	*p = (struct preview){ .payouts = 0 };
	buf_init(&p->text, TEXT_MAX);
	if (!is_json)
		return RC_OK;
	rc = json_writer_new(&p->json, &p->text, true, e);
	if (rc != RC_OK)
		return rc;
	json_open_object(p->json);
	json_key(p->json, "payees");
	json_open_array(p->json);
	return RC_OK;
}

/* why: NULL for one who is paid. */
static void
payee_write(struct preview *p, const char *who, int64_t micros, const char *why)
{
	json_open_object(p->json);
	json_key(p->json, "worker");
	json_string(p->json, who);
	json_key(p->json, "amountMicros");
	json_number(p->json, micros);
	if (why != NULL) {
		json_key(p->json, "waits");
		json_string(p->json, why);
	}
	json_close_object(p->json);
	flush(p);
}

void
preview_pays(struct preview *p, const struct address *worker, int64_t micros)
{
	char who[ADDRESS_LEN + 1], usdc[40];

	p->payouts++;
	p->micros += micros;
	address_format(who, worker, ADDRESS_CHECKSUM);
	format_usdc(usdc, sizeof(usdc), micros);
	if (p->json != NULL)
		payee_write(p, who, micros, NULL);
	else
		printf("would pay %s %s\n", who, usdc);
}

void
preview_waits(struct preview *p, const struct address *worker, const char *why)
{
	char who[ADDRESS_LEN + 1];

	address_format(who, worker, ADDRESS_CHECKSUM);
	if (p->json != NULL)
		payee_write(p, who, 0, why);
	else
		printf("not %s: %s\n", who, why);
}

static void
sum_write(struct preview *p, int exit_code, const char *why)
{
	json_close_array(p->json);
	json_key(p->json, "payouts");
	json_number(p->json, p->payouts);
	json_key(p->json, "sumMicros");
	json_number(p->json, p->micros);
	json_key(p->json, "exitCode");
	json_number(p->json, exit_code);
	json_key(p->json, "error");
	if (why == NULL)
		json_null(p->json);
	else
		json_string(p->json, why);
	json_close_object(p->json);
}

enum rc
preview_end(struct preview *p, int exit_code, const char *why, struct err *e)
{
	char usdc[40];
	enum rc rc;

	format_usdc(usdc, sizeof(usdc), p->micros);
	if (p->json != NULL)
		sum_write(p, exit_code, why);
	else if (p->payouts > 0)
		printf("in all %s to %" PRId64 " workers\n", usdc, p->payouts);
	rc = buf_status(&p->text, e);
	flush(p);
	json_writer_free(p->json);
	buf_free(&p->text);
	if (rc == RC_OK && (fflush(stdout) != 0 || ferror(stdout)))
		rc = err_set(e, RC_IO, "standard output: %s", strerror(errno));
	return rc;
}
