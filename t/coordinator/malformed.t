#!/usr/bin/perl
# 10,000 malformed bodies and queries: always a 4xx that says why or a reason
# for each result, never a 5xx, and never a credit.
# WN_SEED repeats a run.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(need_program json_text json_value http_raw http_read);

need_program('sqlite3', 'nginx');

my $SEED = $ENV{WN_SEED} // int(rand(2 ** 31));
my $BODIES = 7000;
my $QUERIES = 3000;
my $THROUGH_NGINX = 400;

srand($SEED);
diag("WN_SEED=$SEED repeats this run");

sub pick { return $_[rand @_] }
sub bytes { return join('', map { chr int rand 256 } 1 .. $_[0]) }

# ---- Results that would earn, to be spoilt ----

my $w = WorknetTest->new->past(60)->init;
my $one = $w->worker(1);
$w->hand_out(['task', 'other.task:2'], [ $one ], 10);
$w->now;
my @good = map { $w->result($one, $w->take($one), timestamp => $w->fresh_ms,
    error => 'said "no"') } 1 .. 20;

my @FIELDS = qw(taskId workerAddress timestamp success signature
    responseTimeMs statusCode error);
my @REQUIRED = @FIELDS[0 .. 4];

# A good result, as it is, and with one field's value as that JSON text.
sub good { return { %{ pick(@good) } } }
sub good_text { return json_text(good()) }

sub with {
	my ($field, $value) = @_;
	my $result = good();

	$result->{$field} = 'PUT HERE';
	my $text = json_text($result);
	my $at = index($text, '"PUT HERE"');
	return substr($text, 0, $at) . $value . substr($text, $at + 10);
}

# Puts bytes into a string of a result: at some place behind its first quote.
sub inside {
	my ($field, $bytes) = @_;
	my $value = good()->{$field};
	my $at = int rand(1 + length $value);

	return with($field, '"' . (substr($value, 0, $at) =~
	    s/"/\\"/gr) . $bytes . (substr($value, $at) =~ s/"/\\"/gr) . '"');
}

my @STRINGS = qw(taskId workerAddress signature error);
my @NUMBERS = qw(timestamp responseTimeMs statusCode);
my $INVALID_JSON = qr/^400 \{"error":"invalid JSON"\}$/;
my $NO_ARRAY = qr/^400 \{"error":"results must be non-empty array"\}$/;

# All results refused: the list of their errors.
sub refused {
	my ($errors) = @_;
	my $nothing = qr/\{"accepted":0,"earned":"0\.000000"/;

	return qr/^200 $nothing,"errors":\[$errors\]\}$/;
}

# One result with that reason.
sub reason { return refused(qr/"[A-Za-z0-9_.:#-]{1,64}: (?:$_[0])"/) }

# n results, each with that error.
sub each_of {
	my ($n, $error) = @_;
	my $more = $n - 1;

	return refused(qr/"$error"(?:,"$error"){$more}/);
}

# Not JSON numbers as a result needs them; the second half isn't JSON at all.
sub number_text {
	return pick('-1', '-0', '1.5', '0.0', '1e3', '1E+2', '1e-7', '1e308',
	    '1e99999', '-1e400', '9007199254740992', '9223372036854775808',
	    '18446744073709551616', '9' x (17 + rand 400), '0.' . '0' x 300 .
	    '1', '1' . '0' x int(17 + rand 3000));
}

# ---- Bodies: each gives the body, what must be answered, and options ----

my %bodies = (
	'truncated anywhere' => sub {
		my $text = '[' . join(',', map { good_text() } 1 .. 1 +
		    rand 3) . ']';
		return (substr($text, 0, int rand length $text),
		    $INVALID_JSON);
	},
	'nested 10,000 deep' => sub {
		my $open = pick('[', '{"a":', '[{"taskId":', '[[[{"a":[',
		    '[{"error":[');
		my $deep = $open x 10000;
		$deep .= pick('', ']' x 10000, '}' x 10000, '1');
		$deep = '[' . with('error', $deep) . ']' if rand() < 0.3;
		return ($deep, qr/$INVALID_JSON|$NO_ARRAY|^200 .*"accepted":0/);
	},
	'nested instead of a value' => sub {
		my $n = 1 + int rand 50;
		my $field = pick(@FIELDS);
		return ('[' . with($field, '[' x $n . ']' x $n) . ']',
		    reason("wrong type: $field"));
	},
	'much declared, little sent' => sub {
		my $text = '[' . good_text();
		return (substr($text, 0, int rand 1 + length $text),
		    qr/^413 \{"error":"body too large"\}$/,
		    length => pick(104857600, 262145, 2147483648,
		    9223372036854775807, '9' x 40));
	},
	'more declared than sent' => sub {
		my $text = '[' . good_text() . ']';
		return (substr($text, 0, int rand length $text),
		    qr/^400 \{"error":"body shorter than declared"\}$/,
		    length => length($text) + int rand 1000);
	},
	'a length that is none' => sub {
		return ('[' . good_text(), $INVALID_JSON, length => pick('',
		    'x', '-5', '0x10', '12 ', "\t1", '1e3', '+7', 'NaN'));
	},
	'too large' => sub {
		return (pick(' ', '[', 'x', "\0") x (262145 + rand 5000),
		    qr/^413 \{"error":"body too large"\}$/);
	},
	'duplicate keys' => sub {
		my $field = pick(@FIELDS);
		my $result = good();
		my $again = json_text(pick($result->{$field}, good()->{$field},
		    1, undef, 'x'));
		my $text = json_text($result);
		$text = rand() < 0.5 ? $text =~ s/\}$/,"$field":$again}/r :
		    $text =~ s/^\{/{"$field":$again,/r;
		return ("[$text]", reason("duplicate key $field|" .
		    "(?:wrong type:|invalid) $field"));
	},
	'a raw NUL or control character' => sub {
		my $text = '[' . good_text() . ']';
		substr($text, int rand length $text, 0) =
		    chr pick(0, 0, 0, 1, 8, 11, 12, 14, 27, 31);
		return ($text, $INVALID_JSON);
	},
	'an escaped NUL' => sub {
		my $field = pick(@STRINGS);
		return ('[' . inside($field, '\\u0000') . ']',
		    reason("invalid $field"));
	},
	'an escaped NUL in a key' => sub {
		my $field = pick(@REQUIRED);
		return ('[' . (good_text() =~ s/"$field"/"$field\\u0000"/r) .
		    ']', reason("missing $field"));
	},
	'invalid UTF-8' => sub {
		my $field = pick(@STRINGS);
		return ('[' . inside($field, pick("\xff", "\xc0\x80",
		    "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
		    "\x80", "\xe2\x28\xa1", "\xc3", "\xf0\x9f\x98")) . ']',
		    qr/$INVALID_JSON|${\reason("invalid $field")}/);
	},
	'half a surrogate pair' => sub {
		my $field = pick(qw(taskId workerAddress signature));
		return ('[' . inside($field, pick('\\ud800', '\\udc00',
		    '\\ud800x', '\\udfff\\ud800', '\\ud83d\\u0041')) . ']',
		    qr/$INVALID_JSON|${\reason("invalid $field")}/);
	},
	'a broken escape' => sub {
		my $field = pick(@STRINGS);
		return ('[' . inside($field, pick('\\x41', '\\u12g', '\\u00g0',
		    '\\ ', '\\U0041', '\\0', "\\\n")) . ']', $INVALID_JSON);
	},
	'a number that is none of ours' => sub {
		my $field = pick(@NUMBERS);
		return ('[' . with($field, number_text()) . ']',
		    reason("invalid $field"));
	},
	'a number that JSON doesn\'t have' => sub {
		return ('[' . with(pick(@NUMBERS), pick('01', '+1', '1.',
		    '.5', '0x10', 'NaN', 'Infinity', '-', '1e', '1e+', '--1',
		    '1_000', '007')) . ']', $INVALID_JSON);
	},
	'hex of another length' => sub {
		my $field = pick(qw(workerAddress signature));
		my $value = good()->{$field};
		my $n = int rand 80;
		$value = pick(substr($value, 0, -1 - $n), $value .
		    substr('0' x 80, 0, 1 + $n), substr($value, 2),
		    $value =~ s/^0x/0X/r, $value =~ s/^0x/x0/r,
		    $value =~ s/^0x//r, " $value", "$value ", '0x', '0', '',
		    $value . $value);
		return ('[' . with($field, json_text($value)) . ']',
		    reason("invalid $field"));
	},
	'hex that is none' => sub {
		my $field = pick(qw(workerAddress signature));
		my $value = good()->{$field};
		substr($value, 2 + rand(length($value) - 2), 1) =
		    pick('g', 'G', 'x', ' ', '-', '.', "\x{e9}", '"', '\\');
		return ('[' . with($field, json_text($value)) . ']',
		    reason("invalid $field"));
	},
	'a broken checksum' => sub {
		my $value = good()->{workerAddress};
		my @letters = grep { substr($value, $_, 1) =~ /[a-f]/i }
		    2 .. 41;
		my $at = pick(@letters);
		substr($value, $at, 1) = substr($value, $at, 1) ^ ' ';
		return ('[' . with('workerAddress', json_text($value)) . ']',
		    reason('invalid workerAddress'));
	},
	'more than 50 results' => sub {
		my $n = 51 + int rand(rand() < 0.1 ? 500 : 5);
		return ('[' . join(',', map { rand() < 0.1 ? good_text() :
		    pick('{}', '1', 'null', '[]', '{"a":[{}]}') } 1 .. $n) .
		    ']', qr/^400 \{"error":"max 50 results per batch"\}$/);
	},
	'no results' => sub {
		return (pick('[]', ' [ ] ', '{}', '""', '1', 'null', 'true',
		    '{"results":[' . good_text() . ']}', good_text(),
		    '-7.5e3', '"[]"'), $NO_ARRAY);
	},
	'nothing' => sub {
		return (pick('', ' ', "\n", "\t\r\n" x 50), $INVALID_JSON);
	},
	'another type' => sub {
		my $field = pick(@FIELDS);
		my $mine = json_text(good()->{$field});
		my %types = ('"x"' => 'string', '""' => 'string',
		    1 => 'number', 0 => 'number', true => 'bool',
		    false => 'bool', null => 'null', '[]' => 'array',
		    '{}' => 'object', '["x"]' => 'array',
		    '{"a":1}' => 'object');
		my $type = $mine =~ /^"/ ? 'string' : $mine =~ /^\d/ ?
		    'number' : 'bool';
		my $value = pick(grep { $types{$_} ne $type } keys %types);
		return ('[' . with($field, $value) . ']',
		    reason("wrong type: $field"));
	},
	'a string too long' => sub {
		my $field = pick(@STRINGS);
		my $value = 'a' x (1025 + rand(rand() < 0.1 ? 200000 : 3000));
		return ('[' . with($field, "\"$value\"") . ']',
		    reason("invalid $field|too long: $field"));
	},
	'a task id that is none' => sub {
		return ('[' . with('taskId', json_text(pick('', ' ', 'a b',
		    "a\n", 'x' x 65, "\x{e4}", 'a/b', 'a"b', 'a,b', '{}',
		    "\x{1f600}"))) . ']', reason('invalid taskId'));
	},
	'a field that is missing' => sub {
		my $field = pick(@REQUIRED);
		my $result = good();
		delete $result->{$field};
		$result->{pick(uc $field, " $field", "$field ", "x$field")} =
		    good()->{$field} if rand() < 0.5;
		return ('[' . json_text($result) . ']',
		    reason("missing $field"));
	},
	'elements that are no objects' => sub {
		my $n = 1 + int rand 50;
		return ('[' . join(',', map { pick('1', '"x"', 'null', '[]',
		    'true', '[{}]', '-1.5e9', '[[["a"]]]') } 1 .. $n) . ']',
		    each_of($n, qr/#\d+: not an object/));
	},
	'not quite JSON' => sub {
		my $text = good_text();
		return (pick("[$text,]", "[,$text]", "[$text][]", "[$text]x",
		    "[$text]\0", "\xef\xbb\xbf[$text]", "/* */[$text]",
		    "[$text]//", '[' . ($text =~ tr/"/'/r) . ']',
		    '[' . ($text =~ s/"(\w+)":/$1:/gr) . ']', "[$text",
		    '[' . ($text =~ s/:/=/r) . ']', "($text)", "<$text>",
		    '[' . ($text =~ s/,/;/r) . ']', "[$text}", "{$text]",
		    "[$text $text]", "results=[$text]"), $INVALID_JSON);
	},
	'random bytes' => sub {
		return (bytes(1 + int rand 300),
		    qr/$INVALID_JSON|$NO_ARRAY/);
	},
	'a batch of all that' => sub {
		my $n = 2 + int rand 49;
		my $text = join(',', map { pick(
		    sub { with(pick(@NUMBERS), number_text()) },
		    sub { with(pick(@FIELDS), pick('[]', '{}', 'null')) },
		    sub { inside(pick(@STRINGS), '\\u0000') },
		    sub { with('taskId', '"no such"') },
		    sub { pick('1', '[]', '"x"', '{}') })->() } 1 .. $n);
		# Many long ones may be too large together.
		return ("[$text]", qr/${\each_of($n, qr{[^"]+})}|^413 /);
	},
	'a good result of a stranger, with bytes changed' => sub {
		my $text = json_text([ map { { %{ good() }, workerAddress =>
		    '0x' . sprintf('%040d', rand 1e9) } } 1 .. 1 + rand 3 ]);
		for (1 .. 1 + rand 4) {
			my $at = int rand length $text;
			pick(sub { substr($text, $at, 1) = bytes(1) },
			    sub { substr($text, $at, 1) = '' },
			    sub { substr($text, $at, 0) = bytes(1 + rand 3) },
			    sub { substr($text, $at, 0) = substr($text,
			    int rand length $text, rand 40) })->();
		}
		return ($text, qr/^4\d\d \{"error":"[^"]+"\}$|${\refused(
		    qr{"[^"]+"(?:,"[^"]+")*})}/);
	},
);

# ---- Queries ----

my $ADDRESS = $one->{address};

# No digit of the address may become one by chance.
sub error { return qr/^400 \{"error":"(?:$_[0])"\}$/ }

my %queries = (
	'no address' => sub {
		return (pick('', '&', '=', '&&==&', 'region=eu', 'addres=' .
		    $ADDRESS, 'Address=' . $ADDRESS, 'address', 'address=',
		    "\%61ddress=$ADDRESS", 'address=' . substr($ADDRESS, 2),
		    'address=1x' . substr($ADDRESS, 2), "address=+$ADDRESS",
		    'address=0X' . substr($ADDRESS, 2), 'a=b&c=d',
		    "address=%00$ADDRESS", "address =$ADDRESS",
		    ' &address%3d' . $ADDRESS), error('address required'));
	},
	'an address of another length' => sub {
		my $n = int rand 39;
		return ('address=' . pick(substr($ADDRESS, 0, 2 + $n),
		    $ADDRESS . '0' x (1 + $n), $ADDRESS x 2,
		    '0x' . 'a' x (100 + rand 1500)),
		    error('invalid address[^"]*'));
	},
	'an address that is no hex' => sub {
		my $address = $ADDRESS;
		substr($address, 2 + rand 40, 1) = pick('g', '%20', '+', '%00',
		    '.', '%c3%a9', '%', '%4', "\xff", 'x', '%2') ;
		return ("address=$address", error('invalid address[^"]*|' .
		    'address: broken percent encoding'));
	},
	'a broken checksum' => sub {
		my $address = $ADDRESS;
		my $at = pick(grep { substr($address, $_, 1) =~ /[a-f]/i }
		    2 .. 41);
		substr($address, $at, 1) = substr($address, $at, 1) ^ ' ';
		return ("address=$address", error('invalid address[^"]*'));
	},
	'broken percent encoding' => sub {
		my $text = pick('%', '%4z', '%zz', '%%', '%g1', '%1g', '%-1',
		    '% 1', '%u0041', "%\xff1", '%+1');
		return (pick("address=$ADDRESS$text",
		    "address=$ADDRESS&region=eu$text",
		    "region=${text}eu&address=$ADDRESS"),
		    error('(?:address|region): broken percent encoding'));
	},
	'given twice' => sub {
		return (pick("address=$ADDRESS&address=$ADDRESS",
		    "address=$ADDRESS&region=a&region=a",
		    "address=$ADDRESS&region=&region",
		    "region=a&address=$ADDRESS&x&address"),
		    error('(?:address|region) given twice'));
	},
	'a region too long' => sub {
		return ("address=$ADDRESS&region=" . pick('a', '%61', '+') x
		    (33 + rand 500), error('region longer than 32 bytes'));
	},
	'a region that is no text' => sub {
		return ("address=$ADDRESS&region=" . pick('%00', 'a%00b', '%ff',
		    '%c0%80', '%ed%a0%80', '%c3', "\x80", "\xff\xfe",
		    '%f4%90%80%80'), error("region isn't UTF-8 text"));
	},
	'too long' => sub {
		return (pick("address=$ADDRESS&x=", "address=$ADDRESS&",
		    'region=', '', '&' x 1000) . pick('y', '&', '%41', '=') x
		    (2049 + rand 30000), error('query longer than 2048 bytes'));
	},
	'random bytes' => sub {
		return (bytes(1 + rand 200) =~ tr/\0/x/r, error('[^"]+'));
	},
);

# ---- All of them ----

my %wrong;
my %count;

# Notes what was answered, if it isn't what it should be.
sub judge {
	my ($kind, $input, $r, $expected) = @_;
	my $said = "$r->{status} $r->{body}";

	$count{$kind}++;
	return if $said =~ $expected && eval { json_value($r->{body}); 1 };
	my $shown = json_text(length($input) > 600 ?
	    substr($input, 0, 600) . '...' : $input);
	push @{ $wrong{$kind} }, "$shown was answered " . substr($said, 0, 300);
}

$w->start;
$w->nginx_start;
my $pid = $w->pid;
my @clients = map { $w->fcgi } 1 .. 4;
my $before = $w->ledger_state;
my @names = sort keys %bodies;

for my $i (0 .. $BODIES - 1) {
	my $kind = $names[$i % @names];
	my ($body, $expected, %opt) = $bodies{$kind}->();
	my $client = $clients[$i % @clients];
	judge($kind, $body, $client->post($body, %opt), $expected);
	# What is too large is answered, and may end the connection.
	$client->close if $opt{length};
}
@names = sort keys %queries;
for my $i (0 .. $QUERIES - 1) {
	my $kind = $names[$i % @names];
	my ($query, $expected) = $queries{$kind}->();
	judge("query: $kind", $query, $clients[$i % @clients]->request('GET',
	    '/v1/worker/tasks', query => $query), $expected);
}
for my $kind (sort keys %count) {
	my @bad = @{ $wrong{$kind} // [] };
	is(scalar @bad, 0, "$kind: each of $count{$kind} is told why") or
	    diag(join("\n", @bad[0 .. ($#bad > 2 ? 2 : $#bad)]));
}

# Some through nginx, which may refuse them itself.
my %through;
my @odd;
for my $i (1 .. $THROUGH_NGINX) {
	my ($r, $input);
	my $s = $w->http_socket;
	if ($i % 2) {
		my $kind = pick(sort keys %bodies);
		($input) = $bodies{$kind}->();
		syswrite($s, http_raw('POST', '/api/v1/worker/results',
		    $input));
	} else {
		my $kind = pick(sort keys %queries);
		($input) = $queries{$kind}->();
		# What ends a request line, or makes another of it.
		$input =~ s/[\r\n #]/./g;
		syswrite($s, http_raw('GET', "/api/v1/worker/tasks?$input"));
	}
	$r = http_read($s);
	my $json = $r ? eval { json_value($r->{body}) } : undef;
	my $fine = ref $json eq 'HASH' && ($r->{status} =~ /^4/ &&
	    length($json->{error} // '') || $r->{status} == 200 &&
	    $json->{accepted} == 0 && @{ $json->{errors} });
	$through{$r ? $r->{status} : 'none'}++;
	push @odd, json_text(substr($input, 0, 300)) . ' was answered ' .
	    ($r ? "$r->{status} $r->{body}" : 'nothing') if !$fine;
}
is(scalar @odd, 0, "through nginx each of $THROUGH_NGINX is told why") or
    diag(join("\n", @odd[0 .. ($#odd > 2 ? 2 : $#odd)]));
diag('through nginx: ' . json_text(\%through));

# ---- Nothing came of it ----

ok($w->is_running && $w->pid == $pid, 'the process is the same as before');
is($w->ledger_state, $before, 'nothing has changed in the ledger');
is($clients[0]->get('/health')->{status}, 200, 'and it is well');
my $accepted = 0;
$accepted += json_value($clients[0]->post([ $_ ])->{body})->{accepted}
    for @good;
is($accepted, @good, 'the results that were spoilt earn when they are whole');
is($w->balance($one), 100 * @good, 'once each');
$_->close for @clients;
is($w->stop, 0, 'it stops');
$w->log_ok;
$w->audit_ok('after all that');

done_testing();
