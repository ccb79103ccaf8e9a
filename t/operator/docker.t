#!/usr/bin/perl
# The Dockerfiles: each instruction is one, and what they copy, install, run and
# store is what the packages have. Nothing here builds an image.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path source_path run_command slurp);

my %instruction = map { $_ => 1 } qw(FROM COPY RUN USER VOLUME STOPSIGNAL CMD);
my $control = slurp(source_path('debian/control'));
my %package = map { $_ => 1 } $control =~ /^Package: (\S+)$/mg;
my $sysusers = slurp(source_path('doc/systemd/sysusers.d/worknet.conf'));
my $tmpfiles = slurp(source_path('doc/systemd/tmpfiles.d/worknet.conf'));
my $socket = slurp(source_path('doc/systemd/worknet.socket'));

# A package's files, as debian/*.install puts them.
sub has_program {
	my ($package, $name) = @_;

	return slurp(source_path("debian/$package.install")) =~
	    m{^usr/bin/\Q$name\E$}m;
}

for my $file (qw(coordinator worker)) {
	my $text = slurp(source_path("doc/docker/$file.Dockerfile"));
	my @lines = grep { !/^(?:#|\s*$)/ } split /\n/, $text =~ s/\\\n\s*/ /gr;
	my %has;

	for (@lines) {
		my ($word, $rest) = /^([A-Z]+) (\S.*)$/;
		ok(defined $word && $instruction{$word},
		    "$file: $_ is an instruction");
		$has{$word // ''} = $rest;
	}
	like($lines[0], qr/^FROM debian:13(?:-slim)?$/, "$file: of Debian 13");
	my ($package) = $has{COPY} =~ m{^([a-z-]+)_\*\.deb /tmp/$};
	ok($package{$package}, "$file: $package is a package of ours");
	like($has{RUN}, qr{install -y --no-install-recommends .*/tmp/\Q$package\E_\*\.deb},
	    '... and the one that is installed');
	is(system('sh', '-n', '-c', $has{RUN}), 0, "$file: a shell can read RUN");
	my @command = @{ WorknetTest::json_value($has{CMD}) };
	ok(has_program($package, $command[0]), "$file: it has $command[0]");
	my $help = (run_command(build_path($command[0]), '--help'))[1];
	is(join(' ', grep { $help !~ /(^|[\s,\[])\Q$_\E\b/m } grep { /^-/ }
	    @command), '', '... with these options');
	like($has{USER}, $file eq 'worker' ? qr/^65534$/ : qr/^worknet$/,
	    "$file: it isn't root");
	next if $file eq 'worker';
	like($sysusers, qr/^u $has{USER} /m, '... but a user that is made');
	my ($ledger, $run) = split ' ', $has{VOLUME};
	like($tmpfiles, qr/^d \Q$ledger\E /m, "$ledger is the ledger's place");
	my ($path) = $socket =~ /^ListenStream=(.*)$/m;
	is((grep { $command[$_ - 1] eq '-s' } 1 .. $#command) ? $command[-1] :
	    '', $path, 'the socket is where nginx looks');
	like($path, qr{^\Q$run\E/}, '... in a volume');
	# What postinst needs there, and recommends in the unit's stead.
	my ($depends) = $control =~ /^Package: worknet\n.*?^Depends: (.*?)^\w/ms;
	like($depends, qr/\b\Q$_\E\b/, "$_ is what the package can do with")
	    for $has{RUN} =~ /(systemd-standalone-\w+)/g;
}
done_testing();
