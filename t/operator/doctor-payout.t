#!/usr/bin/perl
# What worknet doctor finds of all that payouts stand on: nodes, facilitators,
# the token, the treasury and the gas account, each of which is broken once.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use DirectTest ();
use PayoutTest qw(rig_start rig_stop fault_so word);
use WorknetTest qw(build_path run_command json_value);

alarm(300);
my $rig = rig_start();
my @nodes = @{ $rig->{nodes} }[0, 1];
my $l = DirectTest->new($rig, payout => { settle => 'facilitator direct',
    facilitators => $rig->{scripted}, rpc_urls => "@nodes" });

# The detail of each check by its name, and which are bad.
sub doctor {
	my (undef, $out, $err) = run_command({ env => { $l->fault_env, @_ } },
	    build_path('worknet'), '-c', $l->conf_path, 'doctor', '--json',
	    '--payout', $l->conf_path);
	my $json = json_value($out);

	die "doctor: $err" if !$json;
	return { bad => { map { $_->{check} => !$_->{ok} }
	    @{ $json->{checks} } },
	    map { $_->{check} => $_->{detail} } @{ $json->{checks} } };
}

# What $break breaks is found by $probe, with these words, and not once it is
# mended.
sub found {
	my ($probe, $what, $words, $break, $mend) = @_;

	$break->();
	my $ill = doctor();
	$mend->();
	ok($ill->{bad}{$probe}, "$what is found");
	like($ill->{$probe}, $words, '... and which, or what to do');
	my $well = doctor();
	ok(!$well->{bad}{$probe}, '... and isn\'t once it is over')
	    or diag($well->{$probe});
}

# What both nodes say of a call of the token from now on; none: the truth.
sub token_says {
	my ($selector, $value) = @_;

	$rig->node($_, defined $value ? { mode => 'answer', methods =>
	    ['eth_call'], selector => $PayoutTest::SELECTOR{$selector},
	    result => '0x' . word($value) } : undef) for 0, 1;
}

my $d = doctor();
like($d->{nodes}, qr/^2 nodes are at block \d+/, 'both nodes are seen');
is($d->{facilitators}, 'each takes payments on eip155:84532',
    'the facilitator is asked what it takes');
like($d->{treasury}, qr/^it has 1000\.\d{6} USDC, and when all is paid it lasts for \d+ days$/,
    'the treasury and the gas account have enough');

# ---- Nodes ----

my $name = quotemeta $rig->node_name(1);
found('nodes', 'a node of another chain',
    qr/^$name: away: its chain id is 1, expected 84532/,
    sub { $rig->node(1, { mode => 'invent', chainId => 1 }) },
    sub { $rig->node(1) });
found('nodes', 'one that doesn\'t answer', qr/^$name: away: /,
    sub { $rig->node(1, { mode => 'down' }) }, sub { $rig->node(1) });
SKIP: {
	skip('the clock can\'t be moved here', 3) if !fault_so();
	found('nodes', 'one that lags', qr/^$name: stands: /, sub {
		$rig->node(1, { mode => 'stand' });
		doctor();
		$rig->warp(3700);
	}, sub { $rig->node(1) });
}

SKIP: {
	skip('the clock can\'t be moved here', 2) if !fault_so();
	my %env = $l->fault_env;
	my $ill = doctor(WN_FAULT_AHEAD_S => 600 +
	    ($env{WN_FAULT_AHEAD_S} // 0));
	ok($ill->{bad}{nodes}, 'a clock that is another one than the chain\'s');
	like($ill->{nodes}, qr/clock/, '... is told to be one');
}

# ---- Facilitators ----

my $facilitator = quotemeta $rig->{scripted};
found('facilitators', 'one that takes nothing on this network',
    qr/^$facilitator: .*hasn't the scheme exact on eip155:84532.*name another/,
    sub { $rig->script('scripted', { mode => 'answer', status => 200,
	paths => ['/supported'], body => '{"kinds":[{"x402Version":2,' .
	'"scheme":"exact","network":"eip155:1"}]}' }) },
    sub { $rig->script('scripted') });
found('facilitators', 'one that is out of order', qr/^$facilitator: .*503/,
    sub { $rig->script('scripted', { mode => 'answer', status => 503,
	body => 'closed', paths => ['/supported'] }) },
    sub { $rig->script('scripted') });

# ---- The token ----

found('treasury', 'a token of another domain', qr/DOMAIN_SEPARATOR isn't/,
    sub { token_says('DOMAIN_SEPARATOR', 1) }, sub { token_says('') });
found('treasury', 'a token that is paused', qr/nobody can be paid/,
    sub { token_says('paused', 1) }, sub { token_says('') });

# ---- Money ----

my ($code, $out) = run_command({ env => { $l->fault_env } },
    build_path('worknet'), '-c', $l->conf_path, 'treasury', '--json');
my $money = json_value($out);
cmp_ok($money->{owedMicros}, '>', 1, 'something is owed');
found('treasury', 'a treasury that can\'t pay what is owed',
    qr/less than what is owed: send it more/,
    sub { token_says('balanceOf', $money->{owedMicros} - 1) },
    sub { token_says('') });
found('treasury', 'one that lasts for two days', qr/for less than 3 days: send/,
    sub { token_says('balanceOf', $money->{owedMicros} +
	2 * $money->{perDayMicros} + 1) }, sub { token_says('') });
found('treasury', 'a gas account without ether',
    qr/the gas account lasts for less than 7 days: give it ether/,
    sub { $l->ether('0x0') }, sub { $l->ether('0xde0b6b3a7640000') });

rig_stop($rig);
done_testing();
