# What the pages cost of a network of 1,000 tasks, and those who read them.
package Bench::Row::W;

use strict;
use warnings;

use Bench::Pages;

return {
	row => 'W',
	what => 'the first page of 1,000 tasks and 90 days',
	of => 'CPU of worknet-fcgi for a page that nginx hasn\'t / 5 ms',
	better => 'less', must => 1,
	measure => sub { return Bench::Pages::measure($_[0]) },
};
