/* The subnet that a client's address belongs to. Pure; any thread. */
#ifndef WORKNET_API_SUBNET_H
#define WORKNET_API_SUBNET_H

#include "base/buf.h"
#include "base/limits.h"

/*
 * Writes the /24 (IPv4) or /64 (IPv6) of a client's address in CIDR
 * notation. "" for loopback and private addresses, which say nothing about
 * who is behind them, and for anything that isn't an address.
 */
void subnet_of(char out[static SUBNET_MAX + 1], struct slice remote_addr);

#endif
