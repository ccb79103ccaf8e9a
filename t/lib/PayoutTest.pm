# Payouts to be tested: a real chain and a real facilitator (t/rig), and
# ledgers whose workers have earned something. Each ledger has a treasury of
# its own, so that one chain serves all tests of a file: what one of them did
# is nothing that another one's ledger would look for.
package PayoutTest;

use strict;
use warnings;

use Digest::SHA ();
use Exporter 'import';
use File::Copy ();
use HTTP::Tiny;
use Test::More ();

use WorknetTest qw(build_path source_path find_program need_program need_packages
    run_command wait_for child_start child_end json_text json_value
    json_bool);

our @ISA = ('WorknetTest');
our @EXPORT_OK = qw(rig_start rig_stop word fault_so cases_ok);

# More than any rig's epochs need until a block is final.
my $FINAL_BLOCKS = 70;

# Exit codes of worknet-payout.
our %CODE = (nothing => 0, conf => 1, usage => 2, system => 7, locked => 3,
    unresolved => 4, insolvent => 5, findings => 6, paid => 10);

# What t/rig knows of the token: selectors, topics, who may mint.
my $TOKEN = json_value(WorknetTest::slurp(source_path('t/rig/token.json')));
our %SELECTOR = %{ $TOKEN->{SELECTOR} };
my ($USED, $TRANSFER) = @{ $TOKEN->{TOPIC} }{qw(AuthorizationUsed Transfer)};
my ($ADMIN, $STRANGER) = @$TOKEN{qw(admin stranger)};

# Ends the test where a rig can't be.
sub need_rig {
	need_packages();
	need_program('sqlite3');
	for my $program (qw(worknet-payout worknet t/tools/make_ledger t/tools/sign)) {
		Test::More::plan(skip_all => "$program isn't built")
		    if !-x build_path($program);
	}
}

sub fault_so { return -e build_path('t/tools/fault.so') }

# ---- The rig -------------------------------------------------------------

my $rigs = 0;

# Starts a rig; the arguments are those of rig.js. It ends with the test.
sub rig_start {
	my (@args) = @_;

	need_rig();
	my $dir = File::Temp::tempdir("worknet-rig-$$-XXXXXX", TMPDIR => 1,
	    CLEANUP => 1);
	WorknetTest::Process::ends_with_test('dir', $dir);
	my $pid = child_start('rig.js', sub {
		WorknetTest::exec_logged("$dir/log", find_program('node'),
		    source_path('t/rig/rig.js'), '--dir', $dir, @args);
	});
	wait_for(sub {
		die "rig.js ended:\n", WorknetTest::slurp("$dir/log") if
		    !WorknetTest::child_is_running($pid);
		return -e "$dir/rig.json";
	}, 'the rig');
	my $rig = json_value(WorknetTest::slurp("$dir/rig.json"));
	return bless { %$rig, path => "$dir/rig.json", child => $pid,
	    number => $rigs++,
	    http => HTTP::Tiny->new(keep_alive => 1, timeout => 60) },
	    'PayoutTest::Rig';
}

sub rig_stop {
	my ($rig) = @_;

	return child_end($rig->{child}, 'TERM');
}

# An ABI word: an address, a hash or a number.
sub word {
	my ($value) = @_;

	return $value =~ /^0x(\w+)$/ ? lc(('0' x (64 - length $1)) . $1) :
	    sprintf('%064x', $value);
}

package PayoutTest::Rig;

sub post {
	my ($self, $url, $value) = @_;
	my $answer = $self->{http}->post($url, { content =>
	    WorknetTest::json_text($value),
	    headers => { 'content-type' => 'application/json' } });

	die "$url: $answer->{status} $answer->{content}\n"
	    if !$answer->{success};
	return WorknetTest::json_value($answer->{content});
}

sub rpc {
	my ($self, $method, @params) = @_;
	my $answer = $self->post($self->{rpc}, { jsonrpc => '2.0', id => 1,
	    method => $method, params => \@params });

	die "$method: $answer->{error}{message}\n" if $answer->{error};
	return $answer->{result};
}

# Money of an address now, or at a block's tag.
sub balance {
	my ($self, $address, $tag) = @_;

	return hex substr($self->rpc('eth_call', { to => $self->{token},
	    data => $SELECTOR{balanceOf} . PayoutTest::word($address) },
	    $tag // 'latest'), -15);
}

# A call of the token by its admin: mint, blacklist, pause and so on.
sub token {
	my ($self, $what, @args) = @_;

	$self->send_from($ADMIN, $SELECTOR{$what} .
	    join('', map { PayoutTest::word($_) } @args));
}

# Has the owner of a private key (64 hex digits) cancel a nonce.
sub cancel {
	my ($self, $key, $nonce) = @_;
	my ($status, $out, $err) = WorknetTest::run_command(
	    WorknetTest::find_program('node'),
	    WorknetTest::source_path('t/rig/chain.js'), '--rig',
	    $self->{path}, 'cancel', "0x$key", $nonce);

	die "chain.js: $err" if $status != 0;
}

# Blocks, without any time passing on the chain.
sub mine { $_[0]->rpc('anvil_mine', sprintf('0x%x', $_[1] // 1)) }

# Moves the chain's clock on, in one new block. The programs' clock goes with
# it: see ahead_s.
sub warp {
	my ($self, $seconds) = @_;

	$self->rpc('evm_increaseTime', sprintf('0x%x', $seconds));
	$self->mine(1);
}

# How many seconds the chain's clock is ahead of ours. Its newest block may be
# some seconds old: less than a minute less than before is as much as before,
# for the programs' clock mustn't go back.
sub ahead_s {
	my ($self) = @_;
	my $block = $self->rpc('eth_getBlockByNumber', 'latest',
	    WorknetTest::json_bool(0));
	my $ahead = hex($block->{timestamp}) - time;
	my $before = $self->{ahead_s} // 0;

	return $before if $ahead <= $before && $ahead >= $before - 60;
	return $self->{ahead_s} = $ahead > 60 ? $ahead : 0;
}

sub block_number { return hex $_[0]->rpc('eth_blockNumber') }

# Stops all its servers but the chain itself, so that what they are at takes as
# long as the test needs; pay_end lets them go on.
sub freeze {
	my ($self) = @_;

	kill 'STOP', $self->{child} or die "kill: $!";
}

sub thaw {
	my ($self) = @_;

	kill 'CONT', $self->{child};
}

# What a server is to do: control('scripted', { mode => 'nonsense' }).
sub control {
	my ($self, $name, $order) = @_;

	$self->post("$self->{$name}/control", $order);
}

# The same, forgetting what was scripted and recorded before.
sub script {
	my ($self, $name, @order) = @_;

	$self->control($name, { reset => WorknetTest::json_bool(1) });
	$self->control($name, $_) for @order;
}

# What a node is to say from now on: node(1, { mode => 'invent', ... }); just
# its number: the truth.
sub node {
	my ($self, $i, $order) = @_;
	my $url = "$self->{nodes}[$i]/control";

	$self->post($url, { reset => WorknetTest::json_bool(1) });
	$self->post($url, $order) if $order;
}

# How often a node was asked for what since then: { method => calls }.
sub node_calls { return node_record(@_)->{counts} }

# And what: { method, params } each, the last thousand.
sub node_requests { return @{ node_record(@_)->{requests} } }

sub node_record {
	my ($self, $i) = @_;
	my $answer = $self->{http}->get("$self->{nodes}[$i]/control");

	return WorknetTest::json_value($answer->{content});
}

# How the programs call a node: its host and port.
sub node_name {
	my ($self, $i) = @_;

	return $self->{nodes}[$i] =~ m{^http://([^/]+)} ? $1 : die;
}

# The bodies that the scripted facilitator was given, each once.
sub bodies {
	my ($self) = @_;
	my %seen;

	return grep { !$seen{$_}++ } map { $_->{body} // () } $self->settles;
}

# Has the real facilitator carry out a body.
sub deliver {
	my ($self, $body) = @_;
	my $answer = $self->{http}->post("$self->{facilitator}/settle", {
	    content => $body, headers => { 'content-type' =>
	    'application/json' } });

	return WorknetTest::json_value($answer->{content})->{success};
}

# A transaction from an account whose key the chain holds; its hash.
sub send_from {
	my ($self, $from, $data) = @_;
	my $tx = $self->rpc('eth_sendTransaction', { from => $from,
	    to => $self->{token}, data => $data });
	my $receipt = WorknetTest::wait_for(sub {
		$self->rpc('eth_getTransactionReceipt', $tx);
	}, "the receipt of $tx");

	die "$tx: reverted\n" if $receipt->{status} ne '0x1';
	return $tx;
}

# Has a stranger carry out a body without any facilitator: whoever has read it
# can, and the worker is told of it.
sub submit {
	my ($self, $body) = @_;
	my $payload = WorknetTest::json_value($body)->{paymentPayload}{payload};
	my ($r, $s, $v) = $payload->{signature} =~ /^0x(.{64})(.{64})(..)$/;

	return $self->send_from($STRANGER, join('',
	    $SELECTOR{transferWithAuthorization}, map { PayoutTest::word($_) }
	    @{ $payload->{authorization} }{qw(from to value validAfter
	    validBefore nonce)}, "0x$v", "0x$r", "0x$s"));
}

# What the scripted facilitator was asked to settle.
sub settles {
	my ($self) = @_;
	my $answer = $self->{http}->get("$self->{scripted}/control");

	return grep { $_->{path} =~ m{/settle$} && $_->{method} eq 'POST' }
	    @{ WorknetTest::json_value($answer->{content})->{requests} };
}

sub trapped {
	my ($self) = @_;
	my $answer = $self->{http}->get("$self->{scripted}/control");

	return WorknetTest::json_value($answer->{content})->{trapped};
}

# The treasury's payments: { nonce, to, value, tx, block }.
sub payments {
	my ($self, $treasury) = @_;
	my $logs = $self->rpc('eth_getLogs', { address => $self->{token},
	    fromBlock => '0x0', toBlock => 'latest',
	    topics => [[$USED, $TRANSFER], '0x' . PayoutTest::word($treasury)]
	});
	my %at = map { ($_->{transactionHash} . ' ' . hex $_->{logIndex}
	    => $_) } @$logs;
	my @payments;

	for my $log (@$logs) {
		next if $log->{topics}[0] ne $USED;
		my $next = $at{$log->{transactionHash} . ' ' .
		    (1 + hex $log->{logIndex})};
		push @payments, { nonce => $log->{topics}[2],
		    to => '0x' . substr($next->{topics}[2], 26),
		    value => hex substr($next->{data}, -15),
		    tx => $log->{transactionHash},
		    block => hex $log->{blockNumber} };
	}
	return @payments;
}

package PayoutTest;

# ---- A ledger, and the money to pay it -----------------------------------

our $seeds = 0;

# Caps that no test reaches unless it means to.
sub caps {
	return map { ("max_per_${_}_micros" => 1000000000000) }
	    qw(payout run worker_day day);
}

# Options: workers (3), results (20 for each of them), fund (micro-USDC of the
# treasury; 1000000000), payout => { what differs in the configuration }.
sub new {
	my ($class, $rig, %opt) = @_;
	my $seed = $opt{seed} // 1000 * $rig->{number} + ++$seeds;
	my $key = Digest::SHA::sha256_hex("treasury of $seed");
	my $network = $rig->{chainId} == 8453 ? 'base' : 'base-sepolia';
	my $self = WorknetTest::new($class, conf => { payout => {
	    network => $network, facilitators => $rig->{facilitator},
	    single_node => 'accept',
	    rpc_urls => $rig->{rpc}, treasury_key_file => 'key',
	    threshold_micros => 1000, caps(), %{ $opt{payout} // {} } } });

	$self->{rig} = $rig;
	$self->{seed} = $seed;
	$self->{workers} = $opt{workers} // 3;
	$self->{treasury} = lc(($self->sign($key, 'x', 0, 1, 'lower'))[1]);
	$self->key_write("0x$key\n");
	$self->ledger_make('--results', $self->{workers} *
	    ($opt{results} // 20), '--end-ms',
	    WorknetTest::now_ms() - 3600000);
	$rig->token('mint', $self->{treasury}, $opt{fund} // 1000000000)
	    if ($opt{fund} // 1) > 0;
	return $self;
}

sub ledger_make {
	my ($self, @args) = @_;
	my ($status, $out, $err) = run_command(build_path('t/tools/make_ledger'),
	    '--db', $self->ledger_path, '--seed', $self->{seed},
	    '--workers', $self->{workers}, '--tasks', 5,
	    '--interval-ms', 60000, '--silent-percent', 0, '--cooldown-ms', 0,
	    @args);

	die "make_ledger: $err" if $status != 0;
}

# The same workers go on and earn more; what they were paid is final by then,
# unless soon is given.
sub more_work {
	my ($self, $results, $soon) = @_;

	$self->{rig}->mine(10) if !$soon;
	$self->ledger_make('--append', '--results', $self->{workers} *
	    ($results // 20));
}

sub key_write {
	my ($self, $text, $mode) = @_;

	WorknetTest::spurt($self->dir('key'), $text);
	chmod($mode // 0600, $self->dir('key')) or die $!;
}

# Changes the configuration's [payout]; undef takes a key away.
sub payout_conf {
	my ($self, %keys) = @_;
	my $conf = $self->{conf}{payout};

	%$conf = (%$conf, %keys);
	delete $conf->{$_} for grep { !defined $conf->{$_} } keys %$conf;
	$self->conf_write;
}

# The programs' clock goes with the chain's, unless the test has set one. They
# are told by how much, not by a file, which the treasury's vault can't open.
sub fault_env {
	my ($self) = @_;
	my %env = $self->SUPER::fault_env;
	my $ahead_s = defined $self->{clock}
	    ? int(($self->{clock} - WorknetTest::now_ms()) / 1000)
	    : $self->{rig}->ahead_s;

	return %env if ($ahead_s == 0 && !$self->{jump}) ||
	    !PayoutTest::fault_so();
	delete $env{WN_FAULT_CLOCK};
	$env{WN_FAULT_JUMP} = $self->{jump} if $self->{jump};
	return (LD_PRELOAD => build_path('t/tools/fault.so'), ASAN_OPTIONS =>
	    join(':', $ENV{ASAN_OPTIONS} // (), 'verify_asan_link_order=0'),
	    %env, WN_FAULT_AHEAD_S => $ahead_s);
}

# From the next run on, jump(seconds) sets the clock of the programs forward,
# also of a run that is at work.
sub jump {
	my ($self, $seconds) = @_;
	my $path = $self->dir('jump');

	$self->{jump} = $path;
	WorknetTest::spurt($path, "\0" x 32) if !-e $path;
	open(my $f, '+<', $path) or die "$path: $!";
	syswrite($f, pack('a32', $seconds)) == 32 or die "$path: $!";
}

# A person begins a new journal: what was signed is forgotten.
sub journal_new {
	my ($self) = @_;

	$self->pay('--journal', 'new') == 0 or die $self->{err};
}

# Runs worknet-payout: its exit code; output and error are kept in {out} and
# {err}.
sub pay {
	my ($self, @args) = @_;
	my $opt = ref $args[0] ? shift @args : {};

	my ($code, $out, $err) = run_command({ env => { $self->fault_env,
	    %{ $opt->{env} // {} } } }, build_path('worknet-payout'), '-c',
	    $self->conf_path, @args);
	@$self{qw(code out err)} = ($code, $out, $err);
	# What a sanitizer or a failed check says is never expected.
	die "worknet-payout @args: exit code $code\n$out$err" if $code > 100 ||
	    $err =~ /Sanitizer|runtime error:|check failed/;
	return $code;
}

# Pays and tests the exit code, by its name.
sub pay_is {
	my ($self, $expected, $name, @args) = @_;
	my $code = $self->pay(@args);
	my %name_of = reverse %CODE;

	my $ok = Test::More::is($name_of{$code} // $code, $expected, $name);
	Test::More::diag($self->{out}, $self->{err}) if !$ok;
	return $ok;
}

# Tests each of the cases, [name, code], in so many processes, which have a rig
# each, started with these arguments; the code gets the rig. Its tests become
# this program's, under the case's name. WN_CASES, a pattern, takes some.
sub cases_ok {
	my ($jobs, $rig_args, @cases) = @_;

	need_rig();
	@cases = grep { $_->[0] =~ /$ENV{WN_CASES}/ } @cases
	    if defined $ENV{WN_CASES};
	WorknetTest::Process::share_out($jobs, \@cases,
	    sub { rig_start(@$rig_args) }, sub {
		my ($rig, $case) = @_;
		my $builder = Test::More->builder;
		my $text = '';

		$builder->reset;
		$builder->$_(\$text) for qw(output failure_output todo_output);
		$rig->script('scripted');
		$rig->node($_) for 0 .. $#{ $rig->{nodes} };
		$PayoutTest::seeds = 100 * Digest::SHA::sha256_hex($case->[0])
		    =~ s/^(.{5}).*/hex $1/er;
		my $began = time;
		eval { $case->[1]->($rig); 1 } or
		    Test::More::fail("it ends: $@");
		Test::More::note(time - $began, ' s');
		return $text;
	    }, sub {
		my ($case, $text) = @_;

		for (split /\n/, $text) {
			if (/^(not )?ok \d+ - (.*)/) {
				Test::More::ok(!$1, "$case->[0]: $2");
			} elsif (/^# (?!  (Failed test|at ))(.*)/) {
				my $line = substr("$case->[0]: $2", 0, 600);
				$2 =~ /^\d+ s$/ ? Test::More::note($line) :
				    Test::More::diag($line);
			}
		}
	    });
}

# Starts a run that goes on by itself.
sub pay_start {
	my ($self) = @_;
	my %env = $self->fault_env;
	my $pid = child_start('worknet-payout', sub {
		WorknetTest::env_set(%env);
		WorknetTest::exec_logged($self->dir('run.log'),
		    build_path('worknet-payout'), '-c', $self->conf_path);
	});

	return $pid;
}

# The same, and waits until it is with the scripted facilitator, which is told
# to keep it for a while.
sub pay_begin {
	my ($self) = @_;
	my $pid = $self->pay_start;

	wait_for(sub { $self->{rig}->settles }, 'the facilitator to be asked');
	return $pid;
}

# The exit code of such a run.
sub pay_end {
	my ($self, $pid) = @_;

	$self->{rig}->thaw;
	my $status = WorknetTest::child_wait($pid);

	return $status & 127 ? "signal $status" : $status >> 8;
}

# Addresses of the workers, the one who has waited longest first.
sub worker_list {
	my ($self) = @_;

	return map { $_->{address} } $self->sql('SELECT w.address, ' .
	    '(SELECT min(t.at_ms) FROM transfer t WHERE t.credit = w.id) ' .
	    'AS since FROM worker w ORDER BY since, w.id');
}

# What a worker is owed, in micro-USDC.
sub owed {
	my ($self, $address) = @_;

	return $self->balance({ address => $address });
}

# Rows of the payouts: all, or a worker's.
sub payouts {
	my ($self, $address) = @_;
	my $where = defined $address ? "WHERE w.address = '$address'" : '';

	return $self->sql('SELECT p.id, w.address, p.seq, p.amount_micros, ' .
	    'p.paid_micros, p.state, p.nonce FROM payout p JOIN worker w ' .
	    "ON w.id = p.worker $where ORDER BY p.id");
}

# Findings that are open, or all.
sub findings {
	my ($self, $all) = @_;

	return $self->sql('SELECT id, kind, subject, detail, since_ms, ' .
	    'last_ms, times, closed_by FROM finding ' .
	    ($all ? '' : 'WHERE closed_ms IS NULL ') . 'ORDER BY id');
}

# The newest row about a run.
sub last_run {
	my ($self) = @_;
	my ($run) = $self->sql('SELECT * FROM payout_run ORDER BY id DESC ' .
	    'LIMIT 1');

	return $run;
}

# The states of all payouts (or a worker's), in order: "final final".
sub states {
	my ($self, $address) = @_;

	return join(' ', map { $_->{state} } $self->payouts($address));
}

# A worker's money on the chain.
sub chain_money {
	my ($self, $address) = @_;

	return $self->{rig}->balance($address);
}

# ---- The books -----------------------------------------------------------

my $WORKERS = <<'EOF_SQL';
SELECT w.address, a.balance_micros AS owed,
	(SELECT coalesce(sum(amount_micros), 0) FROM transfer t
	 WHERE t.credit = w.id AND t.kind IN ('credit', 'recover'))
	- (SELECT coalesce(sum(amount_micros), 0) FROM transfer t
	 WHERE t.debit = w.id AND t.kind = 'forfeit') AS earned,
	(SELECT coalesce(sum(max(amount_micros - paid_micros, 0)), 0)
	 FROM payout p WHERE p.worker = w.id AND p.state IN ('reserved',
	'signed', 'submitted', 'posted')) AS in_flight,
	(SELECT coalesce(sum(paid_micros), 0) FROM payout p
	 WHERE p.worker = w.id) AS paid
FROM worker w JOIN account a ON a.id = w.id;
EOF_SQL

# What must never be, whoever lies: somebody has more than was earned, a cap is
# passed, or a payout is final that isn't so on the chain; in words.
sub losses {
	my ($self) = @_;
	my $caps = $self->{conf}{payout};
	my @payments = $self->{rig}->payments($self->{treasury});
	my (@bad, %of_nonce, %of_worker, $sum);

	for my $p (@payments) {
		$of_nonce{$p->{nonce}} = $p;
		$of_worker{$p->{to}} += $p->{value};
		$sum += $p->{value};
		push @bad, "$p->{value} in one payment" if $p->{value} >
		    ($caps->{max_per_payout_micros} || 9e15);
	}
	for my $w ($self->sql("SELECT w.address, (SELECT coalesce(sum(" .
	    'amount_micros), 0) FROM transfer t WHERE t.credit = w.id AND ' .
	    "kind = 'credit') AS earned FROM worker w")) {
		my $has = delete $of_worker{$w->{address}} // 0;

		push @bad, "$w->{address} has $has, earned $w->{earned}"
		    if $has > $w->{earned};
		push @bad, "$w->{address} has $has, more than its cap"
		    if $has > ($caps->{max_per_worker_day_micros} || 9e15);
	}
	push @bad, map { "$_, no worker, was paid $of_worker{$_}" }
	    keys %of_worker;
	push @bad, "$sum paid, more than the day's cap" if ($sum // 0) >
	    ($caps->{max_per_day_micros} || 9e15);
	my $final = hex $self->{rig}->rpc('eth_getBlockByNumber', 'finalized',
	    WorknetTest::json_bool(0))->{number};
	for my $p (grep { $_->{state} eq 'final' } $self->payouts) {
		my $paid = $of_nonce{$p->{nonce}};

		push @bad, "payout $p->{id} is final with $p->{paid_micros}, " .
		    'the chain has ' . ($paid ? "$paid->{value} to " .
		    "$paid->{to} in block $paid->{block}, $final is final" :
		    'nothing') if !$paid || $paid->{block} > $final ||
		    $paid->{value} != $p->{paid_micros} ||
		    $paid->{to} ne $p->{address};
	}
	return @bad;
}

sub losses_none {
	my ($self, $name) = @_;

	return Test::More::is(join('; ', $self->losses), '',
	    "nothing is doubled, above a cap or final by a lie $name");
}

# Ordinary runs, with final blocks between them, until everybody has what was
# earned and all is final; tests that this comes, and that the books agree.
sub settles_ok {
	my ($self, $name) = @_;
	my $open = 'SELECT (SELECT count(*) FROM payout WHERE state NOT IN ' .
	    "('final', 'voided')) + (SELECT count(*) FROM account WHERE " .
	    "id > 3 AND balance_micros >= " .
	    "$self->{conf}{payout}{threshold_micros})";

	for (1 .. 6) {
		$self->pay;
		last if $self->sql_value($open) == 0;
		$self->{rig}->mine($FINAL_BLOCKS);
	}
	my @bad = ($self->losses, $self->books_troubles);
	push @bad, $self->sql_value($open) . ' payouts or debts are open' .
	    ": $self->{out}$self->{err}" if $self->sql_value($open) != 0;
	for my $w ($self->sql($WORKERS)) {
		push @bad, "$w->{address} has earned $w->{earned}, was paid " .
		    $w->{paid} if $w->{earned} != $w->{paid} + $w->{owed};
	}
	return Test::More::is(join('; ', @bad), '',
	    "everybody has what was earned, once $name");
}

# The kinds of the findings that name a node, by its number.
sub findings_of_node {
	my ($self, $i, $which) = @_;
	my $name = $self->{rig}->node_name($i);

	return map { $_->{kind} } $self->sql('SELECT DISTINCT kind FROM ' .
	    "finding WHERE subject || ' ' || detail LIKE '%$name%'" .
	    ($which // ''));
}

# Those of them that are open.
sub findings_open_of_node {
	my ($self, $i) = @_;

	return $self->findings_of_node($i, ' AND closed_ms IS NULL');
}

# What is wrong between the ledger and the chain, in words.
sub books_troubles {
	my ($self) = @_;
	my (@bad, %booked, %seen, $chain_sum, $ledger_sum);

	for my $w ($self->sql($WORKERS)) {
		my $money = $self->chain_money($w->{address});
		my $due = $w->{earned} - $w->{owed} - $w->{in_flight};
		push @bad, "$w->{address} has $money on the chain, " .
		    "$w->{paid} by the ledger" if $money != $w->{paid};
		push @bad, "$w->{address} was paid $w->{paid}, earned less " .
		    "owed and in flight is $due" if $due != $w->{paid};
		$ledger_sum += $w->{paid};
	}
	for my $p ($self->payouts) {
		next if $p->{state} !~ /^(posted|final)$/;
		$booked{$p->{nonce}} = $p;
	}
	for my $p ($self->{rig}->payments($self->{treasury})) {
		my $b = delete $booked{$p->{nonce}};
		push @bad, "nonce $p->{nonce} was used twice"
		    if $seen{$p->{nonce}}++;
		push @bad, "nonce $p->{nonce} isn't booked" if !$b;
		push @bad, "nonce $p->{nonce}: the amount or the payee differs"
		    if $b && ($b->{paid_micros} != $p->{value} ||
		    $b->{address} ne $p->{to});
		$chain_sum += $p->{value};
	}
	push @bad, "payout $_->{id} is booked, and not on the chain"
	    for values %booked;
	push @bad, 'the sums differ' if ($chain_sum // 0) !=
	    ($ledger_sum // 0);
	my $trial = $self->sql_value('SELECT micros FROM trial_balance');
	push @bad, "the trial balance is $trial" if $trial != 0;
	return @bad;
}

# Tests that ledger and chain agree, that the exceptions are exactly those
# whose kinds are given, and that the audit finds nothing but these.
sub books_ok {
	my ($self, $name, @kinds) = @_;
	my @bad = $self->books_troubles;
	my @exceptions = $self->sql('SELECT kind, subject, detail FROM ' .
	    'exceptions');
	my $got = join(', ', sort map { $_->{kind} } @exceptions);
	my $expected = join(', ', sort @kinds);

	push @bad, "exceptions: got \"$got\", expected \"$expected\""
	    if $got ne $expected;
	my ($status, $text) = $self->audit;
	push @bad, "the audit says:\n$text" if $status != 0 && !@kinds;
	my $ok = Test::More::is(join('; ', @bad), '',
	    "chain, ledger and audit agree $name");
	Test::More::diag(map { "$_->{kind}: $_->{subject}: $_->{detail}\n" }
	    @exceptions) if !$ok;
	return $ok;
}

# ---- Copies of the ledger ------------------------------------------------

# A backup, as the operator makes one.
sub backup {
	my ($self, $name) = @_;

	$self->sql_text('.backup ' . $self->dir($name));
}

sub restore {
	my ($self, $name) = @_;
	my $path = $self->ledger_path;

	unlink "$path-wal", "$path-shm";
	File::Copy::copy($self->dir($name), $path) or die "$path: $!";
}

1;
