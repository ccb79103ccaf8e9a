# Credit is paid once it is mature, and what was forfeited never is: what a run
# pays of each, what the worker is told, and what the audit finds.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Forger qw(forge);
use PayoutTest qw(rig_start rig_stop);
use WorknetTest qw(build_path json_value now_ms run_command);

my $rig = rig_start();

# A coordinator begins, by this configuration, and ends.
sub terms {
	my ($l, %honesty) = @_;

	$l->{conf}{honesty} = \%honesty;
	$l->conf_write;
	my ($status, $out, $err) = run_command({ env => {
	    GATEWAY_INTERFACE => 'CGI/1.1', REQUEST_METHOD => 'GET',
	    SCRIPT_NAME => '/health', PATH_INFO => '', QUERY_STRING => '' } },
	    build_path('worknet-fcgi'), '-c', $l->conf_path);
	die "$status: $out$err" if $out !~ /"ok"/;
}

sub shown { return json_value($_[0]->worknet('worker', 'show', $_[1], '--json')) }

my $HOUR_MS = 3600000;	# ago, the last credit was

# ---- Whoever is new waits ----

{
	my $l = PayoutTest->new($rig, workers => 2,
	    payout => { threshold_micros => 1 });
	my @w = $l->worker_list;
	my $owed = $l->owed($w[0]);
	# Between two credits of the first one, in the middle of its work.
	my @at = map { $_->{at_ms} } $l->sql('SELECT t.at_ms FROM transfer t ' .
	    'JOIN worker w ON w.id = t.credit WHERE w.address = ' .
	    "'$w[0]' ORDER BY t.id");
	my $middle = int(($at[@at / 2 - 1] + $at[@at / 2]) / 2);
	my $old = $l->sql_value('SELECT sum(t.amount_micros) FROM transfer t ' .
	    "JOIN worker w ON w.id = t.credit WHERE w.address = '$w[0]' " .
	    "AND t.at_ms < $middle");

	terms($l, maturity_new_ms => 10 * $HOUR_MS);
	my $s = shown($l, $w[0]);
	is_deeply([ @$s{qw(record payableAfterMs owedMicros payableMicros)} ],
	    [ 'new', 10 * $HOUR_MS, $owed, 0 ],
	    'the command tells how long credit waits, and that all of it does');
	$l->pay_is('nothing', 'a run pays nobody who is new', '--worker', $w[0]);
	is($l->states, '', '... and reserves nothing');
	$l->pay('--dry-run');
	like($l->{out}, qr/not 0x\w+: its credit isn't payable yet/,
	    '... and says why');

	terms($l, maturity_new_ms => now_ms() - $middle);
	is(shown($l, $w[0])->{payableMicros}, $old, 'what is old enough is payable');
	$l->pay_is('paid', 'a run pays that', '--worker', $w[0]);
	my ($p) = $l->payouts($w[0]);
	is($p->{amount_micros}, $old, '... and nothing that is younger');
	like($l->worknet('payout', 'explain', $p->{id}),
	    qr/or the rest wasn't payable\nyet; 0\.\d+ USDC stayed/,
	    '... which the worker is told');
	$l->books_ok('after a part');

	# ---- Established ----

	terms($l, maturity_new_ms => 10 * $HOUR_MS, established_results => 10,
	    established_days => 1);
	is(shown($l, $w[1])->{record}, 'good', 'so many results make it established');
	$l->pay_is('paid', 'who is established is paid', '--worker', $w[1]);
	is($l->owed($w[1]), 0, '... all of it');
	terms($l, maturity_new_ms => 0, maturity_ms => 10 * $HOUR_MS,
	    established_results => 10, established_days => 1);
	$rig->mine(10);
	$l->pay_is('nothing', 'its credit waits where that is configured');
	is(scalar($l->payouts), 2, '... and it isn\'t paid');
	$l->books_ok('of who is established');
	my ($code, $text) = $l->audit;
	is($code, 0, 'the audit finds nothing') or diag($text);

	# What a payer would do that doesn't wait.
	forge($l, 'UPDATE terms SET maturity_new_ms = 36000000 WHERE id < ' .
	    '(SELECT max(id) FROM terms);');
	($code, $text) = $l->audit;
	like($text, qr/^maturity +payout 1: transfer \d+ took credit that wasn't payable yet/m,
	    'the audit finds a payout before its time');
	unlike($text, qr/^maturity +payout 2/m,
	    '... and not that of who is established');
}

# ---- A demotion: new again ----

{
	my $l = PayoutTest->new($rig, workers => 1);
	my ($w) = $l->worker_list;

	terms($l, maturity_new_ms => 10 * $HOUR_MS, established_results => 1,
	    established_days => 1);
	is(shown($l, $w)->{record}, 'good', 'it is established');
	$l->sql_text('INSERT INTO demotion (worker, at_ms, after_transfer, ' .
	    'why) SELECT 4, max(at_ms), max(id), \'a test\' FROM transfer');
	is(shown($l, $w)->{record}, 'new', 'after a demotion it is new');
	$l->pay_is('nothing', 'and waits');
	is($l->states, '', '... for all of it');
}

# ---- Forfeit ----

{
	my $l = PayoutTest->new($rig, workers => 2,
	    payout => { threshold_micros => 1 });
	my @w = $l->worker_list;
	my $owed = $l->owed($w[0]);
	my @at = map { $_->{at_ms} } $l->sql('SELECT t.at_ms FROM transfer t ' .
	    'JOIN worker w ON w.id = t.credit WHERE w.address = ' .
	    "'$w[0]' ORDER BY t.id");
	my $since = $at[@at / 2];
	my $taken = $l->sql_value('SELECT sum(t.amount_micros) FROM transfer t ' .
	    "JOIN worker w ON w.id = t.credit WHERE w.address = '$w[0]' " .
	    "AND t.at_ms >= $since");
	my $say = sub { json_value($l->worknet('worker', 'forfeit', $w[0],
	    '--since', $since, '--why', 'failed 7 drills', '--json')) };

	is($say->()->{forfeitedMicros}, $taken,
	    'what was credited since then is forfeited');
	is($l->owed($w[0]), $owed - $taken, '... and owed no more');
	is($say->()->{forfeitedMicros}, 0, 'but only once');
	my $s = shown($l, $w[0]);
	is($s->{forfeitedMicros}, $taken, 'worker show tells the sum');
	is_deeply([ @{ $s->{forfeits}[0] }{qw(micros sinceMs by why)} ],
	    [ $taken, $since, 'operator', 'failed 7 drills' ],
	    '... since when, by whom and why');
	like($l->sql_text("SELECT * FROM statement WHERE address = '$w[0]'"),
	    qr/'forfeit','-/, 'the statement has it');
	is($l->sql_value('SELECT micros FROM trial_balance'), 0,
	    'the books balance');
	$l->pay_is('paid', 'the rest is paid');
	my ($p) = $l->payouts($w[0]);
	is($p->{amount_micros}, $owed - $taken, '... and not what was forfeited');
	like($l->worknet('payout', 'explain', $p->{id}),
	    qr/-0\.\d+ +forfeited: see worknet worker show/,
	    'payout explain has it in its lines');
	is($say->()->{forfeitedMicros}, 0, 'what was paid can\'t be forfeited');
	$l->books_ok('after a forfeit');
	my ($code, $text) = $l->audit;
	is($code, 0, 'the audit finds nothing') or diag($text);

	for ([ 'DELETE FROM forfeit', qr/forfeits credit without a reason/,
		'a forfeit without a reason' ],
	    [ "UPDATE forfeit SET since_ms = since_ms + 1",
		qr/forfeits \d+ micro-USDC, since then \d+ were credited/,
		'one of more than was credited' ],
	    [ 'UPDATE transfer SET kind = \'void\' WHERE kind = \'forfeit\'',
		qr/a reason to forfeit, and no forfeit/, 'one that isn\'t any more' ],
	    [ 'UPDATE transfer SET credit = 3 WHERE kind = \'forfeit\'',
		qr/a forfeit from account \d+ to 3/, 'one to another account' ],
	    [ 'UPDATE record SET credited = credited + 1 WHERE worker = 4 ' .
		'AND day = (SELECT min(day) FROM record WHERE worker = 4)',
		qr/account 4: was credited -1 results that its record doesn't/,
		'a record that says more' ]) {
		my ($sql, $pattern, $name) = @$_;
		$l->backup('copy');
		forge($l, "$sql;");
		like(($l->audit)[1], $pattern, "the audit finds $name");
		$l->restore('copy');
	}
	for ([ [ '--since', 'yesterday', '--why', 'x' ], qr/expected a time such as/ ],
	    [ [ '--since', '2026-02-30', '--why', 'x' ], qr/expected a time/ ],
	    [ [ '--since', 0 ], qr/--why TEXT are needed/ ],
	    [ [ '--since', 0, '--why', '' ], qr/1 to 500 bytes/ ]) {
		my ($args, $pattern) = @$_;
		my ($code, undef, $err) = $l->worknet_try('worker', 'forfeit',
		    $w[1], @$args);
		isnt($code, 0, "\"@$args\" isn't understood");
		like($err, $pattern, '... which is told');
	}
	is(json_value($l->worknet('worker', 'forfeit', $w[1], '--since',
	    '2000-01-01T00:00:00Z', '--why', 'x', '--json'))
	    ->{forfeitedMicros}, 0, 'what is paid stays paid');
}

rig_stop($rig);
done_testing();
