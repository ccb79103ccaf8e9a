#!/usr/bin/perl
# The manual pages: worknet.conf(5) has each key as worknet init writes it,
# worknet-ledger(5) each view of the ledger, and the examples of all of them can
# be typed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Text::Wrap qw(wrap);

use AdminRun qw(make_ledger);
use WorknetTest qw(build_path source_path need_program run_command
    slurp spurt);

need_program('sqlite3');
alarm(120);

my $w = WorknetTest->new;
make_ledger($w->ledger_path, '--seed', 7, '--workers', 3, '--tasks', 3,
    '--interval-ms', 120000, '--silent-percent', 0, '--cooldown-ms', 0,
    '--results', 30);

sub page { return slurp(source_path("doc/man/$_[0]")) }

# ---- The configuration ----

# A sentence in lines that no page is too narrow for.
sub filled {
	my ($text) = @_;

	local $Text::Wrap::columns = 80;
	return wrap('', '', $text =~ s/\\/\\e/gr =~ s/; /;\n/gr =~
	    s/\(\)/\\&()/gr =~ s/\.\s+/.\n/gr) =~ s/^(?=[.'])/\\&/gmr;
}

my @lines = split /\n/, WorknetTest->new->sample_conf;
my $words = '';
my ($section, $text) = ('', '');
for my $line (@lines) {
	if ($line =~ /^\[(\w+)\]$/) {
		$text .= ".El\n" if $section ne '';
		$section = $1;
		$text .= ".Ss Section $1\n.Bl -tag -width Ds\n";
	} elsif ($line =~ /^; (.*)$/) {
		$words = $1;
	} elsif ($line =~ /^;?(\w+) = ?(.*)$/ && $section ne '') {
		my ($key, $value) = ($1, $2 =~ s/\\/\\e/gr);
		$text .= ".It Ic $key No =" . ($value eq '' ? '' :
		    " $value") . "\n" . filled(ucfirst $words) . ".\n";
	}
}
$text .= ".El\n";
my ($told) = page('worknet.conf.5') =~ /(^\.Ss Section .*?^\.El\n)(?=\.Sh)/ms;
ok($text =~ /^\.It Ic path /m && ($told // '') eq $text,
    'worknet.conf(5) has each key, its default, and what it is for') or
    spurt(build_path('worknet.conf.5.wanted'), $text);

# ---- The ledger ----

my $ledger = page('worknet-ledger.5');
for my $row ($w->sql("SELECT m.name AS view, group_concat(p.name, ' ') AS " .
    "columns FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE " .
    "m.type = 'view' GROUP BY m.name")) {
	my ($it) = $ledger =~ /^\.It Ic \Q$row->{view}\E\n(.*?)(?=^\.It|^\.El)/ms;

	ok(defined $it, "worknet-ledger(5) has the view $row->{view}") or next;
	is(join(' ', grep { $it !~ /\b\Q$_\E\b/ } split / /, $row->{columns}),
	    '', '... with its columns');
}

# ---- Examples ----

# Of the lines of a page.
sub examples {
	my ($name) = @_;
	my ($section) = page($name) =~ /^\.Sh EXAMPLES\n(.*?)^\.Sh/ms;

	return () if !defined $section;
	my @blocks = $section =~ /^\.Bd -literal.*?\n(.*?)^\.Ed/msg;
	return map { s/\\e/\\/gr } @blocks;
}

my $home = $w->dir('typed');
mkdir $home;
my $conf = "[ledger]\npath = " . $w->ledger_path . "\n";
spurt("$home/worknet.conf", "$conf\n[log]\norigin = log.example\ndirectory = " .
    "$home/log\nstate_directory = $home/state\nkey_file = $home/log.key\n");
mkdir "$home/$_" for qw(log state);
for my $name (map { m{([^/]+)$} } glob source_path('doc/man/*')) {
	my @blocks = examples($name);
	ok(@blocks > 0, "$name has examples");
	for my $block (@blocks) {
		if ($block =~ /^\[/) {
			spurt("$home/block.conf", $block =~
			    s/^(\[ledger\]\n(?:.*\n)*?path = ).*/$1 .
			    $w->ledger_path/mre);
			my ($code, undef, $err) = run_command(
			    build_path('worknet'), '-c', "$home/block.conf",
			    'task', 'list');
			is("$code $err", '0 ', "$name: its configuration is read");
			next;
		}
		for my $line (split /\n/, $block =~ s/\\\n\s+/ /gr) {
			my $command = $line;
			# It isn't to serve here, or to work for ever.
			$command .= ' -t' if $line =~ /fcgi -s|worker -u/;
			$command =~ s{^(worknet[\w-]*)(?= |$)}{
			    build_path($1) . " -c $home/worknet.conf"}e;
			my $ledger_path = $w->ledger_path;
			$command =~ s{/var/lib/worknet/ledger\.db}{$ledger_path};
			my ($code, $out, $err) = run_command('/bin/sh', '-c',
			    "cd '$home' && $command");
			# A plan for a day that is over is refused.
			my $fine = $line =~ /payout|maintenance|check|doctor/ ?
			    qr/^[01]$/ : qr/^0$/;
			like($code, $fine, "$name: $line") or diag($out, $err);
		}
	}
}
done_testing();
