#include "api/subnet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static void
subnet_of_v4(char out[static SUBNET_MAX + 1], const uint8_t a[static 4])
{
	/* RFC 1122 loopback, RFC 1918 private. */
	if (a[0] == 127 || a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
	    (a[0] == 192 && a[1] == 168))
		return;
	(void)snprintf(out, SUBNET_MAX + 1, "%d.%d.%d.0/24", a[0], a[1], a[2]);
}

static void
subnet_of_v6(char out[static SUBNET_MAX + 1], const struct in6_addr *a)
{
	struct in6_addr net = *a;
	char text[INET6_ADDRSTRLEN];

	if (IN6_IS_ADDR_V4MAPPED(a)) {
		subnet_of_v4(out, &a->s6_addr[12]);
		return;
	}
	/* RFC 4193 unique local, RFC 4291 link-local and loopback. */
	if (IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_LINKLOCAL(a) ||
	    (a->s6_addr[0] & 0xfe) == 0xfc)
		return;
	memset(&net.s6_addr[8], 0, 8);
	if (inet_ntop(AF_INET6, &net, text, sizeof(text)) != NULL)
		(void)snprintf(out, SUBNET_MAX + 1, "%s/64", text);
}

void
subnet_of(char out[static SUBNET_MAX + 1], struct slice remote_addr)
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
		subnet_of_v4(out, v4);
	else if (inet_pton(AF_INET6, text, &v6) == 1)
		subnet_of_v6(out, &v6);
}
