#!/usr/bin/perl
# What worknet-worker attests is the target's doing and not its own: without
# a network, in one that breaks, beside itself.
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
my @far = WorkerNet::far();
WorkerNet::names('12.0.0.1', 'coordinator.test' => '12.0.0.1',
    'target.test' => '12.0.0.1');

sub far_rig {
	my $rig = WorkerRig->new($program, @far);

	$rig->{at} = '0.0.0.0';
	return $rig;
}

# A coordinator whose URL has this host, reached from afar.
sub coordinator_at {
	my ($rig, $host, @lists) = @_;
	my $c = coordinator($rig, @lists);

	$c->{args}[3] = "http://$host:$c->{port}/api";
	return $c;
}

# Runs a round of these tasks and gives their outcomes, in their order, and
# what was logged. $on_poll, if any, is called before the tasks are given out.
sub outcomes {
	my ($rig, $host, $tasks, %opt) = @_;
	my $c = coordinator_at($rig, $host, $tasks);

	$c->{on_poll} = $opt{on_poll};
	my $r = $rig->run([ @{ $c->{args} }, '--once', @{ $opt{args} ||
	    [ '--allow-private' ] } ], on_idle => $opt{on_idle});
	my $got = all_results($c);
	return ([ map { outcome($got->{$_->{id}}) } @$tasks ], $r->{err}, $r);
}

# Here no packet leaves the host, and nobody is asked for a name.
sub test_no_route {
	my ($got, $log, $r) = outcomes(WorkerRig->new($program), '127.0.0.1',
	    [ tasks('http://13.0.0.1/', 'http://[2a0a:3::1]/') ]);
	is "@$got", 'nothing nothing', 'without a route nothing is attested';
	like $log, qr/not checked: .*no route/, 'the log says why';
	like $log, qr/round: 0 checks .*, 2 not checked/, 'the tally, too';
	is $r->{status}, 4, 'and --once tells it';
	WorkerNet::run(qw(ip route add prohibit 13.0.0.2));
	($got) = outcomes(WorkerRig->new($program), '127.0.0.1',
	    [ tasks('http://13.0.0.2/') ]);
	is "@$got", 'nothing', 'nor where the way is prohibited';
}

sub test_online {
	my $rig = far_rig();
	my $target = $rig->listen(sub { WorkerRig::reply(200, '') },
	    '12.0.0.1');
	my ($got) = outcomes($rig, 'coordinator.test', [ tasks(
	    "http://target.test:$target/", 'http://12.0.0.1:1/',
	    'http://nowhere.test/') ]);
	is_deeply $got, [ '200', 'connection failed', 'name not resolved' ],
	    'online, the failures of others are attested';
	($got, my $log) = outcomes(far_rig(), '12.0.0.1',
	    [ tasks('http://nowhere.test/') ]);
	is "@$got", 'nothing', 'a coordinator without a name proves no name ' .
	    'server';
	like $log, qr/nothing shows that this host is online/,
	    'the log says so';
}

sub test_name_server_away {
	my ($got) = outcomes(far_rig(), 'coordinator.test',
	    [ tasks('http://nowhere.test/') ],
	    on_poll => \&WorkerNet::names_end);
	is "@$got", 'nothing',
	    'without its own name server no name is attested to be missing';
	# It says nothing, instead.
	my $pid = WorkerNet::names('12.0.0.1',
	    'coordinator.test' => '12.0.0.1');
	($got) = outcomes(far_rig(), 'coordinator.test',
	    [ task('http://nowhere.test/', timeoutMs => 300) ],
	    on_poll => sub { kill 'STOP', $pid });
	kill 'CONT', $pid;
	is "@$got", 'nothing', 'nor a timeout, when it is silent';
}

sub test_link_lost {
	my $rig = far_rig();
	my $target = $rig->listen(sub {
		WorkerNet::run(qw(ip link set near down));
		return undef;
	}, '12.0.0.1');
	my ($got, $log) = outcomes($rig, '12.0.0.1',
	    [ task("http://12.0.0.1:$target/", timeoutMs => 1500) ]);
	WorkerNet::run(qw(ip link set near up));
	WorkerNet::run(qw(ip route replace 2a0a:1::/64 dev near));
	is "@$got", 'nothing', 'a link lost in the middle is no timeout';
	like $log, qr/the coordinator can't be reached either/,
	    'the log says how it is known';
}

sub test_own_proxy {
	my $rig = far_rig();
	my $c = coordinator($rig, [ task('http://12.0.0.1:1/') ]);
	$c->{args}[3] = 'http://hidden.test/api';
	local $ENV{http_proxy} = "http://12.0.0.1:$c->{port}";
	my $r = $rig->run([ @{ $c->{args} }, '--once' ]);
	is scalar @{ $c->{polls} }, 1, 'a coordinator behind a proxy is polled';
	is_deeply all_results($c), {},
	    'but it shows nothing of the way that checks take';
}

# The coordinator on this host is reached with every cable cut.
sub test_own_coordinator {
	WorkerNet::run(qw(ip route add 14.0.0.0/8 via 11.0.0.9));
	my ($got) = outcomes(WorkerRig->new($program), '127.0.0.1',
	    [ task('http://14.0.0.1/', timeoutMs => 300) ]);
	is "@$got", 'nothing', 'a coordinator on the same host proves nothing';
	my $rig = WorkerRig->new($program);
	my $target = $rig->listen(sub { undef });
	($got) = outcomes($rig, '127.0.0.1',
	    [ task("http://127.0.0.1:$target/", timeoutMs => 1500) ]);
	is "@$got", 'timeout', 'but enough for a target on the same host';
}

sub test_ports_exhausted {
	my $rig = WorkerRig->new($program);
	my @held;
	my $target = $rig->listen(sub { push @held, $_[0]; undef });
	my $range = '/proc/sys/net/ipv4/ip_local_port_range';
	my $before = contents($range);
	my ($got, $log) = outcomes($rig, '127.0.0.1',
	    [ tasks(("http://127.0.0.1:$target/") x 5) ],
	    on_poll => sub { write_file($range, "40000 40001\n") },
	    on_idle => sub {
		$rig->answer($_, WorkerRig::reply(200, '')) for splice @held;
	    });
	write_file($range, $before);
	is_deeply [ sort @$got ], [ (200) x 2, ('nothing') x 3 ],
	    'without a local port left nothing is attested';
	like $log, qr/not checked: .*Cannot assign requested address/,
	    'the log says why';
}

sub test_own_network {
	my $rig = far_rig();
	my @seen;
	my $serve = sub { push @seen, $_[0]; WorkerRig::reply(200, '') };
	my $near = $rig->listen($serve, '11.0.0.1');
	my $away = $rig->listen($serve, '12.0.0.1');
	my $host = '64:ff9b::b00:1';	# 11.0.0.1 for a NAT64
	my ($got, $log) = outcomes($rig, '12.0.0.1', [ tasks(
	    "http://12.0.0.1:$away/", "http://11.0.0.1:$near/",
	    "http://11.0.0.2:$near/", 'http://[2a0a:1::2]/',
	    'http://[2a0a:1::7]/', "http://[$host]:$near/") ], args => []);
	is_deeply $got, [ 200, ('nothing') x 5 ],
	    'own addresses and neighbours are left alone, and nothing is said';
	is @seen, 1, 'and nobody was called for it';
	like $log, qr/not checked: refused: in this host's own network/,
	    'the log says why';
	($got) = outcomes($rig, '12.0.0.1',
	    [ tasks("http://11.0.0.1:$near/") ]);
	is "@$got", '200', 'unless private targets are allowed';
}

test_no_route();
test_online();
test_name_server_away();
test_link_lost();
test_own_proxy();
test_own_coordinator();
test_ports_exhausted();
test_own_network();
done_testing();
