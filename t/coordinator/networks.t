#!/usr/bin/perl
# A crowd with addresses in a hundred networks of one hoster, which the
# operator's database of autonomous systems knows, beside honest workers:
# through the real nginx, from addresses of their own. And an Internet provider
# whose customers are no crowd.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(need_program);
use WorknetTest::Crowd;
use WorknetTest::Mmdb qw(mmdb_write asn);

need_program('sqlite3', 'nginx', 'ip', 'unshare');
WorknetTest::Mmdb::need();
WorknetTest::Crowd::alone();

my $seed = $ENV{WN_SEED} // 12;
diag("WN_SEED=$seed");
srand($seed);

my $T0 = 1699999200000;	# an hour begins
my $TASKS = 6;
my $HONEST = 10;
my $SECONDS = 25;
my ($HOSTER, $PROVIDER) = (64500, 64510);

my $w = WorknetTest->new(conf => { admission => {
    standing_results => 10, standing_hours => 1 } });
$w->{conf}{admission}{asn_database} = $w->dir('asn.mmdb');
$w->{conf}{admission}{asn_by_prefix} = $PROVIDER;
$w->conf_write;
# The honest ones of 198.19 are the provider's customers; who is of 2001:db8
# isn't known.
mmdb_write($w->dir('asn.mmdb'), { '198.18.0.0/16' => asn($HOSTER),
    '2001:db8:ff00::/40' => asn($HOSTER), '198.19.0.0/16' => asn($PROVIDER) });
$w->fault_prepare;
$w->clock_set($T0 + 600000);
$w->init;
$w->task_add("task_$_", interval => '1s', cooldown => '0s') for 1 .. $TASKS;
$w->start;
my $crowd = WorknetTest::Crowd->new($w);
my @honest = map { $crowd->member($_, $_ % 5 ? "198.19.$_.1" :
    "2001:db8:$_\::1") } 1 .. $HONEST;
WorknetTest::Crowd::nginx_start($w);

# What was paid to the honest, and to others, of the cycles of some seconds
# beside what others send.
sub cycles {
	my ($attack) = @_;
	my $begin = $w->time_ms;

	$crowd->seconds($SECONDS + 2, $attack);
	$crowd->seconds(1);
	return $crowd->paid($begin, $begin + 1000 * $SECONDS);
}

my $all = $SECONDS * $TASKS;
my %n;
$_->{paid} = 0 for @honest;
my ($honest) = cycles();
cmp_ok($honest, '>=', 0.95 * $all, "$honest of $all cycles are paid to the " .
    'honest');
# Customers of a provider are counted each, beside who isn't of it.
for (@honest) {
	cmp_ok($_->{paid}, '>=', 0.6 * $honest / $HONEST,
	    "... $_->{paid} to $_->{from}");
}

# The n-th of a hundred, in a network of its own: of either IP.
sub of_hoster {
	my ($n) = @_;

	$n %= 100;
	return ($n % 4 ? "198.18.$n.1" : sprintf('2001:db8:ff%02x::1', $n),
	    $w->worker(1000 + $n));
}

# The same of the provider.
sub of_provider {
	my ($n) = @_;

	$n %= $HONEST;
	return ('198.19.' . (100 + $n) . '.1', $w->worker(2000 + $n));
}

($honest, my $others) = cycles($crowd->strangers(\%n, 4, \&of_hoster,
    answers => 1));
cmp_ok($n{polls}, '>=', 1000, "$n{polls} polls of a crowd in a hundred " .
    'networks of one hoster');
cmp_ok($honest + $others, '>=', 0.95 * $all, "... beside which $honest of " .
    "$all cycles are paid to the honest");
cmp_ok($others, '<=', 1.6 * $all / ($HONEST + 1), "... $others to them, " .
    'a share or so');
is($w->sql_value("SELECT count(*) FROM network_share WHERE network = " .
    "'AS$HOSTER'"), 1, '... which the ledger knows as one network');

($honest, $others) = cycles($crowd->strangers(\%n, 1, \&of_provider,
    answers => 1));
cmp_ok($others, '>=', 0.35 * $all, "as many customers of the provider as " .
    "there are honest ones are paid $others of $all cycles, each its share");

is_deeply($crowd->{odd}, [], 'nobody was told anything else');
$w->nginx_stop;
is($w->stop, 0, 'it stops');
$w->log_ok;
$w->audit_ok('after all that');
done_testing();
