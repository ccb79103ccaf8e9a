# Whether the coordinator and the peer are the same service: what a worker
# sees of each, answer by answer. A peer that credits what it shouldn't, or
# less than it should, would be none to compare with.
package Bench::SameService;

use strict;
use warnings;

use WorknetTest qw(json_text json_value now_ms poll_path);
use WorknetTest::Odd qw(odd_signatures);

my @TASKS = qw(task_a task_b task_c);

# Before the site serves.
sub prepare {
	my ($site) = @_;

	$site->init;
	# No cycle ends while this looks.
	$site->task_add($_, interval => '2678400s') for @TASKS;
	# They have waited so long that the first who asks gets all of them:
	# the peer knows no turns.
	$site->sql('UPDATE schedule SET open_ms = open_ms - 60000;');
	return $site;
}

sub polled {
	my ($site, $path) = @_;
	my $r = $site->http('GET', $path);

	return "$r->{status} $r->{body}" if $r->{status} != 200;
	return join(' ', 200, sort map { "$_->{id} $_->{rewardMicros}" }
	    @{ json_value($r->{body}) });
}

sub posted {
	my ($site, $body) = @_;
	my $r = $site->http('POST', '/v1/worker/results', ref $body ?
	    json_text($body) : $body);

	return "$r->{status} $r->{body}";
}

sub refused {
	return '200 ' . '{"accepted":0,"earned":"0.000000","errors":["' .
	    join('","', @_) . '"]}';
}

# The odd signatures that must not earn, all at once.
sub odd_posted {
	my ($site, $one, $two, $task) = @_;
	my $now = now_ms();
	my @odd = grep { !$_->{valid} } odd_signatures($site, $one, $two,
	    $task, sub { $now++ });

	return [ 'an odd signature of any kind is refused',
	    posted($site, [ map { $_->{result} } @odd ]),
	    refused(("$task: invalid signature") x @odd) ];
}

# What a worker sees of the site: [sentence, answer, expected answer] each.
sub seen {
	my ($site) = @_;
	my ($one, $two) = map { $site->worker($_) } 1, 2;
	my $poll = poll_path($one->{address}, 'unknown');
	my $a = $site->result($one, 'task_a');
	my $b = $site->result($one, 'task_b', success => 0);
	my $c = $site->result($one, 'task_c');

	return (
	[ 'a poll without an address gets a reason',
	    polled($site, '/v1/worker/tasks'),
	    '400 {"error":"address required"}' ],
	[ 'a poll gets all tasks', polled($site, $poll),
	    join(' ', 200, map { "$_ 100" } @TASKS) ],
	[ 'the next one the same, which aren\'t answered',
	    polled($site, $poll), join(' ', 200, map { "$_ 100" } @TASKS) ],
	[ 'nor another worker\'s', polled($site,
	    poll_path($two->{address})), '200' ],
	[ 'a result is credited', posted($site, [ $a ]),
	    '200 {"accepted":1,"earned":"0.000100"}' ],
	[ 'once', posted($site, [ $a ]),
	    refused('task_a: already recorded') ],
	[ 'another result of the same slot isn\'t', posted($site,
	    [ $site->result($one, 'task_a', timestamp => now_ms() + 1) ]),
	    refused('task_a: not assigned') ],
	[ 'nor is one of a worker that wasn\'t given it', posted($site,
	    [ $site->result($two, 'task_b') ]),
	    refused('task_b: not assigned') ],
	[ 'nor one of a task that isn\'t there', posted($site,
	    [ $site->result($one, 'task_z') ]),
	    refused('task_z: unknown task') ],
	[ 'nor one of tomorrow', posted($site, [ $site->result($one,
	    'task_b', timestamp => now_ms() + 86_400_000) ]),
	    refused('task_b: timestamp in the future') ],
	[ 'nor one of 1970', posted($site, [ $site->result($one, 'task_b',
	    timestamp => 0) ]) =~ s/\(\d+s\)/(TIME)/r,
	    refused('task_b: result too old (TIME)') ],
	odd_posted($site, $one, $two, 'task_b'),
	[ 'a batch is credited but for what is twice in it', posted($site,
	    [ $b, $c, $c ]), '200 {"accepted":2,"earned":"0.000200",' .
	    '"errors":["task_c: already recorded"]}' ],
	[ 'a body that isn\'t JSON gets a reason', posted($site, '['),
	    '400 {"error":"invalid JSON"}' ],
	[ 'and an empty one', posted($site, []),
	    '400 {"error":"results must be non-empty array"}' ],
	[ 'and one of 51 results', posted($site, [ ($a) x 51 ]),
	    '400 {"error":"max 50 results per batch"}' ],
	[ 'the ledger has three results and their sum',
	    join(' ', $site->credited), '3 300' ],
	);
}

# For a row's holds: how many of these hold for the site, and the first that
# doesn't.
sub holds {
	my ($site, $name) = @_;
	my @seen = seen($site);
	my @wrong = grep { $_->[1] ne $_->[2] } @seen;

	return [ "what a worker sees of $name is what the protocol says",
	    @wrong == 0, @seen - @wrong . ' of ' . @seen . ' answers' .
	    (@wrong ? ": $wrong[0][0]: got $wrong[0][1], " .
		"expected $wrong[0][2]" : '') ];
}

1;
