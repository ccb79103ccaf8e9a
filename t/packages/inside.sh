#!/bin/sh
# What packages.sh does with the packages inside the root, where this is
# process 1's only child. Prints "ok NAME" or "not ok NAME".
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

ledger=/var/lib/worknet/ledger.db
log=/root/log
failed=0

# Runs a command; its output goes to $log.
is() {
	name=$1
	shift
	if "$@" >"$log" 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name"
		sed 's/^/# /' "$log"
		failed=1
	fi
}
# A program that ends may still have the ledger for a moment.
asked() { sqlite3 -cmd '.timeout 60000' $ledger "$1"; }
says() { name=$1; shift; is "$name" grep -q -e "$1" /root/said; }
version_is() { [ "$(asked 'PRAGMA user_version')" = "$1" ]; }
mode_is() { [ "$(stat -c %U:%G:%a "$1")" = "$2" ]; }

# The interface's flags: loopback goes up.
perl -e 'use Socket; socket(my $s, AF_INET, SOCK_DGRAM, 0) or die;
    my $up = pack("Z16sx22", "lo", 0x41); ioctl($s, 0x8914, $up) or die $!'
# No service manager runs here, and nothing else may start one.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d

is "the packages are installed" dpkg -i /root/old/worknet_*.deb \
    /root/old/worknet-payout_*.deb /root/old/worknet-worker_*.deb
is "and do what they are for" sh /root/install
is "a worker has earned something" [ \
    "$(asked 'SELECT sum(balance_micros) > 0 FROM account WHERE id > 3')" = 1 ]
echo '; what the operator wrote' >>/etc/worknet/worknet.conf
echo '; and here' >>/etc/worknet/payout.conf
printf '%064d\n' 1 >/etc/worknet/treasury.key
chown worknet-payout /etc/worknet/treasury.key
chmod 0600 /etc/worknet/treasury.key
schema=$(asked 'PRAGMA user_version')
sum=$(sha256sum </etc/worknet/worknet.conf)

# ---- An upgrade, at first without room for the copy ----

mount -t tmpfs -o size=64k,uid="$(id -u worknet)",mode=0700 tmpfs \
    /var/backups/worknet
if dpkg -i /root/next/*.deb >/root/said 2>&1; then
	echo "not ok an upgrade without room for a copy fails"
	failed=1
else
	echo "ok an upgrade without room for a copy fails"
fi
says "it says why" 'free space\|No space left'
says "and that nothing has changed" 'nothing was upgraded: version 0'
is "which is so" version_is "$schema"
is "and the old program works" worknet audit
umount /var/backups/worknet
is "with room it is upgraded" dpkg -i /root/next/worknet_*.deb \
    /root/next/worknet-payout_*.deb /root/next/worknet-worker_*.deb
is "the ledger is the next version's" version_is $((schema + 1))
is "and the copy of it before that" sh -c \
    "sqlite3 /var/backups/worknet/ledger-*.db 'PRAGMA user_version' | grep -q '^$schema\$'"
is "nothing is off" worknet audit --signatures
is "the ledger is whose it was" mode_is $ledger worknet:worknet:660
is "what the operator wrote stays" [ \
    "$(sha256sum </etc/worknet/worknet.conf)" = "$sum" ]

# ---- Removed ----

dpkg -r worknet-payout worknet >/root/said 2>&1
says "who removes them is told what is owed" 'owed in all: *0\.000[1-9]'
says "and what is in flight" 'open payouts: *0'
says "and what stays" '/var/lib/worknet stays until'
is "the ledger stays" [ -s $ledger ]
is "and the configurations" [ -s /etc/worknet/payout.conf ]
is "installed again" dpkg -i /root/next/worknet_*.deb \
    /root/next/worknet-payout_*.deb
is "it finds all as it was" worknet audit
is "what the operator wrote is still there" grep -q 'and here' \
    /etc/worknet/payout.conf

# ---- Purged ----

is "purged" dpkg -P worknet-payout worknet worknet-worker
is "the ledger is gone" [ ! -e /var/lib/worknet ]
is "and the journal of what was signed" [ ! -e /var/lib/worknet-payout ]
is "and the configurations" [ ! -e /etc/worknet/worknet.conf -a \
    ! -e /etc/worknet/payout.conf ]
is "the treasury's key isn't: it may be the only one" [ \
    -s /etc/worknet/treasury.key ]
is "nor are the copies of the ledger" sh -c 'ls /var/backups/worknet/*.db'
exit $failed
