#!/usr/bin/perl
# Measures how far the coordinator is from physics: see README beside this.
#
# usage: bench.pl [--long] [--out FILE] [--rows "A C ..."]

use strict;
use warnings;

use File::Basename qw(basename);
use FindBin;
use Getopt::Long;
use JSON::PP ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Bench;
use WorknetTest qw(source_path spurt);

my %opt = (rows => '');
GetOptions(\%opt, 'long', 'out=s', 'rows=s') && !@ARGV or
    die "usage: bench.pl [--long] [--out FILE] [--rows \"A C ...\"]\n";

# Every rows/*.pl returns one row, as Bench.pm describes.
sub rows_read {
	my @rows;

	for my $file (sort(glob(source_path('t/bench/rows/*.pl')))) {
		my $row = do $file;
		die "$file: " . ($@ || $! || 'no row') . "\n" if !ref $row;
		die basename($file) . " has row $row->{row}\n" if
		    basename($file) ne "$row->{row}.pl";
		push @rows, $row;
	}
	return @rows;
}

sub rows_chosen {
	my %by_name = map { $_->{row} => $_ } rows_read();
	my @names = split ' ', uc $opt{rows};

	@names = sort keys %by_name if !@names;
	for my $name (@names) {
		die "no row $name; there are @{[ sort keys %by_name ]}\n"
		    if !$by_name{$name};
	}
	return map { $by_name{$_} } @names;
}

STDOUT->autoflush(1);
my @rows = rows_chosen();
my $header = Bench::header();
my @measured;

print Bench::header_text($header);
for my $row (@rows) {
	push @measured, Bench::measure($row, $opt{long});
	print Bench::row_text($measured[-1]);
}
print "\n", Bench::table_text(@measured);
spurt($opt{out}, JSON::PP->new->canonical->pretty->encode(
    { header => $header, rows => \@measured })) if defined $opt{out};
exit(grep({ !$_->{reached} } @measured) ? 1 : 0);
