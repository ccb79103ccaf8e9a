#!/usr/bin/perl
# The operator's commands about payouts, and the audit of payouts: each change
# around the guards is found, under the name of the rule that it breaks. No
# chain is needed: make_payouts books what one would have said.
# WN_BUILDDIR says where the programs are (default: here).
use strict;
use warnings;
use File::Basename 'dirname';
use IO::Socket::INET;
use JSON::PP;
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;

for my $name (qw(worknet make_ledger make_payouts)) {
	plan skip_all => "$name isn't built" unless program($name);
}
plan skip_all => 'no sqlite3 shell' if system('sqlite3 -version >/dev/null');
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 600;

my $db = "$Dir/ledger.db";
my $conf = write_file("$Dir/worknet.conf", "[ledger]\npath = ledger.db\n" .
    "[payout]\nnetwork = base-sepolia\n");
my $plain = write_file("$Dir/plain.conf", "[ledger]\npath = ledger.db\n");

sub wn { worknet('-c', $conf, @_) }

# Its JSON document; the command must succeed.
sub told {
	my $r = wn(@_, '--json');
	is($r->{code}, 0, "worknet @_: exit code 0") or diag($r->{err});
	my $json = json_of($r);
	ok($json, "worknet @_: --json is a document") or diag($r->{out});
	return $json || {};
}

# Exit code, and standard error that matches.
sub exits {
	my ($r, $code, $err, $name) = @_;
	ok($r->{code} eq $code && $r->{err} =~ $err, $name) or
	    diag("code $r->{code}\nout $r->{out}\nerr $r->{err}");
}

# Feeds commands to make_payouts; what it printed.
sub payouts {
	my ($commands, @options) = @_;
	my $in = write_file("$Dir/commands", $commands);
	my $program = program('make_payouts');
	my $out = `\Q$program\E --db \Q$db\E @options <\Q$in\E 2>&1`;
	die "make_payouts: $out" if $?;
	return $out;
}

make_ledger($db, '--results', 200, '--seed', 7);
my ($alice, $bob, $carol, $dave) = map { $_->[0] } sql_rows($db,
    'SELECT address FROM worker JOIN account USING (id) ORDER BY id;');
my $now = time;

# ---- Before the first payout ----

is_deeply(told('payout', 'list')->{payouts}, [], 'there are no payouts yet');
like(wn('payout', 'list')->{out}, qr/^no payouts$/m, 'people are told so');
is_deeply(told('payout', 'holds')->{holds}, [], 'nobody is held yet');
is_deeply(told('finding', 'list')->{findings}, [], 'there are no findings yet');
exits(wn('payout', 'show', 1), 1, qr/no payout has the number 1/,
    'a payout that is not there: code 1');
exits(wn('payout', 'explain', 1), 1, qr/no payout has the number 1/,
    'nothing to explain: code 1');
exits(wn('payout', 'explain', 'x'), 2, qr/expected a whole number/,
    'a payout has a number');
exits(wn('payout', 'list', '--worker', '0x12'), 2, qr/0x12/,
    'no address: code 2');
exits(wn('payout', 'list', '--worker', '0x' . '11' x 20), 1,
    qr/unknown worker/, 'a stranger: code 1');
exits(wn('payout', 'list', '--limit', 1, '--all'), 2, qr/not both/,
    '--limit and --all do not go together');
for my $command ('payout list', 'payout show', 'payout explain',
    'payout hold', 'payout release', 'payout holds', 'treasury',
    'finding list', 'finding close') {
	my $r = worknet(split(/ /, $command), '--help');
	ok($r->{code} eq '0' && $r->{out} =~ /^usage: .*\Q$command\E/ &&
	    $r->{out} =~ /Exit codes/, "$command has help");
}
like(worknet('payout', '--help')->{out}, qr/payout explain/,
    'payout --help lists its commands');

# ---- Payouts of every kind ----

# Alice: a cap, then the rest, then nothing more was sent yet.
payouts(<<"EOT", '--now', $now * 1000);
reserve $alice 500
sign 1
submit 1 https://facilitator.example/settle
answer 1 settled: HTTP 200, 812 ms
note 1 one node is silent
post 1 0
final 1
reserve $alice 0
sign 2
submit 2 https://facilitator.example/settle
reserve $bob 0
sign 3
submit 3 https://facilitator.example/settle
answer 3 ambiguous: timeout
void 3 block 100 is final and past its end, and the nonce is unused
reserve $bob 0
sign 4
submit 4 https://facilitator.example/settle
post 4 0
unpost 4
post 4 0
reserve $carol 300
EOT

my $list = told('payout', 'list');
is($list->{total}, 5, 'every payout is counted');
is(join(' ', map { $_->{state} } @{ $list->{payouts} }),
    'reserved posted voided submitted final', 'the newest comes first');
is(join(' ', map { $_->{seq} } @{ $list->{payouts} }), '1 1 1 2 1',
    'each has its number among the worker\'s');
is(scalar @{ told('payout', 'list', '--open')->{payouts} }, 3,
    '--open leaves out final and voided ones');
is(told('payout', 'list', '--worker', $bob)->{total}, 2,
    '--worker shows those of one worker');
my $short = told('payout', 'list', '--limit', 1);
is(scalar @{ $short->{payouts} }, 1, '--limit shortens the list');
like(wn('payout', 'list', '--limit', 1)->{out}, qr/1 of 5 payouts; --all/,
    'and people are told so');
is($list->{payouts}[3]{transaction}, undef,
    'what is not paid has no transaction');
like($list->{payouts}[4]{transaction}, qr/^0x[0-9a-f]{64}$/,
    'what is paid has one');
my ($posted) = grep { $_->{id} == 4 } @{ $list->{payouts} };
my ($again) = sql_rows($db, "SELECT max(at_ms) FROM payout_event " .
    "WHERE payout = 4 AND kind = 'posted';");
is($posted->{sinceMs}, $again->[0], 'since is when it was posted again');

my $show = told('payout', 'show', 1);
is($show->{state}, 'final', 'show tells the state');
is($show->{validBefore}, int($now + 3601), 'show tells the validity');
like($show->{signature}, qr/^0x\w{6}\.\.\.\w{6}$/,
    'show shortens the signature');
like($show->{nonce}, qr/^0x[0-9a-f]{64}$/, 'show tells the nonce');
is(join(' ', map { $_->{kind} } @{ $show->{events} }), 'reserved verified ' .
    'signed submitted answered chain posted final',
    'show lists the events');
is(told('payout', 'show', 5)->{signed}, JSON::PP::false,
    'what is only reserved is not signed');
like(wn('payout', 'show', 5)->{out}, qr/^authorization: +not signed$/m,
    'people are told so');

# ---- explain ----

# The statement adds up, and each line is the sum of its checks.
sub adds_up {
	my ($id, $x) = @_;
	my ($sum, %by) = (0);
	$by{$_->{transfer}} += $_->{rewardMicros} for @{ $x->{checks} };
	$sum += $_->{micros} for @{ $x->{lines} };
	is($x->{linesMicros}, $sum, "payout $id: its lines make their sum");
	is($x->{leftMicros} + $sum - $x->{staysMicros}, $x->{amountMicros},
	    "payout $id: what was left and the lines make the amount");
	is_deeply({ map { $_->{transfer} => $_->{micros} } grep {
	    $_->{kind} eq 'credit' } @{ $x->{lines} } }, \%by,
	    "payout $id: each credit is the sum of its checks");
}

my $x = told('payout', 'explain', 1);
adds_up(1, $x);
cmp_ok(scalar @{ $x->{lines} }, '>', 1, 'payout 1: there are credits');
like($x->{link}, qr{^https://sepolia\.basescan\.org/tx/0x[0-9a-f]{64}$},
    'payout 1: a link of the network');
my $text = wn('payout', 'explain', 1)->{out};
like($text, qr/A cap of the operator allowed 0\.000500 USDC/,
    'payout 1: people are told of the cap');
like($text, qr/until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d/,
    'payout 1: validity is a time');
like($text, qr/the answer, .*: settled: HTTP 200/, 'payout 1: the answer');
like($text, qr/looked at the chain: one node is silent/,
    'payout 1: what the chain said');
my $left = $x->{staysMicros};
$x = told('payout', 'explain', 2);
adds_up(2, $x);
is($x->{leftMicros}, $left, 'payout 2: begins with what payout 1 left');
is($x->{link}, undef, 'payout 2: no link before the chain shows it');
like(wn('payout', 'explain', 2)->{out}, qr/that payout 1 had left/,
    'payout 2: people are told so');
adds_up(3, told('payout', 'explain', 3));
$x = told('payout', 'explain', 4);
adds_up(4, $x);
is_deeply([ map { $_->{kind} } @{ $x->{lines} } ], ['void'],
    'payout 4: pays what came back from payout 3');
like(wn('payout', 'explain', 4)->{out}, qr/came back from payout 3/,
    'payout 4: people are told so');
adds_up(5, told('payout', 'explain', 5));
like(worknet('-c', $plain, 'payout', 'explain', 1)->{out},
    qr/^transaction: +0x/m, 'without a network there is no link, but a hash');
my $custom = write_file("$Dir/custom.conf", "[ledger]\npath = ledger.db\n" .
    "[payout]\nnetwork = base\n");
unlike(worknet('-c', $custom, 'payout', 'explain', 1)->{out}, qr/^link/m,
    "another chain's explorer is not linked");

# ---- hold, release ----

is(told('payout', 'hold', $alice, '--reason', 'asks for "another" key')
    ->{done}, 'held', 'a worker can be held');
is(told('payout', 'hold')->{address}, undef, 'everybody can be held');
payouts("chainhold $bob Blacklistable: account is blacklisted\n");
my $holds = told('payout', 'holds')->{holds};
is_deeply([ map { lc($_->{who}) . " $_->{by} $_->{reason}" } @$holds ], [
    'everybody operator held by the operator',
    "$alice operator asks for \"another\" key",
    "$bob chain Blacklistable: account is blacklisted" ],
    'holds tells whom, by whom and why');
is((sql_rows($db, 'SELECT count(*) FROM hold WHERE worker = 0;'))[0][0], 1,
    'a run sees that everybody is held');
is(told('payout', 'release')->{done}, 'released', 'everybody is released');
told('payout', 'release', $alice);
like(wn('payout', 'release', $bob)->{out},
    qr/wasn't held by you.*still held by the chain/s,
    'what the chain holds stays held');
is(scalar @{ told('payout', 'holds')->{holds} }, 1, 'and is all that is left');
exits(wn('payout', 'hold', '0x' . '11' x 20), 1, qr/unknown worker/,
    'a stranger can not be held');
exits(wn('payout', 'hold', $alice, '--reason', 'x' x 300), 2, qr/--reason/,
    'a reason has its limits');

# ---- treasury ----

my $r = worknet('-c', $plain, 'treasury');
exits($r, 1, qr/\[payout\] network: not set/,
    'without [payout] treasury says what is missing');
like($r->{out}, qr/^owed to workers: +\d+\.\d{6} USDC$/m,
    'and shows what the ledger knows');
$r = wn('treasury', '--json');
exits($r, 1, qr/rpc_urls/, 'without nodes it says so');
my $t = json_of($r);
is($t->{addressFrom}, 'newest payout', 'the address comes from the ledger');
is($t->{balanceMicros}, undef, 'the balance is not known');
is($t->{inFlightMicros}, (sql_rows($db,
    'SELECT balance_micros FROM account WHERE id = 2;'))[0][0],
    'what is in flight is');
is($t->{owedMicros}, (sql_rows($db,
    'SELECT sum(balance_micros) FROM account WHERE id > 3;'))[0][0],
    'what is owed is');
is(scalar @{ $t->{earned} }, 7, 'seven days are told');
my $earned = 0;
$earned += $_->{earnedMicros} for @{ $t->{earned} };
is($earned, (sql_rows($db, "SELECT sum(amount_micros) FROM transfer " .
    "WHERE kind = 'credit';"))[0][0], 'what was earned in them');
my $hex = '0x' . '0' x 63 . '1';
my $key = write_file("$Dir/treasury.key", "$hex\n");
chmod 0600, $key;

# A node that has the token; balance in micro-USDC.
sub node {
	my ($balance, %word) = @_;
	my $listen = IO::Socket::INET->new(Listen => 20,
	    LocalAddr => '127.0.0.1', ReuseAddr => 1) or die $!;
	my $pid = fork;
	die unless defined $pid;
	if ($pid == 0) {
		alarm 60;
		$word{'0x3644e515'} = '71f17a3b2ff373b803d70a5a07c046c1a2bc8e8' .
		    '9c09ef722fcb047abe94c9818';
		$word{'0x70a08231'} = sprintf '%064x', $balance;
		$word{'0x06fdde03'} = sprintf '%064x%064x%-64s', 32, 4,
		    unpack('H*', 'USDC') . '0' x 56;
		$SIG{CHLD} = 'IGNORE';
		while (1) {
			my $c = $listen->accept or next;
			next if fork;
			my ($len, $body) = (0, '');
			while (my $line = <$c>) {
				$len = $1 if $line =~ /^content-length: (\d+)/i;
				last if $line =~ /^\r?\n$/;
			}
			read $c, $body, $len;
			my $in = decode_json($body);
			my @out = map { +{ jsonrpc => '2.0', id => $_->{id},
			    result => answer($_, \%word) } }
			    ref $in eq 'ARRAY' ? @$in : $in;
			my $text = encode_json(ref $in eq 'ARRAY' ? \@out :
			    $out[0]);
			print $c "HTTP/1.1 200 OK\r\nContent-Type: " .
			    "application/json\r\nConnection: close\r\n" .
			    'Content-Length: ' . length($text) .
			    "\r\n\r\n$text";
			close $c;
			exit 0;
		}
	}
	return ($pid, 'http://127.0.0.1:' . $listen->sockport);
}

# Of the node's only block, which is the newest one and final.
my $BLOCK_TIME = time;

sub answer {
	my ($call, $word) = @_;
	return '0x14a34' if $call->{method} eq 'eth_chainId';
	return '0x' if $call->{method} eq 'eth_getCode';
	return { number => '0x64', timestamp => sprintf('0x%x', $BLOCK_TIME),
	    hash => '0x' . 'ab' x 32 } if $call->{method} =~ /^eth_getBlock/;
	my $selector = substr $call->{params}[0]{data}, 0, 10;
	return '0x' . ($word->{$selector} || '0' x 64);
}

sub treasury {
	my ($balance, $word, @options) = @_;
	my ($pid, $url) = node($balance, %$word);
	my $c = write_file("$Dir/chain.conf", "[ledger]\npath = ledger.db\n" .
	    "[payout]\nnetwork = base-sepolia\nrpc_urls = $url\n" .
	    "treasury_key_file = treasury.key\n");
	my $answer = worknet('-c', $c, 'treasury', @options);
	kill 'TERM', $pid;
	waitpid $pid, 0;
	return $answer;
}

$r = treasury(50_000_000, {}, '--json');
exits($r, 0, qr/^$/, 'a node tells the balance');
$t = json_of($r);
is($t->{balanceMicros}, 50_000_000, 'which is told');
is($t->{addressFrom}, 'key file', 'of the key that pays');
is(lc $t->{treasury}, '0x7e5f4552091a69125d5dfcb7b8c2659029395bdf',
    'whose address is right');
is($t->{spareMicros}, 50_000_000 - $t->{owedMicros} - $t->{inFlightMicros},
    'what is left after all is paid');
is($t->{days}, int($t->{spareMicros} / $t->{perDayMicros}),
    'and how many days it lasts');
like(treasury(50_000_000, {})->{out}, qr/^lasts: +\d+\.\d more days at that rate$/m,
    'people are told so');
like(treasury(1, {})->{out}, qr/^lasts: +not at all/m,
    'a treasury that is too poor is called so');

# The same for worknet doctor, in a word.
sub doctor_of {
	my ($balance, $word) = @_;
	my ($pid, $url) = node($balance, %$word);
	my $c = write_file("$Dir/chain.conf", "[ledger]\npath = ledger.db\n" .
	    "[payout]\nnetwork = base-sepolia\nrpc_urls = $url\n" .
	    "treasury_key_file = treasury.key\n");
	my ($probe) = grep { $_->{check} eq 'treasury' } @{ json_of(worknet(
	    '-c', $c, 'doctor', '--json', '--payout', $c))->{checks} };

	kill 'TERM', $pid;
	waitpid $pid, 0;
	return ($probe->{ok} ? 'ok: ' : 'bad: ') . $probe->{detail};
}
like(doctor_of(50_000_000, {}),
    qr/^ok: it has 50\.000000 USDC, .* it lasts for \d+ days$/,
    'doctor finds a treasury that lasts well');
like(doctor_of($t->{owedMicros} + $t->{inFlightMicros} + $t->{perDayMicros}, {}),
    qr/^bad: its \S+ USDC last for less than 3 days: send it more/,
    'and one that soon will be');
like(treasury(1, { '0x5c975abb' => '0' x 63 . '1' })->{out},
    qr/the token is paused/, 'a paused token is told');
is(json_of(treasury(1, {}, '--json', '--address', $alice))->{addressFrom},
    '--address', 'an address can be given');
exits(wn('treasury', '--address', 'x'), 2, qr/--address/,
    'but must be one');
SKIP: {
	skip 'only root sees this', 1 if $> != 0;
	chmod 0644, $key;
	is(json_of(treasury(1, {}, '--json'))->{addressFrom}, 'newest payout',
	    'a key that others can read is not read');
	chmod 0600, $key;
}
write_file($key, '{"version":3,"address":"7e5f4552091a69125d5dfcb7b8c2659029' .
    '395bdf","crypto":{"kdf":"scrypt","ciphertext":"nobody deciphers this"}}');
$r = treasury(1, {}, '--json');
is(json_of($r)->{addressFrom} . ' ' . lc json_of($r)->{treasury},
    'key file 0x7e5f4552091a69125d5dfcb7b8c2659029395bdf',
    'a keystore isn\'t decrypted: it says its address, and no passphrase is there');
write_file($key, "$hex\n");

# ---- The audit ----

my $clean = "$Dir/clean.db";
my $forged = "$Dir/forged.db";
my $forged_conf = write_file("$Dir/forged.conf",
    "[ledger]\npath = forged.db\n");

sub audit {
	my ($c) = @_;
	my $answer = worknet('-c', $c, 'audit', '--json');
	$answer->{json} = json_of($answer);
	$answer->{rules} = join ' ', sort map { $_->{rule} } grep {
	    $_->{found} > 0 } @{ $answer->{json}{rules} || [] };
	return $answer;
}

$r = audit($conf);
is("$r->{code} $r->{rules}", '0 ', 'payouts of every kind are clean') or
    diag($r->{out});
my %checked = map { $_->{rule} => $_->{checked} } @{ $r->{json}{rules} };
is($checked{'payout-steps'}, 5, 'every payout was looked at');
is($checked{'event-chain'}, (sql_rows($db,
    'SELECT count(*) FROM payout_event;'))[0][0],
    'every event was looked at');
is($checked{'payout-transfer'}, (sql_rows($db, "SELECT count(*) " .
    "FROM transfer WHERE kind <> 'credit';"))[0][0],
    'every transfer of a payout was looked at');

# What the chain paid differs; a payout was lost in a restore, and one before
# it that nobody settled.
payouts(<<"EOT", '--now', ($now + 100) * 1000);
sign 5
submit 5 https://facilitator.example/settle
post 5 200
adopt $dave 2 77777
adopt $carol 3 100
EOT
is(audit($conf)->{rules}, 'exceptions',
    'amounts that differ and lost payouts are exceptions, and nothing else');
my $found = told('finding', 'list')->{findings};
is(join(', ', map { $_->{kind} } @$found),
    'amount differs, payout lost, payout lost', 'findings are listed');
like(worknet('-c', $conf, 'status')->{out}, qr/see worknet finding list/,
    'status says where to look');
$x = told('payout', 'explain', 6);
adds_up(6, $x);
is($x->{adopted}, JSON::PP::true, 'an adopted payout is called one');
like(wn('payout', 'explain', 6)->{out}, qr/was restored from a copy/,
    'and explained');
like(wn('payout', 'show', 6)->{out}, qr/^authorization: +lost/m,
    'it has no authorization');
like(wn('payout', 'explain', 5)->{out}, qr/the chain differs/,
    'an amount that differs is told');
is(told('finding', 'close', $_->{id})->{done}, 'closed',
    "finding $_->{id} is closed") for @$found;
exits(wn('finding', 'close', 1), 1, qr/closed already/,
    'a finding is closed once');
exits(wn('finding', 'close', 99), 1, qr/no finding has the number 99/,
    'a finding that is not there: code 1');
exits(wn('finding', 'close', 'x'), 2, qr/finding's number/,
    'a finding has a number');
is_deeply(told('finding', 'list')->{findings}, [],
    'closed ones are not listed');
is(scalar @{ told('finding', 'list', '--all')->{findings} }, 3,
    'but with --all');
is(audit($conf)->{rules}, '', 'closed findings are no exceptions');

sql_run($db, "VACUUM INTO '$clean';");

# The change is found, and only as breaking these rules; anew: with all
# hashes made again by somebody who knows how.
sub finds {
	my ($name, $rules, $sql, %o) = @_;
	forge($clean, $forged, $sql, rechain => $o{anew},
	    unchecked => $o{unchecked});
	if ($o{anew}) {
		my $program = program('make_payouts');
		my @hashes = `\Q$program\E --db \Q$forged\E --hashes`;
		(my $sql_guard = (sql_rows($clean, "SELECT hex(sql) FROM " .
		    "sqlite_schema WHERE name = 'payout_event_no_update';"
		    ))[0][0]) =~ s/(..)/chr hex $1/ge;
		sql_run($forged, 'DROP TRIGGER payout_event_no_update; BEGIN;' .
		    join('', map { /^(\d+) 0x(\w+)$/ or die; "UPDATE " .
		    "payout_event SET hash = X'$2' WHERE id = $1;" } @hashes) .
		    "COMMIT; $sql_guard;");
	}
	my $answer = audit($forged_conf);
	is("$answer->{code}: $answer->{rules}", ($rules eq '' ? 0 : 1) .
	    ": $rules", $name) or diag($answer->{out}, $answer->{err});
	like($answer->{out}, $o{says}, "$name: it says what") if $o{says};
}

my @anew = (anew => 1);
finds('nothing changed, hashes made anew', '', '', @anew);
finds('the detail of an event changed', 'event-chain',
    "UPDATE payout_event SET detail = 'x' WHERE id = 5;",
    says => qr/event 5: its hash is of other values/);
finds('the transaction of an event changed', 'event-chain',
    "UPDATE payout_event SET tx = NULL WHERE id = 5;");
finds('the last event deleted', 'payout-steps',
    'DELETE FROM payout_event WHERE id = (SELECT max(id) ' .
    'FROM payout_event);', says => qr/its events leave it posted/);
finds('an event in the middle deleted', 'event-chain payout-steps',
    "DELETE FROM payout_event WHERE payout = 1 AND kind = 'final';");
finds('a payout set back to submitted', 'exceptions payout-money payout-steps',
    "UPDATE payout SET state = 'submitted' WHERE id = 4;",
    says => qr/payout 4: is submitted, its events leave it posted/);
finds('a payout said to be paid more', 'exceptions payout-money',
    'UPDATE payout SET paid_micros = paid_micros + 1 WHERE id = 1;');
finds('a payout of another amount', 'payout-money payout-seal',
    'UPDATE payout SET amount_micros = amount_micros + 1 WHERE id = 1;',
    says => qr/reserved were 500/);
finds('what was verified before a payout changed', 'payout-seal',
    'UPDATE payout SET verified_micros = verified_micros + 1 WHERE id = 2;',
    says => qr/payout 2: it isn't what its treasury sealed/);
finds('a payout given to another worker',
    'payout-money payout-nonce payout-seal payout-seq',
    "UPDATE payout SET worker = (SELECT id FROM worker
    WHERE address = '$dave'), seq = 9 WHERE id = 1;",
    says => qr/is of another worker/);
for my $change (["nonce = '0x" . 'ab' x 32 . "'"], ['chain_id = 1'],
    ["token = '0x" . '12' x 20 . "'"],
    ["treasury = '0x" . '12' x 20 . "'", ' payout-seal']) {
	my ($field, $more) = (@$change, '');
	finds("a payout changed: $field", "payout-nonce$more",
	    "UPDATE payout SET $field WHERE id = 2;",
	    says => qr/payout 2: its nonce doesn't follow from what it pays/);
}
for my $change (['nonce = upper(nonce)'], ["token = 'x'", ' payout-seal']) {
	my ($field, $more) = (@$change, '');
	finds("a payout changed: $field", "file payout-nonce$more",
	    "UPDATE payout SET $field WHERE id = 2;", unchecked => 1,
	    says => qr/payout 2: its nonce doesn't follow from what it pays/);
}
finds('a number left out', 'payout-nonce payout-seal payout-seq',
    'UPDATE payout SET seq = 5 WHERE id = 2;',
    says => qr/payout 2: no. 5 .* follows no. 1/);
finds('a number taken again that was canceled, hashes made anew', 'payout-seq',
    "UPDATE payout_event SET tx = (SELECT tx FROM payout_event
    WHERE payout = 1 AND kind = 'posted')
    WHERE payout = 3 AND kind = 'voided';", @anew,
    says => qr/payout 4: no. 1 .* follows no. 1/);
finds('an authorization deleted', 'payout-steps',
    'DELETE FROM authorization WHERE payout = 2;',
    says => qr/payout 2: was signed, but has no authorization/);
finds('the finding of an adopted payout deleted', 'payout-seq payout-steps',
    "DELETE FROM finding WHERE subject = 'payout 6';");
finds('the finding of another amount deleted', 'payout-money',
    "DELETE FROM finding WHERE subject = 'payout 5';",
    says => qr/payout 5: paid 200 of 300/);
finds('a payout sent before it was signed, hashes made anew', 'payout-steps',
    "UPDATE payout_event SET kind = 'submitted', detail = 'x'
    WHERE payout = 1 AND kind = 'signed';", @anew);
finds('a posting taken twice', 'event-chain payout-money payout-transfer',
    "UPDATE payout_event SET transfer = (SELECT transfer FROM payout_event
    WHERE payout = 1 AND kind = 'posted')
    WHERE payout = 2 AND kind = 'submitted';");
finds('an event without its transfer, hashes made anew',
    'payout-money payout-transfer',
    "UPDATE payout_event SET transfer = NULL
    WHERE payout = 1 AND kind = 'posted';", @anew,
    says => qr/is no credit, and no event of a payout made it/);
finds('an event of a payout that does not exist, hashes made anew',
    'file payout-steps',
    "UPDATE payout_event SET payout = 77 WHERE payout = 1
    AND kind = 'answered';", @anew);
my $carols = "(SELECT id FROM worker WHERE address = '$carol')";
my $next = '(SELECT max(id) + 1 FROM transfer)';
finds('money paid out without a payout, hashes made anew',
    'exceptions payout-money payout-transfer',
    "INSERT INTO transfer SELECT $next, at_ms, 'post', 2, 3, 7, hash, format
    FROM transfer ORDER BY id DESC LIMIT 1;
    UPDATE account SET balance_micros = balance_micros - 7 WHERE id = 2;
    UPDATE account SET balance_micros = balance_micros + 7 WHERE id = 3;",
    @anew);
finds('credit recovered for nothing, hashes made anew', 'payout-transfer',
    "INSERT INTO transfer SELECT $next, at_ms, 'recover', 1, $carols, 7, hash, format
    FROM transfer ORDER BY id DESC LIMIT 1;
    UPDATE account SET balance_micros = balance_micros - 7 WHERE id = 1;
    UPDATE account SET balance_micros = balance_micros + 7
    WHERE id = $carols;", @anew);
finds('more credit recovered than was missing, hashes made anew',
    'payout-money',
    "UPDATE transfer SET amount_micros = amount_micros + 7 WHERE id =
    (SELECT transfer FROM payout_event WHERE payout = 6
    ORDER BY id LIMIT 1);
    UPDATE account SET balance_micros = balance_micros - 7 WHERE id = 1;
    UPDATE account SET balance_micros = balance_micros + 7
    WHERE id = (SELECT worker FROM payout WHERE id = 6);", @anew,
    says => qr/recovered more than was missing/);
finds('credit recovered that no payment took, hashes made anew',
    'payout-money payout-steps',
    "INSERT INTO transfer SELECT $next, at_ms, 'recover', 1, $carols, 7, hash, format
    FROM transfer ORDER BY id DESC LIMIT 1;
    UPDATE account SET balance_micros = balance_micros - 7 WHERE id = 1;
    UPDATE account SET balance_micros = balance_micros + 7
    WHERE id = $carols;
    INSERT INTO payout_event SELECT (SELECT max(id) + 1 FROM payout_event), 7,
    at_ms, 'chain', (SELECT max(id) FROM transfer), NULL, NULL, 'x', hash, format
    FROM payout_event WHERE id = 1;", @anew,
    says => qr/recovered credit that wasn't paid/);

done_testing;
