#!/usr/bin/perl
# The pay room against what it has to get along with: Node's crypto, a real
# chain, a real x402 facilitator, and ones that lie (t/rig). The cases are in
# t/js-pay; here is only what decides whether they can run.
# WN_BUILDDIR says where the programs are (default: here).
use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename 'dirname';

my $here = abs_path(dirname(__FILE__));
my $build = $ENV{WN_BUILDDIR} || '.';
my ($probe) = grep { -x } "$build/t/pay_probe", "$build/pay_probe";

sub skip_all {
	print "1..0 # SKIP $_[0]\n";
	exit 0;
}

skip_all('pay_probe is not built') unless $probe;
my $version = `node --version 2>/dev/null` || '';
skip_all('node 18 or later is needed')
    unless $version =~ /^v(\d+)/ && $1 >= 18;
skip_all('run "npm ci" in t/ first') unless -d "$here/node_modules/viem";

delete @ENV{qw(http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY)};
$ENV{PAY_PROBE} = abs_path($probe);
exec 'node', "$here/js-pay/parts.mjs" or die "node: $!\n";
