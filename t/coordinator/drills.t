#!/usr/bin/perl
# Drills, through the coordinator alone: a worker visits what it is given and
# reports what it is shown; one that always says that all is well is found, held,
# and told why.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path need_program json_value json_bool poll_path
    run_command spurt);

need_program('sqlite3');

my $DAY_MS = 86400000;
my $MIDNIGHT = 1800057600000;

my $w = WorknetTest->new->fault_prepare;
my @honest = map { $w->worker($_) } 1 .. 4;
my $liar = $w->worker(5);

spurt($w->dir('drill.key'), "0x" . '5a' x 32 . "\n");
chmod(0600, $w->dir('drill.key'));
$w->{conf}{honesty} = { maturity_new_ms => 0,
    drill_share_new_permille => 500, established_days => 300,
    drill_key_file => $w->dir('drill.key') };
$w->{conf}{coordinator}{max_tasks_per_poll} = 4;
$w->conf_write;
$w->clock_set($MIDNIGHT - 1000);
$w->init;
$w->task_add("own$_", url => 'http://127.0.0.1:9/api/v1/status?t={token}',
    interval => '30s', copies => 2, cooldown => '0s') for 1 .. 7;
$w->start;
my $c = $w->fcgi;

# What a visit of a task's URL is shown.
sub visit {
	my ($url) = @_;

	return $c->get($url =~ s{^http://[^/]+}{}r)->{status};
}

my ($n, $drills, %shown, %last) = (0, 0);

# A round of a worker: visits, and what it says of each.
sub round {
	my ($worker, $lies) = @_;
	my $r = $c->get(poll_path($worker->{address}));
	my $tasks = json_value($r->{body});
	my @results;

	return if ref $tasks ne 'ARRAY' || !@$tasks;
	for my $i (0 .. $#$tasks) {
		my $t = $tasks->[$i];
		my $status = $lies ? 200 : visit($t->{url});
		$last{$i == $#$tasks ? 'yes' : 'no'}++
		    if $status != 200 && @$tasks > 1;
		$shown{$status}++;
		push @results, $w->result($worker, $t->{id},
		    timestamp => $w->fresh_ms, statusCode => $status,
		    success => $status == 200 ? 1 : 0);
	}
	my $answer = json_value($c->post(\@results)->{body});
	$n += $answer->{accepted};
	is($answer->{accepted}, scalar @results, 'all are paid') or
	    diag(join "\n", @{ $answer->{errors} })
	    if $answer->{accepted} != @results;
}

# ---- Before the day, whose key wasn't committed to ----

is($w->sql_value('SELECT count(*) FROM drill_key WHERE key IS NULL'), 1,
    'tomorrow\'s key is committed to when the coordinator starts');
round($_) for @honest;
is($w->sql_value('SELECT count(*) FROM drill'), 0,
    'on a day whose key wasn\'t committed to before it there are no drills');
is(join(' ', keys %shown), '200', 'a check shows that all is well');

# ---- A day ----

for my $k (1 .. 60) {
	$w->clock_set($MIDNIGHT + 30000 * $k);
	round($_) for @honest;
	round($liar, 1);
	$w->clock_set($w->{clock} + 95);
	round($_) for @honest;
	round($liar, 1);
}
$drills = $w->sql_value('SELECT count(*) FROM drill');
cmp_ok($drills, '>', 40, "$drills drills were given in $n checks");
cmp_ok($drills, '<=', $n / 2, '... at most their share');
cmp_ok(scalar keys %shown, '>=', 6, 'they show one status or another');
is($w->sql_value('SELECT count(*) FROM drill d JOIN result r ON ' .
    'r.slot = d.slot JOIN task_version v ON v.id = r.version ' .
    'WHERE r.copy < v.copies'), 0, 'none of them is one of a task\'s copies');

cmp_ok($last{no}, '>=', 4, 'a drill isn\'t told by its place');

# Who asks again is told the same, drills and all.
{
	my @drill;
	for my $k (1 .. 40) {
		$w->clock_set($w->{clock} + 30000);
		round($_) for @honest[0 .. 2];
		my $was = $c->get(poll_path($honest[3]{address}))->{body};
		next if $was eq '[]';
		my $is = $c->get(poll_path($honest[3]{address}))->{body};
		my @urls = map { [ sort map { $_->{url} }
		    @{ json_value($_) } ] } $was, $is;
		push @drill, \@urls if grep { visit($_) != 200 } @{ $urls[0] };
		last if @drill;
		round($honest[3]);
	}
	cmp_ok(scalar @drill, '>', 0, 'a poll whose answer is lost');
	is_deeply($_->[1], $_->[0],
	    '... is told the same again, with the same tokens') for @drill;
}

# Drills are kept for ever, so nobody gets one who was never paid.
$w->clock_set($w->{clock} + 30000);
$c->get(poll_path($w->worker(1000 + $_)->{address})) for 1 .. 60;
is($w->sql_value('SELECT count(*) FROM drill d WHERE NOT EXISTS (SELECT 1 ' .
    'FROM transfer t WHERE t.credit = d.worker)'), 0,
    'polls of strangers leave no drills behind');

# Their time is over.
for my $k (1 .. 60) {
	$w->clock_set($w->{clock} + 30000);
	round($honest[0]);
	round($honest[1]);
}
my $show = sub { json_value($w->worknet('worker', 'show', $_[0]{address},
    '--json')) };
my $record = $show->($liar);
cmp_ok($record->{drillsWrong}, '>=', 6, 'the liar\'s record has its wrong ones');
is($show->($_)->{drillsWrong}, 0, 'an honest one has none') for @honest;
cmp_ok($show->($honest[0])->{drillsRight}, '>', 3, '... but right ones');
is_deeply([ $w->sql('SELECT w.address, h.by FROM hold h JOIN worker w ' .
    'ON w.id = h.worker') ], [ { address => lc $liar->{address},
    by => 'operator' } ], 'the liar is held, and nobody else');
my ($found) = $w->sql('SELECT kind, subject, detail FROM finding');
is($found->{kind}, 'failed drills', 'a finding says why');
is($found->{subject}, $liar->{address}, '... of whom');
like($found->{detail}, qr/^its record: \d+ of \d+ drills were wrong; slot \d+: wanted (?:4|5)\d\d, reported 200; /,
    '... and lists each with what was wanted and reported');
my ($failed) = @{ $record->{drills} };
is($failed->{outcome}, 'wrong', 'worker show lists them, too');
is($failed->{reported}, 200, '... with what was reported');
is($record->{record}, 'new', 'the liar is new');
my $results = sub { $w->sql_value('SELECT s.results FROM standing s JOIN ' .
    'worker w ON w.id = s.worker WHERE w.address = ' .
    "'" . lc($_[0]{address}) . "'") };
my ($since) = $w->sql('SELECT count(*) AS n FROM result r JOIN transfer t ON ' .
    't.id = r.transfer JOIN worker w ON w.id = t.credit WHERE w.address = ' .
    "'" . lc($liar->{address}) . "' AND t.id > (SELECT max(m.after_transfer) " .
    'FROM demotion m WHERE m.worker = w.id)');
is($results->($liar), $since->{n},
    '... and has lost its standing: what is counted was paid since then');
cmp_ok($results->($_), '>', 10, 'an honest one keeps it') for $honest[0];
is($w->sql_value('SELECT count(*) FROM forfeit'), 0,
    'its credit isn\'t forfeited unless that is configured');
$w->worknet('payout', 'release', $liar->{address});
is($w->sql_value('SELECT count(*) FROM hold'), 0, 'a person can undo it');
$w->worknet('finding', 'close', 1);

# ---- Tokens ----

my $tasks = json_value($c->get(poll_path($honest[2]{address}))->{body});
my ($token) = ref $tasks eq 'ARRAY' && @$tasks ?
    $tasks->[0]{url} =~ /t=(.*)/ : die 'nothing was given';
like($token, qr/^[0-9a-f]{48}$/, 'a token is 48 hex digits');
is($c->get("/v1/status?t=$token")->{status} == 404 ? 1 : 0, 0,
    'which is answered');
is($c->get('/v1/status?t=' . reverse $token)->{status}, 404,
    'what was never given isn\'t');
is($c->get('/v1/status')->{status}, 404, 'nor is nothing');
is($w->stop, 0, 'it stops');
$w->log_ok;
$w->audit_ok('after drills');

# ---- The keys of days that are over, by which anybody can check ----

$w->clock_set($MIDNIGHT + 3 * $DAY_MS);
$w->start;
is($w->stop, 0, 'two days later');
is($w->sql_value('SELECT count(*) FROM drill_key WHERE day = ' .
    $MIDNIGHT / $DAY_MS . ' AND key IS NOT NULL'), 1,
    'the key of the day is shown');
is($w->sql_value('SELECT count(*) FROM drill_key WHERE day > ' .
    ($MIDNIGHT / $DAY_MS + 3) . ' AND key IS NOT NULL'), 0,
    'tomorrow\'s isn\'t');
$w->audit_ok('with the key');

sub audit_finds {
	my ($sql, $pattern, $name) = @_;
	my @guards = $w->sql('SELECT name, sql FROM sqlite_schema ' .
	    "WHERE type = 'trigger'");

	$w->sql_text('CREATE TABLE was_d AS SELECT * FROM drill; ' .
	    'CREATE TABLE was_k AS SELECT * FROM drill_key; ' .
	    join(' ', map { "DROP TRIGGER $_->{name};" } @guards) . "$sql;");
	like(($w->audit)[1], $pattern, "the audit finds $name");
	$w->sql_text('DELETE FROM drill; INSERT INTO drill SELECT * FROM was_d; ' .
	    'DROP TABLE was_d; DELETE FROM drill_key; INSERT INTO drill_key ' .
	    'SELECT * FROM was_k; DROP TABLE was_k; ' .
	    join(' ', map { "$_->{sql};" } @guards));
}

audit_finds('UPDATE drill SET wanted = CASE wanted WHEN 404 THEN 500 ELSE 404 ' .
    'END WHERE slot = (SELECT min(slot) FROM drill)',
    qr/^drill +slot \d+: wanted \d+, by the key of its day \d+/m,
    'a wanted status that was made up');
audit_finds("UPDATE drill SET outcome = 'wrong' WHERE outcome = 'right' AND " .
    "slot = (SELECT min(slot) FROM drill WHERE outcome = 'right')",
    qr/^drill +slot \d+: its outcome isn't what was reported/m,
    'an outcome that was made up');
audit_finds('INSERT INTO drill SELECT r.slot, t.credit, r.assigned_ms, 503, ' .
    "'wrong' FROM result r JOIN transfer t ON t.id = r.transfer WHERE " .
    'r.slot NOT IN (SELECT slot FROM drill) AND r.assigned_ms > ' .
    "$MIDNIGHT ORDER BY r.slot LIMIT 20",
    qr/^drill +slot \d+: (?:by the key of its day it is no drill|wanted)/m,
    'an outage that was made a drill');
audit_finds("UPDATE drill_key SET committed_ms = $MIDNIGHT",
    qr/^drill +slot \d+: nobody committed to the key/m,
    'a key that wasn\'t committed to in time');
audit_finds("UPDATE drill_key SET key = randomblob(32) WHERE key IS NOT NULL",
    qr/^drill +slot \d+: the key of its day isn't the one/m, 'another key');
audit_finds('DELETE FROM drill WHERE slot IN (SELECT slot FROM result)',
    qr/^copy +slot \d+: is copy 2, its task has 2/m,
    'an extra slot that is no drill');
$w->audit_ok('once all is put back');

# ---- What can't be ----

my ($status, undef, $err) = $w->worknet_try('task', 'add', 'x', '--url',
    "http://127.0.0.1:9/\x{e9}{token}");
isnt($status, 0, 'a URL with a token is in ASCII');
chmod(0644, $w->dir('drill.key'));
($status, undef, $err) = run_command(build_path('worknet-fcgi'), '-t', '-c',
    $w->conf_path);
isnt($status, 0, 'a key that others may read isn\'t used');
done_testing();
