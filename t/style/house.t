#!/usr/bin/perl
# A reader finds a test by t/README, and make check runs each that there is;
# what src/README and t/README name is there; each mutant of t/mutants/list
# still breaks the file that it names.
use strict;
use warnings;

use File::Basename qw(basename dirname);
use File::Find 'find';
use FindBin ();
use Test::More;

my $top = "$FindBin::Bin/../..";

sub slurp {
	my ($path) = @_;
	open my $f, '<', $path or die "$path: $!";
	local $/;
	return <$f>;
}

my $readme = slurp("$top/t/README");
my $makefile = slurp("$top/Makefile.am");
my @tests = map { s{^\Q$top\E/}{}r } glob "$top/t/*/*.t $top/t/unit/test_*.c";

my @folders = grep { -d "$top/t/$_" && $_ ne 'node_modules' }
    map { basename($_) } glob "$top/t/*";
is_deeply([grep { $readme !~ m{^  \Q$_\E/ }m } @folders], [],
    't/README says what each folder is about');
is_deeply([grep { $makefile !~ /^\t\Q@{[s{\.c$}{}r]}\E( \\)?$/m } @tests], [],
    'make check runs every test');
is_deeply([grep { !/\.c$/ && slurp("$top/$_") !~ /\A(#!.*\n)?# \S/ } @tests],
    [], 'the first lines of each say what it is about');
my ($payout) = $readme =~ m{^  payout/(.*?)^  \w+/}ms;
is_deeply([grep { m{^t/payout/} && $payout !~ /\b\Q@{[basename($_, '.t')]}\E\b/ }
	@tests], [], 'and t/README what each test of payouts is about');

# Files by their path, or by their name alone; and functions behind their file.
my %there;
find(sub { $there{$_} = 1 }, map { "$top/$_" } grep { -e "$top/$_" }
    qw(src sql nginx doc t));
for my $page ('src/README', 't/README') {
	my $text = slurp("$top/$page") =~ s/\w+\.(?:mod|sumdb)\b//gr;

	is_deeply([grep { !/NAME/ && (m{/} ? !(grep { -e } "$top/src/$_",
	    "$top/t/$_", "$top/$_") : !$there{$_}) }
	    $text =~ m{([\w/.-]*\w\.(?:[cht]|awk|conf|css|go|js|json|mjs|patch|pl|pm|sh|sql))\b}g],
	    [], "each file that $page names is there");
	my %in = reverse $text =~ m{(\w+/\w+\.c),\s+([a-z]+_[a-z_]+)\b}g;
	is_deeply([grep { slurp("$top/src/$in{$_}") !~ /^$_\(/m } sort keys %in],
	    [], '... and each function in its file');
}

my @whole;
for my $mutant (grep { !/^#/ } split /\n\n+/, slurp("$top/t/mutants/list")) {
	my ($says, $file, $sed) = map { s/^\t//r } split /\n/, $mutant;
	my $path = "$top/$file";

	open(my $broken, '-|', 'sed', $sed, $path) or die "sed: $!";
	local $/;
	push @whole, $says if !-e $path || <$broken> eq slurp($path);
}
is_deeply(\@whole, [], 'each mutant breaks the file that it names');
done_testing;
