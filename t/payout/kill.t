#!/usr/bin/perl
# A sample of the kill campaign (t/campaign/campaign.pl): worknet-payout is killed at
# system calls spread over its run, and everybody is paid once all the same.
# WN_SEED says which calls; here always the same, in campaigns others.
use strict;
use warnings;

use FindBin;
BEGIN { $ENV{srcdir} //= "$FindBin::Bin/../.." }
use lib "$FindBin::Bin/../lib";
use File::Temp ();
use Test::More;

use Campaign;

# Of each scene so many kill points.
my @samples = ([ restore => 2 ], [ final => 1 ], [ lie => 2 ], [ pay => 6 ],
    [ direct => 5 ]);

my $obstacle = Campaign::obstacle();
plan(skip_all => $obstacle) if defined $obstacle;

my $seed = $ENV{WN_SEED} // 20261129;
my $dir = File::Temp::tempdir('worknet-kill-XXXXXX', TMPDIR => 1);
my $failed = 0;
my $rig;

sub ordinal {
	my ($n) = @_;

	return $n . ($n % 100 >= 11 && $n % 100 <= 13 ? 'th' :
	    (qw(th st nd rd), ('th') x 6)[$n % 10]);
}

# One point of each of $n equal parts of the run.
sub spread {
	my ($n, @points) = @_;
	my $part = @points / $n;

	return map { $points[int($_ * $part + rand($part))] } 0 .. $n - 1;
}

sub test_case {
	my ($campaign, $case) = @_;
	my ($call, $n) = @{ $case->{point} };
	my $what = 'when ' . $campaign->scene_text . ': killed before its ' .
	    ordinal($n) . " $call, everybody is paid once";

	$what = 'when ' . $campaign->scene_text . ': not killed, everybody ' .
	    'is paid once' if !$case->{reached};
	ok(!@{ $case->{wrong} } && $case->{made} == 3, $what) and return;
	$failed = 1;
	diag("$case->{at}; $case->{made} made, $case->{doubled} doubled, " .
	    "$case->{lost} lost, $case->{open} open; kept in " .
	    ($case->{dir} // 'nothing'));
	diag($_) for @{ $case->{wrong} };
}

note("seed $seed (WN_SEED repeats it)");
srand($seed);
my ($killed, $cases) = (0, 0);
for my $sample (@samples) {
	my ($scene, $n) = @$sample;
	my $campaign = Campaign->new(seed => $seed, scene => $scene,
	    dir => $dir);

	$campaign->rig_take($rig) if $rig;
	$campaign->cases([ spread($n, $campaign->points) ], 1, undef, sub {
		$killed += $_[0]{killed};
		$cases++;
		test_case($campaign, $_[0]);
	});
	$rig = $campaign->rig_give;
}
Campaign->new(dir => $dir)->rig_take($rig)->rig_end;
# Answers come in other pieces each time: some runs end before their point.
cmp_ok($killed, '>=', $cases / 2, 'the runs were killed, most of them');
$failed ? diag("seed $seed") : File::Path::remove_tree($dir);
done_testing();
