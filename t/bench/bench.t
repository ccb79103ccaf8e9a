#!/usr/bin/perl
# What the benchmark's longest rows stand on, in small: nobody waits for a
# million tasks to learn that their ledger can't be made any more. Nothing is
# measured here.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/lib";
use Test::More;

use Bench;
use Bench::Scale;
use Bench::Peer;
use Bench::SameService;
use WorknetTest qw(need_program);

need_program('sqlite3');
need_program('nginx');

use constant { TASKS => 100, DAYS => 4, REQUESTS => 4 };

my $big = Bench::Scale->new(tasks => TASKS, workers => TASKS,
    results => TASKS * DAYS, requests => REQUESTS);

unlink $big->kept_path;
ok(eval { $big->prepare; 1 }, 'a ledger with a past of some days is made, and ' .
    'the audit has nothing against it') or diag($@);
is($big->sql_value('SELECT count(*) FROM result'), TASKS * DAYS,
    '... with each result that was asked for');
$big->serve;
ok(eval { $big->posts_load(REQUESTS); 1 },
    'what is posted to it for rows F and H is credited whole') or diag($@);
is($big->sql_value('SELECT count(*) FROM result'), TASKS * DAYS +
    REQUESTS * Bench::Scale::BATCH, '... and written');
$big->end;
ok(eval { $big->worknet('audit'); 1 },
    'the audit is clean; signatures of the past are only filled in') or diag($@);
unlink $big->kept_path;

my $site = Bench::SameService::prepare(Bench::Site->new);
$site->serve;
my ($name, $holds, $seen) = @{ Bench::SameService::holds($site, 'worknet-fcgi') };
ok($holds, "$name, as row E's peer answers, too") or diag($seen);
$site->end;

my $peer = Bench::Peer->new;
ok(eval { $peer->nginx_start; 1 },
    "nginx takes the site that is in front of row E's peer") or diag($@);
$peer->nginx_stop;
done_testing();
