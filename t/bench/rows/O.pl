# What becomes of ten times as much load as can be carried, and of clients
# that stall.
package Bench::Row::O;

use strict;
use warnings;

use Bench::Site;
use WorknetTest qw(http_raw http_read poll_path slurp);
use WorknetTest::Fcgi;

use constant {
	BATCH => 3,
	CONNECTIONS => 400,	# nginx needs two for each, and has 1024
	OVER => 10,
	PATIENCE_MS => 1000,	# of a client that finds no connection
	# A thread is held no longer: 10 s by src/serve/serve.c, and 2 s more
	# in which libfcgi waits for the end of the connection.
	STALL_S => 12,
	GROWTH_KB => 32 * 1024,	# of memory, under any load
};

sub memory_kb {
	my ($site, $what) = @_;

	return (slurp('/proc/' . $site->pid . '/status') =~
	    /^$what:\s*(\d+) kB/m)[0];
}

# Credited results in a second.
sub goodput { return $_[0]{sources}[0]{units_in_time} / $_[0]{seconds} }

# How many results of worker i's request were acknowledged: { i => n }.
sub acknowledged {
	my ($path, $to) = @_;

	for (split /\n/, slurp($path)) {
		my ($source, $index, $status, $units) = split / /;
		$to->{$index} += $units if $units > 0;
	}
}

# Those of which the ledger has another number. Worker i was made i-th, after
# the ledger's own accounts.
sub differences {
	my ($site, $acknowledged) = @_;
	my %in_ledger = map { ($_->{worker} => $_->{n}) } $site->sql(
	    'SELECT t.credit - (SELECT min(id) FROM worker) AS worker, ' .
	    'count(*) AS n FROM transfer t JOIN result r ON ' .
	    "r.transfer = t.id WHERE t.kind = 'credit' GROUP BY 1");

	return grep { ($in_ledger{$_} // 0) != $acknowledged->{$_} }
	    keys %$acknowledged;
}

# How long a poll takes, in seconds, while as many peers stall as there are
# threads, each on what $stall gives.
sub poll_beside {
	my ($site, $stall) = @_;
	my @held = map { $stall->() } 1 .. $site->threads;

	Time::HiRes::sleep(0.2);
	my $start = Time::HiRes::time();
	my $r = $site->http('GET', poll_path('0x' . '1' x 40));
	die "a poll got $r->{status}\n" if $r->{status} != 200;
	return Time::HiRes::time() - $start;
}

sub stalls {
	my ($site) = @_;
	my $http = poll_beside($site, sub {
		my $s = $site->http_socket;
		syswrite($s, substr(http_raw('POST',
		    '/api/v1/worker/results', 'x' x 1000), 0, -1));
		return $s;
	});
	my $fcgi = poll_beside($site, sub {
		my $s = IO::Socket::UNIX->new(Peer => $site->socket_path);
		syswrite($s, WorknetTest::Fcgi::request_bytes('POST',
		    '/v1/worker/results', body => 'x', open => 1));
		return $s;
	});
	return ($http, $fcgi);
}

sub measure {
	my ($run) = @_;
	my $seconds = $run->choose(10, 60);
	my $site = Bench::Site->new->prepare(batch => BATCH,
	    workers => $run->choose(40000, 160000))->serve;
	my (%acknowledged, @best);
	my $post = sub {
		my $path = $site->dir('answers');
		my $l = $site->load_any('--requests', $site->posts,
		    '--answers', $path, @_);
		$site->posts_sent($l);
		acknowledged($path, \%acknowledged);
		return $l;
	};

	for (0 .. 3) {
		my $l = $post->('--seconds', 1, '--connections', 64);
		push @best, goodput($l) if $_ > 0;
	}
	my $best = Bench::median(@best);
	my $before = memory_kb($site, 'VmRSS');
	my $l = $post->('--seconds', $seconds, '--connections', CONNECTIONS,
	    '--rate', OVER * $best / BATCH, '--patience-ms', PATIENCE_MS,
	    '--again');
	my $alive = $site->is_running;
	my $peak = memory_kb($site, 'VmHWM');
	my ($http_s, $fcgi_s) = stalls($site);
	my $posts = $l->{sources}[0];
	my ($good, $refused) = @$posts{qw(good refused)};
	my $lost = $l->{status}{0} // 0;
	my @differ = differences($site, \%acknowledged);
	my $share = goodput($l) / $best;
	my $threads = $site->threads;

	$site->end;
	return {
		ratios => [ $share ],
		parts => [
			[ 'at best', \@best, 'results/s' ],
			[ 'credited under overload', goodput($l), 'results/s' ],
			[ 'offered', OVER * $best, 'results/s' ],
			[ 'sent', $posts->{sent}, 'posts' ],
			[ 'abandoned, without a free connection',
			    $l->{abandoned}, 'posts' ],
			[ 'refused', $refused->{n}, 'posts' ],
			[ 'a refusal, p99', $refused->{p99_ms}, 'ms' ],
			[ 'a good answer, p50, since it was due',
			    $good->{p50_ms}, 'ms' ],
			[ 'a good answer, p99, since it was due',
			    $good->{p99_ms}, 'ms' ],
			[ 'memory of worknet-fcgi before', $before / 1024,
			    'MiB' ],
			[ 'at its peak', $peak / 1024, 'MiB' ],
			[ 'CPU of nginx', 100 * $l->{nginx_cpu_s} /
			    $l->{seconds}, '%' ],
			[ 'CPU of the load generator', 100 *
			    $l->{load_cpu_s} / $l->{seconds}, '%' ],
			[ 'CPU of worknet-fcgi', 100 *
			    $l->{coordinator_cpu_s} / $l->{seconds}, '%' ],
			[ "a poll while $threads clients stall",
			    1000 * $http_s, 'ms' ],
			[ "a poll while $threads stall at the " .
			    'coordinator\'s socket', 1000 * $fcgi_s, 'ms' ],
			[ 'connections', CONNECTIONS ],
		],
		holds => [
			[ 'the coordinator lives', $alive ],
			[ 'its memory is bounded', $peak - $before <=
			    GROWTH_KB, $peak - $before . ' kB more' ],
			[ 'every request was answered', $lost == 0,
			    "$lost weren't" ],
			[ 'a refusal is a 503 with Retry-After',
			    $refused->{n} == ($l->{status}{503} // 0) &&
			    $refused->{n} == $l->{retry_after},
			    "$refused->{n} refusals, of them " .
			    "$l->{retry_after} with Retry-After" ],
			[ 'refusals are faster than answers',
			    ($refused->{p99_ms} // 0) <= $good->{p50_ms} ],
			[ 'what was acknowledged is in the ledger', !@differ,
			    keys(%acknowledged) . ' workers, ' . @differ .
			    ' differ' ],
			[ 'a stalled client holds up nobody',
			    $http_s < 1 ],
			[ 'a web server that stalls holds a thread for ' .
			    STALL_S . ' s at most', $fcgi_s < STALL_S + 1 ],
		],
	};
}

return {
	row => 'O',
	what => 'overload: ten times what can be carried',
	of => 'results credited in a second under overload / at best',
	better => 'more', must => 0.8,
	measure => \&measure,
};
