#!/usr/bin/perl
# nginx with the shipped site, in front of the coordinator.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(source_path need_program find_program wait_for slurp spurt
    run_command exec_logged json_text json_value http_raw http_read poll_path);

need_program('sqlite3', 'nginx');

sub is_error {
	my ($r, $status, $message, $name) = @_;

	is(defined $r ? "$r->{status} $r->{body}" : 'no answer', "$status " .
	    json_text({ error => $message }), $name);
	is($r->{headers}{'content-type'}, 'application/json',
	    '... as application/json');
	is($r->{headers}{'cache-control'}, 'no-store', '... not to be stored');
}

# Sends bytes on a new connection; the first answer to them.
sub raw {
	my ($w, $bytes) = @_;
	my $s = $w->http_socket;

	syswrite($s, $bytes);
	return http_read($s);
}

# n requests on one connection, sent at once: how often each status came.
sub pipelined {
	my ($w, $n, $path) = @_;
	my $s = $w->http_socket;
	my %n;

	syswrite($s, "GET $path HTTP/1.1\r\nHost: test\r\n\r\n" x
	    ($n - 1) . http_raw('GET', $path));
	local $/;
	$n{$_}++ for <$s> =~ m{HTTP/1\.1 (\d+)}g;
	return \%n;
}

# ---- The file as it is ----

{
	my $w = WorknetTest->new;

	$w->{port} = WorknetTest::free_port();
	$w->nginx_write;
	SKIP: {
		skip('port 80 is for root', 1) if $> != 0;
		spurt($w->dir('nginx/site.conf'),
		    slurp(source_path('nginx/worknet.conf')));
		my ($status, $out, $err) = run_command($w->nginx_command,
		    '-t');
		is($status, 0, 'nginx -t accepts the site as it is shipped');
		diag($err) if $status != 0;
		unlike($err, qr/warn/, 'without a warning');
	}
	$w->nginx_start;

	# ---- Without a coordinator ----

	my $down = sub {
		my ($name) = @_;
		for my $case ([ 'GET', '/health' ], [ 'POST',
		    '/v1/worker/results', '[]' ]) {
			my $r = $w->http(@$case);
			is_error($r, 503, 'coordinator unavailable, try ' .
			    'again later', "$name, $case->[0] gets 503");
			is($r->{headers}{'retry-after'}, 5,
			    '... with Retry-After');
		}
	};
	$down->('while the coordinator never ran');
	$w->init;
	$w->start;
	is($w->http('GET', '/health')->{status}, 200,
	    'the first request after its start is answered');
	$w->stop;
	$down->('after its stop');
	$w->start;
	is($w->http('GET', '/health')->{status}, 200,
	    'and the first after the next start');
	$w->stop('KILL');
	$down->('after it was killed');
	$w->start;
	is($w->http('GET', '/health')->{status}, 200,
	    'and the first after that');

	# ---- Sizes ----

	my $r = raw($w, http_raw('POST', '/api/v1/worker/results',
	    '[', 'Content-Length' => 256 * 1024 + 1));
	is_error($r, 413, 'body too large', '256 KiB and a byte gets 413');
	$r = raw($w, http_raw('POST', '/api/v1/worker/results',
	    '[', 'Content-Length' => 100 * 1024 * 1024));
	is_error($r, 413, 'body too large', '100 MB declared gets 413');
	is_error($w->http('POST', '/v1/worker/results', ' ' x (256 * 1024)),
	    400, 'invalid JSON', '256 KiB is passed on');
	$r = raw($w, join("\r\n",
	    'POST /api/v1/worker/results HTTP/1.1', 'Host: test',
	    'Connection: close', 'Transfer-Encoding: chunked', '', '2', '[]',
	    '0', '', ''));
	is_error($r, 400, 'results must be non-empty array',
	    'a chunked body is passed on');
	$r = raw($w, join("\r\n",
	    'POST /api/v1/worker/results HTTP/1.1', 'Host: test',
	    'Connection: close', 'Transfer-Encoding: chunked', '',
	    (sprintf('%x', 65536), 'x' x 65536) x 5, '0', '', ''));
	is_error($r, 413, 'body too large', 'a chunked one over 256 KiB ' .
	    'gets 413');

	$r = raw($w, http_raw('POST', '/api/v1/worker/results', "\x1f\x8b",
	    'Content-Encoding' => 'gzip'));
	is_error($r, 415, 'Content-Encoding not supported',
	    'a compressed body gets 415');

	# ---- What nginx itself refuses ----

	my $good = "GET /api/health HTTP/1.1\r\nHost: test\r\n";
	for my $case ([ 400, 'invalid HTTP request', 'no request line',
	    "rubbish\r\n\r\n" ],
	    [ 400, 'invalid HTTP request', 'no Host', "GET /api/health " .
	    "HTTP/1.1\r\n\r\n" ],
	    [ 400, 'invalid HTTP request', 'two lengths', $good .
	    "Content-Length: 1\r\nContent-Length: 2\r\n\r\n12" ],
	    [ 400, 'invalid HTTP request', 'a length that is none', $good .
	    "Content-Length: -1\r\n\r\n" ],
	    [ 400, 'invalid HTTP request', 'a header of 40 KB', $good .
	    'X: ' . 'y' x 40000 . "\r\n\r\n" ],
	    [ 400, 'invalid HTTP request', 'an URI that leaves the root',
	    http_raw('GET', '/api/../../health') ],
	    [ 414, 'URI too long', 'an URI of 40 KB', http_raw('GET',
	    '/api/health?' . 'y' x 40000) ],
	    [ 405, 'method not allowed', 'TRACE', http_raw('TRACE',
	    '/api/health') ],
	    [ 501, 'not implemented', 'a transfer encoding that nobody knows',
	    $good . "Transfer-Encoding: gzip\r\n\r\n" ],
	    [ 505, 'HTTP version not supported', 'HTTP/3.0',
	    "GET /api/health HTTP/3.0\r\nHost: test\r\n\r\n" ],
	    [ 400, 'invalid HTTP request', 'a chunk that is none',
	    "POST /api/v1/worker/results HTTP/1.1\r\nHost: test\r\n" .
	    "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n" ],
	    [ 404, 'not found', 'a path outside of /api', http_raw('GET',
	    '/index.html') ]) {
		my ($status, $message, $what, $bytes) = @$case;
		is_error(raw($w, $bytes), $status, $message,
		    "$what gets $status");
	}

	# ---- Limits, and who has none ----

	is_deeply(pipelined($w, 500, '/api/health'), { 200 => 500 },
	    'a client on this machine has no limit');

	# ---- A request's body is never another request ----

	# What a request doesn't use of its body must not be read as the next
	# request of the connection, which belongs to somebody else. The body
	# is the FastCGI records of a request for /evil, wherever in the
	# stream the responder's first read may end.
	my %params = (REQUEST_METHOD => 'GET', SCRIPT_NAME => '/evil',
	    QUERY_STRING => '', CONTENT_LENGTH => '',
	    REMOTE_ADDR => '192.0.2.1');
	my $params = WorknetTest::Fcgi::params_text(%params);
	my $evil = WorknetTest::Fcgi::record(1, pack('nCx5', 1, 1)) .
	    WorknetTest::Fcgi::record(4, $params);
	my %got;
	for my $before (8192 - 400 .. 8192 - 100) {
		# The last record swallows the end of this request and the
		# beginning of the next.
		my $rest = (8 - ($before + length($evil) + 8) % 8) % 8 + 24;
		my $body = 'x' x $before . $evil .
		    pack('CCnnCx', 1, 4, 2, $rest, 0);
		for my $method ('GET', 'PUT') {
			raw($w, http_raw($method, '/api/health', $body));
			my $next = $w->http('GET', '/health');
			$got{"$next->{status} $next->{body}"}++;
		}
	}
	is_deeply(\%got, { '200 {"status":"ok"}' => 602 },
	    'a body that isn\'t used is never taken for a request');
	# The end of a body at each place around what is read at once.
	%got = ();
	for my $length (7600 .. 8300) {
		$got{$w->http('POST', '/v1/worker/results', ' ' x
		    $length)->{status}}++;
		$got{$w->http('GET', '/health')->{status}}++;
	}
	is_deeply(\%got, { 200 => 701, 400 => 701 },
	    'nor does the end of a body disturb the next request');

	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->nginx_stop;
}

# ---- Limits per client address ----

{
	my $w = WorknetTest->new->init;

	$w->start;
	$w->nginx_start(limits => 1);
	# As fast as nginx reads them; more, should this machine be so slow
	# that they are within the rate.
	my $refused;
	for (1 .. 20) {
		my $n = pipelined($w, 300, '/api/health');
		$refused = $n->{429};
		is(join(' ', sort keys %$n), '200 429',
		    'requests over the rate get 429') if $refused;
		last if $refused;
	}
	ok($refused, 'a flood meets the limit');
	my $r;
	wait_for(sub {
		pipelined($w, 100, '/api/health');
		$r = raw($w, http_raw('GET', '/api/health'));
		return $r->{status} == 429;
	}, 'a request over the rate');
	is_error($r, 429, 'too many requests', 'a refused request is told so');
	is($r->{headers}{'retry-after'}, 1, '... with Retry-After');
	is(wait_for(sub {
		my $r = $w->http('GET', '/health');
		return $r->{status} == 200 ? $r->{body} : undef;
	}, 'the rate to fall'), '{"status":"ok"}',
	    'and is served again when the rate has fallen');
	$w->nginx_stop;

	# Connections: each holds a request whose body isn't complete.
	$w->nginx_start(limits => 1, edit => sub {
		s/rate=20r/rate=10000r/;
		s/burst=60/burst=10000/;
	});
	my @held = map { $w->http_socket } 1 .. 64;
	my $part = http_raw('POST', '/api/v1/worker/results', '[]');
	my $last = substr($part, -1, 1, '');
	syswrite($_, $part) for @held;
	wait_for(sub {
		$r = raw($w, http_raw('GET', '/api/health'));
		return $r->{status} == 429;
	}, 'the limit of connections');
	is_error($r, 429, 'too many requests',
	    'the 65th connection of an address gets 429');
	my %got;
	for my $s (@held) {
		syswrite($s, $last);
		$got{http_read($s)->{status}}++;
		close $s;
	}
	is_deeply(\%got, { 400 => 64 }, 'and the 64 before it are served');
	is(wait_for(sub { $w->http('GET', '/health')->{status} == 200 },
	    'the connections to end'), 1, 'then it is free again');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
}

# ---- The prefix ----

for my $case (
    [ 'passed on', '/api', sub { } ],
    [ 'stripped', '/api', sub {
	s{(location /api/ \{)}{$1 rewrite ^/api(/.*)\$ \$1 break;} } ],
    [ 'stripped and not configured', '', sub {
	s{(location /api/ \{)}{$1 rewrite ^/api(/.*)\$ \$1 break;} } ],
    [ 'another', '/net/v2', sub {
	s{(location /api/ \{)}{$1 rewrite ^/api(/.*)\$ /net/v2\$1 break;} } ],
    ) {
	my ($name, $prefix, $edit) = @$case;
	my $w = WorknetTest->new(conf => { coordinator => {
	    $name eq 'passed on' ? () : (prefix => $prefix) } })->init;

	$w->task_add('t', interval => '1s', copies => 100,
	    cooldown => '0s');
	$w->start;
	$w->nginx_start(edit => $edit);
	my $one = $w->worker(1);
	is($w->http('GET', '/health')->{status}, 200,
	    "prefix $name: health is found");
	is(json_value($w->http('GET', poll_path($one->{address}))->{body})
	    ->[0]{id}, 't', '... a poll gets its task');
	is(json_value($w->http('POST', '/v1/worker/results', json_text([
	    $w->result($one, 't') ]))->{body})->{accepted}, 1,
	    '... and its result is credited');
	is($w->http('GET', '/nosuch')->{status}, 404,
	    '... and what isn\'t there isn\'t found');
	is($w->stop, 0, 'it stops');
}

# ---- More connections than threads ----

{
	my $w = WorknetTest->new(conf => { coordinator => { threads => 4 } })
	    ->init;
	my $clients = 64;

	$w->start;
	$w->nginx_start(workers => 2);
	# Kept connections of both worker processes, many more than threads.
	my %got;
	for my $round (1 .. 5) {
		my @answers = $w->post_at_once('nginx', ('[]') x $clients);
		$got{defined $_ ? $_->{status} : 'none'}++ for @answers;
	}
	is_deeply(\%got, { 400 => 5 * $clients },
	    "$clients clients at once are served by 4 threads");
	# Idle kept connections to nginx don't hold the others up, either.
	my @idle = map { $w->http_socket } 1 .. 20;
	for my $s (@idle) {
		syswrite($s, "GET /api/health HTTP/1.1\r\nHost: t\r\n\r\n");
		my $text = '';
		while ($text !~ /\}$/) {
			sysread($s, $text, 4096, length $text) or last;
		}
		$got{idle}++ if $text =~ /"ok"/;
	}
	is($got{idle}, 20, '20 clients that stay connected are served');
	is($w->http('GET', '/health')->{status}, 200, 'and then others');
	my $direct = $w->fcgi;
	is($direct->get('/health')->{status}, 200,
	    'also another web server\'s connection');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
}

# ---- More connections than file descriptors ----

{
	my $w = WorknetTest->new(conf => { coordinator => { threads => 4 } })
	    ->init;
	my $n = 150;

	$w->start(how => sub {
		my ($log, @command) = @_;
		exec_logged($log, '/bin/sh', '-c',
		    'ulimit -n 80; exec "$@"', 'sh', @command, '-s',
		    $w->socket_path);
	});
	my @clients = map { $w->fcgi } 1 .. $n;
	my $health = WorknetTest::Fcgi::request_bytes('GET', '/health');
	$_->send_bytes($health) for @clients;
	# Those that are served let go, and so make room for others.
	my $served = 0;
	for my $client (@clients) {
		my $r = $client->answer_and_close;
		$served++ if $r && $r->{status} == 200;
	}
	is($served, $n, "$n connections are served with 80 descriptors");
	is($w->fcgi->get('/health')->{status}, 200, 'and then others');
	is($w->stop, 0, 'it stops');
	is(scalar(() = $w->log_text =~ /have to wait: Too many open files/g),
	    1, 'the log says once that connections had to wait, and why');
	like($w->log_text, qr/are taken again/, 'and that it is over');
	$w->log_ok;
}

# ---- A coordinator that hangs ----

{
	my $w = WorknetTest->new->init;

	$w->start;
	$w->nginx_start(edit => sub {
		s/fastcgi_read_timeout 15s/fastcgi_read_timeout 1s/ or die;
	});
	kill('STOP', $w->pid);
	my $threads = '/proc/' . $w->pid . '/task/*/stat';
	wait_for(sub { !grep { slurp($_) !~ /\) T / } glob $threads },
	    'all threads to stand still');
	is_error($w->http('GET', '/health'), 503, 'coordinator unavailable, ' .
	    'try again later', 'a coordinator that hangs is unavailable');
	kill('CONT', $w->pid);
	is($w->http('GET', '/health')->{status}, 200,
	    'until it goes on');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
}

# ---- TLS, by the line of doc/guide, beside another default server ----

SKIP: {
	skip('openssl isn\'t installed', 1) if !find_program('openssl');
	my $w = WorknetTest->new->init;
	my $name = 'worknet.example.org';
	my $site = $w->dir('site');
	my $web = $w->dir('web');
	my $live = $w->dir("live/$name");
	my $line = sub {
		my ($pattern) = @_;
		slurp(source_path('doc/guide')) =~ /^    ($pattern.*)$/m or
		    die "doc/guide: no line $pattern\n";
		my $command = $1 =~ s{/etc/nginx/sites-available/worknet}
		    {$site}r;
		my ($status, undef, $err) = run_command('/bin/sh', '-c',
		    $command);
		is($status, 0, $command =~ s/\Q$site\E/FILE/r) or diag($err);
	};
	my $serve = sub {
		# Only where it listens, and what is where, differs here.
		my $text = slurp($site);
		my @port = map { WorknetTest::free_port() } 1 .. 2;
		my $socket = $w->socket_path;
		$text =~ s{unix:/run/worknet/fcgi\.sock}{unix:$socket};
		$text =~ s{listen 80;}{listen 127.0.0.1:$port[0];}g;
		$text =~ s{listen 127.0.0.1:9180;}{"listen unix:" . $w->dir('nginx/metrics.sock') . ';'}e;
		$text =~ s{listen 443 ssl;}{listen 127.0.0.1:$port[1] ssl;};
		$text =~ s{/etc/letsencrypt}{@{[$w->dir]}}g;
		$text =~ s{/var/www/html}{$web}g;
		$w->{port} = $port[0];
		$w->nginx_write;
		spurt($w->dir('nginx/site.conf'), "server { listen 127.0.0.1:" .
		    "$port[0] default_server; server_name _; return 410; }\n" .
		    $text);
		my ($status, undef, $err) = run_command($w->nginx_command,
		    '-t');
		is($status, 0, 'nginx -t accepts it') or diag($err);
		unlike($err, qr/warn/, 'without a warning');
		ok($w->nginx_run, 'and it serves');
		return @port;
	};
	my $get = sub {
		my ($path, $host) = @_;
		my $s = $w->http_socket;
		syswrite($s, "GET $path HTTP/1.1\r\nHost: " .
		    ($host // $name) . "\r\nConnection: close\r\n\r\n");
		return http_read($s);
	};
	my $challenge = '/.well-known/acme-challenge/token';
	my $is_shown = sub {
		is($get->($challenge)->{body}, 'shown', "certbot's challenge " .
		    "is shown $_[0]");
	};

	system('mkdir', '-p', "$web/.well-known/acme-challenge", $live);
	chmod(0755, $w->dir, $web);
	spurt("$web$challenge", 'shown');
	spurt($site, slurp(source_path('nginx/worknet.conf')) =~
	    s/HOST/$name/gr);
	$w->start;
	$serve->();
	is($get->('/api/health')->{status}, 200,
	    'the site has its name\'s requests beside a default server');
	is($get->('/api/health', '192.0.2.1')->{status}, 410,
	    'which keeps the others');
	$is_shown->('before there is a certificate');
	$w->nginx_stop;

	run_command('openssl', qw(req -x509 -newkey rsa:2048 -nodes -days 2),
	    '-subj', "/CN=$name", '-keyout', "$live/privkey.pem", '-out',
	    "$live/fullchain.pem");
	$line->("sed -i -e 's/#tls ");
	my (undef, $tls) = $serve->();
	my $moved = $get->('/api/health');
	is("$moved->{status} $moved->{headers}{location}",
	    "301 https://$name/api/health", 'port 80 then sends to https');
	is($get->('/api/health', '192.0.2.1')->{status}, 410,
	    'but not what isn\'t its own');
	$is_shown->('at a renewal, too');
	my (undef, $out) = run_command({ stdin => "GET /api/health HTTP/1.1\n" .
	    "Host: $name\nConnection: close\n\n" }, 'openssl', 's_client',
	    '-quiet', '-servername', $name, '-connect', "127.0.0.1:$tls");
	like($out, qr/^HTTP\/1\.1 200.*^\{"status":"ok"\}/ms,
	    'and port 443 answers');
	is($w->stop, 0, 'it stops');
	$w->nginx_stop;
}

# ---- The transparency log ----

# C2SP's tlog-tiles says types and how long each is kept: the checkpoint for
# seconds, all else for ever.
{
	my $w = WorknetTest->new;
	my $site = source_path('t/vectors/evidence/site-300');
	my ($log, $key) = ($w->dir('evidence'), $w->dir('log.key'));

	system('cp', '-rL', $site, $log) == 0 or die;
	system('chmod', '-R', 'u+w', $log) == 0 or die;
	spurt("$log/policy", "quorum none\n");
	mkdir "$log/segment" or die $!;
	spurt("$log/segment/t.ndjson", "{}\n");
	spurt($key, 'secret');
	$w->nginx_start(edit => sub {
		s{/var/lib/worknet-log/evidence/}{$log/}g or die 'no log';
	});
	for my $case ([ 'checkpoint', 'text/plain; charset=utf-8', 'public, max-age=5' ],
	    [ 'policy', 'text/plain; charset=utf-8', 'public, max-age=5' ],
	    map { [ $_, 'application/octet-stream',
	    'public, max-age=31536000, immutable' ] } qw(tile/0/000
	    tile/0/001.p/44 tile/1/000.p/1 tile/entries/000
	    tile/entries/001.p/44 proof42.tlog-proof segment/t.ndjson)) {
		my ($name, @headers) = @$case;
		my $r = raw($w, http_raw('GET', "/evidence/$name"));
		is($r->{status}, 200, "$name of the log is served");
		is($r->{body}, slurp("$log/$name"), '... as it is');
		is(join(', ', @{ $r->{headers} }{qw(content-type
		    cache-control)}), join(', ', @headers), '... as what it is');
	}
	for my $case ([ 404, 'tile/0/002' ], [ 403, '' ], [ 403, 'tile/' ],
	    [ 404, '../log.key' ], [ 404, '%2e%2e/log.key' ],
	    [ 404, 'checkpoint/../../log.key' ]) {
		my $r = raw($w, http_raw('GET', "/evidence/$case->[1]"));
		is($r->{status}, $case->[0], "\"$case->[1]\" isn't");
		unlike($r->{body}, qr/secret|000/, '... nor told of');
	}
	is(raw($w, http_raw('POST', '/evidence/checkpoint', 'x'))->{status}, 405,
	    'nothing is taken there');
	spurt("$log/checkpoint", 'a new one');
	is(raw($w, http_raw('GET', '/evidence/checkpoint'))->{body}, 'a new one',
	    'a new checkpoint is there at once');
	$w->nginx_stop;
}

done_testing();
