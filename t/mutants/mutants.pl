#!/usr/bin/perl
# Breaks a copy of the tree in one way after the other, t/mutants/list, and says
# which ones no test sees: `make mutants`, minutes. MUTANTS="PATTERN" takes those
# whose sentence or file it matches. Exit codes: 0 each was seen, 1 one survived
# or couldn't be made, 2 the tests fail without any.
use strict;
use warnings;

use Cwd ();
use File::Temp ();
use List::Util 'any';

my $source = Cwd::abs_path($ENV{srcdir} // '.');
my $pattern = $ENV{MUTANTS} // '';
my $copy = File::Temp::tempdir('worknet-mutants-XXXXXX', TMPDIR => 1,
    CLEANUP => 1);

# Each as { says, file, sed, tests => [[name, pattern]] }.
sub read_list {
	open(my $f, '<', "$source/t/mutants/list") or die "list: $!";
	local $/ = '';
	my @list;

	while (my $paragraph = <$f>) {
		next if $paragraph =~ /^#/;
		my ($says, $file, $sed, @tests) = map { s/^\t//r }
		    split /\n/, $paragraph;
		push @list, { says => $says, file => $file, sed => $sed,
		    tests => [ map { [ split / /, $_, 2 ] } @tests ] };
	}
	return grep { "$_->{says} ($_->{file})" =~ /$pattern/ } @list;
}

# Runs a command in the copy, its output in a file: its success.
sub run {
	my (@command) = @_;
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		chdir "$copy/build" or die $!;
		open(STDOUT, '>', "$copy/log") or die $!;
		open(STDERR, '>&', \*STDOUT) or die $!;
		exec { $command[0] } @command or exit 127;
	}
	waitpid($pid, 0);
	return $? == 0;
}

sub build {
	return run('make', '-s', 'test-tools');
}

sub passes {
	my ($test, $cases) = @{ $_[0] };

	local $ENV{srcdir} = "$copy";
	return run('make', '-s', $test) && run("./$test")
	    if $test =~ m{^t/(?:unit|tools)/};
	local $ENV{WN_BUILDDIR} = "$copy/build";
	local $ENV{WN_CASES} = $cases if defined $cases;
	return run($^X, "-I$copy/t/lib", "$copy/$test");
}

# What came of it: seen, survived, or why it couldn't be tried.
sub try_mutant {
	my ($m) = @_;
	my $path = "$copy/$m->{file}";
	my $before = -e $path ? `cat '$path'` : return 'no such file';
	my $said;

	system('sed', '-i', $m->{sed}, $path) == 0 or return 'sed fails';
	if (`cat '$path'` eq $before) {
		return 'doesn\'t apply: the line has changed';
	} elsif (!build()) {
		$said = 'doesn\'t compile';
	} else {
		$said = (any { !passes($_) } @{ $m->{tests} }) ? 'seen' :
		    'survived';
	}
	open(my $f, '>', $path) or die "$path: $!";
	print $f $before;
	close $f;
	return $said;
}

my @list = read_list();
# What make dist takes, and what autoreconf has made of it.
system('/bin/sh', '-c', 'cd "$0" && tar -chf - --exclude=node_modules ' .
    '--exclude="*.o" aclocal.m4 build-aux configure ' .
    'configure.ac Makefile.am Makefile.in nginx sql src t doc README NEWS COPYING ' .
    'bootstrap .clang-format | tar -xf - -C "$1"', $source, $copy) == 0 or
    die "copying the tree\n";
symlink("$source/t/node_modules", "$copy/t/node_modules");
mkdir "$copy/build";
if (!run("$copy/configure", '-q', 'CC=' . ($ENV{CC} // 'cc')) || !build()) {
	system('tail', '-20', "$copy/log");
	die "the copy can't be built\n";
}
my %tests = map { ($_->[0] => 1) } map { @{ $_->{tests} } } @list;
for (sort keys %tests) {
	next if passes([$_]);
	system('tail', '-20', "$copy/log");
	print "fails without a mutant: $_\n";
	exit 2;
}
my $bad = 0;
$| = 1;
for my $m (@list) {
	my $said = try_mutant($m);

	$bad += $said ne 'seen';
	printf "%-10s %s (%s)\n", $said, $m->{says}, $m->{file};
}
printf "%d mutants, %d not seen\n", scalar @list, $bad;
exit($bad ? 1 : 0);
