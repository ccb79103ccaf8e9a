/*
 * Which network addresses a check may connect to. Tasks come from strangers,
 * so a worker must not be a way into its own host or network, nor to the
 * metadata services of its cloud. Any thread.
 */
#ifndef WORKNET_HTTP_TARGET_H
#define WORKNET_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/socket.h>

/*
 * A policy: whether a connection to the len bytes at sa may be opened. It is
 * asked with the very address that is about to be connected, after names
 * were resolved, for each connection of each redirect.
 */
typedef bool target_fn(const struct sockaddr *sa, size_t len);

/*
 * True for a global unicast address of IPv4 or IPv6. False for everything
 * that the IANA special-purpose registries (RFC 6890) keep from the public
 * Internet: loopback, private, link-local, shared (RFC 6598), documentation,
 * benchmarking, multicast, reserved, unspecified; for IPv4 inside IPv6 that
 * is any of these (mapped, NAT64), for forms nobody uses any more
 * (compatible, 6to4, Teredo); for other families and a short len.
 *
 * It can't know a firewall's inside with public addresses, or a network's own
 * NAT64 prefix. A pure function.
 */
target_fn target_is_public;

/*
 * True for a public address that is neither one of this host nor on one of
 * its links, by the addresses and prefixes that its interfaces have now: the
 * /64 of an IPv6 address, were its prefix ever so long, since a neighbour is
 * in there. False when the interfaces can't be read.
 */
target_fn target_is_outside;

/* True for loopback and for each address of this host's own interfaces. */
target_fn target_is_here;

/* True for every address of IPv4 and IPv6. */
target_fn target_is_any;

#endif
