#!/usr/bin/perl
# The method of doc/uptime: src/uptime and a reference in another language agree
# on the vectors and on random histories, bit for bit.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP;
use Test::More;

use WorknetTest qw(build_path source_path find_program run_command slurp
    need_program);

alarm 120;
need_program('node');
my $node = find_program('node');
my $reference = source_path('t/uptime/reference.mjs');
my $vectors = source_path('t/vectors/evidence/sla-vectors.ndjson');

sub histories {
	my ($status, $out, $err) = run_command($node, $reference, @_);

	die $err if $status != 0;
	return decode_json($out);
}

sub counted {
	my ($input) = @_;
	my ($status, $out, $err) = run_command({ stdin => $input },
	    build_path('t/tools/uptime_count'));

	die $err if $status != 0;
	return split /\n/, $out;
}

# ---- Vectors ----

my @vectors = split /\n/, slurp($vectors);
my $h = histories('vectors', $vectors);
my @got = counted($h->{input});
is(scalar @vectors, 16, 'there are 16 vectors');
for my $i (0 .. $#vectors) {
	my ($name, $result) = $vectors[$i] =~
	    /^\{"name":"([^"]+)".*"result":(\{.*\})\}$/ or die $vectors[$i];

	is($got[$i], $result, "$name: as the vector has it");
	is($h->{expected}[$i], $result, '... and so the reference');
}

# ---- The examples of the method's text ----

my %example = slurp(source_path('doc/uptime')) =~
    /^ {4}([UDsxN1.P]{10})  (\S.*)$/mg;
my @letters = sort keys %example;
cmp_ok(scalar @letters, '>', 9, 'doc/uptime has examples');
@got = map { decode_json($_) } counted(histories('letters', @letters)->{input});
for my $i (0 .. $#letters) {
	my ($is, $low, $high, $coverage) = map {
		my $text = sprintf('%d.%04d', $_ / 10000, $_ % 10000);
		$text =~ s/\.?0+$//;
		"$text %";
	} @{ $got[$i] }{qw(availability atLeast atMost coverage)};

	is($example{$letters[$i]},
	    "$is, between $low and $high, coverage $coverage",
	    "$letters[$i] is as doc/uptime says");
}

# ---- Random histories ----

my $seed = $ENV{WN_SEED} // 20261129;
my $count = 10_000;
diag("WN_SEED=$seed");
$h = histories('random', $seed, $count);
@got = counted($h->{input});
is(scalar @got, $count, "$count random histories are counted");
my @wrong = grep { $got[$_] ne $h->{expected}[$_] } 0 .. $#got;
is(scalar @wrong, 0, '... as the reference counts them') or do {
	my ($one) = ($h->{input} =~
	    /((?:^(?!count).*\n)*^count.*\n)/mg)[$wrong[0]];

	diag("history $wrong[0]:\n$one\ngot      $got[$wrong[0]]\n" .
	    "expected $h->{expected}[$wrong[0]]");
};
my @parsed = map { decode_json($_) } @got;
my %seen;
for my $r (@parsed) {
	$seen{$_}++ for grep { ref $r->{$_} eq '' && $r->{$_} > 0 } keys %$r;
	$seen{$_->{ended}}++ for @{ $r->{incidents} };
}
is_deeply([ grep { !$seen{$_} || $seen{$_} < 100 } qw(up down unconfirmed unknown
    disputed paused maintenance recovered evidence open) ], [],
    'they have some of everything');
is(scalar(grep { $_->{availability} >= 0 && ($_->{atLeast} > $_->{availability} ||
    $_->{availability} > $_->{atMost} || $_->{strict} > $_->{availability} ||
    $_->{atLeast} > $_->{strict}) } @parsed), 0,
    'the floor is never above a figure, nor the ceiling below it');
is(scalar(grep { $_->{atLeast} == 1000000 && ($_->{down} || $_->{unconfirmed} ||
    $_->{unknown} || $_->{disputed}) } @parsed), 0,
    'the floor is 100 % only when nothing else is possible');

done_testing;
