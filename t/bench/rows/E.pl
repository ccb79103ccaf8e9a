# What people would pick instead: t/bench/peer, under the same load.
use Bench::Peer;
use Bench::SameService;
use Bench::Site;

my $CONNECTIONS = 32;
my %LOAD = (	# batch => posts of a round to the coordinator, to the peer
	3 => [ 1200, 150 ],
	50 => [ 100, 10 ],
);

sub E_service_holds {
	my ($class, $name) = @_;
	my $site = Bench::SameService::prepare($class->new);

	$site->fill if $class eq 'Bench::Peer';
	$site->serve;
	my $holds = Bench::SameService::holds($site, $name);
	$site->nginx_stop;
	die "$name didn't end well\n" if $site->stop != 0;
	return $holds;
}

# Both with their own ledger and nginx: rounds of one, then the other.
sub E_measure_batch {
	my ($run, $batch) = @_;
	my $rounds = $run->choose(5, 15);
	my @sites = map { $_->new } qw(Bench::Site Bench::Peer);
	my @us = ([], []);

	for my $i (0, 1) {
		$sites[$i]->prepare(batch => $batch,
		    workers => ($rounds + 1) * $LOAD{$batch}[$i]);
		$sites[$i]->fill if $i == 1;
		$sites[$i]->serve;
	}
	for my $round (0 .. $rounds) {
		for my $i (0, 1) {
			my $posts = $LOAD{$batch}[$i];
			my $l = $sites[$i]->load_posts($batch, '--count',
			    $posts, '--seconds', 60, '--connections',
			    $CONNECTIONS);
			# The first is a warm-up: Node.js compiles.
			push @{ $us[$i] }, $l->{coordinator_cpu_s} * 1e6 /
			    ($posts * $batch) if $round > 0;
		}
	}
	my $paid = ($rounds + 1) * $LOAD{$batch}[1] * $batch;
	my ($n, $micros) = $sites[1]->credited;
	die "the peer's ledger has $n results of $paid, $micros micro-USDC\n"
	    if $n != $paid || $micros != 100 * $paid;
	for my $site (@sites) {
		$site->nginx_stop;
		die "a site didn't end well\n" if $site->stop != 0;
	}
	return { ours => $us[0], peer => $us[1],
	    ratios => [ map { $us[1][$_] / $us[0][$_] } 0 .. $rounds - 1 ] };
}

sub E_measure {
	my ($run) = @_;
	my %m = map { ($_ => E_measure_batch($run, $_)) } keys %LOAD;
	my ($least) = sort { Bench::median(@{ $m{$a}{ratios} }) <=>
	    Bench::median(@{ $m{$b}{ratios} }) } keys %m;

	return {
		ratios => $m{$least}{ratios},
		parts => [ map { my $batch = $_; (
			[ "the ratio in batches of $batch",
			    $m{$batch}{ratios} ],
			[ '... CPU of worknet-fcgi for a credited result',
			    $m{$batch}{ours}, 'us' ],
			[ '... CPU of the peer for one', $m{$batch}{peer},
			    'us' ],
			[ '... results per CPU second of worknet-fcgi',
			    [ map { 1e6 / $_ } @{ $m{$batch}{ours} } ],
			    '/s' ],
			[ '... of the peer',
			    [ map { 1e6 / $_ } @{ $m{$batch}{peer} } ],
			    '/s' ],
		    ) } sort { $a <=> $b } keys %m ],
		holds => [
			E_service_holds('Bench::Site', 'worknet-fcgi'),
			E_service_holds('Bench::Peer', 'the peer'),
		],
	};
}

return {
	row => 'E',
	what => 'against Node.js with viem: the lower of batches of 3 and 50',
	of => 'credited results per CPU second of worknet-fcgi / of the peer',
	better => 'more', must => 20, aim => 30,
	measure => \&E_measure,
};
