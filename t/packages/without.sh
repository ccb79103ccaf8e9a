#!/bin/sh
# What packages.sh does in a root without systemd, as a container is: users and
# directories come of programs that are alone in their packages, and everything
# is started by who is there.
set -u
. /root/inside.lib

is "systemd is taken away" sh -c 'dpkg -P --force-depends \
    $(dpkg-query -W -f "\${binary:Package} \${db:Status-Abbrev}\n" |
    sed -n "s/^\(systemd[^ ]*\|libpam-systemd[^ ]*\|dbus-user-session[^ ]*\) ii.*/\1/p") &&
    dpkg -i /root/without/*.deb'
is "and isn't there" sh -c '! command -v systemctl systemd-analyze'
is "the packages are installed" dpkg -i /root/old/*.deb
is "and do what they are for" sh /root/install
is "removed" dpkg -r worknet-payout worknet worknet-worker
is "installed again" dpkg -i /root/old/*.deb
is "it finds all as it was" worknet audit --signatures
is "it is upgraded" dpkg -i /root/next/*.deb
is "and purged" dpkg -P worknet-payout worknet worknet-worker
is "without the ledger" [ ! -e /var/lib/worknet ]

# ---- A worker alone ----

is "a worker's package needs no other" dpkg -i /root/old/worknet-worker_*.deb
is "its key has a place" worknet-worker --new-key /etc/worknet/worker-alone.key
is "purged" dpkg -P worknet-worker
is "which is left" [ -s /etc/worknet/worker-alone.key ]
exit $failed
