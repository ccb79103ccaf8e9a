# Polls in units of what a responder that does nothing can answer.
package Bench::Polls;

use strict;
use warnings;

use Bench::Site;

use constant { CONNECTIONS => 128, SECONDS => 0.5, WARM_POLLS => 2000 };
use constant KEPT => 128;	# by each nginx process: nginx/worknet.conf

# A coordinator and the empty responder, each behind an nginx of its own.
# Options: workers, idle, due (see t/bench/prepare), tasks => in one answer.
sub sites {
	my (%opt) = @_;
	my $site = Bench::Site->new($opt{tasks} ? (conf => {
	    max_tasks_per_poll => $opt{tasks} }) : ());
	my $empty = Bench::Site::Empty->new;

	$site->prepare(batch => 1, workers => $opt{workers},
	    map { ($_ => $opt{$_} // 0) } qw(idle due));
	# As if each had answered: who hasn't is told of it again.
	$site->sql_text('DELETE FROM handout;');
	$site->serve(syncs => 1);
	# A thread of its own for each connection that nginx may keep, since
	# each of those holds one: more help it as little as fewer would do.
	$empty->serve(threads => KEPT * Bench::Run::cores());
	return ($site, $empty);
}

# One phase of at most $count polls: the rate, CPU in microseconds for a
# request (of all together: cpu), and what there was of syncs.
sub phase {
	my ($site, $polls, $count) = @_;
	# From where the last phase ended: who polls again is told the same.
	my $l = $site->load('--cycle', "$polls:" . ($site->{polls_next} // 0),
	    '--seconds', SECONDS,
	    '--count', $count, '--connections', CONNECTIONS);
	my $n = $l->{answers};

	$site->{polls_next} = $l->{sources}[0]{next};
	my %cpu = map { ($_ => $l->{"${_}_cpu_s"} * 1e6 / $n) }
	    qw(coordinator nginx load);

	return { rate => Bench::Site::rate($l), answers => $n,
	    tasks => $l->{sources}[0]{units},
	    $l->{syncs} && $l->{syncs}{wal} ? (
	    polls_in_sync => $n / ($l->{syncs}{wal} + $l->{syncs}{other}),
	    sync_ms => 1000 * $l->{syncs}{wal_s} / $l->{syncs}{wal}) : (),
	    %cpu, cpu => $cpu{coordinator} + $cpu{nginx} + $cpu{load} };
}

# Rounds in turns with the empty responder. Options: as for sites, except due,
# and workers where tasks are given: one for each poll, since none answers;
# tasks => so many, which each answer must have; polls => at most in a round.
sub measure {
	my ($run, %opt) = @_;
	my $rounds = $run->choose(13, 41);
	my $tasks = $opt{tasks} // 0;
	my $most = $opt{polls} // 1_000_000;
	my $given = WARM_POLLS + $rounds * $most;
	my ($site, $empty) = sites(%opt, $tasks ? (due => $tasks * $given,
	    workers => $given + CONNECTIONS) : ());
	my $polls = $site->polls_path;
	my (@ratio, @by_cpu, @full, @bare);

	phase($_, $polls, WARM_POLLS) for $site, $empty;
	for my $round (1 .. $rounds) {
		my $f = phase($site, $polls, $most);
		my $b = phase($empty, $polls, 1_000_000);
		die "$f->{answers} polls were given $f->{tasks} tasks, not " .
		    "$tasks each\n" if $f->{tasks} != $tasks * $f->{answers};
		push @ratio, $f->{rate} / $b->{rate};
		push @by_cpu, $b->{cpu} / $f->{cpu};
		push @full, $f;
		push @bare, $b;
	}
	my $threads = $site->threads;
	$_->end for $site, $empty;
	my $of = sub { my ($key, $list) = @_; [ map { $_->{$key} } @$list ] };
	return {
		ratios => \@ratio,
		parts => [
			[ 'polls', $of->('rate', \@full), '/s' ],
			[ 'answers of []', $of->('rate', \@bare), '/s' ],
			[ 'the ratio, if CPU time were all: of [] / of a ' .
			    'poll', \@by_cpu ],
			[ 'CPU of worknet-fcgi for a poll',
			    $of->('coordinator', \@full), 'us' ],
			[ 'CPU of the responder that answers []',
			    $of->('coordinator', \@bare), 'us' ],
			[ 'CPU of nginx for a poll', $of->('nginx', \@full),
			    'us' ],
			[ 'CPU of nginx for a []', $of->('nginx', \@bare),
			    'us' ],
			[ 'CPU of the load generator for a poll',
			    $of->('load', \@full), 'us' ],
			$tasks ? ([ 'polls for each sync of the disk',
			    $of->('polls_in_sync', \@full) ],
			    [ 'a sync of the log', $of->('sync_ms', \@full),
			    'ms' ]) : (),
			[ 'threads of worknet-fcgi', $threads ],
			[ 'connections', CONNECTIONS ],
		],
	};
}

1;
