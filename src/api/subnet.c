#include "api/subnet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Clears what follows the first bits of n bytes. */
static void
bits_keep(uint8_t *a, int n, int bits)
{
	int i, left;

	for (i = 0; i < n; i++) {
		left = bits - 8 * i;
		if (left <= 0)
			a[i] = 0;
		else if (left < 8)
			a[i] &= (uint8_t)(0xff << (8 - left));
	}
}

/* RFC 1122 loopback, RFC 1918 private. */
static bool
is_private(const uint8_t a[static 4])
{
	return a[0] == 127 || a[0] == 10 ||
	    (a[0] == 172 && (a[1] & 0xf0) == 16) ||
	    (a[0] == 192 && a[1] == 168);
}

static void
subnet_of_v4(
    char out[static SUBNET_MAX + 1], const uint8_t addr[static 4], int bits)
{
	uint8_t a[4];

	if (is_private(addr))
		return;
	memcpy(a, addr, sizeof(a));
	bits_keep(a, 4, bits);
	(void)snprintf(out, SUBNET_MAX + 1, "%d.%d.%d.%d/%d", a[0], a[1], a[2],
	    a[3], bits);
}

static void
subnet_of_v6(
    char out[static SUBNET_MAX + 1], const struct in6_addr *a, int bits)
{
	struct in6_addr net = *a;
	char text[INET6_ADDRSTRLEN];

	/* RFC 4193 unique local, RFC 4291 link-local and loopback. */
	if (IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_LINKLOCAL(a) ||
	    (a->s6_addr[0] & 0xfe) == 0xfc)
		return;
	bits_keep(net.s6_addr, 16, bits);
	if (inet_ntop(AF_INET6, &net, text, sizeof(text)) != NULL)
		(void)snprintf(out, SUBNET_MAX + 1, "%s/%d", text, bits);
}

/* RFC 4291 IPv4-mapped, RFC 3056 6to4, RFC 4380 Teredo, RFC 6052 NAT64. */
static bool
embedded_v4(uint8_t out[static 4], const struct in6_addr *a)
{
	static const uint8_t six_to_four[2] = { 0x20, 0x02 },
			     teredo[4] = { 0x20, 0x01 },
			     nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	const uint8_t *b = a->s6_addr;
	int i;

	memcpy(out, b + 12, 4);
	if (IN6_IS_ADDR_V4MAPPED(a) || memcmp(b, nat64, sizeof(nat64)) == 0)
		return true;
	for (i = 0; i < 4; i++)
		out[i] = (uint8_t)~b[12 + i];
	if (memcmp(b, teredo, sizeof(teredo)) == 0)
		return true;
	memcpy(out, b + 2, 4);
	return memcmp(b, six_to_four, sizeof(six_to_four)) == 0;
}

struct slice
subnet_client(char out[static SUBNET_MAX + 1], struct slice remote_addr)
{
	struct in6_addr v6;
	uint8_t v4[4];

	if (remote_addr.len > SUBNET_MAX)
		return slice_of("");
	memcpy(out, remote_addr.p, remote_addr.len);
	out[remote_addr.len] = '\0';
	if (inet_pton(AF_INET6, out, &v6) == 1 && embedded_v4(v4, &v6) &&
	    (IN6_IS_ADDR_V4MAPPED(&v6) || !is_private(v4)))
		(void)snprintf(out, SUBNET_MAX + 1, "%d.%d.%d.%d", v4[0], v4[1],
		    v4[2], v4[3]);
	return slice_of(out);
}

void
subnet_of(char out[static SUBNET_MAX + 1], struct slice client, int ipv4_bits,
    int ipv6_bits)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr v6;
	uint8_t v4[4];

	out[0] = '\0';
	if (client.len >= sizeof(text))
		return;
	memcpy(text, client.p, client.len);
	text[client.len] = '\0';
	if (inet_pton(AF_INET, text, v4) == 1)
		subnet_of_v4(out, v4, ipv4_bits);
	else if (inet_pton(AF_INET6, text, &v6) == 1)
		subnet_of_v6(out, &v6, ipv6_bits);
}
