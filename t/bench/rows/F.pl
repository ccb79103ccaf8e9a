# What size costs: the same load on a small and on a big ledger.
use Bench::Scale;

my $CONNECTIONS = 32;
my $BUSY = 0.4;		# of what they can, where latency is measured
my %WHAT = (
	'credit' => [ 'CPU for a credited result, in batches of 50', 'us' ],
	'poll' => [ 'CPU for an idle poll', 'us' ],
	'credit_p99' => [ 'p99 of a post of 50 results', 'ms' ],
	'poll_p99' => [ 'p99 of an idle poll', 'ms' ],
);

# One round of one site, at the rates given: what %WHAT names.
sub F_round {
	my ($site, $how, $rates) = @_;
	my @closed = ('--connections', $CONNECTIONS);
	my $posts = $site->posts_load($how->{posts}, @closed);
	my $polls = $site->idle_polls($how->{seconds}, @closed);
	my %m = (
		credit => Bench::Scale::cpu_us($posts, 50 * $how->{posts}),
		poll => Bench::Scale::cpu_us($polls, $polls->{answers}),
		posts_rate => Bench::Site::rate($posts),
		polls_rate => Bench::Site::rate($polls),
	);

	return \%m if !$rates;
	$posts = $site->posts_load($how->{timed_posts}, @closed, '--rate',
	    $rates->{posts});
	$polls = $site->idle_polls($how->{seconds}, @closed, '--rate',
	    $rates->{polls});
	$m{credit_p99} = Bench::Scale::p99_ms($posts);
	$m{poll_p99} = Bench::Scale::p99_ms($polls);
	return \%m;
}

sub F_measure {
	my ($run) = @_;
	my $rounds = $run->choose(5, 15);
	# Of 100 posts the p99 is the slowest; COPIES_MAX allows no more.
	my %how = (posts => $run->choose(60, 40), seconds => 1,
	    timed_posts => $run->choose(300, 80));
	my @sites = Bench::Scale::pair($run, ($rounds + 1) * $how{posts} +
	    $rounds * $how{timed_posts});
	# The first round only warms up; the rates are the smaller one's.
	my ($small, $big) = map { F_round($_, \%how) } @sites;
	my %rates = map { ($_ => $BUSY * $small->{"${_}_rate"}) }
	    qw(posts polls);
	my (%ratio, %seen);

	for my $round (1 .. $rounds) {
		my @m = map { F_round($_, \%how, \%rates) } @sites;
		for my $what (keys %WHAT) {
			push @{ $seen{$what}[$_] }, $m[$_]{$what} for 0, 1;
			push @{ $ratio{$what} }, $m[1]{$what} / $m[0]{$what};
		}
	}
	my @size = map { [ "bytes of the ledger of $_->{results} results",
	    $_->{bytes} ] } @sites;
	$_->end for @sites;
	my ($worst) = sort { Bench::median(@{ $ratio{$b} }) <=>
	    Bench::median(@{ $ratio{$a} }) } keys %WHAT;
	return {
		ratios => $ratio{$worst},
		parts => [ (map { (
			[ "the ratio of $WHAT{$_}[0]", $ratio{$_} ],
			[ '... small', $seen{$_}[0], $WHAT{$_}[1] ],
			[ '... big', $seen{$_}[1], $WHAT{$_}[1] ],
		    ) } sort keys %WHAT), @size,
		    [ 'posts in a second where latency was measured',
			$rates{posts} ],
		    [ 'polls in a second there', $rates{polls} ] ],
	};
}

return {
	row => 'F',
	what => 'size: the worst of CPU and p99, of credit and idle polls',
	of => 'with 1,000,000 tasks and workers and 5,000,000 results ' .
	    '(LONG: 50,000,000) / with 1,000 of each',
	better => 'less', must => 1.3, aim => 1.1,
	measure => \&F_measure,
};
