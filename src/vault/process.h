/*
 * The vault's side of its socket. Private to src/vault.
 */
#ifndef WORKNET_VAULT_PROCESS_H
#define WORKNET_VAULT_PROCESS_H

#include "vault/request.h"

/* The vault's life: it never returns. fd is its end of the pair. */
void vault_live(int fd, int parent_pid, const struct vault_options *o)
    __attribute__((noreturn));

#endif
