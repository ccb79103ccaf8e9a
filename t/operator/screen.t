#!/usr/bin/perl
# What a person sees of worknet: tables that fit the terminal, whole ones in
# pipes; what a mistyped word may have been meant to be; help that is no wider
# than a terminal; and completion in bash.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use AdminRun qw(make_ledger);
use WorknetTest qw(build_path source_path need_program find_program
    run_command json_value slurp spurt);

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
for my $name (qw(worknet-alert worknet-fcgi worknet-payout
    worknet-worker)) {
	push @wide, grep { length > 80 } split /\n/,
	    (run_command(build_path($name), '--help'))[1];
}
is(join("\n", @wide), '', 'no line of help is wider than 80 columns');

# ---- Tables ----

my $w = WorknetTest->new;
make_ledger($w->ledger_path, '--seed', 7, '--workers', 3, '--tasks', 3,
    '--interval-ms', 120000, '--silent-percent', 0, '--cooldown-ms', 0,
    '--results', 30);
my $stored = $w->sql_value('SELECT address FROM worker ORDER BY id LIMIT 1');
my ($address) = map { $_->{address} } grep { lc $_->{address} eq $stored }
    @{ json_value($w->worknet('worker', 'list', '--json'))->{workers} };

my (undef, $paid, $made) = run_command({ stdin => "reserve $stored 0\n" .
    "sign 1\nsubmit 1 https://x402.example.org\npost 1 0\n" .
    "find facilitator https://x402.example.org " . 'a word ' x 40 . "\n" },
    build_path('t/tools/make_payouts'), '--db', $w->ledger_path);
die "make_payouts: $paid$made" if $made ne '';

# On a terminal of so many columns: what is seen, and what is sent to it.
sub on_terminal {
	my ($columns, @args) = @_;

	return coloured($columns, {}, @args) =~ s/\e\[\d*m//gr;
}

sub coloured {
	my ($columns, $env, @args) = @_;
	my (undef, $out) = run_command({ env => { TERM => 'xterm',
	    NO_COLOR => undef, %$env } }, 'script', '-qec',
	    "stty cols $columns; " . join(' ', $worknet, '-c', $w->conf_path,
	    @args), '/dev/null');

	return $out =~ s/\r//gr;
}

SKIP: {
	skip('no script(1)', 1) if !find_program('script');
	for my $args ([ 'task', 'list' ], [ 'worker', 'list' ],
	    [ 'worker', 'show', $address ], [ 'status' ], [ 'check' ],
	    [ 'payout', 'list' ], [ 'payout', 'show', 1 ],
	    [ 'payout', 'explain', 1 ], [ 'finding', 'list' ],
	    [ 'payout', 'holds' ], [ 'task', 'show', 'task_00001' ],
	    [ 'worker', 'list', '--by', 'record' ],
	    [ 'worker', 'list', '--by', 'network' ], [ 'maintenance', 'list' ],
	    [ 'report', '--task', 'task_00001' ], [ 'region', 'list' ],
	    [ 'alert', 'list' ], [ 'audit' ], [ 'doctor' ]) {
		for my $columns (80, 120) {
			my $text = on_terminal($columns, @$args);
			# A word that is longer, such as a URL, has a line of
			# its own.
			my @wide = grep { length > $columns && !/^  \S+$/ }
			    split /\n/, $text;
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
	my $nonce = on_terminal(80, 'payout', 'show', 1);
	like($nonce, qr/^nonce:\n  0x[0-9a-f]{64}$/m,
	    'a hash that is a line of its own is whole');
	like(on_terminal(120, 'payout', 'show', 1),
	    qr/^nonce: +0x[0-9a-f]{64}$/m, 'beside its name where there is room');
	like(on_terminal(300, 'worker', 'list'), qr/^\Q$address\E /m,
	    'nor where there is room');
	like(on_terminal(80, 'worker', 'list', '--json'), qr/"\Q$address\E"/,
	    'nor for programs');
	my $folded = on_terminal(80, 'check') =~ s/\n +/ /gr;
	my (undef, $whole) = run_command($worknet, '-c', $w->conf_path, 'check');
	is($folded =~ s/ +/ /gr, $whole =~ s/ +/ /gr,
	    'of a last column no word is lost') if $whole !~ /it is \d/;
}

# ---- Colours ----

SKIP: {
	skip('no script(1)', 1) if !find_program('script');
	like(coloured(80, {}, 'worker', 'list'), qr/^\e\[1mADDRESS .*\e\[0m$/m,
	    'on a terminal titles are bold');
	like(coloured(80, {}, 'doctor', '--socket', '/nosuch'),
	    qr/^coordinator +\e\[31mno +\e\[0m/m, '... what is off is red');
	like(coloured(80, {}, 'doctor', '--socket', '/nosuch'),
	    qr/^schema +\e\[32myes +\e\[0m/m, '... and what isn\'t is green');
	like(coloured(80, {}, 'finding', 'list') . coloured(80, {}, 'status'),
	    qr/\e\[31m.*\e\[0m$/m, '... as are warnings');
	for my $case ([ { NO_COLOR => 1 }, 'with NO_COLOR', 'status' ],
	    [ { TERM => 'dumb' }, 'on a terminal that has none', 'status' ],
	    [ {}, 'in JSON', 'status', '--json' ]) {
		my ($env, $where, @args) = @$case;
		unlike(coloured(80, $env, @args), qr/\e/,
		    "$where there are no colours");
	}
}
$w->worknet('finding', 'close', 1);
my (undef, $pipe) = run_command($worknet, '-c', $w->conf_path, 'worker', 'list');
like($pipe, qr/^\Q$address\E /m, 'in a pipe tables are whole');
unlike($pipe, qr/\e/, 'and have no colour');

# ---- One form of an address, and parts of it ----

isnt($address, $stored, 'an address has its checksum, though the ledger\'s has none');
for my $args ([ 'worker', 'show', $stored ], [ 'task', 'show', 'task_00001' ],
    [ 'payout', 'hold', $stored ], [ 'payout', 'holds' ],
    [ 'worker', 'suspend', $stored ], [ 'worker', 'resume', $stored ]) {
	my $text = $w->worknet(@$args) . $w->worknet(@$args, '--json');
	unlike($text, qr/0x(?=[0-9a-f]*[a-f])[0-9a-f]{40}(?![0-9a-f])/,
	    "@$args[0, 1] writes no address without its checksum");
}
$w->worknet('payout', 'release', $stored);
for my $part (substr($address, 0, 8), lc substr($address, 0, 12),
    substr($address, 0, 6) . '..' . substr($address, -4)) {
	like($w->worknet('worker', 'show', $part), qr/^address: +$address$/m,
	    "$part is enough for a worker");
}
is($w->worknet('worker', 'suspend', substr($address, 0, 8)),
    "worker $address suspended\n", 'a change says whom it was made to');
$w->worknet('worker', 'resume', $address);
my @refused = (
    [ [ 'worker', 'show', '0x0000..0000' ], 1, qr/unknown worker 0x0000\.\.0000/ ],
    [ [ 'worker', 'show', substr($address, 0, 5) ], 2, qr/0x and 40 hex digits/ ],
    [ [ 'worker', 'show', "$address..1" ], 2, qr/0x and 40 hex digits/ ],
    [ [ 'worker', 'admit', substr($address, 0, 12) ], 2, qr/40 hex digits/ ],
    [ [ 'task', 'show', 'task' ], 1, qr/task is short for several: task_\d/ ],
    [ [ 'task', 'pause', 'nosuch' ], 1, qr/unknown task nosuch/ ],
);
$w->worknet('task', 'add', 'home', '--url', 'https://example.org/');
like($w->worknet('task', 'show', 'ho'), qr/^id: +home$/m,
    'so is the beginning of a task\'s name');
push @refused, [ [ 'task', 'pause', 'ho' ], 1, qr/unknown task ho/ ],
    [ [ 'task', 'edit', 'ho', '--reward', 1 ], 1, qr/unknown task ho/ ];
# Of several workers: those that begin like this one.
$w->sql("INSERT INTO account (id, kind) SELECT max(id) + 1, 'worker' FROM account");
$w->sql("INSERT INTO worker (id, address, first_seen_ms) SELECT max(id), " .
    "substr('$stored', 1, 38) || '0000', 1 FROM account");
push @refused, [ [ 'worker', 'suspend', substr($address, 0, 12) ], 1,
    qr/short for several: 0x/ ];
for my $case (@refused) {
	my ($args, $code, $words) = @$case;
	my ($got, undef, $err) = $w->worknet_try(@$args);

	is($got, $code, "@$args: exit code $code");
	like($err, $words, '... and why');
}

# ---- For programs, and for cron ----

for my $case ([ 1, [ 'worker', 'show', '0x' . '1' x 40 ], 'unknown worker' ],
    [ 2, [ 'worker', 'shwo', 'x' ], 'did you mean' ],
    [ 2, [ 'payout', 'list', '--limit', 'x' ], '--limit' ],
    [ 2, [ 'worker', 'list', '--limit', 0 ], 'at least 1' ],
    [ 1, [ 'status' ], '/nosuch/worknet.conf' ]) {
	my ($code, $args, $words) = @$case;
	my ($got, $out, $err) = run_command($worknet, '-c', $words =~ m{nosuch} ?
	    '/nosuch/worknet.conf' : $w->conf_path, @$args, '--json');
	my $json = eval { json_value($err) };

	is("$got $out", "$code ", "@$args: exit code $code, and no document");
	is($json->{exitCode}, $code, '... the error is JSON');
	like($json->{error}, qr/\Q$words\E/, '... with what is wrong');
}
for my $args ([ 'audit' ], [ 'audit', '--signatures' ], [ 'rollup' ],
    [ 'backup', $w->dir('copies') ]) {
	mkdir $w->dir('copies');
	my ($got, $out, $err) = $w->worknet_try(@$args, '-q');
	is("$got $out$err", '0 ', "@$args -q says nothing when all is well");
}
my ($loud, $heard) = $w->worknet_try('doctor', '-q', '--socket', '/nosuch');
is($loud, 1, 'but with something that is off');
like($heard, qr/^coordinator +no .*\n(?:.*\n)*clock /m, '... it says all');

# ---- What takes long tells how far it is ----

SKIP: {
	skip('no script(1)', 1) if !find_program('script');
	spurt($w->dir('import.json'), '[{"id":"x1","type":"http_check",' .
	    '"url":"https://example.org/","expectedStatus":200,' .
	    '"timeoutMs":1000,"rewardMicros":1}]');
	for my $case ([ qr/\bfile\e\[K/, 'audit', '--signatures' ],
	    [ qr/copying the ledger/, 'backup', $w->dir('copies') ],
	    [ qr/reading the copy again/, 'backup', $w->dir('copies') ],
	    [ qr/tasks 1 of 1 \(100 %\)/, 'task', 'import',
		$w->dir('import.json') ],
	    [ qr/counting hours/, 'rollup' ],
	    [ qr/counting/, 'report', '--task', 'task_00001' ]) {
		my ($stage, @args) = @$case;
		my $sent = coloured(80, {}, @args);
		like($sent, $stage, "$args[0] tells: $stage");
		unlike($sent, qr/$stage[^\e]*\n/, '... and leaves none of it');
		unlike((run_command($worknet, '-c', $w->conf_path, @args))[2],
		    $stage, '... where somebody looks, only');
	}
}

# ---- What can't be undone is asked ----

SKIP: {
	skip('no script(1)', 1) if !find_program('script');
	my $state = sub { json_value($w->worknet('task', 'show', 'home',
	    '--json'))->{state} };
	my $asked = sub {
		my ($text, @command) = @_;
		my (undef, $out) = run_command('sh', '-c', 'echo "$0" | ' .
		    'script -qec "$1" /dev/null', $text, join(' ', $worknet,
		    '-c', $w->conf_path, @command));
		return $out;
	};
	my $answer = sub { $asked->($_[0], 'task', 'remove', 'home') };
	like($answer->('n'), qr/Remove task home for ever\? \[y\/N\]/,
	    'task remove asks at a terminal');
	is($state->(), 'active', '... and heeds a no');
	$answer->('');
	is($state->(), 'active', '... and no answer');
	$answer->('y');
	is($state->(), 'removed', '... and a yes');
	my $owing = $w->sql_value('SELECT w.address FROM worker w JOIN ' .
	    'account a ON a.id = w.id WHERE a.balance_micros > 0 LIMIT 1');
	my $owed = sub { json_value($w->worknet('worker', 'show', $owing,
	    '--json'))->{owedMicros} };
	my @forfeit = ('worker', 'forfeit', $owing, '--since', '2020-01-01',
	    '--why', 'made-up');
	my $before = $owed->();
	like($asked->('n', @forfeit), qr/Take back .*, for ever\? \[y\/N\]/,
	    'worker forfeit asks at a terminal');
	is($owed->(), $before, '... and heeds a no');
	$asked->('n', @forfeit, '--yes');
	is($owed->(), 0, '... --yes is the answer');
	$w->{conf}{alert} = { receivers_file => $w->dir('receivers'),
	    allow_private => 'yes' };
	$w->conf_write;
	$w->worknet('alert', 'add', 'acme', 'webhook', '--url',
	    'https://hooks.acme.example/');
	like($asked->('n', 'alert', 'remove', 'acme'),
	    qr/Remove acme, and its secret\? \[y\/N\]/,
	    'alert remove asks at a terminal');
	like($w->worknet('alert', 'list'), qr/^acme /m, '... and heeds a no');
	$asked->('y', 'alert', 'remove', 'acme');
	unlike($w->worknet('alert', 'list'), qr/^acme /m, '... and a yes');
}
$w->worknet('task', 'add', 'away', '--url', 'https://example.org/');
$w->worknet('task', 'remove', 'away');
like($w->worknet('task', 'show', 'away'), qr/^state: +removed$/m,
    'a script isn\'t asked');

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
