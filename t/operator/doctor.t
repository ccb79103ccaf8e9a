#!/usr/bin/perl
# worknet doctor: each thing that it looks at is broken once, and found, with
# what to type.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path need_program run_command json_value spurt slurp);

need_program('sqlite3');
alarm(180);

my $w = WorknetTest->new->init;
my $key = $w->dir('treasury.key');
my $backups = $w->dir('backups');
my $payout = $w->dir('payout.conf');

spurt($key, '1' x 64);
chmod(0600, $key) or die $!;
mkdir $backups or die $!;
mkdir $w->dir('journal') or die $!;
chmod(0700, $w->dir('journal')) or die $!;
sub payout_conf {
	my (%more) = @_;
	my %conf = (network => 'base-sepolia', treasury_key_file => $key,
	    journal_file => $w->dir('journal/journal'), %more);

	spurt($payout, "[ledger]\npath = " . $w->ledger_path . "\n[payout]\n" .
	    join('', map { "$_ = $conf{$_}\n" } sort keys %conf));
	chmod(0640, $payout) or die $!;
}
payout_conf();

# The detail of each probe by its name, and which are bad; undef: exits so.
sub doctor {
	my (@more) = @_;
	my ($status, $out, $err) = run_command(build_path('worknet'), '-c',
	    $w->conf_path, 'doctor', '--json', '--payout', $payout, '--socket',
	    $w->socket_path, '--backups', $backups, @more);
	my $json = json_value($out);

	die "doctor: $err" if !$json;
	return { status => $status, bad => { map { $_->{check} => 1 }
	    grep { !$_->{ok} } @{ $json->{checks} } },
	    map { $_->{check} => $_->{detail} } @{ $json->{checks} } };
}

# What $break breaks is found as $probe, with these words, and isn't before.
sub found {
	my ($probe, $name, $words, $break, $mend) = @_;

	my $well = doctor();
	ok(!$well->{bad}{$probe}, "$probe is fine") or diag($well->{$probe});
	$break->();
	my $ill = doctor();
	is($ill->{status}, 1, "$name: exit code 1");
	ok($ill->{bad}{$probe}, '... it is found');
	like($ill->{$probe}, $words, '... with what to do');
	$mend->();
}

$w->start;
$w->worknet('backup', $backups);
my $d = doctor();
like($d->{sandbox}, qr/shut in by Landlock \(files\), seccomp \(system calls\)/,
    'it shows which layers the coordinator is shut in by');
like($d->{coordinator}, qr/answers, and can write/, 'that it answers');
like($d->{copies}, qr/^1 copies in .*, the newest 0 minutes old/,
    'the copies');
like($d->{disk}, qr/MiB free/, 'the disk');
is($d->{evidence}, 'not set up: nobody can verify anything',
    'the transparency log (t/evidence/log.t has one)');
is($d->{'payout run'}, 'none yet', 'the last payout run');
is($d->{schema} =~ /as they were made/, 1, 'and what check looks at');

SKIP: {
	skip('whose a file is can only be tried as root', 16) if $> != 0;
	my $conf = $w->conf_path;
	found('configuration file', 'a configuration that its group can write',
	    qr/chmod 0640/, sub { chmod(0660, $conf) or die $! },
	    sub { chmod(0640, $conf) or die $! });
	found('payout.conf', 'a payout.conf of somebody else',
	    qr/chown root/, sub { chown(1234, -1, $payout) or die $! },
	    sub { chown(0, -1, $payout) or die $! });
	found('payout.conf', 'one that all can read', qr/chgrp worknet-payout/,
	    sub { chmod(0644, $payout) or die $! },
	    sub { chmod(0640, $payout) or die $! });
	found('keys', 'a key of whom has the ledger', qr/chown worknet-payout/,
	    sub { chown(1234, -1, $_) or die $! for $key, $w->ledger_path },
	    sub { chown(0, -1, $_) or die $! for $key, $w->ledger_path });
}
found('keys', 'a key that others can read', qr/mode 0640.*chmod 0600/,
    sub { chmod(0640, $key) or die $! }, sub { chmod(0600, $key) or die $! });
found('keys', 'a key that isn\'t there', qr/treasury\.key: No such file/,
    sub { rename($key, "$key.away") or die $! },
    sub { rename("$key.away", $key) or die $! });
found('journal', 'a journal where others can write', qr/chmod 0700/,
    sub { chmod(0777, $w->dir('journal')) or die $! },
    sub { chmod(0700, $w->dir('journal')) or die $! });
found('nodes', 'nodes that don\'t answer', qr/127\.0\.0\.1/, sub {
	payout_conf(rpc_urls => 'http://127.0.0.1:9 http://127.0.0.1:10') },
    sub { payout_conf() });
my @copy = glob "$backups/*.db";
found('copies', 'copies that are old', qr/hours old: systemctl status/,
    sub { utime(1, time - 5 * 3600, @copy) or die $! },
    sub { utime(1, time, @copy) or die $! });
found('copies', 'no copy', qr/worknet backup/, sub { unlink(@copy) or die $! },
    sub { $w->worknet('backup', $backups) });
found('schema', 'a guard that was dropped', qr/./, sub {
	$w->sql('DROP TRIGGER ledger_no_update') }, sub { });
found('coordinator', 'no coordinator', qr/systemctl status worknet\.socket/,
    sub { is($w->stop, 0, 'it stops') }, sub { });
$d = doctor();
ok($d->{bad}{sandbox}, 'what it is shut in by isn\'t known then');
rename($w->ledger_path, $w->ledger_path . '.away') or die $!;
$d = doctor();
is($d->{status}, 3, 'without a ledger: exit code 3');
ok($d->{bad}{ledger}, '... which it names');
ok($d->{keys}, '... and looks at all else');
done_testing();
