#!/usr/bin/perl
# What every program has: help, a version, and a word for a wrong option.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path run_command find_program spurt);

my %versions;

for my $name (qw(worknet worknet-alert worknet-fcgi worknet-log
    worknet-payout worknet-worker)) {
	my $program = build_path($name);
	my ($code, $out, $err) = run_command($program, '--help');

	is($code, 0, "$name --help gives 0");
	like($out, qr/\Ausage: $name/, '... and the usage');
	like($out, qr/--version/, '... which tells of --version');
	like($out, qr/Exit (codes|status)/, '... and the exit codes');
	is($err, '', '... all of it on standard output');
	is((run_command($program, '-h'))[1], $out, '-h is the same');
	($code, $out, $err) = run_command($program, '--version');
	is($code, 0, "$name --version gives 0");
	like($out, qr/\A$name \S+\n\z/, '... and the version');
	is($err, '', '... on standard output');
	$versions{$out =~ s/^\S+ //r} = 1;
	($code, $out, $err) = run_command($program, '--nosuch');
	is($code, 2, "$name: a wrong option is 2");
	is($out, '', '... and gives nothing on standard output');
	isnt($err, '', '... but a word on standard error');
	is((run_command($program, 'nosuch'))[0], 2, '... so is a wrong word');
	next if $name eq 'worknet';
	for my $case ([ '--verson', 'unknown option --verson: did you mean ' .
	    '--version?' ], [ '-z', 'unknown option -z' ],
	    [ '-c', '-c needs a value' ],
	    [ '--help=x', '--help=x takes no value' ],
	    [ 'word', 'unexpected argument "word"' ]) {
		my ($arg, $words) = @$case;
		($code, undef, $err) = run_command($program, $arg);
		is("$code $err", "2 $name: $words\n$name --help tells what " .
		    "there is\n", "$name $arg: what is wrong, and where help is");
	}
	next if !find_program('script');
	for my $case ([ '', 'is red', 1 ], [ 1, 'isn\'t with NO_COLOR', 0 ]) {
		my ($no, $how, $red) = @$case;
		my (undef, $text) = run_command({ env => { TERM => 'xterm',
		    NO_COLOR => $no } }, 'script', '-qec',
		    "$program -c /nosuch", '/dev/null');

		like($text, $red ? qr/^\e\[31m$name: .*\e\[0m\r$/m :
		    qr/^$name: [^\e]*$/m, "... what is wrong $how");
	}
	unlike((run_command({ env => { TERM => 'xterm', NO_COLOR => undef } },
	    $program, '-c', '/nosuch'))[2], qr/\e/,
	    '... nor where no terminal is');
}
is(scalar keys %versions, 1, 'they are of one version');

# ---- Exit codes mean the same in all of them ----

my $w = WorknetTest->new;
$w->{conf}{log} = { origin => 'log.example', directory => $w->dir('log'),
    state_directory => $w->dir('state'), key_file => $w->dir('log.key') };
$w->{conf}{alert} = { receivers_file => $w->dir('receivers') };
mkdir $w->dir($_) for qw(log state);
$w->conf_write;
spurt($w->dir('receivers'), '');
chmod 0600, $w->dir('receivers');
is((run_command(build_path('worknet-log'), '-c', $w->conf_path, '--key',
    'new'))[0], 0, 'a key for the log');
for my $case (map { [ "worknet$_->[0]", @$_[1 .. $#$_] ] } [ '', 'status' ],
    [ '-alert' ], [ '-fcgi', '-t' ], [ '-log' ], [ '-payout' ],
    [ '-worker', '--once' ]) {
	my ($name, @args) = @$case;
	my ($code) = run_command(build_path($name), '-c', '/nosuch', @args);
	is($code, 1, "$name: 1 without a configuration");
	spurt($w->dir('bad.conf'), "[ledger]\nnosuch = 1\n");
	($code) = run_command(build_path($name), '-c', $w->dir('bad.conf'),
	    @args);
	is($code, 1, '... and with a wrong one');
	next if $name =~ /payout|worker/;	# they look elsewhere first
	($code) = run_command(build_path($name), '-c', $w->conf_path, @args);
	is($code, 7, "$name: 7 without a ledger");
}
done_testing();
