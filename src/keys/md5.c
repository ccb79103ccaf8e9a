#include "keys/md5.h"

#include <openssl/evp.h>

enum rc
md5(uint8_t out[static MD5_LEN], struct slice bytes, struct err *e)
{
	if (EVP_Digest(bytes.p, bytes.len, out, NULL, EVP_md5(), NULL) != 1)
		return err_set(e, RC_IO, "libcrypto has no MD5");
	return RC_OK;
}
