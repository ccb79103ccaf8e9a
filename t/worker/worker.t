#!/usr/bin/perl
# worknet-worker as a whole, between a fake coordinator and fake targets.
# WN_BUILDDIR says where the programs are (default: here).
use strict;
use warnings;
use File::Basename 'dirname';
use JSON::PP;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use lib dirname(__FILE__) . '/../lib';
use WorkerRig;
use WorkerTest;

sub worker_alone { WorkerRig->new($program)->run([@_]) }

sub is_verified {
	my ($body, $name) = @_;
	SKIP: {
		skip 'test_worker is not built', 1 unless $verifier;
		open my $v, '|-', $verifier, '--verify' or die "$verifier: $!";
		print $v $body;
		ok(close $v, $name);
	}
}

sub test_usage {
	my $r = worker_alone('-h');
	is $r->{status}, 0, 'help is no error';
	like $r->{out}, qr/^usage: .*Exit status:/s, 'and tells the exit codes';
	is worker_alone('--nonsense')->{status}, 2, 'an unknown option is one';
	is worker_alone('more')->{status}, 2, 'so is an argument';
	like worker_alone('--version')->{out}, qr/^worknet-worker \d/,
	    'it knows its version';
}

sub test_keys {
	umask 0;
	my $r = worker_alone('--new-key', $key);
	is $r->{status}, 0, 'a new key is made';
	like $r->{out}, qr/\A0x[0-9A-Fa-f]{40}\n\z/, 'and its address printed';
	is sprintf('%o', (stat $key)[2] & 07777), '600', 'its mode is 0600';
	my $text = contents($key);
	is worker_alone('--new-key', $key)->{status}, 1,
	    'a key is never made over another';
	is contents($key), $text, 'which stays as it was';
	symlink "$dir/elsewhere", "$dir/link";
	is worker_alone('--new-key', "$dir/link")->{status}, 1,
	    'nor through a link';
	ok !-e "$dir/elsewhere", 'and nothing is made behind it';
	is worker_alone('--address', '-k', $key)->{out}, $r->{out},
	    '--address prints the same address';
	umask 022;
	chomp(my $address = $r->{out});
	return $address;
}

sub test_configuration {
	my $ok = write_file("$dir/ok.conf", "[worker]\n" .
	    "coordinator = http://127.0.0.1:1/api\nkey_file = worker.key\n");
	my $bad = write_file("$dir/bad.conf", "[worker]\ncordinator = x\n");
	is worker_alone('-t', '-c', $ok)->{status}, 0,
	    'a good configuration passes its test';
	my $r = worker_alone('-t', '-c', $bad);
	is $r->{status}, 1, 'an unknown key does not';
	like $r->{err}, qr/bad\.conf:2: .*cordinator/, 'it says where and why';
	is worker_alone('-t', '-c', "$dir/none.conf")->{status}, 1,
	    'nor does a file that is missing';
	is worker_alone('-t', '-k', $key)->{status}, 1,
	    'nor does one without a coordinator';
	is worker_alone('-t', '-c', $ok, '-k', "$dir/none.key")->{status}, 1,
	    'nor does one without a key';
	is worker_alone('-t', '-c', $ok, '-u', 'ftp://h/')->{status}, 1,
	    'nor does a coordinator that is not http';
	is worker_alone('-t', '-c', $ok, '--interval', '5x')->{status}, 1,
	    'nor does an interval that is no number';
	my $open = write_file("$dir/open.key", contents($key));
	chmod 0644, $open;
	is worker_alone('-t', '-c', $ok, '-k', $open)->{status}, 1,
	    'nor does a key that others can read';
}

sub test_round {
	my ($address) = @_;
	my $rig = WorkerRig->new($program);
	my @requests;
	my $target = $rig->listen(sub {
		my ($request) = @_;
		push @requests, $request;
		return WorkerRig::reply($request->{target} =~ /(\d+)/, 'body');
	});
	my @tasks = map { task("http://127.0.0.1:$target/$_->[0]",
	    expectedStatus => $_->[1]) } [ 200, 200 ], [ 503, 200 ],
	    [ 404, 404 ];
	my $c = coordinator($rig, \@tasks);
	my $before = time;
	my $r = $rig->run([ @{ $c->{args} }, '--once', '--allow-private',
	    '-r', 'eu west', '-v' ]);
	is $r->{status}, 0, 'a round works';
	is @{ $c->{polls} }, 1, 'it polls once';
	is $c->{polls}[0]{target}, '/api/v1/worker/tasks?address=' .
	    "$address&region=eu%20west", 'with address and region';
	ok !grep({ $c->{polls}[0]{headers}{$_} } 'authorization', 'cookie'),
	    'and without any authentication';
	is_deeply [ sort map { "$_->{method} $_->{target}" } @requests ],
	    [ 'GET /200', 'GET /404', 'GET /503' ], 'each task is a GET';
	is scalar(grep { $_->{headers}{'user-agent'} =~
	    /^worknet-worker\/[\d.]+$/ } @requests, $c->{polls}[0]), 4,
	    'the user agent tells the version';
	is @{ $c->{posts} }, 1, 'all results are in one POST';
	is $c->{posts}[0]{target}, '/api/v1/worker/results', 'to its place';
	is $c->{posts}[0]{headers}{'content-type'}, 'application/json',
	    'as JSON';
	is_verified($c->{posts}[0]{body}, 'each is signed by its worker');
	my $got = results($c, 0);
	is_deeply [ map { [ @$_{qw(workerAddress success statusCode error)} ] }
	    @$got{map { $_->{id} } @tasks} ], [
		[ $address, JSON::PP::true, 200, undef ],
		[ $address, JSON::PP::false, 503, undef ],
		[ $address, JSON::PP::true, 404, undef ] ],
	    'success means that the status is the expected one';
	ok !grep({ $_->{timestamp} < $before * 1000 ||
	    $_->{timestamp} > (time + 1) * 1000 } values %$got),
	    'the times are now, in milliseconds';
	like $r->{err}, qr/round:[ ]3[ ]checks[ ]\(2[ ]as[ ]expected\),
	    [ ]3[ ]accepted,[ ]earned[ ]0\.000300[ ]USDC,
	    [ ]0\.000300[ ]in[ ]all$/mx, 'the tally says what was earned';
}

sub test_idle {
	my $rig = WorkerRig->new($program);
	my $c = coordinator($rig);
	my $r = $rig->run([ @{ $c->{args} }, '--once' ]);
	is "$r->{status} " . @{ $c->{posts} }, '0 0',
	    'without tasks there is nothing to submit';
	like $c->{polls}[0]{target}, qr/&region=unknown$/,
	    'no region is told as unknown';
}

sub test_at_once {
	my $rig = WorkerRig->new($program);
	my ($left, $most, @held) = (25, 0);
	my $target = $rig->listen(sub {
		push @held, $_[0];
		$most = @held if @held > $most;
		return undef;
	});
	my $c = coordinator($rig, [ map { task("http://127.0.0.1:$target/") }
	    1 .. $left ]);
	# One is let go only while as many wait as may, and no more come.
	my $r = $rig->run([ @{ $c->{args} }, '--once', '--allow-private' ],
	    on_idle => sub {
		my $expected = $left < 10 ? $left : 10;
		return unless @held && @held >= $expected;
		$left--;
		$rig->answer(shift @held, WorkerRig::reply(200, ''));
	    });
	is $most, 10, 'ten checks run at once, and never more';
	is keys %{ results($c, 0) }, 25, 'all of them are done';
}

sub test_many_tasks {
	my $rig = WorkerRig->new($program);
	my $target = $rig->listen(sub { WorkerRig::reply(200, '') });
	my $c = coordinator($rig, [ map { task("http://127.0.0.1:$target/") }
	    1 .. 60 ]);
	$rig->run([ @{ $c->{args} }, '--once', '--allow-private' ]);
	is join(' ', map { scalar keys %{ results($c, $_) } }
	    0 .. $#{ $c->{posts} }), '50', 'no POST has more than 50 results';
}

sub test_redirects {
	my $rig = WorkerRig->new($program);
	my $other = $rig->listen(sub { WorkerRig::reply(200, '') });
	my $target = $rig->listen(sub {
		my ($n) = $_[0]{target} =~ /^\/(\d+)$/;
		return WorkerRig::reply(302, '', Location => $n > 0 ?
		    '/' . ($n - 1) : "http://127.0.0.1:$other/");
	});
	my @tasks = map { task("http://127.0.0.1:$target/$_") } 19, 20;
	my $c = coordinator($rig, \@tasks);
	$rig->run([ @{ $c->{args} }, '--once', '--allow-private' ]);
	my ($most, $more) = @{ results($c, 0) }{map { $_->{id} } @tasks};
	is "$most->{success} $most->{statusCode}", '1 200',
	    'twenty redirects are followed, also to another host';
	is_deeply [ @$more{qw(success statusCode error)} ],
	    [ JSON::PP::false, undef, 'too many redirects' ],
	    'the next is an error';
}

sub test_refused_targets {
	my $rig = WorkerRig->new($program);
	my $target = $rig->listen(sub { WorkerRig::reply(200, '') });
	my @tasks = map { task("http://$_:$target/") } '127.0.0.1',
	    'localhost', '[::1]', '0x7f.1', '[::ffff:127.0.0.1]', '0.0.0.0';
	my $c = coordinator($rig, \@tasks);
	my $r = $rig->run([ @{ $c->{args} }, '--once' ]);
	is $rig->accepted($target), 0, 'loopback is never connected to';
	is_deeply [ map { [ @$_{qw(success statusCode error)} ] }
	    values %{ results($c, 0) } ], [ map { [ JSON::PP::false, undef,
	    'refused: not a public address' ] } @tasks ],
	    'which the results say';
	is_verified($c->{posts}[0]{body}, 'and they are signed all the same');
	is $r->{status}, 0, 'the round worked';
}

sub test_refused_schemes {
	my $rig = WorkerRig->new($program);
	my $victim = $rig->listen(sub { WorkerRig::reply(200, '') });
	my $at = "127.0.0.1:$victim/";
	my @urls = ('file:///etc/passwd', map { "$_$at" } 'ftp://',
	    'gopher://', 'dict://', 'ldap://', 'ws://', 'http://u:p@');
	my $redirect = $rig->listen(sub {
		my ($n) = $_[0]{target} =~ /(\d+)/;
		return WorkerRig::reply(302, '', Location => $urls[$n]);
	});
	my @tasks = map { task($_) } @urls,
	    map { "http://127.0.0.1:$redirect/$_" } 0 .. $#urls;
	my $c = coordinator($rig, \@tasks);
	$rig->run([ @{ $c->{args} }, '--once', '--allow-private' ]);
	is $rig->accepted($victim), 0,
	    'file, ftp, gopher and the like never leave, also by redirect';
	is_deeply [ map { [ @$_{qw(success statusCode error)} ] }
	    @{ results($c, 0) }{map { $_->{id} } @tasks} ], [ map {
	    [ JSON::PP::false, undef, /u:p/ ?
	    'refused: a user or password in the URL' :
	    'refused: not http or https' ] } @urls, @urls ],
	    'which the results say';
}

sub test_failures {
	my $rig = WorkerRig->new($program);
	my $endless = "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nfew";
	my %answer = ('/endless' => $endless, '/garbage' => "so\r\n\r\n",
	    '/closed' => '',
	    '/big' => WorkerRig::reply(200, 'x' x 5_000_000),
	    '/999' => WorkerRig::reply(999, ''));
	my $target = $rig->listen(sub { $answer{$_[0]{target}} });
	my %tasks = map { $_ => task("http://127.0.0.1:$target/$_", timeoutMs
	    => $_ eq 'silent' ? 2000 : 60000) } qw(silent endless garbage big
	    closed 999);
	my $c = coordinator($rig, [ values %tasks ]);
	$rig->run([ @{ $c->{args} }, '--once', '--allow-private' ]);
	my $got = results($c, 0);
	my %got = map { $_ => $got->{$tasks{$_}{id}} } keys %tasks;
	is_deeply { map { $_ => [ @{ $got{$_} }{qw(success statusCode error)} ]
	    } keys %got }, {
		silent => [ JSON::PP::false, undef, 'timeout' ],
		closed => [ JSON::PP::false, undef, 'connection closed' ],
		endless => [ JSON::PP::true, 200, undef ],
		garbage => [ JSON::PP::false, undef, 'no usable answer' ],
		big => [ JSON::PP::true, 200, undef ],
		999 => [ JSON::PP::false, undef, 'no usable answer' ],
	    }, 'timeouts, bodies of any kind and nonsense are survived';
}

sub test_tls {
	SKIP: {
		my $pem = "$dir/tls.pem";
		skip 'openssl is not there', 2 if system("openssl req -x509 " .
		    "-newkey rsa:2048 -nodes -subj /CN=localhost -days 2 " .
		    "-keyout $pem -out $dir/tls.crt 2>/dev/null") != 0;
		my $pid = open my $s, '-|', "exec openssl s_server -www " .
		    "-accept 127.0.0.1:0 -key $pem -cert $dir/tls.crt 2>&1"
		    or die "openssl: $!";
		my $line;
		1 while defined($line = <$s>) && $line !~ /^ACCEPT .*:(\d+)/;
		my ($port) = ($line || '') =~ /:(\d+)/;
		my $rig = WorkerRig->new($program);
		my $c = coordinator($rig, [ task("https://localhost:$port/") ]);
		$rig->run([ @{ $c->{args} }, '--once', '--allow-private' ]);
		kill 'KILL', $pid;
		close $s;
		my ($got) = values %{ results($c, 0) };
		like $got->{error}, qr/^tls: .*certificate/,
		    'a certificate that nobody vouches for is an error';
		is "$got->{success}", '0', 'and no success';
	}
}

# Runs until the coordinator has had $polls polls, then ends it.
sub run_for {
	my ($rig, $c, $polls) = @_;
	$c->{on_poll} = sub {
		$rig->signal('TERM') if @{ $c->{polls} } >= $polls;
	};
	return $rig->run([ @{ $c->{args} }, '--interval', '100',
	    '--allow-private' ]);
}

sub test_lost_answers {
	my %ways = (
		'a closed connection' => sub { '' },
		'status 500' => sub { WorkerRig::reply(500, '{"error":"x"}') },
		'status 502' => sub { WorkerRig::reply(502, '<html>') },
		'a page instead of JSON' => sub {
			WorkerRig::reply(200, '<html>') },
		'an answer cut off' => sub {
			my $all = WorkerRig::reply_json({ accepted => 1,
			    earned => '0.000100' });
			return substr $all, 0, length($all) - 5;
		},
	);
	for my $way (sort keys %ways) {
		my $rig = WorkerRig->new($program);
		my $target = $rig->listen(sub { WorkerRig::reply(200, '') });
		my $task = task("http://127.0.0.1:$target/");
		my $c = coordinator($rig, [ $task ]);
		push @{ $c->{answers} }, $ways{$way}, $ways{$way}, sub {
			WorkerRig::reply_json({ accepted => 0, earned =>
			    '0.000000', errors =>
			    [ "$task->{id}: already recorded" ] });
		};
		my $r = run_for($rig, $c, 5);
		is @{ $c->{posts} }, 3, "after $way results are sent again";
		ok !grep({ $_->{body} ne $c->{posts}[0]{body} }
		    @{ $c->{posts} }), 'each time with the same bytes';
		like $r->{err}, qr/1 recorded before/,
		    'what was recorded before is no refusal';
		is $r->{status}, 0, 'and it ends in order';
	}
}

sub test_new_before_old {
	my $rig = WorkerRig->new($program);
	my $target = $rig->listen(sub { WorkerRig::reply(200, '') });
	my @tasks = map { task("http://127.0.0.1:$target/") } 1 .. 2;
	my $c = coordinator($rig, [ $tasks[0] ], [ $tasks[1] ]);
	push @{ $c->{answers} }, sub { WorkerRig::reply(500, '') };
	run_for($rig, $c, 3);
	is_deeply [ map { keys %{ results($c, $_) } } 0 .. 2 ],
	    [ map { $_->{id} } @tasks[0, 1, 0] ],
	    'new results go before those that are sent again';
}

sub test_refused_posts {
	for my $status (400, 413) {
		my $rig = WorkerRig->new($program);
		my $target = $rig->listen(sub { WorkerRig::reply(200, '') });
		my $c = coordinator($rig,
		    [ task("http://127.0.0.1:$target/") ]);
		push @{ $c->{answers} }, sub { WorkerRig::reply($status,
		    '{"error":"invalid JSON"}') };
		my $r = run_for($rig, $c, 4);
		is @{ $c->{posts} }, 1,
		    "what got status $status isn't sent again";
		like $r->{err},
		    qr/given up: got status $status \(invalid JSON\)/,
		    'and the log says why';
	}
	my $rig = WorkerRig->new($program);
	my $target = $rig->listen(sub { WorkerRig::reply(200, '') });
	my $task = task("http://127.0.0.1:$target/");
	my $c = coordinator($rig, [ $task ]);
	push @{ $c->{answers} }, sub { WorkerRig::reply_json({ accepted => 0,
	    earned => '0.000000', errors => [ "$task->{id}: unknown task" ]
	    }) };
	my $r = run_for($rig, $c, 4);
	is @{ $c->{posts} }, 1, "nor is a result that was refused";
	like $r->{err}, qr/refused: 1 unknown task/, 'the tally has the reason';
}

sub test_retry_after {
	for my $status (503, 429) {
		my $rig = WorkerRig->new($program);
		my $target = $rig->listen(sub { WorkerRig::reply(200, '') });
		my $c = coordinator($rig,
		    [ task("http://127.0.0.1:$target/") ]);
		my ($asked, $came);
		push @{ $c->{answers} }, sub {
			$asked = clock_gettime(CLOCK_MONOTONIC);
			return WorkerRig::reply($status, '{"error":"busy"}',
			    'Retry-After' => 1);
		};
		$c->{on_poll} = sub {
			return unless $asked;
			$came ||= clock_gettime(CLOCK_MONOTONIC);
		};
		# The second POST comes after the next poll, and is the last.
		push @{ $c->{answers} }, sub {
			$rig->signal('TERM');
			return WorkerRig::reply_json({ accepted => 1, earned
			    => '0.000100' });
		};
		$rig->run([ @{ $c->{args} }, '--interval', '100',
		    '--allow-private' ]);
		ok $came && $came - $asked >= 1,
		    "status $status with Retry-After is honoured";
		is $c->{posts}[1]{body}, $c->{posts}[0]{body},
		    'and the same results are sent after it';
	}
	my $rig = WorkerRig->new($program);
	my $c = coordinator($rig, WorkerRig::reply(503, '{"error":"busy"}',
	    'Retry-After' => 1));
	my $r = $rig->run([ @{ $c->{args} }, '--once' ]);
	is $r->{status}, 4, 'a poll that gets a 503 is no round';
}

sub test_hostile_polls {
	my $good = task('http://127.0.0.1:1/');
	my $json = JSON::PP->new->canonical;
	my $element = $json->encode($good);
	my %polls = (
		'nested arrays' => '[' x 100_000,
		'nested objects' => '{"a":' x 50_000,
		'ten megabytes' => '[' . '0,' x 5_000_000 . '0]',
		'a cut list' => "[$element,",
		'an object' => '{"tasks":[]}',
		'no JSON' => '<html></html>',
		'nothing' => '',
		'invalid bytes' => "[\xff\xfe]",
		'a NUL' => "[\0]",
	);
	for my $name (sort keys %polls) {
		my $rig = WorkerRig->new($program);
		my $c = coordinator($rig, WorkerRig::reply(200, $polls{$name}));
		my $r = $rig->run([ @{ $c->{args} }, '--once' ]);
		is "$r->{status} " . @{ $c->{posts} }, '4 0',
		    "an answer to a poll that is $name is survived";
	}
	my $rig = WorkerRig->new($program);
	my $list = '[1,null,"x",[[]],{},' . join(',', map { $json->encode({
	    %$good, @$_ }) } [ id => 'a b' ], [ id => 7 ], [ url => 1 ],
	    [ timeoutMs => '100' ], [ timeoutMs => 99 ], [ timeoutMs =>
	    60001 ], [ expectedStatus => 1e30 ], [ url => 'x' x 3000 ], [],
	    []) . ']';
	my $c = coordinator($rig, WorkerRig::reply(200, $list));
	my $r = $rig->run([ @{ $c->{args} }, '--once' ]);
	is_deeply [ keys %{ results($c, 0) } ], [ $good->{id} ],
	    'bad tasks and second ones of an id are left out, the good is done';
	like $r->{err}, qr/14 tasks skipped/, 'and the log says so';
}

sub test_coordinator_away {
	my $r = worker_alone('-k', $key, '-u', 'http://127.0.0.1:1',
	    '--once');
	is $r->{status}, 4, 'without a coordinator there is no round';
	like $r->{err}, qr/poll: connection failed/, 'and the log says why';
	my $rig = WorkerRig->new($program);
	my $other = $rig->listen(sub { WorkerRig::reply(200, '[]') });
	my $c = coordinator($rig, WorkerRig::reply(308, '', Location =>
	    "http://127.0.0.1:$other/"));
	$r = $rig->run([ @{ $c->{args} }, '--once' ]);
	is "$r->{status} " . $rig->accepted($other), '4 0',
	    'a coordinator elsewhere is not followed';
	like $r->{err}, qr/a redirect to http:\/\/127/, 'but named';
}

sub test_stop {
	my $conf = write_file("$dir/one.conf",
	    "[worker]\nchecks_at_once = 1\n");
	for my $signal ('TERM', 'INT') {
		my $rig = WorkerRig->new($program);
		my $target = $rig->listen(sub {
			return WorkerRig::reply(200, '')
			    if $_[0]{target} eq '/fast';
			$rig->signal($signal);	# the fast one is over
			return undef;
		});
		my @tasks = map { task("http://127.0.0.1:$target/$_") }
		    qw(fast silent never);
		my $c = coordinator($rig, \@tasks);
		my $r = $rig->run([ @{ $c->{args} }, '-c', $conf,
		    '--allow-private', '--interval', '100' ]);
		is_deeply [ map { keys %{ results($c, $_) } } 0 ..
		    $#{ $c->{posts} } ], [ $tasks[0]{id} ],
		    "SIG$signal in a round: what was signed is submitted";
		is $r->{status}, 0, 'and it exits with 0';
	}
}

sub test_stop_between {
	my $rig = WorkerRig->new($program);
	my $c = coordinator($rig);
	my $r = $rig->run([ @{ $c->{args} }, '--interval', '3600000' ],
	    on_line => sub { $rig->signal('TERM') });
	is "$r->{status} " . @{ $c->{polls} }, '0 0',
	    'SIGTERM before the first round ends it without one';
	$rig = WorkerRig->new($program);
	my $silent = $rig->listen(sub { $rig->signal('TERM'); undef });
	$r = $rig->run([ '-k', $key, '-u', "http://127.0.0.1:$silent",
	    '--interval', '100' ]);
	is $r->{status}, 0, 'SIGTERM during a poll ends it at once';
	$rig = WorkerRig->new($program);
	my $target = $rig->listen(sub { WorkerRig::reply(200, '') });
	$c = coordinator($rig, [ task("http://127.0.0.1:$target/") ]);
	my $post;
	push @{ $c->{answers} }, sub {
		$post = $_[0];
		$rig->signal('TERM');
		return undef;
	};
	$r = $rig->run([ @{ $c->{args} }, '--interval', '100',
	    '--allow-private' ], on_idle => sub {
		$rig->answer($post, WorkerRig::reply_json({ accepted => 1,
		    earned => '0.000100' })) if $post;
		$post = undef;
	    });
	like $r->{err}, qr/1 accepted, earned 0\.000100/,
	    'SIGTERM during a submission waits for its answer';
	is $r->{status}, 0, 'and it exits with 0';
}

sub test_stop_with_unsent {
	my $rig = WorkerRig->new($program);
	my $target = $rig->listen(sub { WorkerRig::reply(200, '') });
	my $c = coordinator($rig, [ task("http://127.0.0.1:$target/") ]);
	push @{ $c->{answers} }, sub { WorkerRig::reply(500, '') };
	my $r = $rig->run([ @{ $c->{args} }, '--interval', '3000',
	    '--allow-private' ], on_line => sub {
		$rig->signal('TERM') if $_[0] =~ /round: .*1 kept for later/;
	    });
	is @{ $c->{posts} }, 2,
	    'SIGTERM between rounds: what was kept is submitted once more';
	is $r->{status}, 0, 'and it exits with 0';
}

test_usage();
my $address = test_keys();
test_configuration();
test_round($address);
test_idle();
test_at_once();
test_many_tasks();
test_redirects();
test_refused_targets();
test_refused_schemes();
test_failures();
test_tls();
test_lost_answers();
test_new_before_old();
test_refused_posts();
test_retry_after();
test_hostile_polls();
test_coordinator_away();
test_stop();
test_stop_between();
test_stop_with_unsent();

my ($secret) = contents($key) =~ /([0-9a-fA-F]{64})/;
ok $secret && $WorkerRig::Seen !~ /\Q$secret\E/i,
    'the key was never written or sent anywhere';
done_testing;
