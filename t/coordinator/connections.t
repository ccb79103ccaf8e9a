#!/usr/bin/perl
# One address opens more connections than nginx takes, and sends nothing: what
# nginx/worknet.nft leaves to the others.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Errno qw(EINPROGRESS);
use Socket qw(AF_INET AF_INET6 SOCK_STREAM IPPROTO_IPV6 inet_pton
    pack_sockaddr_in pack_sockaddr_in6);
use Test::More;

use AdminRun ();
use WorknetTest qw(need_program source_path wait_for);
use WorknetTest::Crowd;

need_program('sqlite3', 'nginx', 'ip', 'unshare', 'nft');
WorknetTest::Crowd::alone();

my $rules = source_path('nginx/worknet.nft');
my $r = AdminRun::run('', 'nft', '-f', $rules);
plan(skip_all => "the kernel has no nftables: $r->{err}") if $r->{code} != 0 &&
    $r->{err} =~ /not supported|Operation not permitted|No such file/;
is("$r->{code} $r->{err}", '0 ', 'the rules are loaded');

# More than nginx takes in the test's configuration, which is 1,024.
my $MANY = 1200;
my $BOUND = 64;

my $w = WorknetTest->new;
$w->init;
$w->start;
WorknetTest::Crowd::nginx_start($w);
my $crowd = WorknetTest::Crowd->new($w);

# Begins so many connections from an address, and waits for none of them.
sub silent_ones {
	my ($from, $n) = @_;
	my $v6 = $from =~ /:/;
	my @all;

	for (1 .. $n) {
		socket(my $s, $v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0) or die $!;
		setsockopt($s, IPPROTO_IPV6,
		    WorknetTest::Crowd::IPV6_FREEBIND, 1) if $v6;
		$s->blocking(0);
		bind($s, $v6 ? pack_sockaddr_in6(0, inet_pton(AF_INET6, $from)) :
		    pack_sockaddr_in(0, inet_pton(AF_INET, $from))) or die $!;
		connect($s, $v6 ? pack_sockaddr_in6(80, inet_pton(AF_INET6,
		    $WorknetTest::Crowd::SERVER6)) : pack_sockaddr_in(80,
		    inet_pton(AF_INET, $WorknetTest::Crowd::SERVER))) or
		    $! == EINPROGRESS or die $!;
		push @all, $s;
	}
	return @all;
}

sub connected { return scalar grep { defined getpeername($_) } @_ }

# Whether somebody is answered from each of these addresses.
sub answered {
	my ($name, @from) = @_;
	my $n = 0;

	$crowd->ask(map { $crowd->poll($_, '0x' . '11' x 20, sub { $n++ }) } @from);
	is($n, scalar @from, $name);
}

for my $case ([ 'an IPv4 address', [ '198.19.1.1' ] ],
    [ 'a /64', [ map { "2001:db8:1::$_" } 1 .. 40 ] ]) {
	my ($who, $from) = @$case;
	my @silent = map { silent_ones($_, $MANY / @$from) } @$from;

	wait_for(sub { connected(@silent) >= $BOUND },
	    'connections to be there');
	is(connected(@silent), $BOUND,
	    "of $MANY connections of $who nginx has $BOUND");
	answered("... and all others are answered at once",
	    map({ "198.18.0.$_" } 1 .. 20), map { "2001:db8:2:$_\::1" } 1 .. 20);
	close($_) for @silent;
}
is_deeply($crowd->{odd}, [], 'nobody was told anything else');

$w->nginx_stop;
is($w->stop, 0, 'it stops');
done_testing;
