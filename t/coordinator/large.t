#!/usr/bin/perl
# The pages of a network that has more results than a page looks at: figures end
# with what is counted by the hour, but an outage is shown as soon as
# worknet-alert has seen it, and its end, too; and the longest answer of all.
use strict;
use warnings;
use File::Basename 'dirname';
use File::Copy ();
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;
use WorknetTest qw(build_path json_value need_program run_command);

need_program('sqlite3');
alarm 240;

my $MINUTE = 60_000;
my $HOUR_MS = 60 * $MINUTE;
my $HOUR = 1_767_283_200_000;	# 2026-01-01 16:00:00
my $E = $HOUR + 57 * $MINUTE;	# the history's end
$SIG{ALRM} = sub { die "a test hangs\n" };
my $made = "$Dir/made.db";

# Fifty tasks, so that a page of one would look at fifty results a post.
make_ledger($made, '--tasks', 50, '--copies', 3, '--interval-ms', 30_000,
    '--results', 25_500, '--workers', 12, '--cooldown-ms', 0, '--seed', 6,
    '--end-ms', $E, '--fast', '--silent-percent', 0);

my $w = WorknetTest->new(conf => { alert => { receivers_file => 'receivers',
    allow_private => 'yes' } });
$w->fault_prepare;

# A ledger in which the first task is down for some minutes before the end.
sub network {
	my ($from, $to) = @_;

	forge($made, "$Dir/l.db", "INSERT INTO network (id, name) VALUES " .
	    join(', ', map { "($_, '198.51.$_.0/24')" } 1 .. 12) . ';' .
	    'INSERT INTO worker_network SELECT id, 0, id - (SELECT min(id) ' .
	    'FROM worker) + 1 FROM worker;' .
	    'UPDATE result SET success = 0, status = 503 WHERE cycle_ms >= ' .
	    "$from AND cycle_ms < $to AND version IN (SELECT version FROM " .
	    "task WHERE name = 'task_00000');");
	unlink map { $w->ledger_path . $_ } '', '-wal', '-shm';
	File::Copy::copy("$Dir/l.db", $w->ledger_path) or die $!;
}

sub alert {
	my ($ms) = @_;
	my ($code, $out, $err);

	$w->clock_set($ms);
	($code, $out, $err) = run_command({ env => { $w->fault_env } },
	    build_path('worknet-alert'), '-c', $w->conf_path);
	is($code, 0, 'worknet-alert looks') or diag($err);
}

# What is said of the task, by its page and lists.
sub said {
	my ($ms) = @_;

	$w->clock_set($ms);
	$w->start;
	my $c = $w->fcgi;
	my %told = map { $_ => json_value($c->get("/api/$_")->{body}) }
	    qw(v1/task/task_00000 v1/task/task_00000/incidents v1/tasks
	    v2/incidents/unresolved.json);
	my @entries = $c->get('/feed.atom')->{body} =~
	    m{<id>tag:[^<]*/task_00000/}g;
	my ($line) = grep { $_->{task} eq 'task_00000' }
	    @{ $told{'v1/tasks'}{tasks} };
	my @incidents = @{ $told{'v1/task/task_00000/incidents'}{incidents} };
	is($w->stop, 0, 'the coordinator stops');
	return join ', ', $told{'v1/task/task_00000'}{state}, $line->{state},
	    scalar(@incidents) . ' incidents', scalar(@entries) . ' entries',
	    scalar(grep { $_->{name} =~ /task_00000/ }
	    @{ $told{'v2/incidents/unresolved.json'}{incidents} }) .
	    ' unresolved', (map { $_->{ended} . ($_->{networks} > 1 ?
	    ', confirmed' : '') }
	    @incidents);
}

network($E - 12 * $MINUTE, $E);
cmp_ok($w->sql_value('SELECT count(*) FROM transfer'), '>', 100_000 / 50,
    'there are more results than a page looks at');
is(said($E), 'unknown, unknown, 0 incidents, 0 entries, 0 unresolved',
    'what nobody has looked at isn\'t known');
$w->worknet('alert', 'add', 'ops', 'webhook', '--url', 'http://127.0.0.1:9/');
alert($E);
is(said($E), 'down, down, 1 incidents, 1 entries, 1 unresolved, open, confirmed',
    'an outage is shown once worknet-alert has seen it');

# The outage begins in an hour that is counted, and ends after it.
network($HOUR - 5 * $MINUTE, $HOUR + 4 * $MINUTE);
$w->clock_set($E);
$w->worknet('rollup');
is($w->sql_value('SELECT count(*) FROM incident WHERE to_ms IS NULL'), 1,
    'an outage is open at the end of what is counted');
cmp_ok($w->sql_value("SELECT count(*) FROM transfer WHERE at_ms > $HOUR"), '>',
    100_000 / 50, '... since when there are more results than a page looks at');
alert($E);
is(said($E), 'up, up, 1 incidents, 1 entries, 0 unresolved, recovered, confirmed',
    '... and over, once worknet-alert has seen that');

# ---- The longest answer ----

# Each hour of 90 days in two regions, whose names are as long as JSON makes any.
my $days = 90;
my $regions = join(', ', map { "(900 + $_, '$_$_', '$_$_', 0)" } 1, 2) =~
    s/11/'\\' x 32/egr =~ s/22/'"' x 32/egr;
$w->sql("INSERT INTO region (id, name, first_name, added_ms) VALUES $regions; " .
    'DELETE FROM response_hour; INSERT INTO response_hour WITH RECURSIVE ' .
    "h (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM h WHERE n < $days * 24) " .
    "SELECT t.id, $HOUR - n * $HOUR_MS, g.id, 360000, 60000, 60000, 60000 " .
    "FROM h, region g, task t WHERE t.name = 'task_00000' AND g.id > 900");
$w->clock_set($E);
$w->start;
my $long = $w->fcgi->get("/api/v1/task/task_00000/responses?days=$days");
is($long->{status}, 200, 'response times of ' . $days . ' days are told');
cmp_ok(length $long->{body}, '>', 600_000, '... in many bytes');
is(scalar(grep { length $_->{region} == 32 }
    @{ json_value($long->{body})->{hours} }), 2 * (24 * $days - 1),
    '... of each whole hour in two regions');
is($w->stop, 0, 'the coordinator stops');
done_testing;
