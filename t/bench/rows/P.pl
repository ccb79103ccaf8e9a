# How long it takes to pay everybody, when a facilitator takes 100 ms.
use Bench::Payouts;

return {
	row => 'P',
	what => 'a payout of 100 results',
	of => 'time of 1000 payouts, 16 at once / the longer one of the ' .
	    "facilitator's time and of all recoveries",
	better => 'less', must => 1.1,
	measure => sub { return Bench::Payouts::measure($_[0]) },
};
