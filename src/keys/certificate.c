#include "keys/certificate.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum rc
certificate_end(int64_t *out_s, const char *path, struct err *e)
{
	struct tm tm = { .tm_mday = 0 };
	X509 *certificate;
	bool known;
	FILE *f;

	*out_s = 0;
	f = fopen(path, "re");
	if (f == NULL)
		return err_set(e, errno == ENOENT ? RC_NOT_FOUND : RC_IO,
		    "%s: %s", path, strerror(errno));
	certificate = PEM_read_X509(f, NULL, NULL, NULL);
	(void)fclose(f);
	known = certificate != NULL &&
	    ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1;
	X509_free(certificate);
	if (!known)
		return err_set(e, RC_INVALID, "%s: no certificate", path);
	*out_s = (int64_t)timegm(&tm);
	return RC_OK;
}
