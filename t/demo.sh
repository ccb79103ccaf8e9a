#!/bin/sh
# The whole of worknet on this machine: nginx, the coordinator and three
# workers on loopback; and, where Node.js and the tests' npm packages are, a
# local chain and a real facilitator, through which the workers are paid.
# Run by `make demo`, which sets BUILDDIR and SRCDIR.
#
# DEMO_SECONDS=N ends it by itself; the exit code is then 0 only if credits
# were earned, the audit is clean, and its evidence is verified. Otherwise Ctrl-C
# ends it.
set -eu

: "${BUILDDIR:=.}" "${SRCDIR:=.}" "${DEMO_SECONDS:=0}"
NGINX=${NGINX:-nginx}
dir=$(cd "$BUILDDIR" && pwd)/demo-run
# A Unix socket's path is short.
[ ${#dir} -lt 80 ] || dir=$(mktemp -d /tmp/worknet-demo.XXXXXX)
conf=$dir/worknet.conf
ledger=$dir/ledger.db
pids=
payouts=no
paid=0

say() { printf '%s\n' "demo: $*"; }

# What comes next: on a terminal in bold.
stage() {
	if [ -t 1 ]; then
		printf '\033[1m%s  %s\033[0m\n' "$(date +%T)" "$*"
	else
		printf '%s  %s\n' "$(date +%T)" "$*"
	fi
}

stop() {
	trap '' INT TERM HUP
	# Workers first, so that they submit what they have signed.
	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	pids=
}

fail() {
	say "failed: $*"
	for f in "$dir"/*.log; do
		[ ! -s "$f" ] || { say "the end of $f:"; tail -n 5 "$f"; }
	done
	stop
	exit 1
}

# Starts a command in the background; its lines get a name in front. In a session
# of its own: Ctrl-C is for this script, which ends it in order.
start() {
	name=$1
	shift
	setsid "$@" >>"$dir/$name.log" 2>&1 &
	pids="$! $pids"
}

wait_for() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || return 1
		sleep 0.1
	done
}

free_port() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(
	    LocalAddr => "127.0.0.1", Listen => 1)->sockport'
}

http_get() {
	perl -MHTTP::Tiny -e 'my $r = HTTP::Tiny->new(timeout => 5)
	    ->get($ARGV[0]); exit !$r->{success}' "$1"
}

http_post() {
	perl -MHTTP::Tiny -e 'my $r = HTTP::Tiny->new(timeout => 5)
	    ->post($ARGV[0], { content => $ARGV[1] });
	    print "$r->{status} $r->{content}\n"' "$1" "$2"
}

# The chain is a test chain, its treasury's key a public test key.
start_chain() {
	if ! command -v node >/dev/null || [ ! -d "$SRCDIR/t/node_modules" ]
	then
		say "left out: the chain, the facilitator and the payouts;" \
		    "they need Node.js and npm (cd t && npm ci)"
		return
	fi
	say "starting a local chain and a facilitator ..."
	start chain node "$SRCDIR/t/rig/rig.js" --dir "$dir" \
	    --chain-id 84532 --block-time 1
	wait_for test -f "$dir/rig.json" || wait_for test -f "$dir/rig.json" ||
	    fail "the chain doesn't start"
	(umask 0077; rig treasuryKey >"$dir/treasury.key")
	cat >>"$conf" <<-EOF

	[payout]
	network = base-sepolia
	facilitators = $(rig facilitator)
	rpc_urls = $(rig rpc)
	treasury_key_file = treasury.key
	threshold_micros = 500
	max_per_payout_micros = 100000
	max_per_run_micros = 1000000
	max_per_worker_day_micros = 200000
	max_per_day_micros = 2000000
	EOF
	payouts=yes
	say "a local chain and a real x402 facilitator run; who is owed" \
	    "0.0005 USDC is paid"
}

rig() {
	sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p" "$dir/rig.json"
}

pay() {
	[ "$payouts" = yes ] || return 0
	rc=0
	"$BUILDDIR/worknet-payout" -v -c "$conf" >>"$dir/payout.log" 2>&1 ||
	    rc=$?
	case $rc in
	0|4|10)	;;
	*)	fail "worknet-payout ended with $rc" ;;
	esac
	show_payments
}

# Those that the chain shows since the last call: whom, how much, where.
show_payments() {
	sqlite3 -separator ' ' "$ledger" "SELECT p.id, w.address,
	    printf('%d.%06d', p.amount_micros / 1000000,
	    p.amount_micros % 1000000) FROM payout p
	    JOIN worker w ON w.id = p.worker WHERE p.id > $paid
	    AND p.state IN ('posted', 'final') ORDER BY p.id" |
	while read -r id address usdc; do
		tx=$($worknet payout show "$id" | grep -oE '0x[0-9a-f]{64}' |
		    tail -n 1)
		stage "paid: $address gets $usdc USDC, transaction $tx"
	done
	paid=$(sqlite3 "$ledger" "SELECT coalesce(max(id), $paid) FROM payout
	    WHERE id > $paid AND state IN ('posted', 'final')")
}

set_up() {
	rm -rf "$dir"
	mkdir -p "$dir"
	port=$(free_port)
	url=http://127.0.0.1:$port
	cat >"$conf" <<-EOF
	[ledger]
	path = ledger.db

	[pages]
	origin = $url

	[worker]
	coordinator = $url/api
	poll_interval_ms = 2000
	allow_private = yes

	; pages tell what is over, which is then soon
	[coordinator]
	result_window_ms = 20000

	; nobody waits a day here
	[honesty]
	maturity_new_ms = 0

	[log]
	origin = worknet.example/evidence
	directory = evidence
	state_directory = evidence-state
	key_file = log.key
	EOF
	worknet="$BUILDDIR/worknet -c $conf"
	mkdir "$dir/evidence" "$dir/evidence-state"
	"$BUILDDIR/worknet-log" -c "$conf" --key new >/dev/null ||
	    fail "the log's key"
	$worknet init >/dev/null || fail "worknet init"
	# The coordinator's own health, nginx's answer to a stranger, and one
	# that fails: nobody listens there.
	$worknet task add task_health --url "$url/api/health" \
	    --interval 4s --cooldown 0s --reward 100 >/dev/null
	$worknet task add task_not_found --url "$url/api/nothing" \
	    --expect 404 --interval 5s --cooldown 0s --reward 150 >/dev/null
	$worknet task add task_down --url "http://127.0.0.1:9/" \
	    --interval 10s --cooldown 0s --reward 200 >/dev/null
}

run() {
	start coordinator "$BUILDDIR/worknet-fcgi" -v -c "$conf" \
	    -s "$dir/fcgi.sock"
	sh "$SRCDIR/t/sandbox-nginx.sh" "$SRCDIR/nginx/worknet.conf" "$dir" \
	    "$port" "$dir/fcgi.sock"
	start nginx "$NGINX" -p "$dir" -c "$dir/nginx.conf"
	wait_for http_get "$url/api/health" ||
	    fail "$url/api/health doesn't answer"
	for n in 1 2 3; do
		"$BUILDDIR/worknet-worker" --new-key "$dir/worker$n.key" \
		    >/dev/null || fail "a new key"
		start "worker$n" "$BUILDDIR/worknet-worker" -c "$conf" \
		    --key "$dir/worker$n.key"
	done
}

# Prints what each log has gained since the last call.
show_logs() {
	for f in coordinator worker1 worker2 worker3 payout; do
		[ -f "$dir/$f.log" ] || continue
		seen=$(cat "$dir/$f.seen" 2>/dev/null || echo 0)
		lines=$(wc -l <"$dir/$f.log")
		[ "$lines" -eq "$seen" ] || tail -n +$((seen + 1)) \
		    "$dir/$f.log" | sed -e "s/^worknet-[a-z]*: //; s/^/$f: /"
		echo "$lines" >"$dir/$f.seen"
	done
}

show_balances() {
	say "balances, from the ledger:"
	sqlite3 -header -column "$ledger" \
	    "SELECT address, earned_usdc, owed_usdc, paid_usdc FROM balances"
	[ "$payouts" = yes ] || return 0
	say "the same workers, from the chain:"
	for address in $(sqlite3 "$ledger" "SELECT address FROM worker"); do
		echo "$address  $(node "$SRCDIR/t/rig/chain.js" \
		    --rig "$dir/rig.json" balance "$address") micro-USDC"
	done
}

intrude() {
	stage "a liar: somebody sends a result that nobody assigned; the answer:"
	http_post "$url/api/v1/worker/results" "[{\"taskId\":\"task_health\",\
\"workerAddress\":\"0x00000000000000000000000000000000000000aa\",\
\"timestamp\":$(date +%s)000,\"success\":true,\"signature\":\"0x$(
	    printf '%0130d' 0)\"}]"
}

# An hour is logged when it is over: for that worknet-log alone runs by a clock
# that shows a time in the next hour. What was checked until now is of now.
prove() {
	clock=$dir/clock
	now=$(date +%s)
	over=$((now - now % 3600 + 3600))
	"$BUILDDIR/worknet-log" -c "$conf" || fail "worknet-log"
	echo $(((over + 1800) * 1000)) >"$clock"
	WN_FAULT_CLOCK=$clock LD_PRELOAD=$(cd "$BUILDDIR" && pwd)/t/tools/fault.so \
	    "$BUILDDIR/worknet-log" -c "$conf" --idle ||
	    fail "worknet-log in the next hour"
	say "the evidence of this hour, as worknet-log logs it once it is over;"
	say "what a buyer does with it, without asking anybody:"
	for task in task_health task_not_found task_down; do
		$worknet export --task $task --from $(((now - 86400) * 1000)) \
		    --to $((over * 1000)) "$dir/$task" >/dev/null ||
		    fail "worknet export of $task"
		"$BUILDDIR/worknet" verify "$dir/$task" --json \
		    >"$dir/$task.json" || fail "worknet verify of $task"
		say "  worknet verify $dir/$task"
		prove_again $task
	done
	"$BUILDDIR/worknet" verify "$dir/task_health" --policy \
	    "$dir/evidence/policy"
}

# A verifier that isn't ours has the same report, byte for byte.
prove_again() {
	command -v node >/dev/null && [ -d "$SRCDIR/t/node_modules/viem" ] ||
	    return 0
	node "$SRCDIR/t/evidence/verify.mjs" "$dir/$1" \
	    "$dir/evidence/policy" >"$dir/$1.js.json" ||
	    fail "the JavaScript verifier refuses $1"
	cmp -s "$dir/$1.json" "$dir/$1.js.json" ||
	    fail "the two verifiers differ on $1"
	say "    and a verifier in JavaScript says the same"
}

finish() {
	trap '' INT TERM HUP
	show_logs
	echo
	show_balances
	stop
	credits=$(sqlite3 "$ledger" "SELECT count(*) FROM result")
	say "$credits checks were credited; the audit says:"
	if ! $worknet audit --signatures; then
		say "failed: the audit found something"
		exit 1
	fi
	prove
	say "the ledger stays in $ledger; worth typing:"
	[ "$paid" -eq 0 ] || say "  $worknet payout explain 1"
	say "  $worknet status"
	say "  sqlite3 -box $ledger 'SELECT * FROM statement LIMIT 20'"
	[ "$credits" -gt 0 ] || { say "failed: nothing was earned"; exit 1; }
	exit 0
}

set_up
stage "look at it in a browser, as soon as the workers have joined"
say "  all tasks:        $url/"
say "  one of them:      $url/task/task_health"
say "  how to join:      $url/join"
say "  a worker's page:  $url/worker/ and its address"
stage "what you will see"
say "three workers join and check three targets: one that is up, one that is"
say "to answer 404, and one that is down, which is what they are to find;"
say "each check is signed, verified and credited; a liar is refused; and who"
say "is owed 0.0005 USDC is paid on a chain of this machine; at the end its"
say "evidence is exported, and verified as a stranger would"
trap finish INT TERM
trap 'stop; exit 129' HUP
start_chain
run
stage "the workers join"
say "the coordinator answers at $url/api (try $url/api/health)"
say "the ledger can be read while it runs:"
say "  sqlite3 $ledger 'SELECT * FROM balances'"
if [ "$DEMO_SECONDS" -gt 0 ]; then
	say "it ends after $DEMO_SECONDS seconds"
else
	say "Ctrl-C ends it"
fi
echo
second=0
began=$(date +%s)
while [ "$DEMO_SECONDS" -eq 0 ] ||
    [ $(($(date +%s) - began)) -lt "$DEMO_SECONDS" ]; do
	sleep 1
	second=$((second + 1))
	show_logs
	[ $second -ne 5 ] || intrude
	[ $((second % 5)) -ne 0 ] || pay
	[ $((second % 10)) -ne 0 ] || show_balances
done
finish
