#!/usr/bin/perl
# Where clients are, by databases in MMDB format: which network they count as,
# and which regions they may be in. And databases that are missing, broken, or
# replaced while they are in use.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use WorknetTest qw(build_path need_program wait_for slurp spurt
    json_value);
use WorknetTest::Mmdb qw(mmdb_write asn country);

need_program('sqlite3');
WorknetTest::Mmdb::need();
alarm(300);

my $w = WorknetTest->new(conf => { coordinator => {
    one_copy_per_network => 'no' }, admission => { network_slots => 10,
    standing_results => 0, standing_hours => 0, asn_by_prefix => '64510 64511',
    region_countries => 'eu:DE,FR us+east:US' } });
my ($asns, $countries) = map { $w->dir($_) } 'asn.mmdb', 'country.mmdb';
@{ $w->{conf}{admission} }{qw(asn_database country_database)} =
    ($asns, $countries);

# The first hoster has many prefixes, of both kinds; 64510 is one of those that
# are counted by prefix.
my %asn = ('198.18.0.0/16' => asn(64500), '2001:db8:1::/32' => asn(64501),
    '2001:db8::/48' => asn(64500), '198.19.0.0/16' => asn(64510),
    '192.0.2.0/24' => asn(4294967295), '10.0.0.0/8' => asn(64500));
my %country = ('198.18.0.0/17' => country('DE'),
    '198.18.128.0/17' => country('US'), '2001:db8::/48' => country('US'),
    '192.0.2.0/24' => { country => {} });

# Some say it so.
$country{'198.18.64.0/18'} = { country_code => 'DE' };

sub databases_write {
	mmdb_write($asns, \%asn);
	mmdb_write($countries, \%country);
}

# An hour begins then; time stands still.
$w->fault_prepare;
$w->clock_set(1699999200000 + 600000);

# ---- At the start ----

databases_write();
$w->conf_write;
$w->init;

# What it says when it doesn't start.
sub start_fails {
	my (@options) = @_;
	my $out = $w->dir('start.out');
	my $pid = fork // die $!;

	if ($pid == 0) {
		open(STDERR, '>', $out) or die $!;
		open(STDOUT, '>&', \*STDERR) or die $!;
		exec(build_path('worknet-fcgi'), '-c', $w->conf_path,
		    @options) or die $!;
	}
	waitpid($pid, 0);
	return ($? >> 8) . ' ' . slurp($out);
}

my $good = slurp($asns);
for ([ 'that isn\'t there', sub { unlink $asns },
    qr/^1 .*\Q$asns\E: No such file/ ],
    [ 'of other bytes', sub { spurt($asns, 'x' x 100000) },
    qr/^1 .*\Q$asns\E: .*metadata/ ],
    [ 'that is empty', sub { spurt($asns, '') }, qr/^1 .*\Q$asns\E: / ],
    [ 'whose end is missing', sub { spurt($asns, substr $good, 0, -200) },
    qr/^1 .*\Q$asns\E: .*metadata/ ],
    [ 'whose tree is missing', sub { spurt($asns, substr $good, 500) },
    qr/^1 .*\Q$asns\E: / ],
    [ 'of countries', sub { spurt($asns, slurp($countries)) },
    qr/^1 .*\Q$asns\E: no entry has autonomous_system_number$/m ],
    [ 'that is a directory', sub { unlink $asns; mkdir $asns or die },
    qr/^1 .*\Q$asns\E: No such device/ ],
    [ 'that is a pipe', sub { rmdir $asns; POSIX::mkfifo($asns, 0600) },
    qr/^1 .*\Q$asns\E: No such device/ ]) {
	my ($what, $break, $like) = @$_;
	$break->();
	like(start_fails('-s', $w->socket_path), $like,
	    "with a database $what it doesn't start");
	like(start_fails('-t'), $like, '... nor does the test pass');
}
unlink $asns;
databases_write();
for ([ asn_by_prefix => '64500 AS3320', 'numbers of autonomous systems' ],
    [ asn_by_prefix => '4294967296', 'numbers of autonomous systems' ],
    [ asn_by_prefix => '0', 'numbers of autonomous systems' ],
    [ region_countries => 'eu:DE,fr', 'regions and their countries' ],
    [ region_countries => 'eu:DE,', 'regions and their countries' ],
    [ region_countries => 'eu DE', 'regions and their countries' ],
    [ region_countries => ':DE', 'regions and their countries' ]) {
	my ($key, $value, $like) = @$_;
	local $w->{conf}{admission}{$key} = $value;
	$w->conf_write;
	like(start_fails('-t'), qr/^1 .*$key: got "\Q$value\E", expected $like/,
	    "$key = $value is refused");
}
$w->conf_write;

# ---- Networks ----

$w->start;
like($w->log_text, qr/addresses are looked up in \Q$asns\E: Test, made on \d{4}-\d\d-\d\d$/m,
    'the log says where addresses are looked up');
my $c = $w->fcgi;
my $last = 0;

# A poll from there, by default of somebody new: what it was given.
sub polled {
	my ($from, $region, $worker) = @_;

	$worker //= $w->worker(++$last);
	my $r = $c->request('GET', '/v1/worker/tasks', remote => $from,
	    query => "address=$worker->{address}" .
	    ($region ? "&region=$region" : ''));
	is($r->{status}, 200, "a poll from $from is answered") if
	    $r->{status} != 200;
	return join ' ', sort map { $_->{id} } @{ json_value($r->{body}) };
}

# As what a client from there counts.
sub network_of {
	my ($from) = @_;

	polled($from) or return 'given nothing';
	return $w->sql_value('SELECT h.network FROM handout h JOIN worker w ' .
	    "ON w.id = h.worker WHERE w.address = '" .
	    lc($w->worker($last)->{address}) . "'");
}

sub is_network {
	my ($from, $network, $name) = @_;

	is(network_of($from), $network, "$from is of " .
	    ($network || 'no network') . ($name ? ": $name" : ''));
}

$w->task_add('a', interval => '1h', copies => 100, cooldown => '0s');
is_network('198.18.5.1', 'AS64500');
is_network('198.18.205.7', 'AS64500', 'all prefixes of a system are one');
is_network('2001:db8:0:5::1', 'AS64500', '... IPv6, too');
is_network('::ffff:198.18.9.9', 'AS64500', 'IPv4 in IPv6 is IPv4');
is_network('192.0.2.1', 'AS4294967295', 'a number of 32 bits');
is_network('198.19.5.1', '198.19.5.0/24', 'a system that is counted by prefix');
is_network('198.19.6.1', '198.19.6.0/24', 'each prefix of it is one');
is_network('203.0.113.9', '203.0.113.0/24', 'who isn\'t in the database');
is_network('2001:db9:7:7::1', '2001:db9:7::/48', '... of IPv6');
for ([ '2002:cb00:7109:5::1', '203.0.113.0/24', '6to4' ],
    [ '2001:0:c000:201:8000:63bf:34ff:8ef6', '203.0.113.0/24', 'Teredo' ],
    [ '64:ff9b::cb00:7109', '203.0.113.0/24', 'NAT64' ],
    [ '2002:c612:501::1', 'AS64500', '6to4, for the database, too,' ],
    [ '2002:a00:1:5::1', '2002:a00:1::/48', '6to4 of a private address' ],
    [ '2002:7f00:1::1', '2002:7f00:1::/48', '6to4 of loopback' ]) {
	my ($from, $network, $what) = @$_;
	is_network($from, $network, "$what is no network beside IPv4's");
}
is_network('10.1.2.3', '', 'a private address, whatever the database says');

# What the log has more after SIGHUP, once it has a line like that.
sub hangup {
	my ($line, $name) = @_;
	my $before = length $w->log_text;

	kill('HUP', $w->pid) or die $!;
	wait_for(sub { substr($w->log_text, $before) =~ $line },
	    "a line of $line");
	pass($name);
}

# That of one_copy_per_network.
sub one_copy {
	$w->{conf}{coordinator}{one_copy_per_network} = $_[0];
	$w->conf_write;
	hangup(qr/one_copy_per_network has changed/, "one_copy_per_network: $_[0]");
}

# One copy of a cycle, and one room for what isn't answered.
$w->worknet('task', 'pause', 'a');
one_copy('yes');
$w->task_add('b', interval => '1h', copies => 2, cooldown => '0s');
is(polled('198.18.1.1'), 'b', 'one of a system is given a copy');
is(polled('198.18.2.1'), '', 'another one of it is given no other');
is(polled('198.19.5.2'), 'b', 'one of another network is');
$w->worknet('task', 'pause', 'b');

one_copy('no');
$w->task_add('c', interval => '1h', copies => 100, cooldown => '0s');
{
	my $had = $w->sql_value('SELECT sum(slots) FROM handout WHERE ' .
	    'network = \'AS64500\'');
	is($had, 6, 'a system has the slots of all its prefixes');
	is(scalar(grep { polled("198.18.$_.2") ne '' } 1 .. 15), 10 - $had,
	    '... and no more than one network may have');
	is(polled('203.0.113.77'), 'c', 'who comes from elsewhere has');
}
$w->worknet('task', 'pause', 'c');
$w->{conf}{admission}{network_slots} = 1000;
$w->conf_write;
hangup(qr/network_slots has changed/, 'networks may have more');

# ---- Regions ----

$w->task_add('eu', region => 'eu', interval => '1h', copies => 100,
    cooldown => '0s');
$w->task_add('east', region => 'us east', interval => '1h', copies => 100,
    cooldown => '0s');
$w->task_add('other', region => 'other', interval => '1h', copies => 100,
    cooldown => '0s');
sub elsewhere {
	my $r = $c->request('GET', '/metrics', params => { WORKNET_LOCAL => 1 });
	return $r->{body} =~ /^worknet_polls_elsewhere_total (\d+)$/m ? $1 : -1;
}

my $before = elsewhere();
is($before, 0, 'nobody was elsewhere so far');
for ([ '198.18.1.1', 'eu', 'eu', 'who declares a region of its country' ],
    [ '198.18.64.1', 'eu', 'eu', 'or is of it by country_code' ],
    [ '198.18.200.1', 'us%20east', 'east', 'or one with a blank' ],
    [ '203.0.113.1', 'eu', 'eu', 'whose country isn\'t known' ],
    [ '192.0.2.1', 'eu', 'eu', 'whose entry has no country' ],
    [ '2001:db8:0:1::1', 'us%20east', 'east', 'of IPv6' ],
    [ '198.18.200.2', 'other', 'other', 'a region without countries' ],
    [ '127.0.0.1', 'eu', 'eu', 'a local address' ]) {
	my ($from, $region, $task, $name) = @$_;
	is(polled($from, $region), $task, "$name is given its tasks");
}
is(elsewhere(), 0, '... and isn\'t counted as elsewhere');
my $mover = $w->worker(901);
is(polled('198.18.200.3', 'eu', $mover), '',
    'who declares a region of another country is given nothing');
is(polled('2001:db8:0:2::1', 'eu'), '', '... of IPv6');
is(polled('198.18.64.2', 'us%20east'), '', '... by country_code');
is(polled('::ffff:198.18.200.3', 'eu'), '', '... and of IPv4 in it');
is(elsewhere(), 4, '... which is counted');
$w->task_add('any', interval => '1h', copies => 100, cooldown => '0s');
is(polled('198.18.200.3', 'eu', $mover), 'any',
    'but tasks of any region are for everybody');
is(polled('198.18.3.3', 'eu', $w->worker(902)), 'any eu', '... beside others');

# ---- While it serves ----

$w->{conf}{admission}{asn_by_prefix} = '64500';
$w->conf_write;
hangup(qr/\[admission\] asn_by_prefix has changed, and counts from now on/,
    'other systems are counted by prefix');
is_network('198.18.5.1', '198.18.5.0/24');
is_network('198.19.5.1', 'AS64510');
$w->{conf}{admission}{region_countries} = 'eu:US';
$w->conf_write;
hangup(qr/\[admission\] region_countries has changed, and counts from now on/,
    'regions are of other countries');
is(polled('198.18.200.4', 'eu'), 'any eu', '... which counts');

# Somebody who writes over the file, instead of replacing it.
open(my $f, '>', $asns) or die $!;
close($f);
is_network('198.19.7.1', 'AS64510', 'a file that is cut changes nothing');
hangup(qr/SIGHUP: all stays as it was: \Q$asns\E: /, 'also on SIGHUP');
is_network('198.19.8.1', 'AS64510');
spurt($asns, substr $good, 0, -200);
hangup(qr/SIGHUP: all stays as it was: \Q$asns\E: /, 'half a file');
unlink $asns;
hangup(qr/SIGHUP: all stays as it was: \Q$asns\E: No such file/, 'and none');
is_network('198.19.9.1', 'AS64510');

# The second one is broken, so the first one doesn't count either.
$asn{'198.19.0.0/16'} = asn(64999);
databases_write();
spurt($countries, 'x' x 1000);
hangup(qr/SIGHUP: all stays as it was: \Q$countries\E: /, 'one of two is broken');
is_network('198.19.10.1', 'AS64510');
$country{'198.19.0.0/16'} = country('US');
mmdb_write($countries, \%country);
hangup(qr/addresses are looked up in \Q$countries\E/, 'both are good again');
is_network('198.19.11.1', 'AS64999', 'new databases count');
is(polled('198.19.11.2', 'eu'), 'any eu', '... of countries, too');
for my $n (1 .. 20) {
	$asn{'198.19.0.0/16'} = asn(65000 + $n);
	mmdb_write($asns, \%asn);
	hangup(qr/nothing of the configuration has changed/, "again, $n");
	polled('198.19.11.1') for 1 .. 3;
}
is_network('198.19.12.1', 'AS65020');
SKIP: {
	skip('only root sees what a process that is shut in has', 4) if $> != 0;
	is(scalar(grep { /reopen/ } map { readlink($_) // '' }
	    glob('/proc/' . $w->pid . '/fd/*')), 0, 'old ones aren\'t kept open');
	is(scalar(() = slurp('/proc/' . $w->pid . '/maps') =~ /memfd:reopen/g), 2,
	    '... nor in memory');
	my @children = split ' ', slurp('/proc/' . $w->pid . '/task/' . $w->pid .
	    '/children');
	is(scalar(@children), 3, 'there are processes that open files');
	is(join(' ', grep { slurp("/proc/$_/maps") =~ /memfd/ } @children), '',
	    '... which have none');
}

# ---- Results ----

{
	my @two = map { $w->worker($_) } 900, 910;
	my $warns = sub { $w->worknet('status') =~
	    /all 2 addresses at work are one network, .* asn_by_prefix/ ? 1 : 0 };
	$w->worknet('task', 'pause', $_) for 'any', 'eu';
	$w->task_add('paid', interval => '1h', copies => 2, cooldown => '0s');
	for my $one (@two) {
		is(polled('198.19.13.1', undef, $one), 'paid', 'a task');
		my $r = $c->post([ $w->result($one, 'paid',
		    timestamp => $w->fresh_ms) ], remote => '198.19.14.1');
		like($r->{body}, qr/"accepted":1/, 'is paid');
		is($w->sql_value('SELECT n.network FROM standing n JOIN ' .
		    'worker w ON w.id = n.worker WHERE w.address = ' .
		    "'\L$one->{address}'"), 'AS65020',
		    '... and counts for the system that the result came from');
		# The next is given what others didn't take for so long.
		$w->clock_set($w->time_ms + 30000);
	}
	is($w->sql_value('SELECT count(*) FROM network_share WHERE network = ' .
	    "'AS65020' AND share_micros > 0"), 1, '... whose share it is of');
	# Counted is what was given one to two result windows ago.
	is($warns->(), 0, 'what is new isn\'t judged');
	$w->clock_set($w->time_ms + 400000);
	is($warns->(), 1, 'that all who work are of one system is told');
	delete local $w->{conf}{admission}{asn_database};
	$w->conf_write;
	is($warns->(), 0, '... if it is for systems');
	$w->worknet('task', 'pause', 'paid');
	$w->worknet('task', 'resume', $_) for 'any', 'eu';
}

# ---- Other files ----


$w->{conf}{admission}{asn_database} = $w->dir('other.mmdb');
$w->conf_write;
hangup(qr/\[admission\] asn_database has changed: it needs a restart/,
    'another file takes a restart');
is($w->stop, 0, 'it stops');
like($w->log_text, qr/ polls from outside their region[,;]/,
    'the log has who was elsewhere');

# One file with all of it; of IPv4 alone; broken inside.
mmdb_write($w->dir('other.mmdb'), { '198.18.0.0/16' =>
    { %{ asn(64500) }, %{ country('DE') } } }, ip_version => 4);
$w->{conf}{admission}{country_database} = $w->dir('other.mmdb');
$w->conf_write;
$w->start;
$c = $w->fcgi;
is_network('198.18.5.1', '198.18.5.0/24', 'one file for both');
is(polled('198.18.5.2', 'eu'), 'any', '... says the country, too');
is_network('2001:db8:0:5::1', '2001:db8::/48',
    'what only has IPv4 says nothing of IPv6');
is($w->stop, 0, 'it stops');
{
	my @bytes = split //, slurp($w->dir('other.mmdb'));
	my $seed = $ENV{WN_SEED} // 12;
	diag("WN_SEED=$seed");
	srand($seed);
	# Into the tree and the data, not into what tells their sizes.
	my $end = index(slurp($w->dir('other.mmdb')), 'MaxMind.com') - 3;
	for (1 .. 30) {
		my @broken = @bytes;
		$broken[rand $end] = chr rand 256 for 1 .. 4;
		spurt($w->dir('other.mmdb'), join '', @broken);
		next if start_fails('-t') =~ /^1 /;
		$w->start;
		$c = $w->fcgi;
		polled('198.18.' . int(rand 256) . '.1', 'eu') for 1 .. 5;
		$w->stop == 0 or fail('a broken database ends it');
		$c->close;
	}
	pass('a database that is broken inside ends nothing');
}

$w->log_ok;
$w->audit_ok('after all that');
done_testing();
