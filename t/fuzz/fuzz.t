#!/usr/bin/perl
# Each fuzz target survives every input of its corpus.
use strict;
use warnings;
use Test::More;

my $build = $ENV{WN_BUILDDIR} // '.';
my $src = $ENV{srcdir} // '.';

for my $target (qw(results query tasks answer rpc)) {
	my @corpus = glob("$src/t/fuzz/corpus/$target/*");
	ok(@corpus > 10, "fuzz_$target has a corpus");
	my $out = `"$build/t/fuzz_$target" "$src/t/fuzz/corpus/$target" 2>&1`;
	is($?, 0, "fuzz_$target survives its corpus") or diag($out);
}
done_testing();
