#!/usr/bin/perl
# worknet-worker and its coordinator: results go when they are due, what is
# refused as a whole goes in halves, and a stop loses nothing and ends soon.
use strict;
use warnings;
use File::Basename 'dirname';
use JSON::PP;
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use WorkerRig;
use WorkerTest;

key_make();

# Polls every 100 ms.
sub run_on {
	my ($rig, $c, %on) = @_;
	return $rig->run([ @{ $c->{args} }, '--interval', '100',
	    '--allow-private' ], %on);
}

# The slow one is answered only when the quick one's result is there.
sub test_due {
	my $rig = WorkerRig->new($program);
	my $slow;
	my $target = $rig->listen(sub {
		return WorkerRig::reply(200, '') if $_[0]{target} eq '/quick';
		$slow = $_[0];
		return undef;
	});
	my @tasks = tasks(map { "http://127.0.0.1:$target/$_" }
	    qw(slow quick));
	my $c = coordinator($rig, \@tasks);
	push @{ $c->{answers} }, sub {
		$rig->answer($slow, WorkerRig::reply(200, ''));
		return WorkerTest::accept_all($_[0]);
	};
	$rig->run([ @{ $c->{args} }, '--once', '--allow-private' ]);
	is_deeply [ map { [ map { outcome($_) } values %{ results($c, $_) } ]
	    } 0, 1 ], [ [ 200 ], [ 200 ] ],
	    'a result is submitted while a slower check still runs';
	is((keys %{ results($c, 0) })[0], $tasks[1]{id}, 'the quick one first');
}

# What the worker writes down of answers: what is credited, not what is refused.
sub test_record {
	my $rig = WorkerRig->new($program);
	my $target = $rig->listen(sub { WorkerRig::reply(200, '') });
	my $conf = write_file("$dir/record.conf",
	    "[worker]\nrecord_file = record\n");
	my $says = sub {
		my ($answer, @tasks) = @_;
		my $c = coordinator($rig, [ map { task(
		    "http://127.0.0.1:$target/", id => $_) } @tasks ]);
		unlink "$dir/record";
		push @{ $c->{answers} }, sub {
			return WorkerRig::reply_json($answer) };
		$c->{run} = $rig->run([ '-c', $conf, @{ $c->{args} }, '--once',
		    '--allow-private' ]);
		my @lines = map { JSON::PP->new->decode($_) } split /\n/,
		    contents("$dir/record") // '';
		my $sent = results($c, 0);
		is_deeply [ map { $_->{result} } @lines ], [ map {
		    $sent->{$_->{result}{taskId}} } @lines ],
		    'a result is written down as it was sent' if @lines;
		return join ', ', map { "$_->{result}{taskId} $_->{said}" }
		    sort { $a->{result}{taskId} cmp $b->{result}{taskId} } @lines;
	};

	is $says->({ accepted => 2, earned => '0.000200', errors =>
	    [ 'b: not assigned' ] }, qw(a b c)), 'a credited, c credited',
	    'what is credited is written down, what is refused isn\'t';
	is $says->({ accepted => 1, earned => '0.000100', errors =>
	    [ 'a: already recorded' ] }, qw(a b)), 'a credited, b credited',
	    'what was recorded before was credited before';
	is $says->({ accepted => 1, earned => '0.000100' }, qw(a b)),
	    'a unclear, b unclear', 'an answer that doesn\'t add up is unclear';
	is $says->({ accepted => 0, earned => '0.000000', errors =>
	    [ 'a: late', 'b: late' ] }, qw(a b)), '',
	    'of what is refused nothing is written';
	# What makes sense of a private task goes with its result; else nothing.
	my ($label, $key) = ('~' . 'Ab-_' x 10 . 'xyz', '0x' . '5a' x 32);
	my %says = (a => { label => $label, key => $key },
	    b => { label => $label }, c => { label => '~../../x', key => $key },
	    d => { label => $label, key => '0x5a' }, e => [ $label, $key ]);
	my $p = coordinator($rig, [ map { task("http://127.0.0.1:$target/",
	    id => $_, private => $says{$_}) } sort keys %says ]);
	unlink "$dir/record";
	$rig->run([ '-c', $conf, @{ $p->{args} }, '--once', '--allow-private' ]);
	my %kept = map { $_->{result}{taskId} => $_ } map {
	    JSON::PP->new->decode($_) } split /\n/, contents("$dir/record");
	is join(' ', sort keys %kept), 'a b c d e', 'each of them is done';
	is $kept{a}{label}, $label, 'what the log calls a private task is kept';
	like $kept{a}{seal}, qr/^0x[0-9a-f]{64}$/, '... and its result\'s seal';
	is_deeply [ grep { exists $kept{$_}{label} || exists $kept{$_}{seal} }
	    qw(b c d e) ], [], 'half of that, or what is no label, isn\'t';
	write_file($conf, "[worker]\nrecord_file = /dev/full\n");
	my $c = coordinator($rig, [ tasks("http://127.0.0.1:$target/") ]);
	my $r = $rig->run([ '-c', $conf, @{ $c->{args} }, '--once',
	    '--allow-private' ]);
	like "$r->{status} $r->{err}",
	    qr/^0 .*what was credited isn't recorded: .*1 accepted/s,
	    'a full disk is told, and nothing else comes of it';
}

# A coordinator that refuses what $bad says of the ids in a POST.
sub refusing {
	my ($rig, $n, $status, $bad) = @_;
	my $target = $rig->listen(sub { WorkerRig::reply(200, '') });
	my $c = coordinator($rig, [ tasks(("http://127.0.0.1:$target/") x
	    $n) ]);
	my @answers = map { sub {
		my $got = JSON::PP->new->decode($_[0]{body});
		return WorkerRig::reply($status, '{"error":"no"}')
		    if $bad->(map { $_->{taskId} } @$got);
		$c->{taken}{$_->{taskId}}++ for @$got;
		return WorkerTest::accept_all($_[0]);
	} } 1 .. 200;
	$c->{answers} = \@answers;
	$c->{on_poll} = sub {
		$rig->signal('TERM') if @{ $c->{polls} } >= 4;
	};
	return $c;
}

sub test_halves {
	for my $status (400, 413) {
		my $rig = WorkerRig->new($program);
		my $poison;
		my $c = refusing($rig, 50, $status, sub {
			$poison //= $_[17];
			return grep { $_ eq $poison } @_;
		});
		my $r = run_on($rig, $c);
		is keys %{ $c->{taken} }, 49,
		    "of 50 results with a bad one 49 arrive ($status)";
		ok !$c->{taken}{$poison}, 'and the bad one is given up';
		cmp_ok scalar(grep { $_ > 1 } values %{ $c->{taken} }), '==',
		    0, 'none goes twice';
		like $r->{err}, qr/1 results, given up: got status $status/,
		    'the log says so';
	}
	my $rig = WorkerRig->new($program);
	my $c = refusing($rig, 50, 413, sub { @_ > 7 });
	run_on($rig, $c);
	is keys %{ $c->{taken} }, 50,
	    'a coordinator that takes seven at a time gets all of them';
	$rig = WorkerRig->new($program);
	$c = refusing($rig, 50, 400, sub { 1 });
	$rig->run([ @{ $c->{args} }, '--once', '--allow-private' ]);
	cmp_ok scalar @{ $c->{posts} }, '<=', 16,
	    'one that refuses everything is not asked for ever';
}

# A proxy that forgets a connection, and says nothing more on it.
sub test_forgotten_connection {
	my $rig = WorkerRig->new($program);
	my $c = coordinator($rig);
	my @from;
	$c->{on_poll} = sub {
		my $client = $_[0]{client};
		push @from, $client;
		$client->{keep} = 1;
		$rig->signal('TERM') if @from == 3;
	};
	my $empty = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]";
	$c->{lists} = [ $empty, sub { undef }, $empty ];
	my $r = run_on($rig, $c);
	is $from[1], $from[0], 'a poll uses the connection of the last one';
	isnt $from[2], $from[1],
	    'when it gets no byte, it goes again on a new one';
	unlike $r->{err}, qr/poll:/, 'and the round is not lost';
}

sub test_hangup {
	my $rig = WorkerRig->new($program);
	my $c = coordinator($rig);
	$c->{on_poll} = sub {
		$rig->signal('HUP') if @{ $c->{polls} } == 1;
		$rig->signal('TERM') if @{ $c->{polls} } == 3;
	};
	my $r = run_on($rig, $c);
	is scalar @{ $c->{polls} }, 3, 'a terminal that closes ends no worker';
	is $r->{status}, 0, 'SIGTERM does, with 0';
	like $r->{err}, qr/^\S*worknet-worker: stopped: a signal/m,
	    'and the log says why';
}

sub test_stop_in_hanging_post {
	my $rig = WorkerRig->new($program);
	my $target = $rig->listen(sub { WorkerRig::reply(200, '') });
	my $c = coordinator($rig, [ task("http://127.0.0.1:$target/") ]);
	my $since;
	push @{ $c->{answers} }, sub {
		$since = time;
		$rig->signal('TERM');
		return undef;
	};
	my $r = run_on($rig, $c);
	# Container runtimes kill after so long.
	cmp_ok time - $since, '<', 10,
	    'SIGTERM while a POST hangs ends it within ten seconds';
	is $r->{status}, 0, 'with exit code 0';
	like $r->{err}, qr/1 results were not submitted/,
	    'and the log tells what is lost';
}

# Whoever started the tests may have told them to ignore it, as nohup does.
$SIG{HUP} = 'DEFAULT';

test_due();
test_record();
test_halves();
test_forgotten_connection();
test_hangup();
test_stop_in_hanging_post();
done_testing();
