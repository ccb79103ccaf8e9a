#!/usr/bin/perl
# The terms by which results are paid are rows of the ledger: a configuration
# that changes counts from then on, and changes nothing of what was before.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path need_program run_command now_ms);

need_program('sqlite3');

my $CREDITED = '{"accepted":1,"earned":"0.000100"}';

my $w = WorknetTest->new->past(700)->init;
my $worker = $w->worker(1);

# Slots that are given now, in the past; so many of them.
sub given {
	$w->hand_out([ 'slot' ], [ $worker ], $_[0]);
}

# Starts the coordinator with another window.
sub start_with {
	my ($ms) = @_;

	$w->{conf}{coordinator}{result_window_ms} = $ms;
	$w->conf_write;
	$w->start;
}

# What becomes of a result for one of the slots.
sub post {
	return $w->fcgi->post([ $w->result($worker, $w->take($worker),
	    timestamp => $w->fresh_ms) ])->{body};
}

sub later { $w->clock_set($w->{clock} + 1000 * $_[0]) }
sub windows {
	return join ' ', map { $_->{result_window_ms} } $w->sql('SELECT ' .
	    'result_window_ms FROM terms ORDER BY id');
}

# ---- The configuration changes ----

is(windows(), '300000', 'a new ledger has the protocol\'s terms');
given(4);
later(200);
start_with(300000);
is(windows(), '300000', 'a start with the same configuration adds none');
is(post(), $CREDITED, 'within the window a result is paid');
is($w->stop, 0, 'it stops');
my $status = (run_command(build_path('worknet-fcgi'), '-t', '-c',
    do { $w->{conf}{coordinator}{result_window_ms} = 60000; $w->conf_write;
    $w->conf_path }))[0];
is($status, 0, 'another configuration is tested');
is(windows(), '300000', '... which adds none either');

start_with(60000);
is(windows(), '300000 60000', 'a start with a smaller window does');
my ($terms) = $w->sql('SELECT first_slot, first_transfer FROM terms ' .
    'ORDER BY id DESC LIMIT 1');
is($terms->{first_transfer}, 1 + $w->sql_value('SELECT max(id) FROM transfer'),
    '... for what is paid from here on');
is($terms->{first_slot}, 1 + $w->sql_value('SELECT last_slot FROM slot_counter'),
    '... and for what is given from here on');
like(post(), qr/assignment expired/, 'what is older isn\'t paid any more');
$w->audit_ok('with what was paid by the larger window before');
is($w->stop, 0, 'it stops');

later(200);
start_with(600000);
is(post(), $CREDITED, 'by a larger window older slots are paid again');
is($w->stop, 0, 'it stops');
$w->audit_ok('after the window grew');
start_with(60000);
is($w->stop, 0, 'and becomes small again');
is(windows(), '300000 60000 600000 60000', 'each change is a row');
$w->audit_ok('with results of all of them');

# ---- Two coordinators ----

{
	given(2);
	later(100);
	start_with(300000);
	is(post(), $CREDITED, 'one pays by its window');
	# Another one, for one request, has a smaller window.
	$w->{conf}{coordinator}{result_window_ms} = 60000;
	$w->conf_write;
	my (undef, $out) = run_command({ env => { $w->fault_env,
	    GATEWAY_INTERFACE => 'CGI/1.1', REQUEST_METHOD => 'GET',
	    SCRIPT_NAME => '/health', PATH_INFO => '', QUERY_STRING => '' } },
	    build_path('worknet-fcgi'), '-c', $w->conf_path);
	like($out, qr/^Content-Type/mi, 'another one starts, and answers');
	like(windows(), qr/ 300000 60000$/, 'with its own');
	like(post(), qr/assignment expired/,
	    'from then on the first pays by that one, too');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after two coordinators');
}

# ---- When what is earned can be paid ----

{
	# What a poll is told, of the seconds until then.
	my $told = sub {
		my $told;

		# Until it is its turn.
		for (1 .. 50) {
			$w->clock_set($w->{clock} + 95);
			$told = $w->fcgi->get(WorknetTest::poll_path(
			    $_[0]{address}))->{headers}{'worknet-payable-after'};
			last if defined $told;
		}
		return $told;
	};
	my $span = sub {
		$w->{conf}{honesty} = { @_ };
		$w->conf_write;
		$w->start;
	};
	my $other = $w->worker(2);

	$w->clock_set($w->{clock} + 86400000);	# a day of its own
	$w->task_add('told', interval => '1s', copies => 100, cooldown => '0s');
	$span->(maturity_new_ms => 86400001, maturity_ms => 3600000,
	    established_results => 3, established_days => 2);
	is($told->($other), 86401,
	    'who is new is told in seconds when its credit can be paid');
	is($w->sql_value('SELECT count(*) FROM record'), 1,
	    'what the other one was credited is enough, but of one day');
	is($told->($worker), 86401, '... which isn\'t established yet');
	my $r = $w->fcgi->post([ $w->result($worker, 'told') ]);
	is($r->{body}, $CREDITED, 'the next day it is paid again');
	is($told->($worker), 3600, 'and from then on it is established');
	$w->clock_set($w->{clock} + 1000);
	is($told->($other), 86401, '... and the other one hasn\'t');
	is($w->stop, 0, 'it stops');
	$span->(maturity_new_ms => 5000, established_results => 5,
	    established_days => 2);
	is($told->($worker), 5, 'one result less than is asked isn\'t established');
	is($w->stop, 0, 'it stops');
	$w->worknet('task', 'pause', 'told');
	$w->log_ok;
	$w->audit_ok('of two days');
}

# ---- What an older one would do wrong is found ----

sub finds {
	my ($sql, $pattern, $name) = @_;

	my $before = $w->sql_text('SELECT sql || \';\' FROM sqlite_schema ' .
	    "WHERE name LIKE 'terms_no_%'", '-list');
	$w->sql_text('DROP TRIGGER terms_no_update; DROP TRIGGER ' .
	    'terms_no_delete;');
	$w->sql_text('CREATE TABLE was AS SELECT * FROM terms');
	$w->sql_text($sql);
	my ($code, $text) = $w->audit;
	is($code, 1, "$name is found") or diag($text);
	like($text, $pattern, '... and told');
	$w->sql_text('DROP TRIGGER terms_no_replace; DELETE FROM terms; ' .
	    'INSERT INTO terms SELECT * FROM was; DROP TABLE was; ' . $before);
}

finds('UPDATE terms SET result_window_ms = 601000 WHERE id = 3',
    qr/terms\s+terms 3: their hash is of other values/, 'a window made larger');
finds('UPDATE terms SET result_window_ms = 60000 WHERE id = 3',
    qr/window\s+slot \d+: paid \d+ ms after it was assigned, allowed 60000/,
    'a result outside of the window of its own terms');
finds('UPDATE terms SET first_transfer = 1 WHERE id = 2',
    qr/window\s+slot \d+: paid \d+ ms after it was assigned, allowed 60000/,
    'terms that count from another transfer on');
finds('DELETE FROM terms WHERE id = 2', qr/terms\s+terms 3: follow 1/,
    'a gap');
finds('DELETE FROM terms WHERE id = 1',
    qr/terms\s+terms 2: count from slot \d+ and transfer \d+ on/,
    'a beginning without terms');
finds('UPDATE terms SET phase = 2 WHERE id = 1',
    qr/terms\s+terms 1: their phase is 2, this program knows 1 to 1/,
    'a phase that this program doesn\'t know');
finds('UPDATE terms SET maturity_new_ms = 1 WHERE id = 2',
    qr/terms\s+terms 2: their hash is of other values/, 'a maturity changed');
finds('UPDATE terms SET format = 1 WHERE id = 1',
    qr/terms 1: their hash is of format 1, and not of all that they say/,
    'a format that doesn\'t have it');
$w->audit_ok('once all is put back');
done_testing();
