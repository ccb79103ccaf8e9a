# Polls in units of what a responder that does nothing can answer.
package Bench::Polls;

use strict;
use warnings;

use Bench::Site;

use constant { CONNECTIONS => 32, SECONDS => 1.2, WARM_SECONDS => 0.5 };

# A coordinator and the empty responder, each behind an nginx of its own.
# Options: workers, idle (see t/bench/prepare), due => tasks that are, tasks =>
# in one answer.
sub sites {
	my (%opt) = @_;
	my $site = Bench::Site->new($opt{tasks} ? (conf => {
	    max_tasks_per_poll => $opt{tasks} }) : ());
	my $empty = Bench::Site::Empty->new;

	$site->prepare(batch => 1, workers => $opt{workers},
	    idle => $opt{idle} // 0);
	$site->tasks_due($opt{due}) if $opt{due};
	$site->serve;
	$empty->serve(threads => $site->threads);
	return ($site, $empty);
}

# One phase: the rate, and CPU in microseconds for a request.
sub phase {
	my ($site, $polls, $seconds) = @_;
	my $l = $site->load('--cycle', $polls, '--seconds', $seconds,
	    '--connections', CONNECTIONS);
	my $n = $l->{answers};

	return { rate => Bench::Site::rate($l), answers => $n,
	    tasks => $l->{sources}[0]{units},
	    map { ($_ => $l->{"${_}_cpu_s"} * 1e6 / $n) }
	    qw(coordinator nginx load) };
}

# Rounds with each answer to have $tasks tasks, in turns with the empty
# responder's. Options: as for sites.
sub measure {
	my ($run, $tasks, %opt) = @_;
	my ($site, $empty) = sites(%opt, $tasks ? (tasks => $tasks) : ());
	my $polls = $site->polls_path;
	my (@ratio, @full, @bare);

	phase($_, $polls, WARM_SECONDS) for $site, $empty;
	for my $round (1 .. $run->choose(5, 15)) {
		my ($f, $b) = map { phase($_, $polls, SECONDS) } $site, $empty;
		die "$f->{answers} polls were given $f->{tasks} tasks, not " .
		    "$tasks each\n" if $f->{tasks} != $tasks * $f->{answers};
		push @ratio, $f->{rate} / $b->{rate};
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
			[ 'threads of each', $threads ],
			[ 'connections', CONNECTIONS ],
		],
	};
}

1;
