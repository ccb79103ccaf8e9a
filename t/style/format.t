#!/usr/bin/perl
# The code is formatted as .clang-format says, and functions and files keep
# to their lengths.
use strict;
use warnings;
use Test::More;

my $src = $ENV{srcdir} // '.';
my @files = map { glob("$src/$_") } qw(src/*.c src/*/*.[ch] t/*.[ch]
    t/*/*.[ch]);
ok(@files > 100, 'the sources are where they should be');

# Each release of clang-format formats a little differently.
my $tool = $ENV{CLANG_FORMAT} // 'clang-format';
my ($version) = (`$tool --version 2>/dev/null` // '') =~ /version (\d+)/;
SKIP: {
	skip 'this needs clang-format 14, which Debian 12 has', 1
	    if !defined $version || $version != 14;
	my %wrong;
	my @names = map { s{^\Q$src\E/}{}r } @files;
	open(my $said, '-|', 'sh', '-c', 'cd "$0" && exec "$@" 2>&1', $src,
	    $tool, qw(--style=file --dry-run -Werror), @names)
	    or die "$tool: $!";
	/^(\S+?):\d+:\d+: error:/ and $wrong{$1} = 1 while <$said>;
	my $clean = close($said);
	my @wrong = sort keys %wrong;
	push @wrong, "$tool failed" if !$clean && !@wrong;
	is("@wrong", '', 'every file is formatted (clang-format -i mends it)');
}

my (@long_files, @long_functions, @wide);
for my $file (@files) {
	open(my $in, '<', $file) or die "$file: $!";
	my $start;
	while (<$in>) {
		chomp;
		my ($width, $line) = (0, $_);
		$line =~ s/\s*\\$//;
		$width += $_ eq "\t" ? 8 - $width % 8 : 1 for split //, $line;
		# A line of data that can't be broken may stand out.
		push @wide, "$file:$." if $width > 80 && !/"(?:[^"]|\\"){30,}/;
		$start = $. if /^\{/;
		if (/^\}/ && defined $start) {
			push @long_functions, "$file:$start"
			    if $. - $start > 70;
			undef $start;
		}
	}
	push @long_files, "$file: $." if $. > 700;
	close($in);
}
is("@wide", '', 'no line is wider than 80 columns');
is("@long_functions", '', 'no function is longer than 70 lines');
is("@long_files", '', 'no file is longer than 700 lines');
done_testing();
