#!/usr/bin/perl
# What npm ci does, where there is no npm: has the packages of
# t/package-lock.json in t/node_modules, each with the hash that stands there.
# Debian's npm brings 340 packages for the same. Runs no scripts of theirs.
#
#	npm.pl REGISTRY DIRECTORY [--omit=dev]
#
# Exit code 1 and a line if one can't be had, or has another hash: then what was
# there stays.
use strict;
use warnings;

use Digest::SHA ();
use File::Path qw(make_path remove_tree);
use JSON::PP ();
use POSIX ();

my ($registry, $dir, $omit) = @ARGV;
die "usage: npm.pl REGISTRY DIRECTORY [--omit=dev]\n"
    if !defined $dir || ($omit // '--omit=dev') ne '--omit=dev';
my $new = "$dir/node_modules.new";
my %cpus = (x86_64 => 'x64', aarch64 => 'arm64');
my %here = (os => $^O, cpu => $cpus{ (POSIX::uname())[4] } // 'none');

sub fits {
	my ($package) = @_;
	return 0 if $package->{dev} && $omit;
	for my $what (qw(os cpu)) {
		my $only = $package->{$what} or next;
		return 0 if !grep { $_ eq $here{$what} } @$only;
	}
	return 1;
}

# Paths in the lock file are those of directories: no package gets out of ours.
sub wanted {
	open my $f, '<', "$dir/package-lock.json"
	    or die "$dir/package-lock.json: $!\n";
	my $packages = JSON::PP->new->decode(do { local $/; <$f> })->{packages};
	my @wanted;

	for my $path (sort grep { $_ ne '' } keys %$packages) {
		my $package = $packages->{$path};
		fits($package) or next;
		$path =~ m{^(?:(?:^|/)node_modules/((?:\@[\w.-]+/)?[\w-][\w.-]*))+$}
		    or die "$path: not the path of a package\n";
		my $name = $1;
		my $file = ($name =~ s{.*/}{}r) . "-$package->{version}.tgz";
		my ($hash) = ($package->{integrity} // '') =~ m{^sha512-(\S+)$}
		    or die "$name: no sha512 in package-lock.json\n";
		push @wanted, { name => $name, to => $path, hash => $hash,
		    url => "$registry/$name/-/$file", tar => "$new/$#wanted.tgz" };
	}
	return @wanted;
}

# All at once.
sub fetch {
	my (@packages) = @_;

	open my $curl, '|-', qw(curl --silent --show-error --no-progress-meter
	    --fail --fail-early --location --parallel --retry 3 --max-time 300
	    --config -) or die "curl: $!\n";
	print {$curl} qq{url = "$_->{url}"\noutput = "$_->{tar}"\n}
	    for @packages;
	close $curl or die "the registry hasn't all of them, or isn't reached\n";
}

sub unpack_one {
	my ($p) = @_;
	my $is = Digest::SHA->new(512)->addfile($p->{tar}, 'b')->b64digest;

	$is eq $p->{hash} =~ s/=+$//r
	    or die "$p->{name}: not the bytes that package-lock.json names\n";
	make_path("$new/$p->{to}");
	system('tar', '-xzf', $p->{tar}, '-C', "$new/$p->{to}",
	    '--strip-components=1', '--no-same-owner') == 0
	    or die "$p->{name}: tar failed\n";
	print "$p->{name}\n";
}

$registry =~ s{/+$}{};
remove_tree($new);
make_path($new);
my $done = eval {
	my @packages = wanted();
	fetch(@packages);
	# A directory before what is in it.
	unpack_one($_) for sort { $a->{to} cmp $b->{to} } @packages;
	remove_tree("$dir/node_modules");
	rename "$new/node_modules", "$dir/node_modules" or die "rename: $!\n";
};
my $why = $@;
remove_tree($new);
if (!$done) {
	print STDERR "npm.pl: $why";
	exit 1;
}
