#!/usr/bin/perl
# What a worker's owner asks from a shell: worknet-worker join, of a real
# coordinator and of ones that lie, and worknet-worker status, which shows what
# the worker's page shows.
use strict;
use warnings;
use File::Basename 'dirname';
use JSON::PP;
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use WorkerRig;
use WorkerTest;
use WorknetTest qw(need_program json_value http_raw http_read now_ms wait_for);

need_program('sqlite3', 'nginx');
key_make();

my $w = WorknetTest->new(conf => { admission => { mode => 'list',
    standing_results => 0, standing_hours => 0 },
    honesty => { maturity_new_ms => 3600000 } });
$w->init;
$w->nginx_start;
$w->{conf}{pages}{origin} = $w->url;
$w->conf_write;
$w->worknet('task', 'add', 'health', '--url', $w->url('/api/health'),
    '--interval', '1h', '--reward', 100);
$w->start;

sub worker {
	my (@args) = @_;

	return WorkerRig->new($program)->run([ '-c', $w->conf_path, '-k', $key,
	    '-u', $w->url('/api/'), '-r', 'eu-west', @args ]);
}

my $address = worker('--address')->{out} =~ s/\n//r;
my $r = worker('status');
is($r->{status}, 0, 'of an address that nobody knows there is something to say');
like($r->{out}, qr/^$address: it was never given work, and hasn't asked/,
    '... that it hasn\'t asked');
$r = worker('join');
is($r->{status}, 0, 'it joins') or diag($r->{err});
like($r->{out}, qr/^$address: it has asked to be admitted, and waits/,
    '... and is told that it waits');
like($r->{out}, qr/^what it earns at first is payable 3600 s after each credit$/m,
    '... and what it gets');
like($r->{out}, qr{^its page: \Q${\$w->url("/worker/$address")}\E$}m,
    '... and where its page is');
is_deeply([ map { [ @{$_}{qw(address region)} ] } @{ json_value($w->worknet(
    'worker', 'requests', '--json'))->{requests} } ],
    [ [ $address, 'eu-west' ] ], 'the operator reads that');
like(worker('status')->{out}, qr/^$address: it has asked to be admitted/,
    'its status says so');
$w->worknet('worker', 'admit', $address);
like(worker('status')->{out}, qr/^$address: the operator has admitted it/,
    '... until it is admitted');
is(worker('--once')->{status}, 0, 'it works');

# Of a worker that was never given work nginx keeps the answer for some seconds.
wait_for(sub { ($r = worker('status'))->{out} =~ /^credits$/m }, 'its credit');
my $s = $w->http_socket;
syswrite($s, http_raw('GET', "/api/v1/worker/$address/status", undef));
my $told = json_value(http_read($s, 'GET')->{body});
my %shown = map { /^(\S.*?)  +(.*)$/ ? ($1 => $2) : () } split /\n/, $r->{out};
my %of = (waiting => 'waitingMicros', payable => 'payableMicros',
    'in flight' => 'inFlightMicros', paid => 'paidMicros',
    forfeited => 'forfeitedMicros', 'earned, the sum of these' => 'earnedMicros');
is_deeply({ map { $_ => $shown{$_} } keys %of }, { map { $_ =>
    sprintf('%.6f USDC', $told->{$of{$_}} / 1e6) } keys %of },
    'then its status has the sums of its page');
is($shown{address}, $address, '... of this address');
is($shown{'results credited'}, 1, '... and its results');
like($r->{out}, qr/^credits\n  20\S+ \S+ UTC  0\.000100 USDC  1$/m,
    '... and each credit');
unlike($r->{out}, qr/^(?:usually one every|refusals)/m,
    'of what isn\'t known it says nothing');
$w->sql("INSERT INTO payout_run (began_ms, reconcile) VALUES ($_, 0)")
    for map { now_ms() - 60000 * $_ } 24, 14, 4;
$w->sql('INSERT INTO refusal SELECT id, ' . int(now_ms() / 86400000) .
    ", 'result too old', 7 FROM worker");
# nginx keeps the answer of before for some seconds.
wait_for(sub { ($r = worker('status'))->{out} =~ /^refusals$/m }, 'refusals');
like($r->{out}, qr/^refusals\n  20\d\d-\d\d-\d\d  7  result too old$/m,
    'it shows what was refused');
like($r->{out}, qr/^results refused, 30 days +7$/m, '... and how much in all');
like($r->{out}, qr/^usually one every +600 s\nso the next one about +20/m,
    '... and when the next payout run usually is');
is($w->stop, 0, 'the coordinator stops');
$w->nginx_stop;
is(worker('status')->{status}, 1, 'without a coordinator it says nothing');
is(worker('join', 'now')->{status}, 2, 'no other word is taken');

# ---- Coordinators that lie ----

my @posted;
sub lies {
	my (%more) = @_;
	my $rig = WorkerRig->new($program);
	my $port;

	@posted = ();
	$port = $rig->listen(sub {
		my ($request) = @_;

		if ($request->{method} eq 'POST') {
			push @posted, $request->{body};
			return WorkerRig::reply_json({ state =>
			    "\e[2J\xe2\x80\xaeopen\nroot", payableAfterMs => 0 });
		}
		return WorkerRig::reply_json({ origin =>
		    "http://127.0.0.1:$port", nonce => 'a' x 32, chainId => 1,
		    issuedAtMs => 1_800_000_000_000, message =>
		    '{"taskId":"x","workerAddress":"0x","timestamp":1}', %more });
	});
	return $rig->run([ '-k', $key, '-u', "http://127.0.0.1:$port/api", '-r',
	    'eu-west', 'join' ]);
}

$r = lies();
is($r->{status}, 0, 'a text of another coordinator is signed for that one');
unlike($r->{out}, qr/[^\n -~]/, '... which shows nothing that isn\'t to be seen');
my ($host) = $r->{out} =~ m{its page: http://(\S+?)/};
my $text = "$host wants you to sign in with your Ethereum account:\n$address\n\n" .
    "Work for this network, in the region eu-west. It costs nothing, and moves " .
    "no money.\n\nURI: http://$host/join\nVersion: 1\nChain ID: 1\nNonce: " .
    'a' x 32 . "\nIssued At: 2027-01-15T08:00:00Z\n" .
    'Expiration Time: 2027-01-15T08:10:00Z';
is(JSON::PP->new->decode($posted[0])->{signature}, $w->sign_text({
    key => contents($key) =~ s/^0x|\s//gr }, $text),
    '... and it is the worker\'s own text, whatever message was sent');
for ([ 'another host', origin => 'https://worknet.example.org' ],
    [ 'a host with a line in it', origin => "http://127.0.0.1\nURI: x" ],
    [ 'no host', origin => undef ],
    [ 'a nonce that is a text', nonce => "a\nChain ID: 1" . 'a' x 20 ],
    [ 'a short nonce', nonce => 'a' ],
    [ 'a chain that is a text', chainId => '1' ],
    [ 'no time', issuedAtMs => undef ]) {
	my ($what, %more) = @$_;

	$r = lies(%more);
	is_deeply([ $r->{status}, scalar @posted ], [ 1, 0 ],
	    "of $what nothing is signed");
	unlike($r->{err}, qr/[^\n -~]/, '... and the line that says so is one');
}

done_testing;
