#!/bin/sh
# The Debian packages, from the source to a purge: built, looked at by lintian,
# and put through what an operator does with them, in a root of their own made
# by mmdebstrap: installed, used, upgraded to a next version of the ledger
# (with a disk that is full at first, then with a migration that fails), removed,
# installed again, purged; and where there is no systemd at all. Then doc/guide is
# followed word for word (guide.sh), and a machine with systemd boots (boot.sh).
#
# Prints TAP; where no such root can be made it says why, and fails nothing. For
# root, with dpkg-dev, debhelper, lintian and mmdebstrap, and a mirror that apt
# reaches; some five minutes. WN_SUITE names another release of Debian, such as
# trixie: then they are built in its root, too. WN_ROOT_TAR names a tar of the
# root, which is made if there is none.
set -u

src=$(cd "${srcdir:-.}" && pwd)
here=$(. /etc/os-release && echo "$VERSION_CODENAME")
suite=${WN_SUITE:-$here}
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
if ! unshare --mount --net --pid --fork mount -t tmpfs tmpfs /mnt; then
	echo "1..0 # SKIP no root of its own can be had here: namespaces, mounts"
	exit 0
fi 2>/dev/null

# What each of the roots has, beside what the packages depend on.
tools=nginx-light,curl,spawn-fcgi,sqlite3,systemd,apt-utils,dpkg-dev

# root_make PACKAGES
root_make() {
	[ -e "$tar" ] && return
	if ! mmdebstrap --variant=minbase \
	    --aptopt='Acquire::Check-Date "false"' --include="$1,$tools" \
	    --customize-hook='cd "$1/root" && mkdir without && cd without &&
		APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get download -q \
		systemd-standalone-sysusers systemd-standalone-tmpfiles' \
	    "$suite" "$tar" >"$work/root.log" 2>&1; then
		# What no mirror has is a mistake here; else there is none.
		if grep -q 'Unable to locate\|unmet dep' "$work/root.log"; then
			ok 1 "a root of $suite is made" "$work/root.log"
		else
			sed -n 's/^E: /# /p' "$work/root.log" | head -n 1
			tests=$((tests + 1))
			echo "ok $tests # SKIP no root of $suite can be made"
		fi
		echo "1..$tests"
		[ $failed = no ]
		exit
	fi
	ok 0 "a root of $suite is made"
}

# The names in a list of packages: the first of alternatives, without versions.
names() {
	tr '\n,' ' \n' | sed 's/|.*//; s/(.*//; s/ //g' | grep -v '^worknet\|^$' |
	    sort -u | paste -sd ,
}

# Runs a command where the packages are built: here, or in the root, which sees
# $work at its name.
at_build() {
	if [ "$suite" = "$here" ]; then
		"$@"
		return
	fi
	unshare --mount --pid --fork --kill-child sh -c '
		root=$1 work=$2
		shift 2
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mkdir -p "$root$work"
		mount --bind "$work" "$root$work"
		exec chroot "$root" env LC_ALL=C.UTF-8 "$@"
	' sh "$work/builder" "$work" "$@"
}

# ---- Build ----

if [ "$suite" != "$here" ]; then
	root_make "build-essential,lintian,$(sed -n \
	    '/^Build-Depends:/,/^[A-Z]/{s/^Build-Depends: //;/^[A-Z]/d;p}' \
	    "$src/debian/control" | sed 's/debhelper-compat.*/debhelper,/' |
	    names)"
	mkdir "$work/builder"
	tar -x -C "$work/builder" --exclude='./dev/*' -f "$tar"
fi
mkdir "$work/source"
(cd "$src" && git ls-files -z --cached --others --exclude-standard |
    tar -c --null --ignore-failed-read -T -) | tar -x -C "$work/source"
at_build sh -c 'cd "$1" && dpkg-buildpackage -us -uc -b' sh "$work/source" \
    >"$work/build.log" 2>&1
ok $? "the packages are built from a clean tree" "$work/build.log"
at_build lintian --allow-root --fail-on error,warning "$work"/worknet_*.changes \
    >"$work/lintian.log" 2>&1
ok $? "lintian has no error and no warning" "$work/lintian.log"
mkdir "$work/old" "$work/next"
mv "$work"/worknet*_[0-9]*.deb "$work/old"
rm -f "$work"/old/*-dbgsym_*

# The next version: the same, with programs of a ledger that is newer by one.
at_build make -C "$work/source/debian/build" t/tools/next_worknet \
    t/tools/next_fcgi t/tools/make_payouts >"$work/next.log" 2>&1
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

root_make "$(for deb in "$work"/old/*.deb; do
	dpkg-deb -f "$deb" Depends | tr '\n' ,
done | names)"
# Alone in a root: without a network, with processes that end with it.
# inside SCRIPT SENTENCE
inside() {
	rm -rf "$work/root"
	mkdir "$work/root"
	tar -x -C "$work/root" --exclude='./dev/*' -f "$tar"
	echo 127.0.0.1 localhost >"$work/root/etc/hosts"
	cp -r "$work/old" "$work/next" "$src/debian/tests/install" \
	    "$src/t/packages/inside.lib" "$src/t/packages/$1.sh" \
	    "$work/root/root"
	cp "$work/source/debian/build/t/tools/make_payouts" \
	    "$work/root/usr/local/bin"
	unshare --mount --net --pid --fork --kill-child sh -c '
		set -e
		mount -t proc proc "$1/proc"
		mount -t tmpfs tmpfs "$1/run"
		mount -t tmpfs tmpfs "$1/tmp"
		mount --rbind /dev "$1/dev"
		exec chroot "$1" /bin/sh "/root/$2.sh"
	' sh "$work/root" "$1" >"$work/tap" 2>"$work/log" </dev/null
	status=$?
	while read -r line; do
		case $line in
		'ok '*)		ok 0 "${line#ok }" ;;
		'not ok '*)	ok 1 "${line#not ok }" ;;
		*)		printf '%s\n' "$line" ;;
		esac
	done <"$work/tap"
	ok $status "$2" "$work/log"
}
inside inside "all that was typed in that root"
inside without "and in one without systemd"

# ---- The guide, and a machine with systemd, in others ----

# SCRIPT SENTENCE
in_another() {
	srcdir=$src WN_DEBS=$work/old WN_NEXT_DEBS=$work/next WN_ROOT_TAR=$tar \
	    sh "$src/t/packages/$1.sh" >"$work/$1.tap"
	status=$?
	while read -r line; do
		case $line in
		'ok '*)		ok 0 "$1: ${line#ok * - }" ;;
		'not ok '*)	ok 1 "$1: ${line#not ok * - }" ;;
		'# '*)		printf '%s\n' "$line" ;;
		'1..0 '*)	echo "# $1: ${line#1..0 }" ;;
		esac
	done <"$work/$1.tap"
	ok $status "$2"
}
in_another autopkgtest "what the packages say of themselves holds"
in_another guide "the guide leads to a paid worker"
in_another boot "where systemd runs, the units do what they are for"
echo "1..$tests"
[ $failed = no ]
