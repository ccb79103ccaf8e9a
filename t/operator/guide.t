#!/usr/bin/perl
# What doc/ has an operator type: commands that there are, with options that they
# have, of files that are installed; in doc/guide a word for each alert; and
# README's list of all of it. (t/packages types what can be typed in a root of its
# own.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path source_path run_command slurp);

my $guide = slurp(source_path('doc/guide'));
my @docs = grep { -f } glob source_path('doc/*');
my @typed = map { (slurp($_) =~ s/\\\n\s+/ /gr) =~ /^ {4}(\S.*)$/mg } @docs;
my %help;

# The help of a program, or of a command of worknet.
sub help {
	my (@words) = @_;

	return $help{"@words"} //= (run_command(build_path(shift @words),
	    @words, '--help'))[1];
}

my $commands = help('worknet');
my $tried = 0;
for my $line (@typed) {
	my ($program, $rest) = $line =~
	    /^(?:runuser -u [\w-]+ -- )?(worknet(?:-\w+)?) (.*)$/ or next;
	# Behind two blanks it isn't typed any more.
	$rest =~ s/(\t|  ).*//;
	my @words = split / /, $rest;
	my @command;

	next if $line =~ /^worknet-\w+\.service/;
	if ($program eq 'worknet') {
		@command = grep { $commands =~ /^  \Q$_\E {2,}/m }
		    "$words[0] " . ($words[1] // ''), $words[0];
		ok(@command > 0, "$line: there is such a command") or next;
		@command = split / /, $command[0];
	}
	my $help = help($program, @command);
	is(join(' ', grep { $help !~ /(^|[\s,\[])\Q$_\E\b/m }
	    $rest =~ /(?:^| )(--?[a-z][a-z-]*)/g), '',
	    "$line: it has these options");
	$tried++;
}
cmp_ok($tried, '>', 40, 'the guide and its fellows have commands to type');

# What it takes from the installation is part of one.
my $makefile = slurp(source_path('Makefile.am'));
for my $path ($guide =~ m{/usr/share/doc/worknet[\w-]*/examples/([\w./@-]*\w)}g) {
	my $source = $path =~ m{^nginx/} ? $path : $path =~ m{^prometheus/} ?
	    "doc/$path" : "doc/examples/$path";

	ok(-e source_path($source), "$path is in the source") or next;
	like($makefile, qr{^dist_\w*examples_DATA = (?:.*\\\n.*)*?\Q$source\E}m,
	    '... and installed');
}
for my $unit ($guide =~ /\b(worknet[\w-]*\@?\.(?:service|timer|socket))\b/g) {
	next if $unit =~ /failed/;	# an example
	ok(-e source_path("doc/systemd/$unit") ||
	    -e source_path("doc/systemd/$unit.in"), "$unit is a unit");
}

# README's list.
my $readme = slurp(source_path('README'));
for my $doc (map { m{(doc/[^/]+)$} } @docs) {
	like($readme, qr/^ {4}\Q$doc\E\t/m, "README says what $doc is about");
}
ok(-e source_path($_), "$_, of which README speaks, is there")
    for $readme =~ m{\b((?:doc|src|sql|t)/[\w./]*\w)}g;
cmp_ok($readme =~ tr/\n//, '<', 150, 'and README is short');

for my $alert (slurp(source_path('doc/prometheus/worknet.rules.yml')) =~
    /^ +- alert: (\w+)$/mg) {
	like($guide, qr/^$alert\n    \S/m, "$alert: what to do");
}
done_testing();
