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

static void
subnet_of_v4(
    char out[static SUBNET_MAX + 1], const uint8_t addr[static 4], int bits)
{
	uint8_t a[4];

	memcpy(a, addr, sizeof(a));
	/* RFC 1122 loopback, RFC 1918 private. */
	if (a[0] == 127 || a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
	    (a[0] == 192 && a[1] == 168))
		return;
	bits_keep(a, 4, bits);
	(void)snprintf(out, SUBNET_MAX + 1, "%d.%d.%d.%d/%d", a[0], a[1], a[2],
	    a[3], bits);
}

static void
subnet_of_v6(char out[static SUBNET_MAX + 1], const struct in6_addr *a,
    int ipv4_bits, int bits)
{
	struct in6_addr net = *a;
	char text[INET6_ADDRSTRLEN];

	if (IN6_IS_ADDR_V4MAPPED(a)) {
		subnet_of_v4(out, &a->s6_addr[12], ipv4_bits);
		return;
	}
	/* RFC 4193 unique local, RFC 4291 link-local and loopback. */
	if (IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_LINKLOCAL(a) ||
	    (a->s6_addr[0] & 0xfe) == 0xfc)
		return;
	bits_keep(net.s6_addr, 16, bits);
	if (inet_ntop(AF_INET6, &net, text, sizeof(text)) != NULL)
		(void)snprintf(out, SUBNET_MAX + 1, "%s/%d", text, bits);
}

void
subnet_of(char out[static SUBNET_MAX + 1], struct slice remote_addr,
    int ipv4_bits, int ipv6_bits)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr v6;
	uint8_t v4[4];

	out[0] = '\0';
	if (remote_addr.len >= sizeof(text))
		return;
	memcpy(text, remote_addr.p, remote_addr.len);
	text[remote_addr.len] = '\0';
	if (inet_pton(AF_INET, text, v4) == 1)
		subnet_of_v4(out, v4, ipv4_bits);
	else if (inet_pton(AF_INET6, text, &v6) == 1)
		subnet_of_v6(out, &v6, ipv4_bits, ipv6_bits);
}
