# How many posts share a sync of the disk when many come at once.
package Bench::Row::I;

use strict;
use warnings;

use Bench::Site;

use constant { CONNECTIONS => 64, BATCH => 3, POSTS => 1500 };

return {
	row => 'I',
	what => 'group commit: 64 connections post batches of 3',
	of => 'posts credited / syncs of the disk by worknet-fcgi',
	better => 'more', must => 20,
	measure => sub {
		my ($run) = @_;
		my $rounds = $run->choose(3, 9);
		my $site = Bench::Site->new->prepare(batch => BATCH,
		    workers => ($rounds + 1) * POSTS)->serve(syncs => 1);
		my (@ratio, @wal, @other, @ms, @rate);

		for my $round (0 .. $rounds) {
			my $l = $site->load_posts(BATCH, '--count', POSTS,
			    '--seconds', 60, '--connections', CONNECTIONS);
			my $s = $l->{syncs};
			next if $round == 0;
			die "no sync was counted\n" if $s->{wal} == 0;
			push @ratio, POSTS / ($s->{wal} + $s->{other});
			push @wal, $s->{wal};
			push @other, $s->{other};
			push @ms, 1000 * $s->{wal_s} / $s->{wal};
			push @rate, Bench::Site::rate($l);
		}
		my $threads = $site->threads;
		$site->end;
		return {
			ratios => \@ratio,
			parts => [
				[ 'posts in a round', POSTS ],
				[ 'syncs of the log, commits and checkpoints',
				    \@wal ],
				[ 'syncs of the ledger, by checkpoints',
				    \@other ],
				[ 'a sync of the log', \@ms, 'ms' ],
				[ 'posts', \@rate, '/s' ],
				[ 'threads of worknet-fcgi', $threads ],
				[ 'connections', CONNECTIONS ],
			],
		};
	},
};
