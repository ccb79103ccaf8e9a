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
use JSON::PP ();
use List::Util qw(min sum0);

use PayoutTest qw(rig_start rig_stop);
use WorknetTest qw(build_path source_path find_program run_command slurp);

# What writes, syncs, connects, sends, receives, or waits for what was sent.
# "?": not every architecture has it.
my @CALLS = map { "?$_" } qw(write pwrite64 writev pwritev pwritev2 ftruncate
    fallocate fsync fdatasync msync unlink unlinkat rename renameat renameat2
    connect sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg poll ppoll
    epoll_wait epoll_pwait);

# How a case begins: steps before the run that is killed; steps after it, each
# with an ordinary run; which findings it may leave ('any': whatever). path:
# only calls on this file of the case count; payout: what differs in the
# configuration; class: what the case's ledger is; needs: a file of the source
# without which the scene can't be.
my %SCENES = (
	pay => { text => 'workers are owed', steps => [] },
	final => { text => 'payouts are posted and their blocks final',
	    steps => [ qw(run mine) ] },
	restore => { text => 'an older copy of the ledger was restored',
	    steps => [ qw(save run mine run restore) ],
	    findings => 'payout lost' },
	lie => { text => 'one of two nodes lies', steps => [ qw(run lie) ],
	    after => [ qw(mine truth) ], findings => 'any' },
	journal => { text => 'workers are owed, and only what the journal ' .
	    'is written with counts', steps => [], path => 'journal',
	    payout => { journal_file => 'journal' },
	    needs => 'src/vault/vault.h' },
	direct => { text => 'workers are owed, and the gas account pays',
	    steps => [], class => 'DirectTest',
	    needs => 't/lib/DirectTest.pm' },
);

# What a node says in the scene `lie`.
my @LIES = (
	{ final => 'head', deny => 'all', time => '+90000' },
	{ final => 'head', uses => [{ nonce => 'any', value => 1 }] },
	{ final => 'head', uses => [{ nonce => 'any', value => 1,
	    real => JSON::PP::true() }] },
	{ final => 'head', uses => [{ nonce => 'any',
	    canceled => JSON::PP::true() }] },
	{ head => 50, final => 'head' },
);

my $WORKERS = 3;
my $RESULTS = 3;		# of each
my $THRESHOLD = 100;		# micro-USDC, below what a result earns
my $FUND = 1000000;		# micro-USDC of each case's treasury
my $FINAL_BLOCKS = 4;		# 2 epochs of 2 slots
my $RUNS_MAX = 12;		# ordinary ones after a kill
my $RIG_CASES = 30;		# on a chain: a long one becomes slow
my %CODE = %PayoutTest::CODE;

# Options: seed, scene (a key of %SCENES), kills (in a row; all but the
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

# The names of the scenes that there can be here.
sub scenes {
	return grep { my $needs = $SCENES{$_}{needs};
	    !defined $needs || -e source_path($needs) } sort keys %SCENES;
}

sub scene_text { return $SCENES{$_[0]{scene}}{text} }

# Why no campaign can run here, or undef.
sub obstacle {
	for my $name (qw(worknet-payout worknet t/tools/make_ledger t/tools/sign)) {
		return "$name isn't built" if !-x build_path($name);
	}
	for my $name (qw(strace sqlite3)) {
		return "$name isn't installed" if !find_program($name);
	}
	WorknetTest::need_packages();
	my $trace = File::Temp->new(TEMPLATE => 'worknet-kill-XXXXXX',
	    TMPDIR => 1);
	my ($status, $out, $err) = run_command(find_program('strace'),
	    qw(-f -qq -o), "$trace", qw(-e trace=write -e),
	    'inject=write:signal=KILL:when=1', '/bin/echo', 'alive');
	return if $status == 128 + 9 && $out eq '';
	return 'strace can\'t trace and kill here' .
	    ($err =~ /^(.*)/ && $1 ne '' ? " ($1)" : '');
}

# ---- The chain ----

# A rig may go from one campaign to the next.
sub rig_give { return [ delete @{ $_[0] }{qw(rig rig_cases)} ] }

sub rig_take {
	my ($self, $rig) = @_;

	@$self{qw(rig rig_cases)} = @$rig;
	return $self;
}

sub rig_end {
	my ($self) = @_;

	rig_stop(delete $self->{rig}) if $self->{rig};
}

sub rig_begin {
	my ($self) = @_;

	$self->rig_end;
	$self->{rig} = rig_start($self->{block_time} ?
	    ('--block-time', $self->{block_time}) : ());
	$self->{rig_cases} = 0;
}

sub mine { $_[0]{rig}->mine($FINAL_BLOCKS) }

sub lie {
	my ($self) = @_;

	$self->{rig}->node(0, { mode => 'invent', %{ $LIES[hex(substr(
	    $self->digest('lie'), 0, 7)) % @LIES] } });
}

sub truth { $_[0]{rig}->node(0) }

# ---- One case: a ledger, a treasury, a run that is killed ----

# A case's own numbers, from the campaign's seed and the case's name.
sub digest {
	my ($self, $what) = @_;

	return Digest::SHA::sha256_hex("$self->{seed} $self->{scene} " .
	    "$self->{name} $what");
}

sub case_begin {
	my ($self, $name) = @_;

	$self->rig_begin if !$self->{rig} ||
	    $self->{rig_cases}++ >= $RIG_CASES;
	$self->{name} = $name;
	$self->truth;
	my $rig = $self->{rig};
	my $scene = $SCENES{$self->{scene}};
	my $class = $scene->{class} // 'PayoutTest';
	eval "require $class" or die $@;
	my $l = $self->{l} = $class->new($rig, workers => $WORKERS,
	    results => $RESULTS, fund => $FUND,
	    seed => hex(substr($self->digest('ledger'), 0, 7)), payout => {
	    rpc_urls => $self->{scene} eq 'lie' ?
	    "$rig->{nodes}[0] $rig->{nodes}[1]" : $rig->{rpc},
	    x402_version => $self->{x402},
	    threshold_micros => $THRESHOLD,
	    concurrency => $self->{concurrency},
	    %{ $scene->{payout} // {} } });
	$self->{ledger} = $l->ledger_path;
	$self->{said} = '';
	for my $step (@{ $scene->{steps} }) {
		$self->$step;
	}
}

sub case_end {
	my ($self) = @_;

	$self->truth;
	File::Path::remove_tree($self->{l}->dir);
}

# Keeps what is left of a case for people; where.
sub case_keep {
	my ($self) = @_;
	my $to = "$self->{dir}/$self->{name}";

	File::Path::remove_tree($to);
	system('cp', '-r', $self->{l}->dir, $to);
	return $to;
}

# An ordinary run; its exit code.
sub run {
	my ($self) = @_;
	my $l = $self->{l};
	my $status = $l->pay;

	$self->{said} .= "exit code $status: $l->{out}$l->{err}"
	    if $status != $CODE{nothing};
	return $status;
}

# Whether a run may end so.
sub may_end {
	my ($self, $status) = @_;
	my $findings = $SCENES{$self->{scene}}{findings} // '';

	return $status == $CODE{nothing} || $status == $CODE{unresolved} ||
	    $status == $CODE{paid} ||
	    ($status == $CODE{findings} && $findings ne '') ||
	    ($status == $CODE{system} && $findings eq 'any');
}

sub save { $_[0]{l}->backup('saved') }
sub restore { $_[0]{l}->restore('saved') }

sub strace {
	my ($self, @options) = @_;
	my $path = $SCENES{$self->{scene}}{path};
	my $l = $self->{l};

	# Not with --seccomp-bpf: it loses the signal.
	return run_command({ env => { $l->fault_env } },
	    find_program('strace'), qw(-f -qq -o), $l->dir('trace'),
	    (defined $path ? ('-P', $l->dir($path)) : ()),
	    (map { ('-e', $_) } @options), build_path('worknet-payout'), '-c',
	    $l->conf_path);
}

# A run killed at the n-th call of that name, or the process of it that came to
# that; what the kill met, '' when the run ended before.
sub run_killed {
	my ($self, $call, $n) = @_;
	my ($status, undef, $err) = $self->strace("trace=$call",
	    "inject=$call:signal=KILL:when=$n");
	my $trace = slurp($self->{l}->dir('trace'));
	my ($pid) = $trace =~ /^(\d+) +\+\+\+ killed by SIGKILL/m;

	if (defined $pid || $status == 128 + 9) {
		my @begun = $trace =~ /^\d+ +($call\(.*)$/mg;
		return $begun[-1] // die "killed, but no trace of it\n";
	}
	die "strace: exit code $status: $err" if !$self->may_end($status);
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
	    if !$self->may_end($status);
	for (split /\n/, slurp($self->{l}->dir('trace'))) {
		push @calls, [ $1, ++$n{$1} ] if /^\d+ +(\w+)\(/;
	}
	$self->case_end;
	return @calls;
}

# ---- What must hold ----

sub sql {
	my ($self, $sql) = @_;

	return $self->{l}->sql($sql);
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
	my $copy = $self->{l}->dir('copy.db');

	unlink map { $copy . $_ } '', '-wal', '-shm';
	for ('', '-wal') {
		File::Copy::copy($self->{ledger} . $_, $copy . $_)
		    if -e $self->{ledger} . $_;
	}
	my ($status, $out, $err) = run_command(find_program('sqlite3'),
	    '-batch', '-bail', $copy, $BOOKS_SQL);
	return map { "after the kill: $_" } split /\n/, "$out$err";
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
	for my $step (@{ $SCENES{$self->{scene}}{after} // [] }) {
		$self->run;
		$self->$step;
	}
	for my $n (1 .. $RUNS_MAX) {
		push @wrong, "ordinary run $n: $self->{said}"
		    if !$self->may_end($self->run);
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
		my $chain = $self->{l}->chain_money($w->{address});
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
		next if $p->{state} eq 'voided';
		my $paid = delete $left{($p->{tx} // '') . " $p->{address}"};
		if ($p->{state} ne 'final') {
			$case->{open}++;
			push @wrong, "payout $p->{id} is $p->{state}";
		} elsif (!$paid || $paid->{to} ne $p->{address} ||
		    $paid->{value} != $p->{paid_micros} ||
		    $paid->{value} != $p->{amount_micros}) {
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
	my $l = $self->{l};
	my @wrong = map { $_->{wrong} } $self->sql($BOOKS_SQL);
	my $may = $SCENES{$self->{scene}}{findings} // '';
	my ($status, $out, $err) = $l->worknet_try('audit', '--signatures');
	my $paid = sum0(map { $_->{value} } @$payments);

	push @wrong, map { "finding: $_->{kind}: $_->{subject}: $_->{detail}" }
	    $self->sql("SELECT * FROM finding WHERE kind <> '$may'")
	    if $may ne 'any';
	push @wrong, "the treasury isn't poorer by $paid"
	    if $self->{rig}->balance($l->{treasury}) != $FUND - $paid;
	push @wrong, 'the gas account\'s transactions are stuck'
	    if $l->can('gas_nonce') &&
	    $l->gas_nonce('pending') != $l->gas_nonce('latest');
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
		push @{ $case->{wrong} }, $self->settle;
		push @{ $case->{wrong} }, $self->{l}->wrong_nonces
		    if $self->{l}->can('wrong_nonces');
		my @payments = $self->{rig}->payments(
		    $self->{l}{treasury});
		push @{ $case->{wrong} },
		    $self->check_workers($case, \@payments),
		    $self->check_payouts($case, \@payments),
		    $self->check_books(\@payments);
		1;
	} or push @{ $case->{wrong} }, "the case ended: $@";
	$case->{seconds} = Time::HiRes::time() - $began;
	$case->{dir} = $self->case_keep if @{ $case->{wrong} } && $self->{l};
	$self->case_end if $self->{l};
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
	my $one = sub {
		my (undef, $point) = @_;

		return if defined $until && Time::HiRes::time() > $until;
		return $self->case($point);
	};

	if ($jobs <= 1 || @$points <= 1) {
		$each->($_) for grep { $_ } map { $one->(undef, $_) } @$points;
		return;
	}
	$self->rig_end;
	WorknetTest::Process::share_out($jobs, $points, sub { undef }, $one,
	    sub { $each->($_[1]) if $_[1] });
}

1;
