#!/usr/bin/perl
# worknet-alert and worknet alert: what happens to tasks is told once to each
# receiver that wants it, soon, signed as Standard Webhooks says; receivers that
# fail, hang, are gone or lie delay nobody; kills anywhere lose nothing.
use strict;
use warnings;
use File::Basename 'dirname';
use JSON::PP;
use Test::More;
use Time::HiRes 'sleep';
use lib dirname(__FILE__) . '/../lib';
use AdminRun;
use WorknetTest qw(build_path child_start child_end child_wait find_program
    need_program run_command wait_for);

need_program('node');
for my $name (qw(worknet worknet-alert make_ledger)) {
	plan skip_all => "$name isn't built" unless program($name);
}
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 900;

use constant { MINUTE => 60_000, HOUR => 3600_000, DAY => 86400_000 };
my $E = 1_767_283_200_000;	# 2026-01-01 16:00:00: the history's end
my $db = "$Dir/l.db";
my $in = "$Dir/in.d";
mkdir $in or die $!;
my $json = JSON::PP->new->utf8->canonical;

# ---- Receivers ----

my $port_file = "$Dir/port";
my $node = child_start('receivers', sub {
	open STDOUT, '>', $port_file or die;
	exec find_program('node'), dirname(__FILE__) . '/receiver.mjs', $in;
});
wait_for(sub { -s $port_file }, 'the receivers to listen');
chomp(my $port = read_file($port_file));
my $at = "http://127.0.0.1:$port";

sub mode { my ($name, $mode) = @_; write_file("$in/$name", $mode) }
sub requests {
	my ($name) = @_;
	my @all = -e "$in/log" ? map { $json->decode($_) } split /\n/,
	    read_file("$in/log") : ();
	return grep { !defined $name || $_->{name} eq $name } @all;
}
sub forget { unlink "$in/log", glob "$Dir/mail.*" }

# sendmail(8), which keeps what it is sent.
my $sendmail = write_file("$Dir/sendmail", "#!/bin/sh\n" .
    "test -e $in/mail-hangs && exec sleep 60\n" .
    "test -e $in/mail-fails && exit 75\n" .
    "n=\$(ls $Dir | grep -c '^mail\\.')\n" .
    "{ echo \"\$@\"; cat; } >$Dir/mail.\$n\n");
chmod 0755, $sendmail or die $!;

# ---- The programs, at any time ----

my $conf = write_file("$Dir/l.conf", "[ledger]\npath = l.db\n" .
    "[pages]\norigin = https://net.example\n[alert]\n" .
    "receivers_file = receivers\nallow_private = yes\nsendmail = sendmail\n");
my $clock = "$Dir/clock";
my @fault = (LD_PRELOAD => build_path('t/tools/fault.so'),
    WN_FAULT_DIR => $Dir, WN_FAULT_CLOCK => $clock,
    ASAN_OPTIONS => join(':', grep { defined && $_ ne '' }
    $ENV{ASAN_OPTIONS}, 'verify_asan_link_order=0'));

sub at_time {
	my ($ms, $do) = @_;

	write_file($clock, $ms);
	local %ENV = (%ENV, @fault);
	return $do->();
}

sub admin { return worknet('-c', $conf, @_) }
sub admin_ok {
	my $r = admin('alert', @_, '--json');
	is($r->{code}, 0, "worknet alert @_") or diag($r->{err});
	return json_of($r);
}

# One run of the program; it is quiet but for receivers that fail.
sub alert_run {
	my ($ms, @before) = @_;
	return at_time($ms, sub {
		my ($code, $out, $err) = run_command(@before,
		    program('worknet-alert'), '-c', $conf);
		return { code => $code, out => $out, err => $err };
	});
}
sub alert_ok {
	my ($ms, $name) = @_;
	my $r = alert_run($ms);
	is($r->{code}, 0, $name) or diag($r->{err});
	return $r->{err};
}

sub deliveries {
	my ($receiver) = @_;
	return json_of(admin('alert', 'show', $receiver, '--all',
	    '--json'))->{deliveries};
}
sub states {
	return join(' ', map { "$_->{state}" } reverse @{ deliveries(@_) });
}

# ---- A ledger with outages ----

my $clean = "$Dir/clean.db";
make_ledger($clean, '--results', 1200, '--copies', 3, '--tasks', 2,
    '--workers', 12, '--cooldown-ms', 0, '--silent-percent', 0, '--seed', 3,
    '--end-ms', $E, '--max-tasks', 1, '--fast');
sub outage {
	my ($task, $from, $to) = @_;
	return "UPDATE result SET success = 0, status = 500 WHERE
	    cycle_ms >= $from AND cycle_ms < $to AND version IN
	    (SELECT id FROM task_version WHERE task = $task);";
}
my $weather = "INSERT INTO network (id, name) VALUES " . join(', ', map {
    "($_, '198.51.$_.0/24')" } 1 .. 4) . ';' .
    "INSERT INTO worker_network SELECT id, 0, id % 4 + 1 FROM worker;" .
    outage(1, $E - 65 * MINUTE, $E - 65 * MINUTE + 30000) .	# a lone slice
    outage(1, $E - 60 * MINUTE, $E - 50 * MINUTE) .
    # Nobody answers any more while it is down; then it is down again.
    outage(1, $E - 32 * MINUTE, $E - 26 * MINUTE) .
    'DELETE FROM result WHERE cycle_ms BETWEEN ' . ($E - 28 * MINUTE) .
    ' AND ' . ($E - 15 * MINUTE) . ' AND version IN (SELECT id FROM task_version
    WHERE task = 1);' .
    outage(1, $E - 12 * MINUTE, $E) .
    outage(2, $E - 40 * MINUTE, $E - 35 * MINUTE) .
    'INSERT INTO maintenance (task, from_ms, to_ms, noted_ms, why)
    VALUES (2, ' . ($E - 41 * MINUTE) . ', ' . ($E - 30 * MINUTE) . ', ' .
    ($E - HOUR) .
    ", 'new <disks> & \"racks\"' || char(13, 10) || 'Bcc: x\@evil.example');";
# A name as no program takes it.
my $hostile = "a\"b<!channel>&\r\nBcc: y\@evil.example";
my $quoted = $hostile =~ s/\r\n/' || char(13, 10) || '/r;
forge($clean, $db, $weather . "UPDATE task SET name = '$quoted' WHERE id = 2;");
my ($task) = map { $_->[0] } sql_rows($db,
    'SELECT name FROM task WHERE id = 1');
unlink "$Dir/receivers";

# ---- Who is told ----

like(admin('alert', 'list')->{out}, qr/nobody is told/, 'at first nobody is');
my %secret;
$secret{all} = admin_ok('add', 'all', 'webhook', '--url', "$at/all")->{secret};
like($secret{all}, qr{^whsec_[A-Za-z0-9+/]{43}=$},
    'a webhook has a secret of 32 bytes');
$secret{one} = admin_ok('add', 'one', 'webhook', '--url', "$at/one", '--task',
    $task)->{secret};
isnt($secret{one}, $secret{all}, '... of its own');
write_file("$Dir/key", "R0UT1NG\n");
admin_ok('add', 'pager', 'pagerduty', '--url', "$at/pager", '--file',
    "$Dir/key");
admin_ok('add', 'chat', 'slack', '--url', "$at/chat");
write_file("$Dir/key", "tk_abc\n");
admin_ok('add', 'phone', 'ntfy', '--url', "$at/phone", '--file', "$Dir/key");
admin_ok('add', 'post', 'mail', '--url', 'mailto:ops@buyer.example');
is((stat "$Dir/receivers")[2] & 07777, 0600, 'the file is its owner\'s alone');
write_file("$in/secrets.json", $json->encode({ map { $_ => [ $secret{$_} ] }
    keys %secret }));
my $list = admin('alert', 'list', '--json');
my @shown = @{ json_of($list)->{receivers} };
is(join(' ', map { $_->{receiver} } @shown), 'all one pager chat phone post',
    'all are listed');
unlike($list->{out}, qr/whsec_|R0UT1NG|tk_abc|\/all/,
    '... without what is secret');
for (['all', 'webhook', '--url', $at], ['x y', 'webhook', '--url', $at],
    ['x', 'fax', '--url', $at], ['x', 'webhook'], ['x', 'pagerduty'],
    ['x', 'webhook', '--url', 'ftp://h.example/'],
    ['x', 'webhook', '--url', "http://u:p\@127.0.0.1:$port/"],
    ['x', 'mail', '--url', 'mailto:-oQ/tmp@h.example'],
    ['x', 'mail', '--url', "mailto:a\@h.example\nBcc: b\@h.example"],
    ['x', 'mail', '--url', 'mailto:a@h.example,b@h.example'],
    ['x', 'webhook', '--url', $at, '--task', 'no_such_task']) {
	my $r = admin('alert', 'add', @$_);
	is($r->{code}, 1, join(' ', 'refused:', map { s/\n/\\n/r } @$_));
}

sub doctor {
	return (grep { $_->{check} eq 'alerts' } @{ json_of(admin('doctor',
	    '--json'))->{checks} })[0];
}

# ---- Each event once, and soon ----

like(doctor()->{detail}, qr/systemctl enable --now worknet-alert\.timer/,
    'worknet doctor finds a program that never ran');
forget();
my $START = $E - 75 * MINUTE;
alert_ok($START, 'the first run begins to look');
is(scalar(requests()), 0, '... and tells nothing of what is over');
my @when = map { $START + 2 * MINUTE * $_ } 1 .. 43;
my $complaints = '';
$complaints .= alert_run($_)->{err} for @when;
is($complaints, '', 'each run is quiet');

my $report = json_of(at_time($E - 8 * MINUTE, sub { admin('report',
    '--task', $task, '--from', $E - 4 * HOUR, '--to', $E + HOUR, '--json') }));
my @expected = map { my $i = $_; ("opened $i->{fromMs}", $i->{ended} eq 'open' ?
    () : "ended $i->{fromMs} $i->{toMs} $i->{ended}") }
    grep { $_->{fromMs} >= $START } @{ $report->{incidents} };
# Cycles of the last minutes aren't over yet, but all their copies are paid.
push @expected, 'opened ' . ($E - 12 * MINUTE);
is(join(' ', map { /^ended.*?(\w+)$/ ? $1 : (split)[0] } @expected),
    'opened recovered opened evidence opened', 'the report has incidents');
sub told {
	my ($name) = @_;
	return map { my $b = $json->decode($_->{body});
	    my ($type, $d) = ($b->{type}, $b->{data});
	    $type eq 'incident.opened' ? "opened $d->{fromMs}" :
	    $type eq 'incident.ended' ?
	    "ended $d->{fromMs} $d->{toMs} $d->{ended}" : $type }
	    requests($name);
}
is_deeply([ told('one') ], \@expected,
    'a task\'s receiver is told what its report has, once, and in order');
my @all = requests('all');
is(scalar(grep { !$_->{verified}[0] } @all, requests('one')), 0,
    'each is signed by its receiver\'s secret');
is(scalar(keys %{ { map { $_->{headers}{'webhook-id'} => 1 } @all } }),
    scalar(@all), 'no two events have one id');
is(join(' ', sort { $a cmp $b } map { $json->decode($_->{body})->{type} }
    grep { $json->decode($_->{body})->{data}{task} ne $task } @all),
    'incident.ended incident.opened maintenance.begun',
    'who wants all is told of the other task, too');
my ($late) = sort { $b <=> $a } map { $_->[0] } sql_rows($db,
    "SELECT noted_ms - from_ms FROM alert_event
    WHERE kind = 'incident.opened'");
cmp_ok($late, '<=', 4 * MINUTE,
    'an incident is told two cycles and two runs after it began');
my ($opened) = grep { $_->{body} =~ /incident\.opened/ } requests('one');
my $data = $json->decode($opened->{body})->{data};
is("$data->{url} $data->{networks}", "https://net.example/task/$task 4",
    'with the task\'s page, and how many networks say so');
is(join(' ', map { $_->{data}{task} eq $task ? 'one' : 'other' } grep {
    $_->{data}{planned} && $_->{type} eq 'incident.opened' }
    map { $json->decode($_->{body}) } @all), 'other',
    'one that began in announced maintenance says so');

is(doctor()->{detail}, '6 receivers are told of incidents',
    'worknet doctor has nothing to say against it');

# ---- What the other kinds are sent ----

my @pager = map { $json->decode($_->{body}) } requests('pager');
is(scalar(@pager), @expected + 2, 'PagerDuty has incidents alone');
my %open;
is(scalar(grep { $_->{event_action} eq 'trigger' ? $open{$_->{dedup_key}}++ :
    --$open{$_->{dedup_key}} } @pager), 0, '... what resolves one has its key');
is(join(' ', map { "$_->{routing_key}/$_->{payload}{severity}" } grep {
    $_->{event_action} eq 'trigger' } @pager), 'R0UT1NG/critical ' .
    'R0UT1NG/warning R0UT1NG/critical R0UT1NG/critical',
    '... by its routing key, and how bad');
is(scalar(grep { $_->{payload}{source} eq $hostile } @pager), 2,
    '... a hostile name is text');
my @chat = map { $json->decode($_->{body})->{text} } requests('chat');
is(scalar(@chat), @expected + 3, 'Slack has all of them');
is(scalar(grep { s{<https://net\.example/task/[\w.:-]+>}{}r =~ /[<>]/ }
    @chat), 0,
    '... in which nothing but a page\'s link is a mark');
my @phone = requests('phone');
is(scalar(@phone), @expected + 3, 'ntfy has all of them');
is(scalar(grep { $_->{headers}{authorization} ne 'Bearer tk_abc' ||
    $_->{headers}{title} !~ /^worknet: (down|up again|unknown|maintenance)$/ ||
    defined $_->{headers}{bcc} } @phone), 0,
    '... with titles of ours alone, and its token');
my @mail = map { read_file($_) } glob "$Dir/mail.*";
is(scalar(@mail), @expected + 3, 'and so has sendmail');
is(scalar(grep { (split /\n/)[0] ne '-i ops@buyer.example' } @mail), 0,
    '... for that address alone');
is(scalar(grep { (split /\n\n/)[0] =~ /^Bcc/m } @mail), 0,
    '... no name and no reason comes into a header');
like($mail[0], qr/^Subject: worknet: \Q$task\E: down$/m,
    '... a subject says which');

# ---- Secrets that change ----

forget();
my $second = admin_ok('rotate', 'one')->{secret};
write_file("$in/secrets.json", $json->encode({ one =>
    [ $secret{one}, $second ] }));
my $now = $when[-1] + MINUTE;
admin_ok('test', 'one');
at_time($now, sub { sql_run($db, "UPDATE alert_delivery SET next_ms = $now
    WHERE state = 'waiting'") });
alert_ok($now, 'a run after a rotation');
my ($test) = requests('one');
is_deeply($test->{verified}, [ JSON::PP::true, JSON::PP::true ],
    'both secrets sign while it is changed');
is(length($test->{headers}{'webhook-signature'}), 2 * 47 + 1,
    '... each once');
is($test->{headers}{'webhook-timestamp'}, int($now / 1000),
    'the time that is signed is that of the try');
admin_ok('rotate', 'one');
is(scalar(grep { read_file("$Dir/receivers") =~ /\Q$_\E/ } $secret{one}), 0,
    'after the next rotation the first one is nowhere');

# ---- Receivers in trouble ----

sub test_event {
	my ($name, $noted) = @_;
	my $r = at_time($noted, sub { admin('alert', 'test', $name) });
	die $r->{err} if $r->{code};
	return (sql_rows($db, "SELECT max(id) FROM alert_event"))[0][0];
}

for my $case (['500', 'answered 500'], ['close', 'connection closed'],
    ['302', 'answered 302, and no redirect is followed'],
    ['404', 'answered 404'], ['hang', 'timeout']) {
	my ($mode, $words) = @$case;
	my $t0 = $now += DAY + MINUTE;

	forget();
	mode('all', $mode);
	test_event('all', $t0);
	test_event('chat', $t0);
	my $began = time;
	alert_run($t0);
	my ($last) = @{ deliveries('all') };
	like($last->{detail}, qr/^\Q$words\E/,
	    "$mode: what came of it is told");
	is("$last->{state} $last->{tries} " . ($last->{nextMs} - $t0 >= MINUTE ?
	    1 : 0), 'waiting 1 1', "$mode: it waits for the next try");
	my ($chat) = requests('chat');
	my ($all) = requests('all');
	cmp_ok(abs($chat->{at} - $all->{at}), '<', 5000,
	    "$mode: others are told meanwhile") if $mode eq 'hang';
	is(scalar(requests('other')), 0, "$mode: nobody else is asked")
	    if $mode eq '302';
	# Each try later than the one before, and the same but for its time.
	my ($at, @tries) = ($t0, $t0);
	while (@tries < ($mode eq '500' ? 12 : 2)) {
		my $next = (deliveries('all'))->[0]{nextMs};
		alert_run($next - 1);
		is(scalar(requests('all')), scalar(@tries), "$mode: not tried "
		    . 'before its time') if @tries == 1;
		alert_run($next);
		push @tries, $next;
	}
	my @gaps = map { ($tries[$_] - $tries[$_ - 1]) / MINUTE } 1 .. $#tries;
	is(join(' ', map { int($_) } @gaps), '1 2 4 8 16 32 60 60 60 60 60',
	    '500: the gaps double up to an hour') if $mode eq '500';
	my %same = map { ("$_->{headers}{'webhook-id'} $_->{body}" => 1) }
	    requests('all');
	is(scalar(keys %same), 1, "$mode: each try has the same id and body");
	mode('all', '204');
	alert_run((deliveries('all'))->[0]{nextMs});
	is((deliveries('all'))->[0]{state}, 'delivered',
	    "$mode: then it arrives");
}

forget();
$now += DAY;
mode('all', '429 1000');
test_event('all', $now);
alert_run($now);
cmp_ok((deliveries('all'))->[0]{nextMs}, '>=', $now + 1000_000,
    '429: Retry-After is kept');
mode('all', '429 999999');
alert_run($now + 20 * MINUTE);
is((deliveries('all'))->[0]{nextMs}, $now + DAY,
    '429: one that says too long is tried a last time after a day');
test_event('all', $now + 2 * HOUR);
alert_run($now + DAY);
is(scalar(keys %{ { map { $_->{headers}{'webhook-id'} => 1 }
    requests('all') } }), 1, 'what happened later waits behind it');
is((deliveries('all'))->[1]{state}, 'given up', 'then it is given up');
my @findings = grep { $_->{kind} eq 'alerts fail' } @{ json_of(admin('finding',
    'list', '--json'))->{findings} };
is(join(' ', map { "$_->{kind}/$_->{subject}" } @findings), 'alerts fail/all',
    'with one finding');
mode('all', '204');
alert_run($now + DAY + 2 * HOUR);
is((deliveries('all'))->[0]{state}, 'delivered', 'what came after it arrives');
is(scalar(grep { $_->{kind} eq 'alerts fail' } @{ json_of(admin('finding',
    'list', '--json'))->{findings} }), 0, '... and then the finding is over');

$now += 3 * DAY;
forget();
mode('chat', '410');
test_event('chat', $now);
test_event('chat', $now + 1);
alert_run($now + 1000);
is(scalar(requests('chat')), 1, '410: one that is gone is asked once');
is(join(' ', map { $_->{state} } @{ deliveries('chat') }[0, 1]),
    'given up given up', '410: nothing waits for it');
is((grep { $_->{receiver} eq 'chat' }
    @{ admin_ok('list')->{receivers} })[0]{state}, 'off', '410: it is off');
is(admin('alert', 'test', 'chat')->{code}, 1, '410: and isn\'t tested');
mode('chat', '204');
admin_ok('resume', 'chat');
test_event('chat', $now);
alert_run($now + 2000);
is((deliveries('chat'))->[0]{state}, 'delivered', '... until it is resumed');

$now += DAY;
mode('mail-fails', 1);
test_event('post', $now);
alert_run($now);
like((deliveries('post'))->[0]{detail}, qr/sendmail ended with 75/,
    'a sendmail that fails is tried again');
unlink "$in/mail-fails";
alert_run($now + MINUTE);
is((deliveries('post'))->[0]{state}, 'delivered', '... and then takes it');

# ---- Without rights ----

write_file($conf, read_file($conf) =~ s/^allow_private.*\n//mr);
$now += DAY;
forget();
test_event('all', $now);
alert_run($now);
is(scalar(requests()), 0,
    'a private address isn\'t asked unless it is allowed');
isnt((deliveries('all'))->[0]{state}, 'delivered',
    '... and that is no delivery');
is(admin('alert', 'add', 'y', 'webhook', '--url', "$at/y")->{code}, 1,
    '... nor is it taken');
write_file($conf, read_file($conf) . "allow_private = yes\n");
alert_run($now + MINUTE);

# ---- Kills ----

$now += DAY;
forget();
mode('all', 'hang');
test_event('all', $now);
write_file($clock, $now);
my $pid = child_start('worknet-alert', sub {
	%ENV = (%ENV, @fault);
	exec program('worknet-alert'), '-c', $conf;
});
wait_for(sub { requests('all') }, 'the receiver to have it');
kill('KILL', $pid);
child_wait($pid);
mode('all', '204');
alert_run($now + MINUTE);
my @twice = requests('all');
is(scalar(@twice), 2, 'killed before the answer is noted, it is told again');
is($twice[0]{headers}{'webhook-id'}, $twice[1]{headers}{'webhook-id'},
    '... under the same id');
is((deliveries('all'))->[0]{state}, 'delivered', '... and noted');

SKIP: {
	my $strace = find_program('strace');
	skip('strace isn\'t installed', 2) if !defined $strace ||
	    system($strace, '-qq', '-o', '/dev/null', 'true') != 0;
	forge($clean, $db, $weather);
	forget();
	alert_run($START);
	my ($kills, $n) = (0, 0);
	for (@when) {
		my $call = (qw(fdatasync pwrite64 sendto))[$n % 3];
		my $r = alert_run($_, $strace, '-f', '-qq', '-o', '/dev/null',
		    '-e', "trace=$call", '-e', "inject=$call:signal=KILL:when="
		    . (1 + $n++ / 3 % 4));
		$kills++ if $r->{code} ne '0';
	}
	alert_run($when[-1] + HOUR * (1 + $_)) for 1 .. 3;
	cmp_ok($kills, '>', 10, "$kills runs were killed");
	my %seen;
	my @once = grep { !$seen{$_}++ } told('one');
	is_deeply(\@once, \@expected,
	    'killed at any write, sync or send: nothing lost, nothing new');
	is((sql_rows($db, 'SELECT count(*) FROM alert_event
	    WHERE task = 1'))[0][0], scalar(@expected), '... noted once each');
}

# ---- Crowds, and what is old ----

$now = $E + 60 * DAY;
sql_run($db, "INSERT INTO alert_event (name, kind, task, noted_ms, from_ms,
    ended, networks, planned, why) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL
    SELECT i + 1 FROM n WHERE i < 1000)
    SELECT 'n' || i, 'test', i, $now, 0, 'open', 0, 0, ''
    FROM n; INSERT INTO alert_delivery (event, receiver, task, state, tries,
    next_ms, detail) SELECT id, 'phone', task, 'waiting', 0, $now, ''
    FROM alert_event WHERE name LIKE 'n%'");
test_event('phone', $now);
is((deliveries('phone'))->[0]{detail}, 'too many others wait for it',
    'more than a thousand don\'t wait for one receiver');
admin_ok('remove', 'phone');
alert_ok($now, 'a run');
is((sql_rows($db, "SELECT count(*) FROM alert_delivery WHERE receiver = 'phone'
    AND state = 'waiting'"))[0][0], 0,
    'nothing waits for one that was removed');
is((sql_rows($db, 'SELECT count(*) FROM alert_event WHERE noted_ms < ' .
    ($now - 30 * DAY)))[0][0], 0, 'after a month events are forgotten');

chmod 0644, "$Dir/receivers" or die $!;
my $r = alert_run($now);
is($r->{code}, 1, 'a file of receivers that others can read is refused');
like($r->{err}, qr/mode is 0644/, '... with the reason');
chmod 0600, "$Dir/receivers";
write_file("$Dir/receivers", "x webhook * https://h.example/ whsec_c2hvcnQ=\n");
$r = alert_run($now);
is($r->{code}, 1, 'so is a secret that is too short');
unlike($r->{err}, qr/c2hvcnQ/, '... without telling it');
unlink "$Dir/receivers";
alert_ok($now, 'without the file nobody is told, and all is well');

child_end($node, 'TERM');
done_testing();
