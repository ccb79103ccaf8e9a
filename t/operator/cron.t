#!/usr/bin/perl
# The crontab that make install installs: each of its lines runs in what cron
# gives it, and is quiet unless a person must look. Where cron is installed and
# this is root, cron itself runs them, from a copy of /etc in a namespace.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path find_program need_program slurp spurt wait_for
    run_command child_start child_end exec_logged);

need_program('sqlite3');

my $w = WorknetTest->new->init;
my $bin = $w->dir('bin');
my $text = slurp(build_path('doc/examples/crontab'));
my @lines = $text =~ /^(?:[\d*\/]+ ){5}(\S+) (.*)$/mg;

# Programs that say how they were called, where cron's PATH doesn't look.
mkdir $bin or die $!;
chmod(0755, $w->dir, $bin);
sub program {
	my ($name, $does) = @_;

	spurt("$bin/$name", "#!/bin/sh\n$does\n");
	chmod(0755, "$bin/$name");
}

# In cron's environment: (status, what would be mailed).
sub by_cron {
	my ($command) = @_;

	# A bare % is a line's end to cron.
	die "$command: has a %" if $command =~ /(?<!\\)%/;
	my ($status, $out, $err) = run_command(find_program('env'), '-i',
	    'PATH=/usr/bin:/bin', 'SHELL=/bin/sh', "HOME=$bin",
	    'LOGNAME=test', '/bin/sh', '-c', $command);
	return ($status, $out . $err);
}

is(scalar @lines, 6, 'three lines: payouts, audit, and backup with rollup');
like($text, qr/^MAILTO=/m, 'and it says who is told of what is wrong');
is(join(' ', map { $lines[2 * $_] } 0 .. 2), 'worknet-payout worknet worknet',
    'the payer is a user of its own');
my @commands = map { $lines[2 * $_ + 1] } 0 .. 2;
is(join(' ', grep { !m{(?:^|\$\()/\S*/bin/worknet(?:-payout)? } } @commands),
    '', 'each names its program by a whole path');
s{/[^ ]*/bin/(?=worknet)}{$bin/}g for @commands;

for my $command (@commands) {
	my ($name) = $command =~ m{$bin/(\S+)};
	my ($what) = $command =~ /(payout|audit|backup)/;

	program($name, "echo \"\$*\" >>$bin/called");
	unlink "$bin/called";
	my ($status, $mail) = by_cron($command);
	is($status, 0, "the $what line runs with cron's PATH");
	isnt(slurp("$bin/called"), '', 'and its program is called');
	is($mail, '', 'nothing is mailed while it is well');
	program($name, "echo trouble; exit 1");
	(undef, $mail) = by_cron($command);
	is($mail, "trouble\n", 'but what is wrong is');
}

# With the real program, on a ledger.
for my $command (grep { /audit/ } @commands) {
	$command =~ s{$bin/worknet}{build_path('worknet')}e;
	$command =~ s{-c \S*worknet\.conf}{'-c ' . $w->conf_path}e;
	my ($status, $mail) = by_cron($command);
	is("$status$mail", '0', 'an audit that finds nothing is quiet');
	unlink $w->ledger_path;
	(undef, $mail) = by_cron($command);
	like($mail, qr/ledger\.db/, 'one that can\'t look says so');
}

# ---- Debian's cron ----

SKIP: {
	my $cron = find_program('cron');
	skip('cron takes root, and to be installed', 1) if $> != 0 ||
	    !defined $cron || !find_program('unshare') ||
	    !getpwnam('nobody');
	program('worknet', "echo \"\$1 \$(id -un)\" >>$bin/ran");
	program('worknet-payout', "echo \"payout \$(id -un)\" >>$bin/ran");
	spurt("$bin/ran", '');
	chmod(0666, "$bin/ran");
	# Each minute, by users that this machine has.
	spurt($w->dir('crontab'), $text =~ s{/\S*/bin/(?=worknet)}{$bin/}gr
	    =~ s{^[\d*/]+ (?:[\d*/]+ ){4}(\S+)}
	    {'* * * * * ' . ($1 eq 'worknet' ? 'nobody' : 'daemon')}megr);
	my $script = <<'SH';
set -e
mount -t tmpfs tmpfs /etc/cron.d
mount -t tmpfs tmpfs /var/spool/cron
mount -t tmpfs tmpfs /run
mkdir /var/spool/cron/crontabs
install -m 0644 "$1" /etc/cron.d/worknet
exec "$2" -f
SH
	my $daemon = child_start('cron', sub {
		exec_logged($w->dir('cron.log'), find_program('unshare'),
		    '-m', '/bin/sh', '-c', $script, 'sh', $w->dir('crontab'),
		    $cron);
	});
	# It begins with the next minute.
	my $end = time + 75;
	sleep 1 while time < $end &&
	    (() = slurp("$bin/ran") =~ /\n/g) < 4;
	is(join(', ', sort split /\n/, slurp("$bin/ran")),
	    'audit nobody, backup nobody, payout daemon, rollup nobody',
	    'Debian\'s cron runs all lines, each as its user');
	child_end($daemon, 'TERM');
}

done_testing();
