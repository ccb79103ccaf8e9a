# A facilitator that lies, stalls and breaks off: whatever it says, only the
# chain decides, nobody is paid twice, and nothing is booked that wasn't paid.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use PayoutTest qw(rig_start rig_stop);

# What the facilitator does, whether the money moves all the same, how often
# the bytes are posted in the run that meets it, and whether a person must look
# at once: it takes nobody's requests.
my @liars = (
	[ 'says success and moves nothing', 0, 2,
	    { mode => 'success-without-transfer' } ],
	[ 'says success without a hash', 0, 2,
	    { mode => 'success-without-hash' } ],
	[ 'says failure and moves the money', 1, 1,
	    { mode => 'failure-with-transfer' } ],
	[ 'answers HTTP 500 with a hash', 1, 1,
	    { mode => 'http500-with-hash' } ],
	[ 'answers HTTP 500 with a hash that nobody knows', 0, 2,
	    { mode => 'http500-with-hash', transfer => \0 } ],
	[ 'shows a stranger\'s hash', 0, 2, { mode => 'stranger-hash' } ],
	[ 'moves the money and shows a stranger\'s hash', 1, 1,
	    { mode => 'stranger-hash', transfer => \1 } ],
	[ 'names another network', 1, 1, { mode => 'wrong-network' } ],
	[ 'closes without an answer', 0, 2, { mode => 'no-answer' } ],
	[ 'moves the money and closes without an answer', 1, 1,
	    { mode => 'no-answer', transfer => \1 } ],
	[ 'resets the connection', 0, 2, { mode => 'drop-before' } ],
	[ 'answers after a long time', 1, 1,
	    { mode => 'hang', delayMs => 2000 } ],
	[ 'answers a byte at a time', 1, 1,
	    { mode => 'drip', delayMs => 20 } ],
	[ 'gives half an answer', 1, 1, { mode => 'half-answer' } ],
	[ 'answers with 50 MB', 1, 1, { mode => 'huge' } ],
	[ 'answers nonsense', 0, 2, { mode => 'nonsense' } ],
	[ 'redirects to another host', 0, 1, { mode => 'redirect' }, 1 ],
	[ 'redirects to itself', 0, 1, { mode => 'redirect-same' }, 1 ],
	[ 'wants a pause', 0, 2, { mode => 'http429' } ],
	[ 'wants a pause of an hour', 0, 1,
	    { mode => 'http429', retryAfter => 3600 } ],
	[ 'delivers the same bytes twice', 1, 1,
	    { mode => 'deliver-twice' } ],
	[ 'says pending', 1, 1, { mode => 'pending' } ],
	[ 'says 400 to what it carried out', 1, 1,
	    { mode => 'bad-request-v1' } ],
	[ 'says that the treasury is empty', 0, 2,
	    { mode => 'insufficient' } ],
	[ 'says that the treasury is empty after it paid', 1, 1,
	    { mode => 'insufficient', transfer => \1 } ],
);

my $rig = rig_start('--confirmation-timeout', 300);
my $l = PayoutTest->new($rig, workers => 2 + @liars, results => 15,
    payout => { facilitators => $rig->{scripted} });
my @workers = $l->worker_list;

# Each POST of a worker's payouts has the same bytes.
sub bodies_of {
	my ($worker) = @_;
	my %bodies = map { ($_->{sha256} => 1) } grep {
	    ($_->{body} // '') =~ /"to":"\Q$worker\E"/i } $rig->settles;

	return scalar keys %bodies;
}

sub meet {
	my ($what, $moves, $posts, $order, $told) = @_;
	my $worker = shift @workers;
	my $owed = $l->owed($worker);

	$rig->script('scripted', $order);
	$l->pay_is($moves ? 'paid' : $told ? 'findings' : 'unresolved',
	    "the facilitator $what: " .
	    ($moves ? 'it is paid' : 'the payout stays open'), '--worker',
	    $worker);
	is($l->states($worker), $moves ? 'posted' : 'submitted',
	    "$what: the state says so");
	is($l->chain_money($worker), $moves ? $owed : 0,
	    "$what: and so does the chain");
	is(scalar($rig->settles), $posts, "$what: POSTs in this run");
	is($rig->trapped, 0, "$what: nobody followed a redirect")
	    if $order->{mode} =~ /^redirect/;
	$rig->control('scripted', { mode => 'pass' });
	$l->pay_is($moves ? 'nothing' : 'paid', "$what: the next run " .
	    ($moves ? 'has nothing to do' : 'pays it'), '--worker', $worker);
	is($l->states($worker), 'posted', "$what: then it is posted");
	is($l->chain_money($worker), $owed, "$what: and was paid once");
	is(bodies_of($worker), 1, "$what: all POSTs had the same bytes");
}

meet(@$_) for @liars;
$l->books_ok('after the liars');

# ---- Refused for good ----

{
	my $worker = shift @workers;

	$rig->script('scripted', { mode => 'answer', status => 200,
	    body => '{"success":false,"errorReason":' .
	    '"invalid_exact_evm_recipient_mismatch","transaction":"",' .
	    '"network":"eip155:84532"}' });
	$l->pay_is('findings', 'a payout that is refused for good needs a ' .
	    'person', '--worker', $worker);
	is(scalar($rig->settles), 1, 'it is posted once');
	is($l->states($worker), 'submitted', 'it stays open');
	my ($found) = $l->findings;
	is($found->{kind}, 'payment refused', 'a finding says so');
	is(lc $found->{subject}, $worker, 'of the worker');
	like($found->{detail}, qr/invalid_exact_evm_recipient_mismatch/,
	    'in the facilitator\'s own words');
	$rig->control('scripted', { mode => 'pass' });
	$l->pay_is('paid', 'a facilitator that takes it settles it',
	    '--worker', $worker);
	$l->books_ok('after a refusal');
}

# ---- Sent to the chain, and not mined for long ----

{
	my $worker = shift @workers;
	my $owed = $l->owed($worker);

	$rig->script('scripted');
	$rig->rpc('evm_setAutomine', JSON::PP::false());
	$l->pay_is('unresolved', 'what waits for a block stays open',
	    '--worker', $worker);
	is($l->states($worker), 'submitted', 'it is submitted');
	$l->pay_is('unresolved', 'also in the next run', '--worker',
	    $worker);
	$rig->mine(1);
	$rig->rpc('evm_setAutomine', JSON::PP::true());
	$l->pay_is('paid', 'once it is mined it is booked', '--worker',
	    $worker);
	is($l->chain_money($worker), $owed, 'paid once');
}

$rig->mine(10);
$l->pay_is('nothing', 'all of them become final');
is($l->states, join(' ', ('final') x (2 + @liars)), 'each one of them');
$l->books_ok('at the end');
rig_stop($rig);
done_testing();
