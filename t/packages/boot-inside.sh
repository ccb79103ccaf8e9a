#!/bin/sh
# What boot.sh does in the root that it has booted. Prints "ok NAME" or "not ok
# NAME", and "end" at last.
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

said=/root/said

# Runs a command; what it says is shown if it fails.
is() {
	name=$1
	shift
	if "$@" >"$said" 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name"
		tail -n 15 "$said" | sed 's/^/# /'
	fi
}
# The same, once it is so: a minute and a half at most.
becomes() {
	name=$1
	shift
	for second in $(seq 90); do
		"$@" >"$said" 2>&1 && break
		sleep 1
	done
	is "$name" "$@"
}
property() { [ "$(systemctl show -P "$2" "$1")" "$3" "$4" ]; }
answers() { [ "$(curl -s -m 20 http://worknet.test/api/health)" = \
    '{"status":"ok"}' ]; }
# with UNIT LINES: what an operator would type into systemctl edit.
with() {
	mkdir -p "/etc/systemd/system/$1.d"
	printf "$2" >"/etc/systemd/system/$1.d/test.conf"
	systemctl daemon-reload
}

# ---- Load: requests by four clients, the status of each a line ----

load_begin() {
	rm -f /root/loads.*
	touch /root/load
	for client in 1 2 3 4; do
		while [ -e /root/load ]; do
			curl -s -m 60 -o /dev/null -w '%{http_code}\n' \
			    http://worknet.test/api/health
		done >"/root/loads.$client" &
	done
}
load_end() {
	sleep 1
	rm /root/load
	wait
	cat /root/loads.* | sort | uniq -c >/root/loaded
}
# Every one of many was answered so.
all_were() {
	grep -q '[0-9][0-9] 200$' /root/loaded &&
	    ! grep -qvE "[0-9] ($1)\$" /root/loaded || {
		cat /root/loaded
		false
	}
}

# ---- Installed: what is to run runs ----

is "the packages are installed" dpkg -i /root/old/worknet*.deb
is "the socket listens" systemctl is-active worknet.socket
is "the coordinator runs" systemctl is-active worknet.service
for timer in backup audit; do
	is "the $timer timer is on" systemctl is-active worknet-$timer.timer
done
is "nobody is paid before the operator says so" [ \
    "$(systemctl is-enabled worknet-payout.timer)" = disabled ]
sed s/HOST/worknet.test/ /usr/share/doc/worknet/examples/nginx/worknet.conf \
    >/etc/nginx/sites-available/worknet
ln -sf ../sites-available/worknet /etc/nginx/sites-enabled/worknet
is "nginx takes its site" systemctl restart nginx
becomes "it answers behind nginx" answers
is "and shuts itself in, which its unit allows" sh -c \
    'worknet doctor | grep -E "shut in by .*seccomp .only [0-9]+ system calls"'

# ---- A worker, by its template ----

printf '[worker]\ncoordinator = http://worknet.test/api\nregion = unknown\nkey_file = worker.key\nallow_private = yes\n' \
    >/etc/worknet/worker-home.conf
printf '[worker]\nallow_private = yes\n[admission]\nstanding_results = 0\n' \
    >>/etc/worknet/worknet.conf
is "it reads its configuration again" systemctl reload worknet
is "a key is made" worknet-worker --new-key /etc/worknet/worker-home.key
is "a task is added" worknet task add home --url \
    http://worknet.test/api/health --interval 1s --cooldown 0s --copies 9
is "the worker's unit starts" systemctl enable --now worknet-worker@home
becomes "and earns" sh -c "worknet worker list --json |
    grep '\"owedMicros\":[[:space:]]*[1-9]'"

# ---- What the operator turns on ----

optional='alert archive log metrics upload payout'
for name in $optional; do
	is "the $name timer is turned on" systemctl enable --now \
	    worknet-$name.timer
done
# What runs of a unit is what is installed.
program_is_new() {
	! readlink "/proc/$(systemctl show -P MainPID "$1")/exe" |
	    grep deleted
}

# ---- Restarts, an upgrade ----

load_begin
for time in 1 2 3 4 5; do
	sleep 1
	systemctl restart worknet || echo "# a restart failed"
done
load_end
is "five restarts under load lose no request" all_were 200
load_begin
sleep 1
systemctl kill -s KILL worknet
sleep 3
load_end
is "a coordinator that is killed is back" answers
sed 's/^/# killed: /' /root/loaded
sqlite3 /var/lib/worknet/ledger.db 'CREATE TABLE assignment_before (x)'
load_begin
sleep 1
is "a migration fails" sh -c '! dpkg -i /root/next/worknet*.deb'
load_end
is "the coordinator goes on as the older version" all_were 200
rm -f /var/backups/worknet/*.db
systemctl start worknet-backup.service
# The unit fails: hours aren't counted, which is for the newer ledger.
is "and copies are made" sh -c 'ls /var/backups/worknet/ledger-*.db'
is "the older version is installed again" dpkg -i /root/old/worknet*.deb
is "and answers" answers
sqlite3 /var/lib/worknet/ledger.db 'DROP TABLE assignment_before'
load_begin
sleep 1
is "it is upgraded under load" dpkg -i /root/next/worknet*.deb
load_end
# While its ledger is migrated the coordinator says when to come again.
is "no request is lost by that" all_were '200|503'
sed 's/^/# upgraded: /' /root/loaded
becomes "the next version serves" answers
is "with the next version's ledger" sh -c \
    'worknet status >/dev/null && ! systemctl is-failed worknet'

for name in backup audit $optional; do
	is "the $name timer goes on" systemctl is-active worknet-$name.timer
done
is "the worker goes on" systemctl is-active worknet-worker@home
is "as the next version" program_is_new worknet-worker@home

# ---- Timers ----

rm -f /var/backups/worknet/*.db
with worknet-backup.timer '[Timer]\nRandomizedDelaySec=0\n'
systemctl stop worknet-backup.timer
touch -d '3 hours ago' /var/lib/systemd/timers/stamp-worknet-backup.timer
systemctl start worknet-backup.timer
becomes "a backup that was missed is made up for" sh -c \
    'ls /var/backups/worknet/ledger-*.db'
becomes "and ends well" property worknet-backup.service Result = success
becomes "which it tells" grep -q 'success{run="backup"} 1' \
    /run/worknet-run/backup/worknet-backup.prom
becomes "each minute metrics are written" test -s \
    /run/worknet-metrics/worknet.prom
is "the audit finds nothing" systemctl start worknet-audit.service

# ---- A unit that fails ----

cat >/etc/systemd/system/told@.service <<-EOF2
	[Service]
	Type=oneshot
	ExecStart=/bin/touch /root/told-%i
EOF2
with worknet-backup.service '[Unit]\nOnFailure=told@%%n.service\n'
mount -t tmpfs -o size=64k,uid="$(id -u worknet)",mode=0700 tmpfs \
    /var/backups/worknet
systemctl start worknet-backup.service >/dev/null 2>&1
becomes "OnFailure= tells of a backup that can't be" test -e \
    /root/told-worknet-backup.service
becomes "and so do the numbers for node_exporter" grep -q \
    'success{run="backup"} 0' /run/worknet-run/backup/worknet-backup.prom
umount /var/backups/worknet

# ---- A coordinator that hangs ----

with worknet.service '[Service]\nWatchdogSec=3\nTimeoutAbortSec=2\n'
systemctl restart worknet
before=$(systemctl show -P NRestarts worknet)
systemctl kill -s STOP worknet
becomes "the watchdog ends one that stands still" property worknet NRestarts \
    -gt "$before"
becomes "and it serves again" answers

# ---- The end ----

is "a payout run without a key says so" sh -c \
    '! systemctl start worknet-payout && journalctl -u worknet-payout |
    tee /dev/stderr | grep -qi "credential\|treasury"'
is "nothing that the coordinator needs was refused" sh -c \
    '! journalctl -u worknet | grep "refused: system call"'
is "nor was anything of all units" sh -c \
    '! journalctl | grep "SECCOMP\|status=31/SYS"'
is "they are removed" dpkg -r worknet-payout worknet worknet-worker
is "and nothing of them runs" sh -c \
    'systemctl list-units --no-legend "worknet*" | tee /dev/stderr |
    grep -v " failed " | grep . && exit 1 || exit 0'
is "nor is in /run" [ -z "$(find /run -path /run/systemd -prune -o \
    -name 'worknet*' -print)" ]
is "they are purged" dpkg -P worknet-payout worknet worknet-worker
# The operator's own: a unit's settings, and keys.
find /etc /var -name '*worknet*' -not -path '/var/log/*' |
    grep -v '/var/backups/worknet\|/nginx/\|service.d$\|timer.d$' >$said.left
is "nothing of them is left but a place for keys" sh -c 'cat $1.left
    [ "$(paste -sd " " $1.left)" = /etc/worknet ]' sh $said
echo end
