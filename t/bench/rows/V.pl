# What it costs a buyer to verify a day of a task.
use Bench::Evidence;

return {
	row => 'V',
	what => "verifying a task's day, half of it signed in rounds",
	of => 'CPU of worknet verify beyond that of the signatures, for 10,000 ' .
	    'results / 1 s',
	better => 'less', must => 1,
	measure => sub { return Bench::Evidence::measure_verify($_[0]) },
};
