# One node of three with a fault that lasts: in its second run with it a person
# is told once, by the exit code, the status and one finding that names the
# node and has its words; everybody is paid meanwhile; and it is over, and said
# so, in the first run in which the node does its work.
use strict;
use warnings;

use FindBin;
BEGIN { $ENV{srcdir} //= "$FindBin::Bin/../.." }
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use PayoutTest qw(cases_ok);
use WorknetTest qw(json_value);

my @RIG = ('--slots-in-an-epoch', 16, '--nodes', 3);
my $FINAL = 70;			# blocks: two epochs and more
my $BAD = 1;			# the node
my $TRUE = '0x' . '0' x 63 . '1';
my @logs = (methods => ['eth_getLogs']);

# Blocks that are mined at once have one time; those that are made up, a second
# each.
my @number = ([ 'says an old number at the present time', { head => -350,
    final => -350 } ], [ 'says a number that isn\'t there yet', { head => 350,
    time => '+-350' } ]);

# What it does, the words of its finding, how; for how many seconds it has done
# so when the runs begin, and how many blocks there are by then.
my @faults = (
	[ 'hangs up', qr/^away: \w/, { mode => 'down' } ],
	[ 'has errors only', qr/^away: the disk is gone/, { mode => 'error',
	    message => 'the disk is gone' } ],
	[ 'has no data', qr/^away: \w/, { mode => 'empty' } ],
	[ 'is a page of something else', qr/^away: HTTP 200 and no JSON/,
	    { mode => 'garbage' } ],
	[ 'is a gateway without anything behind it', qr/^away: HTTP 502/,
	    { mode => 'http', status => 502 } ],
	[ 'wants to be paid', qr/^away: HTTP 402/,
	    { mode => 'http', status => 402 } ],
	[ 'counts calls, and has had enough', qr/^away: .*request rate exceeded/,
	    { mode => 'limit', how => 'infura-rate' } ],
	[ 'answers others', qr/^away: HTTP 200 and no answer to this call/,
	    { mode => 'other-id' } ],
	[ 'is of another chain', qr/^away: its chain id is 1,/,
	    { mode => 'invent', chainId => 1 } ],
	[ 'has blocks of tomorrow', qr/^clock: its newest block is \d+ s ahead/,
	    { mode => 'invent', time => '+90000' } ],
	[ 'stands still', qr/^stands: its newest block, \d+, is \d+ s old/,
	    { mode => 'stand' }, 3700 ],
	(map { [ $_->[0], qr/^number: it says that the newest block is \d+, and \S+ at that time \d+$/,
	    { mode => 'invent', %{ $_->[1] } }, undef, 400 ] } @number),
	[ 'takes its newest block for final',
	    qr/^final: its newest block, \d+, is finalized already/,
	    { mode => 'invent', final => 'head' } ],
	[ 'gives no logs', qr/^gives no logs: eth_getLogs.*no such index/,
	    { mode => 'error', message => 'no such index', @logs } ],
	[ 'gives only logs of which there are none', qr/^alone: it doesn't show/,
	    { mode => 'answer', result => [], @logs } ],
	[ 'shows payments that nobody made', qr/^alone: \w/,
	    { mode => 'invent', uses => [{ nonce => '0x' . '9' x 64,
	    from => 'treasury', to => '0x' . '5' x 40, value => 5 }] } ],
	[ 'says that nothing was paid', qr/^alone: it doesn't show/,
	    { mode => 'invent', deny => 'all' } ],
	[ 'says that the token is paused', qr/^alone: .*is paused, and/,
	    { mode => 'answer', result => $TRUE, selector => '0x5c975abb' } ],
	[ 'says that the treasury is empty',
	    qr/^alone: .*micro-USDC are 0, and/, { mode => 'answer',
	    result => '0x' . '0' x 64, selector => '0x70a08231' } ],
	[ 'has a token of another name', qr/^alone: .*DOMAIN_SEPARATOR/,
	    { mode => 'answer', result => $TRUE, selector => '0x3644e515' } ],
);

# Exactly one finding, of this node; and the status has it.
sub told_ok {
	my ($l, $words, $times) = @_;
	my @findings = $l->findings;
	my @shown = @{ json_value($l->worknet('status', '--json'))->{findings} };

	is(join(', ', map { "$_->{kind} $_->{subject} $_->{times}" } @findings),
	    'node fails ' . $l->{rig}->node_name($BAD) . " $times",
	    "exactly one finding, seen in $times runs");
	like($findings[0]{detail} // '', $words, 'in its words');
	is(join(', ', map { "$_->{kind} $_->{sinceMs}" } @shown),
	    join(', ', map { "$_->{kind} $_->{since_ms}" } @findings),
	    'which the status shows, and since when');
}

my @cases;
for (@faults) {
	my ($what, $words, $order, $lasts_s, $blocks) = @$_;

	push @cases, [ "one of three nodes $what", sub {
		my ($rig) = @_;
		my $l = PayoutTest->new($rig, workers => 4, payout => {
		    rpc_urls => join(' ', @{ $rig->{nodes} }) });
		my $in_words = sub { join(', ', map { "$_->{kind}: " .
		    $_->{detail} } $l->findings) };

		$l->pay_is('paid', 'a worker is paid', '--max', 1);
		# What is paid now it may hide, but then nothing is to be late.
		$rig->mine($blocks // ($lasts_s ? $FINAL : 1));
		$l->pay('--reconcile');
		$_->{from} = $l->{treasury} for grep { $_->{from} }
		    @{ $order->{uses} // [] };
		$rig->node($BAD, $order);
		if ($lasts_s) {
			$l->pay('--reconcile');
			$rig->warp($lasts_s);
		}
		$l->pay_is('paid', 'when it begins, the next one is paid',
		    '--max', 1);
		is($in_words->(), '', 'and nobody is told yet');
		$l->pay_is('findings', 'in the next run a person is',
		    '--max', 1);
		told_ok($l, $words, 1);
		$l->pay_is('findings', 'in each run that follows, too');
		told_ok($l, $words, 2);
		is(scalar(grep { $l->chain_money($_) > 0 } $l->worker_list), 4,
		    'and everybody is paid');
		$rig->node($BAD);
		$rig->mine($FINAL);
		$l->pay_is('nothing', 'once it does its work');
		is($in_words->(), '', 'that is over');
		is(join(', ', map { $_->{closed_by} } $l->findings('all')),
		    'over', 'and said so');
		$l->books_ok('then');
	} ];
}

cases_ok(2, \@RIG, @cases);
done_testing();
