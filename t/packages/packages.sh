#!/bin/sh
# The Debian packages, from the source to a purge: built, looked at by lintian,
# and put through what an operator does with them, in a root of their own made
# by mmdebstrap: installed, used, upgraded to a next version of the ledger
# (with a disk that is full at first), removed, installed again, purged. Then
# doc/guide is followed word for word (guide.sh).
#
# Prints TAP. For root, with dpkg-dev, debhelper, lintian and mmdebstrap, and a
# mirror that apt reaches; some ten minutes. WN_ROOT_TAR names a tar of the root,
# which is made if there is none.
set -u

src=$(cd "${srcdir:-.}" && pwd)
suite=${WN_SUITE:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
work=$(mktemp -d /tmp/worknet-packages.XXXXXX)
trap 'rm -rf "$work"' EXIT
tar=${WN_ROOT_TAR:-$work/root.tar}
tests=0

# ok STATUS NAME [LOG]
ok() {
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		echo "not ok $tests - $2"
		[ -z "${3:-}" ] || tail -n 20 "$3" | sed 's/^/# /'
		failed=yes
	fi
}
failed=no

for tool in dpkg-buildpackage dh lintian mmdebstrap unshare; do
	if ! command -v "$tool" >/dev/null || [ "$(id -u)" != 0 ]; then
		echo "1..0 # SKIP needs root and $tool"
		exit 0
	fi
done

# ---- Build ----

mkdir "$work/source"
(cd "$src" && git ls-files -z --cached --others --exclude-standard |
    tar -c --null --ignore-failed-read -T -) | tar -x -C "$work/source"
(cd "$work/source" && dpkg-buildpackage -us -uc -b) >"$work/build.log" 2>&1
ok $? "the packages are built from a clean tree" "$work/build.log"
lintian --fail-on error,warning "$work"/worknet_*.changes \
    >"$work/lintian.log" 2>&1
ok $? "lintian has no error and no warning" "$work/lintian.log"
mkdir "$work/old" "$work/next"
mv "$work"/worknet*_[0-9]*.deb "$work/old"
rm -f "$work"/old/*-dbgsym_*

# The next version: the same, with programs of a ledger that is newer by one.
make -C "$work/source/debian/build" t/tools/next_worknet t/tools/next_fcgi \
    >"$work/next.log" 2>&1
ok $? "programs of a next version are built" "$work/next.log"
version=$(dpkg-parsechangelog -l "$work/source/debian/changelog" -S Version)
for deb in "$work"/old/*.deb; do
	tree=$work/tree
	rm -rf "$tree"
	dpkg-deb -R "$deb" "$tree"
	sed -i "s/\(^Version: \|worknet (= \)$version/\1$version+next/" \
	    "$tree/DEBIAN/control"
	if [ -e "$tree/usr/bin/worknet-fcgi" ]; then
		for name in worknet:worknet fcgi:worknet-fcgi; do
			cp "$work/source/debian/build/t/tools/next_${name%:*}" \
			    "$tree/usr/bin/${name#*:}"
		done
	fi
	dpkg-deb -b "$tree" "$work/next/$(basename "$deb")" >/dev/null
done

# ---- A root ----

if [ ! -e "$tar" ]; then
	needs=$(for deb in "$work"/old/*.deb; do
		dpkg-deb -f "$deb" Depends
	done | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/ //g' |
	    grep -v '^worknet' | sort -u | tr '\n' ',')
	mmdebstrap --variant=minbase --aptopt='Acquire::Check-Date "false"' \
	    --include="${needs}nginx-light,curl,spawn-fcgi,sqlite3,systemd" \
	    "$suite" "$tar" >"$work/root.log" 2>&1
	ok $? "a root of $suite is made" "$work/root.log"
fi
mkdir "$work/root"
tar -x -C "$work/root" --exclude='./dev/*' -f "$tar"
echo 127.0.0.1 localhost >"$work/root/etc/hosts"
cp -r "$work/old" "$work/next" "$src/debian/tests/install" \
    "$src/t/packages/inside.sh" "$work/root/root"

# Alone: without a network, with processes that end with it.
unshare --mount --net --pid --fork --kill-child sh -c '
	set -e
	mount -t proc proc "$1/proc"
	mount -t tmpfs tmpfs "$1/run"
	mount -t tmpfs tmpfs "$1/tmp"
	mount --rbind /dev "$1/dev"
	exec chroot "$1" /bin/sh /root/inside.sh
' sh "$work/root" >"$work/inside.tap" 2>"$work/inside.log" </dev/null
status=$?
while read -r line; do
	case $line in
	'ok '*)		ok 0 "${line#ok }" ;;
	'not ok '*)	ok 1 "${line#not ok }" ;;
	*)		echo "$line" ;;
	esac
done <"$work/inside.tap"
ok $status "all that was typed in that root" "$work/inside.log"

# ---- The guide, in another one ----

srcdir=$src WN_DEBS=$work/old WN_ROOT_TAR=$tar sh "$src/t/packages/guide.sh" \
    >"$work/guide.tap"
status=$?
while read -r line; do
	case $line in
	'ok '*)		ok 0 "guide: ${line#ok * - }" ;;
	'not ok '*)	ok 1 "guide: ${line#not ok * - }" ;;
	'# '*)		printf '%s\n' "$line" ;;
	esac
done <"$work/guide.tap"
ok $status "the guide leads to a paid worker"
echo "1..$tests"
[ $failed = no ]
