#!/usr/bin/perl
# SIGHUP: the coordinator goes on, and follows what has changed in its
# configuration, or says that it needs a restart. And what its log says: at the
# start, at the end, each minute, and to whom.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use WorknetTest qw(need_program wait_for slurp spurt exec_logged json_value
    poll_path);

need_program('sqlite3');
alarm(480);

# What the log has more after code, once it has a line like that.
sub says {
	my ($w, $code, $line, $name) = @_;
	my $before = length $w->log_text;

	$code->();
	wait_for(sub { substr($w->log_text, $before) =~ $line }, "a line of $line");
	pass($name);
	return substr($w->log_text, $before);
}

sub hangup {
	my ($w, $line, $name) = @_;

	return says($w, sub { kill('HUP', $w->pid) or die $! }, $line, $name);
}

my $w = WorknetTest->new->init;
my ($one, $two) = ($w->worker(1), $w->worker(2));
$w->task_add("task$_", interval => '1s', copies => 100, cooldown => '0s')
    for 1 .. 4;
my $start = says($w, sub { $w->start }, qr/serving with/, 'it starts');
like($start, qr{^worknet-fcgi: version \S+, ledger \Q${\$w->ledger_path}\E, socket \Q${\$w->socket_path}\E$}m,
    'the log says version, ledger and socket');
like($start, qr/shut in: files by Landlock \(version \d+\), all system calls but \d+ by seccomp$/m,
    'and that it is shut in');
my @open = grep { !m/^Seccomp:\s+2$/m || !/^NoNewPrivs:\s+1$/m }
    map { slurp($_) } glob '/proc/' . $w->pid . '/task/*/status';
is("@open", '', 'which each of its threads is');
my $c = $w->fcgi;
hangup($w, qr/SIGHUP: nothing of the configuration has changed/,
    'a terminal that closes changes nothing');
is($c->get('/health')->{status}, 200, '... and it serves');

rename($w->conf_path, $w->conf_path . '.old') or die $!;
hangup($w, qr/SIGHUP: all stays as it was: .*No such file/,
    'a configuration that is gone changes nothing');
$w->conf_write;

# How many tasks a poll is given; a task's cycle isn't open at all times.
sub given {
	my ($address) = @_;

	return scalar @{ json_value($c->get(poll_path($address))->{body}) };
}

wait_for(sub { given($one->{address}) > 1 }, 'two tasks in one poll');
pass('a poll is given some tasks');
$w->{conf}{coordinator}{max_tasks_per_poll} = 1;
$w->conf_write;
hangup($w, qr/\[coordinator\] max_tasks_per_poll has changed, and counts from now on/,
    'a limit is changed');
wait_for(sub { given($two->{address}) == 1 }, 'a task for the second one');
is(given($one->{address}), 1, '... and counts');
$w->{conf}{admission}{mode} = 'list';
$w->conf_write;
hangup($w, qr/\[admission\] mode has changed/, 'a rule is changed');
is($c->get(poll_path($w->worker(3)->{address}))->{status}, 403, '... and counts for the next poll');
$w->{conf}{honesty}{maturity_new_ms} = 7000;
$w->conf_write;
hangup($w, qr/\[honesty\] maturity_new_ms has changed/, 'a term is changed');
is($w->sql_value('SELECT maturity_new_ms FROM terms ORDER BY id DESC LIMIT 1'),
    7000, '... and the ledger has it');
for (1, 2) {
	$w->{conf}{coordinator}{threads} = 3;
	$w->{conf}{payout}{threshold_micros} = 5;
	$w->conf_write;
	my $text = hangup($w, qr/\[coordinator\] threads has changed: it needs a restart/,
	    'what can\'t be changed is named, each time');
	unlike($text, qr/threshold_micros/, '... and what isn\'t the ' .
	    'coordinator\'s isn\'t');
}
delete $w->{conf}{coordinator}{threads};
spurt($w->dir('drill.key'), '3' x 64);
$w->{conf}{honesty}{drill_key_file} = $w->dir('drill.key');
$w->conf_write;
hangup($w, qr/\[honesty\] drill_key_file has changed: it needs a restart/,
    'so is a key, which it can\'t open any more');
delete $w->{conf}{honesty}{drill_key_file};
$w->{conf}{admission}{mode} = 'open';
$w->{conf}{admission}{nosuch} = 'x';
$w->conf_write;
hangup($w, qr/SIGHUP: all stays as it was: .*nosuch: unknown key/,
    'a configuration that is wrong is refused');
is($c->get(poll_path($w->worker(3)->{address}))->{status}, 403,
    '... and changes nothing');
delete $w->{conf}{admission}{nosuch};
$w->conf_write;
hangup($w, qr/mode has changed/, 'put right');
is($c->get(poll_path($w->worker(3)->{address}))->{status}, 200,
    '... it counts');

# How much the log has.
sub logs_a_poll {
	my $before = length $w->log_text;

	is($c->get(poll_path($w->worker(3)->{address}))->{status}, 200,
	    'a request');
	hangup($w, qr/SIGHUP: nothing/, 'and a line after it');
	return substr($w->log_text, $before) =~
	    m{GET /\S*v1/worker/tasks from \S*: 200$}m;
}
ok(!logs_a_poll(), 'requests aren\'t logged');
$w->{conf}{coordinator}{log_level} = 'info';
$w->conf_write;
hangup($w, qr/\[coordinator\] log_level has changed, and counts/,
    'the log\'s level is changed');
ok(logs_a_poll(), '... and each request is logged');
{
	my $before = length $w->log_text;

	like($c->get(poll_path($w->worker(21)->{address}))->{body},
	    qr/"id"/, 'a poll is given something');
	$c->post([ $w->result($one, 'nosuch', timestamp => $w->fresh_ms) ]);
	hangup($w, qr/SIGHUP: nothing/, 'and a line after that');
	my $text = substr($w->log_text, $before);
	like($text, qr{GET /\S*v1/worker/tasks from \S*: 200$}m,
	    '... so is one that waited for a commit');
	like($text, qr{POST /\S*v1/worker/results from \S*: 200$}m,
	    '... and one whose results are refused');
}
$w->{conf}{coordinator}{log_level} = 'warning';
$w->conf_write;
hangup($w, qr/log_level has changed/, 'and again, which is the last that is ' .
    'told');
my $length = length $w->log_text;
$w->{conf}{coordinator}{max_tasks_per_poll} = 2;
$w->conf_write;
kill('HUP', $w->pid) or die $!;
wait_for(sub { given($two->{address}) == 2 }, 'two tasks for the second one');
$w->{conf}{coordinator}{log_level} = 'all';
$w->conf_write;
hangup($w, qr/log_level: got "all", expected/,
    'a level that there isn\'t is refused');
unlike(substr($w->log_text, $length), qr/max_tasks_per_poll/,
    'what is less urgent than the level is kept back');
$w->{conf}{coordinator}{max_tasks_per_poll} = 1;
delete $w->{conf}{coordinator}{log_level};
$w->conf_write;
hangup($w, qr/log_level has changed/, 'and back');

# Each key that there is, by the sample: with another value than its default.
{
	my %is = %{ $w->{conf} };
	my %word = (mode => 'list', prefix => '/elsewhere', asn_by_prefix =>
	    '64500', region_countries => 'eu:DE', log_level => 'info',
	    origin => 'https://x.example', max_fee_gwei => '0.2');
	my %restart = map { $_ => 1 } qw(path busy_timeout_ms exchanges threads
	    prefix checkpoint_file asn_database country_database
	    drill_key_file);
	my ($section, %ours);
	for my $line (split /\n/, WorknetTest->new->sample_conf) {
		$section = $1 if $line =~ /^\[(\w+)\]$/;
		my ($key, $value) = $line =~ /^;?(\w+) = ?(.*)$/ or next;
		next if $section !~ /^(ledger|coordinator|admission|honesty|pages)$/;
		$ours{$section}{$key} = $word{$key} //
		    ($value eq 'yes' ? 'no' : $value eq 'no' ? 'yes' :
		    $value =~ /^\d+$/ ? $value + 1 : "/nowhere/$section-$key");
	}
	cmp_ok(scalar(map { keys %$_ } values %ours), '>', 30,
	    'the coordinator has keys');
	$w->{conf} = { %is };
	for my $section (keys %ours) {
		$w->{conf}{$section} = { %{ $ours{$section} } };
	}
	$w->{conf}{coordinator}{log_level} = 'info';
	$w->conf_write;
	my $text = hangup($w, qr/\[pages\] operator has changed/, 'all are changed');
	for my $section (sort keys %ours) {
		for my $key (sort keys %{ $ours{$section} }) {
			my $says = $restart{$key} ? qr/: it needs a restart/ :
			    qr/, and counts from now on/;
			like($text, qr/\[$section\] $key has changed$says/,
			    "[$section] $key is followed, or named");
		}
	}
	is(scalar(() = $text =~ /has changed/g),
	    scalar(map { keys %$_ } values %ours), 'each once');
	$w->{conf} = { %is };
	$w->conf_write;
	hangup($w, qr/has changed/, 'and back');
}

# ---- What was done ----

my $good = $w->result($one, 'task1', timestamp => $w->fresh_ms);
my $bad = $w->result($one, 'task2', timestamp => $w->fresh_ms,
    signature => '0x' . '12' x 65);
my $none = $w->result($two, 'nosuch', timestamp => $w->fresh_ms);
like($c->post([ $good ])->{body}, qr/"accepted":1/, 'a result is credited');
$c->post([ $bad ]);
$c->post([ $none ]);
my $text = says($w, sub { is($w->stop, 0, 'it stops') }, qr/stopped/, 'it ends');
like($text, qr/SIGTERM: answering what has arrived/, 'the log says why');
like($text, qr/^worknet-fcgi: \d+ polls, \d+ tasks given, 2 polls refused; 1 results paid, 0\.000100 USDC; 3 refused \(2 unknown task, 1 invalid signature\)$/m,
    'and what was done since the last line about it') or diag($text);

# A minute with nothing has no line, one with something has one.
$w->start;
my $quiet = says($w, sub { is($w->stop, 0, 'it starts and stops') },
    qr/stopped/, 'without a request');
unlike($quiet, qr/polls/, '... there is no line of what was done');
$w->start;
is($w->fcgi->get(poll_path($one->{address}))->{status}, 200, 'a poll');
says($w, sub { }, qr/1 polls, /, 'a minute later the log has it');
is($w->stop, 0, 'it stops');

# ---- For whom ----

unlike($w->log_text, qr/^<\d>/m, 'a file has no priorities of syslog');
my $log = $w->log_path;
unlink $log;
$w->start(how => sub {
	my ($path, @command) = @_;
	open(my $f, '>>', $path) or die $!;
	my @st = stat $f;
	$ENV{JOURNAL_STREAM} = "$st[0]:$st[1]";
	exec_logged($path, @command, '-s', $w->socket_path);
});
is($w->stop, 0, 'where standard error is the journal\'s');
like($w->log_text, qr/\A(<5>[^\n]+\n)+\z/, '... each line has its priority, ' .
    'and no name');
unlink $log;
$w->start(env => { JOURNAL_STREAM => '1:2' });
is($w->stop, 0, 'where the journal has another file');
like($w->log_text, qr/\A(worknet-fcgi: [^\n]+\n)+\z/, '... it has the name');

$w->log_ok;
$w->audit_ok('after reloads');
done_testing();
