# What a poll costs that is given 3 tasks; also, for comparison, 10.
package Bench::Row::D;

use strict;
use warnings;

use Bench::Polls;

return {
	row => 'D',
	what => 'a poll that is given 3 tasks',
	of => 'polls in a second / answers in a second of a responder that ' .
	    'does nothing',
	better => 'more', must => 0.75,
	measure => sub {
		my ($run) = @_;
		my ($three, $ten) = map { Bench::Polls::measure($run,
		    tasks => $_, polls => 9000 / $_) } 3, 10;
		my ($cpu) = grep { $_->[0] =~ /worknet-fcgi/ }
		    @{ $ten->{parts} };

		push @{ $three->{parts} }, [ 'the ratio with 10 tasks',
		    $ten->{ratios} ], [ "$cpu->[0] with 10", @$cpu[1, 2] ];
		return $three;
	},
};
