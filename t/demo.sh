#!/bin/sh
# The whole of worknet on this machine: nginx, the coordinator and three
# workers on loopback; and, where Node.js and the tests' npm packages are, a
# local chain and a real facilitator, through which the workers are paid.
# Run by `./bootstrap demo`, or by `make demo`, which set BUILDDIR and SRCDIR.
#
# Ctrl-C ends it, with exit code 0 unless something is wrong with what was seen;
# so do DEMO_SECONDS=N seconds, and then something must have been earned, too.
# The audit and the verification of the evidence are part of it. What it makes
# is in DEMO_DIR (BUILDDIR/demo-run), which is removed first.
set -eu

: "${BUILDDIR:=.}" "${SRCDIR:=.}" "${DEMO_SECONDS:=0}" "${DEMO_FROM:=$PWD}"
PATH=$PATH:/usr/sbin
NGINX=${NGINX:-nginx}
build=$(cd "$BUILDDIR" && pwd)
dir=${DEMO_DIR:-$build/demo-run}
# A Unix socket's path is short.
[ ${#dir} -lt 80 ] || dir=$(mktemp -d /tmp/worknet-demo.XXXXXX)
conf=$dir/worknet.conf
ledger=$dir/ledger.db
worknet="$build/worknet -c $conf"
pids=
payer=
payouts=no
paid=0
shown=0
quiet=0

# ---- What is said ----

bold='' green='' red='' dim='' plain='' terminal=no
[ ! -t 1 ] || terminal=yes
if [ $terminal = yes ] && [ -z "${NO_COLOR-}" ] && [ "${TERM-dumb}" != dumb ]; then
	esc=$(printf '\033')
	bold="$esc[1m" green="$esc[32m" red="$esc[31m" dim="$esc[2m"
	plain="$esc[0m"
fi

say() { printf '          %s\n' "$*"; }

# What comes next, with the time.
stage() { printf '\n%s%s  %s%s\n' "$bold" "$(date +%T)" "$*" "$plain"; }

# What has happened: a colour, a word, and the rest.
event() {
	printf '%s  %s%-7s%s  %s\n' "$(date +%T)" "$1" "$2" "$plain" "$3"
}

# A command's or a file's path, as it is typed where the demo was started.
typed() {
	case $1 in
	"$DEMO_FROM"/*/*)	echo "${1#"$DEMO_FROM"/}" ;;
	"$DEMO_FROM"/*)		echo "./${1#"$DEMO_FROM"/}" ;;
	*)			echo "$1" ;;
	esac
}

# An address or a transaction: whole in a pipe, short where a line is.
brief() {
	if [ $terminal = yes ]; then
		echo "$1" | sed -E 's/^(0x.{4}).*(.{4})$/\1..\2/'
	else
		echo "$1"
	fi
}

# At most three seconds are silent.
wait_for() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || return 1
		[ $((tries % 30)) -ne 0 ] || say "${dim}still waiting$plain"
		sleep 0.1
	done
}

# ---- Processes ----

stop() {
	trap '' INT TERM HUP PIPE
	trap - EXIT
	# Workers first, so that they submit what they have signed.
	for pid in $payer $pids; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	pids= payer=
}

fail() {
	event "$red" failed "$*"
	for f in "$dir"/*.log; do
		[ ! -s "$f" ] || { say "the end of $f:"; tail -n 5 "$f"; }
	done
	stop
	exit 1
}

# Starts a command in the background, in a session of its own: Ctrl-C is for
# this script, which ends it in order.
start() {
	name=$1
	shift
	setsid "$@" >>"$dir/$name.log" 2>&1 &
	pids="$! $pids"
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
	    print "$r->{content}\n"' "$1" "$2"
}

# ---- Setting up ----

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
	mkdir "$dir/evidence" "$dir/evidence-state"
	"$build/worknet-log" -c "$conf" --key new >/dev/null ||
	    fail "the log's key"
	$worknet init >/dev/null || fail "worknet init"
	# The coordinator's own health, nginx's answer to a stranger, and one
	# that fails: nobody listens there.
	$worknet task add task_health --url "$url/api/health" \
	    --interval 3s --cooldown 0s --reward 100 >/dev/null
	$worknet task add task_not_found --url "$url/api/nothing" \
	    --expect 404 --interval 5s --cooldown 0s --reward 150 >/dev/null
	$worknet task add task_down --url "http://127.0.0.1:9/" \
	    --interval 10s --cooldown 0s --reward 200 >/dev/null
}

has_chain() {
	command -v node >/dev/null && [ -d "$SRCDIR/t/node_modules/viem" ]
}

# The chain is a test chain, its treasury's key a public test key.
start_chain() {
	if ! has_chain; then
		stage "no payouts: they need Node.js and npm's packages"
		say "(./bootstrap demo fetches them)"
		return
	fi
	stage "a chain of this machine starts, and an x402 facilitator"
	start chain node "$SRCDIR/t/rig/rig.js" --dir "$dir" \
	    --chain-id 84532 --block-time 1
	wait_for test -f "$dir/rig.json" || fail "the chain doesn't start"
	(umask 0077; rig treasuryKey >"$dir/treasury.key")
	cat >>"$conf" <<-EOF

	[payout]
	network = base-sepolia
	facilitators = $(rig facilitator)
	rpc_urls = $(rig rpc)
	treasury_key_file = treasury.key
	threshold_micros = 300
	max_per_payout_micros = 100000
	max_per_run_micros = 1000000
	max_per_worker_day_micros = 200000
	max_per_day_micros = 2000000
	EOF
	payouts=yes
}

rig() {
	sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p" "$dir/rig.json"
}

start_workers() {
	start coordinator "$build/worknet-fcgi" -v -c "$conf" \
	    -s "$dir/fcgi.sock"
	sh "$SRCDIR/t/sandbox-nginx.sh" "$SRCDIR/nginx/worknet.conf" "$dir" \
	    "$port" "$dir/fcgi.sock"
	start nginx "$NGINX" -p "$dir" -c "$dir/nginx.conf"
	wait_for http_get "$url/api/health" ||
	    fail "$url/api/health doesn't answer"
	for n in 1 2 3; do
		made=$("$build/worknet-worker" --new-key "$dir/worker$n.key") ||
		    fail "a new key"
		address=$(echo "$made" | grep -oE '0x[0-9a-fA-F]{40}')
		echo "$address" >>"$dir/addresses"
		start "worker$n" "$build/worknet-worker" -c "$conf" \
		    --key "$dir/worker$n.key"
		event '' joined "$(brief "$address")"
	done
}

# ---- While it runs ----

# What was checked, signed and credited since the last call.
show_checks() {
	sqlite3 -separator ' ' "$ledger" "SELECT t.id, w.address,
	    printf('%.6f', v.reward_micros / 1e6), k.name,
	    CASE WHEN r.status IS NULL THEN coalesce(r.error, 'no answer')
	    ELSE 'answered ' || r.status END
	    FROM result r JOIN task_version v ON v.id = r.version
	    JOIN task k ON k.id = v.task
	    JOIN transfer t ON t.id = r.transfer
	    JOIN worker w ON w.id = t.credit
	    WHERE t.id > $shown ORDER BY t.id, r.slot" >"$dir/checks"
	while read -r transfer address usdc task what; do
		shown=$transfer quiet=0
		address=$(grep -i "$address" "$dir/addresses")
		event '' check "$(printf '%s  %-14s %-17s %s USDC' \
		    "$(brief "$address")" "$task" "$what" "$usdc")"
	done <"$dir/checks"
}

# Those that the chain shows since the last call: to whom, how much, where.
show_payments() {
	[ "$payouts" = yes ] || return 0
	$worknet payout list >"$dir/payouts" || fail "worknet payout list"
	sort -n "$dir/payouts" | while read -r id _ usdc state _ _ address tx
	do
		case $state in posted|final) ;; *) continue ;; esac
		! grep -qx "$id" "$dir/paid" 2>/dev/null || continue
		echo "$id" >>"$dir/paid"
		event "$green" paid "$(brief "$address")  $usdc USDC  transaction $(
		    brief "$tx")"
	done
	[ ! -s "$dir/paid" ] || paid=$(head -n 1 "$dir/paid")
}

# A run of worknet-payout is begun, if none goes on; it takes some seconds.
pay() {
	[ "$payouts" = yes ] || return 0
	if [ -n "$payer" ]; then
		! kill -0 "$payer" 2>/dev/null || return 0
		rc=0
		wait "$payer" || rc=$?
		payer=
		case $rc in
		0|4|10)	;;
		*)	fail "worknet-payout ended with $rc" ;;
		esac
	fi
	setsid "$build/worknet-payout" -v -c "$conf" >>"$dir/payout.log" 2>&1 &
	payer=$!
}

# Where there is nothing new for a while.
owed() {
	sqlite3 "$ledger" "SELECT printf('%.6f USDC are owed to %d workers',
	    coalesce(sum(a.balance_micros), 0) / 1e6, count(*))
	    FROM worker w JOIN account a ON a.id = w.id"
}

intrude() {
	stage "a liar: somebody posts a result that nobody assigned"
	answer=$(http_post "$url/api/v1/worker/results" "[{\"taskId\":\
\"task_health\",\"workerAddress\":\"0x00000000000000000000000000000000000000aa\",\
\"timestamp\":$(date +%s)000,\"success\":true,\"signature\":\"0x$(
	    printf '%0130d' 0)\"}]")
	event "$red" refused "$(echo "$answer" |
	    sed -n 's/.*"errors":\["\([^"]*\)"\].*/\1/p')"
	printf '%s    %s%s\n' "$dim" "$answer" "$plain"
}

# ---- The end ----

# What a run has sent when it ends, the next one books.
end_payer() {
	[ -n "$payer" ] || return 0
	kill "$payer" 2>/dev/null || :
	wait "$payer" || :
	payer=
	"$build/worknet-payout" -v -c "$conf" --reconcile \
	    >>"$dir/payout.log" 2>&1 || :
}

# What the ledger says, and what the chain says.
show_balances() {
	stage "who has earned what, by the ledger$(
	    [ "$payouts" = no ] || echo ' and by the chain')"
	while read -r address; do
		set -- $(sqlite3 -separator ' ' "$ledger" "SELECT earned_usdc,
		    paid_usdc FROM balances WHERE address = lower('$address')")
		[ $# -eq 2 ] || set -- 0.000000 0.000000
		line="$(brief "$address")  earned $1, paid $2"
		if [ "$payouts" = yes ]; then
			micros=$(node "$SRCDIR/t/rig/chain.js" \
			    --rig "$dir/rig.json" balance "$address") ||
			    fail "the chain doesn't answer"
			line="$line; it has $(printf '%d.%06d' \
			    $((micros / 1000000)) $((micros % 1000000)))"
		fi
		say "$line USDC"
	done <"$dir/addresses"
}

audit() {
	stage "the audit: every sum, hash and signature is made again"
	$worknet audit --signatures >"$dir/audit" 2>"$dir/audit.log" ||
	    { cat "$dir/audit"; fail "the audit found something"; }
	event "$green" clean "$(sed -n 's/^\([0-9].*transfers\) in.*/\1/p' \
	    "$dir/audit")"
}

# An hour is logged when it is over: for that worknet-log alone runs by a clock
# that shows a time in the next hour. What was checked until now is of now.
prove() {
	stage "the evidence: what a buyer verifies without asking anybody"
	clock=$dir/clock
	now=$(date +%s)
	over=$((now - now % 3600 + 3600))
	"$build/worknet-log" -c "$conf" || fail "worknet-log"
	echo $(((over + 1800) * 1000)) >"$clock"
	WN_FAULT_CLOCK=$clock LD_PRELOAD=$build/t/tools/fault.so \
	    "$build/worknet-log" -c "$conf" --idle ||
	    fail "worknet-log in the next hour"
	for task in task_health task_not_found task_down; do
		$worknet export --task $task --from $(((now - 86400) * 1000)) \
		    --to $((over * 1000)) "$dir/$task" \
		    >/dev/null 2>"$dir/export.log" ||
		    fail "worknet export of $task"
		"$build/worknet" verify "$dir/$task" --json \
		    >"$dir/$task.json" 2>"$dir/verify.log" ||
		    fail "worknet verify of $task"
		also=
		! has_chain || also=", and so says a verifier in JavaScript"
		[ -z "$also" ] || prove_again $task
		event "$green" proven "$task$also"
	done
}

# A verifier that isn't ours has the same report, byte for byte.
prove_again() {
	node "$SRCDIR/t/evidence/verify.mjs" "$dir/$1" \
	    "$dir/evidence/policy" >"$dir/$1.js.json" ||
	    fail "the JavaScript verifier refuses $1"
	cmp -s "$dir/$1.json" "$dir/$1.js.json" ||
	    fail "the two verifiers differ on $1"
}

finish() {
	trap '' INT TERM HUP
	stage "the end: the workers hand in what they have signed"
	if [ ! -s "$dir/addresses" ]; then
		stop
		say "before anything was seen"
		exit 0
	fi
	end_payer
	show_checks
	show_payments
	show_balances
	stop
	credits=$(sqlite3 "$ledger" "SELECT count(*) FROM result")
	if [ "$credits" -eq 0 ]; then
		say "nothing was earned"
		[ "$DEMO_SECONDS" -eq 0 ] || fail "nothing was earned"
		exit 0
	fi
	audit
	prove
	stage "all of it stays in $(typed "$dir"); worth typing:"
	typed_worknet="$(typed "$build/worknet") -c $(typed "$conf")"
	if [ "$paid" -ne 0 ]; then
		echo "$typed_worknet payout explain $paid"
	else
		echo "$typed_worknet worker show $(head -n 1 "$dir/addresses")"
	fi
	echo "$typed_worknet status"
	echo "$(typed "$build/worknet") verify $(typed "$dir/task_health")"
	exit 0
}

# ---- The order of it ----

set_up
stage "what you will see"
say "Three workers join and check three targets: one that is up, one that"
say "is to answer 404, and one that is down, which is what they are to"
say "find. Each check is signed, verified and credited. A liar is refused."
! has_chain ||
    say "Who is owed 0.0003 USDC is paid, on a chain of this machine."
say "At the end the books are audited, and the evidence of the checks is"
say "verified as a stranger would."
if [ "$DEMO_SECONDS" -gt 0 ]; then
	say "That is in $DEMO_SECONDS seconds; Ctrl-C brings it before."
else
	say "Ctrl-C brings the end."
fi
trap stop EXIT
trap finish INT TERM
trap 'stop; exit 129' HUP PIPE
start_chain
stage "three workers join"
start_workers
say "look at it in a browser: $url/"
say "and while it runs, in the ledger:"
say "sqlite3 -box $(typed "$ledger") 'SELECT * FROM balances'"
stage "checks, each signed by its worker, verified, and credited"
began=$(date +%s)
second=0
refused=no
while [ "$DEMO_SECONDS" -eq 0 ] ||
    [ $(($(date +%s) - began)) -lt "$DEMO_SECONDS" ]; do
	sleep 1
	second=$((second + 1)) quiet=$((quiet + 1))
	show_checks
	if [ $refused = no ] && [ "$shown" -gt 0 ]; then
		refused=yes
		intrude
		[ "$payouts" = no ] || stage \
		    "checks go on; now and then a run of payouts pays who is owed"
	fi
	[ $((second % 5)) -ne 0 ] || pay
	show_payments
	[ $((quiet % 4)) -ne 3 ] || say "$dim$(owed)$plain"
done
finish
