# What size costs in memory: the same load on a small and on a big ledger.
use Bench::Scale;
use WorknetTest qw(slurp);

my $CONNECTIONS = 32;
my @KINDS = qw(VmRSS RssAnon RssFile RssShmem);

# Resident kilobytes by kind. The WAL's index is shared memory of a file, and
# so counts as RssFile.
sub H_resident {
	my ($site) = @_;
	my $status = slurp('/proc/' . $site->pid . '/status');

	return { map { ($_ => ($status =~ /^$_:\s+(\d+) kB/m)[0]) } @KINDS };
}

sub H_measure {
	my ($run) = @_;
	my ($rounds, $posts) = (5, 60);
	my @sites = Bench::Scale::pair($run, $rounds * $posts);
	my @before = map { H_resident($_) } @sites;
	my (@ratios, @resident);

	for my $round (1 .. $rounds) {
		for my $i (0, 1) {
			$sites[$i]->posts_load($posts, '--connections',
			    $CONNECTIONS);
			$sites[$i]->idle_polls($run->choose(1.5, 5),
			    '--connections', $CONNECTIONS);
		}
		my @now = map { H_resident($_) } @sites;
		push @{ $resident[$_] }, $now[$_] for 0, 1;
		push @ratios, $now[1]{VmRSS} / $now[0]{VmRSS};
	}
	my $threads = $sites[0]->threads;
	$_->end for @sites;
	return {
		# What it has come to: memory grows until the caches are full.
		ratios => [ $ratios[-1] ],
		parts => [
			(map { my $i = $_; map { my $kind = $_;
			    [ "$kind with 1,000" . ($i ? ',000' : '') .
				' workers after load, before it ' .
				"$before[$i]{$kind}",
				$resident[$i][-1]{$kind}, 'kB' ] } @KINDS }
			    0, 1),
			[ 'the ratio after each round', \@ratios ],
			[ 'threads', $threads ],
		],
	};
}

return {
	row => 'H',
	what => 'resident memory of worknet-fcgi under load',
	of => 'with 1,000,000 workers / with 1,000',
	better => 'less', must => 1.3, aim => 1.05,
	measure => \&H_measure,
};
