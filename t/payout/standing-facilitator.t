# A facilitator with a fault that lasts: within one validity a person is told
# once, in its own words, by the exit code, the status and one finding, and it
# is over when it settles again. Meanwhile nobody is signed anything anew but
# one payout in each run, or the next facilitator has the very same bytes.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA ();
use Test::More;

use PayoutTest qw(rig_start rig_stop);
use WorknetTest qw(json_bool json_value);

my $rig = rig_start('--confirmation-timeout', 300);

# Runs that fail in vain before a person is told.
my $RUNS = 3;

sub ledger {
	my (%opt) = @_;

	return PayoutTest->new($rig, workers => 1, %opt, payout => {
	    facilitators => $rig->{scripted}, %{ $opt{payout} // {} } });
}

sub status { return json_value($_[0]->worknet('status', '--json')) }

# What the exit code, the ledger and the status say of a fault.
sub told_ok {
	my ($l, $words, $name) = @_;
	my @findings = $l->findings;
	my @shown = @{ status($l)->{findings} };

	is(join(', ', map { $_->{kind} } @findings), 'facilitator fails',
	    "$name: exactly one finding");
	like($findings[0]{detail} // '', $words, "$name: in its own words");
	is(join(', ', map { "$_->{kind} $_->{sinceMs}" } @shown),
	    join(', ', map { "$_->{kind} $_->{since_ms}" } @findings),
	    "$name: which the status shows, and since when");
}

my $answer = sub {
	my ($status, $body) = @_;
	return { mode => 'answer', status => $status, body => $body };
};
my $no = json_bool(0);
my @faults = (
	# Who turns everybody away is told at once.
	[ 'has moved for good', 1, qr/HTTP 308/, { mode => 'redirect-same' } ],
	[ 'is elsewhere for now', 1, qr/HTTP 307/, { mode => 'redirect' } ],
	[ 'wants a token', 1, qr/HTTP 401: who are you/,
	    $answer->(401, 'who are you') ],
	[ 'forbids it', 1, qr/HTTP 403: not for you/,
	    $answer->(403, 'not for you') ],
	[ 'isn\'t there', 1, qr/HTTP 404: .*Not Found/,
	    $answer->(404, '<html>Not Found</html>') ],
	[ 'takes no POST', 1, qr/HTTP 405/, $answer->(405, 'GET, please') ],
	[ 'hasn\'t our network', 1, qr/hasn't the scheme exact/,
	    { %{ $answer->(200, '{"kinds":[]}') }, paths => ['/supported'] } ],
	# Anybody else may have had a bad hour.
	[ 'finds the request bad', $RUNS, qr/HTTP 400: .*no such thing/,
	    $answer->(400, '{"error":"no such thing"}') ],
	[ 'wants to be paid', $RUNS, qr/HTTP 402: .*top up/,
	    $answer->(402, '{"message":"top up"}') ],
	[ 'breaks', $RUNS, qr/HTTP 500: .*oops/,
	    $answer->(500, '{"error":"oops"}') ],
	[ 'has a gateway without anything behind it', $RUNS, qr/HTTP 502: bad/,
	    $answer->(502, 'bad gateway') ],
	[ 'is overloaded', $RUNS, qr/HTTP 503/, $answer->(503, 'later') ],
	[ 'wants a pause of an hour, each time', $RUNS,
	    qr/HTTP 429: .*Too many requests/,
	    { mode => 'http429', retryAfter => 3600 } ],
	[ 'closes without an answer', $RUNS, qr/\w/, { mode => 'no-answer' } ],
	[ 'resets connections', $RUNS, qr/\w/, { mode => 'drop-before' } ],
	[ 'answers nonsense', $RUNS, qr/HTTP 200: .*It works!/,
	    { mode => 'nonsense' } ],
	[ 'shows a hash that nobody knows', $RUNS, qr/"success":true/,
	    { mode => 'success-without-transfer' } ],
	[ 'shows no hash', $RUNS, qr/"success":true/,
	    { mode => 'success-without-hash' } ],
	[ 'shows a stranger\'s hash', $RUNS, qr/"success":true/,
	    { mode => 'stranger-hash' } ],
	[ 'says pending for ever', $RUNS, qr/settlement_pending/,
	    { mode => 'pending', transfer => $no } ],
	[ 'names another network', $RUNS, qr/"success":true/,
	    { mode => 'wrong-network', transfer => $no } ],
	[ 'says that the treasury is empty', $RUNS, qr/insufficient_funds/,
	    { mode => 'insufficient' } ],
	[ 'gives half an answer', $RUNS, qr/HTTP 200/,
	    { mode => 'half-answer', transfer => $no } ],
	[ 'answers with a megabyte', $RUNS, qr/HTTP 200/,
	    { mode => 'huge', transfer => $no, bytes => 1000000 } ],
);

# Each fault at a ledger of its own.
sub meet {
	my ($what, $runs, $words, $order) = @_;
	my $l = ledger();
	my ($worker) = $l->worker_list;
	my $owed = $l->owed($worker);

	$rig->script('scripted', $order);
	$l->pay_is('unresolved', "it $what: a run in vain is only that")
	    for 2 .. $runs;
	is(join(' ', $l->findings), '', "it $what: nobody is told yet");
	$l->pay_is('findings', "it $what: a person must look after $runs runs");
	told_ok($l, $words, "it $what");
	$l->pay_is('findings', "it $what: in each run that follows");
	is(join(' ', map { $_->{times} } $l->findings), 2,
	    "it $what: which is the same finding");
	$rig->script('scripted');
	$l->pay_is('paid', "it $what: once it settles again it is paid");
	is($l->chain_money($worker), $owed, "it $what: once");
	is(join(' ', $l->findings), '', "it $what: and that is over");
	is(($l->findings('all'))[0]{closed_by}, 'over', "it $what: said so");
	$l->books_ok("after it $what");
}

meet(@$_) for @faults;

# ---- One that nobody reaches ----

{
	my $l = ledger(payout => { facilitators => 'http://127.0.0.1:9' });

	$l->pay_is('unresolved', 'a facilitator that can\'t be reached: the ' .
	    'payouts wait') for 1 .. 2;
	is($l->states, '', 'nothing is signed for it');
	$l->pay_is('findings', 'it is told after three runs');
	told_ok($l, qr{GET /supported: \w+}, 'nobody is there');
	$l->payout_conf(facilitators => $rig->{scripted});
	$rig->script('scripted');
	$l->pay_is('paid', 'with another one it is paid');
	$l->books_ok('after one that nobody reaches');
}

# ---- A finding that is closed too early ----

{
	my $l = ledger();

	$rig->script('scripted', $answer->(404, 'gone'));
	$l->pay('--max', 1) for 1 .. 2;
	my ($before) = $l->findings;
	$l->worknet('finding', 'close', $before->{id});
	is(join(' ', $l->findings), '', 'a person closes a finding');
	$l->pay_is('findings', 'but the fault isn\'t over');
	my ($after) = $l->findings;
	is("$after->{id} $after->{since_ms} $after->{times}",
	    "$before->{id} $before->{since_ms} 3",
	    'it opens again, with since when and how often');
	$rig->script('scripted');
	$l->pay_is('paid', 'then it is over');
	$l->more_work(20);
	$rig->script('scripted', $answer->(404, 'gone again'));
	$l->pay_is('findings', 'when it comes again');
	($after) = $l->findings;
	is("$after->{id} $after->{times}", "$before->{id} 1",
	    'it is the same finding');
	cmp_ok($after->{since_ms}, '>', $before->{since_ms},
	    'which counts anew');
}

# ---- A brake ----

{
	my $l = ledger(workers => 8);

	$rig->script('scripted', { mode => 'no-answer' });
	$l->pay_is('unresolved', 'one that fails for several payees');
	is(scalar($l->payouts), 3, 'is sent three of eight, and is braked');
	$rig->script('scripted', { mode => 'no-answer' });
	$l->pay_is('unresolved', 'the next run');
	is(scalar($rig->settles), 1, 'tries one');
	is(scalar($l->payouts), 3, 'and signs nothing');
	$rig->script('scripted');
	$l->pay_is('paid', 'once it settles that one');
	is($l->states, join(' ', ('posted') x 8), 'everybody is paid at once');
	$l->books_ok('after a brake');
}

{
	my $l = ledger(workers => 4);
	my $refusal = '{"success":false,"errorReason":"unsupported_scheme",' .
	    '"transaction":"","network":"eip155:84532"}';

	$rig->script('scripted', $answer->(200, $refusal));
	$l->pay_is('findings', 'one that refuses several payees for good');
	told_ok($l, qr/unsupported_scheme/, 'it refuses everybody');
	cmp_ok(scalar($l->payouts), '<=', 2, 'it gets no third one');
	$rig->script('scripted');
	$l->pay_is('paid', 'once it doesn\'t, everybody is paid');
	is($l->states, join(' ', ('posted') x 4), 'each worker');
	$l->books_ok('after refusals for good');
}

# One payee alone is refused, and the others are paid: he is the finding.
{
	my $l = ledger(workers => 3);
	my @w = $l->worker_list;
	my $refusal = '{"success":false,"errorReason":"kyt_risk_detected",' .
	    '"transaction":"","network":"eip155:84532"}';

	$rig->script('scripted', { %{ $answer->(200, $refusal) },
	    times => 1 });
	$l->pay_is('findings', 'a payee whom it refuses for good');
	my ($found, @more) = $l->findings;
	is("$found->{kind} " . lc $found->{subject}, "payment refused $w[0]",
	    'is a finding of his own');
	like($found->{detail}, qr/kyt_risk_detected/, 'in its words');
	is(scalar(@more), 0, 'the only one');
	is(join(' ', map { $l->states($_) } @w), 'submitted posted posted',
	    'the others are paid');
	$l->pay_is('paid', 'when it takes him');
	is(join(' ', $l->findings), '', 'that is over');
	$l->books_ok('after a refusal of one');
}

# ---- The next facilitator ----

sub bodies {
	return map { $_->{sha256} } $rig->settles;
}

for my $case ([ 'turns everybody away', $answer->(404, 'gone') ],
    [ 'refuses a payment for good', $answer->(200, '{"success":false,' .
    '"errorReason":"amount_too_low","transaction":"","network":' .
    '"eip155:84532"}') ], [ 'wants a pause of an hour',
    { mode => 'http429', retryAfter => 3600 } ]) {
	my ($what, $order) = @$case;
	my $l = ledger(payout => { facilitators =>
	    "$rig->{scripted}/first/KEY1 $rig->{facilitator}" });
	my ($worker) = $l->worker_list;
	my $owed = $l->owed($worker);

	$rig->script('scripted', $order);
	my $code = $l->pay;
	is($code, $order->{status} && $order->{status} == 404 ? 6 : 10,
	    "the first $what: the next one pays") or diag($l->{err});
	is($l->chain_money($worker), $owed, "the first $what: paid once");
	is(scalar(bodies()), 1, "the first $what: it was asked once");
	my ($events) = map { $_->{n} } $l->sql('SELECT group_concat(detail, ' .
	    "' ') AS n FROM payout_event WHERE kind = 'submitted'");
	is($events, "$rig->{scripted} $rig->{facilitator}",
	    "the first $what: the events say who was sent it");
	my ($body) = $l->sql('SELECT body FROM authorization');
	is(Digest::SHA::sha256_hex($body->{body}), (bodies())[0],
	    "the first $what: both had the stored bytes");
	unlike($l->worknet('payout', 'explain', 1) . $l->worknet('payout',
	    'show', 1, '--json') . $l->worknet('status', '--json'), qr/KEY1/,
	    "the first $what: no key in a URL is shown");
	$rig->script('scripted');
	$l->books_ok("after the first $what",
	    $code == 6 ? 'facilitator fails' : ());
}

# A first one that fails is tried with one payout in each run, and is the first
# again once it settles.
{
	my $l = ledger(workers => 3, payout => { facilitators =>
	    "$rig->{scripted} $rig->{facilitator}" });

	$rig->script('scripted', $answer->(404, 'gone'));
	$l->pay_is('findings', 'beside one that fails everybody is paid');
	is($l->states, 'posted posted posted', 'by the other one');
	is(scalar($rig->settles), 1, 'and it was tried once');
	$l->more_work(20);
	$rig->script('scripted');
	$l->pay_is('paid', 'it settles again');
	is(scalar($rig->settles), 3, 'and has all of the next round');
	is(join(' ', $l->findings), '', 'its fault is over');
	$l->books_ok('after one of two that failed');
}

# One that is taken out of the configuration fails nobody any more.
{
	my $l = ledger();

	$rig->script('scripted', $answer->(404, 'gone'));
	$l->pay_is('findings', 'one that turns everybody away');
	$l->payout_conf(facilitators => $rig->{facilitator});
	$l->pay_is('paid', 'is replaced by another one');
	is(join(' ', $l->findings), '', 'and its finding is over');
}

# An old ledger has whole URLs in its events.
{
	my $l = ledger();

	$rig->script('scripted');
	$l->pay_is('paid', 'a payout is made');
	$l->sql('DROP TRIGGER payout_event_no_update; UPDATE payout_event ' .
	    "SET detail = 'https://f.example/v1/KEY2/settle' WHERE kind = " .
	    "'submitted'");
	for my $command (['explain'], ['show'], ['explain', '--json'],
	    ['show', '--json']) {
		my $text = $l->worknet('payout', $command->[0], 1,
		    @$command[1 .. $#$command]);
		unlike($text, qr/KEY2/, "@$command shows no key of a URL");
		like($text, qr{https://f\.example}, "@$command shows its host");
	}
}

rig_stop($rig);
done_testing();
