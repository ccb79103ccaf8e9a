#!/bin/sh
# doc/guide, word for word: its commands are typed in a clean root with the
# packages, from apt-get install to a worker who is paid on a local chain, a
# ledger that is lost and restored, and the packages' removal (guide-inside.pl).
#
# Prints TAP. Takes what packages.sh makes: WN_DEBS, a directory with the
# packages, and WN_ROOT_TAR, a root with what they depend on; and t/node_modules.
# For root; two minutes.
set -u

src=$(cd "${srcdir:-.}" && pwd)
work=$(mktemp -d /tmp/worknet-guide.XXXXXX)
trap 'rm -rf "$work"' EXIT
root=$work/root
host=worknet.example.org

for tool in node openssl nginx ip unshare; do
	if ! command -v "$tool" >/dev/null || [ "$(id -u)" != 0 ] ||
	    [ ! -d "$src/t/node_modules" ]; then
		echo "1..0 # SKIP needs root, $tool and t/node_modules"
		exit 0
	fi
done

mkdir "$root"
tar -x -C "$root" --exclude='./dev/*' -f "$WN_ROOT_TAR"
mkdir "$root/root/debs" "$root/root/bin"
cp "$WN_DEBS"/worknet*.deb "$root/root/debs"
cp -r "$WN_NEXT_DEBS" "$root/root/next"
cp "$src/doc/guide" "$src/t/packages/guide-inside.pl" "$root/root"
cp "$src/t/packages/systemctl.pl" "$root/root/bin/systemctl"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"

# One authority for the coordinator's name and for the target's.
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=test -days 2 \
    -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
certificate() {
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" \
	    -keyout "$work/$1.key" -out "$work/$1.csr" 2>/dev/null
	echo "subjectAltName=DNS:$1" >"$work/$1.ext"
	openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -days 2 \
	    -CAkey "$work/ca.key" -CAcreateserial -extfile "$work/$1.ext" \
	    -out "$work/$1.pem" 2>/dev/null
}
certificate $host
certificate www.example.org
mkdir -p "$root/etc/ssl/certs" "$root/root/live"
cat "$work/ca.pem" >>"$root/etc/ssl/certs/ca-certificates.crt"
cp "$work/$host.pem" "$root/root/live/fullchain.pem"
cp "$work/$host.key" "$root/root/live/privkey.pem"
cat >"$root/root/bin/certbot" <<-EOF2
	#!/bin/sh
	mkdir -p /etc/letsencrypt/live
	cp -r /root/live /etc/letsencrypt/live/$host
EOF2
chmod 755 "$root/root/bin/certbot" "$root/root/bin/systemctl" \
    "$root/usr/sbin/policy-rc.d"
# The target is another machine, of another network: a worker doesn't check what
# is in its own.
printf '127.0.0.1 localhost %s\n8.8.4.2 www.example.org\n' $host \
    >"$root/etc/hosts"
mkdir "$work/web"
cat >"$work/web/nginx.conf" <<-EOF2
	pid $work/web/pid;
	error_log stderr;
	daemon off;
	events { }
	http {
		access_log off;
		server {
			listen 8.8.4.2:443 ssl;
			ssl_certificate $work/www.example.org.pem;
			ssl_certificate_key $work/www.example.org.key;
			location / { return 200 "here\n"; }
		}
	}
EOF2

# Alone: a network of its own, with that other machine behind a wire; the chain
# and the facilitator beside the root; processes that end with it.
unshare --mount --net --pid --fork --kill-child sh -c '
	set -e
	root=$1 src=$2 work=$3
	mount -t proc proc /proc
	ip link set lo up
	unshare --net sleep 600 &
	other=$!
	ip link add wire type veth peer name eriw
	until [ "$(readlink /proc/$other/ns/net)" != \
	    "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
	ip link set eriw netns $other
	ip addr add 9.9.9.1/32 dev wire
	ip link set wire up
	ip route add 8.8.4.2/32 dev wire src 9.9.9.1
	nsenter --net=/proc/$other/ns/net sh -c "ip link set lo up
	    ip addr add 8.8.4.2/32 dev eriw && ip link set eriw up &&
	    ip route add 9.9.9.1/32 dev eriw"
	nsenter --net=/proc/$other/ns/net nginx -p "$work/web" \
	    -c "$work/web/nginx.conf" &
	mkdir "$work/rig"
	node "$src/t/rig/rig.js" --dir "$work/rig" --block-time 1 \
	    --no-parent-watch >"$work/rig/out" 2>&1 &
	until [ -f "$work/rig/rig.json" ]; do sleep 0.2; done
	for key in facilitator rpc rpcProxy; do
		echo "$key $(node "$src/t/rig/chain.js" --rig \
		    "$work/rig/rig.json" get $key)"
	done >"$root/root/rig"
	(
		until [ -s "$root/root/faucet" ]; do sleep 0.2; done
		node "$src/t/rig/chain.js" --rig "$work/rig/rig.json" mint \
		    "$(cat "$root/root/faucet")" 20000000 &&
		    touch "$root/root/fauceted"
	) >"$work/faucet.log" 2>&1 &
	mount -t proc proc "$root/proc"
	mount -t tmpfs tmpfs "$root/run"
	mount -t tmpfs tmpfs "$root/tmp"
	mount --rbind /dev "$root/dev"
	exec chroot "$root" perl /root/guide-inside.pl
' sh "$root" "$src" "$work" >"$work/tap" 2>"$work/log" </dev/null
status=$?
tests=0
while read -r line; do
	case $line in
	'ok '*|'not ok '*)
		tests=$((tests + 1))
		words=${line#not }
		words=${words#ok }
		printf '%s%s - %s\n' "${line%"$words"}" $tests "$words" ;;
	*)	printf '%s\n' "$line" ;;
	esac
done <"$work/tap"
[ $status = 0 ] || sed 's/^/# /' "$work/log" | tail -n 30
echo "1..$tests"
exit $status
