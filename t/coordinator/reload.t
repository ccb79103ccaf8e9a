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
alarm(240);

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
like($text, qr/^worknet-fcgi: \d+ polls, \d+ tasks given, 2 polls refused; 1 results paid, 0\.000100 USDC; 2 refused \(1 unknown task, 1 invalid signature\)$/m,
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
