#!/usr/bin/perl
# What anybody may read of a task, from end to end: workers of three networks
# see an outage, one lies, one is drilled. Each figure of the pages is that of
# the JSON, which is that of worknet report; badges, feeds and calendars say the
# same; and nothing tells a drill from a check, or a check before its cycle is
# over.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX 'strftime';
use Test::More;

use WorknetTest qw(need_program json_value poll_path http_raw http_read);
use WorknetTest::OpenApi qw(misfits);

BEGIN {
	plan skip_all => 'no XML::LibXML' unless eval { require XML::LibXML; 1 };
}

need_program('sqlite3', 'nginx');
alarm 240;

my $MINUTE = 60_000;
my $HOUR = 60 * $MINUTE;
my $DAY = 24 * $HOUR;
my $S = 1_767_261_600_000;		# 2026-01-01 10:00:00
my @remote = qw(198.51.100.7 203.0.113.9 192.0.2.3);

my $w = WorknetTest->new(conf => { admission => { standing_results => 0,
    standing_hours => 0 }, pages => { origin => 'https://status.example' } });
$w->fault_prepare;
$w->clock_set($S);
$w->init;
$w->task_add('home', interval => '60s', cooldown => '0s', copies => 3);
$w->worknet('task', 'add', 'a:quiet.one', '--url',
    'https://secret.example/?k=S3CRET', '--region', '<i>&"eu', '--reward', 100);
$w->start;
my $c = $w->fcgi;

sub cycle {
	my ($minute, $said) = @_;

	$w->clock_set($S + $minute * $MINUTE + 55_000);
	for my $n (0 .. 2) {
		my $k = $w->worker($n);
		my $tasks = json_value($c->get(poll_path($k->{address}),
		    remote => $remote[$n])->{body});

		next if substr($said, $n, 1) eq '-';
		die "worker $n is given nothing in minute $minute\n"
		    if ref $tasks ne 'ARRAY' || @$tasks != 1;
		my $r = json_value($c->post([ $w->result($k, 'home', success =>
		    substr($said, $n, 1) eq 'U' ? 1 : 0, responseTimeMs =>
		    100 * $n + $minute % 60) ], remote =>
		    $remote[$n])->{body});
		die "minute $minute: @{$r->{errors}}\n" if $r->{accepted} != 1;
	}
}

my $api = json_value($c->get('/openapi.json')->{body});

# The answer of a route, which must be as openapi.json has it.
sub told {
	my ($path, $of) = @_;
	my $r = $c->get("/api$path");
	my $schema = $api->{paths}{$of // $path}{get}{responses}{200}{content}
	    {'application/json'}{schema};

	is($r->{status}, 200, "$path is there") or diag($r->{body});
	my $v = json_value($r->{body});
	is_deeply([ $schema ? misfits($api, $schema, $v, '') : 'no schema' ],
	    [], '... as openapi.json describes it');
	return $v;
}

sub task { return told("/v1/task/home$_[0]", "/v1/task/{task}$_[0]") }

sub tree {
	my ($path, $name) = @_;
	my $r = $c->get($path);
	my $t = eval { XML::LibXML->new(no_network => 1, recover => 0)
	    ->parse_string($r->{body} =~ s/\A<!DOCTYPE html>\n//r) };

	is($r->{status}, 200, "$name is there");
	ok($t, '... well-formed') or diag($@, $r->{body});
	return $t;
}

sub report {
	return json_value(($w->worknet_try('report', '--task', 'home', '--json',
	    @_))[1]);
}

# ---- Before anything is known ----

is(task('')->{state}, 'unknown', 'nothing is known of a task without checks');
my $badge = json_value($c->get('/task/home/badge.json')->{body});
is_deeply([ @$badge{qw(message color)} ], [ 'nothing is known', 'lightgrey' ],
    'its badge is grey, and not green');

# ---- An outage ----

cycle($_, 'UUU') for 0 .. 3;
is(task('/checks')->{checks}[0], undef,
    'no check is shown while others may still report for its cycle');
cycle($_, 'UUU') for 4 .. 11;
is(task('')->{state}, 'up', 'a task that is up is said to be');
my $last = task('/checks')->{checks}[0];
cmp_ok($last->{timestampMs}, '<', $S + 6 * $MINUTE,
    'checks are shown once their cycle is over');
cycle($_, 'UUD') for 12 .. 13;		# the third lies
cycle($_, 'DDD') for 14 .. 24;
is(task('')->{state}, 'down', 'an outage that networks confirmed is shown');
is(json_value($c->get('/api/v2/status.json')->{body})->{status}{indicator},
    'critical', '... to aggregators, too');
is(tree('/feed.atom', 'the feed of all')->findvalue(
    'count(//*[local-name()="entry"])'), 1,
    '... in the feed of all, before it is counted by the hour');
is(json_value($c->get('/api/v2/incidents/unresolved.json')->{body})
    ->{incidents}[0]{status}, 'identified', '... and in Statuspage\'s incidents');
like($c->get('/')->{body}, qr{1 task here is down: <a href="/task/home">}, '... and at first sight');
cycle($_, 'UUU') for 25 .. 30;
my $id = json_value($w->worknet('maintenance', 'add', 'home', '--from',
    $S + 40 * $MINUTE, '--to', $S + 70 * $MINUTE, '--why',
    "new <b>disks</b>;\xc3\xbc, " . 'x' x 60, '--json'))->{id};
cycle($_, 'UUU') for 31 .. 33;
# One of the last is made a drill, which is an extra copy.
$w->sql('INSERT INTO result SELECT max(slot) + 1000000, transfer, version, cycle_ms, ' .
    "1000, assigned_ms, anchor, timestamp_ms, 0, 503, response_ms, 'S3CRET', " .
    "address_form, signature, place, trace, token FROM result WHERE cycle_ms = " . ($S + 24 * $MINUTE));
# And one that took long.
$w->sql('INSERT INTO result SELECT max(slot) + 2000000, transfer, version, cycle_ms, ' .
    '1000, assigned_ms, anchor, timestamp_ms, 1, 200, 9999, NULL, ' .
    "address_form, signature, place, trace, token FROM result WHERE cycle_ms = " . ($S + 26 * $MINUTE));

# ---- The figures are those of worknet report ----

sub same_figures {
	my ($name) = @_;
	my $told = task('/report');
	my $r = report();

	my @same = grep { !ref $told->{$_} && exists $r->{$_} } sort keys %$told;
	cmp_ok(scalar @same, '>=', 20, "$name: figures are told");
	is_deeply({ map { $_ => $told->{$_} } @same },
	    { map { $_ => $r->{$_} } @same }, '... as worknet report does');
	my @ppm = qw(dayMs availabilityPpm atLeastPpm atMostPpm coveragePpm upMs
	    downMs unknownMs);
	is_deeply([ map { [ @$_{@ppm} ] } @{ $told->{days} } ],
	    [ map { [ @$_{@ppm} ] } @{ $r->{days} } ], '... day by day');
	is_deeply([ map { [ @$_{qw(fromMs toMs lastedMs ended networks)},
	    join(' ', @{ $_->{confirmedBy} }) ] } @{ $told->{incidents} } ],
	    [ map { [ @$_{qw(fromMs toMs lastedMs ended networks confirmedBy)} ] }
	    reverse @{ $r->{incidents} } ], '... and each incident');
	my $state = task('');
	for my $p (@{ $state->{periods} }) {
		$r = report('--from', $state->{toMs} - $p->{days} * $DAY, '--to',
		    $state->{toMs});
		is_deeply([ @$p{qw(availabilityPpm strictPpm atLeastPpm
		    atMostPpm coveragePpm)} ], [ @$r{qw(availabilityPpm
		    strictPpm atLeastPpm atMostPpm coveragePpm)} ],
		    "... of the last $p->{days} days, too");
	}
}

same_figures('while nothing is counted by the hour');
my $before = task('/report');
my $checks = task('/checks')->{checks};
is(scalar(grep { $_->{timestampMs} >= $S + 24 * $MINUTE &&
    $_->{timestampMs} < $S + 25 * $MINUTE && !$_->{success} } @$checks), 4,
    'a drill is among the checks as any other one');
is_deeply([ sort map { join ',', sort keys %$_ } @$checks ],
    [ ('responseMs,signature,statusCode,success,timestampMs,workerAddress') x
    @$checks ], '... and nothing is told of one that isn\'t told of all');
is($before->{votes}, 3 * 28, '... but it counts for nothing')
    or diag($before->{countedToMs} - $S);
is($before->{inRounds}, 0, 'results that were signed alone are told as such');

sub same_times {
	my ($name) = @_;
	my $told = task('/responses');

	cmp_ok(scalar @{ $told->{hours} }, '>=', 1, "$name: answers' times are told");
	is_deeply($told->{hours}, report()->{responses},
	    '... as worknet report does');
	for my $days (1, 7, 30, 90) {
		my $r = json_value($c->get("/api/v1/task/home/responses?days=$days")
		    ->{body});
		is(($r->{toMs} - $r->{fromMs}) / $DAY, $days, "... of $days days");
		is(scalar(grep { $_->{hourMs} < $r->{fromMs} ||
		    $_->{hourMs} >= $r->{toMs} } @{ $r->{hours} }), 0, '... alone');
	}
	my $t = tree('/task/home', "$name: the page");
	is_deeply([ map { [ map { $_->textContent } $_->findnodes('td') ] }
	    $t->findnodes('//h2[.="Response time"]/following::details[1]//tbody/tr') ], [ map { [ utc($_->{hourMs}),
	    'any region', $_->{results}, map { "$_ ms" } @$_{qw(p50Ms p95Ms
	    maxMs)} ] } reverse @{ $told->{hours} } ], '... has them in a table');
	my ($svg) = $t->findnodes('//*[local-name()="svg"][@class="chart"]');
	my $y = 1000 - int($told->{hours}[0]{p95Ms} * 1000 / 500);
	like($svg->findvalue('*[@class="line-p95"]/@d'),
	    qr/^M\d+ ${y}h4/,
	    '... and an image, which reads without a script');
	return $told->{hours};
}

# Of the first hour: workers of three networks, the third of which lies for two
# minutes and nobody answers in the outage; all of 28 minutes are over.
my @took = sort { $a <=> $b } map { my $m = $_; map { 100 * $_ + $m }
    $m < 12 || $m > 24 ? (0 .. 2) : $m < 14 ? (0, 1) : () } 0 .. 27;
is_deeply(same_times('before an hour is counted'), [ { hourMs => $S, region =>
    undef, results => scalar @took, p50Ms => $took[@took / 2 - 0.5], p95Ms =>
    $took[-1 - int(@took / 20)], maxMs => $took[-1] } ],
    'what the nearest of them took: of votes that say up, without drills');

# ---- The pages ----

sub utc { return strftime('%Y-%m-%d %H:%M:%S UTC', gmtime($_[0] / 1000)) }

sub percent { return defined $_[0] ? sprintf('%.4f', $_[0] / 1e4) =~
    s/\.?0+$//r . ' %' : '-' }

sub same_pages {
	my ($name) = @_;
	my $state = task('');
	my $t = tree('/task/home', "$name: a task's page");
	my @rows = map { [ map { $_->textContent } $_->findnodes('th|td') ] }
	    $t->findnodes('(//table)[1]/tbody/tr');

	is_deeply([ map { [ @$_[2 .. 4] ] } @rows ], [ map { [ percent(
	    $_->{atLeastPpm}), percent($_->{atMostPpm}),
	    percent($_->{coveragePpm}) ] } @{ $state->{periods} } ],
	    '... has the bounds and the coverage of the JSON');
	is_deeply([ map { $_->[1] } @rows ], [ map {
	    percent($_->{availabilityPpm}) } @{ $state->{periods} } ],
	    '... and the figures between them');
	is_deeply([ map { [ map { $_->textContent } $_->findnodes('th|td[position() > 1]') ] }
	    $t->findnodes('//details[@id="days"]//tbody/tr') ], [ map { [ substr(utc(
	    $_->{dayMs}), 0, 10), map { percent($_) } @$_{qw(atLeastPpm atMostPpm
	    coveragePpm)} ] } reverse @{ task('/days')->{days} } ], '... day by day');
	my $i = task('/incidents')->{incidents};
	is($t->findvalue('//h2[.="Incidents"]/following::table[1]/tbody/tr[1]/td[5]'),
	    '3 networks: ' . join(' ', @{ $i->[0]{confirmedBy} }),
	    '... and who confirmed an incident');
	my $bars = $t->findvalue('(//*[local-name()="svg"])[1]/@aria-label');
	like($bars, qr/^91 days: 1 with a confirmed outage, 90 paused/,
	    '... and its days as bars, in words, too');
	my ($line) = grep { $_->{task} eq 'home' } @{ told('/v1/tasks')->{tasks} };
	is($line->{days}, 'p' x 90 . 'd', '... which are those of the list');
	is_deeply([ @$line{qw(state availabilityPpm coveragePpm)} ],
	    [ $state->{state}, @{ $state->{periods}[3] }{qw(availabilityPpm
	    coveragePpm)} ], '... with the state and figures of the task');
	$t = tree('/', "$name: the first page");
	my ($tr) = $t->findnodes('//table/tbody/tr[th="home"]');
	is($tr->findvalue('td[3]'), percent($line->{availabilityPpm}),
	    '... has the same figure');
	is($tr->findvalue('td[4]'), percent($line->{coveragePpm}),
	    '... and coverage');
	like($tr->findvalue('td[1]'), qr/ $state->{state}$/, '... and state');
	is($tr->findvalue('th/a/@href'), '/task/home', '... and the way to it');
}

same_pages('at first');
my $t = tree('/task/home', 'the page');
is_deeply([ map { $_->textContent } $t->findnodes(
    '//h2[.="Last checks"]/following::table[1]/tbody/tr/td[5]') ],
    [ map { $_->{workerAddress} } @$checks ],
    'a task\'s page has its last checks with their signers');
unlike($c->get($_)->{body}, qr/S3CRET|secret\.example/,
    "$_ shows no task's URL, nor what workers told of it")
    for '/', '/task/home', '/task/a:quiet.one', '/api/v1/tasks',
    '/api/v1/task/home/checks', '/api/v1/task/a:quiet.one';
is(tree('/task/a:quiet.one', 'a page with hostile text')->findvalue(
    '//dl/div[dt="From"]/dd'), '<i>&"eu', '... shows it as it is');

# ---- Badges, feeds, calendars, Statuspage ----

$badge = json_value($c->get('/task/home/badge.json')->{body});
is_deeply([ @$badge{qw(schemaVersion label message)} ], [ 1, 'uptime 30 d',
    percent($before->{availabilityPpm}) ], 'a badge has the report\'s figure');
is_deeply([ misfits($api, { '$ref' => '#/components/schemas/Badge' }, $badge,
    '') ], [], '... as openapi.json describes it');
is(tree('/task/home/badge.svg', 'a badge')->findvalue('/*/@aria-label'),
    'uptime 30 d: ' . percent($before->{availabilityPpm}), '... in words');
my $i = task('/incidents')->{incidents}[0];
my $of = tree('/task/home/feed.atom', 'a task\'s feed');
is($of->findvalue('count(//*[local-name()="entry"])'), 1,
    '... has an entry an incident');
is($of->findvalue('//*[local-name()="entry"]/*[local-name()="id"]'),
    "tag:status.example,2026:incident/home/$i->{fromMs}",
    '... whose name follows from it');
like($of->findvalue('//*[local-name()="summary"]'),
    qr/confirmed by 3 networks: $i->{confirmedBy}[0] /, '... and who confirmed it');
my $feed = json_value($c->get('/task/home/feed.json')->{body});
is($feed->{items}[0]{id}, "tag:status.example,2026:incident/home/$i->{fromMs}",
    '... as has the JSON Feed');
is_deeply([ map { misfits($api, { '$ref' => '#/components/schemas/Feed' },
    json_value($c->get($_)->{body}), $_) } '/task/home/feed.json', '/feed.json' ],
    [], '... as openapi.json describes it');
my $ics = $c->get('/task/home/maintenance.ics')->{body};
like($ics, qr/^DTSTART:20260101T104000Z\r\nDTEND:20260101T111000Z\r$/m,
    'maintenance is in the calendar');
(my $unfolded = $ics) =~ s/\r\n //g;
like($unfolded, qr/^DESCRIPTION:new <b>disks<\/b>\\;\xc3\xbc\\, x{60}\r$/m,
    '... with its reason, escaped');
is(scalar(grep { length > 75 } split /\r\n/, $ics), 0,
    '... in lines of 75 bytes');

# As the formats want it, whoever reads them.
sub inside {
	my ($node, $name) = @_;

	return map { $_->textContent } $node->findnodes("*[local-name()='$name']");
}

sub iso { return utc($_[0]) =~ s/ UTC/Z/r =~ s/ /T/r }

my $moment = qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\z/;
for my $path ('/task/home/feed.atom', '/feed.atom') {
	my $of = tree($path, $path);
	my ($feed) = $of->findnodes('/*');
	my @entries = $of->findnodes("/*/*[local-name()='entry']");

	is_deeply([ map { scalar(() = inside($feed, $_)) } qw(id title updated author) ],
	    [ 1, 1, 1, 1 ], '... is one of RFC 4287');
	is((inside($feed, 'id'))[0], "https://status.example$path",
	    '... named by its address');
	is($of->findvalue("/*/*[local-name()='link'][\@rel='self']/\@href"),
	    "https://status.example$path", '... which it has');
	is_deeply([ map { [ map { $_ =~ $moment ? $_ : "no moment: $_" }
	    inside($_, 'published'), inside($_, 'updated') ] } @entries ],
	    [ [ iso($i->{fromMs}), iso($i->{toMs}) ] ],
	    '... and an entry moves as its incident ends');
	is((inside($feed, 'updated'))[0], iso($i->{toMs}), '... as does the feed');
	is($of->findvalue("//*[local-name()='entry']/*[local-name()='link']/\@href"),
	    'https://status.example/task/home', '... and leads to the task');
	is($c->get($path)->{headers}{'content-type'},
	    'application/atom+xml; charset=utf-8', '... sent as what it is');
}
for my $path ('/task/home/feed.json', '/feed.json') {
	my $r = $c->get($path);
	my $of = json_value($r->{body});

	is_deeply([ @$of{qw(version feed_url)}, (map { [ @$_{qw(url date_published
	    date_modified)} ] } @{ $of->{items} }) ], [
	    'https://jsonfeed.org/version/1.1', "https://status.example$path",
	    [ 'https://status.example/task/home', iso($i->{fromMs}), iso($i->{toMs}) ] ],
	    "$path is a JSON Feed, whose items move, too");
	is($r->{headers}{'content-type'}, 'application/feed+json',
	    '... sent as what it is');
}
for my $path ('/task/home/maintenance.ics', '/maintenance.ics') {
	my $r = $c->get($path);
	my @lines = split /\r\n/, $r->{body} =~ s/\r\n //gr, -1;
	my %n;

	$n{ /\A([A-Z]+)[:;]/ ? $1 : "? $_" }++ for @lines[0 .. $#lines - 1];
	is_deeply(\%n, { BEGIN => 2, END => 2, VERSION => 1, PRODID => 1, (map {
	    $_ => 1 } qw(UID DTSTAMP DTSTART DTEND SUMMARY DESCRIPTION)) },
	    "$path has what RFC 5545 wants of an event, once");
	is_deeply([ $lines[-1], $r->{body} =~ /(?<!\r)\n|\r(?!\n)/ ], [ '' ],
	    '... each line with its end');
	ok((grep { $_ eq 'UID:maintenance-1@status.example' } @lines),
	    '... under a name that stays');
	is($r->{headers}{'content-type'}, 'text/calendar; charset=utf-8',
	    '... sent as what it is');
}
is($c->get("/task/nobody$_")->{status}, 404, "a task that isn't: $_") for '',
    '/badge.svg', '/feed.atom', '/maintenance.ics';
is($c->get("/api/v1/task/nobody$_")->{status}, 404, "... $_ of the API") for '',
    qw(/days /report /checks /incidents /responses);
my %v2 = map { $_ => told("/v2/$_.json") } qw(status summary components
    incidents incidents/unresolved scheduled-maintenances
    scheduled-maintenances/upcoming scheduled-maintenances/active);
is_deeply([ map { "$_->{id} $_->{status}" } @{ $v2{summary}{components} } ],
    [ 'a:quiet.one degraded_performance', 'home operational' ],
    'what is unknown isn\'t said to work');
my ($ended) = @{ $v2{incidents}{incidents} };
is_deeply([ map { [ @$_{qw(status created_at body)} ] }
    @{ $ended->{incident_updates} } ], [ [ 'resolved', $ended->{resolved_at},
    $feed->{items}[0]{content_text} ], [ 'identified', $ended->{started_at},
    'Workers of 3 different networks confirm that it is down.' ] ],
    'an incident\'s updates tell its end and its begin, as readers show them');
is($ended->{shortlink}, 'https://status.example/task/home', '... and where more is');
is_deeply([ map { "$_->{old_status} $_->{new_status}" } map {
    @{ $_->{affected_components} } } @{ $ended->{incident_updates} } ],
    [ 'major_outage operational', 'operational major_outage' ],
    '... and what each made of the task');

# What Statuspage's own answers have, by its API's documentation.
my %fields = (
	page => 'id name time_zone updated_at url',
	component => 'created_at description group group_id id name ' .
	    'only_show_if_degraded page_id position showcase start_date status ' .
	    'updated_at',
	incident => 'components created_at id impact incident_updates ' .
	    'monitoring_at name page_id resolved_at shortlink started_at status ' .
	    'updated_at',
	maintenance => 'components created_at id impact incident_updates ' .
	    'monitoring_at name page_id resolved_at scheduled_for scheduled_until ' .
	    'shortlink started_at status updated_at',
	update => 'affected_components body created_at custom_tweet ' .
	    'deliver_notifications display_at id incident_id status tweet_id ' .
	    'updated_at',
	affected => 'code name new_status old_status',
);
my ($planned) = @{ $v2{'scheduled-maintenances'}{scheduled_maintenances} };
my %has = (page => $v2{summary}{page}, component => $v2{components}{components}[0],
    incident => $ended, maintenance => $planned,
    update => $planned->{incident_updates}[0],
    affected => $planned->{incident_updates}[0]{affected_components}[0]);
is(join(' ', sort keys %{ $has{$_} }), $fields{$_},
    "Statuspage's fields of a $_ are there, and no others") for sort keys %fields;
is_deeply([ sort keys %{ $v2{summary} } ], [ qw(components incidents page
    scheduled_maintenances status) ], '... in a summary of all');
is_deeply($ended->{components}, [ grep { $_->{id} eq 'home' }
    @{ $v2{components}{components} } ], '... and its component as that is listed');
is_deeply([ map { scalar @{ $v2{"scheduled-maintenances$_"}
    {scheduled_maintenances} } } '', '/upcoming', '/active' ], [ 1, 1, 0 ],
    'maintenance is to come');
is($v2{'scheduled-maintenances'}{scheduled_maintenances}[0]
    {incident_updates}[0]{body}, "new <b>disks</b>;\x{fc}, " . 'x' x 60,
    '... with its reason');

# ---- Counted by the hour ----

$w->clock_set($S + 2 * $HOUR + 30 * $MINUTE);
cycle(150, 'UUU');
$before = task('/report');
is(json_value($w->worknet('rollup', '--json'))->{hours}, 4,
    'the hours that are over are counted');
is_deeply(task('/report'), $before, '... which changes no figure');
same_figures('counted');
same_times('counted');
same_pages('counted');
is(tree('/feed.atom', 'the feed of all')->findvalue(
    'count(//*[local-name()="entry"])'), 1, '... has the incident, too');
is(json_value($c->get('/api/v2/incidents.json')->{body})->{incidents}[0]
    {status}, 'resolved', '... as has Statuspage');
like($c->get('/maintenance.ics')->{body}, qr/^SUMMARY:home: maintenance\r$/m,
    'and the calendar of all has all');

# A list has its days from a row of its own.
sub letter {
	my ($d) = @_;
	my $decided = $d->{upMs} + $d->{downMs} + $d->{unconfirmedMs};
	my $dark = $d->{unknownMs} + $d->{disputedMs};

	return $d->{downMs} > 0 ? 'd'
	    : $d->{unconfirmedMs} > 0 || $d->{disputedMs} > 0 ? 's'
	    : $dark > $decided ? '?'
	    : $decided > 0 ? 'u'
	    : $d->{maintenanceMs} > 0 ? 'm'
	    : $d->{pausedMs} > 0 ? 'p' : '-';
}

sub same_list {
	my ($name) = @_;
	my ($line) = grep { $_->{task} eq 'home' } @{ told('/v1/tasks')->{tasks} };
	my $state = task('');

	is_deeply([ @$line{qw(state availabilityPpm coveragePpm)} ],
	    [ $state->{state}, @{ $state->{periods}[3] }{qw(availabilityPpm
	    coveragePpm)} ], "$name: the list has the figures of the task");
	is($line->{days}, join('', map { letter($_) } @{ task('/days')->{days} }),
	    '... and its days');
}

same_list('counted');
# Days are sums: those of past months are read as such.
$w->clock_set($S + 40 * $DAY);
cycle(40 * 24 * 60, 'UUU');
$w->worknet('rollup');
same_figures('after 40 days');
same_list('after 40 days');
is($w->sql_value('SELECT count(*) FROM uptime_day WHERE hours = 24'), 2 * 39,
    '... of which each has a row');
is(task('')->{state}, 'unknown', 'what was long ago says nothing of now');

# An outage over an hour's end, of which one part is counted.
sub told_of {
	my $open = json_value($c->get('/api/v2/incidents/unresolved.json')
	    ->{body})->{incidents};

	return tree('/feed.atom', 'the feed of all')->findvalue(
	    'count(//*[local-name()="entry"])') . ' incidents, ' . @$open . ' open';
}

cycle(40 * 24 * 60 + $_, 'DDD') for 50 .. 75;
$w->worknet('rollup');
is($w->sql_value('SELECT count(*) FROM incident WHERE to_ms IS NULL'), 1,
    'an outage goes on after the hour');
is(told_of(), '2 incidents, 1 open', '... and is told once');
same_list('an outage that is counted in part');
cycle(40 * 24 * 60 + $_, 'UUU') for 76 .. 84;
is(told_of(), '2 incidents, 0 open', '... also that it is over, before that is counted');
same_list('an outage that is over, which reaches back into what is counted');
$w->clock_set($S + 38 * $DAY);
$w->worknet('rollup', '--since', $S + 39 * $DAY);
is($w->sql_value("SELECT length(replace(days, ',', ',,')) - length(days) + 1 " .
    'FROM uptime_strip WHERE task = 1'), $w->sql_value('SELECT count(*) FROM ' .
    'uptime_day WHERE task = 1'), 'lists lose the days that are to be counted anew');
$w->clock_set($S + 40 * $DAY + 84 * $MINUTE + 55_000);
$w->worknet('rollup');
same_list('days that were counted anew');
$w->sql('UPDATE uptime_day SET up_ms = up_ms + 1 WHERE day = ' .
    int($S / $DAY) . ' AND task = 1');
$w->worknet('task', 'pause', 'home');
is(task('')->{state}, 'paused', 'a task that is paused is said to be');
$w->worknet('task', 'remove', 'home');
is($c->get('/task/home')->{status}, 404, 'one that is removed has no page');
is($c->get('/feed.atom')->{body} =~ /entry/, '', '... and no incidents');

# ---- Through nginx ----

$w->nginx_start;
for my $path ('/', '/task/a:quiet.one', '/task/a:quiet.one/badge.svg',
    '/task/a:quiet.one/badge.json?days=7', '/task/a:quiet.one/feed.atom',
    '/task/a:quiet.one/feed.json', '/task/a:quiet.one/maintenance.ics',
    '/feed.atom', '/feed.json', '/maintenance.ics', (map { "/api/v1/$_" }
    qw(tasks task/a:quiet.one), map { "task/a:quiet.one/$_" } qw(days incidents
    checks report responses responses?days=7)), map { "/api/v2/$_.json" } sort keys %v2) {
	my $s = $w->http_socket;
	syswrite($s, http_raw('GET', $path));
	my $r = http_read($s, 'GET');
	is($r->{status}, 200, "nginx has $path");
	like($r->{headers}{'cache-control'} // '', qr/^public, max-age=[16]0$/,
	    '... and may keep it');
	like($r->{body}, qr/uptime 7 d/, '... of 7 days') if $path =~ /badge.*days=7/;
}
for my $text ('u1z', '1u', 'u' . 9 x 30, ',' x 91) {
	$w->sql("UPDATE uptime_strip SET days = '$text' WHERE task = 2");
	is($c->get('/api/v1/tasks')->{status}, 503,
	    "days that make no sense are shown to nobody: $text");
}
is($w->stop, 0, 'the coordinator stops');
my ($status, $out) = $w->audit;
like($out, qr/task 2: the strip of its days isn't what they say/,
    'the audit finds days that a list would show otherwise');
like($out, qr/its uptime on the day \d+ isn't that of its hours/,
    'the audit finds a day that isn\'t the sum of its hours');

done_testing;
