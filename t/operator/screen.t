#!/usr/bin/perl
# What a person sees of worknet: tables that fit the terminal, whole ones in
# pipes; what a mistyped word may have been meant to be; help that is no wider
# than a terminal; and completion in bash.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path source_path need_program find_program
    run_command slurp);

need_program('sqlite3');
alarm(120);

my $worknet = build_path('worknet');

# ---- Words ----

for my $case (
    [ [ 'statsu' ], 'unknown command statsu: did you mean status?' ],
    [ [ 'task', 'ad' ], 'unknown command task ad: did you mean task add?' ],
    [ [ 'taks', 'list' ], 'unknown command taks list: did you mean task list?' ],
    [ [ 'wroker', 'show', 'x' ],
	'unknown command wroker show: did you mean worker show?' ],
    [ [ 'xyzzy' ], 'unknown command xyzzy' ],
    [ [ 'task', 'list', '--jsno' ],
	'unknown option --jsno: did you mean --json?' ],
    [ [ 'worker', 'list', '--limt=3' ],
	'unknown option --limt=3: did you mean --limit?' ],
    [ [ 'worker', 'list', '--migrate' ], 'unknown option --migrate' ],
) {
	my ($args, $words) = @$case;
	my ($status, $out, $err) = run_command($worknet, @$args);

	is("$status $out", '2 ', "@$args: exit code 2");
	like($err, qr/\Aworknet: \Q$words\E\n/, "... $words");
}

# ---- Help ----

my (undef, $help) = run_command($worknet, '--help');
my @commands = $help =~ /^  ([a-z]+(?: [a-z]+)?)  /mg;
cmp_ok(scalar @commands, '>', 30, 'help lists the commands');
my @wide = grep { length > 80 } split /\n/, $help;
for my $command (@commands) {
	my ($status, $text) = run_command($worknet, (split / /, $command),
	    '--help');
	like($text, qr/\Ausage: worknet \[-c FILE\] $command\b/,
	    "$command has its own");
	push @wide, grep { length > 80 } split /\n/, $text;
}
for my $name (qw(worknet-fcgi worknet-payout worknet-worker)) {
	push @wide, grep { length > 80 } split /\n/,
	    (run_command(build_path($name), '--help'))[1];
}
is(join("\n", @wide), '', 'no line of help is wider than 80 columns');

# ---- Tables ----

my $w = WorknetTest->new;
my ($status, undef, $err) = run_command(build_path('t/tools/make_ledger'),
    '--db', $w->ledger_path, '--seed', 7, '--workers', 3, '--tasks', 3,
    '--interval-ms', 120000, '--silent-percent', 0, '--cooldown-ms', 0,
    '--results', 30);
die "make_ledger: $err" if $status != 0;
my $address = $w->sql_value('SELECT address FROM worker LIMIT 1');

# On a terminal of so many columns.
sub on_terminal {
	my ($columns, @args) = @_;
	my (undef, $out) = run_command('script', '-qec', "stty cols $columns; " .
	    join(' ', $worknet, '-c', $w->conf_path, @args), '/dev/null');

	return $out =~ s/\r//gr;
}

SKIP: {
	skip('no script(1)', 1) if !find_program('script');
	for my $args ([ 'task', 'list' ], [ 'worker', 'list' ],
	    [ 'worker', 'show', $address ], [ 'status' ], [ 'check' ],
	    [ 'payout', 'list' ], [ 'audit' ], [ 'doctor' ]) {
		for my $columns (80, 120) {
			my $text = on_terminal($columns, @$args);
			my @wide = grep { length > $columns } split /\n/, $text;
			ok($text ne '' && !@wide, "$args->[0] " .
			    ($args->[1] // '') . " fits $columns columns") or
			    diag(join "\n", @wide);
		}
	}
	my $text = on_terminal(80, 'worker', 'list');
	my $short = substr($address, 0, 6) . '..' . substr($address, -4);
	like($text, qr/^\Q$short\E /m, 'an address is shortened');
	like(on_terminal(80, 'worker', 'list', '--wide'), qr/^\Q$address\E /m,
	    'with --wide it isn\'t');
	like(on_terminal(300, 'worker', 'list'), qr/^\Q$address\E /m,
	    'nor where there is room');
	like(on_terminal(80, 'worker', 'list', '--json'), qr/"\Q$address\E"/,
	    'nor for programs');
	my $folded = on_terminal(80, 'check') =~ s/\n +/ /gr;
	my (undef, $whole) = run_command($worknet, '-c', $w->conf_path, 'check');
	is($folded =~ s/ +/ /gr, $whole =~ s/ +/ /gr,
	    'of a last column no word is lost') if $whole !~ /it is \d/;
}
my (undef, $pipe) = run_command($worknet, '-c', $w->conf_path, 'worker', 'list');
like($pipe, qr/^\Q$address\E /m, 'in a pipe tables are whole');

# ---- Completion ----

SKIP: {
	my $bash = find_program('bash');
	skip('no bash', 1) if !$bash;
	my $complete = sub {
		my (@words) = @_;
		my (undef, $out, $err) = run_command($bash, '-c',
		    'PATH=$1:$PATH; . "$2"; shift 2; COMP_WORDS=("$@"); ' .
		    'COMP_CWORD=$(($# - 1)); _worknet; echo "${COMPREPLY[*]}"',
		    'bash', build_path(''),
		    source_path('doc/completion/worknet'), @words);
		chomp $out;
		return $out . $err;
	};
	is($complete->('worknet', 'sta'), 'status', 'a command is completed');
	is($complete->('worknet', 'task', 'e'), 'edit', 'and its second word');
	is($complete->('worknet', 'tas'), 'task', 'the first one once');
	is($complete->('worknet', 'audit', '--sig'), '--signatures',
	    'its options');
	is($complete->('worknet-payout', '--dr'), '--dry-run',
	    'and those of other programs');
	is($complete->('worknet', '-c', '/x', 'fin'), 'finding',
	    'after the configuration, too');
}
done_testing();
