#!/usr/bin/perl
# The pay room against what it has to get along with: Node's crypto, a real
# chain, a real x402 facilitator, and ones that lie (t/rig). The cases are in
# t/payout/parts; here is only what decides whether they can run.
use strict;
use warnings;

use FindBin;
BEGIN { $ENV{srcdir} //= "$FindBin::Bin/../.." }
use lib "$FindBin::Bin/../lib";

use WorknetTest qw(build_path source_path find_program need_packages
    cannot_run);

need_packages();
$ENV{PAY_PROBE} = build_path('t/tools/pay_probe');
cannot_run('pay_probe is not built') if !-x $ENV{PAY_PROBE};
delete @ENV{qw(http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY)};
my $node = find_program('node');
exec $node, source_path('t/payout/parts/parts.mjs') or die "$node: $!\n";
