/* The network that a client's address belongs to. Pure; any thread. */
#ifndef WORKNET_API_SUBNET_H
#define WORKNET_API_SUBNET_H

#include "base/buf.h"
#include "base/limits.h"

/*
 * Writes the network of a client's address in CIDR notation: its first
 * ipv4_bits or ipv6_bits. "" for loopback and private addresses, which say
 * nothing about who is behind them, and for anything that isn't an address.
 */
void subnet_of(char out[static SUBNET_MAX + 1], struct slice remote_addr,
    int ipv4_bits, int ipv6_bits);

#endif
