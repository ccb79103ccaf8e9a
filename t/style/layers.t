#!/usr/bin/perl
# Includes point downwards only, and each foreign library has one room. Where
# money is paid that holds for the files of a room, too.
use strict;
use warnings;
use Test::More;

my $src = ($ENV{srcdir} // '.') . '/src';

# Which rooms a room may include, besides itself. The mains may include all.
my %below = (
	base => [],
	eth => [qw(base)],
	json => [qw(base)],
	http => [qw(base)],
	uptime => [qw(base)],
	ledger => [qw(base eth uptime)],
	page => [qw(base eth ledger)],
	api => [qw(base eth json ledger page tlog)],
	keys => [qw(base eth json)],
	evm => [qw(base eth json http)],
	x402 => [qw(base eth json http keys evm)],
	tlog => [qw(base eth keys)],
	vault => [qw(base eth json keys)],
	pay => [qw(base eth json http keys evm x402 vault ledger)],
	work => [qw(base eth json http tlog proof)],
	proof => [qw(base eth json keys tlog uptime ledger)],
	publish => [qw(base eth json http keys tlog proof store uptime ledger)],
	store => [qw(base eth http keys tlog proof)],
	alert => [qw(base eth json http uptime ledger)],
	admin => [qw(base eth json http keys evm x402 ledger uptime tlog proof
	    publish store alert)],
	serve => [qw(base api)],
);

my %library = (
	qr/^secp256k1/ => 'eth',
	qr/^yajl/ => 'json',
	qr/^curl/ => 'http',
	qr/^sqlite3\.h/ => 'ledger',
	qr/^fcgi/ => 'serve',
	qr/^ini\.h/ => 'base',
	qr/^seccomp\.h/ => 'base',
	qr/^maxminddb/ => 'base',
	qr/^openssl/ => 'keys',
	qr/^zstd/ => 'store',
);

# What proves something to a stranger knows the arithmetic of drills and what a
# private task's salt hides, and no ledger.
my %only = (proof => { ledger => qr/^(canary|private_task)\.h$/ });

my @files = glob("$src/*/*.[ch]");
ok(@files > 30, 'the source tree is where it should be');
for my $file (@files) {
	my ($room, $name) = $file =~ m{([^/]+)/([^/]+)$} or next;
	my $may = $below{$room};
	ok(defined $may, "$room is a room of src/README") or next;
	open(my $in, '<', $file) or die "$file: $!";
	my @wrong;
	while (<$in>) {
		if (m{^\s*#\s*include\s+"(?:([^/"]+)/)?([^"]+)"}) {
			my ($of, $what) = ($1 // 'no room', $2);
			my $only = $only{$room}{$of};
			push @wrong, "line $.: $of/$what"
			    if defined $only && $what !~ $only;
			push @wrong, "line $.: $of" unless $of eq $room
			    || grep { $_ eq $of } @$may;
		} elsif (m{^\s*#\s*include\s+<([^>]+)>}) {
			my $header = $1;
			for my $lib (keys %library) {
				push @wrong, "line $.: <$header>"
				    if $header =~ $lib
				    && $room ne $library{$lib};
			}
		}
	}
	close($in);
	is("@wrong", '', "$room/$name includes only what is below it");
}

# Inside the rooms through which money goes, a module is NAME.c with NAME.h, and
# NAME_room.h where it shares something with its room alone.
my (%uses, %text);
for my $file (glob("$src/{pay,vault,evm,x402}/*.[ch]")) {
	my ($room, $name) = $file =~ m{([^/]+)/([^/]+?)(?:_room)?\.[ch]$};
	open(my $in, '<', $file) or die "$file: $!";
	my $text = do { local $/; <$in> };
	close($in);
	$uses{"$room/$name"}{"$room/$_"} = 1
	    for grep { $_ ne $name }
	    $text =~ m{^#include "$room/([^"]+?)(?:_room)?\.h"}mg;
	$text{"$room/$name"}{substr($file, -1)} .= $text;
}

# Adds to @$circles each way that comes back to where it was.
my %seen;
sub walk {
	my ($circles, @way) = @_;
	for my $next (sort keys %{$uses{$way[-1]}}) {
		my ($from) = grep { $way[$_] eq $next } 0 .. $#way;
		push @$circles, join(' -> ', @way[$from .. $#way], $next)
		    if defined $from;
		walk($circles, @way, $next)
		    if !defined $from && !$seen{$next}++;
	}
}
for my $room (qw(pay vault evm x402)) {
	my @circles;
	walk(\@circles, $_) for grep { m{^$room/} } sort keys %text;
	is(join("\n", @circles), '', "no modules of $room use each other");
}

# Else a circle wouldn't show in what is included.
for my $module (sort keys %text) {
	my ($c, $h) = map { $_ // '' } @{$text{$module}}{qw(c h)};
	my @elsewhere = grep { $h !~ /\b\Q$_\E\(/ }
	    $c =~ /^(?!static\b)\w[^;={}()]*?^(\w+)\(/mg;
	is("@elsewhere", '', "what $module offers is in its own header");
}

# How deep a payment is signed: the longest way from main of worknet-payout, by
# what bodies of functions call. A static function is its file's.
my (%in, %anywhere, $code);
for my $file ("$src/worknet-payout.c", glob("$src/pay/*.c")) {
	open(my $in, '<', $file) or die "$file: $!";
	local $/;
	my $text = <$in> =~ s{/\*.*?\*/|"(?:\\.|[^"\\])*"}{}gsr;
	while ($text =~ /^(static )?[^\n]*\n(\w+)\([^{;]*\)\n\{(.*?)^\}/gms) {
		my $f = $in{$file}{$2} = { name => $2, file => $file, body => $3 };
		$anywhere{$2} = $f unless $1;
	}
	$code .= $text;
}

# The names on it from $f on; none if it doesn't end in the vault, or comes back
# to where it was.
my $vault = { name => 'vault_sign' };
my %on;
sub longest {
	my ($f) = @_;
	return ($f->{name}) if $f == $vault;
	return if $on{$f};
	local $on{$f} = 1;
	my @rest;
	for my $name ($f->{body} =~ /\b(\w+)\(/g) {
		my $next = "$f->{name} $name" eq 'run_sign vault_sign' ? $vault
		    : $in{$f->{file}}{$name} // $anywhere{$name} or next;
		my @way = longest($next);
		@rest = @way if @way > @rest;
	}
	return @rest ? ($f->{name}, @rest) : ();
}
my @way = longest($in{"$src/worknet-payout.c"}{main});
note(join(' -> ', @way));
ok(@way > 2 && @way <= 1 + 8,
    'a payment is signed at most eight calls below main');
is(join(' ', grep { $code =~ /(?<![\w.>])$_\b(?!\()/ } sort map { $_->{name} }
	    grep { longest($_) } map { values %$_ } values %in),
    '', 'and none of what leads there is handed on as a callback');

open(my $readme, '<', "$src/README") or die "src/README: $!";
my $text = do { local $/; <$readme> };
for my $dir (grep { -d } glob("$src/*")) {
	my ($room) = $dir =~ m{([^/]+)$};
	like($text, qr/\b\Q$room\E\b/, "src/README names $room");
}
done_testing();
