/*
 * RLP, how Ethereum writes transactions (Yellow Paper, appendix B): appends
 * items to a buffer, whose failure tells (buf_status). Writes only; nothing
 * here reads RLP. Any thread.
 */
#ifndef WORKNET_ETH_RLP_H
#define WORKNET_ETH_RLP_H

#include "base/buf.h"

/* A string of bytes. */
void rlp_bytes(struct buf *b, const void *p, size_t len);

/* A number: its bytes, big-endian, without leading zeros; 0 has none. */
void rlp_number(struct buf *b, uint64_t n);

/* The same of a number that is given as len bytes, big-endian. */
void rlp_big(struct buf *b, const uint8_t *p, size_t len);

/* What stands in front of a list whose items have len bytes in all. */
void rlp_list_head(struct buf *b, size_t len);

#endif
