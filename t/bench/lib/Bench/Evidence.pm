# What the transparency log costs: to make it, and to verify an export of it.
package Bench::Evidence;

use strict;
use warnings;

use AdminRun qw($Dir make_ledger program sql_rows write_file);
use Bench::Recover;
use WorknetTest qw(build_path);

my $HOUR = 3600_000;
my $END = 1780329600_000;	# 2026-06-01 16:00 UTC

# CPU seconds, user and system, of a command that must succeed.
sub cpu_s {
	my ($ms, @command) = @_;
	my @before = times;

	write_file("$Dir/clock", "$ms\n");
	local $ENV{WN_FAULT_CLOCK} = "$Dir/clock";
	local $ENV{LD_PRELOAD} = build_path('t/tools/fault.so');
	my $r = AdminRun::run('', @command);
	die "@command: $r->{err}\n" if $r->{code} ne '0';
	my @now = times;
	return $now[2] + $now[3] - $before[2] - $before[3];
}

# Results of so many minutes of so many tasks, each with three copies every
# 30 s, up to that time.
sub live {
	my ($tasks, $minutes, $end, @more) = @_;

	make_ledger("$Dir/ledger.db", '--tasks', $tasks, '--copies', 3,
	    '--interval-ms', 30_000, '--results', $tasks * 6 * $minutes,
	    '--workers', 12, '--cooldown-ms', 0, '--seed', 9, '--end-ms', $end,
	    @more);
}

# An empty log, and no ledger yet. The configuration's path.
sub prepare {
	my $conf = write_file("$Dir/log.conf", join "\n", '[ledger]',
	    'path = ledger.db', '[log]', 'origin = worknet.example/log',
	    'directory = site', 'state_directory = state',
	    'key_file = log.key', '');

	system('rm', '-rf', map { "$Dir/$_" } qw(site state export log.key
	    ledger.db ledger.db-wal ledger.db-shm));
	mkdir "$Dir/$_" or die "$Dir/$_: $!\n" for qw(site state);
	cpu_s($END, program('worknet-log'), '-c', $conf, '--key', 'new');
	return $conf;
}

sub log_s {
	my ($conf, $ms) = @_;

	return cpu_s($ms, program('worknet-log'), '-c', $conf, '--idle');
}

# The CPU of the twelve runs of an hour of so many tasks, of which one makes the
# hour's segments; and that of one without anything new.
sub hour_s {
	my ($tasks) = @_;
	my $conf = prepare();
	my $minute = sub { return $END + $_[0] * 60_000 };
	my $all = 0;
	my @s;

	live($tasks, 60, $minute->(10), '--fast');
	log_s($conf, $minute->(11));
	for (map { 10 + 5 * $_ } 1 .. 12) {
		live($tasks, 5, $minute->($_), '--fast', '--append');
		push @s, log_s($conf, $minute->($_ + 1));
		$all += $s[-1];
	}
	return ($all, (sort { $a <=> $b } @s)[0]);
}

# Of 1,000 tasks, by what few and some more take: part of it is fixed.
sub measure_log {
	my ($run) = @_;
	my ($few, $more) = (10, $run->choose(60, 250));
	my $rounds = $run->choose(2, 5);
	my (@ratios, @us, @least);

	for (1 .. $rounds) {
		my ($s, $least) = hour_s($few);
		my ($of_more) = hour_s($more);
		my $each = ($of_more - $s) / ($more - $few);

		push @ratios, ($s + $each * (1000 - $few)) /
		    ($HOUR / 1000 * 0.01);
		push @us, $each * 1e6 / 360;
		push @least, $least * 1e3;
	}
	return { ratios => \@ratios, parts => [
	    [ 'CPU for a slot', \@us, 'us' ],
	    [ 'CPU of the shortest run', \@least, 'ms' ] ] };
}

# A task's day, half of it signed in rounds: the CPU of worknet verify beyond
# that of one recovery for each result, for 10,000 results.
sub measure_verify {
	my ($run) = @_;
	my $hours = $run->choose(4, 24);
	my $rounds = $run->choose(3, 9);
	my $conf = prepare();
	my (@ratios, @all, @recover);

	live(1, 60 * $hours, $END, '--round-percent', 50);
	log_s($conf, $END + 2 * $HOUR);
	my ($task) = map { $_->[0] } sql_rows("$Dir/ledger.db",
	    'SELECT name FROM task');
	my ($n) = map { $_->[0] } sql_rows("$Dir/ledger.db",
	    "SELECT count(*) FROM result WHERE cycle_ms < $END");
	cpu_s($END, program('worknet'), '-c', $conf, 'export', '--task', $task,
	    '--from', $END - 48 * $HOUR, '--to', $END, "$Dir/export");
	for (1 .. $rounds) {
		my $us = Bench::Recover::recover_us();
		my $s = cpu_s($END, program('worknet'), 'verify', "$Dir/export");

		push @ratios, ($s - $n * $us / 1e6) / ($n / 10_000);
		push @all, $s * 1e6 / $n;
		push @recover, $us;
	}
	return { ratios => \@ratios, parts => [ [ 'results', $n ],
	    [ 'CPU of worknet verify for a result', \@all, 'us' ],
	    [ 'CPU of secp256k1_ecdsa_recover', \@recover, 'us' ] ] };
}

1;
