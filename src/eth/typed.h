/*
 * What EIP-712 makes words of: members of a struct as they are hashed. For the
 * files of this room that hash one. Pure functions; any thread.
 */
#ifndef WORKNET_ETH_TYPED_H
#define WORKNET_ETH_TYPED_H

#include "eth/address.h"
#include "eth/keccak.h"

/* A string, or a type: its hash. */
void typed_add_text(struct keccak *k, struct slice text);

/* An unsigned integer of any size, or a bool: big-endian, zeros in front. */
void typed_add_number(struct keccak *k, uint64_t n);

void typed_add_address(struct keccak *k, const struct address *a);

/* keccak256(0x19 0x01 || domain separator || hash of the struct). */
void typed_digest(uint8_t out[static KECCAK256_LEN],
    const uint8_t domain[static KECCAK256_LEN],
    const uint8_t message[static KECCAK256_LEN]);

#endif
