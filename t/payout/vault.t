#!/usr/bin/perl
# The vault within a payout run: what it has and hasn't, its caps, its journal,
# and what becomes of a run when it is killed between any two of its steps.
use strict;
use warnings;
no warnings 'portable'; # addresses of 64 bits

use List::Util 'min';
use POSIX ();

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use PayoutTest qw(rig_start rig_stop fault_so);
use WorknetTest qw(build_path run_command);

my $rig = rig_start();

sub ledger {
	my ($workers, %payout) = @_;

	return PayoutTest->new($rig, workers => $workers, payout => {
	    facilitators => $rig->{scripted}, %payout });
}

sub scripted {
	my ($order) = @_;

	$rig->script('scripted', $order // ());
}

sub journal_path {
	my ($l) = @_;

	return $l->dir("journal-84532-$l->{treasury}");
}

# Its entries: { n, worker, number, amount, until }.
sub journal {
	my ($l, $kind) = @_;
	my @lines = split /\n/, WorknetTest::slurp(journal_path($l));
	my @entries;

	shift @lines;
	for (@lines) {
		my %e;
		@e{qw(n kind worker number amount until)} =
		    /^(\d+) \S+ \d+ (payout|settled) (0x\w+) number (\d+) amount (\d+) until (\d+) 0x\w{64}$/
		    or die "the journal says: $_";
		push @entries, \%e if $e{kind} eq ($kind // 'payout');
	}
	return @entries;
}

sub journal_write {
	my ($l, $text) = @_;

	WorknetTest::spurt(journal_path($l), $text);
	chmod(0600, journal_path($l)) or die $!;
}

sub money {
	my ($l) = @_;

	return join(' ', map { $l->chain_money($_) } $l->worker_list);
}

# ---- What the processes have ----

my $PAGE = 4096;
my $PIECE = 1 << 20;
# Only the shadow of a sanitizer is larger, which has no bytes of the program.
my $MAP_MAX = 1 << 40;

# What is in a process's memory from one address on, but for pages that no
# program has touched or that are given back: proc(5), pagemap.
sub memory_at {
	my ($mem, $pagemap, $from, $len) = @_;
	my $block;

	sysseek($pagemap, $from / $PAGE * 8, 0);
	sysread($pagemap, my $pages, $len / $PAGE * 8) or return '';
	return '' if !grep { $_ >> 62 } unpack('Q*', $pages);
	sysseek($mem, $from, 0);
	return sysread($mem, $block, $len) ? $block : '';
}

# Whether a process has these bytes anywhere in its memory.
sub has_in_memory {
	my ($pid, $bytes) = @_;
	my $found = 0;

	open(my $maps, '<', "/proc/$pid/maps") or die "maps: $!";
	open(my $mem, '<:raw', "/proc/$pid/mem") or die "mem: $!";
	open(my $pagemap, '<:raw', "/proc/$pid/pagemap") or
	    die "pagemap: $!";
	while (<$maps>) {
		my ($from, $to) = map { hex } /^(\w+)-(\w+) rw/ or next;
		my $before = '';

		next if $to - $from > $MAP_MAX;
		for (; $from < $to; $from += $PIECE) {
			my $block = memory_at($mem, $pagemap, $from,
			    $to - $from < $PIECE ? $to - $from : $PIECE);

			$found = 1 if index($before . $block, $bytes) >= 0;
			$before = $block eq '' ? '' :
			    substr($block, -length $bytes);
		}
	}
	return $found;
}

SKIP: {
	skip 'only root may look', 1 if $> != 0;
	my $l = ledger(1);
	my ($key) = WorknetTest::slurp($l->dir('key')) =~ /0x(\w{64})/;

	scripted({ mode => 'hang' });
	my $pid = $l->pay_begin;
	my ($vault) = glob("/proc/$pid/task/$pid/children");
	($vault) = WorknetTest::slurp($vault) =~ /^(\d+)/;
	ok($vault, 'while a run waits, its vault is there');
	ok(!has_in_memory($pid, pack('H*', $key)),
	    'the run\'s own process doesn\'t have the key');
	ok(!has_in_memory($pid, $key), 'nor its text');
	ok(has_in_memory($vault, pack('H*', $key)), 'the vault does');
	my $status = WorknetTest::slurp("/proc/$vault/status");
	like($status, qr/^NoNewPrivs:\s+1$/m, 'the vault gains no rights');
	like($status, qr/^Seccomp:\s+2$/m, 'and has few system calls');
	my @fds = map { readlink($_) // () } glob("/proc/$vault/fd/*");
	my $journal = journal_path($l);
	is(scalar(grep { m{^\Q$journal\E$} } @fds), 1,
	    'it has its journal');
	is(join(' ', grep { m{^/} && $_ ne $journal && $_ ne '/dev/null' &&
	    $_ ne $l->dir('run.log') } @fds), '', 'and no other file');
	is(scalar(grep { /^socket:/ } @fds), 1,
	    'and no socket but that to the run');
	like(WorknetTest::slurp("/proc/$vault/limits"),
	    qr/^Max core file size\s+0\s+0/m, 'it leaves no core');
	kill 'KILL', $pid;
	$l->pay_end($pid);
	WorknetTest::wait_for(sub { !-d "/proc/$vault" ||
	    WorknetTest::slurp("/proc/$vault/stat") =~ /\) Z / },
	    'the vault to end');
	pass('when the run is killed, the vault ends');
}

# Another process of its own user, which isn't root: it may look into the run's
# memory, and so could a debugger, but not into the vault's.
SKIP: {
	skip 'only root can be somebody else', 1 if $> != 0;
	my $l = ledger(1);
	my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
	my @as = (WorknetTest::find_program('setpriv'), "--reuid=$uid",
	    "--regid=$gid", '--clear-groups');
	my $may_see = sub { (run_command(@as, 'cat',
	    "/proc/$_[0]/environ"))[0] == 0 ? 1 : 0 };

	chmod 0755, $l->dir;
	system('chown', '-R', "$uid:$gid", $l->dir) == 0 or die 'chown';
	scripted({ mode => 'hang' });
	my $pid = WorknetTest::child_start('worknet-payout', sub {
		WorknetTest::exec_logged($l->dir('run.log'), @as,
		    build_path('worknet-payout'), '-c', $l->conf_path);
	});
	WorknetTest::wait_for(sub { $rig->settles }, 'the facilitator');
	my ($vault) = WorknetTest::slurp("/proc/$pid/task/$pid/children") =~
	    /^(\d+)/;
	is($may_see->($pid), 1, 'another process of the user sees the run');
	is($may_see->($vault), 0, 'and not the vault');
	kill 'KILL', $pid;
	$l->pay_end($pid);
}

# ---- Caps ----

{
	my $l = ledger(1);

	$l->payout_conf(map { ("max_per_${_}_micros" => undef) }
	    qw(payout run worker_day day));
	$l->pay_is('conf', 'without caps nobody is paid');
	like($l->{err}, qr/set \[payout\] max_per_payout_micros/,
	    'a line says what to set');
	is($l->states, '', 'nothing is reserved');
	my ($status, $out) = $l->worknet_try('check');
	like($out, qr/caps .*by the tasks: max_per_payout_micros = \d+/,
	    'and worknet check proposes caps');
	isnt($status, 0, 'for it isn\'t in order');
}

{
	my $l = ledger(3, max_per_day_micros => 5000,
	    max_per_worker_day_micros => 5000);
	scripted();

	$l->backup('copy');
	$l->pay_is('findings', 'a cap of a day for all workers that is ' .
	    'reached needs a person');
	my $paid = $l->sql_value('SELECT sum(paid_micros) FROM payout');
	cmp_ok($paid, '<=', 5000, 'no more is paid in a run');
	cmp_ok($paid, '>', 4000, 'but nearly that');
	my $money = money($l);
	$l->more_work;
	$l->pay;
	is(money($l), $money, 'nor in the next one');
	$l->restore('copy');
	$l->more_work;
	$l->pay;
	is(money($l), $money, 'nor from a ledger that knows of nothing');
	$rig->control('rpcProxy', { mode => 'answer', result => [],
	    methods => ['eth_getLogs'] });
	$l->restore('copy');
	$l->payout_conf(rpc_urls => $rig->{rpcProxy});
	$l->pay;
	is(money($l), $money, 'nor when no node says what was paid');
	$rig->control('rpcProxy', { mode => 'pass' });
}

# A cap that leaves less than any payout, and one that the first payout fills:
# what the one who is owed less is owed.
for (['max_per_payout_micros', 99, "payout's cap reached", 'is never'],
    ['max_per_run_micros', undef, "run's cap reached", 'is full'],
    ['max_per_day_micros', 99, "day's cap reached", 'is never']) {
	my ($key, $micros, $kind, $when) = @$_;
	my $l = ledger(2, threshold_micros => 100);
	$micros //= min(map { $l->owed($_) } $l->worker_list);
	$l->payout_conf($key => $micros);
	my $check = ($l->worknet_try('check'))[1];

	scripted();
	$l->pay_is('findings', "$key is small: whom it keeps waiting");
	is(join(' ', map { $_->{kind} } $l->findings), $kind, 'are a finding');
	like(($l->findings)[0]{detail} // '', qr/^$key = $micros: it keeps/,
	    'that says which cap');
	is($check =~ /$key is below threshold_micros/ ? 'is never' : 'is full',
	    $when, 'worknet check says no where nobody could ever be paid');
}

{
	my $l = ledger(5, max_per_day_micros => 4000);
	my $found = sub { return join(' ', map { "$_->{kind} $_->{times}" }
	    $l->findings) };

	scripted();
	$l->pay_is('findings', 'workers whom the cap of a day keeps waiting');
	my ($finding) = $l->findings;
	my ($waits, $micros, $more) = $finding->{detail} =~ /^max_per_day_micros = 4000: it keeps (\d+) payees waiting who are due (\d+) micro-USDC more; (\d+) more weren't looked at/;
	is($found->(), "day's cap reached 1", 'are a finding');
	cmp_ok($waits // 0, '>', 0, 'that says how many wait');
	cmp_ok($micros // 0, '>', 0, 'and for how much');
	is(scalar(grep { $l->owed($_) > 0 } $l->worker_list),
	    ($waits // 0) + ($more // 0), 'all of them');
	like(($l->worknet_try('status'))[1], qr/day's cap reached/,
	    'and worknet status says so');
	$l->pay_is('findings', 'the next run says the same');
	is($found->(), "day's cap reached 2", 'in the same finding');
	$l->payout_conf(max_per_day_micros => 1000000);
	$rig->mine(10);
	$l->pay_is('paid', 'with a higher cap they are paid');
	is($found->(), '', 'and it is over');
	unlike(($l->worknet_try('status'))[1], qr/day's cap reached/,
	    'also in worknet status');
}

# ---- A lost, an older and a damaged journal ----

{
	my $l = ledger(1);
	my ($w) = $l->worker_list;

	scripted();
	$l->pay_is('paid', 'a first journal is made by itself');
	is((stat journal_path($l))[2] & 07777, 0600, 'for its user alone');
	is(join(' ', map { "$_->{worker} $_->{number} $_->{amount}" }
	    journal($l)), "$w 1 " . $l->chain_money($w),
	    'and has what was signed');
	my $whole = WorknetTest::slurp(journal_path($l));
	my ($first) = $whole =~ /^(.*\n)/;
	my $money = money($l);

	$l->more_work;
	unlink journal_path($l);
	$l->pay_is('findings', 'when it is lost, nothing is signed');
	like($l->{err}, qr/"worknet-payout --journal new"/,
	    'a line says what to type');
	journal_write($l, $first);
	$l->pay_is('findings', 'nor with an older copy');
	(my $damaged = $whole) =~ s/amount \d/amount 9/;
	journal_write($l, $damaged);
	$l->pay_is('findings', 'nor with a changed one');
	is(money($l), $money, 'nobody is paid');
	is($l->sql_value("SELECT kind FROM exceptions"), 'journal',
	    'it is a finding');
	my $lost = sub { join(' ', map { ($_->{kind}, $_->{times},
	    $_->{closed_by} // 'open') } $l->findings('all')) };
	is($lost->(), 'journal 3 open', 'one, in three runs');
	journal_write($l, $whole . '2 2026-11-');
	$l->pay_is('paid', 'with the right one, whose last line was torn, ' .
	    'all is paid');
	is(join(' ', map { $_->{n} } journal($l)), '1 2',
	    'and the torn line is gone');
	is($lost->(), 'journal 3 over', 'and it is over, which is said');

	unlink journal_path($l);
	$l->more_work(14);
	$l->pay_is('findings', 'lost again');
	is($lost->(), 'journal 1 open', 'it is open again, and begins anew');
	is($l->pay('--journal', 'new'), 0, 'a person begins a new one');
	like($l->{out}, qr/1000000\.000000 USDC/, 'and is told what it costs');
	$l->pay_is('paid', 'then it goes on');
	is($l->owed($w), 0, 'and all is paid');
	is($lost->(), 'journal 1 over', 'and that is over');
	$l->books_ok('after lost journals');
	is($l->pay('--journal', 'old'), 2, 'nothing else can be done to it');
}

# ---- What becomes final while it is away ----

{
	my $l = ledger(1);

	scripted();
	$l->pay_is('paid', 'a payout is posted');
	my $whole = WorknetTest::slurp(journal_path($l));
	unlink journal_path($l);
	$rig->mine(10);
	$l->pay_is('findings', 'its block is final while the journal is away');
	is($l->states, 'posted', 'it isn\'t booked as final: the vault ' .
	    'wouldn\'t learn what its number paid');
	journal_write($l, $whole);
	$l->settles_ok('the journal is back');
}

# ---- A journal that is another file by mistake ----

{
	my $l = ledger(1);
	my ($key) = WorknetTest::slurp($l->dir('key')) =~ /^(\w+)/;
	my $is = sub { is(WorknetTest::slurp($l->dir('key')), $key,
	    "$_[0]: the key is still there") };

	scripted();
	$l->key_write($key); # without an end of its line
	link($l->dir('key'), $l->dir('link')) or die $!;
	symlink($l->dir('key'), $l->dir('symlink')) or die $!;
	for my $name ('key', 'link', 'symlink') {
		$l->payout_conf(journal_file => $name);
		$l->pay_is('conf', "a journal in the key's file, as $name");
		like($l->{err}, qr/\[payout\] treasury_key_file and \[payout\] journal_file name one file/,
		    'is refused by the configuration');
		my ($status, $out, $err) = $l->worknet_try('check');
		like("$out$err", qr/name one file/, 'also for worknet check');
		$l->pay_is('conf', 'nor is a new one begun', '--journal', 'new');
		$is->($name);
	}
	unlink $l->dir('link');
	for my $text ('a pass phrase', "0x$key", "$key\n") {
		WorknetTest::spurt($l->dir('other'), $text);
		chmod(0600, $l->dir('other')) or die $!;
		$l->payout_conf(journal_file => 'other');
		$l->pay_is('findings', 'in another secret\'s file');
		$l->pay_is('conf', 'nor begun anew', '--journal', 'new');
		is(WorknetTest::slurp($l->dir('other')), $text,
		    'nothing of it is lost');
	}
	is($l->states, '', 'and nobody was paid');
	$l->payout_conf(journal_file => undef);
	$l->pay_is('paid', 'with one of its own all are');
}

# ---- What a mark that somebody has changed, and a clock, do to it ----

{
	my $l = ledger(1);
	my ($w) = $l->worker_list;
	my $journals = sub { my @all = glob(journal_path($l) . '*');
	    return scalar @all };

	scripted();
	$l->pay_is('paid', 'a journal has an entry');
	my $text = WorknetTest::slurp(journal_path($l));
	rename($l->ledger_path, $l->dir('away')) or die $!;
	$l->pay_is('conf', 'without a ledger no journal is begun',
	    '--journal', 'new');
	is(WorknetTest::slurp(journal_path($l)), $text, 'it stays');
	is($journals->(), 1, 'where it is');
	rename($l->dir('away'), $l->ledger_path) or die $!;

	$l->sql_text("UPDATE journal_seen SET hash = zeroblob(32)");
	$l->more_work;
	$l->pay_is('findings', 'with another mark in the ledger nothing is ' .
	    'signed');
	my ($detail) = map { $_->{detail} } grep { $_->{kind} eq 'journal' }
	    $l->findings;
	like($detail // '', qr/its entry 1 isn't the one that the ledger knows of.*the ledger's mark is wrong: see worknet audit/,
	    'and the finding says that the ledger is wrong');
}

{
	my $l = ledger(2)->fault_prepare;
	my $now = WorknetTest::now_ms() + 1000 * $rig->ahead_s;

	scripted();
	$l->{clock} = $now + 90 * 24 * 3600 * 1000;
	$l->pay_is('findings', 'with a clock of another season nothing is ' .
	    'signed');
	is($l->states, '', 'for nobody');
	delete $l->{clock};
	$l->pay_is('paid', 'with the right one everybody is paid');
	my @late = grep { /^\d+ \S+ (\d+) / && $1 * 1000 > $now + 3600000 }
	    split /\n/, WorknetTest::slurp(journal_path($l));
	is("@late", '', 'and the journal has nothing of that season');
}

# ---- Descriptors ----

for my $closed ('<&-', '>&- 2>&-', '<&- 2>&-', '<&- >&- 2>&-') {
	my $l = ledger(1);
	my ($conf, $program) = ($l->conf_path, build_path('worknet-payout'));

	scripted();
	is(system("timeout -s KILL 60 $program -c $conf $closed") >> 8, 10,
	    "with $closed a run pays and ends");
	is($l->states, 'posted', 'once');
}

# Else what it opens next would be there, and its messages go into that.
{
	my $l = ledger(1);
	my $program = build_path('worknet-payout');

	scripted({ mode => 'hang', delayMs => 2000 });
	my $pid = WorknetTest::child_start('worknet-payout', sub {
		POSIX::close($_) for 0 .. 2;
		exec { $program } $program, '-c', $l->conf_path or
		    POSIX::_exit(127);
	});
	WorknetTest::wait_for(sub { $rig->settles }, 'the facilitator');
	is(join(' ', map { readlink("/proc/$pid/fd/$_") // 'nothing' } 0 .. 2),
	    '/dev/null /dev/null /dev/null', 'in the place of each that is ' .
	    'closed it has /dev/null');
	is($l->pay_end($pid), 10, 'and pays');
}

# ---- A restored ledger, and a journal that knows more ----

{
	my $l = ledger(1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$l->backup('copy');
	scripted({ mode => 'no-answer' });
	$l->pay_is('unresolved', 'a payout is signed, and nobody settles it');
	my ($lost) = map { $_->{body} } $rig->settles;
	$l->restore('copy');
	$l->more_work;
	my $more = $l->owed($w) - $owed;
	scripted({ mode => 'no-answer' });
	$l->pay_is('unresolved', 'from a restored ledger, with more to pay');
	my ($again) = map { $_->{body} } $rig->settles;
	is($again, $lost, 'the very same bytes are sent');
	is(scalar(journal($l)), 1, 'and nothing new was signed');
	scripted();
	$l->pay_is('paid', 'once it is settled');
	$rig->mine(10);
	$l->pay_is('paid', 'and that is final, it goes on');
	is($l->chain_money($w), $owed + $more, 'the rest is paid, too');
	$l->books_ok('after a restored ledger');
}

# ---- No more than was ever earned ----

{
	my $l = ledger(1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	scripted({ mode => 'no-answer' });
	$l->pay_is('unresolved', 'a payout is signed, and nobody settles it');
	$rig->warp(3700);
	$rig->mine(10);
	scripted();
	$l->payout_conf(max_per_payout_micros => 1000);
	$l->pay_is('paid', 'once it has expired, less is signed under its ' .
	    'number');
	is($l->chain_money($w), 1000, 'and paid');
	$l->payout_conf(max_per_payout_micros => 1000000);
	$rig->mine(10);
	$l->pay_is('paid', 'the rest under the next one');
	is($l->chain_money($w), $owed, 'which is all that it has earned');
	is(join(' ', map { "$_->{number}:$_->{amount}" } journal($l)),
	    "1:$owed 1:1000 2:" . ($owed - 1000), 'as the journal has it');
	is(join(' ', map { "$_->{number}:$_->{amount}" }
	    journal($l, 'settled')), '1:1000',
	    'with what was paid of the number that was signed twice');
}

# The same, found on the chain by a ledger that has lost it.
{
	my $l = ledger(1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$l->backup('copy');
	scripted({ mode => 'no-answer' });
	$l->pay_is('unresolved', 'once more a payout expires');
	$rig->warp(3700);
	$rig->mine(10);
	scripted();
	$l->payout_conf(max_per_payout_micros => 1000);
	$l->pay_is('paid', 'and less is paid under its number');
	$rig->mine(10);
	$l->restore('copy');
	$l->payout_conf(max_per_payout_micros => 1000000);
	$l->pay_is('findings', 'a ledger that has lost both finds it');
	is($l->chain_money($w), $owed, 'and the rest is paid, no more');
	is(join(' ', map { "$_->{number}:$_->{amount}" }
	    journal($l, 'settled')), '1:1000', 'as the journal has it');
}

# ---- Killed between any two of its steps ----

# Each number has one authorization, and the ledger's are the journal's.
sub journal_troubles {
	my ($l) = @_;
	my (%seen, @bad);

	for (journal($l)) {
		push @bad, "$_->{worker} $_->{number} was signed twice"
		    if $seen{"$_->{worker} $_->{number}"}++;
	}
	my $known = join(' ', map { "$_->{worker} $_->{number} $_->{amount}" .
	    " $_->{until}" } journal($l));
	for ($l->sql('SELECT w.address, p.seq, p.amount_micros, ' .
	    'a.valid_before FROM payout p JOIN authorization a ON ' .
	    'a.payout = p.id JOIN worker w ON w.id = p.worker')) {
		my $what = "$_->{address} $_->{seq} $_->{amount_micros} " .
		    $_->{valid_before};
		push @bad, "the journal hasn't $what"
		    if index($known, $what) < 0;
	}
	return @bad;
}

SKIP: {
	skip 't/tools/fault.so isn\'t built', 1 if !fault_so();
	# The first of each is the header's; sends begin with the greeting. What
	# is verified by then is signed by one question, or by two.
	for my $kill ('pwrite 1', 'fdatasync 1', 'pwrite 2', 'fdatasync 2',
	    'send 1', 'send 2', 'send 3') {
		my $l = ledger(2, max_per_day_micros => 6000)->fault_prepare;
		my $owed = join(' ', map { $l->owed($_) } $l->worker_list);

		scripted();
		my $code = $l->pay({ env => { WN_FAULT_KILL => $kill } });
		ok($code == 7 || $code == 1, "killed before $kill, the run " .
		    'says that its vault has ended');
		$l->pay_is('paid', "$kill: the next run pays");
		is(money($l), $owed, "$kill: everybody, once");
		is(join('; ', journal_troubles($l)), '',
		    "$kill: and nothing was signed twice");
		$l->books_ok("killed before $kill");
	}
}

rig_stop($rig);
done_testing();
