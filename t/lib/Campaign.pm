# The kill campaign: worknet-payout is killed by SIGKILL at a chosen system
# call, ordinary runs follow until nothing is open, and then the ledger, the
# chain and what was earned must agree to the micro. Real signed credit, a
# real chain, a real facilitator (t/rig).
#
# strace kills on entry, so that the call itself never happens: a kill before
# each call is also one after each call but the last. It counts the calls of
# each name, and of each thread, by themselves: a kill point is a name and its
# ordinal, and the ordinals go on until a run ends before one.
package Campaign;

use strict;
use warnings;

use Digest::SHA ();
use File::Copy ();
use File::Path ();
use HTTP::Tiny;
use JSON::PP ();
use List::Util qw(max min sum0);
use POSIX ();
use Time::HiRes ();

use WorknetTest qw(build_path source_path find_program wait_for);

# What writes, syncs, connects, sends, receives, or waits for what was sent.
# "?": not every architecture has it.
my @CALLS = map { "?$_" } qw(write pwrite64 writev pwritev pwritev2 ftruncate
    fallocate fsync fdatasync msync unlink unlinkat rename renameat renameat2
    connect sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg poll ppoll
    epoll_wait epoll_pwait);

# How a case begins: steps before the run that is killed, and which findings
# it may leave.
my %SCENES = (
	pay => { text => 'workers are owed', steps => [] },
	final => { text => 'payouts are posted and their blocks final',
	    steps => [ qw(run mine) ] },
	restore => { text => 'an older copy of the ledger was restored',
	    steps => [ qw(save run mine run restore) ],
	    findings => 'payout lost' },
	direct => { text => 'a gas account settles', steps => [],
	    conf => "settle = direct\ngas_key_file = gas\n" .
		"max_fee_gwei = 100\nmax_gas_per_day_gwei = 9000000000\n" .
		"direct_batch = 2\n" },
);

my $WORKERS = 3;
my $RESULTS = 9;
my $THRESHOLD = 100;		# micro-USDC, below what a result earns
my $FUND = 1000000;		# micro-USDC of each case's treasury
my $FINAL_BLOCKS = 4;		# 2 epochs of 2 slots
my $RUNS_MAX = 12;		# ordinary ones after a kill
my $RIG_CASES = 30;		# on a chain: a long one becomes slow
my $ADMIN = '0xa0Ee7A142d267C1f36714E4a8F75612F20a79720'; # t/rig/facts.js
my $MINT = '0x40c10f19';
my $BALANCE_OF = '0x70a08231';
my $TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523' .
    'b3ef';
my ($NOTHING, $UNRESOLVED, $FINDINGS, $PAID) = (0, 4, 6, 10); # exit codes

# Options: seed, scene (pay, final, restore), kills (in a row; all but the
# first at random calls), concurrency, x402, block_time (seconds; default: a
# block for each transaction, at once), dir (where violations stay).
sub new {
	my ($class, %opt) = @_;
	my $self = bless { seed => 1, scene => 'pay', kills => 1,
	    concurrency => 1, x402 => 2, %opt, cases => 0 }, $class;

	die "no scene \"$self->{scene}\"\n" if !$SCENES{$self->{scene}};
	delete @ENV{qw(http_proxy https_proxy all_proxy HTTP_PROXY
	    HTTPS_PROXY ALL_PROXY)};
	# A traced process can't be looked at by LeakSanitizer.
	$ENV{ASAN_OPTIONS} = join(':', grep { defined && $_ ne '' }
	    $ENV{ASAN_OPTIONS}, 'detect_leaks=0');
	return $self;
}

sub scene_text { return $SCENES{$_[0]{scene}}{text} }

# Why no campaign can run here, or undef.
sub obstacle {
	for my $name ('worknet-payout', 'worknet', 't/make_ledger', 't/sign') {
		return "$name isn't built" if !-x build_path($name);
	}
	for my $name (qw(strace node sqlite3)) {
		return "$name isn't installed" if !find_program($name);
	}
	return 'run "npm ci" in t/ first'
	    if !-d source_path('t/node_modules/viem');
	my $dir = File::Temp->newdir('worknet-kill-XXXXXX', TMPDIR => 1);
	my $self = bless { case => "$dir" }, __PACKAGE__;
	my ($status, $out, $err) = $self->command(find_program('strace'),
	    qw(-f -qq -o), "$dir/trace", qw(-e trace=write -e),
	    'inject=write:signal=KILL:when=1', '/bin/echo', 'alive');
	return if $status == 128 + 9 && $out eq '';
	return 'strace can\'t trace and kill here' .
	    ($err =~ /^(.*)/ && $1 ne '' ? " ($1)" : '');
}

# ---- Commands ----

# Runs a command to its end: (exit status, 128 and more for a signal; its
# standard output; its standard error).
sub command {
	my ($self, @command) = @_;
	my ($out, $err) = map { "$self->{case}/$_" } qw(out err);
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', $out) or POSIX::_exit(126);
		open(STDERR, '>', $err) or POSIX::_exit(126);
		exec { $command[0] } @command or POSIX::_exit(127);
	}
	waitpid($pid, 0);
	return ($? & 127 ? 128 + ($? & 127) : $? >> 8,
	    WorknetTest::slurp($out), WorknetTest::slurp($err));
}

sub must {
	my ($self, @command) = @_;
	my ($status, $out, $err) = $self->command(@command);

	die "@command: exit code $status\n$err" if $status != 0;
	return $out;
}

# ---- The chain ----

sub rig_start {
	my ($self) = @_;
	my $dir = "$self->{dir}/rig.$$";
	my @command = (find_program('node'), source_path('t/rig/rig.js'),
	    '--dir', $dir, $self->{block_time} ?
	    ('--block-time', $self->{block_time}) : ());
	my $pid;

	$self->rig_stop;
	mkdir $dir;
	unlink "$dir/rig.json";
	$pid = fork // die "fork: $!";
	if ($pid == 0) {
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', "$dir/log");
		open(STDERR, '>&', \*STDOUT);
		exec { $command[0] } @command or POSIX::_exit(127);
	}
	$self->{rig_pid} = $pid;
	wait_for(sub {
		die "the rig ended: " . WorknetTest::slurp("$dir/log")
		    if waitpid($pid, POSIX::WNOHANG()) != 0;
		-e "$dir/rig.json";
	}, 'the rig');
	$self->{rig} = JSON::PP::decode_json(
	    WorknetTest::slurp("$dir/rig.json"));
	$self->{rig_cases} = 0;
}

sub rig_stop {
	my ($self) = @_;
	my $pid = delete $self->{rig_pid} // return;

	kill('TERM', $pid);
	waitpid($pid, 0);
}

# A rig may go from one campaign to the next.
sub rig_give {
	my ($self) = @_;

	return [ delete @$self{qw(rig_pid rig rig_cases)} ];
}

sub rig_take {
	my ($self, $rig) = @_;

	@$self{qw(rig_pid rig rig_cases)} = @$rig;
	return $self;
}

sub rpc {
	my ($self, $method, @params) = @_;
	my $http = $self->{http} //= HTTP::Tiny->new(timeout => 120);
	my $answer = $http->post($self->{rig}{rpc}, {
	    headers => { 'Content-Type' => 'application/json' },
	    content => JSON::PP::encode_json({ jsonrpc => '2.0', id => 1,
	    method => $method, params => \@params }) });

	die "$method: $answer->{status} $answer->{content}\n"
	    if !$answer->{success};
	my $got = JSON::PP::decode_json($answer->{content});
	die "$method: $got->{error}{message}\n" if $got->{error};
	return $got->{result};
}

sub word { return ('0' x 24) . lc substr($_[0], 2) }

sub balance_of {
	my ($self, $address) = @_;

	return hex($self->rpc('eth_call', { to => $self->{rig}{token},
	    data => $BALANCE_OF . word($address) }, 'latest'));
}

sub fund {
	my ($self, $address) = @_;

	$self->rpc('eth_sendTransaction', { from => $ADMIN,
	    to => $self->{rig}{token}, data => $MINT . word($address) .
	    sprintf('%064x', $FUND) });
	wait_for(sub { $self->balance_of($address) == $FUND },
	    'the treasury\'s funds');
}

# What the treasury paid: a list of { to, micros, tx }.
sub payments {
	my ($self) = @_;
	my $logs = $self->rpc('eth_getLogs', { address => $self->{rig}{token},
	    fromBlock => '0x0', toBlock => 'latest',
	    topics => [ $TRANSFER, '0x' . word($self->{treasury}) ] });

	return map { { to => '0x' . substr($_->{topics}[2], 26),
	    micros => hex($_->{data}), tx => $_->{transactionHash} } } @$logs;
}

sub mine {
	my ($self) = @_;

	$self->rpc('anvil_mine', sprintf('0x%x', $FINAL_BLOCKS));
}

# ---- One case: a ledger, a treasury, a run that is killed ----

sub ledger { return "$_[0]{case}/ledger.db" }

# A case's own numbers, from the campaign's seed and the case's name.
sub digest {
	my ($self, $what) = @_;

	return Digest::SHA::sha256_hex("$self->{seed} $self->{scene} " .
	    "$self->{name} $what");
}

sub case_begin {
	my ($self, $name) = @_;

	$self->rig_start if !$self->{rig_pid} ||
	    $self->{rig_cases}++ >= $RIG_CASES;
	$self->{name} = $name;
	$self->{case} = "$self->{dir}/$name";
	File::Path::remove_tree($self->{case});
	mkdir $self->{case} or die "$self->{case}: $!";
	my $key = $self->digest('treasury');
	$self->{treasury} = $self->treasury_address($key);
	open(my $f, '>', "$self->{case}/key") or die $!;
	chmod 0600, "$self->{case}/key";
	print $f "$key\n";
	close $f;
	WorknetTest::spurt("$self->{case}/worknet.conf", <<"CONF");
[ledger]
path = ledger.db
[payout]
network = base-sepolia
facilitators = $self->{rig}{facilitator}
rpc_urls = $self->{rig}{rpc}
x402_version = $self->{x402}
threshold_micros = $THRESHOLD
concurrency = $self->{concurrency}
treasury_key_file = key
max_per_payout_micros = $FUND
max_per_run_micros = $FUND
max_per_worker_day_micros = $FUND
max_per_day_micros = $FUND
@{[ $SCENES{$self->{scene}}{conf} // '' ]}
CONF
	$self->gas_begin if $SCENES{$self->{scene}}{conf};
	$self->must(build_path('t/make_ledger'), '--db', $self->ledger,
	    '--tasks', 1, '--workers', $WORKERS, '--results', $RESULTS,
	    '--silent-percent', 0,
	    '--seed', hex(substr($self->digest('ledger'), 0, 7)));
	$self->fund($self->{treasury});
	for my $step (@{ $SCENES{$self->{scene}}{steps} }) {
		$self->$step;
	}
}

# The gas account of a scene that has one.
sub gas_begin {
	my ($self) = @_;
	my $key = $self->digest('gas');

	WorknetTest::spurt("$self->{case}/gas", "$key\n");
	chmod 0600, "$self->{case}/gas";
	$self->{gas} = $self->treasury_address($key);
	$self->rpc('anvil_setBalance', $self->{gas}, '0xde0b6b3a7640000');
}

# Each nonce of the gas account was queued, and used by what was queued: none
# left out, none stuck, none by two things.
sub check_gas {
	my ($self) = @_;

	return if !$SCENES{$self->{scene}}{conf};
	my $used = hex $self->rpc('eth_getTransactionCount', $self->{gas},
	    'latest');
	my @queue = map { $_->{nonce} } $self->sql(
	    'SELECT nonce FROM submission ORDER BY nonce');
	my @undone = $self->sql('SELECT id FROM submission WHERE ' .
	    'done_ms IS NOT NULL AND cost_wei IS NULL');

	return ("@queue" eq join(' ', 0 .. $used - 1) ? () :
	    "the queue has nonces @queue, the chain used $used",
	    map { "submission $_->{id} was done by something else" } @undone);
}

# The address of a key: t/sign says it beside a signature.
sub treasury_address {
	my ($self, $key) = @_;

	WorknetTest::spurt("$self->{case}/key.sign", "$key x 0 true lower\n");
	my $out = $self->must('/bin/sh', '-c', 'exec "$0" <"$1"',
	    build_path('t/sign'), "$self->{case}/key.sign");
	return $out =~ / (0x[0-9a-f]{40})$/ ? $1 : die "t/sign: $out";
}

sub case_end {
	my ($self) = @_;

	File::Path::remove_tree($self->{case});
}

sub payout_command {
	my ($self) = @_;

	return (build_path('worknet-payout'), '-c',
	    "$self->{case}/worknet.conf");
}

# An ordinary run; its exit code.
sub run {
	my ($self) = @_;
	my ($status, $out, $err) = $self->command($self->payout_command);

	$self->{said} .= "exit code $status: $out$err" if $status != $NOTHING;
	return $status;
}

sub save {
	my ($self) = @_;

	File::Copy::copy($self->ledger, $self->ledger . '.saved')
	    or die "copy: $!";
}

sub restore {
	my ($self) = @_;

	unlink map { $self->ledger . $_ } '-wal', '-shm';
	rename($self->ledger . '.saved', $self->ledger) or die "rename: $!";
}

sub strace {
	my ($self, @options) = @_;

	# Not with --seccomp-bpf: it loses the signal.
	return $self->command(find_program('strace'), qw(-f -qq -o),
	    "$self->{case}/trace", (map { ('-e', $_) } @options),
	    $self->payout_command);
}

# A run killed at the n-th call of that name; what the kill met, '' when the
# run ended before.
sub run_killed {
	my ($self, $call, $n) = @_;
	my ($status, undef, $err) = $self->strace("trace=$call",
	    "inject=$call:signal=KILL:when=$n");

	if ($status == 128 + 9) {
		my @begun = WorknetTest::slurp("$self->{case}/trace") =~
		    /^\d+ +($call\(.*)$/mg;
		return $begun[-1] // die "killed, but no trace of it\n";
	}
	die "strace: exit code $status: $err"
	    if $status != $NOTHING && $status != $UNRESOLVED &&
	    $status != $PAID && ($status != $FINDINGS ||
	    !$SCENES{$self->{scene}}{findings});
	return '';
}

# The calls of an undisturbed run, in order, as [name, ordinal].
sub calls_of_a_run {
	my ($self) = @_;
	my (%n, @calls);

	$self->case_begin("count.$$");
	my ($status, undef, $err) = $self->strace('trace=' .
	    join(',', @CALLS));
	die "an undisturbed run: exit code $status: $err"
	    if $status != $PAID && $status != $NOTHING &&
	    $status != $FINDINGS;
	for (split /\n/, WorknetTest::slurp("$self->{case}/trace")) {
		push @calls, [ $1, ++$n{$1} ] if /^\d+ +(\w+)\(/;
	}
	$self->case_end;
	return @calls;
}

# ---- What must hold ----

sub sql {
	my ($self, $sql, $file) = @_;
	my $out = $self->must(find_program('sqlite3'), '-batch', '-bail',
	    '-json', '-cmd', '.timeout 60000', $file // $self->ledger, $sql);

	return $out eq '' ? () : @{ JSON::PP::decode_json($out) };
}

my $BOOKS_SQL = <<'SQL';
SELECT 'trial balance ' || micros AS wrong FROM trial_balance
WHERE micros <> 0
UNION ALL SELECT kind || ': ' || subject || ': ' || detail FROM exceptions
WHERE kind || subject NOT IN (SELECT kind || subject FROM finding)
SQL

my $WORKERS_SQL = <<'SQL';
SELECT w.address, a.balance_micros AS owed,
	(SELECT coalesce(sum(v.reward_micros), 0) FROM result r
	JOIN transfer t ON t.id = r.transfer
	JOIN task_version v ON v.id = r.version
	WHERE t.credit = w.id) AS earned,
	(SELECT coalesce(sum(p.paid_micros), 0) FROM payout p
	WHERE p.worker = w.id) AS paid
FROM worker w JOIN account a ON a.id = w.id ORDER BY w.address
SQL

my $PAYOUTS_SQL = <<'SQL';
SELECT p.id, w.address, p.amount_micros, p.paid_micros, p.state,
	(SELECT e.tx FROM payout_event e WHERE e.payout = p.id
	AND e.kind = 'final') AS tx
FROM payout p JOIN worker w ON w.id = p.worker ORDER BY p.id
SQL

# The books of a copy: looking at the ledger itself would end its WAL, and
# spare the next run what it has to recover from.
sub check_killed {
	my ($self) = @_;
	my $copy = "$self->{case}/copy.db";

	unlink map { $copy . $_ } '', '-wal', '-shm';
	for ('', '-wal') {
		File::Copy::copy($self->ledger . $_, $copy . $_)
		    if -e $self->ledger . $_;
	}
	return map { "after the kill: $_->{wrong}" }
	    $self->sql($BOOKS_SQL, $copy);
}

# True when all is paid and final.
sub is_settled {
	my ($self) = @_;
	my ($row) = $self->sql('SELECT (SELECT count(*) FROM payout WHERE ' .
	    'state NOT IN (\'final\', \'voided\')) + (SELECT count(*) FROM ' .
	    "account WHERE id > 3 AND balance_micros >= $THRESHOLD) AS n");

	return $row->{n} == 0;
}

# Ordinary runs, and blocks between them, until nothing is open.
sub settle {
	my ($self) = @_;
	my @wrong;

	$self->{said} = '';
	for my $n (1 .. $RUNS_MAX) {
		my $status = $self->run;
		push @wrong, "ordinary run $n: $self->{said}"
		    if $status != $NOTHING && $status != $UNRESOLVED &&
		    $status != $PAID && ($status != $FINDINGS ||
		    !$SCENES{$self->{scene}}{findings});
		return @wrong if @wrong || $self->is_settled;
		$self->mine;
	}
	return "still open after $RUNS_MAX runs: $self->{said}";
}

# Compares workers' books with the chain; counts in %$case.
sub check_workers {
	my ($self, $case, $payments) = @_;
	my @wrong;

	for my $w ($self->sql($WORKERS_SQL)) {
		my $chain = $self->balance_of($w->{address});
		my $says = "$w->{address} earned $w->{earned}, is owed " .
		    "$w->{owed}, was paid $w->{paid}, has $chain on the chain";
		my $times = grep { $_->{to} eq $w->{address} } @$payments;

		$case->{doubled} += $times - 1
		    if $chain > $w->{earned} && $times > 1;
		push @wrong, "paid more than earned: $says"
		    if $chain > $w->{earned};
		push @wrong, "paid $times times: $says" if $times > 1;
		push @wrong, "the books and the chain differ: $says"
		    if $chain != $w->{paid} ||
		    $chain != $w->{earned} - $w->{owed};
	}
	return @wrong;
}

# Each payout is one payment, each payment is one payout.
sub check_payouts {
	my ($self, $case, $payments) = @_;
	my %left = map { ("$_->{tx} $_->{to}" => $_) } @$payments;
	my @wrong;

	for my $p ($self->sql($PAYOUTS_SQL)) {
		my $paid = delete $left{($p->{tx} // '') . " $p->{address}"};
		if ($p->{state} ne 'final') {
			$case->{open}++;
			push @wrong, "payout $p->{id} is $p->{state}";
		} elsif (!$paid || $paid->{to} ne $p->{address} ||
		    $paid->{micros} != $p->{paid_micros} ||
		    $paid->{micros} != $p->{amount_micros}) {
			$case->{lost}++;
			push @wrong, "payout $p->{id} is final, but the " .
			    'chain hasn\'t just that';
		} else {
			$case->{made}++;
		}
	}
	$case->{lost} += keys %left;
	push @wrong, map { "the ledger hasn't the payment $_" } sort keys %left;
	return @wrong;
}

sub check_books {
	my ($self, $payments) = @_;
	my @wrong = map { $_->{wrong} } $self->sql($BOOKS_SQL);
	my $may = $SCENES{$self->{scene}}{findings} // '';
	my ($status, $out, $err) = $self->command(build_path('worknet'), '-c',
	    "$self->{case}/worknet.conf", 'audit', '--signatures');
	my $paid = sum0(map { $_->{micros} } @$payments);

	push @wrong, map { "finding: $_->{kind}: $_->{subject}: $_->{detail}" }
	    $self->sql("SELECT * FROM finding WHERE kind <> '$may'");
	push @wrong, "the treasury isn't poorer by $paid"
	    if $self->balance_of($self->{treasury}) != $FUND - $paid;
	push @wrong, "the audit: $out$err" if $status != 0 && $may eq '';
	return @wrong;
}

# One case: kills the run at [name, ordinal], lets ordinary ones follow, and
# checks. A hash: point, killed (how often), at (what the kill met), made,
# doubled, lost, open, wrong (a list of sentences), dir (when it was kept).
sub case {
	my ($self, $point) = @_;
	my $case = { point => $point, killed => 0, at => '', made => 0,
	    doubled => 0, lost => 0, open => 0, wrong => [] };
	my ($call, $n) = @$point;
	my $began = Time::HiRes::time();

	eval {
		$self->case_begin("$call-$n");
		for my $kill (1 .. $self->{kills}) {
			($call, $n) = @{ $self->random_point($kill) }
			    if $kill > 1;
			my $at = $self->run_killed($call, $n);
			$case->{at} .= ($case->{at} ne '' ? ', then ' : '') .
			    ($at eq '' ? 'nothing' : $at);
			$case->{killed} += $at ne '';
			$case->{reached} = $at ne '' if $kill == 1;
			push @{ $case->{wrong} }, $self->check_killed;
		}
		push @{ $case->{wrong} }, $self->settle, $self->check_gas;
		my @payments = $self->payments;
		push @{ $case->{wrong} },
		    $self->check_workers($case, \@payments),
		    $self->check_payouts($case, \@payments),
		    $self->check_books(\@payments);
		1;
	} or push @{ $case->{wrong} }, "the case ended: $@";
	$case->{seconds} = Time::HiRes::time() - $began;
	if (@{ $case->{wrong} }) {
		$case->{dir} = $self->{case};
	} else {
		$self->case_end;
	}
	return $case;
}

# Where a later kill of this case falls: the same for the same seed.
sub random_point {
	my ($self, $kill) = @_;
	my $calls = $self->{calls};

	return $calls->[hex(substr($self->digest("kill $kill"), 0, 7)) %
	    @$calls];
}

# ---- Many cases ----

# The kill points: [name, ordinal] in the order of an undisturbed run.
sub points {
	my ($self) = @_;

	$self->{calls} //= [ $self->calls_of_a_run ];
	return @{ $self->{calls} };
}

# Runs the cases of @$points in $jobs processes, each with a chain of its
# own; calls $each with every case. Begins none after $until, a time or undef.
sub cases {
	my ($self, $points, $jobs, $until, $each) = @_;

	$jobs = min($jobs, scalar @$points);
	$self->rig_stop if $jobs > 1;
	return $self->cases_here($points, $until, $each) if $jobs <= 1;
	# The first child brings a process that outlives it: not with our pipe.
	WorknetTest::child_wait(WorknetTest::child_start('none', sub { 0 }));
	pipe(my $read, my $write) or die "pipe: $!";
	my @pids = map { my $job = $_; WorknetTest::child_start("job $job",
	    sub {
		my @mine = map { $points->[$_] }
		    grep { $_ % $jobs == $job } 0 .. $#$points;
		close $read;
		$self->cases_here(\@mine, $until, sub {
			syswrite($write, case_line($_[0]));
		});
		$self->rig_stop;
		return 0;
	    }) } 0 .. $jobs - 1;
	close $write;
	while (my $line = <$read>) {
		$each->(JSON::PP::decode_json($line));
	}
	for (@pids) {
		WorknetTest::child_wait($_) == 0 or die "a job failed\n";
	}
}

sub cases_here {
	my ($self, $points, $until, $each) = @_;

	for my $point (@$points) {
		return if defined $until && Time::HiRes::time() > $until;
		$each->($self->case($point));
	}
}

# A case as a line short enough to be written to the pipe in one piece.
sub case_line {
	my ($case) = @_;
	my %short = (%$case, at => substr($case->{at}, 0, 300),
	    wrong => [ map { substr($_, 0, 300) } grep { defined }
	    @{ $case->{wrong} }[0 .. 4] ]);

	return JSON::PP->new->utf8->encode(\%short) . "\n";
}

1;
