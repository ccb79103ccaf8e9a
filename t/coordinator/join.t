#!/usr/bin/perl
# Who wants to work says so with a signature: what is taken, what isn't, and
# that no crowd of strangers keeps others from asking. browser.t does it with a
# wallet, worker/join.t with worknet-worker.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(need_program json_text json_value poll_path wait_for slurp
    source_path);
use WorknetTest::OpenApi qw(misfits);

need_program('sqlite3');

my $T0 = 1_767_261_600_000;		# 2026-01-01 10:00:00
my $DAY = 24 * 3600 * 1000;
my $ORIGIN = 'https://worknet.example.org';

my $w = WorknetTest->new(conf => { pages => { origin => $ORIGIN },
    admission => { mode => 'list', standing_results => 0,
    standing_hours => 0 }, honesty => { maturity_new_ms => 3600000 } });
$w->fault_prepare;
$w->clock_set($T0);
$w->init;
$w->task_add('task', interval => '1s', cooldown => '0s');
$w->start;
my $c = $w->fcgi;
my $api = json_value($c->get('/openapi.json')->{body});
our $remote = '198.51.100.7';

# The JSON of an answer, which must be of that status and as openapi.json says.
sub fits {
	my ($r, $path, $method, $status, $name) = @_;
	my $schema = $api->{paths}{$path}{$method}{responses}{$status}{content}
	    {'application/json'}{schema};
	my $v = json_value($r->{body});

	is($r->{status}, $status, $name) or diag($r->{body});
	is_deeply([ $schema ? misfits($api, $schema, $v, '') : 'no schema' ],
	    [], '... as openapi.json has it');
	return $v;
}

sub text_of {
	my ($worker, $region) = @_;

	return json_value($c->get("/v1/join/text?address=$worker->{address}" .
	    '&region=' . ($region // ''))->{body});
}

# What is posted of a text; what else is given is put in after signing.
sub signed {
	my ($worker, $text, %other) = @_;
	my $message = delete $other{message} // $text->{message};

	return { (map { $_ => $text->{$_} }
	    qw(address region nonce issuedAtMs)),
	    signature => $w->sign_text($worker, $message), %other };
}

sub post {
	my ($body, %opt) = @_;

	return $c->request('POST', '/v1/join', body => ref $body ?
	    json_text($body) : $body, remote => $remote, %opt);
}

sub requests {
	return json_value($w->worknet('worker', 'requests', '--json', '--all'))
	    ->{requests};
}

sub refused {
	my ($body, $status, $why, $name, %opt) = @_;
	my $before = $w->sql_text('SELECT * FROM join_request');
	my $r = post($body, %opt);

	like(fits($r, '/v1/join', 'post', $status, "$name is refused")->{error},
	    $why, '... and told why');
	is($w->sql_text('SELECT * FROM join_request'), $before,
	    '... and leaves nothing');
}

# ---- It asks, and is let in ----

my ($one, $two, $three) = map { $w->worker($_) } 1 .. 3;
is($c->get(poll_path($one->{address}))->{status}, 403,
    'a stranger is given nothing');
my $text = fits($c->get("/v1/join/text?address=$one->{address}&region=eu-west"),
    '/v1/join/text', 'get', 200, 'anybody is given a text to sign');
is($text->{message}, "worknet.example.org wants you to sign in with your " .
    "Ethereum account:\n$one->{address}\n\nWork for this network, in the " .
    "region eu-west. It costs nothing, and moves no money.\n\n" .
    "URI: https://worknet.example.org/join\nVersion: 1\nChain ID: 8453\n" .
    "Nonce: $text->{nonce}\nIssued At: 2026-01-01T10:00:00Z\n" .
    "Expiration Time: 2026-01-01T10:10:00Z",
    'it says whom, where, for what, and until when');
is($w->sql_value('SELECT count(*) FROM join_request'), 0,
    'nothing is kept of who only looks at one');
is(fits($c->get("/v1/join/$one->{address}"), '/v1/join/{address}', 'get', 200,
    'anybody can see what became of an address')->{state}, 'unknown',
    '... nothing yet');
my $is = fits(post(signed($one, $text)), '/v1/join', 'post', 200,
    'a text that its address signed is taken');
is_deeply([ @{$is}{qw(address state works region askedMs admission
    payableAfterMs)} ], [ $one->{address}, 'waiting', JSON::PP::false,
    'eu-west', $T0, 'list', 3600000 ], 'it waits for the operator, and is told what it gets');
is_deeply(requests(), [ { address => $one->{address}, region => 'eu-west',
    network => '198.51.100.0/24', askedMs => $T0 } ],
    'the operator reads of it');
like($c->get("/worker/$one->{address}")->{body},
    qr/It has asked to be admitted.*eu-west/s, '... and it has a page');
is($c->get(poll_path($one->{address}))->{status}, 403,
    '... and is given nothing yet');
refused(signed($one, $text), 403, qr/^nonce: used/, 'the same once more');
$w->worknet('worker', 'admit', $one->{address});
is_deeply(requests(), [], 'whom the operator admits doesn\'t ask any more');
$w->clock_set($T0 + 6000);	# a page of it is kept for 5 s
is(json_value($c->get("/v1/join/$one->{address}")->{body})->{state},
    'admitted', '... is told so');
like($c->get("/worker/$one->{address}")->{body}, qr/The operator has admitted/,
    '... on its page, too');
is($c->get(poll_path($one->{address}))->{status}, 200, '... and may work');
refused(signed($one, $text), 403, qr/^nonce: used/,
    'the text that it was admitted with');
$w->worknet('worker', 'expel', $one->{address});
refused(signed($one, $text), 403, qr/^nonce: used/,
    '... also when it was expelled since');
is(post(signed($one, text_of($one)))->{status}, 200,
    '... but it may ask again with a new one');
is(scalar @{ requests() }, 1, '... which the operator reads');

# ---- What isn't taken ----

$text = text_of($two, 'eu-west');
refused(signed($three, $text), 403, qr/^signature: not of this account/,
    'a signature of another address');
refused(signed($two, $text, message => $text->{message} =~
    s/worknet\.example\.org wants/evil.example wants/r), 403, qr/^signature/,
    'a text for another domain');
refused(signed($two, $text, message => $text->{message} =~
    s{URI: https://worknet\.example\.org}{URI: https://evil.example}r), 403,
    qr/^signature/, 'a text for another URI');
refused(signed($two, $text, message => $text->{message} =~
    s/Chain ID: 8453/Chain ID: 1/r), 403, qr/^signature/,
    'a text for another chain');
refused(signed($two, $text, region => 'us-east'), 403, qr/^signature/,
    'another region than signed');
refused(signed($two, $text, region => ''), 403, qr/^signature/,
    'no region where one was signed');
refused(signed($two, $text, address => $three->{address}), 403, qr/^nonce/,
    'a nonce that was another address\'s');
refused(signed($two, $text, nonce => '0' x 32), 403, qr/^nonce/,
    'a nonce that nobody was given');
refused(signed($two, $text, issuedAtMs => $text->{issuedAtMs} - 1000), 403,
    qr/^nonce/, 'another time than its nonce is of');
refused(signed($two, $text, issuedAtMs => $text->{issuedAtMs} + 1000), 403,
    qr/^expired/, 'a time that hasn\'t come');
refused({ %{ signed($two, $text) }, signature => '0x' . '00' x 65 }, 403,
    qr/^signature/, 'a signature of zeros');
my $low = $w->sign_text($two, $text->{message});
my $s = substr($low, 66, 64);
require Math::BigInt;
my $high = substr(Math::BigInt->from_hex(
    'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141')
    ->bsub(Math::BigInt->from_hex($s))->as_hex, 2);
$high = ('0' x (64 - length $high)) . $high;
refused({ %{ signed($two, $text) }, signature => substr($low, 0, 66) . $high .
    (substr($low, 130) eq '1b' ? '1c' : '1b') }, 403, qr/^signature.*s/,
    'the other form of its signature (EIP-2)');
refused({ %{ signed($two, $text) }, $_->[0] => $_->[1] }, 400, $_->[2],
    "$_->[3]") for [ address => 'me', qr/^address/, 'what is no address' ],
    [ address => substr($two->{address}, 0, -1) . 'Z', qr/^address/,
    'an address with a typo' ],
    [ region => '<script>alert(1)</script>', qr/^region/, 'a region that is a script' ],
    [ region => "eu\nURI: https://evil.example", qr/^region/, 'a region of two lines' ],
    [ region => "\x{202e}eu", qr/^region/, 'a region from right to left' ],
    [ region => 'x' x 33, qr/^region/, 'a region that is too long' ],
    [ nonce => "'; DROP TABLE join_request; --", qr/^expected/, 'a nonce that is SQL' ],
    [ issuedAtMs => '1', qr/^expected/, 'a time that is text' ],
    [ issuedAtMs => -1, qr/^expected/, 'a time before all times' ],
    [ signature => '0x12', qr/^signature/, 'a short signature' ],
    [ signature => [ 1 ], qr/^signature/, 'a signature that is a list' ];
refused($_->[0], 400, $_->[1], $_->[2]) for [ '', qr/invalid JSON/, 'nothing' ],
    [ '[]', qr/^address/, 'a list' ], [ '{"address":', qr/invalid JSON/, 'a half' ],
    [ '[' x 4000, qr/invalid JSON/, 'what is deep' ],
    [ "\xff\xfe", qr/invalid JSON/, 'what is no text' ];
refused({ %{ signed($two, $text) }, more => 'x' x 4096 }, 413, qr/too large/,
    'a body that is too large');
refused('x' x (300 * 1024), 413, qr/too large/, 'one that is far too large');
$c = $w->fcgi;
refused(signed($two, $text), 415, qr/Content-Encoding/, 'a compressed body',
    params => { HTTP_CONTENT_ENCODING => 'gzip' });
for (1 .. 2) {
	my $r = $c->get('/v1/join');
	is("$r->{status} $r->{headers}{allow}", '405 POST', 'it is a POST');
}
fits($c->get('/v1/join/text?address=0x12'), '/v1/join/text', 'get', 400,
    'who is no address has no text');
fits($c->get("/v1/join/text?address=$two->{address}&region=a%20b"),
    '/v1/join/text', 'get', 400, '... nor what is no region');
fits($c->get('/v1/join/0x12'), '/v1/join/{address}', 'get', 400,
    '... and nothing became of it');
$w->clock_set($T0 + 6000 + 600_000 + 1000);
refused(signed($two, $text), 403, qr/^expired/, 'what was signed is late');
$text = text_of($two, 'eu-west');
my $old = signed($two, $text);
$w->stop;
$w->start;
$c = $w->fcgi;
refused($old, 403, qr/^nonce/, 'a text of before a restart');

# ---- A crowd ----

# An address of a crowd asks, from there; the answer.
my $someone = 1000;
sub ask_from {
	my ($from, $worker) = @_;

	$worker //= $w->worker($someone++);
	local $remote = $from;
	return (post(signed($worker, text_of($worker))), $worker);
}

my @of_one = map { (ask_from("203.0.113.$_"))[0]{status} } 1 .. 9;
is("@of_one", '200 ' x 8 . '503', 'of one network eight ask, and no more');
my ($r) = ask_from('203.0.113.10');
like(fits($r, '/v1/join', 'post', 503, 'the next is refused')->{error},
    qr/of your network/, '... and told why');
is($r->{headers}{'retry-after'}, 3600, '... and to come another day');
my $member = $w->worker(1000);
$w->clock_set($w->time_ms + 1000);
is((ask_from('203.0.113.11', $member))[0]{status}, 200,
    'who asks already may ask anew');
is((ask_from('192.0.2.1'))[0]{status}, 200,
    '... and so may somebody of another network');
# Others fill what is left, of networks that have as many as may be.
$w->sql("WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n " .
    "WHERE i < 989) INSERT INTO join_request (address, network, region, " .
    "asked_ms) SELECT printf('0x%040x', 1048576 + i), printf('10.%d.0.0/24', " .
    "i / 8), '', " . ($w->time_ms - 5000) . " + i FROM n");
is($w->sql_value('SELECT count(*) FROM join_request'), 1000, 'the table is full');
my ($answer, $new) = ask_from('192.0.2.99');
is($answer->{status}, 200, 'one of a network with few still finds a place');
is($w->sql_value('SELECT count(*) FROM join_request'), 1000,
    '... of a network with many');
is($w->sql_value("SELECT max(n) FROM (SELECT count(*) AS n FROM join_request " .
    "WHERE network = '10.0.0.0/24')"), 7, '... whose newest gave way');
is($w->sql_value("SELECT count(*) FROM join_request WHERE address = " .
    "'0x0000000000000000000000000000000000100000'"), 1,
    '... and whose first didn\'t');
$w->sql("UPDATE join_request SET network = address WHERE network LIKE '10.%' OR network LIKE '203.%'");
is((ask_from('192.0.2.100'))[0]{status}, 503,
    'where all networks have few, nobody is thrown out');
$w->clock_set($w->time_ms + 30 * $DAY + 1000);
is_deeply(requests(), [], 'after 30 days nobody asks any more');
is((ask_from('192.0.2.100'))[0]{status}, 200, '... and there is room');
is($w->sql_value('SELECT count(*) FROM join_request'), 1,
    '... since what is old is gone');

# ---- A clock that was ahead ----

{
	my $ahead = $w->worker($someone++);

	$w->clock_set($w->time_ms + 365 * $DAY);
	is((ask_from('192.0.2.101', $ahead))[0]{status}, 200,
	    'somebody asks while the clock is a year ahead');
	$w->clock_set($w->time_ms - 365 * $DAY + 1000);
	is(json_value($c->get("/v1/join/$ahead->{address}")->{body})->{state},
	    'unknown', '... which isn\'t believed when it is set back');
	is((ask_from('192.0.2.102'))[0]{status}, 200, 'another one asks');
	is($w->sql_value('SELECT count(*) FROM join_request WHERE asked_ms > ' .
	    ($w->time_ms + $DAY)), 0, '... by which it is forgotten');
	is((ask_from('192.0.2.101', $ahead))[0]{status}, 200,
	    '... and it may ask anew');
	$w->sql("DELETE FROM join_request WHERE address <> (SELECT address " .
	    'FROM join_request LIMIT 1)');
}

# ---- Where everybody may work, and where nobody can ask ----

$w->stop;
$w->{conf}{admission}{mode} = 'open';
$w->conf_write;
$w->start;
$c = $w->fcgi;
$is = json_value(post(signed($two, text_of($two, 'eu-west')))->{body});
is($is->{state}, 'open', 'where everybody may work nobody needs to ask');
is($w->sql_value('SELECT count(*) FROM join_request'), 1,
    '... and nothing is kept of who does');
refused(signed($three, text_of($two)), 403, qr/^signature/,
    '... but what isn\'t signed');
$w->stop;
$w->{conf}{pages}{origin} = 'https://<b>.example';
$w->conf_write;
$w->start;
$c = $w->fcgi;
like(fits($c->get("/v1/join/text?address=$two->{address}"), '/v1/join/text',
    'get', 404, 'without a name of this host there is no text')->{error},
    qr/\[pages\] origin/, '... and the operator is told what to set');
unlike($c->get('/join')->{body}, qr/<script/, '... nor a script');
$w->{conf}{pages} = { show => 'no', origin => $ORIGIN };
$w->conf_write;
$w->stop;
$w->start;
$c = $w->fcgi;
is($c->get("/v1/join/text?address=$two->{address}")->{status}, 404,
    'without pages there is nothing to join');
is(post('{}')->{status}, 404, '... by any method');
is($w->stop, 0, 'the coordinator stops');
$w->log_ok;
$w->audit_ok('after all that');

done_testing;
