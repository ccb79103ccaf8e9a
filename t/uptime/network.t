#!/usr/bin/perl
# Uptime from end to end: workers of three networks answer through the
# coordinator, of which one lies, and some are silent; the operator announces an
# outage in time and too late, and pauses the task.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use Test::More;

use WorknetTest qw(need_program json_value poll_path spurt);

need_program('sqlite3');
alarm 240;

my $MINUTE = 60_000;
my $HOUR = 60 * $MINUTE;
my $FROM = 1_767_261_600_000;		# 2026-01-01 10:00:00
my $S = $FROM + 47 * $MINUTE;		# when the task is made
my @remote = qw(198.51.100.7 203.0.113.9 192.0.2.3);
my @prefix = qw(198.51.100.0/24 203.0.113.0/24 192.0.2.0/24);

my $w = WorknetTest->new(conf => { admission => { standing_results => 0,
    standing_hours => 0 } });
$w->fault_prepare;
$w->clock_set($S);
$w->init;
$w->task_add('home', interval => '60s', cooldown => '0s', copies => 3);
my $c = $w->start->fcgi;

# What the three say in a cycle: U up, D down, - nothing.
sub cycle {
	my ($minute, $said) = @_;

	$w->clock_set($S + $minute * $MINUTE + 55_000);
	for my $n (0 .. 2) {
		my $says = substr($said, $n, 1);
		my $k = $w->worker($n);

		next if $says eq '-';
		my $tasks = json_value($c->get(poll_path($k->{address}),
		    remote => $remote[$n])->{body});
		die "worker $n is given nothing in minute $minute\n"
		    if ref $tasks ne 'ARRAY' || @$tasks != 1;
		my $r = json_value($c->post([ $w->result($k, 'home', success =>
		    $says eq 'U' ? 1 : 0) ], remote => $remote[$n])->{body});
		die "minute $minute: @{$r->{errors}}\n" if $r->{accepted} != 1;
	}
}

sub report {
	return json_value(($w->worknet_try('report', '--task', 'home', '--from',
	    $FROM, '--to', $FROM + 2 * $HOUR, '--json', @_))[1]);
}

sub announce {
	my ($from, $to) = map { $S + $_ * $MINUTE } @_;

	return json_value($w->worknet('maintenance', 'add', 'home', '--from',
	    $from, '--to', $to, '--why', 'a test', '--json'));
}

# ---- What happens ----

cycle($_, 'UUU') for 0 .. 11;
cycle($_, 'DDD') for 12 .. 14;		# over the hour's end
cycle($_, 'UUU') for 15 .. 19;
cycle($_, 'UUD') for 20 .. 24;		# the third lies
is(json_value($w->worknet('rollup', '--json'))->{hours}, 1,
    'an hour is counted when it is over, whatever follows');
cycle($_, 'U--') for 25 .. 27;
my $m = announce(33, 38);
is($m->{counts}, JSON::PP::true, 'what is announced before it begins counts');
cycle($_, 'UUU') for 28 .. 33;
cycle($_, 'DDD') for 34 .. 36;
cycle($_, 'UUU') for 37 .. 40;
cycle($_, 'DDD') for 41 .. 42;		# nobody has announced that
cycle($_, 'UUU') for 43 .. 44;
is(announce(41, 43)->{counts}, JSON::PP::false,
    'what is announced afterwards doesn\'t');
$w->clock_set($S + 30 * $MINUTE);
is(announce(41, 43)->{counts}, JSON::PP::false,
    '... nor with a clock that was set back');
$w->clock_set($S + 45 * $MINUTE);
$w->worknet('task', 'pause', 'home');
$w->clock_set($S + 48 * $MINUTE);
$w->worknet('task', 'resume', 'home');
cycle($_, 'UUU') for 48 .. 50;
# The third sees an outage alone: it is outvoted, twice it is all there is.
cycle(51, 'UUD');
cycle($_, '--D') for 52 .. 53;
# Something that is later than all that, for the clocks.
cycle(100, 'UUU');

# ---- What is told ----

my %expected = (up => 12 + 5 + 5 + 5 + 3 + 2 + 3 + 1, down => 3 + 2,
    unconfirmed => 0, unknown => 3 + 2 + (73 - 54), disputed => 0,
    paused => 47 + 3, maintenance => 5);
my $r = report();
is_deeply({ map { $_ => $r->{$_ . 'Ms'} } keys %expected },
    { map { $_ => $expected{$_} * $MINUTE } keys %expected },
    'each minute is in its bucket');
my $decided = $expected{up} + $expected{down};
my $all = $decided + $expected{unknown};
is_deeply([ @$r{qw(availabilityPpm strictPpm atLeastPpm atMostPpm coveragePpm)} ],
    [ map { int(1_000_000 * $_->[0] / $_->[1]) } [ $expected{up}, $decided ],
	[ $expected{up}, $decided ], [ $expected{up}, $all ],
	[ $all - $expected{down}, $all ], [ $decided, $all ] ],
    'the figures follow, rounded down');
is($r->{availabilityWithMaintenancePpm}, int(1_000_000 * ($expected{up} + 2) /
    ($decided + 5)), '... and with maintenance they are others');
is_deeply([ map { [ ($_->{fromMs} - $S) / $MINUTE, ($_->{toMs} - $S) / $MINUTE,
    $_->{ended}, !!$_->{planned}, $_->{networks} ] } @{ $r->{incidents} } ],
    [ [ 12, 15, 'recovered', !!0, 3 ], [ 34, 37, 'recovered', !!1, 3 ],
	[ 41, 43, 'recovered', !!0, 3 ] ],
    'incidents are those that networks confirmed; one was planned');

is_deeply([ map { $_->{counts} ? 1 : 0 } @{ $r->{maintenance} } ], [ 1, 0, 0 ],
    'what was announced is listed, in time or not');

# Names of networks, by the text of src/ledger/origin.h.
my $day = int($S / (24 * $HOUR));
my $key = pack('H*', $w->sql_value('SELECT hex(key) FROM network_key'));
my @name = map { substr(hmac_sha256_hex($_, hmac_sha256('network' .
    pack('Q>', $day), $key)), 0, 8) } @prefix;
is(join(' ', sort split / /, $r->{incidents}[0]{confirmedBy}),
    join(' ', sort @name), 'networks are told by their names of the day');
unlike(JSON::PP::encode_json($r), qr/198\.51|203\.0|192\.0\.2/,
    '... and by nothing else');
is_deeply($r->{contradicted}, [ { dayMs => $day * 24 * $HOUR,
    worker => lc $w->worker(2)->{address}, network => $name[2], results => 6 } ],
    'the liar is told, how often, and from where');

# ---- Targets, text and lines ----

my ($status, $out) = $w->worknet_try('report', '--task', 'home', '--from', $FROM,
    '--to', $FROM + 2 * $HOUR, '--target', '99.9');
is($status, 1, 'a target that was missed is refused');
like($out, qr/^target: +99\.9 %: missed$/m, '... in words');
like($out, qr/^availability: +87\.8048 % \(between 55\.3846 % and 92\.3076 %, coverage 63\.0769 %\)$/m,
    'people are told the figure between its bounds');
($status, $out) = $w->worknet_try('report', '--task', 'home', '--from', $FROM,
    '--to', $FROM + 2 * $HOUR, '--target', '60');
like($out, qr/^target: +60 %: not proven$/m,
    'a target between the bounds isn\'t proven');
is($status, 0, '... which is no miss');
$out = $w->worknet('report', '--task', 'home', '--from', $FROM, '--to',
    $FROM + 2 * $HOUR, '--csv');
my ($head, $line, @rest) = split /\r\n/, $out;
my %column;
@column{split /,/, $head} = split /,/, $line;
is_deeply([ @column{qw(task availabilityPpm downMs copies drills)}, scalar @rest ],
    [ 'home', $r->{availabilityPpm}, $r->{downMs}, $r->{copies}, 0, 0 ],
    'lines for spreadsheets say the same');
for my $bad ([ '--to', $FROM + 1 ], [ '--from', $FROM + 3 * $HOUR ],
    [ '--target', '99.99999' ], [ '--target', '101' ]) {
	($status) = $w->worknet_try('report', '--task', 'home', '--from', $FROM,
	    '--to', $FROM + 2 * $HOUR, @$bad);
	isnt($status, 0, "@$bad is refused");
}

# ---- Counted, and audited ----

$w->clock_set($w->time_ms + 24 * $HOUR);
is(json_value($w->worknet('rollup', '--json'))->{hours}, 2,
    'the next hour changes the one before; a clock that is ahead counts no more');
is($w->sql_value('SELECT count(*) FROM incident'), 3, 'with their incidents');
my $later = report();
is_deeply($later, $r, '... and the report is the same');
is($w->stop, 0, 'the coordinator stops');
$w->audit_ok('after that');

# ---- Announced, and called off ----
my $next = json_value($w->worknet('maintenance', 'add', 'home', '--from',
    $w->time_ms + $HOUR, '--to', $w->time_ms + 2 * $HOUR, '--why', 'later',
    '--json'))->{id};
like($w->worknet('maintenance', 'list'), qr/later/, 'what is to come is listed');
unlike($w->worknet('maintenance', 'list'), qr/a test/, '... and what is over isn\'t');
$w->worknet('maintenance', 'end', $next);
unlike($w->worknet('maintenance', 'list'), qr/later/, '... nor what was called off');
($status) = $w->worknet_try('maintenance', 'end', $m->{id});
is($status, 1, 'what is over can\'t be ended again');

done_testing;
