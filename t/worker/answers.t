#!/usr/bin/perl
# What worknet-worker makes of answers and redirects that aren't quite usual,
# and of its own clocks.
use strict;
use warnings;
use File::Basename 'dirname';
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use WorkerNet;
BEGIN { WorkerNet::alone() }
use WorkerRig;
use WorkerTest;

key_make();

# Runs a round of checks of a target that answers as %answer says by path;
# the outcomes by path, and the results. A path may have a task's values.
sub round_of {
	my ($answer, %more) = @_;
	my $rig = WorkerRig->new($program);
	my $port = $rig->listen(sub {
		my $a = $answer->{$_[0]{target}};
		return ref $a ? $a->($_[0], $rig) : $a;
	});
	my %tasks = map { $_ => task("http://127.0.0.1:$port$_",
	    %{ $more{$_} || {} }) } grep { !/^\/then/ } keys %$answer;
	my $c = coordinator($rig, [ values %tasks ]);
	my $r = $rig->run([ @{ $c->{args} }, '--once', '--allow-private' ]);
	my $got = all_results($c);
	my %results = map { $_ => $got->{$tasks{$_}{id}} } keys %tasks;

	return ({ map { $_ => outcome($results{$_}) } keys %results },
	    \%results, $r->{err});
}

sub test_headers {
	my ($got, $results) = round_of({
		'/cut' => "HTTP/1.1 200 OK\r\nServer: x\r\n",
		'/status-line' => "HTTP/1.1 200 OK\r\n",
		'/interim' => "HTTP/1.1 103 Early Hints\r\n\r\n",
		'/switch' => sub {
			my ($request, $rig) = @_;
			$request->{client}{keep} = 1;
			return "HTTP/1.1 101 Switching Protocols\r\n" .
			    "Upgrade: x\r\nConnection: upgrade\r\n\r\n";
		},
	});
	is_deeply $got, { '/cut' => 'connection closed', '/status-line' =>
	    'connection closed', '/interim' => 'connection closed',
	    '/switch' => '101' },
	    'an answer is one whose header is complete; 101 is final';
	# The rig gives nothing before half a second.
	($got, $results) = round_of({ '/late' => sub {
		select undef, undef, undef, 0.5;
		return "HTTP/1.1 200 OK\r\nServer: x\r\n";
	} });
	cmp_ok $results->{'/late'}{responseTimeMs}, '>=', 500,
	    'and the time until the connection closed is told';
}

sub test_redirects {
	my $long = '/then-long?SAMLRequest=' . 'x' x 8000;
	my $here = sub { WorkerRig::reply(302, '', Location => $_[0]) };
	my ($got) = round_of({
		'/long' => $here->($long),
		$long => WorkerRig::reply(200, ''),
		'/longer' => $here->('/?' . 'x' x 9000),
		'/fragment' => sub { $here->(
		    "http://$_[0]{headers}{host}/then#a b") },
		'/then' => WorkerRig::reply(200, ''),
		'/port' => $here->('http://127.0.0.1:99999/'),
		'/user' => $here->('http://u:p@127.0.0.1/'),
		'/scheme' => $here->('ftp://127.0.0.1/'),
		'/host' => $here->('http://exa mple/'),
		'/control' => $here->("/a\tb"),
		'/bytes' => $here->("http://\xff\xfe.test/"),
	});
	is_deeply $got, { '/long' => '200', '/fragment' => '200',
	    '/longer' => 'refused: URL too long',
	    '/port' => 'refused: no such port',
	    '/user' => 'refused: a user or password in the URL',
	    '/scheme' => 'refused: not http or https',
	    '/host' => 'refused: malformed URL',
	    '/control' => 'refused: malformed URL',
	    '/bytes' => 'refused: malformed URL' },
	    'a redirect of 8 kB is followed, and each refusal has its words';
}

sub test_names {
	my $name = "b\xc3\xbccher.test";	# UTF-8
	WorkerNet::file('/etc/hosts',
	    "127.0.0.1 localhost xn--bcher-kva.test\n");
	for my $locale ('C', 'C.UTF-8', 'nonsense') {
		local @ENV{qw(LANG LC_ALL)} = ($locale) x 2;
		my $rig = WorkerRig->new($program);
		my @hosts;
		my $port = $rig->listen(sub {
			push @hosts, $_[0]{headers}{host};
			return WorkerRig::reply(200, '');
		});
		my $at = $rig->listen(sub { WorkerRig::reply(302, '',
		    Location => "http://$name:$port/") });
		my $c = coordinator($rig, [ tasks("http://$name:$port/",
		    "http://127.0.0.1:$at/") ]);
		$rig->run([ @{ $c->{args} }, '--once', '--allow-private' ]);
		is_deeply [ map { outcome($_) } values %{ all_results($c) } ],
		    [ 200, 200 ], "names beyond ASCII are requested and " .
		    "followed, LANG=$locale";
		is_deeply \@hosts, [ ("xn--bcher-kva.test:$port") x 2 ],
		    'under the name that DNS has';
	}
}

# A host that sleeps stops the monotonic clock; here the other one is set.
sub test_clock_set {
	my $clock = "$dir/clock";
	local @ENV{qw(LD_PRELOAD ASAN_OPTIONS WN_FAULT_CLOCK)} =
	    (($ENV{WN_BUILDDIR} || '.') . '/t/tools/fault.so',
	    join(':', grep { defined } $ENV{ASAN_OPTIONS},
	    'verify_asan_link_order=0'), $clock);
	for my $step (-3600, 3600) {
		my $now = 1000 * time;
		write_file($clock, $now);
		my $jump = sub {
			write_file("$clock.new", $now + 1000 * $step);
			rename "$clock.new", $clock;
		};
		my ($got, undef, $log) = round_of({
			'/silent' => sub { $jump->(); undef },
			'/answered' => WorkerRig::reply(200, ''),
		}, '/silent' => { timeoutMs => 1500 });
		is_deeply $got, { '/silent' => 'nothing', '/answered' => 200 },
		    "nobody is blamed when a clock goes by $step s meanwhile";
		like $log, qr/not checked: the clock was set/,
		    'the log says why';
	}
}

sub test_held_up {
	my ($got, undef, $log) = round_of({ '/silent' => sub {
		my ($request, $rig) = @_;
		$rig->signal('STOP');
		select undef, undef, undef, 1;	# past its time
		$rig->signal('CONT');
		return undef;
	} }, '/silent' => { timeoutMs => 300 });
	is $got->{'/silent'}, 'nothing',
	    'a timeout that passed while the worker was held up is its own';
	like $log, qr/not checked: .*held up/, 'the log says why';
}

test_headers();
test_redirects();
test_names();
test_clock_set();
test_held_up();
done_testing();
