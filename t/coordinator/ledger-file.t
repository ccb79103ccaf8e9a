#!/usr/bin/perl
# What becomes of the ledger's file while the coordinator runs: a sync that
# fails and loses what was written, a file that is moved, replaced or migrated,
# a log that is removed. Nothing acknowledged is lost, and nothing is
# acknowledged that would be. And what is said when it can't be opened.

use strict;
use warnings;

use File::Copy ();
use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Open2;
use Test::More;

use WorknetTest qw(build_path everybody_may_enter_build need_program now_ms
    wait_for slurp spurt run_command json_text json_value poll_path);

need_program('sqlite3');

my $CREDITED = '{"accepted":1,"earned":"0.000100"}';

sub setup {
	my ($slots, %opt) = @_;
	my $w = WorknetTest->new->past(60)->init;

	$w->hand_out([ map { "slot$_" } 1 .. 4 ], [ $w->worker(1) ], $slots);
	$w->now;
	return $w;
}

sub due {
	my ($w) = @_;

	return $w->result($w->worker(1), $w->take($w->worker(1)),
	    timestamp => $w->fresh_ms);
}

# ---- A sync of the ledger that fails, and loses what was written ----

# Commits until the process ends, or so often; the timestamps of what was
# acknowledged, at most so many.
sub work_until_it_ends {
	my ($w, $most, $often) = @_;
	my $c = $w->fcgi;
	my @kept;

	for (1 .. $often // 5000) {
		my $result = due($w) if @kept < $most && $_ % 20 == 0;
		my $r = eval { $result ? $c->post([ $result ]) :
		    $c->get('/health') };
		last if !$r;
		push @kept, $result->{timestamp}
		    if $result && $r->{body} eq $CREDITED;
	}
	$c->close;
	return @kept;
}

# Somebody who has the ledger open, all the while: what runs a statement and
# gives the line that it prints.
sub reader {
	my ($w) = @_;
	my $pid = open2(my $out, my $in, 'sqlite3', '-batch', $w->ledger_path);

	return sub {
		print $in "$_[0]\n";
		$in->flush;
		return scalar <$out>;
	};
}

# Has a checkpoint copy what is acknowledged here, but not come to the end of
# the log.
sub copy_in_part {
	my ($w, $reader) = @_;
	my @kept = work_until_it_ends($w, 40, 801);

	$reader->('BEGIN; SELECT count(*) FROM result;');
	work_until_it_ends($w, 0, 2000);
	$reader->('COMMIT; SELECT 1;');
	return @kept;
}

for my $case ([ 'ledger', 'EIO drop' ], [ 'ledger, which is read', 'EIO drop' ],
    [ 'log', 'EIO sync' ]) {
	my ($what, $fault) = @$case;
	my $w = setup(40);
	my $reader = $what =~ /read/ && reader($w);
	my @kept;

	$w->fault_prepare;
	local $ENV{WN_FAULT_DROP} = $what =~ /ledger/ ? 1 : undef;
	delete $ENV{WN_FAULT_DROP} if $what !~ /ledger/;
	for my $round (1 .. 2) {
		$w->start;
		my $log = length $w->log_text;
		my @now = $reader ? copy_in_part($w, $reader) : ();
		if ($what eq 'log') {
			my $c = $w->fcgi;
			for (1 .. 5) {
				my $r = due($w);
				push @now, $r->{timestamp} if
				    $c->post([ $r ])->{body} eq $CREDITED;
			}
			# Every sync, until one fails.
			$w->fault($fault);
			is(eval { $c->post([ due($w) ]) }, undef,
			    "$what: what can't be synced isn't acknowledged");
		} else {
			$w->fault($fault);
			push @now, work_until_it_ends($w, $reader ? 0 : 60);
		}
		cmp_ok(scalar @now, '>', 0, "$what: while results are " .
		    'acknowledged a sync fails');
		push @kept, @now;
		is($w->stop_wait >> 8, 7, 'the process ends at once');
		$w->fault;
		my $said = substr($w->log_text, $log);
		is(scalar(() = $said =~ /a sync failed, so what was written/g),
		    1, '... and says why');
		like($said, qr/\Q${\$w->ledger_path}\E/, '... of which file');
		$w->start;
		is($w->fcgi->get('/health')->{status}, 200,
		    'the next one is well');
		is($w->stop, 0, '... until it stops');
		my %found = map { ($_->{timestamp_ms} => 1) }
		    $w->sql('SELECT timestamp_ms FROM result');
		is_deeply([ grep { !$found{$_} } @kept ], [],
		    'everything that was acknowledged is there');
	}
	is($w->sql_value('PRAGMA integrity_check'), 'ok',
	    "$what: the file is whole");
	$w->log_ok;
	$w->audit_ok("after failed syncs of the $what");
}

# ---- Another file in its place ----

for my $case (
    [ 'moved away', sub {
	rename($_[0], "$_[0].away") or die $!;
    }, sub {
	rename("$_[0].away", $_[0]) or die $!;
    }, qr/ledger\.db was moved away or removed while it was in use/ ],
    [ 'replaced by a copy', sub {
	rename($_[0], "$_[0].away") or die $!;
	File::Copy::copy("$_[0].away", $_[0]) or die $!;
    }, sub {
	rename("$_[0].away", $_[0]) or die $!;
    }, qr/ledger\.db was replaced while it was in use/ ],
    [ 'left without its log', sub {
	rename("$_[0]-wal", "$_[0]-wal.away") or die $!;
    }, sub {
	rename("$_[0]-wal.away", "$_[0]-wal") or die $!;
    }, qr/ledger\.db-wal was moved away or removed/ ],
    [ 'given another log', sub {
	rename("$_[0]-wal", "$_[0]-wal.away") or die $!;
	spurt("$_[0]-wal", 'stale');
    }, sub {
	rename("$_[0]-wal.away", "$_[0]-wal") or die $!;
    }, qr/ledger\.db-wal was replaced/ ],
    [ 'migrated', sub {
	run_command('sqlite3', $_[0], 'PRAGMA user_version = 999');
    }, sub {
	my ($v) = $_[1] =~ /knows (\d+)/;
	run_command('sqlite3', $_[0], "PRAGMA user_version = $v");
    }, qr/has schema 999, this program knows \d+; use the newer program/ ],
    ) {
	my ($what, $do, $undo, $why) = @$case;
	my $w = setup(2);

	$w->start;
	my $c = $w->fcgi;
	is($c->post([ due($w) ])->{body}, $CREDITED, "$what: before, it credits");
	my $balance = $w->balance($w->worker(1));
	my $result = due($w);
	$do->($w->ledger_path);
	my $r = eval { $c->post([ $result ]) };
	is($r ? $r->{status} : 503, 503, '... afterwards it doesn\'t');
	is($w->stop_wait >> 8, 7, '... and ends by itself');
	like($w->log_text, $why, '... with the cause');
	$undo->($w->ledger_path, $w->log_text);
	is($w->balance($w->worker(1)), $balance, 'nothing was credited since');
	$w->start;
	is($w->fcgi->post([ $result ])->{body}, $CREDITED,
	    'put right, it goes on');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok("after the ledger was $what");
}

# ---- What is said when it can't be opened ----

{
	my $w = WorknetTest->new;
	my @command = (build_path('worknet-fcgi'), '-t', '-c');
	my $says = sub {
		my ($conf, $status, $text, $name) = @_;
		my ($got, undef, $err) = run_command(@command, $conf);

		is($got, $status, $name);
		like($err, $text, '... and the message says so');
	};

	$says->($w->conf_path, 7, qr/ledger\.db: no such file; "worknet init"/,
	    'a ledger that isn\'t there is refused');
	$says->($w->dir, 1, qr/\Q${\$w->dir}\E: Is a directory/,
	    'a directory is no configuration');
	my ($status, undef, $err) = run_command(build_path('worknet'), '-c',
	    $w->dir, 'status');
	isnt($status, 0, 'nor for the operator\'s command');
	like($err, qr/Is a directory/, '... which says so, too');
	$w->init;
	for my $bad ('/api/', 'api', '/') {
		$w->{conf}{coordinator}{prefix} = $bad;
		$w->conf_write;
		$says->($w->conf_path, 1, qr/prefix: got "\Q$bad\E", expected/,
		    "prefix = $bad is refused");
	}
	$w->{conf}{coordinator}{prefix} = '/api';
	$w->{conf}{ledger}{path} = '"data/ledger.db"';
	$w->conf_write;
	$says->($w->conf_path, 7, qr/"data\/ledger\.db": no such file/,
	    'quotes are a part of a path');
	$w->{conf}{ledger}{path} = 'data';
	$w->conf_write;
	$says->($w->conf_path, 7, qr/isn't a regular file/,
	    'a directory is no ledger');
	SKIP: {
		skip('only root can be another user', 2)
		    if $> != 0 || !everybody_may_enter_build();
		$w->{conf}{ledger}{path} = 'data/ledger.db';
		$w->conf_write;
		chmod(0755, $w->dir);
		chmod(0644, $w->conf_path);
		chmod(0600, $w->ledger_path);
		my ($status, undef, $err) = run_command({ uid => 65534 },
		    @command, $w->conf_path);
		is($status, 7, 'another user\'s ledger is refused');
		like($err, qr/can't be read for this user, nobody \(uid 65534\); it belongs to root \(uid 0\), mode 0600/,
		    'and the message says who is who');
	}
}

done_testing();
