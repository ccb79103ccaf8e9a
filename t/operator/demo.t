#!/usr/bin/perl
# The demo, which is the first that anybody sees: what it shows, how it ends, and
# that it leaves nothing running.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use IPC::Open2 qw(open2);
use Test::More;

use WorknetTest qw(build_path source_path need_program find_program wait_for
    run_command slurp spurt);

need_program($_) for qw(sqlite3 nginx setsid script);
alarm(400);

my $pays = find_program('node') && -d source_path('t/node_modules/viem');
my $home = tempdir(CLEANUP => 1);
my $n = 0;

# The demo, in a directory of its own, as somebody in $home begins it.
sub demo_env {
	my (%env) = @_;

	return (BUILDDIR => build_path('.'), SRCDIR => source_path('.'),
	    DEMO_DIR => "$home/" . ++$n, DEMO_FROM => $home,
	    DEMO_SECONDS => 0, TERM => 'xterm', NO_COLOR => '', %env);
}

# On a terminal of 80 columns.
sub on_terminal {
	my (%env) = @_;
	my %demo = (text => '', env => { demo_env(%env) });

	local %ENV = (%ENV, %{ $demo{env} });
	$demo{pid} = open2($demo{out}, $demo{in}, 'script', '-qefc',
	    'stty cols 80; exec sh ' . source_path('t/demo.sh'), '/dev/null');
	return \%demo;
}

# Until it has said so; whether it did.
sub read_until {
	my ($demo, $what) = @_;

	while ($demo->{text} !~ $what) {
		sysread($demo->{out}, $demo->{text}, 4096,
		    length $demo->{text}) or return 0;
	}
	return 1;
}

# Which processes have this demo in their environment, this one left out.
sub left_running {
	my ($demo) = @_;
	my $mark = "DEMO_DIR=$demo->{env}{DEMO_DIR}\0";
	my @left;

	for my $pid (map { m{/proc/(\d+)} } glob '/proc/[0-9]*') {
		open(my $f, '<', "/proc/$pid/environ") or next;
		my $env = do { local $/; <$f> } // next;
		push @left, $pid if index("$env\0", $mark) >= 0;
	}
	return @left;
}

sub uncoloured { return $_[0] =~ s/\r//gr =~ s/\e\[\d*m//gr }

# ---- On a terminal, until Ctrl-C ----

my $demo = on_terminal();
ok(read_until($demo, $pays ? qr/paid .*\n/ : qr/refused .*\n/),
    'it shows what it announces') or diag($demo->{text});
cmp_ok(scalar(left_running($demo)), '>', 5, 'meanwhile its processes run');
syswrite($demo->{in}, "\003");
1 while read_until($demo, qr/(?!)/);
waitpid $demo->{pid}, 0;
is($? >> 8, 0, 'Ctrl-C ends it with exit code 0');
is_deeply([ left_running($demo) ], [], 'and leaves nothing running');
like($demo->{text}, qr/\e\[1m\d\d:\d\d:\d\d  three workers join\e\[0m/,
    'stages stand out, with times');
my $text = uncoloured($demo->{text});
unlike($text, qr/\e|^\S+  failed |No such file/m, 'with no word of trouble');
my @wide = grep { length > 80 } split /\n/, $text;
is(join("\n", @wide), '', 'no line is wider than the terminal');
my $address = qr/0x\w{4}\.\.\w{4}/;
my @told = (qr/what you will see/, qr/\n\nT?.*three workers join\n/,
    qr/joined +$address\n/, qr/checks, each signed by its worker/,
    qr/check +$address +task_health +answered 200 +0\.000100 USDC\n/,
    qr/a liar: /, qr/refused +task_health: not assigned\n/,
    ($pays ? qr/paid +$address +0\.\d{6} USDC +transaction $address\n/ : ()),
    qr/who has earned what/, qr/the audit: /, qr/clean +\d+ results/,
    qr/the evidence: /, qr/proven +task_down/, qr/worth typing:\n/);
my $from = 0;
for my $what (@told) {
	pos($text) = $from;
	my $there = $text =~ /$what/g;
	ok($there, "it tells, in its turn: $what") or diag(substr $text, $from);
	$from = pos($text) // $from;
}
my @commands = split /\n/, substr $text, $from;
is(scalar @commands, 3, 'it ends with three commands');
like($commands[0], $pays ? qr/ payout explain \d+$/ : qr/ worker show 0x/,
    'first the story of a payment');
for my $command (@commands) {
	my ($status, $out, $err) = run_command('sh', '-c', "cd '$home' && " .
	    $command);
	is("$status $err", '0 ', "which work: $command");
	cmp_ok($out =~ tr/\n//, '>', 5, '... and have something to say');
}

# ---- A terminal that is closed ----

$demo = on_terminal(NO_COLOR => 1);
ok(read_until($demo, qr/check .*\n/), 'another one, which has begun');
unlike($demo->{text}, qr/\e\[/, 'with NO_COLOR there is no colour');
kill 'KILL', $demo->{pid};
waitpid $demo->{pid}, 0;
eval { wait_for(sub { !left_running($demo) }, 'their end', 60) };
is_deeply([ map { slurp("/proc/$_/cmdline") } left_running($demo) ], [],
    'a closed terminal leaves nothing running');

# ---- In a pipe, for so many seconds ----

# A date(1) by which hours pass in no time, once that is to be.
my $date = find_program('date');
mkdir "$home/bin";
spurt("$home/bin/date", "#!/bin/sh\n[ \"\$1\" = +%s ] && " .
    "[ -e '$home/late' ] || exec $date \"\$@\"\n" .
    "echo \$((\$($date +%s) + 7200))\n");
chmod 0755, "$home/bin/date";
my %env = demo_env(DEMO_SECONDS => 3600, PATH => "$home/bin:$ENV{PATH}");
{
	local %ENV = (%ENV, %env);
	open($demo->{out}, '-|', 'sh', source_path('t/demo.sh')) or die;
}
$demo = { %$demo, env => \%env, text => '' };
ok(read_until($demo, qr/refused .*\n/), 'one that is to take an hour');
like($demo->{text}, qr/in 3600 seconds/, '... says so before');
spurt("$home/late", '');
1 while read_until($demo, qr/(?!)/);
close $demo->{out};
is($? >> 8, 0, 'ends when that hour has passed, by the clock');
is_deeply([ left_running($demo) ], [], 'with nothing left running');
like($demo->{text}, qr/check +0x[0-9a-fA-F]{40} /, 'in a pipe addresses are whole');
unlike($demo->{text}, qr/\e/, 'and nothing has a colour');
done_testing();
