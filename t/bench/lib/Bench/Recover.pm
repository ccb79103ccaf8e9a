# A credited result in units of what its signature's recovery alone costs.
package Bench::Recover;

use strict;
use warnings;

use Bench::Site;
use WorknetTest qw(build_path run_command json_value);

use constant { CONNECTIONS => 32, RECOVER_MS => 250 };

# The CPU time of one recovery, in microseconds, with all cores busy.
sub recover_us {
	my ($status, $out, $err) = run_command(build_path('t/bench/recover'),
	    Bench::Run::cores(), RECOVER_MS);

	die "t/bench/recover: $err" if $status != 0;
	return json_value($out)->{ns} / 1000;
}

# What the ledger needs for a result that is in it: pages of results, of the
# transfers that paid them, and of what they signed together.
sub bytes_of_result {
	my ($site) = @_;

	return $site->sql_value('SELECT (SELECT sum(pgsize) FROM dbstat ' .
	    "WHERE name IN ('result', 'result_transfer', 'round', 'transfer', " .
	    "'transfer_credit')) * 1.0 / (SELECT count(*) FROM result)");
}

# Rounds of $posts requests with $batch results each, every one between two
# measurements of a recovery. Options of prepare.
sub measure {
	my ($run, $batch, $posts, %opt) = @_;
	my $rounds = $run->choose(5, 15);
	my $warm = int($posts / 2);
	my $site = Bench::Site->new->prepare(batch => $batch,
	    workers => $warm + $rounds * $posts, %opt)->serve;
	my @load = ('--seconds', 60, '--connections', CONNECTIONS);
	my (@ratio, @recover, @result, @rate, @nginx, @generator);

	$site->load_posts($batch, '--count', $warm, @load);
	push @recover, recover_us();
	for my $round (1 .. $rounds) {
		my $l = $site->load_posts($batch, '--count', $posts, @load);
		my $n = $posts * $batch;
		push @recover, recover_us();
		push @result, $l->{coordinator_cpu_s} * 1e6 / $n;
		push @ratio, $result[-1] / (($recover[-2] + $recover[-1]) / 2);
		push @rate, $l->{sources}[0]{units_in_time} / $l->{seconds};
		push @nginx, $l->{nginx_cpu_s} * 1e6 / $posts;
		push @generator, $l->{load_cpu_s} * 1e6 / $posts;
	}
	my $threads = $site->threads;
	$site->end;
	my $bytes = bytes_of_result($site);
	return {
		ratios => \@ratio,
		parts => [
			[ 'CPU of worknet-fcgi for a credited result',
			    \@result, 'us' ],
			[ 'CPU of secp256k1_ecdsa_recover', \@recover, 'us' ],
			[ 'credited results', \@rate, '/s' ],
			[ 'CPU of nginx for a request', \@nginx, 'us' ],
			[ 'CPU of the load generator for a request',
			    \@generator, 'us' ],
			[ 'bytes of the ledger for a result',
			    sprintf('%.0f', $bytes) ],
			[ 'threads of worknet-fcgi', $threads ],
			[ 'connections', CONNECTIONS ],
		],
	};
}

1;
