#!/bin/sh
# The packages' own tests (debian/tests), as Debian's autopkgtest runs them: in a
# root, which it installs the packages into. They start daemons, for which that
# root has a network of its own, without a way out.
#
# Prints TAP. Takes what packages.sh makes: WN_DEBS, a directory with the
# packages, and WN_ROOT_TAR, a root with what they and autopkgtest depend on. For
# root; a minute.
set -u

src=$(cd "${srcdir:-.}" && pwd)
for tool in autopkgtest ip unshare; do
	if ! command -v "$tool" >/dev/null || [ "$(id -u)" != 0 ]; then
		echo "1..0 # SKIP needs root and $tool"
		exit 0
	fi
done
work=$(mktemp -d /tmp/worknet-autopkgtest.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/root" "$work/source"
tar -x -C "$work/root" --exclude='./dev/*' -f "$WN_ROOT_TAR"
cp -r "$src/debian" "$work/source"
echo 127.0.0.1 localhost >"$work/root/etc/hosts"
# No service manager runs here, and nothing else may start one.
printf '#!/bin/sh\nexit 101\n' >"$work/root/usr/sbin/policy-rc.d"
chmod 755 "$work/root/usr/sbin/policy-rc.d"

unshare --mount --net --pid --fork --kill-child sh -c '
	set -e
	mount -t proc proc /proc
	ip link set lo up
	mount -t proc proc "$1/root/proc"
	mount -t tmpfs tmpfs "$1/root/run"
	mount --rbind /dev "$1/root/dev"
	exec autopkgtest --ignore-restrictions=isolation-container \
	    "$2"/worknet*.deb "$1/source" -- chroot "$1/root"
' sh "$work" "$(cd "$WN_DEBS" && pwd)" >"$work/log" 2>&1 </dev/null
grep -q '^install  *PASS' "$work/log"
status=$?
if [ $status = 0 ]; then
	echo "ok 1 - autopkgtest passes"
else
	echo "not ok 1 - autopkgtest passes"
	sed 's/^/# /' "$work/log" | tail -n 30
fi
echo 1..1
exit $status
