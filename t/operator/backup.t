#!/usr/bin/perl
# Copies of the ledger, and how one takes the ledger's place: under load, on a
# full disk, killed in the middle, and with payouts in between.

use strict;
use warnings;

use Fcntl qw(:flock);
use File::Copy ();
use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Open2;
use POSIX ();
use Test::More;
use Time::Local ();

use PayoutTest qw(rig_start);
use WorknetTest qw(build_path source_path find_program need_program slurp spurt
    run_command child_start child_wait wait_for json_value);

need_program('sqlite3');
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm(300);

# A ledger with a history, and a directory for copies.
my $seeds = 0;

sub ledger {
	my (%opt) = @_;
	my $w = WorknetTest->new;

	mkdir $w->dir('copies');
	history($w, '--seed', $opt{seed} // ++$seeds, '--end-ms',
	    WorknetTest::now_ms() - 3600000);
	return $w;
}

# As many results more.
sub history {
	my ($w, @args) = @_;
	my ($status, undef, $err) = run_command(
	    build_path('t/tools/make_ledger'), '--db', $w->ledger_path,
	    '--workers', 3, '--tasks', 5, '--interval-ms', 60000,
	    '--silent-percent', 0, '--cooldown-ms', 0, '--results', 60, @args);

	die "make_ledger: $err" if $status != 0;
}

# What backup says, or undef; {code} and {err} tell why.
sub backup {
	my ($w) = @_;
	my ($code, $out, $err) = $w->worknet_try('backup', $w->dir('copies'),
	    '--json');

	@$w{qw(code err)} = ($code, $err);
	return $out eq '' ? undef : json_value($out);
}

sub restore {
	my ($w, $file) = @_;
	my ($code, $out, $err) = $w->worknet_try('restore', $file, '--json');

	@$w{qw(code err)} = ($code, $err);
	return $out eq '' ? undef : json_value($out);
}

# The files of a directory, in order.
sub files {
	my ($dir) = @_;

	opendir(my $d, $dir) or die "$dir: $!";
	my @files = sort grep { !/^\.\.?$/ } readdir $d;
	return @files;
}

sub copies { return files($_[0]->dir('copies')) }

# The number of the newest transfer of a ledger's file that nobody has open.
sub newest {
	my ($path) = @_;
	my (undef, $out) = run_command('sqlite3', '-batch', $path,
	    'SELECT max(id) FROM transfer;');

	return $out + 0;
}

# The audit of a copy, which stays as it is: its exit code and what it says.
sub audit_of {
	my ($w, $copy) = @_;
	my $other = WorknetTest->new;

	File::Copy::copy($copy, $other->ledger_path) or die $!;
	return $other->audit;
}

# ---- A copy ----

{
	my $w = ledger();
	my $said = backup($w);

	is($w->{code}, 0, 'a copy is made');
	my ($name) = copies($w);
	like($name, qr/^ledger-[0-9a-f]{8}-\d{8}T\d{6}Z\.db$/,
	    'its name tells of which ledger and of when it is');
	is_deeply([ copies($w) ], [ $name ], 'nothing else is beside it');
	is($said->{file}, $w->dir("copies/$name"), 'it is told where');
	is((stat $said->{file})[2] & 07777, 0600, 'it is its owner\'s alone');
	my ($status, $text) = audit_of($w, $said->{file});
	is($status, 0, 'its audit, with signatures, is clean') or diag($text);
	like($text, qr/newest transfer $said->{lastTransfer}, hash $said->{hash}/,
	    'and ends with the transfer whose hash was told');
	my ($id) = $w->sql_value('SELECT lower(hex(ledger_id)) FROM ledger') =~
	    /^(?:3078)?(.{8})/;
	is($said->{lastTransfer}, newest($w->ledger_path),
	    'which is the ledger\'s newest');
	my ($code, undef, $err) = $w->worknet_try('backup', $w->dir('no'));
	is($code, 7, 'a directory that isn\'t there is refused');
	like($err, qr/\/no: No such file/, 'by its name');
}

# ---- Which copies stay ----

# Of names with times, the newest first: those that stay, by counting again.
sub expected {
	my (@times) = @_;
	my (%seen, %stay);

	for my $span ([ 11, 24 ], [ 8, 30 ], [ 6, 12 ]) {
		my ($len, $most) = @$span;
		for my $time (@times) {
			next if $seen{substr($time, 0, $len)}++;
			last if $most-- == 0;
			$stay{$time} = 1;
		}
	}
	return sort keys %stay;
}

{
	my $w = ledger();
	my $now = Time::Local::timegm_nocheck(30, 0, 12, 15, 5, 2026);
	my @names;

	$w->fault_prepare;
	$w->clock_set($now * 1000);
	my $first = backup($w);
	my ($prefix, $newest) = $first->{file} =~ m{([^/]+-)(\d+T\d+Z)\.db$};
	is($newest, '20260615T120030Z', 'the time in the name is UTC');
	my %ago = map { ($_ => 1) } (map { 600 * $_ } 1 .. 400),
	    (map { 86400 * $_ + 7 } 1 .. 80), (map { 20 * 86400 * $_ } 1 .. 40);
	my @times = map { POSIX::strftime('%Y%m%dT%H%M%SZ',
	    gmtime($now - $_)) } sort { $a <=> $b } keys %ago;
	my @others = ("ledger-00000000-20200101T000000Z.db",
	    "${prefix}20200101T000000Z.db.gz", "${prefix}2020.db", 'notes.txt',
	    "${prefix}20990101T000000Z.db", "${prefix}20200101X000000Z.db");
	spurt($w->dir("copies/$_"), '') for @others,
	    map { "$prefix$_.db" } @times;
	my $said = backup($w);
	my @stay = expected($newest, @times);
	is_deeply([ copies($w) ], [ sort @others,
	    map { "$prefix$_.db" } @stay ], 'of the copies the newest one ' .
	    'stays of each of 24 hours, 30 days and 12 months, and whatever ' .
	    'is no copy of this ledger, or from the future, stays as it is');
	is($said->{kept}, scalar @stay, 'it is told how many');
	is($said->{removed}, 1 + @times - @stay, 'and how many are gone');
	# The clock was set back: what was just made stays.
	$w->clock_set(($now - 400 * 86400) * 1000);
	my $back = backup($w);
	ok(-e $back->{file}, 'with a clock that is behind the new one stays');
	is($back->{removed}, 0, '... and nothing is removed for it');
}

# ---- What goes wrong ----

{
	my $w = ledger();
	my $before = backup($w)->{file};
	my @before = copies($w);

	sleep 1;
	$w->fault_prepare;
	{
		local $ENV{WN_FAULT_FREE} = 100000;
		is(backup($w), undef, 'without room no copy is begun');
		like($w->{err}, qr/free space, expected/, '... and it says so');
		is($w->{code}, 7, '... with exit code 7');
		is_deeply([ copies($w) ], \@before, '... and nothing is written');
	}
	for my $fault ('ENOSPC write', 'EIO write', 'EIO sync') {
		$w->fault($fault);
		my ($code, $out, $err) = run_command({ env => { $w->fault_env,
		    WN_FAULT_DIR => $w->dir('copies') } }, build_path('worknet'),
		    '-c', $w->conf_path, 'backup', $w->dir('copies'));
		is($code, 7, "$fault: the copy fails");
		isnt($err, '', '... and it says so');
		is_deeply([ copies($w) ], \@before, '... the earlier ones stay, ' .
		    'and no part');
		$w->fault;
	}
	spurt($w->dir('copies/.' . ((copies($w))[0] =~ s/\d{8}T.*/part/r)),
	    'of one that was killed');
	ok(backup($w), 'what a killed one left is in nobody\'s way');
	is(scalar(copies($w)), 1, '... and gone');
	opendir(my $d, $w->dir('copies')) or die $!;
	open(my $locked, '<', $w->dir('copies')) or die $!;
	flock($locked, LOCK_EX) or die $!;
	is(backup($w), undef, 'one at a time is made in a directory');
	like($w->{err}, qr/another backup is at work/, '... and it says so');
	close $locked;
}

{
	my $w = ledger();
	my $good = backup($w)->{file};

	# A page of what it lives on is lost.
	my $page = $w->sql_value('SELECT rootpage FROM sqlite_schema ' .
	    "WHERE name = 'transfer'");
	open(my $f, '+<', $w->ledger_path) or die $!;
	sysseek($f, 4096 * ($page - 1), 0);
	syswrite($f, "\xff" x 4096);
	close $f;
	sleep 1;
	is(backup($w), undef, 'of a damaged ledger no copy is made');
	is($w->{code}, 7, '... exit code 7');
	is_deeply([ map { $w->dir("copies/$_") } copies($w) ], [ $good ],
	    '... and none is removed');
}

# ---- Under load ----

{
	my $w = WorknetTest->new(conf => { coordinator => {
	    result_window_ms => 3600000 } })->past(300)->init;
	my $one = $w->worker(1);

	mkdir $w->dir('copies');
	$w->hand_out([ map { "slot$_" } 1 .. 4 ], [ $one ], 100);
	$w->now;
	$w->start;
	my $pid = child_start('a client', sub {
		my $c = $w->fcgi;
		for (1 .. 390) {
			last if -e $w->dir('enough');
			select(undef, undef, undef, 0.01);
			my $r = $w->result($one, $w->take($one),
			    timestamp => $w->fresh_ms);
			my $answer = $c->post([ $r ]);
			open(my $f, '>>', $w->dir('credited')) or die $!;
			print $f "$r->{timestamp}\n" if $answer->{body} =~
			    /"accepted":1/;
		}
		POSIX::_exit(0);
	});
	my ($made, $lost, $bad) = (0, 0, 0);
	while ($made < 3) {
		my @sure = -e $w->dir('credited') ?
		    split(/\n/, slurp($w->dir('credited'))) : ();
		my $said = backup($w) or last;
		$made++;
		my ($status) = audit_of($w, $said->{file});
		$bad++ if $status != 0;
		my (undef, $has) = run_command('sqlite3', '-batch',
		    $said->{file}, 'SELECT timestamp_ms FROM result;');
		my %has = map { ($_ => 1) } split /\n/, $has;
		$lost += grep { !$has{$_} } @sure;
	}
	spurt($w->dir('enough'), '');
	is($w->{code}, 0, 'while results are credited copies are made');
	is(child_wait($pid), 0, '... and the credit goes on');
	is($made, 3, '... three of them');
	is($bad, 0, 'the audit of each is clean');
	is($lost, 0, 'and each has what was acknowledged before it was begun');
	is($w->stop, 0, 'the coordinator stops');
	is(-s $w->ledger_path . '-wal', undef, 'and its log is gone');
	$w->log_ok;
	$w->audit_ok('after copies under load');
}

# ---- A copy takes the ledger's place ----

my $as_root = $> == 0;

{
	my $w = ledger();
	my $copy = backup($w)->{file};
	my $then = newest($w->ledger_path);

	history($w, '--append');
	my $now = newest($w->ledger_path);
	cmp_ok($now, '>', $then, 'the ledger goes on after the copy');
	$w->start;
	is(restore($w, $copy), undef,
	    'while the coordinator has the ledger nothing is restored');
	is($w->{code}, 1, '... exit code 1');
	like($w->{err}, qr/ledger\.db is in use: stop the coordinator/,
	    '... and it says why');
	is($w->fcgi->get('/health')->{status}, 200, '... it goes on');
	is_deeply([ grep { !/^ledger\.db(-wal|-shm)?$/ }
	    files($w->dir('data')) ], [], '... and nothing is left behind');
	$w->stop('KILL');
	ok(-e $w->ledger_path . '-wal', 'killed, it leaves its log');
	my $pid = open2(my $out, my $in, 'sqlite3', '-batch', $w->ledger_path);
	print $in "SELECT 1 FROM ledger;\n";
	$in->flush;
	is(scalar <$out>, "1\n", 'somebody reads it');
	is(restore($w, $copy), undef, '... while nothing is restored');
	close $in;
	waitpid($pid, 0);
	chmod(0640, $w->ledger_path);
	chown(1, 2, $w->ledger_path) if $as_root;
	my $said = restore($w, $copy);
	is($w->{code}, 0, 'alone it is') or diag($w->{err});
	is(newest($w->ledger_path), $then, 'the ledger is the copy');
	is($said->{lostTransfers}, $now - $then, '... it is told what is lost');
	is_deeply([ files($w->dir('data')) ], [ 'ledger.db', $said->{kept} =~
	    m{([^/]+)$} ], '... no log is beside it, only the old one');
	my @st = stat $w->ledger_path;
	is(sprintf('%o', $st[2] & 07777), '640', '... its mode is the old one\'s');
	SKIP: {
		skip('only root gives files away', 1) if !$as_root;
		is("@st[4, 5]", '1 2', '... as are its owner and group');
	}
	my ($status, $text) = audit_of($w, $said->{kept});
	is($status, 0, 'the old one is whole') or diag($text);
	is(newest($said->{kept}), $now, '... and has everything');
	like($w->worknet('payout', 'holds'), qr/^everybody +chain .*restored/m,
	    'nobody is paid until the chain was asked');
	like($w->worknet('payout', 'release'), qr/still held by the chain/,
	    '... which payout release doesn\'t change');
	$w->audit_ok('after a restore');
}

# The obvious way: a copy over a ledger whose log is there.
{
	my $w = ledger();
	my $copy = backup($w)->{file};

	history($w, '--append');
	$w->start;
	is($w->fcgi->get('/health')->{status}, 200, 'a coordinator');
	$w->stop('KILL');
	cmp_ok(-s $w->ledger_path . '-wal', '>', 0, '... leaves a log');
	File::Copy::copy($copy, $w->ledger_path) or die $!;
	for my $program (qw(worknet worknet-fcgi worknet-payout)) {
		my ($code, undef, $err) = run_command(build_path($program),
		    $program eq 'worknet' ? 'status' : '-t', '-c',
		    $w->conf_path);
		next if $program eq 'worknet-payout' && $code != 0 &&
		    $err =~ /network/;
		isnt($code, 0, "$program takes no other ledger's log for a " .
		    'copy\'s');
		like($err, qr/is the log of another ledger.*worknet restore/,
		    '... and says what to do');
	}
	my $said = restore($w, $copy);
	is($w->{code}, 0, 'restore puts it right') or diag($w->{err});
	is(newest($w->ledger_path), newest($copy), '... it is the copy');
	ok(-e "$said->{kept}-wal", '... and the log is kept with the old file');
	$w->audit_ok('after a copy over a ledger');
}

# ---- What is refused ----

{
	my $w = ledger();
	my $copy = backup($w)->{file};
	my $other = ledger();
	my $foreign = backup($other)->{file};
	my $sum = slurp($w->ledger_path);
	my $bad = $w->dir('bad.db');
	my $with_log = $w->dir('with-log.db');

	File::Copy::copy($copy, $bad);
	open(my $f, '+<', $bad) or die $!;
	sysseek($f, 4096 * 30, 0);
	syswrite($f, "\xff" x 8192);
	close $f;
	File::Copy::copy($copy, $with_log);
	spurt("$with_log-wal", 'something');
	spurt($w->dir('text'), "not a ledger\n" x 100);
	for my $case ([ 'another ledger\'s copy', $foreign,
	    qr/copy of another ledger/ ], [ 'a damaged copy', $bad, qr/damaged|malformed/ ],
	    [ 'a file with a log', $with_log, qr/has a log beside it/ ],
	    [ 'no ledger', $w->dir('text'), qr/text: / ],
	    [ 'a directory', $w->dir, qr/isn't a regular file/ ],
	    [ 'nothing', $w->dir('nothing'), qr/No such file/ ],
	    [ 'the ledger itself', $w->ledger_path, qr/the ledger itself/ ]) {
		my ($what, $file, $why) = @$case;

		is(restore($w, $file), undef, "$what isn't restored");
		like($w->{err}, $why, '... it says why');
		isnt($w->{code}, 0, '... by its exit code, too');
		is_deeply([ files($w->dir('data')) ], [ 'ledger.db' ],
		    '... and nothing is left behind');
	}
	$w->fault_prepare;
	{
		local $ENV{WN_FAULT_FREE} = 100000;
		is(restore($w, $copy), undef, 'nor anything without room');
		like($w->{err}, qr/free space/, '... it says why');
	}
	for my $fault ("ENOSPC write\n1 3", 'EIO sync') {
		$w->fault($fault);
		is(restore($w, $copy), undef, "nor with $fault" =~ s/\n.*//r);
		$w->fault;
		is_deeply([ files($w->dir('data')) ], [ 'ledger.db' ],
		    '... and nothing is left behind');
	}
	$w->audit_ok('after restores that were refused');
	is(restore($w, $copy) && $w->{code}, 0, 'then it is restored');
}

# Nothing is there; the copy is of version 1 of the schema.
{
	my $w = WorknetTest->new;
	my $old = $w->dir('old.db');

	run_command({ stdin => slurp(source_path('t/sql/ledger-1.sql')) },
	    'sqlite3', '-bail', $old);
	chown(3, 4, $w->dir('data')) if $as_root;
	spurt($w->ledger_path . '-wal', 'of a ledger that is gone');
	my $said = restore($w, $old);
	is($w->{code}, 0, 'a copy is restored where no ledger is')
	    or diag($w->{err});
	cmp_ok($said->{steps}, '>', 0, '... and brought up to this version');
	is(newest($w->ledger_path), newest($old), '... with all that it has');
	SKIP: {
		skip('only root gives files away', 1) if !$as_root;
		is(join(' ', (stat $w->ledger_path)[4, 5]), '3 4',
		    '... its owner is the directory\'s');
	}
	my $json = json_value($w->worknet('status', '--json'));
	cmp_ok($json->{owedMicros}, '>', 0, '... and can be used');
}

# What lies there isn't a ledger any more.
{
	my $w = ledger();
	my $copy = backup($w)->{file};

	spurt($w->ledger_path, 'rubbish' x 1000);
	my $said = restore($w, $copy);
	is($w->{code}, 0, 'a copy is restored where rubbish is')
	    or diag($w->{err});
	is(slurp($said->{kept}), 'rubbish' x 1000, '... which is kept');
	$w->audit_ok('after rubbish');
}

# ---- Killed in the middle ----

SKIP: {
	my $strace = find_program('strace');
	skip('strace isn\'t installed', 1) if !defined $strace;
	my $w = ledger();
	my $copy = backup($w)->{file};
	my $then = newest($copy);

	history($w, '--append');
	my $now = newest($w->ledger_path);
	my ($killed, $news, @wrong) = (0, 0);
	for my $call (qw(write pwrite64 fsync fdatasync link rename unlink
	    chmod chown ftruncate)) {
		for my $n (1, 2, 5, 13) {
			my ($code) = run_command($strace, '-o', '/dev/null',
			    '-e', "trace=$call", '-e',
			    "inject=$call:signal=KILL:when=$n",
			    build_path('worknet'), '-c', $w->conf_path,
			    'restore', $copy);
			my $is = newest($w->ledger_path);
			my ($status, $text) = $w->worknet_try('audit');

			push @wrong, "$call $n: $is, $text"
			    if $status != 0 || ($is != $then && $is != $now);
			push @wrong, "$call $n: code $code"
			    if $code != 137 && $code != 0;
			$killed += $code == 137;
			# Back to where it was.
			my ($kept) = map { $w->dir("data/$_") }
			    grep { /before-restore-[^-]*$/ }
			    files($w->dir('data'));
			unlink $kept if defined $kept && $is == $now;
			next if $is == $now;
			$news++;
			rename($kept, $w->ledger_path) or die $!;
			last if $code == 0;
		}
	}
	cmp_ok($killed, '>', 12, "$killed times a restore is killed");
	cmp_ok($news, '>', 0, '... and sometimes it is done');
	is("@wrong", '', '... at each time the ledger is the old one or the ' .
	    'copy, and whole');
	is(restore($w, $copy) && $w->{code}, 0, 'the next one succeeds');
	is(newest($w->ledger_path), $then, '... and it is the copy');
	is_deeply([ grep { /restoring|-wal|-shm/ } files($w->dir('data')) ], [],
	    '... without what the others left');
}

# ---- The drill: payouts in between ----

{
	PayoutTest::need_rig();
	my $rig = rig_start();
	my $l = PayoutTest->new($rig);
	my $money = sub { return { map { ($_ => $l->chain_money($_)) }
	    $l->worker_list } };

	mkdir $l->dir('copies');
	$l->pay_is('paid', 'everybody is paid');
	$l->more_work;
	$l->pay('--reconcile');
	is($l->states, join(' ', ('final') x 3), '... for good');
	my $copy = backup($l)->{file};
	$l->pay_is('paid', 'after the copy, too');
	$l->more_work;
	$l->pay_is('paid', 'and once more for work that came after it');
	my $has = $money->();
	my $said = restore($l, $copy);
	is($l->{code}, 0, 'the copy is restored') or diag($l->{err});
	cmp_ok($said->{lostTransfers}, '>', 0, '... and has lost something');

	# To whom says that all blocks are of now, none was before the restore.
	$l->payout_conf(rpc_urls => "$rig->{rpc} $rig->{rpcProxy}");
	$rig->control('rpcProxy', { mode => 'invent', deny => 'all',
	    time => time + $rig->ahead_s });
	$l->pay;
	like($l->{err}, qr/nobody is paid until it is compared/,
	    'nobody is paid while all blocks of a node are of now');
	is($l->states, join(' ', ('final') x 3), '... and nothing is begun');
	$rig->control('rpcProxy', { mode => 'pass' });

	# The first payout that was lost is final, the second one isn't.
	$l->pay_is('findings', 'a run finds what was paid, as far as it is ' .
	    'final');
	like($l->{err}, qr/nobody is paid until it is compared/,
	    '... and says that nobody is paid yet');
	is_deeply($money->(), $has, '... nobody has more');
	is($l->states, join(' ', ('final') x 6), '... and nothing is begun');
	like(($l->worknet_try('status'))[1], qr/held: nobody is paid/,
	    'the status says so, too');
	# Blocks that are later than the restore, to the second.
	$rig->warp(2);
	$rig->mine(10);
	$l->pay_is('findings', 'a run that only looks finds the rest',
	    '--reconcile');
	is($l->sql_value('SELECT count(*) FROM hold'), 0,
	    '... and then the chain holds nobody any more');
	is_deeply($money->(), $has, '... nobody has more');
	$l->more_work;
	$l->pay_is('paid', 'what is earned then is paid');
	$rig->mine(10);
	$l->pay_is('nothing', 'until nothing is left to do');
	$l->books_ok('after the drill', ('payout lost') x 6);

	# Work before the comparison, and a node that hides what was paid.
	$l = PayoutTest->new($rig);
	mkdir $l->dir('copies');
	$copy = backup($l)->{file};
	$l->pay_is('paid', 'another copy, and payouts after it');
	$has = $money->();
	restore($l, $copy);
	$l->more_work;
	$l->payout_conf(rpc_urls => "$rig->{rpc} $rig->{rpcProxy}");
	$rig->control('rpcProxy', { mode => 'answer', result => [],
	    methods => ['eth_getLogs'] });
	$l->pay;
	like($l->{err}, qr/nobody is paid until it is compared/,
	    'while a node hides what was paid nobody is paid');
	is_deeply($money->(), $has, '... nobody has more');
	is($l->states, '', '... and nothing is begun');
	$rig->control('rpcProxy', { mode => 'pass' });
	$l->pay_is('findings', 'once it shows it, that is booked');
	$rig->mine(10);
	$l->pay;
	$l->books_ok('after a node that hid it', ('payout lost') x 3);
}

done_testing();
