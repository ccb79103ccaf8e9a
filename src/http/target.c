#include "http/target.h"

#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#define IP4(a, b, c, d)                                                   \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | \
	    (uint32_t)(d))

struct block4 {
	uint32_t net;
	unsigned bits;
};

struct block6 {
	uint8_t net[16];
	unsigned bits;
};

static const struct block4 refused4[] = {
	{ IP4(0, 0, 0, 0), 8 },	       /* this host (RFC 1122) */
	{ IP4(10, 0, 0, 0), 8 },       /* private (RFC 1918) */
	{ IP4(100, 64, 0, 0), 10 },    /* shared, CGNAT (RFC 6598) */
	{ IP4(127, 0, 0, 0), 8 },      /* loopback (RFC 1122) */
	{ IP4(168, 63, 129, 16), 32 }, /* Azure's host, from inside only */
	{ IP4(169, 254, 0, 0), 16 },   /* link-local, cloud metadata */
	{ IP4(172, 16, 0, 0), 12 },    /* private (RFC 1918) */
	{ IP4(192, 0, 0, 0), 24 },     /* IETF protocols, DS-Lite */
	{ IP4(192, 0, 2, 0), 24 },     /* documentation (RFC 5737) */
	{ IP4(192, 88, 99, 0), 24 },   /* 6to4 relays (RFC 7526) */
	{ IP4(192, 168, 0, 0), 16 },   /* private (RFC 1918) */
	{ IP4(198, 18, 0, 0), 15 },    /* benchmarking (RFC 2544) */
	{ IP4(198, 51, 100, 0), 24 },  /* documentation (RFC 5737) */
	{ IP4(203, 0, 113, 0), 24 },   /* documentation (RFC 5737) */
	{ IP4(224, 0, 0, 0), 4 },      /* multicast (RFC 5771) */
	{ IP4(240, 0, 0, 0), 4 },      /* reserved, and broadcast */
};

/* IPv6 that holds an IPv4 address in its last four bytes; mapped is first. */
static const struct block6 carriers[] = {
	{ { [10] = 0xff, 0xff }, 96 },	    /* mapped (RFC 4291) */
	{ { 0x00, 0x64, 0xff, 0x9b }, 96 }, /* NAT64 (RFC 6052) */
};

/* All of IPv6 that is global unicast (RFC 4291, section 2.4). */
static const struct block6 global6 = { { 0x20 }, 3 };

/* And what inside of it isn't. */
static const struct block6 refused6[] = {
	{ { 0x20, 0x01 }, 23 },		    /* IETF protocols, Teredo, ORCHID */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation (RFC 3849) */
	{ { 0x20, 0x02 }, 16 },		    /* 6to4 (RFC 3056) */
	{ { 0x3f, 0xff }, 20 },		    /* documentation (RFC 9637) */
};

static bool
in_block4(uint32_t addr, const struct block4 *b)
{
	return (addr ^ b->net) >> (32 - b->bits) == 0;
}

static bool
in_block6(const uint8_t addr[static 16], const struct block6 *b)
{
	unsigned bytes = b->bits / 8, rest = b->bits % 8;

	if (memcmp(addr, b->net, bytes) != 0)
		return false;
	return rest == 0 || (addr[bytes] ^ b->net[bytes]) >> (8 - rest) == 0;
}

static bool
is_public4(uint32_t addr)
{
	size_t i;

	for (i = 0; i < sizeof(refused4) / sizeof(refused4[0]); i++)
		if (in_block4(addr, &refused4[i]))
			return false;
	return true;
}

static bool
is_public6(const uint8_t addr[static 16])
{
	size_t i;

	for (i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++)
		if (in_block6(addr, &carriers[i]))
			return is_public4(
			    IP4(addr[12], addr[13], addr[14], addr[15]));
	if (!in_block6(addr, &global6))
		return false;
	for (i = 0; i < sizeof(refused6) / sizeof(refused6[0]); i++)
		if (in_block6(addr, &refused6[i]))
			return false;
	return true;
}

bool
target_is_any(const struct sockaddr *sa, size_t len)
{
	if (len < sizeof(sa->sa_family))
		return false;
	return (sa->sa_family == AF_INET &&
		   len >= sizeof(struct sockaddr_in)) ||
	    (sa->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6));
}

bool
target_is_public(const struct sockaddr *sa, size_t len)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	if (!target_is_any(sa, len))
		return false;
	if (sa->sa_family == AF_INET) {
		memcpy(&sin, sa, sizeof(sin));
		return is_public4(ntohl(sin.sin_addr.s_addr));
	}
	memcpy(&sin6, sa, sizeof(sin6));
	return is_public6(sin6.sin6_addr.s6_addr);
}

/* ---- This host's own addresses ---- */

#define LINK6_BYTES 8 /* RFC 4291, section 2.5.1: a link has a /64 */

/* An IP address in 16 bytes; IPv4 is mapped (RFC 4291, section 2.5.5.2). */
struct ip {
	uint8_t b[16];
};

static bool
ip_read(struct ip *out, const struct sockaddr *sa)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	if (sa == NULL)
		return false;
	if (sa->sa_family == AF_INET6) {
		memcpy(&sin6, sa, sizeof(sin6));
		memcpy(out->b, sin6.sin6_addr.s6_addr, sizeof(out->b));
		return true;
	}
	if (sa->sa_family != AF_INET)
		return false;
	memcpy(&sin, sa, sizeof(sin));
	*out = (struct ip){ { [10] = 0xff, 0xff } };
	memcpy(out->b + 12, &sin.sin_addr, 4);
	return true;
}

/* True when a is on the link of an interface with this address and mask. */
static bool
is_on_link(const struct ip *a, const struct ifaddrs *i)
{
	struct ip own, peer, mask;
	bool is4;
	size_t n;

	/* The other end of a tunnel; elsewhere it's the broadcast address. */
	if (ip_read(&peer, i->ifa_dstaddr) &&
	    memcmp(&peer, a, sizeof(peer)) == 0)
		return true;
	if (!ip_read(&own, i->ifa_addr) || !ip_read(&mask, i->ifa_netmask))
		return false;
	is4 = i->ifa_addr->sa_family == AF_INET;
	if (is4 != in_block6(a->b, &carriers[0]))
		return false;
	if (is4)
		memset(mask.b, 0xff, 12);
	else
		memset(mask.b + LINK6_BYTES, 0, LINK6_BYTES);
	for (n = 0; n < sizeof(a->b); n++)
		if (((a->b[n] ^ own.b[n]) & mask.b[n]) != 0)
			return false;
	return true;
}

static bool
is_own(const struct ip *a, const struct ifaddrs *i)
{
	struct ip own;

	return ip_read(&own, i->ifa_addr) && memcmp(&own, a, sizeof(own)) == 0;
}

/* Whether any interface has a, as has says. *known: they could be read. */
static bool
any_interface(const struct sockaddr *sa, bool *known,
    bool (*has)(const struct ip *, const struct ifaddrs *))
{
	struct ifaddrs *all = NULL, *i;
	bool found = false;
	struct ip a;
	size_t n;

	*known = ip_read(&a, sa) && getifaddrs(&all) == 0;
	if (!*known)
		return false;
	for (n = 0; n < sizeof(carriers) / sizeof(carriers[0]); n++)
		if (in_block6(a.b, &carriers[n]))
			memcpy(a.b, carriers[0].net, 12);
	for (i = all; i != NULL && !found; i = i->ifa_next)
		found = has(&a, i);
	freeifaddrs(all);
	return found;
}

bool
target_is_outside(const struct sockaddr *sa, size_t len)
{
	bool known;

	return target_is_public(sa, len) &&
	    !any_interface(sa, &known, is_on_link) && known;
}

static bool
is_loopback(const struct sockaddr *sa)
{
	static const struct ip loopback6 = { { [15] = 1 } },
			       mapped = { { [10] = 0xff, 0xff, 127 } };
	struct ip a;

	return ip_read(&a, sa) &&
	    (memcmp(&a, &loopback6, sizeof(a)) == 0 ||
		memcmp(&a, &mapped, 13) == 0);
}

bool
target_is_here(const struct sockaddr *sa, size_t len)
{
	bool known;

	return target_is_any(sa, len) &&
	    (is_loopback(sa) || any_interface(sa, &known, is_own));
}
