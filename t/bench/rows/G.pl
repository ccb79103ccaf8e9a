# How long workers wait while the coordinator has half of what it can do.
package Bench::Row::G;

use strict;
use warnings;

use Bench::Site;

use constant { CONNECTIONS => 64, BATCH => 3 };

# A poll for each post, as workers have it; the polls find nothing due.
sub mixed {
	my ($site, @options) = @_;
	my $l = $site->load('--requests', $site->posts, '--cycle',
	    $site->polls_path, '--connections', CONNECTIONS, @options);

	$site->posts_sent($l);
	die "the posts didn't last\n" if $l->{sources}[0]{sent} <
	    0.9 * $l->{answers} / 2;
	return $l;
}

return {
	row => 'G',
	what => 'latency at half of the saturation rate, a poll for each ' .
	    'post of 3',
	measure => sub {
		my ($run) = @_;
		my $rounds = $run->choose(3, 9);
		my $site = Bench::Site->new->prepare(batch => BATCH,
		    workers => 12000 * ($rounds + 1), idle => 3)
		    ->serve(syncs => 1);
		my (%ms, @rate, @sync, @share);

		mixed($site, '--seconds', 1);
		for my $round (1 .. $rounds) {
			my $most = Bench::Site::rate(mixed($site,
			    '--seconds', 1));
			my $l = mixed($site, '--seconds', 3, '--rate',
			    $most / 2);
			my ($post, $poll) = map { $_->{good} }
			    @{ $l->{sources} };
			push @rate, $most;
			push @{ $ms{"post $_"} }, $post->{"${_}_ms"}
			    for qw(p50 p99);
			push @{ $ms{"poll $_"} }, $poll->{"${_}_ms"}
			    for qw(p50 p99);
			push @sync, 1000 * $l->{syncs}{wal_s} /
			    $l->{syncs}{wal};
			push @share, 100 * $sync[-1] / $post->{p50_ms};
		}
		my $threads = $site->threads;
		$site->end;
		return { parts => [
			(map { [ "POST, $_", $ms{"post $_"}, 'ms' ] }
			    qw(p50 p99)),
			(map { [ "GET, $_", $ms{"poll $_"}, 'ms' ] }
			    qw(p50 p99)),
			[ 'a sync of the log, the mean, in the same time',
			    \@sync, 'ms' ],
			[ 'of a POST\'s p50 is one sync', \@share, '%' ],
			[ 'saturation, polls and posts', \@rate, '/s' ],
			[ 'threads of worknet-fcgi', $threads ],
			[ 'connections', CONNECTIONS ],
		] };
	},
};
