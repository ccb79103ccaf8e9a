#!/usr/bin/perl
# A private task, as others see the coordinator: no page, JSON, feed, badge or
# calendar has its name, its URL or why it is maintained, and its own are those
# of a task that was never there. Its workers are told all of it, and are paid.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(hmac_sha256_hex sha256);
use MIME::Base64 'encode_base64url';
use Test::More;

use WorknetTest qw(need_program json_value poll_path);

need_program('sqlite3');
alarm 120;

my $S = 1_767_261_600_000;		# 2026-01-01 10:00:00
my $w = WorknetTest->new(conf => { admission => { standing_results => 0,
    standing_hours => 0 }, pages => { origin => 'https://status.example' } });
$w->fault_prepare;
$w->clock_set($S);
$w->init;
$w->task_add('open', interval => '60s', cooldown => '0s', copies => 2);
my $added = json_value($w->worknet('--json', 'task', 'add', 'hushhush', '--private', '--url',
    'https://secret.example/?k=S3CRET', '--interval', '60s', '--cooldown',
    '0s', '--reward', 100, '--copies', 2));
my $name = $added->{id};
like($name, qr/^hushhush:[A-Za-z0-9_-]{22}$/, 'its name has a random end');
my ($code, undef, $err) = $w->worknet_try('task', 'add', 'x' x 42, '--private',
    '--url', 'https://secret.example/');
like("$code $err", qr/^\d+ .*at most 41 characters/, 'for which there must be room');
$w->worknet('task', 'add', 'y' x 41, '--private', '--url',
    'https://secret.example/2');
$w->worknet('task', 'pause', (grep { /^y/ } map { $_->{id} }
    @{ json_value($w->worknet('--json', 'task', 'list'))->{tasks} })[0]);
my $shown = json_value($w->worknet('--json', 'task', 'show', 'hushhush'));
ok($shown->{private}, 'the operator is shown that it is private');
is_deeply([ map { $_->{private} ? 1 : 0 }
    @{ json_value($w->worknet('--json', 'task', 'list'))->{tasks} } ], [ 1, 0, 1 ],
    'also in the list');
$w->worknet('maintenance', 'add', $name, '--from', $S + 10 * 3600_000, '--to',
    $S + 11 * 3600_000, '--why', 'WHYWHY');
$w->start;
my $c = $w->fcgi;
my @remote = qw(198.51.100.7 203.0.113.9);
my (%given, @told);

for my $minute (0 .. 6, 180) {
	$w->clock_set($S + $minute * 60_000 + 55_000);
	for my $n (0, 1) {
		my $k = $w->worker($n);
		my $tasks = json_value($c->get(poll_path($k->{address}),
		    remote => $remote[$n])->{body});
		for my $t (@$tasks) {
			$given{$t->{id}} = $t;
			push @told, [ $k->{address}, $t ];
			my $r = json_value($c->post([ $w->result($k, $t->{id},
			    success => 0, error => 'secret.example: refused') ],
			    remote => $remote[$n])->{body});
			is($r->{accepted}, 1, "minute $minute: $t->{id} is paid");
		}
	}
}
is($given{$name}{url}, 'https://secret.example/?k=S3CRET',
    'its workers are told what it is');
# And how they find their results in the log, but not those of others.
my $salt = pack('H*', $w->sql_value("SELECT hex(salt) FROM task WHERE " .
    "name = '$name'"));
my $label = '~' . encode_base64url(sha256($salt . $name));
my %keys;
for (grep { $_->[1]{id} eq $name } @told) {
	my ($address, $t) = @$_;

	is_deeply($t->{private}, { label => $label, key => '0x' .
	    hmac_sha256_hex(pack('Q>H*', $t->{round}{slot},
		substr lc $address, 2), $salt) },
	    "slot $t->{round}{slot}: and what of it the log will show");
	$keys{$t->{private}{key}}++;
}
is(scalar(grep { $_ > 1 } values %keys), 0, 'with a key for each');
is(scalar(grep { exists $_->[1]{private} && $_->[1]{id} !~ /:[\w-]{22}$/ } @told),
    0, 'nothing is said so of a public task');
$w->clock_set($S + 5 * 3600_000);
$w->worknet('rollup');
my ($k) = $w->worker(0);
my @all = ('/', '/join', "/worker/$k->{address}", '/operator', '/health',
    '/metrics', '/v1/status', '/v1/network', '/v1/tasks', '/v1/canary',
    '/v1/join/text', "/v1/worker/$k->{address}/status", '/openapi.json',
    '/feed.atom', '/feed.json', '/maintenance.ics',
    map { "/v2/$_.json" } qw(status summary components incidents
    incidents/unresolved scheduled-maintenances
    scheduled-maintenances/upcoming scheduled-maintenances/active));
my @own = ('/task/%s', map({ "/task/%s/$_" } qw(badge.svg badge.json feed.atom
    feed.json maintenance.ics)), '/v1/task/%s', map({ "/v1/task/%s/$_" }
    qw(days incidents checks responses report)));
my $secret = qr/hushhush|secret\.example|S3CRET|WHYWHY/;
my $n = 0;
for my $path (@all, map { sprintf $_, 'open' } @own) {
	my $r = $c->get($path);

	$n++ if $r->{status} == 200;
	unlike(join("\n", map({ "$_: $r->{headers}{$_}" }
	    sort keys %{ $r->{headers} // {} }), $r->{body} // ''), $secret,
	    "$path ($r->{status}) tells nothing of it");
}
is($w->sql_value('SELECT count(DISTINCT task) FROM incident'), 2,
    'both have an outage that is counted');
like($c->get('/feed.json')->{body}, qr/open/, 'the public task\'s outage is told');
cmp_ok($n, '>', 30, 'most of these are there');
for my $path (@own) {
	my ($mine, $none) = map { $c->get(sprintf $path, $_) }
	    $name, 'nobodyy.';

	is_deeply([ $mine->{status}, $mine->{body} ], [ $none->{status},
	    $none->{body} =~ s/nobodyy\./$name/gr ],
	    "$path of it is that of a task that never was");
	is($mine->{status}, $path =~ /badge/ ? $none->{status} : 404,
	    "... $mine->{status}");
	unlike($mine->{body}, qr/secret\.example|S3CRET|WHYWHY/, '... and no more');
}
# Nobody who isn't given it learns that there is such a name.
my $stranger = $w->worker(7);
my @said = map { my $t = $_;
	my $r = $c->post([ $w->result($stranger, $t) ], remote => '192.0.2.9');
	$r->{body} =~ s/\Q$t\E/TASK/gr } $name, 'nobodyyy';
is($said[0], $said[1], 'a result of a stranger gets the same answer');
$w->stop;
$w->audit_ok('what is paid for it is audited');
done_testing();
