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
	# A thread is held no longer: 5 s by src/serve/exchange.c, looked at
	# once in a second.
	STALL_S => 6,
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

# Posts what wasn't posted yet: what the load generator says. Adds to what was
# acknowledged.
sub post {
	my ($site, $acknowledged, @options) = @_;
	my $path = $site->dir('answers');
	my $l = $site->load_any('--requests', $site->posts, '--answers',
	    $path, @options);

	$site->posts_sent($l);
	acknowledged($path, $acknowledged);
	return $l;
}

sub sum { my $sum = 0; $sum += $_ // 0 for @_; return $sum }

# A figure of every round; none when no round had any.
sub figures {
	my @got = grep { defined } @_;

	return @got ? \@got : undef;
}

sub measure {
	my ($run) = @_;
	my ($rounds, $seconds) = (5, $run->choose(2, 12));
	my $site = Bench::Site->new->prepare(batch => BATCH,
	    workers => $run->choose(100000, 400000))->serve;
	my (%acknowledged, @best, @result_s, @over, @ratio);

	post($site, \%acknowledged, '--seconds', 1, '--connections', 64);
	my $before = memory_kb($site, 'VmRSS');
	for (1 .. $rounds) {
		my $l = post($site, \%acknowledged, '--seconds', 1,
		    '--connections', 64);
		push @best, goodput($l);
		push @result_s, $l->{coordinator_cpu_s} /
		    $l->{sources}[0]{units};
		push @over, post($site, \%acknowledged, '--again',
		    '--seconds', $seconds, '--connections', CONNECTIONS,
		    '--patience-ms', PATIENCE_MS, '--rate',
		    OVER * $best[-1] / BATCH);
		push @ratio, goodput($over[-1]) / $best[-1];
	}
	my $alive = $site->is_running;
	my $peak = memory_kb($site, 'VmHWM');
	my ($http_s, $fcgi_s) = stalls($site);
	my $threads = $site->threads;
	my @differ = differences($site, \%acknowledged);
	my @posts = map { $_->{sources}[0] } @over;
	my ($good, $refused) = map { my $kind = $_; [ map { $_->{$kind} }
	    @posts ] } qw(good refused);
	my $refusals = sum(map { $_->{n} } @$refused);
	my $retry = sum(map { $_->{retry_after} } @over);
	my $lost = sum(map { $_->{status}{0} } @over);
	# What the credited results don't explain: of few refusals, noise; so
	# what all of them cost is judged, and not what one does.
	my $cpu_s = sum(map { $_->{coordinator_cpu_s} } @over);
	my $refusing = 100 * (1 - Bench::median(@result_s) *
	    sum(map { $_->{units} } @posts) / $cpu_s);
	my $share = sub { my ($who) = @_; [ map { 100 * $_->{"${who}_cpu_s"} /
	    $_->{seconds} } @over ] };

	$site->end;
	return {
		ratios => \@ratio,
		parts => [
			[ 'at best', \@best, 'results/s' ],
			[ 'under overload', [ map { goodput($_) } @over ],
			    'results/s' ],
			[ 'offered', [ map { OVER * $_ } @best ],
			    'results/s' ],
			[ 'sent in all', sum(map { $_->{sent} } @posts),
			    'posts' ],
			[ 'given up, without a free connection',
			    sum(map { $_->{abandoned} } @over), 'posts' ],
			[ 'refused', $refusals, 'posts' ],
			[ 'a refusal, p99, since it was due',
			    figures(map { $_->{p99_ms} } @$refused), 'ms' ],
			[ 'of the CPU of worknet-fcgi isn\'t for credited ' .
			    'results', $refusing, '%' ],
			(map { my $at = $_; [ "a good answer, $at, since it " .
			    'was due', figures(map { $_->{"${at}_ms"} }
			    @$good), 'ms' ] } qw(p50 p99)),
			[ 'memory of worknet-fcgi before', $before / 1024,
			    'MiB' ],
			[ 'at its peak', $peak / 1024, 'MiB' ],
			[ 'CPU of worknet-fcgi', $share->('coordinator'),
			    '%' ],
			[ 'CPU of nginx', $share->('nginx'), '%' ],
			[ 'CPU of the load generator', $share->('load'), '%' ],
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
			    $refusals == sum(map { $_->{status}{503} } @over) &&
			    $refusals == $retry, "of $refusals, $retry with " .
			    'Retry-After' ],
			[ 'refusals take at most a tenth of the CPU',
			    $refusing <= 10 ],
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
