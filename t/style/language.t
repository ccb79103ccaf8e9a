#!/usr/bin/perl
# The code is C11, by which it is built, and a compiler of C23 takes it without
# a warning, too.
use strict;
use warnings;
use Test::More;

my $src = $ENV{srcdir} // '.';
my $compile = $ENV{WN_COMPILE};
plan skip_all => 'make check says how to compile' if !defined $compile;
chdir($ENV{WN_BUILDDIR} // '.') or die "WN_BUILDDIR: $!";

sub said {
	my (@args) = @_;
	return scalar(`$compile -Werror -fsyntax-only 2>&1 @args`);
}

my @files = map { glob("$src/src/$_") } qw(*.c */*.c);
ok(@files > 100, 'the sources are where they should be');
is(said('-std=c2x', @files), '', 'each source file is C23');

my $newer = "-x c - <<'.'\n#if __STDC_VERSION__ <= 201710L\n" .
    "#error older\n#endif\nextern int x;\n.\n";
is(said('-std=c2x', $newer), '', 'which is newer than C17');
like(said('-std=c11', $newer), qr/older/, 'and C11 isn\'t');
done_testing();
