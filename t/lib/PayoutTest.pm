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

use WorknetTest qw(build_path source_path find_program need_program
    run_command wait_for child_start child_end json_text json_value
    json_bool);

our @ISA = ('WorknetTest');
our @EXPORT_OK = qw(rig_start rig_stop word fault_so);

# Exit codes of worknet-payout.
our %CODE = (nothing => 0, conf => 1, system => 2, locked => 3,
    unresolved => 4, insolvent => 5, findings => 6, paid => 10);

my %SELECTOR = (balanceOf => '70a08231', mint => '40c10f19',
    blacklist => 'f9f92be4', unBlacklist => '1a895266', pause => '8456cb59',
    unpause => '3f4ba83a');
my $USED = '0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5';
my $TRANSFER =
    '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
my $ADMIN = '0xa0ee7a142d267c1f36714e4a8f75612f20a79720';

# Ends the test as skipped where a rig can't be.
sub need_rig {
	need_program('node', 'sqlite3');
	Test::More::plan(skip_all => 't/node_modules is missing: npm ci in t/')
	    if !-d source_path('t/node_modules/viem');
	for my $program (qw(worknet-payout worknet t/make_ledger t/sign)) {
		Test::More::plan(skip_all => "$program isn't built")
		    if !-x build_path($program);
	}
}

sub fault_so { return -e build_path('t/fault.so') }

# ---- The rig -------------------------------------------------------------

my $rigs = 0;

# Starts a rig; the arguments are those of rig.js. It ends with the test.
sub rig_start {
	my (@args) = @_;

	need_rig();
	my $dir = File::Temp::tempdir('worknet-rig-XXXXXX', TMPDIR => 1,
	    CLEANUP => 1);
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
	    data => "0x$SELECTOR{balanceOf}" . PayoutTest::word($address) },
	    $tag // 'latest'), -15);
}

# A call of the token by its admin: mint, blacklist, pause and so on.
sub token {
	my ($self, $what, @args) = @_;
	my $tx = $self->rpc('eth_sendTransaction', { from => $ADMIN,
	    to => $self->{token}, data => "0x$SELECTOR{$what}" .
	    join('', map { PayoutTest::word($_) } @args) });

	my $receipt = WorknetTest::wait_for(sub {
		$self->rpc('eth_getTransactionReceipt', $tx);
	}, "the receipt of $what");
	die "$what: reverted\n" if $receipt->{status} ne '0x1';
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

# Moves the chain's clock on, in one new block, and that of the programs that
# ledgers of this rig start.
sub warp {
	my ($self, $seconds) = @_;

	$self->rpc('evm_increaseTime', sprintf('0x%x', $seconds));
	$self->mine(1);
	$self->{warped_s} += $seconds;
	WorknetTest::spurt("$self->{path}.clock",
	    '+' . 1000 * $self->{warped_s} . "\n");
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

my $seeds = 0;

# Options: workers (3), results (20 for each of them), fund (micro-USDC of the
# treasury; 1000000000), payout => { what differs in the configuration }.
sub new {
	my ($class, $rig, %opt) = @_;
	my $seed = $opt{seed} // 1000 * $rig->{number} + ++$seeds;
	my $key = Digest::SHA::sha256_hex("treasury of $seed");
	my $network = $rig->{chainId} == 8453 ? 'base' : 'base-sepolia';
	my $self = WorknetTest::new($class, conf => { payout => {
	    network => $network, facilitator_url => $rig->{facilitator},
	    single_node => 'accept',
	    rpc_urls => $rig->{rpc}, treasury_key_file => 'key',
	    threshold_micros => 1000, %{ $opt{payout} // {} } } });

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
	my ($status, $out, $err) = run_command(build_path('t/make_ledger'),
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

# The programs' clock goes with the chain's.
sub fault_env {
	my ($self) = @_;
	my $warped = $self->{rig}{warped_s} && !defined $self->{clock};

	local $self->{fault} = 1 if $warped;
	my %env = $self->SUPER::fault_env;
	$env{WN_FAULT_CLOCK} = "$self->{rig}{path}.clock" if $warped;
	return %env;
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

# Starts a run that goes on by itself, and waits until it is with the scripted
# facilitator, which is told to keep it for a while.
sub pay_begin {
	my ($self) = @_;
	my $pid = child_start('worknet-payout', sub {
		WorknetTest::env_set($self->fault_env);
		WorknetTest::exec_logged($self->dir('run.log'),
		    build_path('worknet-payout'), '-c', $self->conf_path);
	});

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
	 WHERE t.credit = w.id AND t.kind IN ('credit', 'recover')) AS earned,
	(SELECT coalesce(sum(max(amount_micros - paid_micros, 0)), 0)
	 FROM payout p WHERE p.worker = w.id AND p.state IN ('reserved',
	'signed', 'submitted', 'posted')) AS in_flight,
	(SELECT coalesce(sum(paid_micros), 0) FROM payout p
	 WHERE p.worker = w.id) AS paid
FROM worker w JOIN account a ON a.id = w.id;
EOF_SQL

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
