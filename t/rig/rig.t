#!/usr/bin/perl
# The rig itself: the chain, the token, the facilitator and the nodes that all
# payout tests rely on, honest and lying. The cases are in t/rig/cases; here is
# only what decides whether they can run.
use strict;
use warnings;

use FindBin;
BEGIN { $ENV{srcdir} //= "$FindBin::Bin/../.." }
use lib "$FindBin::Bin/../lib";

use WorknetTest qw(source_path find_program need_packages);

need_packages();
delete @ENV{qw(http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY)};
my $node = find_program('node');
exec $node, '--test-reporter=tap', source_path('t/rig/rig.test.js') or
    die "$node: $!\n";
