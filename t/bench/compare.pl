#!/usr/bin/perl
# Measures two builds in turns, row by row: see README beside this.
#
# usage: compare.pl --before BUILD --after BUILD [--turns N] [--rows "A C ..."]
#            [--long] [--out FILE]
#
# A build is a directory in which `make bench` works: of each, the benchmark of
# its own tree is what runs.

use strict;
use warnings;

use FindBin;
use Getopt::Long;
use JSON::PP ();
use Time::HiRes ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Bench;
use WorknetTest qw(slurp spurt);

my %opt = (turns => 2, rows => 'A B C D G I O');
GetOptions(\%opt, 'before=s', 'after=s', 'turns=i', 'rows=s', 'long',
    'out=s') && !@ARGV && defined $opt{before} && defined $opt{after} or
    die "usage: compare.pl --before BUILD --after BUILD [--turns N] " .
    "[--rows \"A C ...\"] [--long] [--out FILE]\n";
my @BUILDS = qw(before after);
# What this was started with is not for those that it starts.
delete @ENV{qw(MAKEFLAGS MAKEOVERRIDES MFLAGS MAKELEVEL)};

# One row of a build: what its benchmark's file says of it.
sub row_measure {
	my ($build, $row) = @_;
	my $file = "$opt{$build}/bench.json";

	unlink $file;
	system('make', '-s', '-C', $opt{$build}, 'bench', "ROWS=$row",
	    $opt{long} ? 'LONG=1' : ());
	die "$build: row $row wasn't measured\n" if !-e $file;
	return JSON::PP->new->decode(slurp($file))->{rows}[0];
}

# All turns of a row: { before => [one for each turn], after => [...] }. Who
# begins takes turns, too.
sub row_turns {
	my ($row) = @_;
	my %m;

	for my $turn (1 .. $opt{turns}) {
		for my $build ($turn % 2 ? @BUILDS : reverse @BUILDS) {
			print "\n==== $row, turn $turn of $opt{turns}: $build\n";
			push @{ $m{$build} }, row_measure($build, $row);
		}
	}
	return \%m;
}

# ---- Showing -------------------------------------------------------------

# The median of the turns' medians, with the least and the greatest round.
sub ratio_text {
	my ($turns) = @_;
	my @r = map { $_->{ratio} // () } @$turns;

	return (grep { defined $_->{failed} } @$turns) ? 'FAILED' : '-'
	    if !@r;
	return Bench::spread_text({ median => Bench::median(map {
	    $_->{median} } @r), min => (sort { $a <=> $b } map { $_->{min} }
	    @r)[0], max => (sort { $b <=> $a } map { $_->{max} } @r)[0] });
}

sub part_medians {
	my ($turns) = @_;
	my %values;

	for my $part (map { @{ $_->{parts} } } @$turns) {
		push @{ $values{$part->{name}} }, $part->{value}
		    if defined $part->{value};
	}
	return { map { ($_ => Bench::median(@{ $values{$_} })) }
	    keys %values };
}

# What a row is made of, in both builds.
sub parts_text {
	my ($m) = @_;
	my ($before, $after) = map { part_medians($m->{$_}) } @BUILDS;
	my $text = sprintf("\n%-3s %9s %9s\n", $m->{after}[0]{row}, @BUILDS);

	for my $part (@{ $m->{after}[0]{parts} }) {
		my $name = $part->{name};
		$text .= sprintf("    %9s %9s %-9s %s\n", map({
		    defined $_->{$name} ? Bench::number_text($_->{$name}) :
		    '-' } $before, $after), $part->{unit}, $name);
	}
	for my $build (@BUILDS) {
		for my $h (map { @{ $_->{holds} } } @{ $m->{$build} }) {
			$text .= "    $build: DOES NOT HOLD: $h->{what}" .
			    (defined $h->{seen} ? " ($h->{seen})" : '') . "\n"
			    if !$h->{ok};
		}
	}
	return $text;
}

sub table_text {
	my $format = "%-3s %-20s %-20s %-8s %-9s %s\n";
	my $text = sprintf($format, 'row', @BUILDS, 'must', 'others', 'what');

	for my $m (@_) {
		my $row = $m->{after}[0];
		my @others = map { $_->{others_cores} } map { @{ $m->{$_} } }
		    @BUILDS;
		$text .= sprintf($format, $row->{row}, map({
		    ratio_text($m->{$_}) } @BUILDS), Bench::limit_text($row,
		    $row->{must}), sprintf('%.2f', Bench::median(@others)),
		    $row->{what});
	}
	return $text;
}

STDOUT->autoflush(1);
my $start = Time::HiRes::time();
my @measured = map { row_turns($_) } split ' ', uc $opt{rows};

print "\n", map({ parts_text($_) } @measured), "\n",
    table_text(@measured), sprintf("%d turns of each build took %.0f s; " .
    "others: cores that others had meanwhile\n", $opt{turns},
    Time::HiRes::time() - $start);
spurt($opt{out}, JSON::PP->new->canonical->pretty->encode(\@measured))
    if defined $opt{out};
