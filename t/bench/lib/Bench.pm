# What a row of the benchmark is, how it is measured and shown.
#
# A file rows/NAME.pl, in a package of its own, returns a hash:
#	row	NAME
#	what	what is measured, a few words
#	of	what the ratio is made of: "X / Y"; absent without a ratio
#	better	'less' or 'more'
#	must	the ratio to reach; absent: only reported
#	aim	the ratio to aim at
#	measure	code that gets a Bench::Run and returns a hash:
#		ratios	[one for each round]; absent without a ratio
#		parts	[[name, value, unit], ...]: what it is made of. A value
#			may be a reference to a list with one for each round.
#		holds	[[sentence, true or false, what was seen], ...]: what
#			must hold whatever the ratio; absent when nothing
# What goes wrong is a die: then the row isn't reached, and says why.
package Bench;

use strict;
use warnings;

use POSIX ();
use Time::HiRes ();

use WorknetTest qw(build_path find_program slurp);

# ---- Numbers -------------------------------------------------------------

sub median {
	my @v = sort { $a <=> $b } @_;

	return undef if !@v;
	return @v % 2 ? $v[$#v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2;
}

# { median, min, max } of a list.
sub spread {
	my @v = sort { $a <=> $b } @_;

	return { median => median(@v) + 0, min => $v[0] + 0,
	    max => $v[-1] + 0 };
}

# Three digits or more: 0.0123, 1.23, 12.3, 1234.
sub number_text {
	my ($n) = @_;

	return 'none' if !defined $n;
	return $n if $n !~ /^-?[\d.]+(e[-+]?\d+)?$/i;
	return sprintf('%.0f', $n) if abs $n >= 100 || $n == int $n;
	my $digits = 2 - POSIX::floor(log(abs $n) / log(10));
	return sprintf('%.*f', $digits < 6 ? $digits : 6, $n);
}

sub spread_text {
	my ($s) = @_;

	return sprintf('%.2f (%.2f..%.2f)', $s->{median}, $s->{min},
	    $s->{max});
}

# ---- Measuring -----------------------------------------------------------

# The CPU seconds of all processes, and of this one with its children that
# ended: what others had is the difference.
sub cpu_used_s {
	my ($user, $nice, $system, $idle, $iowait, @irq) =
	    slurp('/proc/stat') =~ /^cpu +(.*)$/m ? split ' ', $1 : ();
	my $busy = ($user + $nice + $system + $irq[0] + $irq[1]) /
	    POSIX::sysconf(POSIX::_SC_CLK_TCK());
	my $ours = 0;

	$ours += $_ for times;
	return ($busy, $ours);
}

sub measure {
	my ($row, $long) = @_;
	my $start = Time::HiRes::time();
	my ($busy, $ours) = cpu_used_s();
	my $got = eval { $row->{measure}->(Bench::Run->new($long)) };
	my $failed = $@;
	my ($busy_now, $ours_now) = cpu_used_s();
	my %m = map { ($_ => $row->{$_}) } grep { defined $row->{$_} }
	    qw(row what of better must aim);

	chomp $failed;
	$m{failed} = $failed if $failed ne '';
	$m{took_s} = sprintf('%.1f', Time::HiRes::time() - $start) + 0;
	$m{others_cores} = sprintf('%.2f', ($busy_now - $busy - ($ours_now -
	    $ours)) / (Time::HiRes::time() - $start)) + 0;
	$m{ratio} = spread(@{ $got->{ratios} }) if $got->{ratios};
	$m{parts} = [ map { part(@$_) } @{ $got->{parts} // [] } ];
	$m{holds} = [ map { { what => $_->[0], ok => $_->[1] ? 1 : 0,
	    seen => $_->[2] } } @{ $got->{holds} // [] } ];
	$m{reached} = reached(\%m, $m{must}) ? 1 : 0;
	$m{aimed} = reached(\%m, $m{aim}) ? 1 : 0;
	return \%m;
}

sub part {
	my ($name, $value, $unit) = @_;

	return { name => $name, unit => $unit // '', ref $value ?
	    (value => median(@$value), spread => spread(@$value)) :
	    (value => $value) };
}

# True when a row was measured, holds, and is as good as a limit (or has
# none).
sub reached {
	my ($m, $limit) = @_;

	return 0 if defined $m->{failed} || grep { !$_->{ok} } @{ $m->{holds} };
	return 1 if !defined $limit;
	return 0 if !$m->{ratio};
	return $m->{better} eq 'less' ? $m->{ratio}{median} <= $limit :
	    $m->{ratio}{median} >= $limit;
}

# ---- What it ran on ------------------------------------------------------

sub first_line {
	my ($command) = @_;
	my ($line) = split /\n/, `$command 2>&1` // '';

	return $line // '';
}

sub header {
	my ($cpu) = slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)$/m;
	my $conf = slurp(build_path('config.log'));
	my ($flags) = $conf =~ /^CFLAGS='(.*)'$/m;

	return {
		cpu => $cpu // 'unknown',
		cores => Bench::Run::cores(),
		kernel => (POSIX::uname())[2],
		compiler => first_line(($conf =~ /^CC='(.*)'$/m)[0] .
		    ' --version') . " $flags",
		nginx => (first_line(find_program('nginx') . ' -v') =~
		    m{nginx/(\S+)})[0],
		secp256k1 => first_line('pkg-config --modversion ' .
		    'libsecp256k1'),
		sqlite => first_line('pkg-config --modversion sqlite3'),
		at => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime),
		load => (split ' ', slurp('/proc/loadavg'))[0] + 0,
	};
}

sub header_text {
	my ($h) = @_;

	return "$h->{cores} cores of $h->{cpu}, Linux $h->{kernel}, load " .
	    "$h->{load} before\n$h->{compiler}; nginx $h->{nginx}, " .
	    "libsecp256k1 $h->{secp256k1}, SQLite $h->{sqlite}\n";
}

# ---- Showing -------------------------------------------------------------

sub limit_text {
	my ($m, $limit) = @_;

	return '-' if !defined $limit;
	return ($m->{better} eq 'less' ? '<= ' : '>= ') . $limit;
}

sub verdict {
	my ($m) = @_;

	return 'FAILED' if defined $m->{failed};
	return 'not reached' if !$m->{reached};
	return '' if !defined $m->{must} && !@{ $m->{holds} };
	return $m->{aimed} && defined $m->{aim} ? 'aim' : 'ok';
}

# A row with all that it is made of.
sub row_text {
	my ($m) = @_;
	my $text = "\n$m->{row}  $m->{what}" . ($m->{ratio} ? ': ' .
	    spread_text($m->{ratio}) : '') . ' ' . verdict($m) . "\n";

	$text .= "   = $m->{of}\n" if defined $m->{of};
	$text .= "   $m->{failed}\n" if defined $m->{failed};
	for my $p (@{ $m->{parts} }) {
		$text .= sprintf("   %10s %-9s %s%s\n",
		    number_text($p->{value}), $p->{unit}, $p->{name},
		    $p->{spread} ? ' (' . number_text($p->{spread}{min}) .
		    '..' . number_text($p->{spread}{max}) . ')' : '');
	}
	for my $h (@{ $m->{holds} }) {
		$text .= '   ' . ($h->{ok} ? 'holds: ' : 'DOES NOT HOLD: ') .
		    $h->{what} . (defined $h->{seen} ? " ($h->{seen})" : '') .
		    "\n";
	}
	return $text . "   took $m->{took_s} s, in which others had " .
	    "$m->{others_cores} cores\n";
}

# All rows, a line each.
sub table_text {
	my $format = "%-3s %-20s %-8s %-8s %-11s %s\n";
	my $text = sprintf($format, 'row', 'ratio (min..max)', 'must', 'aim',
	    '', 'what');

	for my $m (@_) {
		$text .= sprintf($format, $m->{row}, $m->{ratio} ?
		    spread_text($m->{ratio}) : '-', limit_text($m, $m->{must}),
		    limit_text($m, $m->{aim}), verdict($m), $m->{what});
	}
	return $text;
}

# ---- How much to do ------------------------------------------------------

package Bench::Run;

sub new {
	my ($class, $long) = @_;

	return bless { long => $long }, $class;
}

# The first for a quick run, the second for a long one.
sub choose {
	my ($self, $quick, $long) = @_;

	return $self->{long} ? $long : $quick;
}

sub cores {
	my $n = () = WorknetTest::slurp('/proc/cpuinfo') =~
	    /^processor\s*:/mg;

	return $n || 1;
}

1;
