#!/bin/sh
# The packages where systemd runs: a root is booted in a container, and what
# boot-inside.sh does in there are restarts and an upgrade under load, timers
# that strike, a unit that fails, a coordinator that hangs, and a worker that
# earns, each by its unit as it is installed.
#
# Prints TAP. Takes what packages.sh makes: WN_DEBS and WN_NEXT_DEBS, with the
# packages and those of a next version, and WN_ROOT_TAR, a root with what they
# depend on. For root, with systemd-nspawn; two minutes.
set -u

src=$(cd "${srcdir:-.}" && pwd)
if ! command -v systemd-nspawn >/dev/null || [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root and systemd-nspawn"
	exit 0
fi
work=$(mktemp -d /tmp/worknet-boot.XXXXXX)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root"
tar -x -C "$root" --exclude='./dev/*' -f "$WN_ROOT_TAR"
cp -r "$WN_DEBS" "$root/root/old"
cp -r "$WN_NEXT_DEBS" "$root/root/next"
cp "$src/t/packages/boot-inside.sh" "$root/root"
echo 127.0.0.1 localhost worknet.test >"$root/etc/hosts"

# What is to be done, as a service: its end is that of the machine.
cat >"$root/etc/systemd/system/boot-inside.service" <<-EOF2
	[Unit]
	After=basic.target nginx.service
	Wants=nginx.service
	[Service]
	Type=oneshot
	ExecStart=/bin/sh /root/boot-inside.sh
	ExecStopPost=/bin/systemctl --no-block poweroff
	StandardOutput=append:/root/tap
	StandardError=append:/root/log
	TimeoutStartSec=900
EOF2
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../boot-inside.service \
    "$root/etc/systemd/system/multi-user.target.wants/boot-inside.service"
# Nobody logs in.
ln -s /dev/null "$root/etc/systemd/system/console-getty.service"
[ -e "$root/sbin/init" ] || ln -s /lib/systemd/systemd "$root/sbin/init"

# Here no service manager may know of it, nor have cgroups of its own kind.
SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout -k 10 1000 systemd-nspawn --quiet \
    --register=no --keep-unit --private-network --boot -D "$root" \
    </dev/null >"$work/console" 2>&1
if [ ! -s "$root/root/tap" ]; then
	# A machine without the rights, or the cgroups, for a container.
	tail -n 5 "$work/console" | sed 's/^/# /'
	echo "1..0 # SKIP no container can be booted here"
	exit 0
fi
tests=0
failed=0
while read -r line; do
	case $line in
	'ok '*)		tests=$((tests + 1)); echo "ok $tests - ${line#ok }" ;;
	'not ok '*)	tests=$((tests + 1)); failed=1
			echo "not ok $tests - ${line#not ok }" ;;
	'end')		ended=yes ;;
	*)		printf '%s\n' "$line" ;;
	esac
done <"$root/root/tap"
if [ "${ended:-no}" != yes ]; then
	tests=$((tests + 1))
	echo "not ok $tests - it came to its end"
	tail -n 20 "$root/root/log" | sed 's/^/# /'
	failed=1
fi
echo "1..$tests"
exit $failed
