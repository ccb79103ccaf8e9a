# What it costs to log what a large network does.
use Bench::Evidence;

return {
	row => 'L',
	what => 'the log of 1,000 tasks of three copies every 30 s',
	of => 'CPU of worknet-log, a run every five minutes / 1 % of a core',
	better => 'less', must => 1,
	measure => sub { return Bench::Evidence::measure_log($_[0]) },
};
