#!/usr/bin/perl
# Kills worknet-payout at every system call that writes, syncs, connects,
# sends, receives or waits, and tests each time that everybody is paid once:
# see t/lib/Campaign.pm.
#
#   t/campaign/campaign.pl [--scene NAME] [--every K] [--limit N]
#       [--seconds T] [--seed S] [--jobs J] [--kills C] [--concurrency P]
#       [--x402 1|2] [--block-time S] [--dir DIR] [--verbose]
#
#   --scene        what the killed run finds: workers to pay (pay, the
#                  default), payouts whose blocks became final (final), a
#                  ledger restored from an older copy (restore), a node that
#                  lies (lie); journal: pay, killed at the vault's journal;
#                  direct: pay, from the gas account. --scenes names those
#                  that there can be
#   --every K      only each K-th kill point; --limit N: at most N, spread
#   --seconds T    begin no kill after T seconds; then in a random order
#   --seed S       of all random choices; printed
#   --jobs J       so many kills at once, each with its own chain (default 1)
#   --kills C      C killed runs in a row, all but the first at random calls
#   --concurrency P, --x402 V    of the payouts' configuration
#   --block-time S a block every S seconds, not one for each transaction: a
#                  payment is on its way while the next run looks
#   --dir DIR      where a violation's ledger is kept
#
# WN_BUILDDIR says where the programs are (default: here). Exit codes: 0 all
# held, 1 something didn't, 2 it couldn't run.
use strict;
use warnings;

use FindBin;
BEGIN { $ENV{srcdir} //= "$FindBin::Bin/../.." }
use lib "$FindBin::Bin/../lib";
use File::Temp ();
use Getopt::Long;
use List::Util qw(max min);
use Time::HiRes ();

use Campaign;

my %opt = (scene => 'pay', every => 1, jobs => 1, kills => 1,
    concurrency => 1, x402 => 2);

sub usage {
	open(my $me, '<', $0) or die "$0: $!";
	while (<$me>) {
		next if $. < 6;
		last if !s/^# ?//;
		print STDERR $_;
	}
	exit 2;
}

GetOptions(\%opt, qw(scene=s every=i limit=i seconds=i seed=i jobs=i kills=i
    concurrency=i x402=i block-time=i dir=s verbose
    scenes)) && !@ARGV &&
    $opt{every} > 0 && $opt{jobs} > 0 && $opt{kills} > 0 or usage();
if ($opt{scenes}) {
	print "$_\n" for Campaign::scenes();
	exit 0;
}
$opt{seed} //= int(rand(1000000));
my $obstacle = Campaign::obstacle();
if (defined $obstacle) {
	print STDERR "campaign: $obstacle\n";
	exit 2;
}

my $kept = $opt{dir} // File::Temp::tempdir('worknet-campaign-XXXXXX',
    TMPDIR => 1);
mkdir $kept;
my $campaign = Campaign->new(dir => $kept, block_time => $opt{'block-time'},
    map { ($_ => $opt{$_}) } qw(seed scene kills concurrency x402));
my $began = Time::HiRes::time();
my $until = defined $opt{seconds} ? $began + $opt{seconds} : undef;
my %total = map { ($_ => 0) } qw(points kills reached made doubled lost open
    wrong);
my (%by_call, @wrong);

# Which of the points are taken: each K-th, from a place that the seed says,
# and N of them, spread evenly.
sub choose {
	my (@points) = @_;
	my $first = $opt{seed} % $opt{every};

	@points = @points[grep { $_ % $opt{every} == $first % @points }
	    0 .. $#points];
	@points = map { $points[int($_ * @points / $opt{limit})] }
	    0 .. $opt{limit} - 1 if $opt{limit} && $opt{limit} < @points;
	return @points if !$opt{seconds};
	srand($opt{seed});
	my @order = map { rand } @points;
	return @points[sort { $order[$a] <=> $order[$b] } 0 .. $#points];
}

sub progress {
	my ($of) = @_;
	my $line = sprintf('%d of %d kill points, %d payouts made, %d ' .
	    'doubled, %d lost, %d left open, %d s', @total{qw(points)}, $of,
	    @total{qw(made doubled lost open)},
	    Time::HiRes::time() - $began);

	print STDERR -t STDERR ? "\r$line" : "$line\n"
	    if -t STDERR || $total{points} % 25 == 0;
}

sub take {
	my ($case, $of) = @_;

	$total{points}++;
	$total{kills} += $case->{killed};
	$total{reached}++ if $case->{reached};
	$total{$_} += $case->{$_} for qw(made doubled lost open);
	my $c = $by_call{$case->{point}[0]} //= { n => 0, last => 0 };
	$c->{n}++ if $case->{reached};
	$c->{last} = max($c->{last}, $case->{point}[1]) if $case->{reached};
	printf STDERR "\n%s %d, %.1f s: %s\n", @{ $case->{point} },
	    $case->{seconds}, $case->{at} if $opt{verbose};
	if (@{ $case->{wrong} }) {
		push @wrong, $case;
		printf STDERR "\nVIOLATION at %s %d (%s), kept in %s:\n",
		    @{ $case->{point} }, $case->{at}, $case->{dir};
		print STDERR "  $_\n" for @{ $case->{wrong} };
	}
	progress($of);
}

printf "seed %d; the run that is killed finds: %s\n", $opt{seed},
    $campaign->scene_text;
STDOUT->flush;
my @all = $campaign->points;
my @points = choose(@all);
my $complete = @points == @all;
$campaign->cases(\@points, $opt{jobs}, $until,
    sub { take($_[0], scalar @points) });

# Answers come in other pieces each time: further, until a run ends before.
while ($complete && (!defined $until || Time::HiRes::time() < $until)) {
	my %asked;
	$asked{$_->[0]} = max($asked{$_->[0]} // 0, $_->[1]) for @points;
	my @more = map { [ $_, $asked{$_} + 1 ] } sort grep {
	    ($by_call{$_}{last} // 0) == $asked{$_} } keys %asked;
	last if !@more;
	push @points, @more;
	$campaign->cases(\@more, $opt{jobs}, $until,
	    sub { take($_[0], scalar @points) });
}
$campaign->rig_end;

print STDERR "\n" if -t STDERR;
printf "%-28s %6d%s\n", 'kill points', $total{points},
    $complete && $total{points} >= @points ? ' (all)' : sprintf(' (of %d)', scalar @all);
printf "%-28s %6d\n", @$_ for
    [ '  runs killed there', $total{reached} ],
    [ '  runs that ended before', $total{points} - $total{reached} ],
    [ 'runs killed in all', $total{kills} ],
    [ 'payouts made', $total{made} ],
    [ 'payouts doubled', $total{doubled} ],
    [ 'payouts lost', $total{lost} ],
    [ 'payouts left open', $total{open} ],
    [ 'kill points with a violation', scalar @wrong ],
    [ 'seconds', Time::HiRes::time() - $began ];
print 'by call: ', join(', ', map { "$_ $by_call{$_}{n}" }
    sort keys %by_call), "\n";
print "kept: $_->{dir}\n" for @wrong;
if (!@wrong && !defined $opt{dir}) {
	File::Path::remove_tree($kept);
}
exit(@wrong ? 1 : 0);
