#!/usr/bin/perl
# /operator, behind nginx's own authentication: off unless it is switched on, for
# nobody whom nginx hasn't let in, and with the numbers of worknet status.

use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use Test::More;

use WorknetTest qw(need_program json_text json_value http_raw http_read spurt
    run_command build_path);

BEGIN {
	plan skip_all => 'no XML::LibXML' unless eval { require XML::LibXML; 1 };
}
need_program('sqlite3', 'nginx');

my $T0 = 1_767_261_600_000;		# 2026-01-01 10:00:00
my $hostile = '</td><script>alert(1)</script>"\'&';

my $w = WorknetTest->new(conf => { admission => { mode => 'list',
    standing_results => 0, standing_hours => 0 } });
$w->fault_prepare;
$w->clock_set($T0);
$w->init;
my @workers = map { $w->worker($_) } 1 .. 3;
$w->task_add("task_$_", interval => '30s', copies => 2, cooldown => '0s')
    for 1 .. 3;
$w->worknet('task', 'pause', 'task_3');
$w->worknet('worker', 'admit', $_->{address}) for @workers[0, 1];
$w->start;
my $c = $w->fcgi;
my $local = { WORKNET_LOCAL => 1 };
for my $minute (0 .. 12) {
	$w->clock_set($T0 + $minute * 60_000);
	for my $k (@workers[0, 1]) {
		my $given = json_value($c->get("/v1/worker/tasks?address=" .
		    $k->{address})->{body});
		$c->post([ map { $w->result($k, $_->{id}) } @$given ]) if @$given;
	}
}
spurt($w->dir('payouts'), "reserve $workers[0]{address} 100\nsign 1\n" .
    "submit 1 https://f.example/settle\n");
run_command('sh', '-c', 'exec "$0" "$@" <' . $w->dir('payouts'),
    build_path('t/tools/make_payouts'), '--db', $w->ledger_path);
$w->worknet('payout', 'hold', $workers[1]{address}, '--reason', $hostile);
$w->sql("INSERT INTO finding (at_ms, kind, subject, detail, since_ms, last_ms, " .
    "times) VALUES ($T0, 'clock', 'x', '</td><script>alert(1)</script>', " .
    "$T0, $T0, 1)");
$w->sql("INSERT INTO join_request (address, network, region, asked_ms) VALUES " .
    "('" . lc($workers[2]{address}) . "', '198.51.100.0/24', 'eu-west', $T0)");
$w->clock_set($T0 + 20 * 60_000);

# ---- Who sees it ----

is($c->get('/operator', params => $local)->{status}, 404,
    'unless it is switched on there is none');
$w->stop;
$w->{conf}{pages}{operator} = 'yes';
$w->conf_write;
$w->start;
$c = $w->fcgi;
is($c->get('/operator')->{status}, 404,
    'it is nobody\'s whom the web server hasn\'t let in');
is($c->get('/operator', params => { HTTP_WORKNET_LOCAL => 1 })->{status}, 404,
    '... whatever header that sends');
is($c->get('/api/operator', params => $local)->{status}, 404,
    'it isn\'t behind the prefix, where everybody is');
my $r = $c->get('/operator', params => $local);
is($r->{status}, 200, 'it is who the web server has let in\'s');
is($r->{headers}{'cache-control'}, 'no-store', '... and no cache\'s');
like($r->{headers}{'content-security-policy'}, qr/^default-src 'none'.*frame-ancestors 'none'$/,
    '... and loads nothing but its stylesheet');
is($c->request('POST', '/operator', body => '', params => $local)->{status},
    405, '... and takes nothing');

# ---- What it shows ----

my $page = XML::LibXML->new(no_network => 1)->parse_string(
    $r->{body} =~ s/\A<!DOCTYPE html>\n//r);
my $told = json_value($w->worknet('status', '--json'));
my %shown = map { $_->findvalue('dt') => $_->findvalue('dd') }
    $page->findnodes('//dl/div');
my %count = ('Tasks active' => 'tasksActive', 'Tasks paused' => 'tasksPaused',
    'Tasks removed' => 'tasksRemoved', 'Workers active' => 'workersActive',
    'Workers suspended' => 'workersSuspended',
    'Results in the last hour' => 'resultsLastHour',
    'Results in the last day' => 'resultsLastDay',
    'Of these signed in rounds' => 'roundSignedLastDay',
    'Payouts open' => 'payoutsOpen', 'Payouts unresolved' => 'unresolved',
    'Exceptions of the ledger' => 'exceptions', 'Slots given' => 'slotsGiven',
    'Slots paid' => 'slotsPaid', 'Slots paid to others' => 'slotsLate',
    'Slots unanswered' => 'slotsSilent', 'Addresses at work' => 'workersPaid',
    'Networks at work' => 'networksPaid', 'Drills in the last day' => 'drillsLastDay',
    'Drills failed' => 'drillsWrong', 'Cycles compared' => 'cyclesCompared',
    'Cycles contradicted' => 'cyclesContradicted',
    'Witnesses\' slots' => 'witnessSlots',
    'Results that they contradict' => 'witnessesContradict',
    'Cycles opened' => 'cyclesOpened', 'Cycles checked' => 'cyclesChecked',
    'Copies opened' => 'copiesOpened', 'Copies paid' => 'copiesPaid');
is_deeply({ map { $_ => $shown{$_} } keys %count },
    { map { $_ => $told->{$count{$_}} } keys %count },
    'its counts are those of worknet status --json');
cmp_ok($told->{resultsLastHour}, '>', 10, '... which aren\'t all 0');
my %usdc = ('Owed in all' => 'owedMicros', 'In flight' => 'inFlightMicros',
    'Open payouts\' sum' => 'payoutsOpenMicros', 'A day costs at most' => 'dayMicros');
is_deeply({ map { $_ => $shown{$_} } keys %usdc },
    { map { $_ => sprintf('%.6f USDC', $told->{$usdc{$_}} / 1e6) } keys %usdc },
    '... as is its money');
cmp_ok($told->{inFlightMicros}, '>', 0, '... some of which is in flight');
is_deeply([ sort map { $_->textContent =~ s/^\w+: //r }
    $page->findnodes('//p[strong]') ],
    [ sort map { $_->{text} } @{ $told->{warnings} } ], 'its warnings are, too');
cmp_ok(scalar @{ $told->{warnings} }, '>', 1, '... and there are some');

sub rows {
	my ($caption) = @_;

	return [ map { [ map { $_->textContent } $_->findnodes('td') ] }
	    $page->findnodes("//table[starts-with(caption, '$caption')]/tbody/tr") ];
}

my $finding = $told->{findings}[0];
is_deeply([ map { [ @$_[2, 3, 4, 5] ] } @{ rows('What payout runs found') } ],
    [ [ @{$finding}{qw(kind meaning subject detail)} ] ],
    'findings are those of worknet finding list');
is_deeply([ map { [ @$_[1, 2, 3] ] } @{ rows('Whose payouts') } ],
    [ [ $workers[1]{address}, 'operator', $hostile ] ],
    'holds are those of worknet payout holds, and hostile text is text');
is_deeply([ map { [ @$_[1, 2, 3] ] } @{ rows('Who signed') } ],
    [ [ $workers[2]{address}, 'eu-west', '198.51.100.0/24' ] ],
    'and it shows who asks to be admitted');
unlike($r->{body}, qr/<script/, 'nothing of it runs');
like($page->textContent, qr/can't see who can read which file.*worknet doctor/s,
    'it says what it can\'t see');

# ---- Through nginx, as doc/guide says ----

spurt($w->dir('htpasswd'), "ops:{PLAIN}secret\n");
$w->nginx_start(edit => sub {
	my $file = $w->dir('htpasswd');
	s/^(\s*)#operator /$1/mg > 5 or die 'no location to switch on';
	s{/etc/nginx/worknet\.htpasswd}{$file}g or die 'no file of passwords';
});

sub through {
	my ($path, %headers) = @_;
	my $s = $w->http_socket;

	syswrite($s, http_raw('GET', $path, undef, %headers));
	return http_read($s, 'GET');
}

is(through('/operator')->{status}, 401, 'nginx asks for a password');
is(through('/operator', Authorization => 'Basic ' .
    encode_base64('ops:wrong', ''))->{status}, 401, '... and for the right one');
is(through('/operator', 'Worknet-Local' => 1, 'WORKNET_LOCAL' => 1)->{status}, 401,
    '... whatever else is sent');
is(through('/api/operator')->{status}, 404, '... also at another path');
$r = through('/operator', Authorization => 'Basic ' .
    encode_base64('ops:secret', ''));
is($r->{status}, 200, 'who has it is let in');
like($r->{body}, qr/<h1>Operator</, '... to the page');
is(through('/operator')->{status}, 401, '... which nobody else is shown then');
$w->nginx_stop;
is($w->stop, 0, 'the coordinator stops');
$w->log_ok;

done_testing;
