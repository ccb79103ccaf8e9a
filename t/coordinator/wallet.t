#!/usr/bin/perl
# From a wallet to what its page shows: it signs on /join in a real browser, the
# operator admits it, its worker works, is credited, and paid on a real chain.
# wallet.mjs has the browser's side.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Open2 qw(open2);
use Test::More;

use PayoutTest qw(rig_start);
use WorknetTest qw(need_program find_program json_value source_path build_path
    run_command spurt wait_for);
use WorknetTest::Viem qw(viem_is_here);

my $chromium = $ENV{CHROMIUM} // '/usr/bin/chromium';
plan skip_all => 'no chromium' unless -x $chromium;
plan skip_all => 'no playwright-core or viem (cd t && npm ci)'
    unless viem_is_here() && -d source_path('t/node_modules/playwright-core');
need_program('sqlite3', 'nginx');
alarm 600;	# on a machine with much else to do

my $rig = rig_start();
my $w = WorknetTest->new(conf => { admission => { mode => 'list',
    standing_results => 0, standing_hours => 0 },
    honesty => { maturity_new_ms => 1000 }, payout => { network =>
    'base-sepolia', facilitators => $rig->{facilitator}, single_node => 'accept',
    rpc_urls => $rig->{rpc}, treasury_key_file => 'key', threshold_micros => 1000,
    PayoutTest::caps() } });
my $treasury = $w->worker(8);
bless $w, 'PayoutTest';
$w->{rig} = $rig;
$w->key_write("0x$treasury->{key}\n");
$rig->token('mint', $treasury->{address}, 1000000);
$w->init;
$w->nginx_start;
$w->{conf}{pages}{origin} = $w->url;
$w->conf_write;
$w->worknet('task', 'add', 'health', '--url', $w->url('/api/health'),
    '--interval', '1h', '--reward', 1000);
$w->start;

my $worker = $w->worker(7);
my $key = $w->dir('worker.key');
spurt($key, "$worker->{key}\n");
chmod 0600, $key;

my %now = (
	admit => sub {
		my $asked = json_value($w->worknet('worker', 'requests',
		    '--json'))->{requests};

		is_deeply([ map { [ @{$_}{qw(address region)} ] } @$asked ],
		    [ [ $worker->{address}, 'eu-west' ] ],
		    'the operator reads who asks');
		$w->worknet('worker', 'admit', $worker->{address});
	},
	work => sub {
		my ($code, $out, $err) = run_command(
		    build_path('worknet-worker'), '-c', $w->conf_path, '-k',
		    $key, '-u', $w->url('/api'), '-r', 'eu-west', '--once');

		is($code, 0, 'its worker works') or diag($out, $err);
		is($w->balance($worker), 1000, '... and is credited');
	},
	pay => sub {
		sleep 1; # so long credit waits
		$w->pay_is('paid', 'a payout run pays it');
		$rig->mine(10);
		$w->pay_is('nothing', '... and the next one sees that it is final');
		is($rig->balance($worker->{address}), 1000,
		    '... as the chain has it');
	},
);
my $pid = open2(my $seen, my $say, find_program('node'),
    source_path('t/coordinator/wallet.mjs'), $w->url, $chromium,
    $ENV{WN_SCREENSHOTS} // '', "0x$worker->{key}");
while (<$seen>) {
	ok($1 eq '', $2) if /^(|not )ok \d+ - (.*)/;
	if (/^# now (\w+)/) {
		$now{$1}->();
		print $say "done\n";
		$say->flush;
	} elsif (/^# (.*)/) {
		diag($1);
	}
}
waitpid($pid, 0);
is($?, 0, 'the browser does all of it');
is($w->stop, 0, 'the coordinator stops');
$w->log_ok;

done_testing;
