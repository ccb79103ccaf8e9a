#!/bin/sh
# What packages.sh does with the packages inside the root: from the installation
# to the purge.
set -u
. /root/inside.lib

is "the packages are installed" dpkg -i /root/old/*.deb
# What is earned can be paid at once.
printf '[honesty]\nmaturity_new_ms = 0\n' >>/etc/worknet/worknet.conf
is "and do what they are for" sh /root/install
is "a worker has earned something" [ \
    "$(asked 'SELECT sum(balance_micros) > 0 FROM account WHERE id > 3')" = 1 ]
echo '; what the operator wrote' >>/etc/worknet/worknet.conf
echo '; and here' >>/etc/worknet/payout.conf
schema=$(asked 'PRAGMA user_version')
sums() { sha256sum /etc/worknet/*; stat -c '%n %U:%G:%a' /etc/worknet/* $ledger; }
sum=$(sums)
is "installed twice" dpkg -i /root/old/*.deb
is "all is as it was" [ "$(sums)" = "$sum" ]
is "and the ledger" worknet audit

# A payout that is in flight all the time from now on.
payee=$(asked 'SELECT address FROM worker ORDER BY id DESC LIMIT 1')
is "a payout is sent" sh -c "printf 'reserve %s 40\nsign 1\nsubmit 1 %s\n' \
    $payee http://f.example/ | runuser -u worknet -- make_payouts --db $ledger"

# ---- Units, where systemd is this release's ----

is "systemd finds nothing wrong with the units" sh -c '
	said=$(systemd-analyze --man=no verify $(dpkg -L worknet worknet-payout |
	    grep "^.*/system/[^@]*$") 2>&1)
	echo "$said"
	[ -z "$said" ]'
for unit in $(dpkg -L worknet worknet-payout worknet-worker |
    sed -n 's|.*/system/\(.*\.service\)$|\1|p'); do
	case $unit in
	worknet-alert.* | worknet-archive.* | worknet-payout.* | \
	    worknet-upload.* | worknet-worker@.*)	worst=1.5 ;;
	*)						worst=1.0 ;;
	esac
	is "$unit is exposed by $worst at most" systemd-analyze security \
	    --offline=true --no-pager --threshold=${worst%.*}${worst#*.} \
	    "$(dpkg -L worknet worknet-payout worknet-worker |
		grep "/system/$unit\$")"
done

# ---- An upgrade, at first without room for the copy ----

mount -t tmpfs -o size=64k,uid="$(id -u worknet)",mode=0700 tmpfs \
    /var/backups/worknet
fails "an upgrade without room for a copy fails" dpkg -i /root/next/*.deb
says "it says why" 'free space\|No space left'
says "and that nothing has changed" "isn't upgraded: version 0"
is "which is so" version_is "$schema"
is "and the old program works" worknet audit
umount /var/backups/worknet

# ---- Then with a migration that fails: a table is in its way ----

asked 'CREATE TABLE assignment_before (x)'
fails "an upgrade whose migration fails says so" dpkg -i /root/next/*.deb
says "by why" 'assignment_before'
says "and by what to do" 'the ledger was left as it is.*install version 0'
is "the ledger is as it was" version_is "$schema"
is "copies are made of it" runuser -u worknet -- worknet backup \
    /var/backups/worknet
is "the version before can be installed again" dpkg -i /root/old/*.deb
asked 'DROP TABLE assignment_before'
is "and works" worknet audit
is "with what the operator wrote" [ "$(sums)" = "$sum" ]

rm -f /var/backups/worknet/*
is "with nothing in its way it is upgraded" dpkg -i /root/next/*.deb
is "the ledger is the next version's" version_is $((schema + 1))
is "and the copy of it before that" sh -c \
    "sqlite3 /var/backups/worknet/ledger-*.db 'PRAGMA user_version' | grep -q '^$schema\$'"
is "nothing is off" worknet audit --signatures
is "what the operator wrote stays, and whose it is" [ "$(sums)" = "$sum" ]
fails "the version before doesn't go back" dpkg -i /root/old/worknet_*.deb
says "it says why" 'use the newer program'
is "the next one takes over again" dpkg -i /root/next/*.deb
is "and works" worknet audit

# ---- Removed ----

dpkg -r worknet-payout worknet worknet-worker >/root/said 2>&1
says "who removes them is told what is owed" 'owed in all: *0\.000[0-9]*[1-9]'
says "and that somebody isn't paid yet" 'open payouts: *1'
says "and how much that is" 'in flight: *0\.000040'
says "and what stays" '/var/lib/worknet stays until'
is "the ledger stays" [ -s $ledger ]
is "and the configurations" [ "$(sums)" = "$sum" ]
is "nothing stays in /run" [ -z "$(find /run -name 'worknet*')" ]
is "installed again" dpkg -i /root/next/*.deb
is "it finds all as it was" worknet audit
is "and what the operator wrote" [ "$(sums)" = "$sum" ]

# ---- Purged ----

is "purged" dpkg -P worknet-payout worknet worknet-worker
cp $log /root/said
says "it says what stays" '/var/backups/worknet stays'
# Keys may be the only ones, as copies may be, and the log's name is its key's;
# the users stay, whose these are.
everything | sort | comm -13 /root/before - |
    grep -v '^/var/backups/worknet\|^/var/lib/worknet-log' >/root/said
is "nothing else is left but keys" sh -c 'cat /root/said
    [ "$(paste -sd " " /root/said)" = "/etc/worknet $(echo /etc/worknet/*.key)" ]'
is "copies of the ledger" sh -c 'ls /var/backups/worknet/*.db'
is "and the log" [ -s /var/lib/worknet-log/log.key ]
is "what was there is still there" [ -z "$(everything | sort |
    comm -23 /root/before -)" ]
exit $failed
