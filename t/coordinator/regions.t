#!/usr/bin/perl
# Regions have names that can change, and tasks have types: what that changes
# for workers, and that it changes nothing of what was signed and hashed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(need_program json_value poll_path);

need_program('sqlite3');

my $w = WorknetTest->new->past(600)->init;
my $worker = $w->worker(1);

sub add {
	my ($id, $region) = @_;
	$w->task_add($id, region => $region, interval => '1s',
	    cooldown => '0s', copies => 3);
}
sub refused {
	my ($pattern, @args) = @_;
	my ($status, undef, $err) = $w->worknet_try(@args);

	isnt($status, 0, "@args: refused");
	like($err, $pattern, '... which is told');
}

# The ids of what a worker of a region is given in a new cycle.
sub given {
	my ($c, $region, $who) = @_;

	$w->clock_set($w->{clock} + 3000);
	return join ' ', sort map { "$_->{id}:$_->{region}" }
	    @{ json_value($c->get(poll_path(($who // $worker)->{address},
	    $region))
	    ->{body}) };
}

# ---- A region's name ----

add('east', 'eu');
add('west', 'us');
is_deeply([ map { [ @$_{qw(region firstName tasks)} ] }
    @{ json_value($w->worknet('region', 'list', '--json'))->{regions} } ],
    [ [ 'eu', 'eu', 1 ], [ 'us', 'us', 1 ] ], 'tasks make their regions');
my $c = $w->start->fcgi;
is(given($c, 'eu'), 'east:eu', 'a worker of a region is given its tasks');
$w->worknet('region', 'rename', 'eu', 'europe');
is(given($c, 'eu', $w->worker(77)), '',
    'renamed, the old name is nobody\'s');
is(given($c, 'europe'), 'east:europe',
    '... and workers of the new one are given them at once');
is($c->post([ $w->result($worker, 'east', timestamp => $w->fresh_ms) ])
    ->{body}, '{"accepted":1,"earned":"0.000100"}', '... and paid');
is(json_value($w->worknet('task', 'show', 'east', '--json'))->{region},
    'europe', 'the task shows it');
$w->worknet('task', 'edit', 'east', '--reward', 200);
is(given($c, 'europe'), 'east:europe', 'an edit leaves it where it is');
{
	my $who = $w->worker(79);

	is(given($c, 'us', $who), 'west:us',
	    'somebody polls in a worker\'s name, for another region');
	is(given($c, 'europe', $who), 'east:europe',
	    '... of which the worker is told nothing when it polls for its own');
}
$w->audit_ok('with definitions of before and after');
refused(qr/region us exists/, 'region', 'rename', 'europe', 'us');
refused(qr/region eu: region 1 was called so at first, and keeps the name/,
    'region', 'rename', 'us', 'eu');
refused(qr/region eu: region 1 was called so at first, and keeps the name/,
    'task', 'edit', 'west', '--region', 'eu');
refused(qr/unknown region eu/, 'region', 'rename', 'eu', 'x');
refused(qr/unknown region/, 'region', 'rename', '', 'x');
refused(qr/expected UTF-8 text of 1 to 32 bytes/, 'region', 'rename', 'us', '');
refused(qr/expected UTF-8 text of 1 to 32 bytes/, 'region', 'rename', 'us',
    'x' x 33);
refused(qr/"unknown" is what workers say/, 'region', 'rename', 'us', 'unknown');
refused(qr/without control characters/, 'region', 'rename', 'us', "u\x1bs");
refused(qr/without control characters/, 'task', 'add', 'odd', '--url',
    'http://127.0.0.1:9/', '--region', "u\ns");
$w->worknet('region', 'rename', 'europe', 'eu');
is(given($c, 'eu'), 'east:eu', 'its own first name it can have again');

# ---- A task's type ----

refused(qr/--type: got "ping", expected http_check/, 'task', 'add', 'other',
    '--type', 'ping', '--url', 'http://127.0.0.1:9/');
is(json_value($w->worknet('task', 'show', 'west', '--json'))->{type},
    'http_check', 'a task has a type');
is($w->stop, 0, 'the coordinator stops');
$w->log_ok;

# Changed around the guards, for good.
$w->sql_text('CREATE TABLE was AS SELECT sql FROM sqlite_schema ' .
    "WHERE type = 'trigger'");
$w->sql_text('DROP TRIGGER task_version_no_update;' .
    "UPDATE task_version SET type = 'ping' WHERE task = 2;" .
    "UPDATE task SET type = 'ping' WHERE id = 2");
my ($code, $text) = $w->audit;
like($text, qr/definition 2: its hash is of other values/,
    'a type that was changed afterwards is found');
refused(qr/task 2: its type is "ping", which this program doesn't know/,
    'task', 'show', 'west');
$c = $w->start->fcgi;
$w->clock_set($w->{clock} + 60000);
is($c->get(poll_path($w->worker(78)->{address}, 'us'))->{status}, 503,
    'a task of a type that isn\'t known is given to nobody');
$w->clock_set($w->{clock} + 3000);
is(given($c, 'eu'), 'east:eu', '... others are');
is($w->stop, 0, 'the coordinator stops');
$w->log_ok;
$w->sql_text("UPDATE task SET type = 'http_check';" .
    "UPDATE task_version SET type = 'http_check'; DROP TRIGGER " .
    "region_only_name; UPDATE region SET first_name = 'xx' WHERE id = 1");
($code, $text) = $w->audit;
like($text, qr/definition 1: its hash is of other values/,
    'so is a first name that was changed');
done_testing();
