/* The network that a client's address belongs to. Pure; any thread. */
#ifndef WORKNET_API_NETWORK_H
#define WORKNET_API_NETWORK_H

#include "base/buf.h"
#include "base/limits.h"

/*
 * Writes the /24 (IPv4) or /64 (IPv6) of a client's address in CIDR
 * notation. "" for loopback and private addresses, which say nothing about
 * who is behind them, and for anything that isn't an address.
 */
void network_of(char out[static PREFIX_MAX + 1], struct slice remote_addr);

#endif
