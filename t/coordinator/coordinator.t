#!/usr/bin/perl
# The coordinator's contract with workers (protocol.md): routes, answers,
# refusals, signatures, and the assignment rules.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(source_path need_program now_ms slurp json_text json_value
    json_bool poll_path);
use WorknetTest::Odd qw(odd_signatures);

need_program('sqlite3', 'nginx');

# Time stands still unless a test moves it.
my $T0 = 1800000000000;

# Answers an exact error.
sub is_error {
	my ($r, $status, $message, $name) = @_;

	is("$r->{status} $r->{body}", "$status " .
	    json_text({ error => $message }), $name);
}

# The ids of the tasks that a poll is given.
sub polled {
	my ($c, $worker, %opt) = @_;
	my $region = delete $opt{region};
	my $r = $c->get(poll_path($worker->{address}, $region), %opt);

	return join(' ', sort map { $_->{id} } @{ json_value($r->{body}) });
}

# ---- Routes, on bytes ----

{
	my $w = WorknetTest->new->fault_prepare;
	$w->clock_set($T0);
	$w->init;
	$w->start;
	$w->nginx_start;
	my $c = $w->fcgi;
	my $address = $w->worker(1)->{address};
	my $r = $c->get('/health');

	is($r->{text}, "Status: 200 OK\r\nContent-Type: application/json\r\n" .
	    "Content-Length: 15\r\nCache-Control: no-store\r\n\r\n" .
	    '{"status":"ok"}', 'health is answered with exactly these bytes');
	is($c->get($_)->{status}, 200, "$_ is the health, too")
	    for '/api/health';
	is($c->get(poll_path($address))->{body}, '[]',
	    'a poll with nothing due gets an empty array');

	is_error($c->get($_), 404, 'not found', "path \"$_\" is not found")
	    for '//', '/v1', '/v1/worker', '/v1/worker/tasks/', '/health/',
	    '//health', '/apihealth', '/api', '/api/', '/api/api/health',
	    '/Health', '/v1/worker/tasksx', '/v1/worker/results%00';

	for my $case (['POST', '/v1/worker/tasks', 'GET'],
	    ['HEAD', '/v1/worker/tasks', 'GET'],
	    ['GET', '/v1/worker/results', 'POST'],
	    ['PUT', '/v1/worker/results', 'POST'],
	    ['OPTIONS', '/v1/worker/results', 'POST'],
	    ['DELETE', '/health', 'GET'], ['get', '/health', 'GET'],
	    ['', '/health', 'GET'], ['BREW', '/api/health', 'GET']) {
		my ($method, $path, $allow) = @$case;
		$r = $c->request($method, $path);
		is_error($r, 405, 'method not allowed',
		    "method \"$method\" isn't allowed on $path");
		is($r->{headers}{allow}, $allow,
		    "and the answer to \"$method\" says what is");
	}

	# ---- Polls ----

	my %bad = (
		'' => 'address required',
		'region=eu' => 'address required',
		'address=' => 'address required',
		'address' => 'address required',
		'address=abc' => 'address required',
		'address=0X' . ('1' x 40) => 'address required',
		'Address=0x' . ('1' x 40) => 'address required',
		'address=0x' . ('1' x 40) . '&address=0x' . ('1' x 40) =>
		    'address given twice',
		'address=0x' . ('1' x 40) . '&region=a&region=b' =>
		    'region given twice',
		'address=0x%zz' => 'address: broken percent encoding',
		'address=0x%4' => 'address: broken percent encoding',
		'address=0x' . ('1' x 40) . '&region=%' =>
		    'region: broken percent encoding',
		'address=0x' . ('1' x 40) . '&region=' . ('a' x 33) =>
		    'region longer than 32 bytes',
		'address=0x' . ('1' x 40) . '&region=%FF' =>
		    "region isn't UTF-8 text",
		'address=0x' . ('1' x 40) . '&region=a%00' =>
		    "region isn't UTF-8 text",
		'x=' . ('y' x 2047) => 'query longer than 2048 bytes',
	);
	is_error($c->get("/v1/worker/tasks?$_"), 400, $bad{$_},
	    'poll "' . (length($_) > 70 ? substr($_, 0, 66) . '...' : $_) .
	    "\" is told: $bad{$_}") for sort keys %bad;
	for my $text ('0x' . ('1' x 39), '0x' . ('1' x 41), '0x' . ('g' x 40),
	    '0x' . ('1' x 40) . '%00', '0x', '0x' . ('1' x 500)) {
		$r = $c->get(poll_path($text));
		like($r->{body},
		    qr/^\{"error":"invalid address(?:: [ -~]+)?"\}$/,
		    'poll with address ' . substr($text, 0, 50) .
		    ' is told why it is invalid');
		is($r->{status}, 400, 'and it is a 400');
	}
	my $typo = $address =~ s/([a-f])/uc $1/er;
	$typo = $address =~ s/([A-F])/lc $1/er if $typo eq $address;
	$r = $c->get(poll_path($typo));
	is($r->{status}, 400, 'a poll whose address has a broken EIP-55 ' .
	    'checksum is refused');
	is($c->get(poll_path($_))->{status}, 200, "$_ may poll") for
	    $address, lc $address, '0x' . uc substr($address, 2),
	    '0x' . ('1' x 40);
	is($c->get("/v1/worker/tasks?a=b&address=$address&region=eu&&=&x")
	    ->{status}, 200, 'names that a poll doesn\'t need are ignored');
	is($c->get('/v1/worker/tasks?address=' .
	    join('', map { sprintf '%%%02x', ord } split //, $address))
	    ->{status}, 200, 'a poll may be percent-encoded');

	# ---- Posts that are no results ----

	my $ok = json_text([ $w->result($w->worker(1), 'x') ]);
	is_error($c->post($_->[0]), 400, $_->[1],
	    "a POST of \"$_->[0]\" is told: $_->[1]") for
	    ['', 'invalid JSON'], ['{', 'invalid JSON'],
	    ['[{]', 'invalid JSON'], ['[1,]', 'invalid JSON'],
	    ['[] []', 'invalid JSON'], ["\xff", 'invalid JSON'],
	    ['{}', 'results must be non-empty array'],
	    ['[]', 'results must be non-empty array'],
	    ['null', 'results must be non-empty array'],
	    ['"[]"', 'results must be non-empty array'],
	    ['1', 'results must be non-empty array'];
	is_error($c->post([ ({}) x 51 ]), 400, 'max 50 results per batch',
	    '51 results are one too many');
	$r = $c->post([ ({}) x 50 ]);
	is($r->{status}, 200, '50 results are not');
	is(scalar @{ json_value($r->{body})->{errors} }, 50,
	    'and each of them gets its own error');
	is_error($c->post(substr($ok, 0, -1)), 400, 'invalid JSON',
	    'a result whose end is missing is no JSON');
	is_error($c->post($ok, length => length($ok) - 1), 400,
	    'invalid JSON', 'what is longer than declared is cut');
	is_error($c->post(' ' x (256 * 1024 + 1)), 413, 'body too large',
	    'a body of 256 KiB and a byte is too large');
	is_error($c->post(' ' x (256 * 1024)), 400, 'invalid JSON',
	    'a body of 256 KiB is not');
	is_error($c->post('[', length => 100 * 1024 * 1024), 413,
	    'body too large', '100 MB that are only declared are too large');
	is_error($c->post('[', length => '9' x 30), 413, 'body too large',
	    'so is a length that no number holds');
	is_error($c->post('[', length => $_), 400, 'invalid JSON',
	    "length \"$_\" means up to the end") for '', '-1', 'abc', '1x';

	# ---- The same through nginx ----

	$r = $w->http('GET', '/health');
	is("$r->{status} $r->{body}", '200 {"status":"ok"}',
	    'nginx passes health on');
	is($r->{headers}{'cache-control'}, 'no-store',
	    'with Cache-Control: no-store');
	is($r->{headers}{'content-type'}, 'application/json',
	    'as application/json');
	$r = $w->http('DELETE', '/v1/worker/results');
	is("$r->{status} $r->{headers}{allow}", '405 POST',
	    'nginx passes 405 and Allow on');
	is_error($w->http('GET', '/v1/nothing'), 404, 'not found',
	    'nginx passes 404 on');
	is_error($w->http('GET', '/v1/worker/tasks'), 400,
	    'address required', 'nginx passes 400 on');
	is_error($w->http('POST', '/v1/worker/results', '[]'), 400,
	    'results must be non-empty array', 'also of a POST');

	is($w->stop, 0, 'SIGTERM ends the coordinator with exit code 0');
	ok(!-e $w->socket_path, 'and its socket is gone');
	$w->log_ok;
}

# ---- Tasks as a worker sees them ----

{
	my $w = WorknetTest->new->fault_prepare;
	$w->clock_set($T0);
	$w->init;
	$w->task_add('task_br_health', url => 'https://blockrun.ai/api/health',
	    interval => '30s', reward => 100);
	$w->task_add('eu.only:1', url => 'http://example.org/?a=b&c=%22',
	    region => 'eu-west', expect => 204, 'timeout-ms' => 2500,
	    reward => 1234567, interval => '1h');
	$w->start;
	my $c = $w->fcgi;
	my $n = 0;

	# The protocol's, without what is offered besides: rounds.t.
	my $fields = sub {
		return $c->get(poll_path($w->worker(++$n)->{address}, @_))
		    ->{body} =~ s/,"assignment":"0x[0-9a-f]{64}","round":\{"scheme":[^}]*\}(?=\}\])//r;
	};

	is($fields->('unknown'), '[{"id":"task_br_health","type":"http_check",' .
	    '"url":"https://blockrun.ai/api/health","expectedStatus":200,' .
	    '"timeoutMs":10000,"rewardMicros":100}]',
	    'a task is given with exactly the fields of the protocol');
	is($c->get(poll_path($w->worker(++$n)->{address}))->{body}, '[]',
	    'its one slot goes to one worker');
	is(polled($c, $w->worker(++$n), region => $_), '',
	    "region \"$_\" isn't given a task of eu-west") for
	    'us', 'eu', 'EU-WEST', 'unknown', '', 'eu-west2';
	is($fields->('eu%2Dwest'), '[{"id":"eu.only:1","type":"http_check",' .
	    '"url":"http://example.org/?a=b&c=%22","expectedStatus":204,' .
	    '"timeoutMs":2500,"rewardMicros":1234567,"region":"eu-west"}]',
	    'a worker of eu-west is, and it names the region');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
}

# ---- The assignment rules, with the clock in hand ----

{
	my $w = WorknetTest->new->fault_prepare;
	my @crowd = map { $w->worker($_) } 1 .. 20;
	my $at = $T0;

	$w->clock_set($at);
	$w->init;
	$w->task_add('two', copies => 2, interval => '60s',
	    cooldown => '0s');
	$w->start;
	my $c = $w->fcgi;

	is(join(',', map { polled($c, $_) } @crowd[0 .. 3]), 'two,two,,',
	    'a task of two copies is given twice in a cycle');
	is(polled($c, $crowd[0]), 'two',
	    'a worker is given again what it has, and nothing more');
	is($c->post([ $w->result($crowd[0], 'two', timestamp => $at) ])
	    ->{status}, 200, '... and answers');
	is(polled($c, $crowd[0]), '', 'a worker isn\'t given it twice');
	# In steps: when the next cycle opens is the coordinator's affair.
	my $again = 0;
	for (1 .. 120) {
		$w->clock_set($at += 1000);
		last if $again = polled($c, $crowd[0]) ne '';
	}
	ok($again, 'but again in the next cycle, without a cooldown');
	$w->worknet('task', 'remove', 'two');

	$w->task_add('cool', interval => '30s', cooldown => '5m');
	is(polled($c, $crowd[19]), 'cool', 'a task with a cooldown is given');
	is($c->post([ $w->result($crowd[19], 'cool', timestamp => $at) ])
	    ->{status}, 200, '... and answered');
	my $given = $at;
	my (@early);
	my $others = 0;
	while ($at < $given + 299000) {
		$w->clock_set($at += 13000);
		$at = $given + 299999 if $at > $given + 299999;
		$w->clock_set($at);
		push @early, $at - $given if polled($c, $crowd[19]) ne '';
		$others++ if polled($c, $crowd[$others % 19]) ne '';
	}
	is("@early", '', 'its worker isn\'t given it within 5 minutes');
	cmp_ok($others, '>=', 8, 'while others are, cycle after cycle');
	$again = 0;
	for (1 .. 65) {
		$w->clock_set($at += 1000);
		last if $again = polled($c, $crowd[19]) ne '';
	}
	ok($again, 'and is given it again afterwards');
	$w->worknet('task', 'remove', 'cool');

	$w->task_add("many_$_", interval => '60s') for 1 .. 12;
	$w->clock_set($at += 30000);
	my $many = () = polled($c, $crowd[0]) =~ /many_/g;
	is($many, 10, 'a poll is given 10 tasks at most');
	$many = () = polled($c, $crowd[1]) =~ /many_/g;
	is($many, 2, 'and the others with another\'s poll');
	is($w->stop, 0, 'it stops');

	$w->{conf}{coordinator}{max_tasks_per_poll} = 3;
	$w->conf_write;
	$w->start;
	$c = $w->fcgi;
	$w->clock_set($at += 60000);
	$many = () = polled($c, $crowd[12]) =~ /many_/g;
	is($many, 3, 'the configuration can make that 3');
	$w->worknet('task', 'remove', "many_$_") for 1 .. 12;

	$w->task_add('net', copies => 8, interval => '60s', cooldown => '0s');
	is(polled($c, $crowd[2], remote => '203.0.113.5'), 'net',
	    'the first of a network is given a copy');
	is(polled($c, $crowd[3], remote => '203.0.113.250'), '',
	    'the second of its /24 isn\'t');
	is(polled($c, $crowd[4], remote => '203.0.114.5'), 'net',
	    'one of the next /24 is');
	is(polled($c, $crowd[5], remote => '2001:db8:1:2::5'), 'net',
	    'so is the first of a /48');
	is(polled($c, $crowd[6], remote => '2001:db8:1:ffff::1'), '',
	    'the second of it isn\'t');
	is(polled($c, $crowd[7], remote => '::ffff:203.0.113.7'), '',
	    'an IPv4 address written as IPv6 is of its /24');
	is(polled($c, $crowd[8 + $_->[0]], remote => $_->[1]), 'net',
	    "\"$_->[1]\" says nothing about a network") for
	    [0, '127.0.0.1'], [1, '10.1.2.3'], [2, '10.1.2.3'], [3, ''];
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after the assignment rules');
}

# ---- Results: each reason, and who earns ----

{
	my $w = WorknetTest->new->fault_prepare;
	my ($one, $two, $three, $idle) = map { $w->worker($_) } 1 .. 4;
	my @reward = (reward => 250);

	$w->clock_set($T0 - 100000);
	$w->init;
	$w->hand_out(['a'], [ $one ], 30, @reward);
	$w->hand_out(['a'], [ $two ], 1);
	$w->hand_out(['b'], [ $two ], 2, @reward);
	$w->hand_out(['b'], [ $three ], 1);
	$w->hand_out(['gone'], [ $one ], 1, @reward);
	$w->worknet('task', 'remove', 'gone');
	cmp_ok($w->time_ms, '<=', $T0, 'the slots were given by now');
	$w->clock_set($T0);
	$w->start(args => [ '-v', '-v' ]);
	$w->nginx_start;
	my $c = $w->fcgi;
	my $paid = 0;

	# One result, and the whole answer to it.
	my $gets = sub {
		my ($result, $reason, $name) = @_;
		my $r = $c->post([ $result ]);
		my $id = $result->{taskId} // '#0';

		$paid++ if !defined $reason;
		is("$r->{status} $r->{body}", '200 ' . (defined $reason ?
		    '{"accepted":0,"earned":"0.000000","errors":["' .
		    "$id: $reason\"]}" : '{"accepted":1,"earned":"0.000250"}'),
		    $name);
	};
	# One of worker 1 for task a, with something changed.
	my $a = sub { return $w->result($one, 'a', @_) };

	$gets->($a->(), undef, 'a result for an assignment is credited');
	$gets->($a->(timestamp => $T0 - 1, success => 0), undef,
	    'a check that found its target down earns the same');
	$gets->($a->(timestamp => $T0 - 2, success => 0, statusCode => undef,
	    responseTimeMs => undef, error => 'timeout'), undef,
	    'a result without status and time is credited');
	$gets->($a->(timestamp => $T0 - 3, workerVersion => '9', x => {
	    y => [ 1 ] }), undef, 'fields that nobody knows are ignored');
	my $deep = [];
	$deep = [ $deep ] for 1 .. 400;
	$gets->($a->(timestamp => $T0 - 12, x => $deep), undef,
	    'however deep they are');
	$gets->($a->(timestamp => $T0 - 4, error => 'e' x 1024), undef,
	    'an error of 1,024 bytes is credited');
	$gets->($a->(timestamp => $T0 - 5, success => 0, statusCode => 999),
	    undef, 'the largest status is credited');
	$gets->($a->(timestamp => $T0 - 6, error => "\x{65e5}\n\"\\\x{1f600}"),
	    undef, 'an error in any script is credited');
	is($w->sql_value("SELECT error FROM result WHERE timestamp_ms = $T0 " .
	    '- 6'), "\x{65e5}\n\"\\\x{1f600}", 'and is stored as it was sent');

	$gets->($w->result($one, 'nosuch'), 'unknown task',
	    'a task that nobody made is unknown');
	$gets->($w->result($one, 'gone'), undef,
	    'what was given before its task was removed is paid');
	$gets->($w->result($one, 'b'), 'not assigned',
	    'a result for another task is not assigned');
	$gets->($w->result($idle, 'a'), 'not assigned',
	    'a result of a worker who was given nothing is not assigned');
	$gets->($a->(), 'already recorded',
	    'the same result again is already recorded');
	$gets->($a->(timestamp => $T0 + 60001), 'timestamp in the future',
	    'a timestamp more than 60 s ahead is in the future');
	$gets->($a->(timestamp => $T0 + 60000), undef,
	    'one of 60 s ahead is credited');
	$gets->($a->(timestamp => $T0 - 300001), 'result too old (300s)',
	    'a timestamp older than the window is too old');
	$gets->($a->(timestamp => $T0 - 301000), 'result too old (301s)',
	    'and is told its age');
	$gets->($a->(timestamp => 0), 'result too old (1800000000s)',
	    'so is 1970');
	$gets->($a->(timestamp => $T0 - 300000),
	    'timestamp before the assignment',
	    'one as old as the window is of a check before its assignment');
	$gets->($a->(timestamp => 9007199254740991),
	    'timestamp in the future', 'the largest timestamp is refused');

	# Malformed results: the reason names the field.
	for my $name (qw(taskId workerAddress timestamp success signature)) {
		$gets->($a->($name => undef), "missing $name",
		    "a result without $name is told so");
	}
	my %wrong = (taskId => 1, workerAddress => [], timestamp => '1',
	    success => 1, signature => {}, responseTimeMs => '45',
	    statusCode => json_bool(1), error => 5);
	for my $name (sort keys %wrong) {
		my $result = $a->();
		$result->{$name} = $wrong{$name};
		my $r = $c->post([ $result ]);
		my $id = $name eq 'taskId' ? '#0' : 'a';
		is(json_value($r->{body})->{errors}[0],
		    "$id: wrong type: $name",
		    "a result whose $name has another type is told so");
		$result->{$name} = undef;
		$r = $c->post([ $result ]);
		is(json_value($r->{body})->{errors}[0],
		    "$id: wrong type: $name", "null is no $name");
	}
	my %invalid = (taskId => [ '', 'a b', "a\x{e9}", 'x' x 65, "a\0", '"' ],
	    workerAddress => [ '', '0x', substr($one->{address}, 0, 41),
		"$one->{address}0", $one->{address} =~ s/^0x/0X/r,
		$one->{address} =~ tr/a-fA-F/b-fA-FA/r, "\0" ],
	    signature => [ '', '0x', '0x00', '00' x 65, '0x' . 'zz' x 65,
		'0x' . '00' x 64, '0x' . '00' x 66, '0X' . '00' x 65 ],
	    error => [ "a\0b" ]);
	for my $name (sort keys %invalid) {
		for my $value (@{ $invalid{$name} }) {
			my $r = $c->post([ $a->($name => $value) ]);
			my $id = $name eq 'taskId' ? '#0' : 'a';
			my $shown = json_text(substr($value, 0, 20));
			is(json_value($r->{body})->{errors}[0],
			    "$id: invalid $name", "$shown is no $name");
		}
	}
	# Numbers as they are written.
	for my $name (qw(timestamp responseTimeMs statusCode)) {
		for my $number ('-1', '1.0', '1e3', '200.5', '1E2', '-0',
		    '9007199254740992', '1' x 400) {
			my $text = json_text([ $a->($name => 777777) ]) =~
			    s/777777/$number/r;
			my $r = $c->post($text);
			is(json_value($r->{body})->{errors}[0],
			    "a: invalid $name", substr($number, 0, 20) .
			    " is no $name");
		}
	}
	$gets->($a->(statusCode => $_), 'invalid statusCode',
	    "status $_ is none") for 0, 99, 1000;
	$gets->($a->(error => 'e' x 1025), 'too long: error',
	    'an error of 1,025 bytes is too long');
	for my $name (qw(taskId timestamp success error)) {
		my $result = $a->(error => 'x');
		my $text = '[' . (json_text($result) =~
		    s/\}$//r) . ",\"$name\":" . json_text($result->{$name}) .
		    '}]';
		is(json_value($c->post($text)->{body})->{errors}[0],
		    "a: duplicate key $name", "$name twice is refused");
	}
	is_deeply(json_value($c->post('[1,"x",null,[],[{"a":1}],{}]')
	    ->{body})->{errors}, [ (map { "#$_: not an object" } 0 .. 4),
	    '#5: missing taskId' ],
	    'elements that are no results are told so by their place');

	# Suspended.
	$w->worknet('worker', 'suspend', $two->{address});
	$gets->($w->result($two, 'a'), 'worker suspended',
	    'a suspended worker\'s result is refused');
	is_error($c->get(poll_path($two->{address})), 403, 'worker suspended',
	    'and its poll is forbidden');
	is_error($w->http('GET', poll_path($two->{address})), 403,
	    'worker suspended', 'also through nginx');
	$w->worknet('worker', 'resume', $two->{address});
	is($c->get(poll_path($two->{address}))->{status}, 200,
	    'a resumed worker may poll');
	my $r = $c->post([ $w->result($two, 'a') ]);
	is(json_value($r->{body})->{accepted}, 1, 'and is credited again');

	# Several in one request.
	$r = $c->post([ $a->(timestamp => $T0 - 10), $a->(), 7,
	    $a->(timestamp => $T0 - 11), $w->result($one, 'nosuch'),
	    $a->(timestamp => $T0 - 10) ]);
	is($r->{body}, '{"accepted":2,"earned":"0.000500","errors":[' .
	    '"a: already recorded","#2: not an object",' .
	    '"nosuch: unknown task","a: already recorded"]}',
	    'each result of a request has its own answer, in their order');
	$paid += 2;
	is($w->balance($one), $paid * 250, 'worker 1 has exactly what it ' .
	    'was told');
	is($w->balance($two), 250, 'so has worker 2');

	# Two workers, one request.
	my ($transfers) = $w->sql('SELECT max(id) AS n FROM transfer');
	$r = $w->http('POST', '/v1/worker/results', json_text([
	    $w->result($two, 'b'), $w->result($three, 'b'),
	    $w->result($two, 'b', timestamp => $T0 - 1) ]));
	is($r->{body}, '{"accepted":3,"earned":"0.000750"}',
	    'one request credits the results of two workers');
	is($w->balance($two), 750, 'the one has its two');
	is($w->balance($three), 250, 'the other its one');
	is(json_text([ $w->sql('SELECT w.address, t.amount_micros AS n, ' .
	    '(SELECT count(*) FROM result r WHERE r.transfer = t.id) AS k ' .
	    'FROM transfer t JOIN worker w ON w.id = t.credit ' .
	    "WHERE t.id > $transfers->{n} ORDER BY k") ]),
	    json_text([ { address => lc $three->{address}, n => 250, k => 1 },
	    { address => lc $two->{address}, n => 500, k => 2 } ]),
	    'with one transfer for each of them');

	# Time goes by.
	my $last = $w->sql_value('SELECT max(a.assigned_ms) ' .
	    'FROM assignment a JOIN worker w ON w.id = a.worker ' .
	    'LEFT JOIN result r ON r.slot = a.slot ' .
	    "WHERE r.slot IS NULL AND a.task_name = 'a' AND w.address = " .
	    "'" . lc($one->{address}) . "'");
	$w->clock_set($last + 300000);
	$gets->($w->result($one, 'a', timestamp => $last), undef,
	    'assignment and timestamp may be as old as the window');
	$w->clock_set($last + 300001);
	$gets->($w->result($one, 'a'), 'assignment expired',
	    'a millisecond later it has expired');

	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after every kind of result');
	unlike($w->log_text, qr/[0-9a-f]{100}/i,
	    'no signature is in the log, however verbose it is');
	like($w->log_text, qr/credited 2 of 6 results, 0\.000500 USDC$/m,
	    'what was credited is');
}

# ---- Signatures and letter cases ----

{
	my $w = WorknetTest->new->past(60)->init;
	my $one = $w->worker(1);

	$w->hand_out(['sig'], [ $one ], 20);
	$w->now->start;
	my $c = $w->fcgi;
	my $at = now_ms();
	my $earned = 0;

	for my $form (qw(checksum lower upper)) {
		my $result = $w->result($one, 'sig', form => $form,
		    timestamp => ++$at);
		is($c->post([ $result ])->{body},
		    '{"accepted":1,"earned":"0.000100"}',
		    "an address in $form letters earns");
		$earned += 100;
	}
	my $broken = $w->result($one, 'sig', timestamp => ++$at);
	$broken->{workerAddress} =~ s/([a-f])(?=[^a-f]*$)/uc $1/e or
	    $broken->{workerAddress} =~ s/([A-F])(?=[^A-F]*$)/lc $1/e;
	is(json_value($c->post([ $broken ])->{body})->{errors}[0],
	    'sig: invalid workerAddress',
	    'an address with a broken checksum is refused');
	for my $odd (odd_signatures($w, $one, $w->worker(2), 'sig',
	    sub { return ++$at })) {
		my $r = $c->post([ $odd->{result} ]);
		$earned += 100 if $odd->{valid};
		is($r->{body}, $odd->{valid} ?
		    '{"accepted":1,"earned":"0.000100"}' :
		    '{"accepted":0,"earned":"0.000000","errors":["sig: ' .
		    'invalid signature"]}',
		    ($odd->{valid} ? 'earns' : 'doesn\'t earn') .
		    ": $odd->{case}");
	}
	is($w->balance($one), $earned, 'nothing but the valid ones earned');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after odd signatures');
}

# ---- The vectors, at their own times ----

for my $file ("signed-results.json", "signed-results-odd.json") {
	my $w = WorknetTest->new->fault_prepare;
	my @vectors = @{ json_value(slurp(
	    source_path("t/vectors/$file"))) };
	my %tasks = map { $_->{taskId} => 1 } @vectors;
	my $n = 0;

	$w->clock_set($T0);
	$w->init;
	for my $id (sort keys %tasks) {
		$w->task_add($id, interval => '1s', copies => 100);
		$w->worknet('task', 'pause', $id);
	}
	# One slot for each, given when it was signed: that no schedule does.
	$w->sql(join("\n", 'BEGIN;', (map {
		my $address = lc $_->{workerAddress};
		my $known = "WHERE w.address = '$address'";
		"INSERT INTO account (id, kind) SELECT max(max(id), 3) + 1, " .
		"'worker' FROM account HAVING NOT EXISTS (SELECT 1 FROM " .
		"worker w $known); INSERT INTO worker (id, address, " .
		"first_seen_ms) SELECT max(id), '$address', 0 " .
		"FROM account HAVING NOT EXISTS (SELECT 1 FROM worker w " .
		"$known); UPDATE slot_counter SET last_slot = last_slot + 1; " .
		"INSERT INTO assignment (worker, task_name, slot, version, " .
		"reward_micros, cycle_ms, copy, assigned_ms, region, " .
		"network, out_of_turn, type, expected_status, timeout_ms, " .
		"compared, anchor) " .
		"SELECT w.id, k.name, c.last_slot, k.version, " .
		"k.reward_micros, 0, 0, $_->{timestamp}, 0, '', 0, " .
		"k.type, k.expected_status, k.timeout_ms, 0, 0 " .
		"FROM task k, worker w, " .
		"slot_counter c $known AND k.name = '$_->{taskId}';"
	} @vectors), 'COMMIT;'));
	$w->start;
	my $c = $w->fcgi;
	my (%seen, $earned);

	for my $v (@vectors) {
		my $valid = !exists $v->{valid} ||
		    json_text($v->{valid}) eq 'true';
		my $key = lc "$v->{taskId} $v->{workerAddress} " .
		    $v->{timestamp};
		my $again = $valid && $seen{$key}++;

		$w->clock_set($v->{timestamp});
		my $r = $c->post([ { statusCode => $v->{success} ? 200 : 503,
		    map { $_ => $v->{$_} } qw(taskId workerAddress timestamp
		    success signature) } ]);
		my $got = json_value($r->{body});
		$n++;
		$earned++ if $got->{accepted};
		is(json_text($got), json_text($again ? { accepted => 0,
		    earned => '0.000000', errors =>
		    [ "$v->{taskId}: already recorded" ] } :
		    $valid ? { accepted => 1, earned => '0.000100' } :
		    { accepted => 0, earned => '0.000000', errors =>
		    [ "$v->{taskId}: invalid signature" ] }),
		    "$file, $n: " . ($valid ? 'earns' : 'doesn\'t earn') .
		    ($v->{case} ? ": $v->{case}" : ''));
	}
	is(($w->credited)[0], $earned,
	    'as many results as vectors that earned');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
}

# ---- What nothing depends on any more is forgotten ----

{
	my $w = WorknetTest->new->fault_prepare;
	my $given = 0;

	$w->clock_set($T0);
	$w->init;
	$w->task_add('hourly', interval => '1h', cooldown => '0s');
	$w->start;
	my $c = $w->fcgi;
	# In turns, so that all slots of one worker have odd numbers.
	for my $hour (1 .. 40) {
		$w->clock_set($T0 + $hour * 3600000 + 60000);
		$given++ if polled($c, $w->worker($hour % 2)) eq 'hourly';
	}
	is($given, 40, 'two workers take turns for forty hours');
	cmp_ok($w->sql_value('SELECT max(n) FROM (SELECT count(*) AS n ' .
	    'FROM assignment GROUP BY worker)'), '<=', 2,
	    'no worker\'s old assignments are kept');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
}

done_testing();
