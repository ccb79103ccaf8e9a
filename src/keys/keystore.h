/*
 * The treasury's private key: 64 hex digits in a file, or an encrypted
 * keystore of version 3 ("Web3 Secret Storage", as geth, Foundry and others
 * write it: scrypt or PBKDF2-HMAC-SHA-256, AES-128-CTR, a MAC by Keccak-256)
 * with its passphrase in another file. Any thread; no state.
 */
#ifndef WORKNET_KEYS_KEYSTORE_H
#define WORKNET_KEYS_KEYSTORE_H

#include "eth/sign.h"

/*
 * Limits of what a keystore may ask for. geth's own: n 262144, r 8, p 1,
 * which takes 256 MB and a second.
 */
#define SCRYPT_MEMORY_MAX (512UL * 1024 * 1024) /* bytes */
#define SCRYPT_WORK_MAX	  (1UL << 24)		/* n * r * p: 8 times geth's */
#define PBKDF2_ROUNDS_MAX 10000000L		/* some seconds */
#define PASSPHRASE_MAX	  1024			/* bytes */

/*
 * Opens the keystore in text. RC_INVALID when it isn't one of the kinds
 * above, asks for more than the limits, the passphrase is wrong (the MAC
 * differs), or the key isn't that of the address in it; RC_NO_MEMORY; RC_IO
 * when libcrypto fails. key is then zero. No message holds a secret.
 */
MUST_CHECK enum rc keystore_open(struct eth_key *key, struct slice text,
    struct slice passphrase, struct err *e);

/*
 * Reads the key in path, of either form. Both files must be readable by
 * nobody else (secret_file_read). passphrase_path may be NULL or "", and
 * isn't opened for a plain key; one end of line at the passphrase's end
 * doesn't belong to it. RC_NOT_FOUND, RC_INVALID, RC_IO, RC_NO_MEMORY; key
 * is then zero. Wipe it (secret_wipe) when done.
 */
MUST_CHECK enum rc treasury_key_read(struct eth_key *key, const char *path,
    const char *passphrase_path, struct err *e);

/*
 * Whose key that is, cheaply: a keystore says so in clear, and is opened only
 * if it doesn't. What it says is checked when it is opened to sign. Errors as
 * above.
 */
MUST_CHECK enum rc treasury_address_read(struct address *out, const char *path,
    const char *passphrase_path, struct err *e);

#endif
