/* Which addresses a check may connect to. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "http/target.h"
#include "t/unit/tap.h"

static bool
is_public(const char *text)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &sin.sin_addr) == 1)
		return target_is_public((void *)&sin, sizeof(sin));
	if (inet_pton(AF_INET6, text, &sin6.sin6_addr) != 1)
		abort();
	return target_is_public((void *)&sin6, sizeof(sin6));
}

static void
test_addresses(void)
{
	/* First and last of each block that isn't public. */
	static const char *const refused[] = { "0.0.0.0", "0.255.255.255",
		"10.0.0.0", "10.255.255.255", "100.64.0.0", "100.100.100.200",
		"100.127.255.255", "127.0.0.1", "127.255.255.255",
		"168.63.129.16", "169.254.0.0", "169.254.169.254",
		"169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0",
		"192.0.0.255", "192.0.2.1", "192.88.99.1", "192.168.0.0",
		"192.168.255.255", "198.18.0.0", "198.19.255.255",
		"198.51.100.1", "203.0.113.255", "224.0.0.1", "239.255.255.255",
		"240.0.0.0", "255.255.255.255", "::", "::1", "::2", "::7f00:1",
		"::8.8.8.8", "fc00::1", "fd00:ec2::254", "fdff:ffff::1",
		"fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1", "100::1",
		"64:ff9b:1::1", "64:ff9b:1::808:808", "2001::1", "2001:0:1::1",
		"2001:10::1", "2001:1ff:ffff::1", "2001:db8::1",
		"2001:db8:ffff::1", "2002::1", "2002:808:808::1",
		"2002:7f00:1::1", "3fff::1", "3fff:fff::1", "4000::1",
		"5f00::1", "1fff::1", "e000::1", "::ffff:127.0.0.1",
		"::ffff:10.1.2.3", "::ffff:0.0.0.0", "::ffff:169.254.169.254",
		"::ffff:100.64.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1",
		"64:ff9b::10.0.0.1", "64:ff9b::192.168.1.1",
		"64:ff9b::169.254.169.254", "64:ff9b::224.0.0.1" };
	static const char *const taken[] = { "1.0.0.0", "9.255.255.255",
		"11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
		"128.0.0.0", "168.63.129.15", "168.63.129.17",
		"169.253.255.255", "169.255.0.0", "172.15.255.255",
		"172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0",
		"192.88.98.255", "192.88.100.0", "192.167.255.255",
		"192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255",
		"198.51.101.0", "203.0.112.255", "203.0.114.0", "8.8.8.8",
		"223.255.255.255", "2000::1", "2001:200::1",
		"2001:4860:4860::8888", "2001:db7:ffff::1", "2001:db9::1",
		"2003::1", "2606:4700::1111", "2a00:1450::1", "3ffe::1",
		"3fff:1000::1", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8" };
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		tap_ok(!is_public(refused[i]), "%s isn't public", refused[i]);
	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		tap_ok(is_public(taken[i]), "%s is public", taken[i]);
}

static void
test_other_addresses(void)
{
	struct sockaddr_in sin = { .sin_family = AF_UNIX };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };

	sin.sin_addr.s_addr = htonl(0x08080808);
	tap_ok(!target_is_public((void *)&sin, sizeof(sin)) &&
		!target_is_any((void *)&sin, sizeof(sin)),
	    "an address of another family is never taken");
	sin.sin_family = AF_INET;
	tap_ok(target_is_public((void *)&sin, sizeof(sin)) &&
		!target_is_public((void *)&sin, sizeof(sin) - 1) &&
		!target_is_any((void *)&sin, 1),
	    "an IPv4 address that is cut off is never taken");
	tap_ok(target_is_any((void *)&sin6, sizeof(sin6)) &&
		!target_is_any((void *)&sin6, sizeof(sin6) - 1) &&
		!target_is_public((void *)&sin6, sizeof(sin)),
	    "nor is an IPv6 address");
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	tap_ok(target_is_any((void *)&sin, sizeof(sin)),
	    "loopback is one of any address");
}

int
main(void)
{
	test_addresses();
	test_other_addresses();
	return tap_done();
}
