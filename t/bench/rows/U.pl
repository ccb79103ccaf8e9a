# Ten thousand workers who are due at once.
use Bench::Payouts;

return {
	row => 'U',
	what => 'a payout run of 10,000 workers, 10 results each',
	of => 'time of 10,000 payouts, 16 at once / the longer one of the ' .
	    "facilitator's time and of all recoveries",
	better => 'less', must => 1.1,
	measure => sub { return Bench::Payouts::measure_crowd($_[0]) },
};
