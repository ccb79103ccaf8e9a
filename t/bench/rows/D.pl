# What a poll costs that is given 3 tasks; also, for comparison, 10.
use Bench::Polls;

# Enough tasks for every poll, and workers for few polls each.
my %size = (workers => 20000);

return {
	row => 'D',
	what => 'a poll that is given 3 tasks',
	of => 'polls in a second / answers in a second of a responder that ' .
	    'does nothing',
	better => 'more', must => 0.4, aim => 0.6,
	measure => sub {
		my ($run) = @_;
		my $three = Bench::Polls::measure($run, 3, %size, due => 100000);
		my $ten = Bench::Polls::measure($run, 10, %size,
		    due => 200000);
		my ($cpu) = grep { $_->[0] =~ /worknet-fcgi/ }
		    @{ $ten->{parts} };

		push @{ $three->{parts} }, [ 'the ratio with 10 tasks',
		    $ten->{ratios} ], [ "$cpu->[0] with 10", @$cpu[1, 2] ];
		return $three;
	},
};
