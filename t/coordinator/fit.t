#!/usr/bin/perl
# A result must fit itself and what was assigned: what can't be true is refused,
# each with a reason of its own, and nothing that a worker really meets is.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(need_program json_value);

need_program('sqlite3');

my $T0 = 1800000000000;
my $TIMEOUT_MS = 10000;
my $SLACK_MS = 60000;	# as long as a silent holder is waited for

my $w = WorknetTest->new->fault_prepare;
my $worker = $w->worker(1);

$w->clock_set($T0 - 1000);
$w->init;
$w->hand_out([ 'up' ], [ $worker ], 30, 'timeout-ms' => $TIMEOUT_MS);
$w->hand_out([ 'gone' ], [ $worker ], 6, expect => 404,
    'timeout-ms' => 60000);
my $last = $w->sql_value('SELECT max(assigned_ms) FROM assignment');
$w->clock_set($last + 120000);
$w->start;
my $c = $w->fcgi;
my $signed = $last;

# What becomes of a result of task "up" that was signed after all others, with
# these members; undef leaves one out.
sub gets {
	my ($task, $expected, $name, %members) = @_;

	$members{timestamp} //= ++$signed;
	my $r = json_value($c->post([ $w->result($worker, $task, %members) ])
	    ->{body});
	is($r->{errors} ? $r->{errors}[0] =~ s/^\w+: //r :
	    $r->{accepted} ? 'paid' : 'nothing', $expected, $name);
}

# When the oldest of its assignments that aren't paid was given.
sub oldest_ms {
	return $w->sql_value('SELECT min(a.assigned_ms) FROM assignment a ' .
	    "WHERE a.task_name = '$_[0]' AND NOT EXISTS (SELECT 1 FROM " .
	    'result r WHERE r.slot = a.slot)');
}

# ---- Status, error, success ----

my @down = (success => 0);
my @no_status = (@down, statusCode => undef);
my $contradicts = 'success contradicts statusCode';

gets('up', 'paid', 'the expected status is a success');
gets('up', 'paid', 'another one is none', @down, statusCode => 500);
gets('up', 'paid', 'a check that got no answer has its error',
    @no_status, error => 'Timeout after 10000ms');
gets('up', 'paid', 'also an empty one: JavaScript\'s, of a name with two ' .
    'addresses', @no_status, error => '');
gets('up', 'paid', 'one that failed after the status has both',
    @down, statusCode => 200, error => 'terminated');
gets('up', 'paid', 'also when the status was another one',
    @down, statusCode => 301, error => 'redirect count exceeded');
gets('up', 'paid', 'an error beside the expected status is only told',
    error => 'certificate expires tomorrow');
gets('up', 'neither statusCode nor error', 'a check without an outcome is none',
    @no_status);
gets('up', $contradicts, 'another status is no success', statusCode => 500);
gets('up', $contradicts, 'nor is it with an error', statusCode => 500,
    error => 'x');
gets('up', $contradicts, 'no status is no success', statusCode => undef,
    error => 'timeout');
gets('up', $contradicts, 'the expected status is no failure', @down,
    statusCode => 200);
gets('gone', 'paid', 'what is expected is the task\'s', statusCode => 404);
gets('gone', $contradicts, 'not what is usual');
$w->worknet('task', 'edit', 'gone', '--expect', 200);
gets('gone', 'paid', 'and that when it was assigned', statusCode => 404);
gets('gone', $contradicts, '... whatever was edited since');

# ---- When it was, and how long it took ----

my $skew = 60000;
gets('up', 'paid', 'a worker\'s clock may be a minute behind',
    timestamp => oldest_ms('up') - $skew);
gets('up', 'timestamp before the assignment',
    'a check from before its assignment isn\'t one of it',
    timestamp => oldest_ms('up') - $skew - 1);
gets('up', 'paid', 'a check may take its timeout and a minute',
    responseTimeMs => $TIMEOUT_MS + $SLACK_MS);
gets('up', 'responseTimeMs over the task\'s timeout', 'and no longer',
    responseTimeMs => $TIMEOUT_MS + $SLACK_MS + 1);
gets('up', 'responseTimeMs over the task\'s timeout',
    'the largest number is none that a check takes',
    responseTimeMs => 9007199254740991);
gets('up', 'paid', 'a check that took no time did', responseTimeMs => 0);
gets('up', 'paid', 'it need not be said', responseTimeMs => undef);

$w->clock_set($last + 20000);
gets('gone', 'paid', 'a check may take as long as since its assignment, and ' .
    'five seconds', statusCode => 404,
    responseTimeMs => $last + 25000 - oldest_ms('gone'));
gets('gone', 'responseTimeMs over the time since the assignment',
    'what took longer than that was another check', statusCode => 404,
    responseTimeMs => $last + 25001 - oldest_ms('gone'));

# A result that isn't of the oldest assignment is of another one.
gets('gone', 'paid', 'the last one of the older definition', statusCode => 404);
$w->hand_out([ 'mixed' ], [ $worker ], 1, expect => 200);
$w->worknet('task', 'edit', 'mixed', '--expect', 503);
# The schedule tells of the first again, and gives a second only later.
$w->slots_repeat([ 'mixed' ], [ $worker ], 1);
$w->sql_text('UPDATE assignment SET expected_status = 503, version = ' .
    "(SELECT version FROM task WHERE name = 'mixed') WHERE slot = " .
    '(SELECT max(slot) FROM assignment);');
push @{ $w->{held}{lc $worker->{address}} }, 'mixed';
$signed = $w->time_ms;
gets('mixed', 'paid', 'a result is of the assignment that it fits',
    statusCode => 503);
gets('mixed', 'paid', '... and leaves the other one as it was');

# ---- What was refused cost nothing, and nobody's signature was looked at ----

{
	my $r = $w->result($worker, 'up', timestamp => ++$signed,
	    statusCode => 500);
	$r->{signature} = '0x' . '00' x 65;
	like($c->post([ $r ])->{body}, qr/up: $contradicts"/,
	    'a contradiction is seen before the signature is looked at');
}
is($w->stop, 0, 'it stops');
$w->log_ok;
$w->audit_ok('after odd results');

# ---- The audit judges by what counted then ----

sub audit_finds {
	my ($sql, $pattern, $name) = @_;
	my @guards = $w->sql('SELECT name, sql FROM sqlite_schema ' .
	    "WHERE type = 'trigger'");

	$w->sql_text('CREATE TABLE was_result AS SELECT * FROM result; ' .
	    'CREATE TABLE was_terms AS SELECT * FROM terms; ' .
	    join(' ', map { "DROP TRIGGER $_->{name};" } @guards) . $sql);
	my ($code, $text) = $w->audit;
	like($text, $pattern, $name) if defined $pattern;
	unlike($text, qr/^fit +slot/m, $name) if !defined $pattern;
	$w->sql_text('DELETE FROM result; INSERT INTO result SELECT * FROM ' .
	    'was_result; DROP TABLE was_result; DELETE FROM terms; ' .
	    'INSERT INTO terms SELECT * FROM was_terms; DROP TABLE was_terms; ' .
	    join(' ', map { "$_->{sql};" } @guards));
}

my $forged = 'UPDATE result SET status = 500 WHERE slot = (SELECT min(slot) ' .
    'FROM result);';
audit_finds($forged, qr/^fit +slot \d+: its success isn't what its status says/m,
    'a contradiction in the ledger is found');
audit_finds("$forged UPDATE terms SET fit = 0", undef,
    'but not of a time when nothing was asked');
audit_finds('UPDATE terms SET fit = 2',
    qr/terms 1: ask for fit 2, this program knows 0 to 1/,
    'what this program doesn\'t know how to ask is told');
$w->audit_ok('once all is put back');
done_testing();
