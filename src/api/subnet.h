/* The network that a client's address belongs to. Pure; any thread. */
#ifndef WORKNET_API_SUBNET_H
#define WORKNET_API_SUBNET_H

#include "base/buf.h"
#include "base/limits.h"

/*
 * The address that a client is known by, in out: as the server has it, but of
 * an IPv6 address that stands for an IPv4 one, that one. Else who has an IPv4
 * address would have an IPv6 prefix beside it (6to4), or share one with many
 * (Teredo, NAT64). A private one that is written so is nobody's, and stays
 * IPv6: it makes no network of its own. "": it is none.
 */
struct slice
subnet_client(char out[static SUBNET_MAX + 1], struct slice remote_addr);

/*
 * Writes the network of that address in CIDR notation: its first
 * ipv4_bits or ipv6_bits. "" for loopback and private addresses, which say
 * nothing about who is behind them, and for anything that isn't an address.
 */
void subnet_of(char out[static SUBNET_MAX + 1], struct slice client,
    int ipv4_bits, int ipv6_bits);

#endif
